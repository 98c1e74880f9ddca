"""How elements are found in memory, as (length, stride) of axes from outer to inner, in elements.

A pattern is brought into its shortest form: axes of length 1 are left out, and neighbours that one step
goes through are one axis. The elements of an array in C order are then one axis of stride 1, whatever the shape.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

__all__ = ["Pattern", "broadcasting", "cuts_of", "divides", "over_axes", "pattern_of", "whole"]

Pattern = tuple[tuple[int, int], ...]


def pattern_of(shape: Iterable[int], strides: Iterable[int]) -> Pattern:
    """The shortest form of a shape and its strides."""
    found: list[tuple[int, int]] = []
    for n, s in zip(shape, strides, strict=True):
        if n == 1:
            continue
        if found and found[-1][1] == n * s:
            found[-1] = (found[-1][0] * n, s)
        else:
            found.append((n, s))
    return tuple(found)


def whole(size: int) -> Pattern:
    """All elements in C order."""
    return pattern_of((size,), (1,))


def broadcasting(shape: tuple[int, ...], strides: tuple[int, ...], to: tuple[int, ...]) -> Pattern:
    """The pattern of an array that is broadcast to a shape."""
    extra = len(to) - len(shape)
    if extra < 0:  # as an assignment: axes of length 1 before the others go
        extra, shape, strides = 0, shape[-extra:], strides[-extra:]
    full = (0,) * extra + tuple(0 if n == 1 else s for n, s in zip(shape, strides, strict=True))
    return pattern_of(to, full)


def cuts_of(pattern: Pattern) -> set[int]:
    """Where a pattern must be cut: the number of elements inside each of its axes but the outermost."""
    cuts, size = set(), 1
    for n, _ in reversed(pattern[1:]):
        size *= n
        cuts.add(size)
    return cuts


def divides(cuts: set[int], size: int) -> bool:
    """Whether loops can be cut at all these places."""
    ordered = [*sorted(cuts), size]
    return all(b % a == 0 for a, b in itertools.pairwise(ordered))


def over_axes(pattern: Pattern, axes: list[int]) -> list[int]:
    """The strides of a pattern over loops that are cut where it needs it."""
    if math.prod(n for n, _ in pattern) != math.prod(axes):
        raise AssertionError(f"the pattern {pattern} does not cover the loops {axes}")
    strides: list[int] = []
    left = list(pattern)
    inside = 1  # how many elements of the innermost axis that is left are covered
    for n in reversed(axes):
        if n == 1:
            strides.append(0)
            continue
        length, step = left[-1]
        if length % (inside * n):
            raise AssertionError(f"the loops {axes} do not cut the pattern {pattern}")
        strides.append(step * inside)
        inside *= n
        if inside == length:
            left.pop()
            inside = 1
    return strides[::-1]
