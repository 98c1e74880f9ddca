"""Derivatives of linear solves, inverses, determinants and matrix powers."""

import math
import operator
from typing import Any

import numpy as np

from wengert.arrays.decisions import holds
from wengert.arrays.table import plain
from wengert.checks.errors import describe
from wengert.core.variable import Variable
from wengert.custom.registration import composition, piecewise_constant, pullback
from wengert.functions.contraction import adjoint, array, conjugate
from wengert.functions.degeneracy import largest
from wengert.functions.hermitian import from_triangle, in_triangle

LinAlgError = np.linalg.LinAlgError


@pullback(np.linalg.inv, "a", reads="")
def inv(gy: Any, a: Any, *, y: Any) -> Any:
    return -adjoint(y) @ gy @ adjoint(y)


@pullback(np.linalg.solve, "a", reads="a")
def solve_matrix(gy: Any, a: Any, b: Any, *, y: Any) -> Any:
    b = array(b)
    if b.ndim == 1:  # a single column, as in np.linalg.solve
        return -np.linalg.solve(adjoint(a), gy[..., None]) @ conjugate(y)[..., None, :]
    return -np.linalg.solve(adjoint(a), gy) @ adjoint(y)


@pullback(np.linalg.solve, "b", reads="a", linear=True)
def solve_right(gy: Any, a: Any, b: Any, *, y: Any) -> Any:
    a = array(a)
    if b.ndim == 1:
        return np.linalg.solve(adjoint(a), gy[..., None])[..., 0]
    return np.linalg.solve(adjoint(a), gy)


@pullback(np.linalg.det, "a")
def det(gy: Any, a: Any, *, y: Any) -> Any:
    if holds(np.all(y != 0)):
        # y and the inverse share their LU factors, so that the error of a tiny y cancels
        inverse = np.linalg.inv(a)
        if not isinstance(a, Variable) or _is_well_conditioned(plain(a), plain(inverse)):
            return (gy * conjugate(y))[..., None, None] * adjoint(inverse)
    return gy[..., None, None] * conjugate(cofactors(a))


def _is_well_conditioned(a: Any, inverse: Any) -> bool:
    """Whether a second derivative from the inverse is exact: where it is large, its square cancels in that."""
    return holds(np.all(largest(a) * largest(inverse) < np.finfo(a.dtype).eps ** (-1 / 3)))


def cofactors(a: Any) -> Any:
    """The derivative of the determinant: signed minors, valid for singular matrices too."""
    n = a.shape[-1]
    if n <= 1:
        return np.ones(a.shape, a.dtype)
    if n > 16:  # n^2 minors would be too many
        u, s, vh = np.linalg.svd(a)
        products = np.prod(np.where(np.eye(n, dtype=bool), 1, s[..., None, :]), axis=-1)
        turned = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
        return turned * (conjugate(u) * products[..., None, :]) @ conjugate(vh)
    others = np.array([[j for j in range(n) if j != i] for i in range(n)])
    minors = np.linalg.det(a[..., others[:, None, :, None], others[None, :, None, :]])
    signs = 1 - 2 * (np.add.outer(np.arange(n), np.arange(n)) % 2)
    return minors * signs.astype(np.int8)


@pullback(np.linalg.slogdet, "a")
def slogdet(gy: Any, a: Any, *, y: Any) -> Any:
    g_sign, g_log = gy
    if a.dtype.kind == "c":  # a complex sign is the phase of the determinant
        g_log = g_log + 1j * np.imag(g_sign * conjugate(y[0]))
    g_log = g_log[..., None, None]
    # Matrices that receive no gradient are not inverted, so that singular ones among them do not raise.
    masked = (g_log == 0) & (y[0] == 0)[..., None, None]
    return g_log * adjoint(np.linalg.inv(np.where(masked, np.eye(a.shape[-1], dtype=a.dtype), a)))


