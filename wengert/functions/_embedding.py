"""Embedding: rows of a table by index."""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.checks import options
from wengert.checks.errors import describe
from wengert.custom.registration import dispatched
from wengert.functions.contraction import array
from wengert.functions.fused import Fused

__all__ = ["embedding"]


@dispatched
def embedding(indices: Any, weight: Any, padding_index: int | None = None) -> Any:
    """Look up rows of `weight` by index.

    Parameters
    ----------
    indices : array of integers, of any shape
    weight : array (rows, width)
    padding_index : int, optional
        A row that gets no gradient: that of padding.

    Returns
    -------
    array
        The rows, of shape ``(*indices.shape, width)``.

    Raises
    ------
    TypeError
        If the indices are not integers.
    IndexError
        If an index is negative, or not below the number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> embedding(np.array([2, 0]), np.array([[1.0], [2.0], [3.0]]))
    array([[3.],
           [1.]])
    """
    indices, weight, padding_index = check_embedding(indices, weight, padding_index)
    rows = weight[indices] if np.ndim(indices) else np.positive(weight[indices])  # (a copy)
    if padding_index is None:
        return rows
    return np.where((indices == padding_index)[..., None], plain(weight)[padding_index], rows)


def check_embedding(indices: Any, weight: Any, padding_index: Any) -> tuple[Any, Any, int | None]:
    """Return the arguments as arrays; raise unless every index is in range."""
    indices, weight = plain(array(indices)), array(weight)
    if weight.ndim != 2:
        raise ValueError(f"embedding takes a weight (rows, width), but got {describe(weight)}")
    if indices.dtype.kind not in "iu":
        if indices.size:
            raise TypeError(f"embedding takes integers as indices, but got {describe(indices)}; x.astype(int)")
        indices = indices.astype(np.intp)  # an empty list
    if indices.size:
        low, high = indices.min(), indices.max()
        if low < 0 or high >= len(weight):
            raise IndexError(
                f"embedding got the index {low if low < 0 else high}, but its weight has {len(weight)} rows; "
                f"give indices from 0 to {len(weight) - 1}"
            )
    if padding_index is not None:
        padding_index = check_padding_index(padding_index, len(weight))
    return indices, weight, padding_index


def check_padding_index(index: Any, rows: int) -> int:
    """Return the index of a row as an int, counted from the end where it is negative."""
    index = options.integer(index, "padding_index", "embedding")
    if not -rows <= index < rows:
        raise IndexError(f"padding_index must be below the number of rows, {rows}, but got {index}")
    return int(index % rows)


class Embedding(Fused, function=embedding, by="weight"):
    """Takes rows, and adds gradients up by row."""

    as_one = True

    indices: Any
    rows: int
    padding_index: int | None

    def forward(self, indices: Any, weight: Any, padding_index: Any) -> Any:
        indices, weight, self.padding_index = check_embedding(indices, weight, padding_index)
        self.indices, self.rows = indices.reshape(-1), len(weight)
        return np.take(weight, indices, axis=0)

    def backward(self, gy: Any) -> Any:
        gx = sums_by_row(self.indices, gy.reshape(len(self.indices), gy.shape[-1]), self.rows)
        if self.padding_index is not None:
            gx[self.padding_index] = 0
        return (gx,)


def sums_by_row(indices: Any, values: Any, rows: int) -> Any:
    """Add up the rows of `values` by index: (rows, width). Several times as fast as np.add.at."""
    width = values.shape[1]
    total = np.zeros((rows, width), values.dtype)
    if not values.size:
        return total
    if values.dtype.kind != "f":
        np.add.at(total, indices, values)
        return total
    found = None
    if rows > 2 * len(indices):  # few rows are indexed: add up only those
        found, indices = np.unique(indices, return_inverse=True)
        rows = len(found)
    # np.bincount with weights adds in double precision, in one loop over all elements.
    places = (indices.astype(np.intp, copy=False)[:, None] * width + np.arange(width)).reshape(-1)
    sums = np.bincount(places, values.reshape(-1), rows * width).reshape(rows, width)
    if found is None:
        return sums.astype(values.dtype, copy=False)
    total[found] = sums
    return total
