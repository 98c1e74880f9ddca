"""Repeated eigenvalues and singular values: which derivatives still exist, and which are refused.

Eigenvectors and singular vectors are not unique: any phase does, and where values are equal, any
rotation among their vectors. A loss that depends on that choice has no derivative, and is refused by
LinAlgError. One that does not depend on it is seen by a pullback only through the gradients gw and gv
with respect to values and vectors. The derivative with respect to the matrix within a block of equal
values is a matrix G, of which gw is the diagonal, in whatever basis the decomposition has chosen. The
rest of G follows from how gw changes when the basis is rotated: a derivative of gw with respect to v, for
which the gradients must carry a graph (see `equal_values`). The size of gv says nothing: for the
logarithm of a matrix at the identity it is 0.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.custom.registration import dispatched, pullback
from wengert.functions.contraction import adjoint

LinAlgError = np.linalg.LinAlgError


def resolution(w: Any) -> Any:
    """The distance below which rounding alone can have made eigenvalues or singular values different."""
    w = np.abs(plain(w))
    return 4 * w.shape[-1] * np.finfo(w.dtype).eps * np.max(w, axis=-1, keepdims=True, initial=0)


def nearness(w: Any, power: float, scale: Any = 0) -> Any:
    """A distance between values within which a quotient by it is inexact, as a power of the precision.

    It goes by the largest value, or by `scale`, see `scale_of`.
    """
    w = np.abs(plain(w))
    largest_one = np.maximum(np.max(w, axis=-1, keepdims=True, initial=0), scale)
    return np.maximum(np.finfo(w.dtype).eps ** power * largest_one, resolution(w))


def unit(w: Any) -> Any:
    """The scale of values below which second derivatives are not told from rounding, of functions like exp.

    In the root of a matrix of this size they would be; nothing here tells one from the other.
    """
    eps = np.finfo(plain(w).dtype).eps
    return 1000 * eps ** (2 / 3)


def scale_of(gw: Any, gv: Any, w: Any, parts: Callable[[], list[Any]]) -> Any:
    """How much values change while the loss changes as much as the rotation of their vectors could change it.

    A rotation counts by the gradient of the vectors times the rounding error of these. So in exp(a) near a = 0 all
    eigenvalues are nearly equal, however much they differ beside the largest of them. `parts` are those of the gradient
    with respect to the matrix.
    """
    of_values, of_vectors = largest(plain(gw)[..., None, :]), largest(gv)
    if np.all(of_vectors <= 8 * of_values * largest(w[..., None, :])):
        return 0  # the largest value is scale enough
    gradient = functools.reduce(np.maximum, map(largest, parts()), of_values)[..., 0]
    scale = of_vectors[..., 0] / np.where(gradient > 0, gradient, np.inf)
    return np.where(np.isfinite(scale), scale, 0)


def within(w: Any, limit: Any) -> Any:
    """Which pairs of values differ by no more than `limit`."""
    return np.abs(w[..., None, :] - w[..., :, None]) <= limit[..., None]


def distinct_places(shape: tuple[int, ...]) -> Any:
    """Which pairs are of two different values."""
    return ~np.eye(shape[-1], dtype=bool)


def divide(a: Any, b: Any, zero: Any) -> Any:
    """Divide, with 0 where `b` is `zero`."""
    return np.where(zero, 0, a / np.where(zero, 1, b))


@dispatched
def quotient(c: Any, h: Any, w: Any, sign: int, skip: Any) -> Any:
    """Solve ``y h - sign h y = c`` but for the elements to `skip`, which are 0.

    The matrix `h` is that of the values `w`: diagonal to rounding, though its derivative is not
    within a block of equal values. So the derivative with respect to a matrix with equal values accounts for how they
    separate. The values of `h` are not read.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([1.0, 3.0])
    >>> quotient(np.ones((2, 2)), np.diag(w), w, 1, np.eye(2, dtype=bool))
    array([[ 0. ,  0.5],
           [-0.5,  0. ]])
    """
    return divide(c, w[..., None, :] - sign * w[..., :, None] if sign else w[..., None, :], skip)


@pullback(quotient, "c", reads="h w sign skip")
def quotient_of(gy: Any, c: Any, h: Any, w: Any, sign: int, skip: Any) -> Any:
    return quotient(gy, h, w, sign, skip)


@pullback(quotient, "h", reads="h w sign skip")
def quotient_by(gy: Any, c: Any, h: Any, w: Any, sign: int, skip: Any, *, y: Any) -> Any:
    g = quotient(gy, h, w, sign, skip)
    return sign * (g @ adjoint(y)) - adjoint(y) @ g if sign else -adjoint(y) @ g


@dispatched
def bent(value: Any, by: Any, where: Any) -> Any:
    """Return `value`, whose derivative with respect to `by` is NaN for the matrices marked in `where`.

    For a derivative that is known at a point, though not how it changes there. Its pullback, a
    product of a derivative with a vector, stays as it is.

    Examples
    --------
    >>> import numpy as np
    >>> bent(np.ones(2), np.eye(2), np.array(True))
    array([1., 1.])
    """
    return value


@pullback(bent, "value", reads="")
def bent_value(gy: Any, value: Any, by: Any, where: Any) -> Any:
    return gy


@pullback(bent, "by", reads="where")
def bent_by(gy: Any, value: Any, by: Any, where: Any) -> Any:
    gy = plain(gy)
    arrives = np.any(gy != 0, axis=tuple(range(where.ndim, gy.ndim))) & where
    arrives = np.reshape(arrives, arrives.shape + (1,) * (len(by.shape) - arrives.ndim))
    return np.where(arrives, np.nan, np.zeros(by.shape, by.dtype))


def rounding_of(a: Any) -> Any:
    """What is no more than rounding beside the largest element of each matrix."""
    return np.sqrt(np.finfo(plain(a).dtype).eps) * largest(a)


def largest(a: Any) -> Any:
    """The largest size of an element of each matrix, as a matrix of one element."""
    return np.max(np.abs(plain(a)), axis=(-2, -1), keepdims=True, initial=0)


def project_rest(gq: Any, q: Any, k: int) -> Any:
    """Give the gradient of the vectors beyond `k`, which only complete a basis, to the first `k`."""
    rest, g_rest = q[..., k:], gq[..., k:]
    turn = adjoint(rest) @ g_rest
    if np.any(np.abs(plain(turn - adjoint(turn))) > rounding_of(gq)):
        raise dependent_on_choice("the columns that complete q (or u, v) to a square matrix")
    return gq[..., :k] - rest @ (adjoint(g_rest) @ q[..., :k])


def exactness(gv: Any) -> Any:
    """What rounding makes of a 0 in a product with `gv`."""
    a = plain(gv)
    return 64 * a.shape[-2] * np.finfo(a.dtype).eps * largest(a)


def small_turn(turn: Any, gw: Any, gv: Any, near: Any, power: float) -> Any:
    """Which turns are those of a loss that takes values for nearly equal: `near`, a distance, times a gradient."""
    eps = np.finfo(plain(gv).dtype).eps
    limit = max(eps**power, np.sqrt(eps)) * largest(gv)
    return np.abs(plain(turn)) <= limit + 4 * near[..., None] * largest(plain(gw)[..., None, :])


def refuse_phases(turn: Any, limit: Any) -> None:
    """Raise if a gradient arrives for the phases of vectors."""
    phases = np.imag(np.diagonal(turn, axis1=-2, axis2=-1))
    if np.any(np.abs(phases)[..., None, :] > limit):
        raise dependent_on_choice("the phase of the vectors")


def refuse_unknown(*gradients: Any) -> None:
    """Raise where a derivative of a derivative arrives that is not known (see `bent`)."""
    if any(np.any(np.isnan(plain(g))) for g in gradients):
        raise LinAlgError(
            "at equal values, values nearly equal or singular values 0, the gradient with respect to the decomposition "
            "is NaN: of a loss that has no second derivative there (the largest of equal values, a sum of singular "
            "values at 0), or of values and vectors together, of which the first derivative is known there, but not "
            "the second; write it without the decomposition (matrix_function, inv, solve, matrix_power, slogdet, "
            "norm), or move the matrix a little"
        )


def dependent_on_choice(what: str) -> Exception:
    """Make the error for a loss that the matrix alone does not determine."""
    return LinAlgError(
        f"the loss depends on {what}, which the matrix does not determine, so that it has no derivative; "
        "use what does not depend on it, like abs(v) ** 2 or v @ np.diag(f(w)) @ v.conj().T"
    )


def undetermined(where: str) -> Exception:
    """Make the error for a derivative that values and vectors do not determine."""
    return LinAlgError(
        f"at {where}, a loss of both values and vectors has a derivative that these do not determine; for v f(w) v^H "
        "of a Hermitian matrix use wengert.functions.matrix_function(f, a), else write it without the decomposition "
        "(inv, solve, matrix_power, norm), or move the matrix a little"
    )


def not_hermitian() -> Exception:
    """Make the error for a function of a Hermitian matrix that is none, but read from one triangle."""
    return LinAlgError(
        "at equal eigenvalues, a loss of values and vectors has a derivative as a function of a Hermitian matrix, but "
        "this one is read from one triangle of a matrix that may be any; make it Hermitian before the call, "
        "np.linalg.eigh((a + a.conj().T) / 2), or use wengert.functions.matrix_function(f, a)"
    )
