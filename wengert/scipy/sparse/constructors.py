"""SciPy's sparse arrays by their stored values: with Variables among these, a `StoredValues`."""

from typing import Any

import numpy as np
import scipy.sparse

from wengert.arrays.lists import stacked
from wengert.checks.errors import describe
from wengert.functions.contraction import array
from wengert.scipy.answers import answers
from wengert.scipy.sparse.stored import Pattern, StoredValues

__all__ = ["coo_array", "coo_matrix", "csc_array", "csc_matrix", "csr_array", "csr_matrix", "diags_array"]


def stored(kind: Any, arg1: Any, shape: Any, name: str) -> Any:
    """A matrix from what SciPy's constructor takes, with Variables as values."""
    if not isinstance(arg1, (tuple, list)) or len(arg1) not in (2, 3):
        raise TypeError(
            f"{name} of Variables takes their places: (values, (rows, columns)), or (values, indices, indptr) where "
            f"it is compressed; but got {describe(arg1)}"
        )
    values, *places = arg1
    values = array(stacked(values))
    if len(places) == 1:
        rows, columns = places[0]
        if shape is None:  # which SciPy finds, as it checks the indices
            shape = scipy.sparse.coo_array((np.ones(len(values)), (rows, columns))).shape
        return StoredValues(values, Pattern(array(rows), array(columns), shape))
    indices, pointers = map(array, places)
    if shape is None:
        shape = kind((np.ones(len(values)), indices, pointers)).shape
    return StoredValues(values, Pattern(indices, pointers, shape, kind.__name__[:3]))


def constructor(theirs: Any) -> Any:
    """Open a constructor of SciPy to Variables."""

    @answers(theirs, f"sparse.{theirs.__name__}", lists=True)
    def construct(arg1: Any, shape: Any = None) -> Any:
        return stored(theirs, arg1, shape, theirs.__name__)

    return construct


coo_array, coo_matrix = constructor(scipy.sparse.coo_array), constructor(scipy.sparse.coo_matrix)
csr_array, csr_matrix = constructor(scipy.sparse.csr_array), constructor(scipy.sparse.csr_matrix)
csc_array, csc_matrix = constructor(scipy.sparse.csc_array), constructor(scipy.sparse.csc_matrix)


@answers(scipy.sparse.diags_array, lists=True)
def diags_array(diagonals: Any, /, *, offsets: Any = 0, shape: Any = None) -> Any:
    if np.ndim(offsets) == 0:
        diagonals, offsets = [diagonals], [offsets]
    diagonals = [array(stacked(d)) for d in diagonals]
    if shape is None:
        n = diagonals[0].size + abs(int(offsets[0]))
        shape = (n, n)
    values, rows, columns = [], [], []
    for diagonal, offset in zip(diagonals, offsets, strict=True):
        first = (max(-offset, 0), max(offset, 0))
        length = min(shape[0] - first[0], shape[1] - first[1])
        if diagonal.ndim != 1 or diagonal.size not in (1, length):
            raise ValueError(
                f"the diagonal {offset} of a matrix {shape} has {length} elements, but got {diagonal.shape}"
            )
        values.append(np.broadcast_to(diagonal, (length,)))
        rows.append(first[0] + np.arange(length))
        columns.append(first[1] + np.arange(length))
    return StoredValues(np.concatenate(values), Pattern(np.concatenate(rows), np.concatenate(columns), shape))
