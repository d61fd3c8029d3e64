#!/usr/bin/env python3
"""PyTorch's training steps of the reference models, timed on one GPU.

  pytorch.py --out runs/pytorch.json [--models A,B] [--precisions fp32,tf32,bf16] [--modes eager,compile,...] [--limit SECONDS]

A step is the forward pass, the mean squared error against a fixed target, the backward pass to all parameters but not to the input, and
fused AdamW. bf16 is autocast over float32 parameters with an input in bfloat16. Each figure is the median of single steps between two events;
before each step a buffer larger than the L2 cache is read. `NAME+graph` is the whole measured phase captured in one CUDA graph.
The file is written again after each row, so that a run cut short leaves what it has.
"""

import argparse
import contextlib
import datetime
import gc
import itertools
import json
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "fixtures"))

from model_cases import FULL, MODELS  # noqa: E402

PRECISIONS = ("fp32", "tf32", "bf16")
# With the whole step captured, compilation must not capture graphs of its own.
COMPILATIONS = {
    "eager": (None, None),
    "compile": ("default", "default"),
    "max-autotune": ("max-autotune", "max-autotune-no-cudagraphs"),
    "compile-loss": ("default", "default"),
}
# The likely best one first. In compile-loss the compiled function has the loss in it, in its forward phase, too.
MODES = ("compile+graph", "compile", "eager+graph", "eager", "compile-loss+graph", "max-autotune+graph", "max-autotune")
L2_FLUSH_BYTES = 256 << 20
LEARNING_RATE = 1e-4


def set_switches(precision):
    """TF32 for products and for convolutions, both; cuDNN measures its algorithms."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True


def switches(precision):
    set_switches(precision)
    return {
        "tf32_products": torch.backends.cuda.matmul.allow_tf32,
        "tf32_convolutions": torch.backends.cudnn.allow_tf32,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "autocast": "bfloat16" if precision == "bf16" else "off",
    }


def machine():
    on_gpu = torch.cuda.is_available()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "pytorch": torch.__version__,
        "gpu": torch.cuda.get_device_name() if on_gpu else "none",
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "switches": {precision: switches(precision) for precision in PRECISIONS},
    }


class Training:
    """One model at one precision, its data and its optimizer, and the three phases that are timed."""

    def __init__(self, name, size, precision, device):
        set_switches(precision)
        torch.manual_seed(0)
        make, shape = (FULL if size == "full" else MODELS)[name]
        self.device, self.autocast = device, precision == "bf16"
        self.model = make().to(device)
        self.x = torch.rand(shape, device=device, dtype=torch.bfloat16 if self.autocast else torch.float32)
        with torch.no_grad():
            self.target = torch.randn_like(self.model(self.x.float()))
        on_gpu = device == "cuda"
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=LEARNING_RATE, fused=True, capturable=on_gpu)

    def use(self, mode, with_loss):
        def compiled(function):
            return torch.compile(function, mode=mode, dynamic=False) if mode else function

        self.result = compiled(self._loss if with_loss else self.model)
        self.loss_of = (lambda result: result) if with_loss else self._mean_squared_error

    def _mean_squared_error(self, y):
        return F.mse_loss(y.float(), self.target)

    def _loss(self, x):
        return self._mean_squared_error(self.model(x))

    def forward(self):
        # The cache of converted weights would keep a captured graph's memory; each weight is used once anyway.
        with torch.autocast(self.device, torch.bfloat16, enabled=self.autocast, cache_enabled=False):
            return self.result(self.x)

    def forward_backward(self):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss_of(self.forward()).backward()

    def step(self):
        self.forward_backward()
        self.optimizer.step()


class GpuTimer:
    def __init__(self):
        self.buffer = torch.ones(L2_FLUSH_BYTES // 4, device="cuda")
        self.sum = torch.empty((), device="cuda")

    def median_ms(self, body, samples):
        for _ in range(3):
            body()
        pairs = []
        for _ in range(samples):
            torch.sum(self.buffer, dim=0, out=self.sum)
            pair = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
            pair[0].record()
            body()
            pair[1].record()
            pairs.append(pair)
        torch.cuda.synchronize()
        return statistics.median(start.elapsed_time(end) for start, end in pairs)

    @contextlib.contextmanager
    def peak_mebibytes(self, row):
        """Of what runs inside, without what lay there before: the buffer, and what earlier rows have left."""
        before = torch.cuda.memory_allocated()
        yield
        torch.cuda.synchronize()
        row["peak_mib"] = (torch.cuda.max_memory_allocated() - before) / 2**20

    def forget_peak(self):
        """Leaves out what was needed once, such as for measuring algorithms."""
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()


class CpuTimer:
    """Lets the program be tried where there is no GPU."""

    def median_ms(self, body, samples):
        times = []
        for _ in range(samples):
            start = time.perf_counter()
            body()
            times.append(1e3 * (time.perf_counter() - start))
        return statistics.median(times)

    @contextlib.contextmanager
    def peak_mebibytes(self, row):
        row["peak_mib"] = 0.0
        yield

    def forget_peak(self):
        pass


def captured(body):
    """`body` as one CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            body()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        body()
    return graph.replay


