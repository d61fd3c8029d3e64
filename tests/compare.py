#!/usr/bin/env python3
"""Trains the nets of the loss-curve fixtures live in PyTorch and in fusegrad, and compares the curves.

  compare.py --program build/release/compare_curves [--out runs/compare] [CASE ...]

Writes <out>/compare.svg (both curves and their relative difference for every case) and <out>/<case>.jsonl. Exit status: 0 when at the last
step every relative difference is within 1e-4 (float32) or 1e-10 (float64), 1 when one is not, 2 when something is missing.

The program's interface: `compare_curves --fixtures FILE --case NAME --out FILE.jsonl` reads the net, its initial weights, data,
batches and optimizer from the fixture file (tests/fixtures/curve_cases.py says what is in it; /losses it must not read), trains, and
writes one line {"step": i, "loss": x} per step, i from 0, x the loss before that step with all its digits.
"""

import argparse
import json
import math
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "fixtures")]

LIMITS = {"float32": 1e-4, "float64": 1e-10}


def fail(message):
    print(f"compare: {message}", file=sys.stderr)
    sys.exit(2)


try:
    import torch
except ImportError:
    fail(f"{sys.executable} has no PyTorch (Debian: python3-torch; or set PYTHON to an interpreter that has one)")

import curve_nets  # noqa: E402
import curve_svg  # noqa: E402
from fixture_file import FixtureFile  # noqa: E402


def losses_of_pytorch(file, case):
    options = file.cases[case]
    net = options["net"]
    state, tensors = {}, {}
    for name, tensor in file.tensors.items():
        owner, _, key = name.partition("/")
        if owner == net:
            if key.startswith("param."):
                state[key[len("param.") :]] = tensor
            else:
                tensors[key] = tensor
    optimizer = next(key for key, (kind, _) in curve_nets.OPTIMIZERS.items() if kind == options["optimizer"])
    return curve_nets.train(net, state, tensors, optimizer, getattr(torch, options["dtype"])).tolist()


def losses_of_program(program, fixtures, case, path):
    result = subprocess.run(
        [program, "--fixtures", fixtures, "--case", case, "--out", path], capture_output=True, text=True
    )
    if result.returncode != 0:
        fail(f"{program} --case {case} ended with {result.returncode}: {result.stderr.strip()}")
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    if [row["step"] for row in rows] != list(range(curve_nets.STEPS)):
        fail(f"{path} must hold steps 0 to {curve_nets.STEPS - 1} in order, it holds {len(rows)} lines")
    return [float(row["loss"]) for row in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the compare_curves program")
    parser.add_argument("--fixtures", default=os.path.join(HERE, "fixtures", "curves.safetensors"))
    parser.add_argument("--out", default="runs/compare", help="folder for the picture and the logs")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all of them")
    arguments = parser.parse_args()
    for path in (arguments.program, arguments.fixtures):
        if not os.path.exists(path):
            fail(f"{path} does not exist")
    file = FixtureFile.load(arguments.fixtures)
    known = [case for case, options in file.cases.items() if "optimizer" in options]
    unknown = [case for case in arguments.cases if case not in known]
    if unknown:
        fail(f"unknown case {unknown[0]!r}; the cases are {', '.join(known)}")
    os.makedirs(arguments.out, exist_ok=True)
    torch.set_num_threads(1)

    panels, failures = [], 0
    for case in arguments.cases or known:
        log = os.path.join(arguments.out, case + ".jsonl")
        ours = losses_of_program(os.path.abspath(arguments.program), arguments.fixtures, case, log)
        panel = curve_svg.Panel(case, losses_of_pytorch(file, case), ours, LIMITS[file.cases[case]["dtype"]])
        last = panel.differences()[-1]
        good = math.isfinite(last) and last <= panel.limit
        failures += not good
        print(
            f"{'ok  ' if good else 'FAIL'} {case:28s} loss {panel.theirs[-1]:.6g} / {ours[-1]:.6g}  difference {last:.2e} (limit {panel.limit:g})"
        )
        panels.append(panel)
    picture = os.path.join(arguments.out, "compare.svg")
    heading = f"{curve_nets.STEPS} training steps: fusegrad and PyTorch {torch.__version__} from the same weights"
    curve_svg.write(picture, heading, panels, columns=min(6, len(panels)))
    print(f"{len(panels) - failures} of {len(panels)} curves agree; both are drawn in {picture}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
