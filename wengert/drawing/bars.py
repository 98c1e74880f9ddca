"""Amounts as horizontal bars: what a profile and a plan show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wengert.drawing.layout import FONT, text_width
from wengert.drawing.svg import number, svg_text, text_of

__all__ = ["Bar", "bars_svg"]

LENGTH, HEIGHT, DISTANCE = 260.0, 16.0, 22.0
TITLE = 26.0
GAP = 8.0


class Bar(NamedTuple):
    """A bar: its label to the left, its size, what is written behind it, and the kind of box whose colour it has."""

    label: str
    size: float
    text: str
    kind: str


def bars_svg(title: str, bars: Sequence[Bar]) -> str:
    """Draw bars below a title, the longest as long as the picture allows."""
    left = max([text_width(bar.label) for bar in bars], default=0.0) + GAP
    longest = max([bar.size for bar in bars], default=0.0)
    parts = []
    width = text_width(title, FONT - 1)
    for i, bar in enumerate(bars):
        y = TITLE + i * DISTANCE
        length = LENGTH * max(bar.size, 0.0) / longest if longest > 0 else 0.0
        middle = number(y + HEIGHT - 4.5)
        end = left + length + GAP
        width = max(width, end + text_width(bar.text))
        parts.append(
            f'<g class="amount"><text class="number" x="{number(left - GAP)}" y="{middle}">{text_of(bar.label)}</text>'
            f'<rect x="{number(left)}" y="{number(y)}" width="{number(max(length, 1.0))}" height="{number(HEIGHT)}" '
            f'rx="2" class="{bar.kind}"/>'
            f'<text class="behind" x="{number(end)}" y="{middle}">{text_of(bar.text)}</text></g>'
        )
    # (A class `row` would be one of Bootstrap's, which sets the width of all that is in it, also in a picture.)
    # These texts stand on the page itself: a panel behind them has the colours that they are readable on.
    height = TITLE + len(bars) * DISTANCE
    panel = f'<rect class="panel" x="-6" y="-6" width="{number(width + 16)}" height="{number(height + 8)}" rx="6"/>'
    heading = f'<text class="title" x="0" y="12">{text_of(title)}</text>'
    return svg_text([panel, heading, *parts], width + 6, height, title)