@pullback(np.linalg.pinv, "a")
def pinv(gy: Any, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None, y: Any) -> Any:
    """The derivative at fixed rank. (`rtol` is not read here, so its default need not be NumPy's.)"""
    a = from_triangle(a, "L") if hermitian else a
    _refuse_cut(plain(a), plain(y))
    yh, gyh = adjoint(y), adjoint(gy)
    rows, columns = a.shape[-2:]
    outside = (np.eye(rows, dtype=a.dtype) - a @ y) @ gyh @ y @ yh
    inside = yh @ y @ gyh @ (np.eye(columns, dtype=a.dtype) - y @ a)
    gx = outside + inside - yh @ gy @ yh
    return in_triangle((gx + adjoint(gx)) / 2, "L") if hermitian else gx


def _refuse_cut(a: Any, y: Any) -> None:
    """Raise where `rcond` has cut off singular values that are larger than rounding errors."""
    if not a.size:
        return
    cut = np.max(np.abs(a @ y @ a - a), axis=(-2, -1))
    if np.any(cut > np.sqrt(np.finfo(y.dtype).eps) * np.max(np.abs(a), axis=(-2, -1))):
        raise LinAlgError(
            "the derivative of pinv is known where only singular values that are 0 to rounding are cut off, but "
            "rcond= (or rtol=) cut off larger ones; choose it smaller, or sum over the singular values that you "
            "keep: u, s, vh = np.linalg.svd(x)"
        )


@composition(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    a, b = array(a), array(b)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise LinAlgError(f"lstsq takes a matrix and as many rows, but got shapes {a.shape} and {b.shape}")
    rows, columns = a.shape
    dtype = np.result_type(a, b)
    a, b = (x if x.dtype == dtype else x.astype(dtype) for x in (a, b))
    s = np.linalg.svdvals(a)
    precision = np.finfo(s.dtype).eps
    if rcond is None:
        rcond = precision * max(rows, columns)
    elif rcond < 0:
        rcond = precision
    rank = np.sum(s > rcond * np.max(s, initial=0))
    x = np.linalg.pinv(a, rcond) @ b if rows else np.zeros((columns, *b.shape[1:]), np.result_type(dtype, s))
    if rank < columns or rows <= columns:
        residuals = np.zeros(0, s.dtype)
    else:
        left = np.reshape(b - a @ x, (rows, -1 if b.size else math.prod(b.shape[1:])))
        residuals = np.sum(np.real(left * conjugate(left)), axis=0)
    return x, residuals, rank.astype(np.int32), s


@composition(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Any:
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise LinAlgError(f"matrix_power takes square matrices, but got {describe(a)}")
    n = operator.index(n)
    if n == 0:
        return np.where(True, np.eye(a.shape[-1], dtype=a.dtype), a)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 3:  # in NumPy's order
        return a @ a @ a
    power, square = None, a
    while n:
        n, bit = divmod(n, 2)
        if bit:
            power = square if power is None else power @ square
        if n:
            square = square @ square
    return power


@composition(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = array(a), array(b)
    if axes is not None:
        last = [i % a.ndim for i in axes]
        a = np.transpose(a, [i for i in range(a.ndim) if i not in last] + last)
    shape = a.shape[-(a.ndim - b.ndim) :]  # (NumPy's formula: all of them where the two have as many)
    n = math.prod(shape)
    if a.size != n * n or b.size != n:
        raise LinAlgError(
            f"tensorsolve takes as many equations as unknowns, but got shapes {a.shape} and {b.shape}: "
            "prod(a.shape[b.ndim:]) must be b.size, and its square a.size"
        )
    return np.reshape(np.linalg.solve(np.reshape(a, (n, n)), np.ravel(b)), shape)


@composition(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    if ind <= 0:
        raise ValueError(f"tensorinv takes a positive number of first axes, but got ind={ind}")
    rows, columns = math.prod(a.shape[:ind]), math.prod(a.shape[ind:])
    if rows != columns:
        raise LinAlgError(
            f"tensorinv takes as many elements in the first {ind} axes as in the others, but got {describe(a)}"
        )
    return np.reshape(np.linalg.inv(np.reshape(a, (rows, columns))), a.shape[ind:] + a.shape[:ind])


piecewise_constant(np.linalg.matrix_rank)
