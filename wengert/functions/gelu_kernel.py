"""gelu for ndarrays: in blocks that stay in the cache, in place."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.functions.normal_distribution import BLOCK, normal_cdf

__all__ = ["CERTAIN", "CUBE", "SCALE", "gelu_gradient", "gelu_of_array"]

# The tanh approximation of the CDF: (1 + tanh(u)) / 2 with u = SCALE (x + CUBE x^3). On the left that cancels; computed
# is 1 / (1 + exp(-2u)), which does not.
SCALE, CUBE = math.sqrt(2 / math.pi), 0.044715
CERTAIN = 40  # beyond it the CDF is 0 or 1, and its slope 0, in double precision


def gelu_of_array(x: Any, approximate: bool) -> tuple[Any, Any]:
    """Return the result, and the CDF that it was computed from."""
    if not approximate:
        part = normal_cdf(x)
        return np.maximum(x, -CERTAIN) * part, part
    y, part = np.empty(x.shape, x.dtype), np.empty(x.shape, x.dtype)
    for values, out, p in blocks(x, y, part):
        clipped = np.clip(values, -CERTAIN, CERTAIN)  # so that the cube is finite
        np.multiply(clipped, clipped, out=p)
        p *= -2 * SCALE * CUBE
        p -= 2 * SCALE
        p *= clipped
        with np.errstate(over="ignore", under="ignore"):
            np.exp(p, out=p)
        p += 1
        np.reciprocal(p, out=p)
        np.multiply(np.maximum(values, -CERTAIN), p, out=out)
    return (y if y.ndim else y[()]), part  # (a NumPy scalar if 0-d, as ufuncs return)


def gelu_gradient(gy: Any, x: Any, part: Any, approximate: bool) -> Any:
    """The gradient with respect to `x`, from the second result of `gelu_of_array`."""
    gx = np.empty(x.shape, x.dtype)
    for slope, gys, xs, parts in blocks(gx, gy, x, part):
        clipped = np.clip(xs, -CERTAIN, CERTAIN)
        np.multiply(clipped, clipped, out=slope)
        if approximate:  # p + x p (1 - p) 2 SCALE (1 + 3 CUBE x^2)
            slope *= 6 * SCALE * CUBE
            slope += 2 * SCALE
            slope *= clipped
            np.subtract(1, parts, out=clipped)
            slope *= clipped
            slope *= parts
            slope += parts
        else:  # the CDF, and x times the density
            slope *= -0.5
            np.exp(slope, out=slope)
            slope *= 1 / math.sqrt(2 * math.pi)
            slope *= clipped
            slope += parts
        slope *= gys
    return gx


def blocks(*arrays: Any) -> Iterator[list[Any]]:
    """Split arrays of one shape into flat blocks; arrays to be written to must be contiguous."""
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, arrays[0].size, BLOCK):
        yield [each[start : start + BLOCK] for each in flat]
