"""Growth exponents: the slope of a line on log axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmarks.record import Record

__all__ = ["exponent", "fitted", "series"]

LEAST = {"values": 0.0, "memory": 2.0}  # MB below which the memory of a process is not significant


def series(record: Record, family: str, peer: str, figure: str = "values") -> list[tuple[float, float]]:
    """Return a peer's points in rows called ``family/size``: size and figure."""
    points = []
    for name, result in record.rows.items():
        above, _, size = name.rpartition("/")
        entry = result.entries.get(peer)
        if above != family or entry is None or not entry.values:
            continue
        value = entry.median if figure == "values" else getattr(entry, figure)
        if value is not None:
            points.append((float(size), float(value)))
    return sorted(points)


def fitted(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the logarithms, by least squares.

    >>> fitted([(10, 3.0), (100, 30.0), (1000, 300.0)])
    1.0
    """
    if len(points) < 2:
        return math.nan
    x, y = np.log10(np.array(points)).T
    return round(float(np.polyfit(x, y, 1)[0]), 3)


def exponent(record: Record, family: str, peer: str, figure: str = "values") -> float:
    """Return a peer's exponent over the upper half of the sizes, where constant overhead is negligible."""
    points = series(record, family, peer, figure)
    points = [(size, value) for size, value in points if value > LEAST.get(figure, 0.0)]
    return fitted(points[len(points) // 2 - (len(points) % 2 == 0) :] if len(points) > 2 else points)
