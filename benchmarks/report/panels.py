"""The kinds of panels that charts are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.ticker import MaxNLocator

from benchmarks.figures import shown
from benchmarks.growing import exponent, series
from benchmarks.record import Record, quartiles
from benchmarks.report.select import figure, title
from benchmarks.report.style import COLOURS, EAGER_ALONE, by_seconds, log_marks, plain_axes

__all__ = ["bars", "dots", "lines"]


def set_log_limits(axes: Any, low: float, high: float) -> None:
    """Make a log axis around some values, with space for a text to the right, and suitable ticks."""
    low, high = low / 1.6, high * 1.3
    if high / low < 10:
        middle = math.sqrt(low * high)
        low, high = min(low, middle / 3.2), max(high, middle * 3.2)
    axes.set_xscale("log")
    axes.set_xlim(low, high * (high / low) ** 0.34)
    log_marks(axes.xaxis, low, high)


def dots(axes: Any, record: Record, name: str, peers: Sequence[str], heading: str, what: str = "values") -> None:
    """Draw a row: a dot for each peer on a log axis, its quartiles and its figure; or "beginning": the first calls."""
    unit = "s" if what == "beginning" else record.rows[name].unit
    values = [figure(record, name, peer, what) for peer in peers]
    known = [value for value in values if value > 0]
    axes.set_title(heading)
    axes.set_ylim(len(peers) - 0.4, -0.6)
    axes.set_yticks(range(len(peers)), [title(peer) for peer in peers])
    plain_axes(axes)
    if not known:
        return
    set_log_limits(axes, min(known), max(known))
    left = axes.get_xlim()[0]
    for place, (peer, value) in enumerate(zip(peers, values, strict=True)):
        colour = COLOURS[peer]
        if not value > 0:
            axes.text(left, place, "  –", va="center", color="#8a8f98")
            continue
        axes.plot([left, value], [place, place], color=colour, linewidth=1.6, alpha=0.55, solid_capstyle="butt")
        axes.plot([value], [place], "o", color=colour, markersize=7)
        end = value
        if what == "values":
            low, high = quartiles(record.rows[name].entries[peer].values)
            axes.plot([low, high], [place, place], color="#2b2d31", linewidth=1.2)
            end = high
        axes.annotate(shown(value, unit), (end, place), (7, 0), textcoords="offset points", va="center", fontsize=8.5)
    if unit == "s":
        by_seconds(axes.xaxis)


def bars(axes: Any, values: Mapping[str, float], heading: str, unit: str) -> None:
    """Draw a bar for each peer, from zero, with its figure."""
    known = {peer: value for peer, value in values.items() if not math.isnan(value)}
    axes.set_title(heading)
    plain_axes(axes)
    both = any(peer.endswith("-compiled") for peer in known)
    colours = [(COLOURS if both else EAGER_ALONE)[peer] for peer in known]
    axes.barh(range(len(known)), list(known.values()), color=colours, height=0.66)
    axes.set_yticks(range(len(known)), [title(peer) for peer in known])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.34 * max(known.values(), default=1.0))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    for place, value in enumerate(known.values()):
        axes.annotate(shown(value, unit), (value, place), (4, 0), textcoords="offset points", va="center", fontsize=8.5)
    if unit == "s":
        by_seconds(axes.xaxis)


def lines(axes: Any, record: Record, family: str, peers: Sequence[str], heading: str, what: str = "values") -> None:
    """Draw a series of rows on log axes: a line for each peer, with the exponent of its upper half."""
    axes.set_title(heading)
    for peer in peers:
        points = [(size, value) for size, value in series(record, family, peer, what) if value > 0]
        if not points:
            continue
        slope = exponent(record, family, peer, what)
        label = title(peer) + ("" if math.isnan(slope) else f"  {slope:.2f}")
        ours = peer.startswith("wengert")
        style = {"linewidth": 2.4 if ours else 1.5, "zorder": 4 if ours else 3, "markersize": 5.5 if ours else 4}
        axes.plot(*zip(*points, strict=True), "o-", color=COLOURS[peer], label=label, **style)
    if not axes.lines:
        return
    axes.set_xscale("log")
    axes.set_yscale("log")
    log_marks(axes.yaxis, *axes.get_ylim())
    if what == "values":
        by_seconds(axes.yaxis)
    axes.legend(fontsize=7.5, handlelength=1.4, labelspacing=0.3)
