"""The parts of complex numbers, and numbers of their parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import elementwise, reshape, strided, zeros
from wengert.compiler.graph.calls import Method
from wengert.compiler.graph.graph import Node, c_strides
from wengert.compiler.kernels.copies import as_complex, as_pairs
from wengert.compiler.lowering.rules import as_node, rule

TYPES = {np.dtype(c) for c in "fdFD"} | {np.float32, np.float64, np.complex64, np.complex128, float, complex}


def part(x: Node, index: int, line: str) -> Node:
    """The real or the imaginary part of complex numbers."""
    shape = x.shape or ()
    return strided(as_pairs(x, line), shape, tuple(2 * s for s in c_strides(shape)), index, line)


def square_of_size(x: Node, line: str) -> Node:
    """The squares of absolute values."""
    if x.dtype.kind != "c":
        return elementwise(np.multiply, x, x, line=line)
    squares = (elementwise(np.square, part(x, i, line), line=line) for i in (0, 1))
    return elementwise(np.add, *squares, line=line)


@rule(Method("view"))
def view(line: str, a: Any, dtype: Any = None) -> Any:
    """The bytes of an array as another dtype."""
    x = as_node(a)
    if dtype is None or dtype is np.ndarray:
        return x
    if x.weak or not x.size or dtype not in TYPES:
        return None
    dtype = np.dtype(dtype)
    if dtype == x.dtype:
        return x
    if x.dtype.kind == "c" and dtype == np.empty(0, x.dtype).real.dtype and x.ndim:
        shape = x.shape or ()
        return reshape(as_pairs(x, line), (*shape[:-1], 2 * shape[-1]), line)
    if dtype.kind == "c" and x.dtype == np.empty(0, dtype).real.dtype and x.ndim and (x.shape or ())[-1] % 2 == 0:
        shape = x.shape or ()
        return as_complex(reshape(x, (*shape[:-1], shape[-1] // 2, 2), line), line)
    return None


@rule(np.real)
def real(line: str, val: Any) -> Any:
    x = as_node(val)
    if x.dtype.kind != "c":
        return None if x.weak else x
    return part(x, 0, line) if x.size else None


@rule(np.imag)
def imag(line: str, val: Any) -> Any:
    x = as_node(val)
    if x.dtype.kind != "c":
        return None if x.weak else zeros(x.shape or (), x.dtype)
    return part(x, 1, line) if x.size else None
