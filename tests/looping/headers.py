"""What all kinds of loops are written with: their type, headers and lines."""

from __future__ import annotations

from collections.abc import Callable

from tests.looping.maker import Maker

__all__ = ["RANGES", "Kind", "lines"]

Kind = Callable[[Maker], str]
RANGES = [
    *("range(n)", "range(n)", "range(n)", "range(1, n)", "range(n - 1, -1, -1)", "range(n - 2, -1, -1)"),
    *("range(0, n, 2)", "range(1, n - 1)", "range(n - 1, 0, -2)", "reversed(range(n))"),
]


def lines(*texts: str) -> str:
    return "\n".join(texts)
