"""The history of a run: saved as CSV, and plotted."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.extras import needed
from wengert.core.variable import Variable
from wengert.layers.weights import replace_file

__all__ = ["plot_history", "save_history"]

# Columns that are not plotted.
AROUND = ("epoch", "step", "learning_rate", "seconds", "partial")


def save_history(history: Iterable[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    """Write the rows of a history as CSV: a header, and a line for each epoch.

    Numbers are written with full precision. Missing values are left empty.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "history.csv")
    ...     save_history([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}], path)
    ...     path.read_text().split()
    ['epoch,loss', '1,0.5', '2,0.25']
    """
    path = options.path(path, "path", "save_history")
    history = rows_of(history, "save_history")
    columns = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    replace_file(path, text.getvalue().encode())


def plot_history(
    history: Iterable[Mapping[str, Any]], path: str | os.PathLike[str] | None = None, best: int | None = None
) -> Any:
    """Plot the curves of a history: the loss, and each metric, of training and validation.

    Parameters
    ----------
    history : list of dict
        As `Trainer.history`.
    path : str or path, optional
        Where to save the figure; the suffix determines the format: .png, .svg, .pdf.
    best : int, optional
        The epoch to mark.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the history is empty.
    ImportError
        If matplotlib is not installed.
    """
    path = None if path is None else options.path(path, "path", "plot_history")
    best = None if best is None else options.integer(best, "best", "plot_history", 1)
    rows = [row for row in rows_of(history, "plot_history") if any(is_curve(name, row) for name in row)]
    if not rows:
        raise ValueError("there is nothing to plot, because the history is empty; call fit first")
    figures = needed("matplotlib.figure", "train", "plotting a history")
    ticker = needed("matplotlib.ticker", "train", "plotting a history")
    names = list(dict.fromkeys(name.removeprefix("valid_") for row in rows for name in row if is_curve(name, row)))
    across = min(len(names), 3)
    down = -(-len(names) // across)
    figure = figures.Figure(figsize=(5.2 * across, 3.6 * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    for name, axes in zip(names, panels, strict=False):
        _panel(axes, rows, name, best)
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        if axes.get_yscale() == "log":
            # plain decimal labels, and some between powers of ten
            axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
            axes.yaxis.set_minor_locator(ticker.NullLocator())
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def rows_of(history: Any, whose: str) -> list[Mapping[str, Any]]:
    """Return the rows of a history; raise unless they are dicts with strings as keys."""
    listed = isinstance(history, Iterable) and not isinstance(history, (Variable, np.ndarray, Mapping, str, bytes))
    rows: list[Any] = list(history) if listed else [None]
    if not all(isinstance(row, Mapping) and all(isinstance(name, str) for name in row) for row in rows):
        raise TypeError(f"{whose} takes a list of dicts, as trainer.history, but got {describe(history)}")
    return rows


def is_curve(name: str, row: Mapping[str, Any]) -> bool:
    """Whether a column is plotted: a callback may have added non-numeric ones."""
    return name not in AROUND and isinstance(row.get(name), (int, float, np.number))


def _panel(axes: Any, rows: list[Mapping[str, Any]], name: str, best: int | None) -> None:
    """Plot one quantity."""
    seen: list[float] = []
    for key, label, style in (
        (name, "training", {"color": "#9aa5b1", "linewidth": 1.6, "markersize": 3.5}),
        (f"valid_{name}", "validation", {"color": "#1f5fbf", "linewidth": 2.0, "markersize": 4.0}),
    ):
        points = [(row["epoch"], row[key]) for row in rows if is_curve(key, row)]
        if points:
            epochs, values = zip(*points, strict=True)
            marker = "o" if len(points) <= 40 else ""
            axes.plot(epochs, values, label=label, marker=marker, **style)
            seen += values
    if best is not None:
        axes.axvline(best, color="#c44e52", linewidth=1.0, linestyle=(0, (4, 3)), label="best", zorder=0)
    if name == "loss" and min(seen) > 0 and max(seen) > 10 * min(seen):
        axes.set_yscale("log")
    axes.set_title(name.replace("_", " "), loc="left", fontsize=11, fontweight="bold")
    axes.set_xlabel("epoch")
    axes.grid(True, axis="y", color="#e3e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if len(axes.lines) > 1:
        axes.legend(frameon=False, fontsize=9)
