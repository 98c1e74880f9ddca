"""Curves beside each other as SVG: what a training run shows while it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from wengert.drawing.svg import number, svg_text, text_of

__all__ = ["Curve", "Panel", "curves_svg", "ticks"]

WIDTH, HEIGHT = 250.0, 150.0  # of the area of a panel
LEFT, TOP, BELOW, GAP = 52.0, 34.0, 34.0, 22.0
ACROSS = 3  # panels in a row
RATIO = 10.0  # between the largest and the smallest value: a larger one is drawn on a logarithmic scale


class Curve(NamedTuple):
    """Points (x, y) from left to right; `kind` is a class of the style sheet: batches, training or validation."""

    label: str
    points: Sequence[tuple[float, float]]
    kind: str


class Panel(NamedTuple):
    """Curves of one quantity."""

    title: str
    curves: Sequence[Curve]
    may_be_logarithmic: bool = False


def curves_svg(panels: Sequence[Panel], across: str, description: str) -> str:
    """Draw panels, three in a row; `across` names what goes from left to right."""
    columns = max(min(len(panels), ACROSS), 1)
    rows = -(-len(panels) // ACROSS)
    width, height = columns * (LEFT + WIDTH + GAP), max(rows, 1) * (TOP + HEIGHT + BELOW)
    parts = [f'<rect class="panel" x="-6" y="-6" width="{number(width + 12)}" height="{number(height + 12)}" rx="6"/>']
    for i, panel in enumerate(panels):
        x, y = (i % ACROSS) * (LEFT + WIDTH + GAP) + LEFT, (i // ACROSS) * (TOP + HEIGHT + BELOW) + TOP
        parts += panel_of(panel, x, y, across)
    return svg_text(parts, width, height, description)


def panel_of(panel: Panel, x: float, y: float, across: str) -> list[str]:
    """Draw a panel whose area begins at x, y."""
    seen = [p for curve in panel.curves for p in curve.points if math.isfinite(p[1])]
    xs, ys = [p[0] for p in seen] or [0.0], [p[1] for p in seen] or [0.0]
    is_log = panel.may_be_logarithmic and min(ys) > 0 and max(ys) > RATIO * min(ys)
    scale = math.log10 if is_log else float
    low, high = bounds(scale(min(ys)), scale(max(ys)))
    first, last = bounds(min(xs), max(xs), 0.0)

    def at(px: float, py: float) -> str:
        down = (scale(py) - low) / (high - low)
        return f"{number(x + WIDTH * (px - first) / (last - first))} {number(y + HEIGHT * (1 - down))}"

    parts = [f'<text class="title" x="{number(x)}" y="{number(y - 18)}">{text_of(panel.title)}</text>']
    for value in ticks(low, high):
        shown = 10**value if is_log else value
        line = number(y + HEIGHT * (1 - (value - low) / (high - low)))
        parts.append(f'<path class="grid" d="M{number(x)} {line}h{number(WIDTH)}"/>')
        parts.append(f'<text class="number" x="{number(x - 5)}" y="{line}" dy="4">{shown:.3g}</text>')
    bottom = number(y + HEIGHT + 14)
    for value in ticks(first, last):
        if value == int(value):
            middle = number(x + WIDTH * (value - first) / (last - first))
            parts.append(f'<text x="{middle}" y="{bottom}">{int(value)}</text>')
    parts.append(f'<text x="{number(x + WIDTH / 2)}" y="{number(y + HEIGHT + 27)}">{text_of(across)}</text>')
    legend = x
    for curve in panel.curves:
        parts.append(f'<path class="curve {curve.kind}" d="{path_of(curve.points, at)}"/>')
        parts.append(f'<path class="curve {curve.kind}" d="M{number(legend)} {number(y - 8)}h14"/>')
        parts.append(
            f'<text class="behind" x="{number(legend + 18)}" y="{number(y - 4)}">{text_of(curve.label)}</text>'
        )
        legend += 84
    return parts


def path_of(points: Sequence[tuple[float, float]], at: object) -> str:
    """The line through points; it has a gap where a value is not finite. A single point is a short line."""
    parts = []
    drawing = False
    for px, py in points:
        if math.isfinite(py):
            place = at(px, py)  # type: ignore[operator]
            parts.append(f"{'L' if drawing else 'M'}{place}")
            if not drawing:
                parts.append("h0.01")
        drawing = math.isfinite(py)
    return "".join(parts)


def bounds(low: float, high: float, margin: float = 0.05) -> tuple[float, float]:
    """Bounds with a margin; of a single value, around it."""
    if high <= low:
        half = max(abs(low) * 0.1, 0.5)
        return low - half, high + half
    return low - margin * (high - low), high + margin * (high - low)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers between two bounds.

    Examples
    --------
    >>> ticks(0.0, 1.05)
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if power * factor >= raw)
    found = [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return [float(f"{value:.12g}") for value in found]
