"""Products of gradients and infinite partial derivatives, and derivatives at kinks.

In a backward pass, 0 times infinity is

- 0 where a selection has made the 0 (see `selection`): behind a mask the function is not used, nor is its derivative;
- else the limit of the whole gradient with respect to the value that the infinite derivative belongs to (see `limit`),
  which is computed when that value's turn comes, and its gradient is complete;
- NaN where there is no such limit.

At a kink (the norm at 0) the derivative is a convention; the derivative of that is a limit again, or NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.arrays.level import TRACED, level_of
from wengert.arrays.strong_zero import strong_zero_multiply
from wengert.arrays.table import plain
from wengert.arrays.values import ShapeDtype, shaped_as
from wengert.core.backprop import current_walk
from wengert.core.node import next_number
from wengert.core.variable import Variable, as_variable, attach
from wengert.custom.marks import Identity
from wengert.singular.limit import limits
from wengert.singular.replay import Replay, key_of
from wengert.singular.selection import arriving_at

__all__ = ["NOT_FINITE", "at_kink", "finish", "masks_everywhere", "product", "settle"]

ndarray = np.ndarray
NOT_FINITE = "a gradient is not finite, and may be masked or a limit"
# Whether traced products are masked also where they are finite: set for calls whose gradients may not be.
masks_everywhere: ContextVar[bool] = ContextVar("wengert.masks_everywhere", default=False)


class Limit(Identity):
    """A gradient whose value is a limit or a convention; its own derivative at the same point is a limit again.

    The edges are the gradient as computed, and the values that `formula` computes it from at neighbouring points.
    """

    __slots__ = ("elements", "formula", "sources")

    sources: list[Any]  # the edges whose values have moved at a neighbouring point
    elements: list[Any]  # which elements of these
    formula: Any

    def pull(self, gys: Any, differentiable: bool) -> Any:
        walk = current_walk.get()
        if walk is not None and np.any(looked_at(arriving_at(walk, self)) != 0):
            for edge in self.sources:
                await_limit(walk, edge, self.sources, self.elements)
        return [gys, *[None] * (len(self._edges) - 1)]

    def called_again(self, values: list[Any]) -> Any:
        """Compute the gradient at a neighbouring point."""
        return self.formula(*values[1:]) if self.formula else values[0]


def product(f: Any, place: int, gys: Any, slope: Any, gx: Any) -> Any:
    """Say what ``gx = gys * slope`` is where it is not finite; `f` was called, and `place` is that of the input."""
    walk = current_walk.get()
    if walk is None:  # a backward that is called by hand
        return strong_zero_multiply(gys, slope)
    values = [looked_at(plain(value)) for value in (gys, slope, gx)]
    if not isinstance(values[2], (ndarray, np.generic)):
        return masked(walk, f, gx)  # an array of a kind whose values are not known yet
    traced = level_of(plain(gx)) == TRACED
    if traced:
        walk.unchecked = True
        if np.isfinite(values[2]).all() and not masks_everywhere.get():
            return gx
    found = undetermined(walk, f, *values)
    if traced:
        if not found.any():
            return masked(walk, f, gx)
        plain(gx).abandon("a gradient is 0 times infinity, of which the limit is to be found")
    if isinstance(gx, Variable):
        gx = strong_zero_multiply(gys, slope)  # whose own derivative keeps zeros
    elif traced:
        gx = gys * slope
    if np.isnan(values[2]).any():
        gx = masked(walk, f, gx)
    if found.any():
        edge = f._edges[place]
        await_limit(walk, edge, [edge], [summed(found, edge)])
    return gx


def looked_at(value: Any) -> Any:
    """Return the array that a traced one stands for, for a decision that `check` makes sure of."""
    return value.look() if level_of(value) == TRACED else value


def undetermined(walk: Any, f: Any, g: Any, s: Any, p: Any) -> Any:
    """Return where ``p = g * s`` is 0 times infinity, and no selection has made the 0."""
    almost = np.abs(g) <= 4 * np.finfo(p.dtype).eps  # what rounding leaves of 0, as in np.sin(np.pi)
    candidates = (np.isinf(s) & almost) | (np.isnan(p) & ((g == 0) | ((s == 0) & np.isinf(g))))
    return candidates & (looked_at(arriving_at(walk, f)) != 0) if candidates.any() else candidates


def masked(walk: Any, f: Any, gx: Any) -> Any:
    """Return 0 where no gradient arrives by selection."""
    arriving = arriving_at(walk, f)
    if isinstance(arriving, (float, ndarray)) and np.all(arriving):
        return gx
    return np.where(arriving != 0, gx, 0)


def at_kink(slope: Any, kink: Any, formula: Any, moved: Sequence[Any], *others: Any) -> Any:
    """Return a derivative that follows a convention at a kink.

    Where it is computed from Variables, its own derivative there is right for smooth compositions
    (``np.linalg.norm(x) ** 2``), and not finite for others.

    Parameters
    ----------
    slope : ndarray or Variable
        The derivative.
    kink : ndarray of bool
        Where the convention holds.
    formula : callable
        Computes the derivative elsewhere, from `moved` and `others`; NaN at the kink.
    moved : sequence
        The arguments of the function that has the kink.
    *others
        What else `formula` takes.
    """
    sources = [x for x in moved if isinstance(x, Variable)]
    if not sources or not np.any(plain(kink)):
        return slope
    if level_of(plain(kink)) == TRACED:
        plain(kink).abandon("the derivative at a kink is differentiated, and its limit is to be found")
        kink, slope = looked_at(plain(kink)), as_variable(looked_at(plain(slope))) if plain(slope) is slope else slope
    slope = as_variable(slope)
    elements = [summed(np.broadcast_to(plain(kink), np.broadcast_shapes(kink.shape, x.shape)), x) for x in sources]
    return limit_of(slope, plain(slope), sources, elements, formula, (*moved, *others))


def limit_of(
    gradient: Any,
    value: Any,
    sources: list[Any],
    elements: list[Any],
    formula: Any = None,
    values: Sequence[Any] = (),
) -> Any:
    """Record that a gradient has a value which is a limit."""
    f = Limit()
    f.sources, f.elements, f.formula = sources, elements, formula
    f._edges, f._number = (gradient, *values), next_number()
    return attach(f, value)


def summed(elements: Any, edge: Any) -> Any:
    """Return which elements of the value at an edge the `elements` of a result of it belong to."""
    return shaped_as(elements.astype(float), ShapeDtype(edge.shape, elements.dtype)) != 0


def await_limit(walk: Any, edge: Any, sources: Sequence[Any], elements: Sequence[Any]) -> None:
    """Have the gradient with respect to the value at an edge replaced by its limit when it is complete."""
    if not walk.limits:
        return
    wanted = walk.unresolved.setdefault(key_of(edge), Wanted(edge, {}))
    for source, moved in zip(sources, elements, strict=True):
        _, before = wanted.sources.get(key_of(source), (source, False))
        wanted.sources[key_of(source)] = (source, moved | before)


class Wanted:
    """A gradient of which the limit is wanted: its edge, and by key the edges and elements that are moved."""

    def __init__(self, edge: Any, sources: dict[Any, Any]) -> None:
        self.edge, self.sources = edge, sources


def settle(walk: Any, key: Any, gx: Any) -> Any:
    """Return the complete gradient with respect to a value, with its limits where these are needed."""
    wanted = walk.unresolved.pop(key)
    walk.settled.append(wanted)
    moved = dict(wanted.sources)
    edge, elements = moved.pop(key)
    if moved:  # what depends on this value moves with it
        through = Replay([root for root, _ in walk.starts], [edge]).depends
        moved = {k: pair for k, pair in moved.items() if k not in through}
    moved = {key: (edge, elements), **moved}
    if walk.call is not None:  # how the gradients that came from outside depend on the value is not known here
        found = np.full(np.shape(elements), np.nan)
    else:
        found = limits(walk.starts, *zip(*moved.values(), strict=True))[0]
    replaced = elements | np.isnan(plain(gx))
    return limit_in_place(gx, replaced, found, moved)


def limit_in_place(gx: Any, replaced: Any, found: Any, moved: dict[Any, Any]) -> Any:
    """Return a gradient with limits in place of some elements."""
    value = np.where(replaced, found, plain(gx)).astype(gx.dtype)
    if not isinstance(gx, Variable):
        return value
    sources, elements = zip(*moved.values(), strict=True)
    return limit_of(gx, value, list(sources), list(elements))


def finish(walk: Any, edges: Sequence[Any]) -> None:
    """Settle the gradients with respect to the values at which a walk ends."""
    found = {edge: walk.gradients[key_of(edge)] for edge in edges if key_of(edge) in walk.gradients}
    if walk.unchecked:
        check(list(found.values()))
    for edge, gx in found.items():
        key = key_of(edge)
        if key in walk.unresolved:
            gx = walk.gradients[key] = settle(walk, key, gx)
        if walk.call is None and (walk.unresolved or walk.settled) and np.isnan(plain(gx)).any():
            walk.gradients[key] = beside_limits(walk, edge, gx)


def beside_limits(walk: Any, edge: Any, gx: Any) -> Any:
    """Return a gradient that is NaN because of limits elsewhere as a limit itself."""
    unknown = np.isnan(plain(gx))
    moved = {k: pair for wanted in (*walk.settled, *walk.unresolved.values()) for k, pair in wanted.sources.items()}
    targets = [edge]
    through = Replay([root for root, _ in walk.starts], targets).depends
    if any(key in through for key in moved):  # they move with it
        moved, targets = {key_of(edge): (edge, unknown)}, []
    sources, elements = zip(*moved.values(), strict=True)
    found = limits(walk.starts, sources, elements, targets)[-1]
    return limit_in_place(gx, unknown, found, moved)


def check(found: list[Any]) -> None:
    """Make sure that the gradients of a walk on traced arrays are finite, also when it is run again with other values.

    Where they are not, no plan is made of this call, and the next one is traced with masks.
    """
    sums = [np.sum(plain(gx).astype(np.result_type(gx.dtype, np.float32))) for gx in found]
    total: Any = sum(sums)
    if not np.isfinite(total) and level_of(total) == TRACED and not masks_everywhere.get():
        total.abandon(NOT_FINITE)
