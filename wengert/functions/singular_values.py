"""Derivatives of the singular value decomposition.

Singular vectors are theirs up to a choice. A loss that does not depend on it has its derivative also
where singular values are equal or 0, see `equal_values`; one that does is refused. Where a loss of
singular values alone has no derivative, this is by convention: equal ones each along its own
vectors, those that are 0 not at all. Its second derivative is refused there.
"""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.checks.second_walk import NeedsGraph
from wengert.custom.registration import composition, dispatched, pullback
from wengert.functions.contraction import adjoint
from wengert.functions.degeneracy import (
    bent,
    distinct_places,
    divide,
    exactness,
    nearness,
    project_rest,
    quotient,
    refuse_phases,
    refuse_unknown,
    resolution,
    rounding_of,
    scale_of,
    small_turn,
    undetermined,
    unit,
    within,
)
from wengert.functions.equal_values import (
    Block,
    attempt,
    counts_second_order,
    first_order_only,
    is_absent,
    is_differentiable,
    is_used,
    refuse_elsewhere,
    singular_value_block,
)
from wengert.functions.hermitian import diagonal_matrix, hermitian_gradient, in_triangle, uneven_values


@dispatched
def svd(a: Any, full_matrices: bool, hermitian: bool) -> Any:
    """The singular value decomposition of np.linalg.svd.

    Examples
    --------
    >>> import numpy as np
    >>> svd(np.diag([3.0, 2.0]), False, False).S
    array([3., 2.])
    """
    return np.linalg.svd(a, full_matrices, hermitian=hermitian)


