"""Comparison of results, by a few numbers that distinguish them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["digest", "disagreeing", "number", "plain"]

Digest = Sequence[Sequence[float]]


def plain(x: Any) -> Any:
    """Return an array of any library as an ndarray."""
    if not isinstance(x, np.ndarray):
        data = getattr(x, "data", None)
        if isinstance(data, np.ndarray):
            return data  # Wengert, MyGrad, DeZero
        if hasattr(x, "detach"):
            return x.detach().numpy()
        if hasattr(x, "numpy"):
            return x.numpy()
    return np.asarray(x)


def digest(result: Any) -> list[list[float]]:
    """Return for each array in a result its size, a weighted sum, and the sum of its absolute values.

    All weights differ, so that permuted elements give another sum; rounding errors of the sums are small relative to
    the last one.
    """
    if isinstance(result, (tuple, list)):
        return [found for part in result for found in digest(part)]
    array = np.asarray(plain(result), dtype=np.float64).ravel()
    weights = np.cos(np.arange(array.size))
    return [[float(array.size), float(weights @ array), float(np.abs(array).sum())]]


def number(result: Any) -> float:
    """Return the first number of a result."""
    while isinstance(result, (tuple, list)):
        result = result[0]
    array = plain(result)
    return float(array.flat[0]) if array.size else math.nan


def near(mine: Digest, other: Digest, tolerance: float) -> bool:
    return len(mine) == len(other) and all(
        a[0] == b[0] and abs(a[1] - b[1]) <= tolerance * max(a[2], b[2]) and abs(a[2] - b[2]) <= tolerance * b[2]
        for a, b in zip(mine, other, strict=True)
    )


def finite(calls: Sequence[Digest]) -> bool:
    return all(math.isfinite(value) for call in calls for array in call for value in array)


def disagreeing(numbers: Mapping[str, Sequence[Digest]], tolerance: float) -> dict[str, str]:
    """Return the peers whose results differ from the majority, and how.

    In a tie, the first contestant is taken as right.

    >>> disagreeing({"a": [[[1.0, 2.0, 2.0]]], "b": [[[1.0, 2.5, 2.5]]]}, 1e-9)
    {'b': 'computes 2.5, where most compute 2'}
    """
    wrong = {name: "computes what is not finite" for name, calls in numbers.items() if not finite(calls)}
    rest = {name: calls for name, calls in numbers.items() if name not in wrong}
    camps: list[list[str]] = []
    for name, calls in rest.items():
        for camp in camps:
            other = rest[camp[0]]
            count = min(len(calls), len(other))
            if all(near(a, b, tolerance) for a, b in zip(calls[:count], other[:count], strict=True)):
                camp.append(name)
                break
        else:
            camps.append([name])
    if camps:
        most = max(camps, key=len)  # of equals the first
        for name in rest.keys() - set(most):
            wrong[name] = difference(rest[name], rest[most[0]], tolerance)
    return {name: wrong[name] for name in numbers if name in wrong}


def difference(mine: Sequence[Digest], other: Sequence[Digest], tolerance: float) -> str:
    """Describe where two results first differ."""
    for call, (ours, theirs) in enumerate(zip(mine, other, strict=False)):
        when = f" in call {call + 1}" if call else ""
        if len(ours) != len(theirs):
            return f"computes {len(ours)} arrays{when}, where most compute {len(theirs)}"
        for a, b in zip(ours, theirs, strict=True):
            if a[0] != b[0]:
                return f"computes {a[0]:.0f} elements{when}, where most compute {b[0]:.0f}"
            if not near([a], [b], tolerance):
                return f"computes {a[1]:.9g}{when}, where most compute {b[1]:.9g}"
    return "computes something else than most do"
