"""Embedding: a table of vectors."""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.variables import to_array
from wengert.core.variable import Parameter
from wengert.functions._embedding import embedding
from wengert.layers.initializers import Initializer, drawn, normal
from wengert.layers.layer import Layer
from wengert.layers.sizes import size_read

__all__ = ["Embedding"]


class Embedding(Layer):
    """A table of vectors, looked up by index, such as those of words.

    Parameters
    ----------
    rows : int
        The number of vectors.
    width : int
    padding_index : int, optional
        A row that is 0 and is not trained.
    initializer : function, optional
        ``(shape, dtype) -> ndarray``; by default standard normal, as in PyTorch.
    dtype : float32 or float64

    Attributes
    ----------
    weight : Parameter (rows, width)

    Raises
    ------
    IndexError
        When called with an index that is out of range.
    TypeError
        When called with anything but integers.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> layer = wengert.layers.Embedding(100, 8)
    >>> layer(np.array([[1, 2, 3]])).shape
    (1, 3, 8)
    """

    def __init__(
        self,
        rows: int,
        width: int,
        padding_index: int | None = None,
        initializer: Initializer | None = None,
        dtype: Any = np.float32,
    ) -> None:
        self.rows = options.size(rows, "rows", "Embedding")
        self.width = options.size(width, "width", "Embedding")
        self.dtype = options.dtype(dtype, "dtype", "Embedding", "fc")
        if padding_index is not None:
            padding_index = options.integer(padding_index, "padding_index", "Embedding", -self.rows, self.rows - 1)
            padding_index %= self.rows
        self.padding_index = padding_index
        start = normal(1.0) if initializer is None else options.function(initializer, "initializer", "Embedding")
        weight = drawn(start, (self.rows, self.width), self.dtype, "Embedding")
        if self.padding_index is not None:
            weight[self.padding_index] = 0
        self.weight = Parameter(weight)

    def forward(self, indices: Any) -> Any:
        """Compute ``(*indices.shape, width)`` from integers of any shape."""
        indices = to_array(plain(indices))
        if indices.dtype.kind not in "iu" and indices.size:
            raise TypeError(f"{self.label()} takes integers as indices, but got {describe(indices)}; x.astype(int)")
        return embedding(indices, self.weight, self.padding_index)

    def loaded(self) -> None:
        """Raise ValueError for a weight of other sizes."""
        size_read(self, self.weight, ("rows", "width"))

    def label(self) -> str:
        """Return the representation, with its sizes, on one line."""
        padding = "" if self.padding_index is None else f", padding_index={self.padding_index}"
        return f"Embedding({self.rows}, {self.width}{padding})"
