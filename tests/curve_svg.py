"""Draws pairs of loss curves and their relative difference as one SVG, in plain Python."""

import math
from dataclasses import dataclass

PANEL_WIDTH, CURVE_HEIGHT, DIFFERENCE_HEIGHT, GAP, TITLE = 250, 110, 60, 14, 18
MARGIN_LEFT, MARGIN_TOP = 52, 44
OURS, THEIRS, DIFFERENCE, LIMIT = "#d1495b", "#30638e", "#555555", "#edae49"


@dataclass
class Panel:
    title: str
    theirs: list
    ours: list
    limit: float

    def differences(self):
        return [abs(a - b) / max(abs(b), 1e-300) for a, b in zip(self.ours, self.theirs)]


def _polyline(xs, ys, color, width, dashes=""):
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys))
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline fill="none" stroke="{color}" stroke-width="{width}"{dash} points="{points}"/>'


def _text(x, y, text, anchor="start", size=11, color="#222"):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{color}">{escaped}</text>'


def _frame(x, y, width, height):
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="#fff" stroke="#bbb"/>'


def _curves(panel, x, y):
    values = [v for v in panel.theirs + panel.ours if math.isfinite(v)]
    low, high = min(values), max(values)
    span = (high - low) or 1.0

    def height(v):
        return y + CURVE_HEIGHT - 4 - (CURVE_HEIGHT - 8) * (min(max(v, low), high) - low) / span

    xs = [x + PANEL_WIDTH * i / (len(panel.theirs) - 1) for i in range(len(panel.theirs))]
    return [
        _frame(x, y, PANEL_WIDTH, CURVE_HEIGHT),
        _polyline(xs, [height(v) for v in panel.theirs], THEIRS, 3),
        _polyline(xs, [height(v) for v in panel.ours], OURS, 1.2),
        _text(x - 4, y + 10, f"{high:.3g}", "end", 9),
        _text(x - 4, y + CURVE_HEIGHT - 2, f"{low:.3g}", "end", 9),
    ]


def _difference(panel, x, y):
    """The relative difference on a logarithmic scale from 1e-16 to 1; equal losses lie on the floor."""

    def height(v):
        exponent = math.log10(min(max(v, 1e-16), 1.0)) if v == v else 0.0
        return y + DIFFERENCE_HEIGHT * -exponent / 16

    differences = panel.differences()
    xs = [x + PANEL_WIDTH * i / (len(differences) - 1) for i in range(len(differences))]
    limit = height(panel.limit)
    return [
        _frame(x, y, PANEL_WIDTH, DIFFERENCE_HEIGHT),
        _polyline([x, x + PANEL_WIDTH], [limit, limit], LIMIT, 1, "4 3"),
        _polyline(xs, [height(v) for v in differences], DIFFERENCE, 1),
        _text(x - 4, y + 9, "1", "end", 9),
        _text(x - 4, y + DIFFERENCE_HEIGHT, "1e-16", "end", 9),
        _text(x + PANEL_WIDTH - 4, y + 11, f"last {differences[-1]:.1e}", "end", 9),
    ]


def write(path, heading, panels, columns):
    """Panels row by row; each shows both curves above and their relative difference below."""
    cell_width, cell_height = PANEL_WIDTH + MARGIN_LEFT, TITLE + CURVE_HEIGHT + DIFFERENCE_HEIGHT + 2 * GAP
    rows = -(-len(panels) // columns)
    width, height = columns * cell_width + GAP, MARGIN_TOP + rows * cell_height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#fafafa"/>',
        _text(MARGIN_LEFT, 18, heading, size=14),
        _text(MARGIN_LEFT, 34, "PyTorch (wide)", color=THEIRS),
        _text(MARGIN_LEFT + 100, 34, "fusegrad (narrow)", color=OURS),
        _text(MARGIN_LEFT + 215, 34, "below: relative difference, limit dashed", color=DIFFERENCE),
    ]
    for i, panel in enumerate(panels):
        x = MARGIN_LEFT + (i % columns) * cell_width
        y = MARGIN_TOP + (i // columns) * cell_height + TITLE
        parts.append(_text(x, y - 5, panel.title))
        parts += _curves(panel, x, y) + _difference(panel, x, y + CURVE_HEIGHT + 6)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts) + "\n</svg>\n")
