"""The progress bar of an epoch."""

import sys
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from wengert.checks.extras import needed
from wengert.training.notebook import NotebookBar, Place, in_notebook

__all__ = ["Progress", "short"]

# A short bar, which leaves space for the numbers.
FORMAT = "{l_bar}{bar:12}| {n_fmt}/{total_fmt} [{elapsed}, {rate_fmt}{postfix}]"
INTERVAL = 0.1  # seconds between two updates of the bar


def short(value: float) -> str:
    """Format a number with four digits.

    Examples
    --------
    >>> short(0.123456), short(1e-5), short(98.0)
    ('0.1235', '1e-05', '98')
    """
    return f"{value:.4g}"


def paired(values: Mapping[str, float]) -> dict[str, str]:
    """Format numbers for the bar: those of training, and after a slash those of validation.

    Examples
    --------
    >>> paired({"loss": 0.25, "valid_loss": 0.5, "size": 4.0})
    {'loss': '0.25/0.5', 'size': '4'}
    """
    parts = {}
    for name, value in values.items():
        theirs = f"valid_{name}"
        if theirs in values:
            parts[name] = f"{short(value)}/{short(values[theirs])}"
        elif not (name.startswith("valid_") and name.removeprefix("valid_") in values):
            parts[name] = short(value)
    return parts


class Progress:
    """A bar for each epoch: of tqdm on a terminal, of `NotebookBar` in a notebook; or nothing.

    There is none where standard error is neither, or `wanted` is False.

    It shows the numbers of the last batch, and at the end the means of training and validation. It is updated at most
    ten times a second, so that its cost is negligible.
    """

    def __init__(self, wanted: bool) -> None:
        self._tqdm: Any = None
        self._in_notebook = wanted and in_notebook()
        if self._in_notebook:
            self._tqdm = NotebookBar
        elif wanted:
            self._tqdm = needed("tqdm", "train", "Trainer's progress bar (or pass progress=False)").tqdm
        self._bar: Any = None
        self._ahead = 0
        self._looked = 0.0

    def open(self, title: str, total: int | None, done: int) -> None:
        """Begin a bar at `done` batches."""
        if self._tqdm is not None:
            bar = self._tqdm(
                desc=title,
                total=total,
                initial=done,
                unit="batch",
                disable=None,
                dynamic_ncols=True,
                bar_format=None if total is None else FORMAT,
            )
            self._bar = None if bar.disable else bar
            self._ahead, self._looked = 0, 0.0

    def advance(self, values: Mapping[str, float], rate: float | None) -> None:
        """Count one batch."""
        if self._bar is None:
            return
        self._ahead += 1
        now = perf_counter()
        if now - self._looked >= INTERVAL:
            self._looked = now
            self._show(values, rate)

    def _show(self, values: Mapping[str, float], rate: float | None) -> None:
        parts = paired(values)
        if rate is not None:
            parts["rate"] = short(rate)
        self._bar.set_postfix(parts, refresh=False)
        self._bar.update(self._ahead)
        self._ahead = 0

    def close(self, values: Mapping[str, float], rate: float | None) -> None:
        """End the bar, with the means of the epoch."""
        if self._bar is not None:
            self._show(values, rate)
            self._bar.close()
            self._bar = None

    def say(self, text: str) -> None:
        """Write a line above the bar, if bars are shown."""
        if self._in_notebook:
            Place().show({"text/plain": text})
        elif self._tqdm is not None and sys.stderr is not None and sys.stderr.isatty():
            self._tqdm.write(text, file=sys.stderr)
