#!/usr/bin/env python3
"""Trains the reference models on a GPU in PyTorch and by the program reference_models, from the same weights, and compares the two.

  model_curves_live.py --program build/cuda/train_examples/reference_models [--out docs/images/model_curves_gpu.svg]

Curves: 300 steps with SGD with momentum and with AdamW in float32 without TF32, in TF32 and in bfloat16 (autocast in PyTorch; here a 16-bit
input and float32 parameters); both losses and their relative difference are drawn. At no step may our loss be further from that of a float64
run in PyTorch than FACTOR times PyTorch's own largest distance, or than LOSS_ROUNDING.
Errors: pre-activation, output and the gradient of every parameter in the first step, against float64, as |a - reference| / |reference|, the
median of several draws: one value that rounding takes across a kink of hardtanh outweighs all others in its draw. Ours may be at most FACTOR
times PyTorch's in the same precision, or FLOAT_ROUNDING.
Exit status 1 when anything is beyond its limit.
"""

import argparse
import concurrent.futures
import os
import statistics
import sys
import tempfile

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "fixtures"), os.path.join(HERE, "..", "docs")]

import curve_svg  # noqa: E402
import model_cases  # noqa: E402
import update_page  # noqa: E402
from model_curves import LIMITS, optimizer_flags, run_program  # noqa: E402

FACTOR = 1.5
# No error: half a unit in the last place of float32; for losses, what curves in float32 may differ by anywhere.
FLOAT_ROUNDING, LOSS_ROUNDING = 2.0**-24, LIMITS["float32"]
# name: (PyTorch's dtype, TF32 for products and for convolutions)
PRECISIONS = {"float32": (torch.float32, False), "tf32": (torch.float32, True), "bfloat16": (torch.bfloat16, False)}
SMALL_GROUPS, LARGER_GROUPS = 5, 32
# Channels and features of full size's kind, which the special kernels take.
LARGER = {
    "conv3d_chain": (lambda: model_cases.Conv3dChain(8, 32), (4, 8, 18, 34, 34)),
    "conv_transpose3d_pool": (lambda: model_cases.ConvTranspose3dPool(16, 32), (4, 16, 8, 16, 16)),
    "linear_group_norm": (lambda: model_cases.LinearGroupNorm(1024, 1024, LARGER_GROUPS), (256, 1024)),
    "linear_logsumexp": (lambda: model_cases.LinearLogsumexp(1024, 1024), (256, 1024)),
}
SIZES = {"small": (model_cases.MODELS, SMALL_GROUPS), "larger": (LARGER, LARGER_GROUPS)}
# Seed and scale of the input of each draw: what one scale hides, another shows.
DRAWS = {"small": [(0, 1.0), (1, 1.0), (2, 1.0), (3, 0.25), (4, 4.0)], "larger": [(0, 1.0), (1, 0.25), (2, 4.0)]}


class Table:
    """A Markdown table that is printed as it grows."""

    def __init__(self, *header):
        self.lines = []
        self.add(*header)
        self._print("|" + "---|" * len(header))

    def add(self, *cells):
        self._print("| " + " | ".join(cells) + " |")

    def _print(self, line):
        self.lines.append(line)
        print(line, flush=True)


def set_switches(tf32):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32


def program_flags(arguments, model, precision, groups):
    dtype, tf32 = PRECISIONS[precision]
    flags = ["--model", model, arguments.form, "--device", arguments.device, "--dtype", str(dtype).removeprefix("torch.")]
    return flags + ["--tf32", "on" if tf32 else "off", "--groups", str(groups)]


def run_in_folder(program, tensors, flags):
    """Each run has a folder of its own, so that several can run at once."""
    with tempfile.TemporaryDirectory() as folder:
        return run_program(program, tensors, flags, folder)


def start_program(pool, arguments, state, x, target, flags):
    """What the program will have saved. The tensors are made by the caller: random draws know no threads."""
    return pool.submit(run_in_folder, arguments.program, {**state, "input": x, "target": target}, flags)


# --- curves ---


def start_training(pool, arguments, model, precision, optimizer):
    flags = program_flags(arguments, model, precision, SMALL_GROUPS) + optimizer_flags(*model_cases.OPTIMIZERS[optimizer])
    flags += ["--steps", str(model_cases.STEPS)]
    return start_program(pool, arguments, *model_cases.make_case(model, *model_cases.MODELS[model]), flags)


