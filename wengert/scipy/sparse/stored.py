"""Sparse matrices whose stored values are Variables, and products with those of SciPy.

A matrix is a vector of stored values and a pattern: where they lie. The pattern is constant; products and solutions are
differentiated with respect to the stored values and to the other operand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from wengert.arrays.batches import Level
from wengert.arrays.lists import stacked
from wengert.batching.batched import Batched, NoRule, is_mapped, strip
from wengert.batching.rules import batching
from wengert.checks.errors import ConversionError, describe
from wengert.custom.registration import pullback
from wengert.functions.contraction import array, conjugate
from wengert.scipy.answers import CARRIERS, answered

__all__ = ["Pattern", "StoredValues", "matmul", "parts_of", "product"]


class Pattern:
    """Where the stored values of a matrix lie: rows and columns ("coo"), or indices and pointers ("csr", "csc")."""

    def __init__(self, first: Any, second: Any, shape: Any, form: str = "coo") -> None:
        self.first, self.second, self.shape, self.form = first, second, (int(shape[0]), int(shape[1])), form

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What a recorded call takes, as arrays that may be traced."""
        return self.first, self.second, self.shape, self.form

    @property
    def transposed(self) -> Pattern:
        if self.form == "coo":
            return Pattern(self.second, self.first, self.shape[::-1])
        return Pattern(self.first, self.second, self.shape[::-1], "csc" if self.form == "csr" else "csr")

    @property
    def coordinates(self) -> tuple[Any, Any]:
        """The rows and columns of the stored values."""
        if self.form == "coo":
            return np.asarray(self.first), np.asarray(self.second)
        lines = np.repeat(np.arange(self.second.size - 1), np.diff(self.second))
        return (lines, self.first) if self.form == "csr" else (self.first, lines)

    def matrix(self, values: Any) -> Any:
        """The matrix of SciPy that has these values."""
        values = np.ascontiguousarray(values)
        if self.form == "coo":
            return scipy.sparse.coo_array((values, (self.first, self.second)), self.shape).tocsr()
        kind = scipy.sparse.csr_array if self.form == "csr" else scipy.sparse.csc_array
        return kind((values, self.first, self.second), self.shape)


def opaque(function: Any, name: str) -> Any:
    """Open a function of arrays to Variables; a tracer takes it as one call."""
    function.__module__ = "scipy.sparse"  # (as SciPy's functions are: what is in it is not traced)
    return answered(function, name)


def sparse_product(values: Any, x: Any, first: Any, second: Any, shape: Any, form: Any) -> Any:
    return Pattern(first, second, shape, form).matrix(values) @ x


def products_at_stored(left: Any, right: Any, first: Any, second: Any, shape: Any, form: Any) -> Any:
    """The elements of ``left @ right^H`` that are stored."""
    rows, columns = Pattern(first, second, shape, form).coordinates
    found = left[rows] * np.conjugate(right)[columns]
    return found if found.ndim == 1 else np.sum(found, axis=-1)


product = opaque(sparse_product, "sparse.stored.product")
at_stored = opaque(products_at_stored, "sparse.stored.at_stored")


@pullback(product, "values", reads="x first second")
def product_values(gy: Any, values: Any, x: Any, first: Any, second: Any, shape: Any, form: Any) -> Any:
    return at_stored(gy, x, first, second, shape, form)


@pullback(product, "x", reads="values first second")
def product_other(gy: Any, values: Any, x: Any, first: Any, second: Any, shape: Any, form: Any) -> Any:
    transposed = Pattern(first, second, shape, form).transposed
    return product(conjugate(values), gy, *transposed.arguments)


@pullback(at_stored, "left", reads="right first second")
def at_stored_left(gy: Any, left: Any, right: Any, first: Any, second: Any, shape: Any, form: Any) -> Any:
    return product(gy, right, first, second, shape, form)


@pullback(at_stored, "right", reads="left first second")
def at_stored_right(gy: Any, left: Any, right: Any, first: Any, second: Any, shape: Any, form: Any) -> Any:
    transposed = Pattern(first, second, shape, form).transposed
    return product(conjugate(gy), left, *transposed.arguments)


