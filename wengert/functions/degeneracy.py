"""Repeated eigenvalues and singular values: which derivatives still exist, and which are refused.

Eigenvectors and singular vectors are not unique: any phase does, and where values are equal, any
turn among their vectors. What does not depend on that choice has a derivative, of which the turn
among the vectors is no part. What does depend on it has none, and a loss of both the values and
their vectors (like ``v f(w) v^H`` at equal w) has one that w and v alone do not determine. Both are
refused by LinAlgError rather than guessed. Values are equal where they are so to rounding.
"""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.core.numpy_call import pullback
from wengert.custom.registration import dispatched
from wengert.functions.contraction import adjoint

LinAlgError = np.linalg.LinAlgError


def resolution(w: Any) -> Any:
    """The distance below which rounding alone can have made eigenvalues or singular values different."""
    w = np.abs(plain(w))
    return 4 * w.shape[-1] * np.finfo(w.dtype).eps * np.max(w, axis=-1, keepdims=True, initial=0)


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


def refuse_choice(equal: Any, turn: Any, gw: Any, gv: Any, values_alone: bool = True) -> None:
    """Raise if a gradient arrives for the choice of vectors, or if the choice would decide the derivative."""
    gw, gv, turn = plain(gw), plain(gv), plain(turn)
    phases = np.imag(np.diagonal(turn, axis1=-2, axis2=-1))
    if np.any(np.abs(phases)[..., None, :] > rounding_of(gv)):
        raise dependent_on_choice("the phase of the vectors")
    pairs = equal & ~np.eye(equal.shape[-1], dtype=bool)
    if not pairs.any():
        return
    if np.any(pairs & (np.abs(turn) > rounding_of(gv))):
        raise dependent_on_choice("the turn among the vectors of equal values")
    used = np.any(np.abs(gv) > rounding_of(gv), axis=-2, keepdims=True)  # (..., 1, n): which vectors
    gw = gw[..., None, :]
    uneven = np.abs(gw - np.swapaxes(gw, -1, -2)) > rounding_of(gw)
    if values_alone:
        uneven = uneven & used.any(axis=-1, keepdims=True)
    if np.any(pairs & (uneven | (used & (np.abs(gw) > rounding_of(gw))))):
        raise undetermined("equal values")


def refuse_null(zero: Any, null: Any, gs: Any, turn: Any, out: list[Any], vectors: Any) -> None:
    """Raise if a derivative is asked for that the vectors of singular values 0 would decide."""
    gs, limit = plain(gs)[..., None, :], rounding_of(vectors)
    columns = zero[..., None, :]
    bad = [columns & (np.abs(gs) > rounding_of(gs)) & np.any(vectors != 0, axis=(-2, -1), keepdims=True)]
    bad += [null & (np.abs(plain(turn)) > limit)]
    bad += [columns & (np.abs(plain(part)) > limit) for part in out]
    if any(part.any() for part in bad):
        raise undetermined("singular values that are 0")


def rounding_of(a: Any) -> Any:
    """What is no more than rounding beside the largest element of each matrix."""
    a = plain(a)
    return np.sqrt(np.finfo(a.dtype).eps) * np.max(np.abs(a), axis=(-2, -1), keepdims=True, initial=0)


def dependent_on_choice(what: str) -> Exception:
    """Make the error for a loss that the matrix alone does not determine."""
    return LinAlgError(
        f"the loss depends on {what}, which the matrix does not determine, so that it has no derivative; "
        "use what does not depend on it, like abs(v) ** 2 or v @ np.diag(f(w)) @ v.conj().T"
    )


def undetermined(where: str) -> Exception:
    """Make the error for a derivative that values and vectors do not determine."""
    return LinAlgError(
        f"at {where}, a loss of both values and vectors has a derivative that these do not determine; write it "
        "without the decomposition (inv, solve, matrix_power, norm), or move the matrix a little"
    )