def their_losses(arguments, model, optimizer, dtype):
    make, shape = model_cases.MODELS[model]
    state, x, target = model_cases.make_case(model, make, shape)
    return model_cases.train(make, state, x, target, optimizer, dtype, arguments.device).tolist()


def largest_distance(losses, reference):
    return max(curve_svg.Panel("", reference, losses, 0).differences())


def compare_curves(arguments, pool):
    cases = [(m, p, o) for m in model_cases.MODELS for o in model_cases.OPTIMIZERS for p in arguments.precisions]
    running = [start_training(pool, arguments, *case) for case in cases]
    panels, failures = [], 0
    table = Table("case", "first loss", "last, PyTorch", "last, fusegrad", "difference", "PyTorch from float64", "fusegrad from float64", "")
    for (model, precision, optimizer), ours in zip(cases, running):
        set_switches(False)
        reference = their_losses(arguments, model, optimizer, torch.float64)
        dtype, tf32 = PRECISIONS[precision]
        set_switches(tf32)
        theirs, ours = their_losses(arguments, model, optimizer, dtype), ours.result()["loss"].tolist()
        distances = [largest_distance(losses, reference) for losses in (theirs, ours)]
        limit = max(FACTOR * distances[0], LOSS_ROUNDING)
        good = len(ours) == model_cases.STEPS and distances[1] <= limit
        failures += not good
        panel = curve_svg.Panel(f"{model} {optimizer} {precision}", theirs, ours, limit)
        panels.append(panel)
        cells = [f"{model} {optimizer} {precision}", f"{theirs[0]:.6g}", f"{theirs[-1]:.6g}", f"{ours[-1]:.6g}"]
        cells += [f"{max(panel.differences()):.1e}", *(f"{d:.1e}" for d in distances), "" if good else "**too far**"]
        table.add(*cells)
    heading = f"{model_cases.STEPS} training steps on a GPU from the same weights, PyTorch {torch.__version__} and fusegrad"
    curve_svg.write(arguments.out, heading, panels, columns=2 * len(arguments.precisions))
    return failures, table.lines


# --- errors of the first step ---


def draw(model, size, seed, scale):
    make, shape = SIZES[size][0][model]
    state, x, target = model_cases.make_case(model, make, shape, seed)
    return make, state, scale * x, target


def start_step(pool, arguments, model, precision, size, seed, scale):
    _, *tensors = draw(model, size, seed, scale)
    flags = program_flags(arguments, model, precision, SIZES[size][1]) + ["--steps", "1", "--lr", "0"]
    return start_program(pool, arguments, *tensors, flags)


def is_compared(name):
    return name in ("output", "pre_activation") or name.startswith("grad.")


def at_the_maxima(module, z):
    """z where each window of the pool has its maximum, which is all that a pooled stage may keep."""
    slope = torch.nn.functional.leaky_relu
    tail = slope(slope(z, 0.2) * module.multiplier.detach(), 0.2)
    _, where = torch.nn.functional.max_pool3d(tail, 2, return_indices=True)
    return z.flatten(2).gather(2, where.flatten(2)).view(where.shape)


def their_tensors(arguments, model, dtype, size, seed, scale):
    make, state, x, target = draw(model, size, seed, scale)
    module, result = make(), {}
    module.load_state_dict(state)
    module.to(arguments.device, torch.float64 if dtype == torch.float64 else torch.float32)
    producer = next(module.children())

    def keep(_, __, z):
        result["pre_activation"] = z.detach()
        if isinstance(module, model_cases.ConvTranspose3dPool):
            result["pre_activation at the maxima"] = at_the_maxima(module, z.detach())

    producer.register_forward_hook(keep)
    loss, y = model_cases.loss_and_output(module, x.to(arguments.device), target.to(arguments.device), dtype)
    loss.backward()
    result["output"] = y.detach()
    result |= {"grad." + name: parameter.grad for name, parameter in module.named_parameters()}
    return result


