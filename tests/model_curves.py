#!/usr/bin/env python3
"""Draws the 300-step loss curves of the reference models: PyTorch's from the fixtures, ours from the program reference_models.

  model_curves.py --program build/release/train_examples/reference_models [--out docs/images/model_curves.svg]

Each case's weights, input and target go to the program as --load; its --save gives our losses. Exit status 1 when a curve leaves
PyTorch's by more than 1e-4 (float32) or 1e-10 (float64), relative, at any step.
"""

import argparse
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "fixtures")]

import curve_svg  # noqa: E402
from fixture_file import FixtureFile  # noqa: E402

LIMITS = {"float32": 1e-4, "float64": 1e-10}


def run_program(program, tensors, flags, folder):
    """What the program saves when it starts from these parameters, input and target."""
    source, result = FixtureFile(), os.path.join(folder, "result.safetensors")
    for name, tensor in tensors.items():
        source.add(name, tensor)
    source.save(os.path.join(folder, "source.safetensors"))
    command = [program, *flags, "--load", os.path.join(folder, "source.safetensors"), "--save", result]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return FixtureFile.load(result).tensors


def optimizer_flags(kind, arguments):
    return ["--optimizer", kind.lower(), *(f"--{key.replace('_', '-')}={value}" for key, value in arguments.items())]


def our_losses(program, file, case, form, folder):
    options = file.cases[case]
    prefix, tensors = options["model"] + "/", {}
    for name, tensor in file.tensors.items():
        if name.startswith(prefix):
            tensors[name[len(prefix) :].removeprefix("param.")] = tensor
    flags = ["--model", options["model"], form, "--dtype", options["dtype"]]
    flags += optimizer_flags(options["optimizer"], options["args"]) + ["--steps", str(len(file.tensors[case + "/losses"]))]
    if options["model"] == "linear_group_norm":
        flags += ["--groups", "5"]
    return run_program(program, tensors, flags, folder)["loss"].tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--form", default="--fused", choices=["--fused", "--composed"])
    parser.add_argument("--out", default=os.path.join(HERE, "..", "docs", "images", "model_curves.svg"))
    arguments = parser.parse_args()
    file = FixtureFile.load(os.path.join(HERE, "fixtures", "models.safetensors"))
    panels, failures = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for case, options in file.cases.items():
            if "optimizer" not in options:
                continue
            ours = our_losses(arguments.program, file, case, arguments.form, folder)
            theirs = file.tensors[case + "/losses"].tolist()
            panel = curve_svg.Panel(case, theirs, ours, LIMITS[options["dtype"]])
            worst = max(panel.differences())
            failures += not worst <= panel.limit
            print(f"| {case} | {theirs[0]:.6g} | {theirs[-1]:.6g} | {ours[-1]:.6g} | {worst:.1e} |")
            panels.append(panel)
    curve_svg.write(arguments.out, "300 training steps of the reference models from the same weights", panels, columns=4)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
