#!/usr/bin/env python3
"""Times whole training steps (forward, loss, backward, AdamW) in PyTorch and here, on the CPU and in turns, and prints both.

  compare.py --program build/release/fusegrad_step_bench [--nets mlp,cnn] [--threads 2] [--rounds 9] [--out runs/steps/cpu.json]

Both sides are float32, use the same number of threads and start from the same weights and data, which their first two losses prove. In
each round every mode of PyTorch and every form of ours runs for --seconds, one after the other while the rest waits; a round's figure is the
median of its steps. `ratio` is the median over rounds of PyTorch's best mode over ours, in brackets its quartiles.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "..", "docs"))

import update_page  # noqa: E402

# The least ratio, on two threads. A reference model's larger size has none.
BARS = {"mlp": 1.5, "cnn": 1.5, "char_gpt": 1.0, "resnet18": 1.0, "small": 2.0}
REFERENCE_MODELS = ("conv3d_chain", "conv_transpose3d_pool", "linear_group_norm", "linear_logsumexp")
NETS = ["mlp", "cnn", "char_gpt:8", "char_gpt:64", "resnet18:32"]
NETS += [model + "/small" for model in REFERENCE_MODELS]
NETS += ["conv3d_chain:4", "conv_transpose3d_pool:4", "linear_group_norm:128", "linear_logsumexp:128"]


class Side:
    """One of the two programs, waiting for commands."""

    def __init__(self, name, command, threads):
        self.name = name
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"compare: {self.name} ended with {self.process.wait()}")
        answer = json.loads(line)
        if answer and "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


def bar_of(net):
    name, _, size = net.partition("/")
    return BARS.get(size or name.partition(":")[0])


def prepared(net, sides_and_modes):
    """Those that can run the net, with steps per second as their first steps show, and the losses of each."""
    ready, losses, failures = [], {}, {}
    for side, mode in sides_and_modes:
        try:
            losses[f"{side.name} {mode}"] = side.ask("prepare", net, mode)["losses"]
            ms = statistics.median(side.ask("time", net, mode, 3)["ms"])
            ready.append((side, mode, ms))
        except RuntimeError as error:
            failures[f"{side.name} {mode}"] = str(error)
    return ready, losses, failures


def same_losses(losses):
    """Both steps' losses of all modes agree, to what summation in another order leaves of them."""
    return all(max(each) - min(each) <= 2e-3 * max(map(abs, each)) + 1e-6 for each in zip(*losses.values()))


def measure(net, sides_and_modes, rounds, seconds):
    ready, losses, failures = prepared(net, sides_and_modes)
    ms = {(side.name, mode): [] for side, mode, _ in ready}
    for _ in range(rounds):
        for side, mode, estimate in ready:
            steps = max(1, round(1e3 * seconds / estimate))
            ms[side.name, mode].append(statistics.median(side.ask("time", net, mode, steps)["ms"]))
    for side in {side for side, _ in sides_and_modes}:
        side.ask("release")
    for name, failure in failures.items():
        print(f"{net} {name} failed: {failure}", file=sys.stderr)
    row = {"net": net, "bar": bar_of(net), "losses": losses, "same_losses": same_losses(losses), "failures": failures}
    row["ms"] = {f"{side} {mode}": times for (side, mode), times in ms.items()}

    def best(name):
        return min((times for (side, _), times in ms.items() if side == name), key=statistics.median)

    row["pytorch_ms"], row["fusegrad_ms"] = statistics.median(best("pytorch")), statistics.median(best("fusegrad"))
    ratios = [theirs / ours for theirs, ours in zip(best("pytorch"), best("fusegrad"))]
    row["ratio"] = statistics.median(ratios)
    row["quartiles"] = statistics.quantiles(ratios, n=4)[::2] if len(ratios) > 1 else ratios * 2
    return row


def shown(row):
    """A row of the Markdown table."""
    medians = {name: statistics.median(times) for name, times in row["ms"].items()}

    def of(side):
        return ", ".join(f"{name.split()[1]} {ms:.3f}" for name, ms in medians.items() if name.startswith(side))

    low, high = row["quartiles"]
    bar = row["bar"]
    reached = "" if bar is None else "yes" if row["ratio"] >= bar else "**no**"
    cells = [row["net"], of("pytorch"), of("fusegrad"), f"{row['ratio']:.2f} ({low:.2f} to {high:.2f})", f"{bar or '-'}", reached]
    return "| " + " | ".join(cells) + " |"


def described(result):
    """What it was measured on, in one line."""
    pytorch, fusegrad = result["pytorch"], result["fusegrad"]
    return (
        f"{result['date']}, {result['cpu']}, {result['cores']} cores, {pytorch['threads']} and {fusegrad['threads']} threads; PyTorch {pytorch['pytorch']} "
        f"({pytorch['libraries']}, {pytorch['cpu']}), fusegrad built by g++ {fusegrad['compiler']}"
    )


HEADER = "| net | PyTorch, ms | fusegrad, ms | ratio | bar | at the bar |\n|---|---|---|---|---|---|"


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return models[0] if models else platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="fusegrad_step_bench")
    parser.add_argument("--out", default="runs/steps/cpu.json", help="the JSON file")
    parser.add_argument("--page", metavar="FILE", help="docs/performance.md: writes the table there, too")
    parser.add_argument("--nets", default=",".join(NETS), help="default: %(default)s; the number is the batch")
    parser.add_argument("--modes", default="eager,channels_last,compile", help="PyTorch's: these and max-autotune; channels_last for nets of images")
    parser.add_argument("--forms", default="fused,composed", help="ours, of the reference models; other nets have one")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a mode in a round, but at least one step")
    arguments = parser.parse_args()
    sides = [
        Side("pytorch", [sys.executable, os.path.join(HERE, "pytorch.py")], arguments.threads),
        Side("fusegrad", [arguments.program], arguments.threads),
    ]
    result = {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "cpu": cpu_model(), "cores": os.cpu_count()}
    result |= {side.name: side.ask("machine") for side in sides}
    result["rows"] = []
    print(described(result), HEADER, sep="\n\n", flush=True)
    os.makedirs(os.path.dirname(arguments.out) or ".", exist_ok=True)
    for net in arguments.nets.split(","):
        forms = arguments.forms.split(",") if net.startswith(REFERENCE_MODELS) else ["plain"]
        theirs = [mode for mode in arguments.modes.split(",") if mode != "channels_last" or net.startswith(("cnn", "resnet18"))]
        modes = [(sides[0], mode) for mode in theirs] + [(sides[1], form) for form in forms]
        result["rows"].append(measure(net, modes, arguments.rounds, arguments.seconds))
        print(shown(result["rows"][-1]), flush=True)
        with open(arguments.out, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
    if arguments.page:
        table = "\n".join([HEADER, *map(shown, result["rows"])])
        update_page.replace_section(arguments.page, "cpu-steps", described(result) + "\n\n" + table)
    different = [row["net"] for row in result["rows"] if not row["same_losses"]]
    if different:
        sys.exit("compare: the first losses differ in " + ", ".join(different))


if __name__ == "__main__":
    main()