def marked(body):
    """Tells the graphs that max-autotune captures by itself that an iteration begins."""

    def run():
        torch.compiler.cudagraph_mark_step_begin()
        body()

    return run


def measure(make_training, mode, timer, samples):
    """The row of one mode. Its peak memory is that of whole steps from the model on, with what capturing them takes."""
    base, _, graph = mode.partition("+")
    wrap = captured if graph else marked if base == "max-autotune" else lambda body: body
    row = {}
    # The step comes first: what other phases have captured would count in its peak.
    with timer.peak_mebibytes(row):
        training = make_training()
        training.use(COMPILATIONS[base][bool(graph)], with_loss=base == "compile-loss")
        training.step()  # compiles, and makes the optimizer's state
        timer.forget_peak()
        row["step_ms"] = timer.median_ms(wrap(training.step), samples)
    for phase in ("forward", "forward_backward"):
        training.optimizer.zero_grad(set_to_none=True)
        row[phase + "_ms"] = timer.median_ms(wrap(getattr(training, phase)), samples)
    return row


def release():
    torch._dynamo.reset()
    gc.collect()
    if torch.cuda.is_available():
        torch._C._cuda_clearCublasWorkspaces()  # one for each stream that a graph was captured on
        torch.cuda.empty_cache()


class Results:
    def __init__(self, path):
        self.path, self.content = path, {"machine": machine(), "rows": []}

    def add(self, row):
        self.content["rows"].append(row)
        with open(self.path + ".part", "w", encoding="utf-8") as file:
            json.dump(self.content, file, indent=1)
        os.replace(self.path + ".part", self.path)


def report(row, seconds):
    if "error" in row:
        figures = "failed: " + row["error"]
    else:
        figures = "  ".join(f"{key} {row[key]:.4f}" for key in row if key.endswith("_ms"))
        figures += f"  peak {row['peak_mib']:.0f} MiB"
    print(f"[{seconds:4.0f} s] {row['model']:22s} {row['precision']} {row['mode']:19s} {figures}", flush=True)


def plan(arguments):
    """What to measure: one mode for all models and precisions, then the next, and a mode's graph beside it."""
    for base in dict.fromkeys(mode.partition("+")[0] for mode in arguments.modes):
        modes = [mode for mode in arguments.modes if mode.partition("+")[0] == base]
        yield from itertools.product(arguments.models, arguments.precisions, modes)


def run(arguments):
    start = time.monotonic()
    timer = GpuTimer() if arguments.device == "cuda" else CpuTimer()
    results = Results(arguments.out)
    for model, precision, mode in plan(arguments):
        if time.monotonic() - start > arguments.limit:
            print(f"stopped after {arguments.limit:.0f} s, before {model} {precision} {mode}", flush=True)
            return
        row = {"model": model, "precision": precision, "mode": mode}
        try:
            row |= measure(lambda: Training(model, arguments.size, precision, arguments.device), mode, timer, arguments.samples)
        except Exception as error:  # one mode that fails must not cost the others
            row["error"] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        release()
        results.add(row)
        report(row, time.monotonic() - start)


def choice(names):
    def parse(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(names)}")
        return chosen

    return parse


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="the JSON file")
    parser.add_argument("--models", type=choice(list(FULL)), default=list(FULL))
    parser.add_argument("--precisions", type=choice(PRECISIONS), default=list(PRECISIONS))
    parser.add_argument("--modes", type=choice(MODES), default=list(MODES), help="any of " + ", ".join(MODES))
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--limit", type=float, default=3600, help="starts no further row after so many seconds")
    parser.add_argument("--size", choices=["full", "small"], default="full")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
