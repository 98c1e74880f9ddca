"""Loops over the lines of images, and copies of lines, in the kernel form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.compiler.kernels.ir import Index, Pointer
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.machine import lanes_of

__all__ = ["copy_line", "fill", "loop_over_lines"]

LONG_LINE = 16  # vectors: a line of more is copied by a loop


def loop_over_lines(
    b: Builder, counts: list[int], body: Callable[[list[Index]], None], indices: tuple[Index, ...] = ()
) -> None:
    """Loops over all axes but the last: `body` gets their indices, the first of which may be given."""
    if len(indices) == len(counts) - 1:
        body(list(indices))
    elif counts[len(indices)] == 1:
        loop_over_lines(b, counts, body, (*indices, 0))
    else:
        with b.loop(0, counts[len(indices)]) as i:
            loop_over_lines(b, counts, body, (*indices, i))


def copy_line(
    b: Builder,
    count: int,
    source: Pointer,
    target: Pointer,
    steps: tuple[int, int] = (1, 1),
    change: Callable[[Any], Any] | None = None,
) -> None:
    """Copy elements, mapped by `change`. Lines do not overlap; the end may be written twice."""
    with b.lanes(count, lanes_of(source.dtype), "overlap", straight=LONG_LINE) as i:
        value = source[i * steps[0]]
        target[i * steps[1]] = value if change is None else change(value)


def fill(b: Builder, target: Pointer, count: int, value: float) -> None:
    """Set elements to a number."""
    with b.lanes(count, lanes_of(target.dtype)) as i:
        target[i] = value
