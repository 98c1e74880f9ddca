"""Derivatives with respect to Hermitian matrices, of which NumPy reads one triangle.

The gradient lies in that triangle, and an element there stands for two. With respect to the parameter
`s` of a symmetric matrix ``a = (s + s.T) / 2`` it is symmetric.

Eigenvectors are theirs up to a choice, and a loss that depends on it is refused. Where eigenvalues are
equal, a loss that treats them alike has its derivatives, see `equal_values`: of values alone, of vectors
alone, and of both, like v f(w) v^H. The second derivative of one of both is refused there;
`matrix_function` has it. A loss that does not treat them alike (the largest of them) has by convention the
derivative along the vector of each, and its second derivative is refused.
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
    exactness,
    nearness,
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
    eigenvalue_block,
    first_order_only,
    inexactness,
    is_absent,
    is_differentiable,
    is_turned,
    mixed,
    partials,
    refuse_elsewhere,
    refuse_turning,
    vector_places,
)


@dispatched
def from_triangle(a: Any, UPLO: str) -> Any:
    """The Hermitian matrix that NumPy reads from one triangle.

    Examples
    --------
    >>> import numpy as np
    >>> from_triangle(np.array([[1.0, 9.0], [2.0, 3.0]]), "L")
    array([[1., 2.],
           [2., 3.]])
    """
    part = np.tril(a, -1) if UPLO.upper() == "L" else np.triu(a, 1)
    return part + adjoint(part) + diagonal_matrix(np.real(diagonal(a)))


@pullback(from_triangle, "a", reads="")
def from_triangle_pullback(gy: Any, a: Any, UPLO: str) -> Any:
    return in_triangle((gy + adjoint(gy)) / 2, UPLO)


def in_triangle(g: Any, UPLO: str) -> Any:
    """Give a Hermitian gradient to the triangle that was read: an element beside the diagonal stands for two."""
    return np.tril(g) + np.tril(g, -1) if UPLO.upper() == "L" else np.triu(g) + np.triu(g, 1)


@pullback(np.linalg.eigh, "a")
def eigh(gy: Any, a: Any, UPLO: Any = "L", *, y: Any) -> Any:
    gw, gv = gy
    return in_triangle(hermitian_gradient(gw, gv, y, (a, UPLO), y), UPLO)


@composition(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: Any = "L") -> Any:
    return np.linalg.eigh(a, UPLO)[0]


def hermitian_gradient(gw: Any, gv: Any, wv: Any, matrix: tuple[Any, str], outputs: Any) -> Any:
    """The gradient with respect to a Hermitian matrix from those with respect to its eigenvalues and eigenvectors."""
    w, v = plain(wv[0]), wv[1]
    differentiable = is_differentiable(gw, gv)
    if is_absent(gv):
        gx = (v * gw[..., None, :]) @ adjoint(v)
        uneven = uneven_values(w, gw, outputs)
        return bent(gx, v, uneven) if uneven.any() else gx
    turn = adjoint(v) @ gv
    turn = (turn - adjoint(turn)) / 2
    refuse_phases(plain(turn), rounding_of(gv))
    equal = tight = within(w, resolution(w))
    inner: Any = 0
    scale = scale_of(gw, gv, w, lambda: [quotient(plain(turn), None, w, 1, tight)])
    doubtful = within(w, nearness(w, 1 / 3, scale)) & distinct_places(w.shape)
    if doubtful.any():
        refuse_unknown(gw, gv)
        block = told_equal(doubtful, turn, (gw, gv), w, outputs, scale, matrix[0])
        equal, inner = block.equal, block.inner
    h = np.where(equal, adjoint(v) @ from_triangle(*matrix) @ v, 0) if differentiable else None
    inner = inner + quotient(turn, h, w, 1, equal)
    gx = v @ (inner if is_absent(gw) else inner + diagonal_matrix(gw)) @ adjoint(v)
    if h is None:
        return gx
    # The quotient of the turn by the distance is exact, but the square of that in its derivative is not.
    inexact = within(w, nearness(w, 1 / 3, np.maximum(scale, unit(w)))) & distinct_places(w.shape)
    return first_order_only(gx, gw, inexact.any(axis=-1), v, outputs)


def told_equal(doubtful: Any, turn: Any, gradients: Any, w: Any, outputs: Any, scale: Any, a: Any) -> Block:
    """Which pairs of nearly equal eigenvalues the loss takes for equal, and the gradient between their vectors.

    Raise LinAlgError where the loss depends on the choice among the vectors of equal values. (Raise NeedsGraph where
    numbers alone do not tell.)
    """
    (gw, gv), size, tight = gradients, np.abs(plain(turn)), within(w, resolution(w))
    near = nearness(w, 1 / 2, scale)
    if is_absent(gw):
        refuse_turning(size, doubtful & tight, rounding_of(gv))
        used = np.any(plain(gv) != 0, axis=-2, keepdims=True)
        small = doubtful & ~tight & (used | np.swapaxes(used, -1, -2)) & (size <= exactness(gv))
        power = 1 / 3 if is_differentiable(gv) and counts_second_order() else 2 / 3
        pairs = small | doubtful & ~tight & within(w, nearness(w * 0, power, scale))
    else:
        nearest = within(w, nearness(w, 2 / 3, scale))
        pairs = doubtful & (nearest | within(w, near) & small_turn(turn, gw, gv, near, 1 / 2))
    if not pairs.any():
        return Block(tight, 0)
    if not is_differentiable(gw, gv):
        raise NeedsGraph
    if is_absent(gw):
        refuse_elsewhere(gv, outputs)
        turned = is_turned(turn, small, outputs, 4 * rounding_of(gv), vector_places(outputs))
        return Block(tight if turned else tight | small, 0)
    block = attempt((near, resolution(w)), lambda limit: eigenvalue_block(gw, turn, gv, w, outputs, limit, a))
    if np.any(pairs & nearest & ~block.equal):
        raise undetermined("nearly equal eigenvalues")
    return block


def uneven_values(w: Any, gw: Any, outputs: Any) -> Any:
    """In which matrices equal values have different gradients, so that a loss of them alone has no derivative."""
    equal = within(w, resolution(w)) & distinct_places(w.shape)
    near = within(w, nearness(w, 1 / 3 if is_differentiable(gw) and counts_second_order() else 1 / 2))
    if not np.any(near & distinct_places(w.shape)):
        return np.zeros(w.shape[:-1], bool)
    refuse_unknown(gw)
    if not is_differentiable(gw):
        raise NeedsGraph
    refuse_elsewhere(gw, outputs)
    g = plain(gw)[..., None, :]
    different = np.abs(g - np.swapaxes(g, -1, -2))
    if not np.any(equal & (different > rounding_of(g))):
        return np.zeros(w.shape[:-1], bool)
    by_values = partials(mixed(gw), outputs)[1 if len(outputs) == 3 else 0]
    return np.any(equal & (different > rounding_of(g) + inexactness(0, by_values, w)), axis=(-2, -1))


def diagonal_matrix(values: Any) -> Any:
    """Matrices with `values` on their diagonals."""
    return values[..., None] * np.eye(values.shape[-1], dtype=bool)


def diagonal(a: Any) -> Any:
    return np.diagonal(a, axis1=-2, axis2=-1)
