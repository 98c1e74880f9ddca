"""Which gradients of a walk are 0 by selection.

A gradient that `np.where`, an index, `clip` or a factor 0 of the program has made 0 is 0 at all neighbouring points,
whatever function the value came from. One that is 0 because a partial derivative happens to be 0 at this point is not.
To tell them apart, the walk is made once more with random positive numbers for the gradients, and for the values that
partial derivatives and pullbacks read. What is 0 then is so by selection.

Which elements a pullback passes gradients to may depend on values (the interval of `np.interp`), and random values say
nothing of it. So a pullback is asked at the values as they are and near them too: what is not 0 at one of these is not
0 by selection. A pullback must not return what is 0 at all values but has a derivative, as ``gy * (x - plain(x))``:
such a product is written where the function is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop
from typing import Any

import numpy as np

from wengert.arrays.strong_zero import strong_zero_multiply
from wengert.arrays.table import plain
from wengert.core.backprop import Walk
from wengert.core.elementwise import RESULT, Elementwise
from wengert.core.mode import RECORDING, current_mode
from wengert.core.node import Node, maker_of
from wengert.core.numpy_call import NumPyCall
from wengert.core.variable import Variable, array_of, as_variable
from wengert.custom.marks import Identity, mark_inputs

__all__ = ["Arriving", "arriving_at", "arriving_at_ends"]

NEAR = 2.0**-8  # how far values are moved, times a number between 1 and 2

# Functions whose values decide which elements the gradient goes to.
SELECTING_UFUNCS = {np.maximum, np.minimum, np.fmax, np.fmin, np.heaviside, np.copysign}
EXTREMES = {np.max, np.min, np.nanmax, np.nanmin, np.ptp, np.clip, np.partition}  # (its order has no rule)
SORTING = {
    *(np.sort, np.sort_complex, np.median, np.nanmedian),
    *(np.quantile, np.percentile, np.nanquantile, np.nanpercentile),
}
SELECTING = EXTREMES | SORTING | {np.nan_to_num, np.nansum, np.nanmean, np.nancumsum}


def arriving_at(walk: Any, f: Any) -> Any:
    """Return an array of the shape of the result of `f`: 0 where no gradient arrives by selection, else positive."""
    if walk.arriving is None:
        walk.arriving = Arriving(walk)
    return walk.arriving.at_result(f)


def arriving_at_ends(walk: Any, ends: dict[Any, Any]) -> dict[Any, Any]:
    """Return the same of the values at which the walk ends, by their keys in it."""
    arriving = Arriving(walk)  # one for all of them, the latest first; leaves, which have no number, come last
    found = {
        key: arriving.at_result(maker_of(ends[key]))
        for key in sorted((k for k in ends if type(k) is int), reverse=True)
    }
    leaves = [key for key in ends if key not in found]
    if leaves:
        arriving.advance(0)
    return found | {key: arriving.gradients.get(key, 0.0) for key in leaves}


class Arriving(Walk):
    """A walk with random positive numbers in place of gradients."""

    def __init__(self, walk: Any) -> None:
        super().__init__(False)
        self.random = np.random.default_rng(0)
        if walk is None:
            return
        starts = walk.starts
        outside = None
        if walk.call is not None and walk.outer is not None and not walk.call.has_several_outputs:
            outside = [arriving_at(walk.outer, walk.call)]
        elif not isinstance(starts[0][1] if starts else None, Variable) and walk.call is None:
            outside = [gy != 0 for _, gy in starts]
        for i, (root, _) in enumerate(starts):
            # What the caller has started with is a selection too: a row of a Jacobian.
            given = (
                self.positive(root.shape)
                if outside is None or len(outside) <= i
                else self.positive(root.shape) * outside[i]
            )
            self.add([root], [given], None)

    def positive(self, shape: tuple[int, ...]) -> Any:
        """Draw numbers between 1 and 2."""
        return self.random.uniform(1, 2, shape)

    def at_result(self, f: Any) -> Any:
        """Walk down to `f`, and return what arrives at its result."""
        self.advance(f._number)
        found = self.gradients.get(f._number)
        return 0.0 if found is None else found

    def advance(self, floor: int) -> None:
        """Walk down to the number `floor`."""
        while self.turns and -self.turns[0] > floor:
            number = -heappop(self.turns)
            call = self.waiting.pop(number)
            gys = self._collect(call) if call.has_several_outputs else self.gradients.pop(number)
            self.add(call._edges, self.passed(call, gys), call)

    def _through_hooks(self, holder: Any, gx: Any) -> Any:
        return gx

    def passed(self, f: Any, g: Any) -> list[Any]:
        """Return what arrives at the edges of a call, where `g` arrives at its result."""
        if isinstance(f, Elementwise) and f.ufunc.signature is None:
            return [self._by_partial(f, i, edge, g) for i, edge in enumerate(f._edges)]
        if isinstance(f, NumPyCall) and type(f).function is strong_zero_multiply:
            return self._by_strong_zeros(f, g)
        if isinstance(f, NumPyCall) and (type(f).function in SELECTING or not reads_variables(f)):
            return self._by_pull(f, g)
        if isinstance(f, Identity):
            return [g, *self._at_kinks(f, g)]
        if is_nowhere_zero(g) or f.has_several_outputs:
            return self._everywhere(f)
        if isinstance(f, Elementwise):
            return self._by_pull(self._elsewhere(f, self._drawn_as), g)
        if isinstance(f, NumPyCall):
            return self._by_pulls(f, g)
        return self._by_definition(f, g) if hasattr(f, "called_again") else self._everywhere(f)

    def _at_kinks(self, f: Any, g: Any) -> list[Any]:
        """Return what arrives at the values at a singular point that a gradient follows a convention for."""
        elements = getattr(f, "elements", ())
        arrives = bool(elements) and np.any(g != 0)
        found: list[Any] = [None] * (len(f._edges) - 1)
        for i, (edge, moved) in enumerate(zip(f._edges[1:], elements, strict=False)):
            if arrives and isinstance(edge, (Node, Variable)):
                found[i] = self.positive(edge.shape) * moved
        return found

    def _by_partial(self, f: Any, i: int, edge: Any, g: Any) -> Any:
        if not isinstance(edge, (Node, Variable)):
            return None
        partial = type(f).partials[i]
        if not partial.reads:
            return g * 0 if type(partial.function) in (int, float) and partial.function == 0 else g
        values = [f._kept if place == RESULT else f._edges[place] for place in partial.reads]
        selects = f.ufunc in SELECTING_UFUNCS
        if not selects and any(
            place == RESULT or isinstance(v, (Node, Variable)) for place, v in zip(partial.reads, values, strict=True)
        ):
            return g
        return g * (partial.function(*map(plain, values)) != 0)

    def _by_strong_zeros(self, f: Any, g: Any) -> list[Any]:
        """Pass a product on, except where a factor 0 has won over one that is not finite, and where a constant is 0."""
        factors = f._kept.values.copy()
        for i, place, _ in f._kept.spots:
            factors[i] = f._edges[place]
        is_edge = [isinstance(factor, (Node, Variable)) for factor in factors]
        found = []
        for i, _, _ in f._kept.spots:
            own, other = factors[i], plain(factors[1 - i])
            # (A Variable may be 0 by accident. Where a selection has made a gradient 0, `products` has masked it.)
            found.append(g * (np.isfinite(plain(own)) | (other != 0)) if all(is_edge) else g * (other != 0))
        return found

    def _by_definition(self, f: Any, g: Any) -> list[Any]:
        """Walk through the definition of a call that has one."""
        token = current_mode.set(RECORDING)
        try:
            inputs = mark_inputs(f._edges)
            y = f.called_again(inputs)
        finally:
            current_mode.reset(token)
        inside = Arriving(None)
        inside.add([y], [g], None)
        return [inside.at_result(maker_of(x)) for x in inputs]

    def _by_pull(self, f: Any, g: Any) -> list[Any]:
        found = self._pulled(f, g)
        return self._everywhere(f) if found is None else found

    def _by_pulls(self, f: Any, g: Any) -> list[Any]:
        """Add up what arrives where a call has random values, values near its own, and its own."""
        found = self._by_pull(self._elsewhere(f, self._drawn_as), g)
        for draw in (self._near, None):
            if all(gx is None or is_nowhere_zero(gx) for gx in found):
                break
            more = self._pulled(f if draw is None else self._elsewhere(f, draw), g)
            if more is not None:  # (0 times infinity says nothing: a NaN is not above 0)
                found = [gx if gx is None else gx + (m > 0) for gx, m in zip(found, more, strict=True)]
        return found

    def _pulled(self, f: Any, g: Any) -> list[Any] | None:
        """Pull back random numbers where `g` is not 0; None if the values are outside of the domain."""
        # What is spread by a sum would cancel in differences.
        drawn = [each * self.positive(each.shape) for each in (g if isinstance(g, tuple) else (g,))]
        try:
            found = f.pull(tuple(drawn) if isinstance(g, tuple) else drawn[0], False)
        except (ValueError, np.linalg.LinAlgError, ArithmeticError):
            return None
        return [None if gx is None else np.abs(gx) for gx in found]

    def _elsewhere(self, f: Any, draw: Callable[[Any], Any]) -> Any:
        """Copy a call with other numbers for the values of its Variables and of its result."""
        copied = Node.__new__(type(f))
        copied._number, copied._outputs = f._number, f._outputs
        copied._edges = [
            as_variable(draw(array_of(e))) if isinstance(e, Variable) and e.dtype.kind in "fc" else e for e in f._edges
        ]
        copied._kept = f._kept
        if isinstance(f, NumPyCall):
            result = f._kept.result
            drawn = tuple(map(draw, result)) if isinstance(result, tuple) else draw(result)
            copied._kept = f._kept._replace(result=drawn)
        return copied

    def _drawn_as(self, array: Any) -> Any:
        return None if array is None else self.positive(array.shape).astype(array.dtype)

    def _near(self, array: Any) -> Any:
        """Move an array a little, so that what is 0 or equal by accident is not."""
        if array is None:
            return None
        step = self.positive(array.shape) * NEAR
        return (array + np.where(array == 0, 1, array) * step).astype(array.dtype)

    def _everywhere(self, f: Any) -> list[Any]:
        """Return positive numbers for all edges."""
        edges = f._edges
        return [self.positive(e.shape) if isinstance(e, (Node, Variable)) else None for e in edges]


def is_nowhere_zero(g: Any) -> bool:
    """Whether no gradient in an array is 0 (of an array whose values are not known, False)."""
    return isinstance(g, (np.ndarray, np.generic)) and bool(g.all())


def reads_variables(f: Any) -> bool:
    """Whether the pullbacks of a NumPy call read values that depend on Variables."""
    kept = f._kept
    return any(not unread for _, _, unread in kept.spots) or kept.result is not None
