"""Regions of an array's memory: an offset, and the length and stride of each axis, in elements."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable

import numpy as np

from wengert.compiler.graph.interpreter import Window

__all__ = ["Axes", "Region", "is_injective", "located", "meet", "merged", "region"]

MOST_WORK = 1000  # of NumPy's search for a common element of two regions

Axes = tuple[tuple[int, int], ...]  # (length, stride), without axes of length 1, from outer to inner
Region = tuple[int, Axes]


def merged(shape: Iterable[int], strides: Iterable[int]) -> Axes:
    """The canonical form of axes: those of length 1 are dropped, and adjacent ones with a common stride merged."""
    found: list[tuple[int, int]] = []
    for n, s in zip(shape, strides, strict=True):
        if n == 1:
            continue
        if found and found[-1][1] == n * s:
            found[-1] = (found[-1][0] * n, s)
        else:
            found.append((n, s))
    return tuple(found)


def region(offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Region:
    """A region in its canonical form."""
    return offset, merged(shape, strides)


def meet(a: Region, b: Region) -> bool:
    """Whether two regions of the same memory have, or may have, a common element."""
    if a == b:
        return True
    (first, second), (low, high), (bottom, top) = (a, b), reach(*a), reach(*b)
    if high < bottom or top < low:
        return False
    step = math.gcd(*(s for _, s in (*first[1], *second[1])))
    if step > 1 and (first[0] - second[0]) % step:
        return False
    return solve(first[0] - min(low, bottom), first[1], second[0] - min(low, bottom), second[1])


def reach(offset: int, pattern: Axes) -> tuple[int, int]:
    """The lowest and the highest element of a region."""
    steps = [(n - 1) * s for n, s in pattern]
    return offset + sum(s for s in steps if s < 0), offset + sum(s for s in steps if s > 0)


@functools.lru_cache(1 << 14)
def solve(offset: int, pattern: Axes, other_offset: int, other: Axes) -> bool:
    """Whether two regions have a common element, as NumPy finds out for two arrays."""
    memory = np.empty(1, np.int8)
    a, b = (
        np.asarray(Window(memory, at, tuple(n for n, _ in p), tuple(s for _, s in p), memory.dtype))
        for at, p in ((offset, pattern), (other_offset, other))
    )
    try:
        return bool(np.shares_memory(a, b, max_work=MOST_WORK))  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def is_injective(pattern: Axes) -> bool:
    """Whether a region surely has each of its elements once."""
    inside = 0
    for n, s in sorted(pattern, key=lambda axis: abs(axis[1])):
        if abs(s) <= inside:
            return False
        inside += (n - 1) * abs(s)
    return True


def located(
    offset: int, shape: tuple[int, ...], strides: tuple[int, ...], outer: tuple[int, tuple[int, ...], tuple[int, ...]]
) -> tuple[tuple[int, ...], list[tuple[int, ...]]] | None:
    """Where a region lies in another one: the indices of its first element, and the steps of its axes in indices.

    None where it is not inside, or this is not to be seen. `outer` has an offset, a shape and strides.
    """
    start, lengths, steps = outer
    axes = sorted((a for a, n in enumerate(lengths) if n > 1), key=lambda a: -steps[a])
    inside = 0
    for a in reversed(axes):
        if steps[a] <= inside:
            return None
        inside += (lengths[a] - 1) * steps[a]

    def indices(distance: int) -> list[int] | None:
        found = [0] * len(lengths)
        for a in axes:
            found[a], distance = divmod(distance, steps[a])
        return None if distance else found

    first = indices(offset - start) if offset >= start else None
    if first is None:
        return None
    low, high = list(first), list(first)
    along = []
    for n, s in zip(shape, strides, strict=True):
        step = indices(abs(s)) if n > 1 else [0] * len(lengths)
        if step is None:
            return None
        if s < 0:
            step = [-i for i in step]
        along.append(tuple(step))
        for a, i in enumerate(step):
            if i < 0:
                low[a] += (n - 1) * i
            else:
                high[a] += (n - 1) * i
    if any(i < 0 for i in low) or any(i >= n for i, n in zip(high, lengths, strict=True)):
        return None
    return tuple(first), along
