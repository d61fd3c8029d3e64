#!/usr/bin/env python3
"""Times training steps of the reference models in PyTorch and here, on one GPU in one go, and prints both side by side.

  compare.py --program build/cuda/fusegrad_model_bench [--out runs/models] [--models A,B] [--precisions fp32,tf32,bf16] ...

Writes <out>/pytorch.json and <out>/fusegrad.json. `--pytorch FILE` and `--fusegrad FILE` take an earlier run's results in place of running
that side again; the output says so.
"""

import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "..", "docs"))

import tables  # noqa: E402
import update_page  # noqa: E402


def result_of(name, earlier, command, arguments, flags):
    """The JSON of a side: run it, or read what an earlier run left."""
    path = earlier or os.path.join(arguments.out, name + ".json")
    if earlier:
        print(f"{name}: NOT measured in this run; taken from {earlier}")
    else:
        for flag in flags:
            value = getattr(arguments, flag)
            command += [] if value is None else ["--" + flag, str(value)]
        status = subprocess.run(command + ["--out", path]).returncode
        if status != 0:
            sys.exit(f"compare: {command[0]} ended with {status}")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def selected(result, arguments):
    """An earlier run may hold more than is asked for."""
    chosen = {"model": arguments.models, "precision": arguments.precisions}
    kept = [row for row in result["rows"] if all(names is None or row[key] in names.split(",") for key, names in chosen.items())]
    return {**result, "rows": kept}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="fusegrad_model_bench")
    parser.add_argument("--out", default="runs/models", help="folder of the results")
    parser.add_argument("--pytorch", metavar="FILE", help="an earlier run's pytorch.json")
    parser.add_argument("--fusegrad", metavar="FILE", help="an earlier run's fusegrad.json")
    parser.add_argument("--models", help="names, with commas between them")
    parser.add_argument("--precisions", help="of fp32, tf32, bf16")
    parser.add_argument("--modes", help="PyTorch's, see pytorch.py")
    parser.add_argument("--forms", help="ours: fused, composed, and either with +graph")
    parser.add_argument("--samples", type=int, default=50, help="steps whose median counts")
    parser.add_argument("--limit", type=float, help="seconds after which PyTorch's side begins nothing new")
    parser.add_argument("--page", metavar="FILE", help="docs/performance.md: writes the tables there, too")
    parser.add_argument("--size", choices=["full", "small"], default="full")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    common = ["models", "precisions", "samples", "size"]
    pytorch = [sys.executable, os.path.join(HERE, "pytorch.py")]
    theirs = selected(result_of("pytorch", arguments.pytorch, pytorch, arguments, common + ["modes", "limit"]), arguments)
    ours = selected(result_of("fusegrad", arguments.fusegrad, [arguments.program], arguments, common + ["forms"]), arguments)
    is_full = arguments.size == "full"
    sections = {
        "machine": tables.machines(theirs, ours),
        "modes": tables.modes(theirs, ours),
        "phases": tables.phases(ours, is_full),
        "steps": tables.steps(theirs, ours, is_full),
    }
    for name, text in sections.items():
        print(text, end="\n\n")
        if arguments.page:
            update_page.replace_section(arguments.page, name, text)
    failures = tables.failures(theirs, ours)
    if failures:
        sys.exit(failures)


if __name__ == "__main__":
    main()