def relative_error(tensor, reference):
    tensor, reference = tensor.double().cpu(), reference.cpu()
    if tensor.shape != reference.shape:
        raise ValueError(f"shape {tuple(tensor.shape)}, expected {tuple(reference.shape)}")
    return float((tensor - reference).norm() / reference.norm())


def errors_of(arguments, model, precision, size, ours):
    """{tensor: (PyTorch's error, ours)}, over all draws."""
    dtype, tf32 = PRECISIONS[precision]
    pairs = {}
    for (seed, scale), saved in zip(DRAWS[size], ours):
        set_switches(False)
        reference = their_tensors(arguments, model, torch.float64, size, seed, scale)
        set_switches(tf32)
        theirs = their_tensors(arguments, model, dtype, size, seed, scale)
        saved = {name: tensor for name, tensor in saved.result().items() if is_compared(name)}
        if "pre_activation" in saved and saved["pre_activation"].shape != reference["pre_activation"].shape:
            saved["pre_activation at the maxima"] = saved.pop("pre_activation")
        missing = {name for name in reference if not name.startswith("pre_activation")} - set(saved)
        if missing:
            raise ValueError(f"{model}: the program saved no {', '.join(sorted(missing))}")
        for name in sorted(saved):
            both = [relative_error(side[name], reference[name]) for side in (theirs, saved)]
            pairs.setdefault(name, []).append(both)
    return {name: [statistics.median(side) for side in zip(*values)] for name, values in pairs.items()}


def compare_errors(arguments, pool):
    cases = [(m, p, s) for m in model_cases.MODELS for s in arguments.sizes for p in arguments.precisions]
    running = [[start_step(pool, arguments, *case, *drawn) for drawn in DRAWS[case[2]]] for case in cases]
    header = ["model", "precision", "size", "tensor", "PyTorch's error", "fusegrad's", "ratio", ""]
    failures, rows = 0, []
    print()
    table = Table(*header)
    for case, ours in zip(cases, running):
        for name, (theirs, mine) in errors_of(arguments, *case, ours).items():
            good = mine <= max(FACTOR * theirs, FLOAT_ROUNDING)
            failures += not good
            ratio = mine / theirs if theirs > 0 else 0.0
            cells = [*case, name, f"{theirs:.2e}", f"{mine:.2e}", f"{ratio:.2f}", "" if good else "**too large**"]
            table.add(*cells)
            rows.append((case, good, ratio, cells))
    print("\nThe tensor of the largest ratio:\n")
    summary = Table(*header)
    for case in cases:
        summary.add(*min((row for row in rows if row[0] == case), key=lambda row: (row[1], -row[2]))[3])
    return failures, summary.lines


def describe(arguments):
    """What ran, and with which switches on both sides."""
    lines = []
    if arguments.device == "cuda":
        versions = f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
        lines.append(f"- {torch.cuda.get_device_name()}, {versions}; the program in its {arguments.form.removeprefix('--')} form")
    for precision in arguments.precisions:
        dtype, tf32 = PRECISIONS[precision]
        lines.append(f"- {precision}: {dtype}, TF32 of products and of convolutions {'on' if tf32 else 'off'} on both sides")
    return lines


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the program reference_models")
    parser.add_argument("--form", default="--fused", choices=["--fused", "--composed"])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=list(PRECISIONS))
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=list(SIZES), help="of the errors")
    parser.add_argument("--only", choices=["curves", "errors"], help="one of the two")
    parser.add_argument("--jobs", type=int, default=4, help="programs that run at once")
    parser.add_argument("--page", help="docs/loss_curves.md: writes the tables there, too")
    parser.add_argument("--out", default=os.path.join(HERE, "..", "docs", "images", "model_curves_gpu.svg"))
    return parser.parse_args()


def main():
    arguments = parse()
    sections = {"machine": describe(arguments)}
    print("\n".join(sections["machine"]), end="\n\n")
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        if arguments.only != "errors":
            beyond, sections["curves"] = compare_curves(arguments, pool)
            failures += beyond
        if arguments.only != "curves":
            beyond, sections["errors"] = compare_errors(arguments, pool)
            failures += beyond
    print(f"\n{failures} beyond their limits" if failures else "\nall within their limits")
    for name, lines in sections.items() if arguments.page else ():
        update_page.replace_section(arguments.page, name, "\n".join(lines))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
