"""How charts look: one colour for each library in all of them, pale where it is eager beside its compiler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from benchmarks.figures import shown
from benchmarks.peers import COMPILED, OURS

__all__ = ["COLOURS", "EAGER_ALONE", "by_seconds", "log_marks", "plain_axes", "styled"]

WENGERT, TORCH = "#d62246", "#3366a8"
COLOURS = {
    OURS: "#ee9aa9",
    COMPILED: WENGERT,
    "torch": "#93b2dc",
    "torch-compiled": TORCH,
    "jax": "#1f9e89",
    "autograd": "#7b7f86",
    "mygrad": "#9467bd",
    "tinygrad": "#d9a514",
    "dezero": "#8c5a3c",
    "numpy": "#222222",
}
# Where nothing compiles, Wengert's colour is the one by which it is known.
EAGER_ALONE = COLOURS | {OURS: WENGERT, "torch": TORCH}
INK, GRID = "#2b2d31", "#e4e6ea"


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style of these charts."""
    settings: dict[str, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.edgecolor": "#b9bdc4",
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.grid": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "axes.axisbelow": True,
        "figure.facecolor": "white",
        "svg.hashsalt": "benchmarks",  # the same figures make the same file
        "svg.fonttype": "path",
        "legend.frameon": False,
    }
    with mpl.rc_context(settings):
        yield


def plain_axes(axes: Any) -> None:
    """Show the grid across the values alone, without marks."""
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def by_seconds(axis: Any) -> None:
    """Write the marks of an axis of seconds with units."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: brief(value)))
    axis.set_minor_formatter(NullFormatter())


def log_marks(axis: Any, low: float, high: float) -> None:
    """Put marks on a log axis that suit its length, at 1, 2 and 5 where it is short; written as plain numbers."""
    subs = (1.0, 2.0, 5.0) if high / low < 30 else (1.0, 3.0) if high / low < 300 else (1.0,)
    axis.set_major_locator(LogLocator(10, subs=subs, numticks=7))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def brief(value: float) -> str:
    if value == 0:
        return "0"
    number, unit = shown(value, "s").split()
    return f"{float(number):g} {unit}"
