"""Creation of arrays like others, diagonals and triangles."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant, convert, diagonal, elementwise, reshape, root_of, select, zeros
from wengert.compiler.graph.calls import Mutation
from wengert.compiler.graph.graph import Node
from wengert.compiler.lowering.rules import as_node, rule


@rule(np.zeros_like, np.empty_like)
def zeros_like(line: str, a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    return filled(a, 0, dtype, shape)


@rule(np.ones_like)
def ones_like(line: str, a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    return filled(a, 1, dtype, shape)


def filled(a: Any, value: Any, dtype: Any, shape: Any) -> Node:
    """An array like another one, filled with one number."""
    a = as_node(a)
    shape = a.shape if shape is None else shape
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (operator.index(shape),)
    return zeros(shape, a.dtype if dtype is None else dtype, value)


@rule(np.full_like)
def full_like(
    line: str, a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Any:
    like, value = filled(a, 0, dtype, shape), as_node(fill_value)
    return None if value.dtype.kind == "c" != like.dtype.kind else convert(value, like.shape, like.dtype, line)


@rule(np.triu)
def triu(line: str, m: Any, k: int = 0) -> Any:
    return triangle(as_node(m), lambda n, w=None: ~np.tri(n, w, k - 1, dtype=bool), line)


@rule(np.tril)
def tril(line: str, m: Any, k: int = 0) -> Any:
    return triangle(as_node(m), lambda n, w=None: np.tri(n, w, k, dtype=bool), line)


def triangle(a: Node, kept: Any, line: str) -> Node:
    return select(constant(kept(*(a.shape or ())[-2:])), a, zeros((), a.dtype), line)


@rule(np.diag)
def diag(line: str, v: Any, k: int = 0) -> Any:
    """A matrix with a vector on its diagonal; the diagonal of a matrix."""
    v = as_node(v)
    if v.ndim != 1:
        return diagonal(v, k, line=line)
    n = v.size + abs(k)
    return on_diagonal(zeros((n, n), v.dtype), v, k, line) if v.size else None


@rule(Mutation(np.fill_diagonal))
def fill_diagonal(line: str, a: Any, val: Any, wrap: bool = False) -> Any:
    a, value = as_node(a), as_node(val)
    if a.ndim != 2 or value.size != 1 or wrap or a.size == 0 or value.dtype.kind == "f" != a.dtype.kind:
        return None
    return on_diagonal(convert(a, line=line), reshape(value, ()), 0, line)


def on_diagonal(a: Node, value: Node, k: int, line: str) -> Node:
    """A matrix with its diagonal replaced."""
    view = diagonal(a, k)
    _, offset, strides = root_of(view)
    settings = {"offset": offset, "shape": view.shape, "strides": strides}
    value = convert(value, view.shape, a.dtype, line)
    return Node("update", (a, value), settings, a.shape, a.dtype, line=line)


@rule(np.linspace)
def linspace(
    line: str,
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    start, stop = as_node(start), as_node(stop)
    if type(num) is not int or num < 2 or retstep or dtype is not None or axis != 0:
        return None
    found = elementwise(np.subtract, stop, start, line=line)
    if found.dtype.kind not in "fc":
        return None
    steps = num - 1 if endpoint else num
    counts = np.arange(num, dtype=found.dtype).reshape(num, *(1,) * found.ndim)
    step = elementwise(np.true_divide, found, steps, line=line)
    y = elementwise(np.add, elementwise(np.multiply, constant(counts), step, line=line), start, line=line)
    return select(constant(counts == num - 1), stop, y, line) if endpoint else y
