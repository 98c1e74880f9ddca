"""Derivatives of decompositions of matrices; see `hermitian` and `singular_values` for eigh and svd."""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.checks.second_walk import NeedsGraph
from wengert.custom.registration import composition, pullback
from wengert.functions.contraction import adjoint, conjugate
from wengert.functions.degeneracy import (
    LinAlgError,
    dependent_on_choice,
    distinct_places,
    divide,
    largest,
    nearness,
    project_rest,
    refuse_phases,
    refuse_unknown,
    resolution,
    rounding_of,
    small_turn,
    undetermined,
    within,
)
from wengert.functions.equal_values import first_order_only, is_absent, is_differentiable, is_used, refuse_elsewhere
from wengert.functions.hermitian import diagonal, diagonal_matrix, in_triangle
from wengert.functions.singular_values import svd

__all__ = ["svd"]


@pullback(np.linalg.cholesky, "a", reads="")
def cholesky(gy: Any, a: Any, /, *, upper: bool = False, y: Any) -> Any:
    factor, g_factor = (adjoint(y), adjoint(gy)) if upper else (y, gy)
    inner = np.tril(adjoint(factor) @ g_factor)
    inner = (inner + adjoint(inner)) / 2
    inner = inner - diagonal_matrix(diagonal(inner)) / 2
    up = adjoint(factor)
    return in_triangle(adjoint(np.linalg.solve(up, adjoint(np.linalg.solve(up, inner)))), "U" if upper else "L")


@pullback(np.linalg.qr, "a")
def qr(gy: Any, a: Any, mode: str = "reduced", *, y: Any) -> Any:
    if mode == "r":
        q, r = np.linalg.qr(a)
        gq, gr = np.zeros(q.shape, gy.dtype), gy
    elif mode in ("reduced", "complete"):
        (gq, gr), (q, r) = gy, y
    else:
        raise TypeError(f"np.linalg.qr of a Variable takes mode 'reduced', 'complete' or 'r', but got {mode!r}")
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    if q.shape[-1] > k:
        gq = project_rest(gq, q, k)
        q, r, gr = q[..., :k], r[..., :k, :], gr[..., :k, :]
    if columns == k:
        return _qr_gradient(gq, gr, q, r)
    # The columns beyond the square part are q^H times those of `a`.
    left, right = r[..., :k], r[..., k:]
    g_right = gr[..., k:]
    first = _qr_gradient(gq + q @ right @ adjoint(g_right), gr[..., :k], q, left)
    return np.concatenate([first, q @ g_right], axis=-1)


def _qr_gradient(gq: Any, gr: Any, q: Any, r: Any) -> Any:
    inner = np.triu(gr @ adjoint(r) - adjoint(q) @ gq)
    inner = inner + adjoint(inner)
    inner = inner - diagonal_matrix(diagonal(inner)) / 2
    return adjoint(np.linalg.solve(r, adjoint(gq + q @ inner)))


@pullback(np.linalg.eig, "a", reads="")
def eig(gy: Any, a: Any, *, y: Any) -> Any:
    """Where eigenvalues are equal, known for their even sum, and for what depends on the other ones."""
    (gw, gv), (w, v) = gy, y
    vh = adjoint(v)
    back = adjoint(_inverse(v))
    gaps = conjugate(w[..., None, :] - w[..., :, None])
    equal = within(plain(w), resolution(w))
    inner = 0 if is_absent(gw) else diagonal_matrix(gw)
    exact = largest(back)[..., 0]  # by so much rounding errors grow with vectors that are not orthogonal
    scale = exact * largest(plain(w)[..., None, :])[..., 0]
    if is_absent(gv):
        _refuse_uneven(gw, equal, scale, y)
        return back @ (inner @ vh)
    turn = vh @ gv
    turn = turn - (vh @ v) * np.real(diagonal(turn))[..., None, :]  # the vectors keep the length 1
    refuse_phases(plain(turn), rounding_of(gv))
    # With inv(v), the parts of gv cancel, and their size is not known: that of values is taken for 1 at least.
    scale = np.maximum(scale, exact)
    equal = equal | _told_equal(turn, gw, gv, scale, y)
    gx = back @ ((inner + divide(turn, gaps, equal)) @ vh)
    inexact = within(plain(w), nearness(w, 1 / 3, scale)) & distinct_places(w.shape)
    return first_order_only(gx, gw, inexact.any(axis=-1), v, y)


def _inverse(v: Any) -> Any:
    """The inverse of eigenvectors; raise LinAlgError where they are nearly dependent, as those of a Jordan block."""
    try:
        found = np.linalg.inv(v)
    except LinAlgError:
        found = None
    size = np.finfo(plain(v).dtype).eps ** (-1 / 3)
    if found is None or np.any(largest(found) > size):
        raise LinAlgError(
            "the matrix has no full set of eigenvectors, or nearly so, where the derivatives of single eigenvalues are "
            "infinite, and those of sums of them are not known from the eigenvectors; write it without the "
            "decomposition (trace, matrix_power, det, solve)"
        )
    return found


def _refuse_uneven(gw: Any, equal: Any, scale: Any, y: Any) -> None:
    """Raise where a loss of eigenvalues alone treats equal ones differently: its derivative may be infinite."""
    w = plain(y[0])
    if not np.any(within(w, nearness(w, 1 / 3, scale)) & distinct_places(w.shape)):
        return
    refuse_unknown(gw)
    if not is_differentiable(gw):
        raise NeedsGraph
    refuse_elsewhere(gw, y)
    g = plain(gw)[..., None, :]
    if np.any(equal & (np.abs(g - np.swapaxes(g, -1, -2)) > rounding_of(g))):
        raise undetermined("equal values")


def _told_equal(turn: Any, gw: Any, gv: Any, scale: Any, y: Any) -> Any:
    """Which pairs of nearly equal eigenvalues a loss does not tell apart; raise where they count, and their vectors."""
    w = plain(y[0])
    limit = nearness(w, 2 / 3, scale)
    tight, near, others = within(w, resolution(w)), within(w, limit), distinct_places(w.shape)
    if np.any(within(w, nearness(w, 1 / 3, scale)) & others):
        refuse_unknown(gw, gv)
    if np.any(others & tight & (np.abs(plain(turn)) > rounding_of(gv))):
        raise dependent_on_choice("the turn among the vectors of equal values")
    pairs = others & (tight | near & small_turn(turn, gw, gv, limit, 2 / 3))
    if pairs.any() and not is_differentiable(gw, gv):
        raise NeedsGraph
    which = pairs.any(axis=-1)
    if is_absent(gw):
        if which.any():
            refuse_elsewhere(gv, y)
    elif which.any() and is_used(np.where(which, gw, 0), y):
        raise undetermined("equal values")
    return pairs & (not is_absent(gw))


@composition(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    return np.linalg.eig(a)[0]
