"""Access patterns: (length, stride) of axes from outer to inner, in elements.

Patterns are canonical: axes of length 1 are dropped, and adjacent axes with a common stride are merged. So the
pattern of a contiguous array is a single axis of stride 1, whatever its shape.
"""

from __future__ import annotations

import itertools
import math

from wengert.compiler.graph.regions import Axes, merged

__all__ = [
    "AccessPattern",
    "broadcast_pattern",
    "can_split",
    "contiguous",
    "distinct_elements",
    "pattern_of",
    "splits_of",
    "strides_over",
]

AccessPattern = Axes
pattern_of = merged


def contiguous(size: int) -> AccessPattern:
    """The pattern of a contiguous array."""
    return pattern_of((size,), (1,))


def broadcast_pattern(shape: tuple[int, ...], strides: tuple[int, ...], to: tuple[int, ...]) -> AccessPattern:
    """The pattern of an array broadcast to a shape."""
    extra = len(to) - len(shape)
    if extra < 0:  # (assignment drops leading axes of length 1)
        extra, shape, strides = 0, shape[-extra:], strides[-extra:]
    full = (0,) * extra + tuple(0 if n == 1 else s for n, s in zip(shape, strides, strict=True))
    return pattern_of(to, full)


def distinct_elements(pattern: AccessPattern) -> int:
    """The number of elements of memory that a pattern touches: repeated ones count once."""
    return math.prod(n for n, s in pattern if s)


def splits_of(pattern: AccessPattern) -> set[int]:
    """Where a pattern splits the loops: the number of elements inside each of its axes but the outermost."""
    splits, size = set(), 1
    for n, _ in reversed(pattern[1:]):
        size *= n
        splits.add(size)
    return splits


def can_split(splits: set[int], size: int) -> bool:
    """Whether loops can be split at all these sizes."""
    ordered = [*sorted(splits), size]
    return all(b % a == 0 for a, b in itertools.pairwise(ordered))


def strides_over(pattern: AccessPattern, axes: list[int]) -> list[int]:
    """The strides of a pattern over loops that are split where it requires it."""
    if math.prod(n for n, _ in pattern) != math.prod(axes):
        raise AssertionError(f"the pattern {pattern} does not cover the loops {axes}")
    strides: list[int] = []
    remaining = list(pattern)
    inside = 1  # elements of the innermost remaining axis that are covered
    for n in reversed(axes):
        if n == 1:
            strides.append(0)
            continue
        length, step = remaining[-1]
        if length % (inside * n):
            raise AssertionError(f"the loops {axes} do not split the pattern {pattern}")
        strides.append(step * inside)
        inside *= n
        if inside == length:
            remaining.pop()
            inside = 1
    return strides[::-1]