@batching(product)
def product_of_each(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    """One product with a matrix that is the same for each example: the operands of all are columns of one."""
    values, x, *pattern = args
    if is_mapped(values, level) or not is_mapped(x, level) or kwargs:
        raise NoRule
    columns = np.moveaxis(x.value, 0, 1)
    rows = columns.shape[0]
    y = function(strip(values, level), columns.reshape(rows, columns.size // max(rows, 1)), *pattern)
    return Batched(level, np.moveaxis(y.reshape(y.shape[:1] + columns.shape[1:]), 0, 1), True)


@batching(at_stored)
def at_stored_of_each(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    return products_at_stored(*args, **kwargs)


class StoredValues:
    """A sparse matrix with Variables as its stored values.

    Parameters
    ----------
    data : array of shape (n,)
        The stored values. Several in the same place add up.
    pattern : Pattern
        Where they lie.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.scipy import sparse
    >>> v = wengert.Variable(np.array([2.0, 3.0]))
    >>> a = sparse.csr_array((v, [1, 0], [0, 1, 2]), shape=(2, 2))
    >>> np.sum(a @ np.array([1.0, 10.0])).backward()
    >>> v.grad
    array([10.,  1.])
    """

    __array_ufunc__ = None  # (an ndarray beside it leaves the operator to it)
    ndim = 2

    def __init__(self, data: Any, pattern: Any) -> None:
        self.data, self.pattern = data, pattern

    shape = property(lambda self: self.pattern.shape)
    dtype = property(lambda self: self.data.dtype)
    nnz = property(lambda self: self.data.size)
    T = property(lambda self: StoredValues(self.data, self.pattern.transposed))

    def __repr__(self) -> str:
        return f"<a sparse matrix of shape {self.shape}, whose {self.nnz} stored values are Variables>"

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise ConversionError(
            "a sparse matrix of Variables is no array; write a.toarray(), or leave the graph: a.data.data"
        )

    def transpose(self) -> Any:
        return self.T

    def conj(self) -> Any:
        return StoredValues(np.conjugate(self.data), self.pattern)

    def toarray(self) -> Any:
        """The whole matrix, as a Variable."""
        return product(self.data, np.eye(self.shape[1], dtype=self.dtype), *self.pattern.arguments)

    todense = toarray

    def __matmul__(self, other: Any) -> Any:
        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return matmul(other, self)

    dot = __matmul__

    def __mul__(self, factor: Any) -> Any:
        if np.ndim(factor):
            raise TypeError(
                f"a sparse matrix of Variables is multiplied by a number, or by @, but got {describe(factor)}"
            )
        return StoredValues(self.data * factor, self.pattern)

    __rmul__ = __mul__

    def __truediv__(self, factor: Any) -> Any:
        return self * (1 / factor)

    def __neg__(self) -> Any:
        return StoredValues(-self.data, self.pattern)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, StoredValues) and not scipy.sparse.issparse(other):
            raise TypeError(f"a sparse matrix of Variables is added to a sparse matrix, but got {describe(other)}")
        values, pattern = parts_of(other)
        if pattern.shape != self.shape:
            raise ValueError(f"matrices that are added have one shape, but got {self.shape} and {pattern.shape}")
        rows, columns = map(np.concatenate, zip(self.pattern.coordinates, pattern.coordinates, strict=True))
        return StoredValues(np.concatenate([self.data, values]), Pattern(rows, columns, self.shape))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other


CARRIERS.append(StoredValues)


def parts_of(a: Any) -> tuple[Any, Any]:
    """The stored values of a matrix, and its pattern; all elements of one that is not sparse."""
    if isinstance(a, StoredValues):
        return a.data, a.pattern
    if scipy.sparse.issparse(a):
        if a.format in ("csr", "csc"):
            return a.data, Pattern(a.indices, a.indptr, a.shape, a.format)
        whole = a if a.format == "coo" else a.tocoo()
        return whole.data, Pattern(whole.row, whole.col, whole.shape)
    a = array(stacked(a))
    if a.ndim != 2:
        raise ValueError(f"a matrix has two axes, but got {describe(a)}")
    rows, columns = np.indices(a.shape).reshape(2, -1)
    return np.ravel(a), Pattern(rows, columns, a.shape)


def is_sparse(a: Any) -> bool:
    return isinstance(a, StoredValues) or scipy.sparse.issparse(a)


def matmul(a: Any, b: Any) -> Any:
    """The product of a sparse matrix and an array, in either order, with Variables in both.

    Parameters
    ----------
    a, b : array or sparse matrix
        One of them sparse: of SciPy, or with Variables as stored values; the other an array of one or two axes.

    Returns
    -------
    array
        What ``a @ b`` gives, which is the same.

    Raises
    ------
    TypeError
        If none of the two is sparse, or both are, one of them with Variables.
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np, scipy.sparse, wengert
    >>> from wengert.scipy import sparse
    >>> a = scipy.sparse.csr_array(np.array([[0.0, 2.0], [3.0, 0.0]]))
    >>> x = wengert.Variable(np.array([1.0, 10.0]))
    >>> sparse.matmul(a, x)
    Variable([20.,  3.])
    """
    if is_sparse(a) == is_sparse(b):
        if not isinstance(a, StoredValues) and not isinstance(b, StoredValues) and is_sparse(a):
            return a @ b
        raise TypeError(
            f"a product has one sparse matrix and one array, but got {describe(a)} and {describe(b)}; make an array "
            "of a sparse matrix by a.toarray()"
        )
    if is_sparse(b):
        a = array(stacked(a))
        values, pattern = parts_of(b)
        if a.ndim == 1:
            return fitting(values, a, pattern.transposed)
        return np.swapaxes(fitting(values, np.swapaxes(a, -1, -2), pattern.transposed), -1, -2)
    values, pattern = parts_of(a)
    return fitting(values, array(stacked(b)), pattern)


def fitting(values: Any, x: Any, pattern: Any) -> Any:
    """A product, once the shapes are known to fit."""
    if x.ndim not in (1, 2) or x.shape[0] != pattern.shape[1]:
        raise ValueError(f"matmul: dimension mismatch of a sparse matrix {pattern.shape} and an array {x.shape}")
    return product(values, x, *pattern.arguments)
