"""Periodic parts of a sequence: where a program repeats the same operations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["LEAST_STEPS", "Stretch", "stretches"]

LEAST_STEPS = 8  # of a loop: a shorter one stays a sequence, in which more can be fused
LEAST_SAVED = 48  # operations that are not repeated


class Stretch(NamedTuple):
    """A part of a sequence, from `start` to before `stop`, that repeats itself after `period` elements.

    `origin` is where a period is likely to begin, if that is known.
    """

    start: int
    stop: int
    period: int
    origin: int | None = None

    @property
    def times(self) -> int:
        """The number of whole periods."""
        return (self.stop - self.start) // self.period


def stretches(keys: np.ndarray, weights: np.ndarray | None = None) -> list[Stretch]:
    """The periodic parts of a sequence of integers that do not overlap; of those that do, those of shorter periods.

    Elements are compared with the last equal one before them, then pairs, then four in a row, and so on: from some
    length on, the same distance for all of a part is its period. `weights` are the operations that
    the elements stand for. (The doubling is that of suffix arrays: Manber and
    Myers 1993, Suffix arrays, SIAM Journal on Computing 22.)
    """
    found: dict[Stretch, None] = {}
    sums = np.concatenate([[0], np.cumsum(np.ones(len(keys), int) if weights is None else weights)])
    breaks: dict[int, np.ndarray] = {}
    grams, length = keys, 1
    while len(grams) > 1:
        distances = to_the_last(grams)
        if not distances.any():
            break
        for start, stop in constant_parts(distances):
            period = int(distances[start])
            if period and stop - start + length >= period:
                stretch = extended(keys, start, period, breaks)
                if stretch.times >= LEAST_STEPS and sums[stretch.stop - period] - sums[stretch.start] >= LEAST_SAVED:
                    found[stretch] = None
        if 2 * length > longest_gap(list(found), len(keys)):
            break  # (what repeats itself in no part is not found by longer ones, either)
        pairs = grams[:-length] * np.int64(len(keys)) + grams[length:]
        grams = np.unique(pairs, return_inverse=True)[1]
        length *= 2
    return apart(list(found))


def longest_gap(found: list[Stretch], length: int) -> int:
    """The length of the longest part of a sequence that is in none of the stretches."""
    longest, stop = 0, 0
    for stretch in sorted(found):
        longest, stop = max(longest, stretch.start - stop), max(stop, stretch.stop)
    return max(longest, length - stop)


def to_the_last(grams: np.ndarray) -> np.ndarray:
    """The distance of each element to the last equal one before it; 0 where there is none."""
    order = np.argsort(grams, kind="stable")
    again = grams[order[1:]] == grams[order[:-1]]
    distances = np.zeros(len(grams), np.int64)
    distances[order[1:][again]] = (order[1:] - order[:-1])[again]
    return distances


def constant_parts(values: np.ndarray) -> list[tuple[int, int]]:
    """Where a sequence is constant: the first index, and the one after the last."""
    ends = np.flatnonzero(np.diff(values)) + 1
    bounds = np.concatenate([[0], ends, [len(values)]])
    return list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))


def extended(keys: np.ndarray, at: int, period: int, breaks: dict[int, np.ndarray]) -> Stretch:
    """The longest part around an element that has a period."""
    if period not in breaks:
        breaks[period] = np.flatnonzero(keys[:-period] != keys[period:])
    different = breaks[period]
    after = int(np.searchsorted(different, at - period))
    start = int(different[after - 1]) + 1 if after else 0
    stop = int(different[after]) + period if after < len(different) else len(keys)
    return Stretch(start, stop, period)


def apart(found: list[Stretch]) -> list[Stretch]:
    """Those that do not overlap, the shortest periods first; in order."""
    kept: list[Stretch] = []
    for stretch in sorted(found, key=lambda s: (s.period, s.start)):
        if all(stretch.stop <= other.start or other.stop <= stretch.start for other in kept):
            kept.append(stretch)
    return sorted(kept)
