"""The parts of complex numbers, and numbers of their parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import strided
from wengert.compiler.graph.graph import Node, c_strides
from wengert.compiler.kernels.copies import as_pairs
from wengert.compiler.lowering.rules import as_node, rule


def part(x: Node, index: int, line: str) -> Node:
    """The real or the imaginary part of complex numbers."""
    shape = x.shape or ()
    return strided(as_pairs(x, line), shape, tuple(2 * s for s in c_strides(shape)), index, line)


@rule(np.real)
def real(line: str, val: Any) -> Any:
    x = as_node(val)
    return None if x.dtype.kind != "c" or not x.size else part(x, 0, line)


@rule(np.imag)
def imag(line: str, val: Any) -> Any:
    x = as_node(val)
    return None if x.dtype.kind != "c" or not x.size else part(x, 1, line)
