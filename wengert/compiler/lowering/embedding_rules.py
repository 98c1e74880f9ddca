"""Embedding lookups, and their gradients with respect to the table.

Where an index is out of bounds a guard fails, and the function itself is called, which raises.
"""

from __future__ import annotations

import numpy as np

from wengert.compiler.graph.build import constant, convert, elementwise, reduction, reshape, zeros
from wengert.compiler.graph.graph import Node
from wengert.compiler.kernels.gather_scatter import gathered
from wengert.compiler.kernels.row_sums import sums_of_rows
from wengert.compiler.lowering.rules import require

__all__ = ["lookup", "require_below", "row_sums"]

INDEX = np.dtype(np.int64)


def lookup(indices: Node, weight: Node, line: str) -> Node | None:
    """Gather rows of a table; None if no kernel does."""
    numbers = row_numbers(indices, weight, line)
    if numbers is None:
        return None
    if numbers.op != "constant":
        require_below(numbers, (weight.shape or ())[0], line)
    return gathered(weight, numbers, 0, line)


def row_sums(indices: Node, weight: Node, gy: Node, padding_index: int | None, line: str) -> Node | None:
    """The gradient with respect to the table; forward has required that the indices are in bounds."""
    numbers = row_numbers(indices, weight, line)
    if numbers is None:
        return None
    rows, width = weight.shape or ()
    values = reshape(gy if gy.dtype == weight.dtype else convert(gy, dtype=weight.dtype), (numbers.size, width), line)
    zeroed_row = None if padding_index is None else int(padding_index) % rows
    return sums_of_rows(reshape(numbers, (numbers.size,), line), values, rows, zeroed_row, line)


def row_numbers(indices: Node, weight: Node, line: str) -> Node | None:
    """The indices of rows as int64; None if no kernel takes them."""
    if weight.dtype not in (np.float32, np.float64) or not weight.dtype.isnative or weight.ndim != 2:
        return None
    if indices.dtype.kind not in "iu" or not indices.dtype.isnative or 0 in (indices.size, weight.size):
        return None
    if indices.op == "constant":
        array = indices.settings["array"]
        inside = array.min() >= 0 and array.max() < (weight.shape or ())[0]
        return constant(array.astype(INDEX)) if inside else None
    return indices if indices.dtype == INDEX else convert(indices, dtype=INDEX, line=line)


def require_below(numbers: Node, limit: int, line: str) -> None:
    """Add a guard that integers are at least 0 and below a limit."""
    if numbers.size == 1:  # (needs no reduction)
        numbers = reshape(numbers, (), line)
    # Converted to unsigned, negative integers are large.
    numbers = convert(numbers, dtype=np.uint64, line=line)
    inside = elementwise(np.less, numbers, zeros((), np.uint64, limit), line=line)
    require(inside if inside.shape == () else reduction(np.logical_and, inside, None, line=line), line)
