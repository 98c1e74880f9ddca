"""Products of gradients and infinite partial derivatives, and derivatives at kinks.

In a backward pass, 0 times infinity is

- 0 where a selection has made the 0 (see `selection`): behind a mask the function is not used, nor is its derivative;
- else NaN, until the walk is at its end. There the gradients that are NaN are replaced by their limits (see `limit`),
  where they have one.

At a kink (the norm at 0) the derivative is a convention. Differentiated again it is NaN, and a limit in the same way.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.arrays.decisions import all_finite, holds, is_finite
from wengert.arrays.level import BATCHED, TRACED, level_of
from wengert.arrays.strong_zero import strong_zero_multiply
from wengert.arrays.table import plain
from wengert.arrays.values import ShapeDtype, looked_at, shaped_as
from wengert.checks.errors import BatchError
from wengert.core.backprop import current_walk
from wengert.core.node import Node, maker_of, next_number
from wengert.core.variable import Variable, as_variable, attach, gradient_dtype
from wengert.custom.marks import Identity
from wengert.singular.limit import filling, limits
from wengert.singular.replay import key_of
from wengert.singular.selection import arriving_at, arriving_at_ends
from wengert.singular.squares import is_root_of_squares

__all__ = ["NOT_FINITE", "at_kink", "finish", "masks_everywhere", "product"]

ndarray = np.ndarray
NOT_FINITE = "a gradient is not finite, and may be masked or a limit"
# Whether traced products are masked also where they are finite: set for calls whose gradients may not be.
masks_everywhere: ContextVar[bool] = ContextVar("wengert.masks_everywhere", default=False)


IN_BATCH = None  # among the edges that are singular: one under a vmap


class Singular(Identity):
    """A gradient that is not the value of its formula at this point, but a limit or a convention.

    The edges are the gradient as recorded, the values that are at a singular point, and others that `again` computes
    the gradient from at another point.
    """

    __slots__ = ("again", "elements")

    elements: list[Any]  # where each of the values is at a singular point
    again: Any

    def pull(self, gys: Any, differentiable: bool) -> Any:
        """Mark the gradients with respect to values at a singular point by NaN, if any arrives here."""
        walk = current_walk.get()
        marks: list[Any] = [None] * (len(self._edges) - 1)
        if walk is not None and filling.get() is None and np.any(looked_at(arriving_at(walk, self)) != 0):
            for i, (edge, elements) in enumerate(zip(self._edges[1:], self.elements, strict=False)):
                if isinstance(edge, (Node, Variable)):
                    walk.singular.append(edge)
                    marks[i] = np.where(elements, np.nan, 0).astype(gradient_dtype(edge.dtype))
        return [gys, *marks]

    def called_again(self, values: list[Any]) -> Any:
        """Compute the gradient at another point; fill it in where that is singular as well."""
        if self.again is None:
            return values[0]
        found = self.again(*values[1:])
        unknown, fill = np.isnan(plain(found)), filling.get()
        for value in values[1:]:  # (a NaN among these is a value that was not kept)
            unknown = unknown & np.logical_not(np.isnan(plain(value)))
        if fill is None or not unknown.any():
            return found
        fill.used = True
        return np.where(unknown, fill.value, found)


def product(f: Any, place: int, gys: Any, slope: Any, gx: Any) -> Any:
    """Say what ``gx = gys * slope`` is where it is not finite; `f` was called, and `place` is that of the input."""
    walk = current_walk.get()
    if walk is None:  # a backward that is called by hand
        return strong_zero_multiply(gys, slope)
    values = [looked_at(plain(value)) for value in (gys, slope, gx)]
    if not isinstance(values[2], (ndarray, np.generic)):
        return product_of_batch(walk, f, gx)
    traced = level_of(plain(gx)) == TRACED
    is_finite = np.isfinite(values[2]).all()
    if traced:
        walk.unchecked = True
        if is_finite and not masks_everywhere.get():
            return gx
    elif is_finite:
        return masked(walk, f, gx) if (values[0] == 0).any() else gx
    edge = f._edges[place]
    at_zero = np.isinf(values[1])
    if at_zero.any() and is_root_of_squares(f):
        return of_distance(walk, f, edge, gys, slope, gx, at_zero)
    found = undetermined(walk, f, *values)
    unknown = np.isnan(values[2])
    if np.isinf(values[2]).any() or (unknown.any() and (unknown & (looked_at(arriving_at(walk, f)) == 0)).any()):
        # Other gradients may be NaN, of infinity times 0 or behind the same mask: see `finish`.
        walk.singular.append(edge)
    if traced:
        if not found.any():
            return masked(walk, f, gx)
        plain(gx).abandon("a gradient is 0 times infinity, of which the limit is to be found")
    if isinstance(gx, Variable):
        gx = strong_zero_multiply(gys, slope)  # whose own derivative keeps zeros
    elif traced:
        gx = gys * slope
    if unknown.any() or (isinstance(gx, Variable) and (values[0] == 0).any()):
        gx = masked(walk, f, gx)
    if not found.any():
        return gx
    if (fill := filling.get()) is not None:  # a neighbouring point is singular as well
        fill.used = True
        return np.where(found, fill.value, gx)
    walk.singular.append(edge)
    value = np.where(found, np.nan, plain(gx)).astype(gx.dtype)
    if not isinstance(gx, Variable):
        return value
    arrives = looked_at(arriving_at(walk, f)) != 0
    again = functools.partial(product_behind, arrives)
    return singular_of(gx, value, [edge], [summed(found, edge)], again, (gys, slope))


def product_of_batch(walk: Any, f: Any, gx: Any) -> Any:
    """Say what a product is of arrays under vmap, of which each example has limits of its own: see `finish`."""
    gx = masked(walk, f, gx)
    values = plain(gx)
    while level_of(values) >= BATCHED:
        values = values.value
    if level_of(values) == TRACED:
        walk.unchecked = True
    if not all_finite(looked_at(values)):
        walk.singular.append(IN_BATCH)
    return gx


def for_each() -> BatchError:
    """Make the error for what has to be computed for each example: a vmap, or a transform around it, answers it so."""
    return BatchError(
        "a derivative under vmap is at a singular point of one of the examples, whose limit is found for each by "
        "itself; call the transform for each example, in a loop"
    )


def product_behind(arrives: Any, _: Any, gys: Any, slope: Any) -> Any:
    """Multiply, where a gradient arrives."""
    return np.where(arrives, gys * slope, 0)


def of_distance(walk: Any, f: Any, edge: Any, gys: Any, slope: Any, gx: Any, at_zero: Any) -> Any:
    """Return the gradient with respect to a sum of squares below a root, where the sum is 0: 0, as that of a norm."""
    if not isinstance(gx, Variable):
        return np.where(np.isinf(slope), 0, gx)
    if level_of(plain(gx)) == TRACED:
        plain(gx).abandon("the derivative of a distance of 0 is differentiated, and its limit is to be found")
    gx = strong_zero_multiply(gys, slope)
    if np.any((looked_at(plain(gys)) == 0) & ~at_zero):
        gx = masked(walk, f, gx)
    value = np.where(at_zero, 0, looked_at(plain(gx))).astype(gx.dtype)
    elements = [summed(np.broadcast_to(at_zero, value.shape), edge)]
    return singular_of(gx, value, [edge], elements, lambda _, gys, slope: gys * slope, (gys, slope))


def undetermined(walk: Any, f: Any, g: Any, s: Any, p: Any) -> Any:
    """Return where ``p = g * s`` is 0 times infinity, and no selection has made the 0."""
    candidates = (np.isinf(s) & (np.abs(g) <= rounding_of(p))) | (np.isnan(p) & ((g == 0) | ((s == 0) & np.isinf(g))))
    return candidates & (looked_at(arriving_at(walk, f)) != 0) if candidates.any() else candidates


def rounding_of(p: Any) -> Any:
    """Return what rounding leaves of 0, as in ``np.sin(np.pi)``."""
    return 4 * np.finfo(p.dtype).eps


def masked(walk: Any, f: Any, gx: Any) -> Any:
    """Return 0 where no gradient arrives by selection."""
    return zero_where_nothing_arrives(gx, arriving_at(walk, f))


def zero_where_nothing_arrives(gx: Any, arriving: Any) -> Any:
    if isinstance(arriving, (float, ndarray)) and np.all(arriving):
        return gx
    return np.where(arriving != 0, gx, 0)


def at_kink(slope: Callable[..., Any], kink: Callable[..., Any], moved: Sequence[Any], *others: Any) -> Any:
    """Return a derivative that follows a convention at a kink.

    Where it is computed from Variables, its own derivative there is right for smooth compositions
    (``np.linalg.norm(x) ** 2``), and not finite for others.

    Parameters
    ----------
    slope, kink : callable
        Compute the derivative, and where it follows the convention, from `moved` and `others`.
    moved : sequence
        The arguments of the function that has the kink.
    *others
        What else the two take.
    """
    found = slope(*moved, *others)
    on_arrays = type(found) is ndarray and type(moved[0]) is ndarray  # the usual case, told apart at little cost
    if on_arrays or not any(isinstance(x, Variable) for x in moved):
        return found
    where = kink(*map(plain, (*moved, *others)))
    if not holds(np.any(where)):
        return found
    if level_of(where) >= BATCHED:
        raise for_each()
    if level_of(where) == TRACED:
        where.abandon("the derivative at a kink is differentiated, and its limit is to be found")
    where, found = np.asarray(looked_at(where)), as_variable(found)
    elements = [
        summed(np.broadcast_to(where, np.broadcast_shapes(where.shape, np.shape(x))), as_edge(x)) for x in moved
    ]

    def again(*values: Any) -> Any:
        return np.where(kink(*map(plain, values)), np.nan, slope(*values))

    return singular_of(found, plain(found), moved, elements, again, others)


def as_edge(x: Any) -> Any:
    """Return what has a shape and a dtype."""
    return x if hasattr(x, "dtype") else np.asarray(x)


def singular_of(
    gradient: Any, value: Any, moved: Sequence[Any], elements: list[Any], again: Any = None, others: Sequence[Any] = ()
) -> Any:
    """Record that a gradient has another value than its formula."""
    f = Singular()
    f.elements, f.again = elements, again
    f._edges, f._number = (gradient, *moved, *others), next_number()
    return attach(f, value)


def summed(elements: Any, edge: Any) -> Any:
    """Return which elements of the value at an edge the `elements` of a result of it belong to."""
    return shaped_as(elements.astype(float), ShapeDtype(edge.shape, elements.dtype)) != 0


def finish(walk: Any, edges: Sequence[Any]) -> None:
    """Replace the gradients that are NaN with respect to the values at which a walk ends: by 0 or by their limits."""
    ends = {key_of(edge): edge for edge in edges if key_of(edge) in walk.gradients}
    if walk.unchecked and is_recorded([walk.gradients[key] for key in ends]):
        if masks_everywhere.get():
            mask_ends(walk, ends)
        return
    if filling.get() is not None:
        return
    if walk.call is not None:  # the gradients that it has begun with depend on values outside of it
        if walk.outer is not None:
            walk.outer.singular += walk.singular
        return
    if not walk.singular:
        return
    unknown = {key: e for key, e in ends.items() if holds(np.any(np.isnan(looked_at(plain(walk.gradients[key])))))}
    if unknown:
        if any(edge is IN_BATCH for edge in walk.singular):
            raise for_each()
        mask_ends(walk, unknown)
        replace_by_limits(walk, ends)


def mask_ends(walk: Any, ends: dict[Any, Any]) -> None:
    """Put 0 where no gradient arrives by selection at the values at which a walk ends."""
    for key, arriving in arriving_at_ends(walk, ends).items():
        gx = walk.gradients[key]
        walk.gradients[key] = zero_where_nothing_arrives(gx, arriving).astype(gx.dtype)


def replace_by_limits(walk: Any, ends: dict[Any, Any]) -> None:
    """Replace the gradients that are NaN by their limits, where they have one."""
    arrays = {key: looked_at(plain(walk.gradients[key])) for key in ends}
    unknown = {key: np.isnan(arrays[key]) for key in ends}
    unknown = {key: elements for key, elements in unknown.items() if elements.any()}
    if not unknown:
        return
    origins = {key_of(edge): edge for edge in origins_of(walk.singular, set(ends))}
    moved = [(edge, ~np.isfinite(arrays[key]) if key in ends else np.True_) for key, edge in origins.items()]
    beside = [ends[key] for key in unknown if key not in origins]
    sources, elements = zip(*moved, strict=True)
    limit_of = dict(zip([*origins, *map(key_of, beside)], limits(walk.starts, sources, elements, beside), strict=True))
    for key, where in unknown.items():
        gx = walk.gradients[key]
        value = np.where(where, limit_of[key], looked_at(plain(gx))).astype(gx.dtype)
        if isinstance(gx, Variable):
            moves = [np.broadcast_to(e, edge.shape) for edge, e in moved]
            walk.gradients[key] = singular_of(gx, value, sources, moves)
        else:
            walk.gradients[key] = value


def origins_of(edges: Sequence[Any], ends: set[Any]) -> list[Any]:
    """List what the values at some edges were computed from: leaves, and values at which the walk ends."""
    waiting, seen, found = list(edges), set(), []
    while waiting:
        edge = waiting.pop()
        key = key_of(edge) if isinstance(edge, (Node, Variable)) else None
        if key is None or key in seen:
            continue
        seen.add(key)
        f = maker_of(edge)
        if f is None or key in ends:
            found.append(edge)
        else:
            waiting += f._edges
    return found


def is_recorded(found: list[Any]) -> bool:
    """Whether the gradients of a walk on traced arrays are finite, also when it is run again with other values.

    Where they are not, no plan is made of this call, and the next one is traced with masks.
    """
    sums = [np.sum(plain(gx).astype(np.result_type(gx.dtype, np.float32))) for gx in found]
    total: Any = sum(sums)
    if is_finite(total) or masks_everywhere.get():
        return level_of(total) == TRACED
    if level_of(total) == TRACED:
        total.abandon(NOT_FINITE)
    return False
