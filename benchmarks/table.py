"""What was measured, as one table for each topic."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

__all__ = ["Row", "ratio_of", "show"]


class Row(NamedTuple):
    """One figure; where there is a target, the ratio that it is for, and whether it was met."""

    what: str
    figure: str
    ratio: float | None = None
    target: float | None = None
    note: str = ""

    def verdict(self) -> str:
        if self.ratio is None:
            return self.note
        if self.target is None:
            return f"{self.ratio:6.2f}  {self.note}"
        word = "ok    " if self.ratio <= self.target else "MISSED"
        return f"{self.ratio:6.2f}  {word} (<= {self.target:g})  {self.note}"


def ratio_of(mine: Sequence[float], other: Sequence[float]) -> float:
    """Median of the ratios round by round: what slows a whole round slows both sides of it."""
    return median(a / b for a, b in zip(mine, other, strict=True))


def show(rows: Iterable[Row]) -> None:
    """Print each row as soon as it is measured."""
    for row in rows:
        print(f"{row.what:<70}{row.figure:>12}  {row.verdict()}".rstrip(), flush=True)
    print(flush=True)
