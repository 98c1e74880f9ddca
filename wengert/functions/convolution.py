"""Derivatives of the discrete convolution and correlation of two sequences."""

from typing import Any

import numpy as np

from wengert.custom.registration import pullback


def in_full(gy: Any, m: int, n: int, later: bool = False) -> Any:
    """Pad the gradient with respect to a result of mode 'same' or 'valid' with zeros to the full length, m + n - 1.

    Both modes take the middle of the full result. Where the rest is odd, one element more is cut off at the end, or
    with `later` at the beginning.
    """
    missing = m + n - 1 - gy.size
    before = (missing + later) // 2
    if missing == 0:
        return gy
    return np.concatenate([np.zeros(before, gy.dtype), gy, np.zeros(missing - before, gy.dtype)])


@pullback(np.convolve, "a", reads="v", linear=True)
def convolve_first(gy: Any, a: Any, v: Any, mode: Any = "full") -> Any:
    v = np.ravel(v)
    return np.correlate(in_full(gy, a.size, v.size), v, "valid")


@pullback(np.convolve, "v", reads="a", linear=True)
def convolve_second(gy: Any, a: Any, v: Any, mode: Any = "full") -> Any:
    return convolve_first(gy, v, a, mode)


@pullback(np.correlate, "a", reads="v")
def correlate_first(gy: Any, a: Any, v: Any, mode: Any = "valid") -> Any:
    return np.convolve(in_full(gy, a.size, len(v), later=a.size < len(v)), v, "valid")


@pullback(np.correlate, "v", reads="a")
def correlate_second(gy: Any, a: Any, v: Any, mode: Any = "valid") -> Any:
    return np.correlate(a, in_full(gy, len(a), v.size, later=len(a) < v.size), "valid")
