"""Formatting of numbers."""

from __future__ import annotations

import math

__all__ = ["shown"]

SECONDS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9))


def shown(value: float, unit: str) -> str:
    """Format a figure with three digits, and seconds with a suitable unit.

    >>> shown(0.00123456, "s"), shown(57.0, "MB"), shown(303.0, "calls"), shown(float("nan"), "s")
    ('1.23 ms', '57.0 MB', '303', '-')
    """
    if math.isnan(value):
        return "-"
    if unit == "s":
        name, size = next(((name, size) for name, size in SECONDS if abs(value) >= size), SECONDS[-1])
        return f"{digits(value / size)} {name}"
    if unit == "calls":
        return f"{value:.0f}"
    return f"{digits(value)} {unit}" if unit == "MB" else digits(value)


def digits(value: float) -> str:
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(places, 4)}f}"
