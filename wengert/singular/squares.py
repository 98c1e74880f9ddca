"""Roots of sums of squares: distances, whose infinite derivative at 0 is always multiplied by 0.

The root of s = sum(d * d) has the derivative 1 / (2 sqrt(s)), and s has 2 d. Where s is 0, so is d, and a gradient that
is 0 there stays 0 whatever its limit at the root is. Distances of points to themselves are common (kernels, forces,
embeddings): this spares them the search for a limit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.elementwise import Elementwise
from wengert.core.node import Node, maker_of
from wengert.core.numpy_call import NumPyCall
from wengert.core.variable import Variable
from wengert.singular.replay import key_of

__all__ = ["is_root_of_squares"]

# Sums, and functions that move or scale elements.
ADDING = {np.sum, np.mean, np.reshape, np.squeeze, np.expand_dims, np.transpose, np.broadcast_to}
DEPTH = 8  # of the sums that are looked through


def is_root_of_squares(f: Any) -> bool:
    """Whether a call is the square root of a sum of squares of real numbers."""
    ufunc = getattr(f, "ufunc", None)
    is_root = ufunc is np.sqrt or (ufunc is np.power and type(f._edges[1]) is float and f._edges[1] == 0.5)
    return is_root and sums_squares(f._edges[0], DEPTH)


def sums_squares(edge: Any, depth: int) -> bool:
    """Whether the value at an edge is a sum of squares of real numbers, with positive factors."""
    f = maker_of(edge)
    if f is None or depth == 0 or edge.dtype.kind != "f":
        return False
    if isinstance(f, NumPyCall):
        function = type(f).function
        if function is np.einsum:
            return is_square_by_subscripts(f)
        return function is np.var or (
            function in ADDING and len(f._edges) == 1 and sums_squares(f._edges[0], depth - 1)
        )
    if not isinstance(f, Elementwise):
        return False
    values = [e for e in f._edges if isinstance(e, (Node, Variable))]
    numbers = [e for e in f._edges if type(e) in (int, float)]
    if len(values) == 2:
        if f.ufunc in (np.multiply, np.matmul):
            return is_same(*values)
        return f.ufunc is np.add and all(sums_squares(e, depth - 1) for e in values)
    if f.ufunc is np.square or (f.ufunc is np.power and numbers == [2]):
        return isinstance(f._edges[0], (Node, Variable))
    scales = f.ufunc is np.multiply or (f.ufunc is np.divide and numbers == [f._edges[1]])
    return scales and len(numbers) == 1 and numbers[0] > 0 and sums_squares(values[0], depth - 1)


def is_same(a: Any, b: Any) -> bool:
    """Whether two edges lead to one value."""
    first, second = key_of(a), key_of(b)
    return first is second or (type(first) is int and first == second)  # (Variables compare element by element)


def is_square_by_subscripts(f: Any) -> bool:
    """Whether a call of einsum multiplies an operand by itself, element by element."""
    subscripts = f._kept.values[0]
    if not isinstance(subscripts, str) or len(f._edges) != 2 or not is_same(*f._edges):
        return False
    first, _, second = subscripts.partition("->")[0].replace(" ", "").partition(",")
    return first == second
