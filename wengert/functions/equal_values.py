"""What the derivative is within a block of equal singular values or eigenvalues, and what a loss depends on there.

The gradient with respect to the matrix is, within the block with the vectors u and v, u G v^H: a change
H of the matrix parts the equal values by the eigenvalues of the Hermitian part of u^H H v, and turns u
and v to its eigenvectors. A loss that does not depend on the basis is so changed by
sum(gs(Q) diag(Q^H u^H H v Q)), which is linear in H only if gs(Q) = diag(Q^H G Q), for the gradient
gs(Q) in any other basis u Q, v Q. The gradient gs that arrives is the diagonal of G, and its derivative
along a rotation of the basis is the rest. One derivative with respect to u and v of a sum of gs, with a
weight for each, gives all of it: (weight_i - weight_j) G_ij appears in it. Other weights must give the
same, or there is no derivative.

For eigenvalues, u is v. Singular values that are 0 turn u and v apart, so that G is any matrix there, and
reaches out of the span of the vectors of a rectangular one.

Values are nearly equal where a gradient that is divided by their distance would be inexact. They are taken for
equal then, if what is found so agrees with the quotient; else the derivative is refused.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from wengert.arrays.absent import is_absent
from wengert.arrays.table import plain
from wengert.checks.second_walk import NeedsGraph, is_second_walk
from wengert.core.backprop import Walk
from wengert.core.mode import changed, current_mode
from wengert.core.node import Node, maker_of
from wengert.core.variable import Variable, array_of, as_variable
from wengert.functions.contraction import adjoint
from wengert.functions.degeneracy import (
    LinAlgError,
    bent,
    dependent_on_choice,
    distinct_places,
    divide,
    exactness,
    largest,
    not_hermitian,
    resolution,
    rounding_of,
    undetermined,
    within,
)

__all__ = ["Block", "is_absent", "is_differentiable", "is_used", "singular_value_block"]


class Block(NamedTuple):
    """What is known of blocks of equal values."""

    equal: Any  # which pairs are equal
    inner: Any  # the gradient between the vectors of equal values, but for its real diagonal
    right: Any = 0  # of singular values 0: the gradient out of the span of v, and of u
    left: Any = 0
    along: bool = True  # whether the gradients of the values depend on the vectors
    zero: Any = None  # which singular values are 0


def partials(root: Any, outputs: Any, differentiable: bool = False) -> list[Any]:
    """Differentiate a number with respect to the outputs of a call: None where it was not computed from them.

    For a pullback under a graph, which asks how the gradients that it is given depend on the results
    of its own call.
    """
    maker = maker_of(outputs[0])
    if not isinstance(root, Variable) or maker_of(root) is None or maker is None:
        return [None] * len(outputs)
    try:
        gradients = _walked(root, maker._number, differentiable)
    except NeedsGraph:
        gradients = _walked(root, maker._number, True)
    found = [gradients.get(y) for y in outputs]
    return found if differentiable else [plain(gx) for gx in found]


def _walked(root: Variable, floor: int, differentiable: bool) -> dict[Any, Any]:
    """Walk from `root` down to the number `floor`; return the gradients of what is reached there."""
    one = np.ones(root.shape, root.dtype)
    token = current_mode.set(changed(current_mode.get(), record=differentiable))
    try:
        walk = Walk(differentiable)
        walk.add([root], [as_variable(one) if differentiable else one], None)
        walk.run(None, False, floor)
        return walk.gradients
    finally:
        current_mode.reset(token)


def is_differentiable(*values: Any) -> bool:
    """Whether gradients carry a graph here."""
    return any(isinstance(value, Variable) for value in values)


def weights(n: int, which: int, dtype: Any) -> Any:
    """Numbers that differ, of which no sums or multiples are equal."""
    i = np.arange(1, n + 1)
    return ((i + 0.3 * np.sin(i**2)) ** (which + 1)).astype(np.zeros(0, dtype).real.dtype)


def refuse_turning(turn: Any, pairs: Any, limit: Any) -> None:
    """Raise if a gradient arrives for a rotation among the vectors of equal values."""
    if np.any(pairs & (np.abs(turn) > limit)):
        raise dependent_on_choice("the turn among the vectors of equal values")


def along_vectors(parts: list[Any], outputs: Any, places: tuple[int, ...], k: int) -> Any:
    """The part along the first `k` vectors of a derivative with respect to them: u and v rotate together."""
    total: Any = 0
    for i in places:
        if parts[i] is not None:
            y, part = (plain(outputs[i]), parts[i]) if i < 2 else (adjoint(plain(outputs[i])), adjoint(parts[i]))
            total = total + (adjoint(y) @ part)[..., :k, :k]
    return total


def is_turned(turn: Any, pairs: Any, outputs: Any, limit: Any, places: tuple[int, ...]) -> bool:
    """Whether a gradient would arrive for such a rotation in another basis: it must be 0 in all of them."""
    k = pairs.shape[-1]
    along = along_vectors(partials(mixed(np.where(pairs, turn, 0)), outputs), outputs, places, k)
    return bool(np.any(pairs & (np.abs(along - adjoint(along)) > limit))) if np.ndim(along) else False


def refuse_different(one: Any, other: Any, limit: Any) -> None:
    """Raise unless the gradient within a block is the same by different weights."""
    if np.any(np.abs(plain(one) - plain(other)) > limit):
        raise undetermined("equal values")


def inexactness(size: Any, by_values: Any, w: Any) -> Any:
    """What is no more than rounding in gradients of values, of `size`, and of the derivative `by_values` by these."""
    change = 0 if by_values is None else largest(plain(by_values)[..., None, :]) * resolution(w)[..., None]
    return 8 * (np.sqrt(np.finfo(w.dtype).eps) * size + change)


def is_used(gw: Any, outputs: Any) -> bool:
    """Whether a loss depends on values, of which `gw` is the gradient, with a graph, and 0 for all others.

    Where it is 0, its first derivatives say little yet: those of a loss of other values, and those of the square
    of a matrix that is 0, are 0 both. With different weights, the second ones tell these apart.
    """
    if np.any(plain(gw) != 0):
        return True
    for found in partials(mixed(gw), outputs, differentiable=True):
        if found is None:
            continue
        again = partials(mixed(found), outputs)
        if np.any(plain(found) != 0) or any(p is not None and np.any(p != 0) for p in again):
            return True
    return False


def mixed(part: Any) -> Any:
    """A sum of elements in which no two count alike."""
    numbers = np.arange(1, part.size + 1).reshape(part.shape)
    return np.real(np.sum(part * ((numbers * np.sqrt(2) % 1 + 0.5) * (1 - 0.7j if part.dtype.kind == "c" else 1))))


def counts_second_order() -> bool:
    """Whether a gradient with a graph is for its derivative, and not only to find its value."""
    return not is_second_walk()


def first_order_only(gx: Any, gw: Any, which: Any, by: Any, outputs: Any) -> Any:
    """Mark a gradient whose derivative is not known where values, those in `which`, are nearly equal, and count."""
    if not which.any() or not is_differentiable(gx) or is_absent(gw) or not counts_second_order():
        return gx
    return bent(gx, by, which.any(axis=-1)) if is_used(np.where(which, gw, 0), outputs) else gx


def eigenvalue_block(gw: Any, turn: Any, gv: Any, w: Any, outputs: Any, limit: Any, a: Any) -> Block:
    """Find the gradient within the blocks of eigenvalues that are equal to `limit`, of values and vectors."""
    places = vector_places(outputs)
    equal = within(w, limit)
    pairs = equal & distinct_places(w.shape)
    refuse_elsewhere(gw, outputs)
    found, size = [], largest(gw[..., None, :])
    for which in (0, 1):
        r = weights(w.shape[-1], which, w.dtype)
        total = np.sum(gw * np.where(pairs.any(axis=-1), r, 0))
        parts = partials(total, outputs, counts_second_order())
        along = along_vectors(parts, outputs, places, w.shape[-1])
        if np.ndim(along):
            size = np.maximum(size, largest(along))
            along = divide(adjoint(along) - along, 2 * (r[:, None] - r), ~pairs)
        found.append(along)
    # Of values that differ, the turn is the distance times the gradient that was found, as far as it is exact.
    near, gap = pairs & ~within(w, resolution(w)), w[..., None, :] - w[..., :, None]
    if near.any():
        refuse_elsewhere(gv, outputs)
    inexact = inexactness(size, parts[1 if len(parts) == 3 else 0], w)
    bound = (
        np.where(near, exactness(gv) + np.abs(gap) * inexact, rounding_of(gv)) + 16 * resolution(w)[..., None] * size
    )
    refuse_turning(plain(turn) - np.where(near, gap * plain(found[0]), 0), pairs, bound)
    bound = 4 * limit[..., None] * size + rounding_of(gv)
    if near.any() and is_turned(turn, near, outputs, bound + 4 * rounding_of(gv), places):
        raise dependent_on_choice("the turn among the vectors of equal values")
    refuse_different(found[0], found[1], inexact)
    g = plain(gw)[..., None, :]
    uneven = np.maximum(np.abs(plain(found[0])), np.abs(g - np.swapaxes(g, -1, -2)))
    if np.any(pairs & (uneven > inexact)) and not is_kept_hermitian(a):
        raise not_hermitian()
    return Block(equal, found[0])


def is_kept_hermitian(a: Any) -> bool:
    """Whether a matrix was computed so that it is Hermitian whatever it is computed from, like (x + x^H) / 2."""
    numbers = np.sin(np.arange(1.0, a.size + 1)).reshape(a.shape)
    numbers = numbers + 1j * numbers**2 if a.dtype.kind == "c" else numbers
    skew, other = (_from_leaves(a, numbers + sign * adjoint(numbers)) for sign in (-1, 1))
    return bool(skew <= np.sqrt(np.finfo(a.dtype).eps) * other)


def _from_leaves(a: Any, weight: Any) -> float:
    """The largest derivative of a weighted sum of the elements of `a`, with respect to what it was computed from."""
    root = np.sum(np.real(a * np.conj(weight)).astype(np.real(plain(a)).dtype, copy=False))
    try:
        gradients = _walked(root, 0, False)
    except NeedsGraph:
        gradients = _walked(root, 0, True)
    return max((float(np.max(np.abs(plain(gx)), initial=0)) for gx in gradients.values()), default=0.0)


def vector_places(outputs: Any) -> tuple[int, ...]:
    """Which results of eigh, or of the svd of a Hermitian matrix, are vectors."""
    return (1,) if len(outputs) == 2 else (0, 2)


def singular_value_block(
    gs: Any, turns: Any, outs: Any, both: Any, s: Any, outputs: Any, limit: Any, fold: Any
) -> Block:
    """Find the gradient within the blocks of singular values that are equal, or 0, to `limit`.

    `turns` are those of u and v, `outs` what leads out of their span. See `eigenvalue_block`.
    """
    k = s.shape[-1]
    u, v = plain(outputs[0])[..., :k], adjoint(plain(outputs[2]))[..., :k]
    zero = s <= limit
    equal = within(s, limit)
    null = zero[..., None, :] & zero[..., :, None]
    pairs = equal & distinct_places(s.shape)
    trouble = zero | pairs.any(axis=-1)
    found, size, along = [], np.zeros((1, 1)), False
    if gs is not None:
        refuse_elsewhere(gs, outputs)
        for which in (0, 1):
            r = weights(k, which, s.dtype)
            total = np.sum(gs * np.where(trouble, r, 0))
            by_u, by_s, by_vh = partials(total, outputs, differentiable=counts_second_order())
            along = along or by_u is not None or by_vh is not None
            by_u = np.zeros(plain(outputs[0]).shape, u.dtype) if by_u is None else by_u
            by_vh = np.zeros(plain(outputs[2]).shape, v.dtype) if by_vh is None else by_vh
            by_u, by_v = fold(by_u, adjoint(by_vh))
            found.append(_in_block(by_u, by_v, u, v, pairs, null, zero, r))
            size = np.maximum(size, largest(by_u) + largest(by_v) + largest(plain(gs)[..., None, :]))
        inexact = inexactness(size, by_s, s)
        if along and zero.any():
            _refuse_even(gs, u, v, zero, outputs, inexact)
    bound = 4 * limit[..., None] * size + (rounding_of(both) if gs is not None else exactness(both))
    turn_u, turn_v = turns
    refuse_turning(plain(turn_u + turn_v), pairs & ~null, bound)
    for part in (turn_u, turn_v):
        refuse_turning(plain(part), null, bound)
    columns = zero[..., None, :]
    if any(np.any(columns & (np.abs(plain(part)) > bound)) for part in outs):
        raise undetermined("singular values that are 0")
    near = pairs & ~null & ~within(s, resolution(s))
    if near.any() and is_turned(turn_u + turn_v, near, outputs, bound + 4 * rounding_of(both), (0, 2)):
        raise dependent_on_choice("the turn among the vectors of equal values")
    if not found:
        return Block(equal, 0, zero=zero)
    for one, other in zip(*found, strict=True):
        refuse_different(one, other, inexact)
    return Block(equal, *found[0], along, zero)


def _refuse_even(gs: Any, u: Any, v: Any, zero: Any, outputs: Any, inexact: Any) -> None:
    """Raise unless the gradients of singular values 0 change with the signs of their vectors, as u^H G v does.

    A sign is no rotation. The square of the nuclear norm at 0 has gradients that fit any rotation, and no derivative.
    """
    r = weights(zero.shape[-1], 0, inexact.dtype)
    by_u, _, by_vh = partials(np.sum(gs * np.where(zero, r, 0)), outputs)
    k, expected = zero.shape[-1], r * plain(gs)
    for vectors, part in ((u, by_u), (v, None if by_vh is None else adjoint(by_vh))):
        along = 0 if part is None else np.real(np.sum(np.conj(vectors) * part[..., :k], axis=-2))
        if np.any(zero & (np.abs(along - expected) > k * inexact[..., 0])):
            raise undetermined("singular values that are 0")


def _in_block(by_u: Any, by_v: Any, u: Any, v: Any, pairs: Any, null: Any, zero: Any, r: Any) -> tuple[Any, Any, Any]:
    """Read the gradient off the derivatives of the weighted sum of the gradients of the values."""
    along_u, along_v = adjoint(u) @ by_u, adjoint(v) @ by_v
    of_u, of_v = adjoint(along_u) - along_u, adjoint(along_v) - along_v
    row, column = r[:, None], r
    inner = divide(of_u + of_v, 2 * (row - column), ~pairs | null)
    apart = divide(column * of_u + row * of_v, row**2 - column**2, ~pairs | ~null)
    inner = inner + apart
    if inner.dtype.kind == "c":  # a phase of v alone is a rotation, too, where the value is 0
        phase = np.imag(np.diagonal(along_v, axis1=-2, axis2=-1)) / r
        inner = inner - 1j * np.where(zero, phase, 0)[..., None] * np.eye(r.size)
    columns = zero[..., None, :]
    right = np.where(columns, (by_v - v @ along_v) / r, 0)
    left = np.where(columns, (by_u - u @ along_u) / r, 0)
    return inner, right, left


def attempt(limits: Any, find: Any) -> Block:
    """Find a block of nearly equal values, or where what arrives tells them apart, of those equal to rounding."""
    for limit in limits[:-1]:
        try:
            return find(limit)  # type: ignore[no-any-return]
        except LinAlgError:
            pass
    return find(limits[-1])  # type: ignore[no-any-return]


def refuse_elsewhere(gradient: Any, outputs: Any) -> None:
    """Raise if gradients of values depend on the vectors of another decomposition, or those of vectors on its values.

    It may be of the same matrix, or this very one, which a checkpoint has repeated: then a rotation of those
    vectors is one of these, too, and the derivatives with respect to `outputs` do not tell. (They do where the other
    one was computed from these results.)
    """
    own, of_values = maker_of(outputs[0]), gradient.ndim == array_of(outputs[1 if len(outputs) == 3 else 0]).ndim
    for maker, edge in _reached(gradient, own):
        if maker.name in ("Eigh", "Eig", "Svd"):
            is_value = edge is maker._outputs[1 if maker.name == "Svd" else 0]()
            refused = is_value is not of_values and all(node is not own for node, _ in _reached(edge))
        else:
            refused = maker.name == "Checkpoint" and maker._number < own._number
        if refused:
            raise undetermined("equal values whose gradients depend on another decomposition, or on a checkpoint,")


def _reached(edge: Any, end: Node | None = None) -> Iterator[tuple[Node, Any]]:
    """All calls that a value was computed by, down to the call `end`, each with one of the edges that lead to it."""
    seen: set[int] = set()
    ahead = [edge]
    while ahead:
        edge = ahead.pop()
        maker = maker_of(edge)
        if maker is None or maker is end:
            continue
        yield maker, edge
        if id(maker) not in seen:
            seen.add(id(maker))
            ahead += [edge for edge in maker._edges if isinstance(edge, (Variable, Node))]
