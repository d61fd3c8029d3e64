"""The benchmark's results as Markdown tables."""

import floors

# The least ratio of PyTorch's best step over ours on an H200, same precision on both sides.
BARS = {
    "conv3d_chain": {"fp32": 3.0, "tf32": 2.5, "bf16": 2.0},
    "conv_transpose3d_pool": {"fp32": 3.0, "tf32": 2.0, "bf16": 2.0},
    "linear_group_norm": {"fp32": 1.05, "tf32": 1.3, "bf16": 1.35},
    "linear_logsumexp": {"fp32": 1.05, "tf32": 1.15, "bf16": 1.2},
}
PHASES = ("forward", "loss", "loss_backward", "backward", "optimizer")


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def number(value, digits=3):
    return "-" if value is None else f"{value:.{digits}f}"


def cases(*results):
    """(model, precision) in the order of their first row."""
    rows = [row for result in results for row in result["rows"]]
    return list(dict.fromkeys((row["model"], row["precision"]) for row in rows))


def rows_of(result, case):
    return [row for row in result["rows"] if (row["model"], row["precision"]) == case and "error" not in row]


def machines(theirs, ours):
    """A list: what each side ran on, and its switches in each precision."""
    lines = []
    for name, result in (("PyTorch", theirs), ("fusegrad", ours)):
        facts = {key: value for key, value in result["machine"].items() if not isinstance(value, dict)}
        rates = result["machine"].get("product_tflop_per_s", {})
        facts |= {f"products in {precision}": f"{rate:.0f} TFLOP/s" for precision, rate in rates.items()}
        lines.append(f"- {name}: " + ", ".join(f"{key} {shown(value)}" for key, value in facts.items()))
        for precision, switches in result["machine"]["switches"].items():
            lines.append(f"  - {precision}: " + ", ".join(f"{key} {shown(value)}" for key, value in switches.items()))
    return "\n".join(lines)


def shown(value):
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def fastest(rows, is_meant):
    """The fastest step of the modes that are meant; {} where there is none."""
    return min((row for row in rows if is_meant(row["mode"])), key=lambda row: row["step_ms"], default={})


def quotient(a, b):
    return a / b if a and b else None


def steps(theirs, ours, is_full):
    """The bars are for PyTorch's usual modes; compile-loss, which compiles the loss as well, stands beside them."""
    rows = []
    for case in cases(theirs, ours):
        pytorch = fastest(rows_of(theirs, case), lambda mode: not mode.startswith("compile-loss"))
        composed = fastest(rows_of(ours, case), lambda mode: mode.startswith("composed"))
        fused = fastest(rows_of(ours, case), lambda mode: mode.startswith("fused"))
        with_loss = fastest(rows_of(theirs, case), lambda mode: mode.startswith("compile-loss")).get("step_ms")
        ours_ms = fused.get("step_ms")
        ratio = quotient(pytorch.get("step_ms"), ours_ms)
        bar = BARS[case[0]][case[1]] if is_full else None
        floor = floors.step_ms(*case, ours["machine"]) if is_full else None
        reached = "" if ratio is None or bar is None else "yes" if ratio >= bar else "**no**"
        rows.append(
            [*case, pytorch.get("mode", "-"), *(number(row.get("step_ms")) for row in (pytorch, composed, fused)), fused.get("mode", "-")]
            + [number(ratio, 2), number(bar, 2), reached, number(with_loss), number(quotient(with_loss, ours_ms), 2)]
            + [number(floor), number(quotient(floor, ours_ms), 2)]
            + [number(row.get("peak_mib"), 0) for row in (pytorch, composed, fused)]
        )
    header = ["model", "precision", "PyTorch's best", "ms", "composed ms", "fused ms", "mode", "ratio", "bar", "at the bar"]
    header += ["compile-loss ms", "ratio", "floor ms", "floor / fused", "peak MiB PyTorch", "composed", "fused"]
    return table(header, rows)


def modes(theirs, ours):
    rows = []
    for case in cases(theirs, ours):
        for side, result in (("PyTorch", theirs), ("fusegrad", ours)):
            for row in rows_of(result, case):
                times = [number(row.get(key)) for key in ("forward_ms", "forward_backward_ms", "step_ms")]
                rows.append([*case, f"{side} {row['mode']}", *times, str(row.get("step_nodes", "-")), number(row.get("peak_mib"), 0)])
    return table(["model", "precision", "mode", "forward ms", "and backward", "step", "nodes of the graph", "peak MiB"], rows)


def phases(ours, is_full):
    """Where the time goes: each phase beside the least time of its bytes and of its products."""
    rows = []
    for case in cases(ours):
        least = floors.passes(*case, ours["machine"]) if is_full else {}
        for row in rows_of(ours, case):
            for name in PHASES:
                phase, floor = row.get("phases", {}).get(name), least.get(name)
                if phase is None:
                    continue
                cells = ["-", "-", "-"]
                if floor:
                    cells = [number(floor.bytes / 1e9), number(floor.flops / 1e12), number(floor.ms)]
                rows.append([*case, row["mode"], name.replace("_", " "), number(phase["ms"]), str(phase["launches"]), *cells])
    header = ["model", "precision", "form", "phase", "ms", "launches", "least GB", "TFLOP", "floor ms"]
    return table(header, rows)


def failures(theirs, ours):
    rows = [row for result in (theirs, ours) for row in result["rows"] if "error" in row]
    return "\n".join(f"{row['model']} {row['precision']} {row['mode']} failed: {row['error']}" for row in rows)