@composition(np.linalg.svd)
def svd_or_values(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    return svd(a, full_matrices, hermitian) if compute_uv else svd(a, False, hermitian)[1]


@composition(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    return svd(x, False, False)[1]


@pullback(svd, "a")
def svd_pullback(gy: Any, a: Any, full_matrices: bool, hermitian: bool, *, y: Any) -> Any:
    if hermitian:
        return in_triangle(_of_hermitian(gy, a, y), "L")
    return singular_gradient(gy, y, a)


def _of_hermitian(gy: Any, a: Any, y: Any) -> Any:
    """The gradient of a Hermitian matrix: u are its eigenvectors, and vh has the signs of its eigenvalues, also 0."""
    (gu, gs, gvh), (u, s, vh) = gy, y
    sign = np.sign(np.real(np.sum(plain(u) * plain(np.swapaxes(vh, -1, -2)), axis=-2)))
    zero = plain(s) <= resolution(s)
    alone = is_absent(gu) and is_absent(gvh)
    if alone:
        gs, kinked = _at_zero(gs, zero, y)
    elif zero.any() and not is_absent(gs):
        raise undetermined("singular values that are 0, of a Hermitian matrix,")
    sign = np.where(zero, 1, sign)
    gv = gu if is_absent(gvh) else gu + adjoint(gvh) * sign[..., None, :]
    gw = gs if is_absent(gs) else gs * sign
    gx = hermitian_gradient(gw, gv, (s * sign, u), (a, "L"), y)
    return bent(gx, u, kinked.any(axis=-1)) if alone and is_differentiable(gs) and kinked.any() else gx


def _at_zero(gs: Any, zero: Any, outputs: Any) -> tuple[Any, Any]:
    """Gradients of singular values alone, of which some are 0, and where these have a kink there."""
    if not zero.any():
        return gs, zero
    refuse_unknown(gs)
    if not is_differentiable(gs):
        raise NeedsGraph
    refuse_elsewhere(gs, outputs)
    size = np.abs(plain(gs))
    others = np.max(np.where(zero, 0, size), axis=-1, keepdims=True, initial=0)
    exact = np.sqrt(np.finfo(size.dtype).eps)
    kinked = zero & ~(size <= exact * np.max(size, axis=-1, keepdims=True))
    pole = kinked & ((size > others / exact) & (others > 0) | ~np.isfinite(size))  # like that of the logarithm
    return np.where(kinked, np.where(pole, np.nan, 0), gs), kinked


def singular_gradient(gy: Any, y: Any, a: Any) -> Any:
    """The gradient of a matrix from those of its singular values and vectors."""
    (gu, gs, gvh), (u, s, vh) = gy, (y[0], plain(y[1]), y[2])
    v, k = adjoint(vh), s.shape[-1]
    if is_absent(gu) and is_absent(gvh):
        return _of_values(gs, u[..., :k], s, v[..., :k], y)
    values = None if is_absent(gs) else gs
    gu, gv = fold(gu, adjoint(gvh), u, v, k)
    u, v = u[..., :k], v[..., :k]
    along_u, along_v = adjoint(u) @ gu, adjoint(v) @ gv
    outs = gu - u @ along_u, gv - v @ along_v
    turns = (along_u - adjoint(along_u)) / 2, (along_v - adjoint(along_v)) / 2
    both = np.concatenate([plain(gu), plain(gv)], axis=-2)  # u and v turn together
    refuse_phases(plain(turns[0] + turns[1]), rounding_of(both))
    scale = 0 if values is None else scale_of(values, both, s, lambda: _parts(turns, outs, s))
    block = _block(values, turns, outs, both, s, y, scale)
    zero, equal = block.zero, block.equal
    if values is not None and not block.along:
        values = _at_zero(values, zero, y)[0]
    null = zero[..., None, :] & zero[..., :, None]
    h = None
    if is_differentiable(gu, gs, gv):
        h = adjoint(u) @ a @ v
        h = np.where(equal, np.where(null, h, (h + adjoint(h)) / 2), 0)
    inner = quotient(turns[0] + turns[1], h, s, 1, equal) + quotient(turns[0] - turns[1], h, s, -1, null)
    out_u, out_v = (quotient(out, h, s, 0, zero[..., None, :]) for out in outs)
    inner, out_u, out_v = inner + block.inner, out_u + block.left, out_v + block.right
    if h is not None and zero.any() and a.shape[-1] != a.shape[-2]:
        more = _beyond(a, u, s, v, zero, turns, outs)
        inner, out_u, out_v = inner + more[0], out_u + more[1], out_v + more[2]
    gx = u @ (inner if values is None else inner + diagonal_matrix(values)) @ adjoint(v)
    if u.shape[-2] > k:
        gx = gx + out_u @ adjoint(v)
    if v.shape[-2] > k:
        gx = gx + u @ adjoint(out_v)
    if h is None:
        return gx
    zeros = np.where(zero[..., None, :], gu, 0), np.where(zero[..., None, :], gv, 0)
    if zero.any() and counts_second_order() and any(is_used(part, y) for part in zeros):
        gx = bent(gx, y[0], zero.any(axis=-1))  # each sign of their vectors may have a derivative of its own
    if values is None:
        return gx
    inexact = _near_or_zero(s, nearness(s, 1 / 3, np.maximum(scale, unit(s))))
    return first_order_only(gx, values, inexact.any(axis=-1), y[0], y)


def _block(values: Any, turns: Any, outs: Any, both: Any, s: Any, y: Any, scale: Any) -> Block:
    """Find which values the loss takes for equal, or 0, and the gradient between their vectors."""
    tight = resolution(s)
    far = nearness(s, 1 / 3, scale)
    doubtful = _near_or_zero(s, far)
    if doubtful.any():
        refuse_unknown(both, *([] if values is None else [values]))
        limits = (far if values is None else nearness(s, 1 / 2, scale), tight)
        if _in_doubt(doubtful, turns, values, both, s, limits, nearness(s, 2 / 3, scale)):
            if not is_differentiable(*turns):
                raise NeedsGraph
            k, u, v = s.shape[-1], plain(y[0]), adjoint(plain(y[2]))

            def folded(gu: Any, gv: Any) -> Any:
                return fold(gu, gv, u, v, k)

            return attempt(limits, lambda limit: singular_value_block(values, turns, outs, both, s, y, limit, folded))
    return Block(within(s, tight), 0, zero=s <= tight)


def _beyond(a: Any, u: Any, s: Any, v: Any, zero: Any, turns: Any, outs: Any) -> tuple[Any, Any, Any]:
    """What counts in a second derivative, though it is 0: changes of the matrix that lead out of the span of u or v.

    Vectors of singular values 0 are any out of a space that reaches beyond the span of a rectangular matrix's u or v.
    """
    beyond_u, beyond_v = (
        np.where(zero[..., None, :], moved - x @ (adjoint(x) @ moved), 0)
        for x, moved in ((u, a @ v), (v, adjoint(a) @ u))
    )
    others = ~(zero[..., :, None] & ~zero[..., None, :])
    square = s[..., None, :] ** 2
    from_u = divide(adjoint(beyond_u) @ outs[0], square, others)
    inner = adjoint(from_u) + divide(adjoint(beyond_v) @ outs[1], square, others)
    return inner, beyond_u @ divide(2 * turns[1], square, others), beyond_v @ divide(2 * turns[0], square, others)


def _parts(turns: Any, outs: Any, s: Any) -> list[Any]:
    """The parts of the gradient, of values that differ: between vectors, and out of their span."""
    zero, equal = s <= resolution(s), within(s, resolution(s))
    null = zero[..., None, :] & zero[..., :, None]
    turn_u, turn_v = plain(turns[0]), plain(turns[1])
    parts = [quotient(turn_u + turn_v, None, s, 1, equal), quotient(turn_u - turn_v, None, s, -1, null)]
    return parts + [quotient(plain(out), None, s, 0, zero[..., None, :]) for out in outs]


def _near_or_zero(s: Any, limit: Any) -> Any:
    """Which pairs of singular values differ by no more than `limit`, and on the diagonal, which are as small."""
    return np.where(distinct_places(s.shape), within(s, limit), (s <= limit)[..., None])


def fold(gu: Any, gv: Any, u: Any, v: Any, k: int) -> tuple[Any, Any]:
    """Give the gradients of vectors that only complete a basis to the first `k`."""
    gu = project_rest(gu, u, k) if u.shape[-1] > k else gu
    gv = project_rest(gv, v, k) if v.shape[-1] > k else gv
    return gu, gv


def _of_values(gs: Any, u: Any, s: Any, v: Any, y: Any) -> Any:
    bad = uneven_values(s, gs, y)
    gs, kinked = _at_zero(gs, s <= resolution(s), y)
    bad = bad | kinked.any(axis=-1)
    gx = (u * gs[..., None, :]) @ adjoint(v)
    return bent(gx, u, bad) if bad.any() else gx


def _in_doubt(pairs: Any, turns: Any, gs: Any, both: Any, s: Any, limits: Any, nearest: Any) -> bool:
    """Whether the gradient within blocks has to be found; see the same of eigenvalues. Single zeros are blocks, too."""
    used = np.any(both != 0, axis=-2, keepdims=True)
    turn = turns[0] + turns[1]
    if gs is None:
        small = np.abs(plain(turn)) <= exactness(both)
    else:
        small = within(s, nearest) | small_turn(turn, gs, both, limits[0], 1 / 2)
    zero = (s <= limits[0])[..., None] & np.eye(s.shape[-1], dtype=bool)
    pairs = pairs & (zero | within(s, limits[0]) & distinct_places(s.shape) & (small | within(s, limits[1])))
    return bool(np.any(pairs if gs is not None else pairs & (used | np.swapaxes(used, -1, -2))))
