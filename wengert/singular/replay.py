"""A part of the record, made again at other values.

Between the roots of a walk and some of its variables lie recorded calls. They are made again, in the order in which
they were recorded, with other values for these variables and so for all that depends on them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.arrays.newer_numpy import again
from wengert.arrays.table import plain
from wengert.arrays.values import ShapeDtype, looked_at
from wengert.core.elementwise import Elementwise
from wengert.core.function import Function
from wengert.core.node import Node, maker_of
from wengert.core.numpy_call import NumPyCall
from wengert.core.variable import Variable, array_of, note_of
from wengert.custom.marks import Identity
from wengert.singular.selection import EXTREMES, SELECTING_UFUNCS, SORTING

__all__ = ["NotReplayed", "Replay"]


class NotReplayed(Exception):
    """Raised where a call cannot be made again: it has side effects, or what it was given is not known any more."""


def key_of(edge: Any) -> Any:
    """Return what stands for a value: the number of the call that has it as its one result, else the Variable."""
    f = maker_of(edge)
    return edge if f is None or type(f._outputs) is tuple else f._number


class Replay:
    """The calls by which `roots` depend on the values at the edges `sources`."""

    def __init__(self, roots: Sequence[Any], sources: Sequence[Any]) -> None:
        self.roots, self.edges, self.sources = roots, sources, [key_of(edge) for edge in sources]
        calls: dict[int, Any] = {}
        waiting = [maker_of(root) for root in roots]
        while waiting:
            f = waiting.pop()
            if f is not None and f._number not in calls:
                calls[f._number] = f
                waiting += map(maker_of, f._edges or ())
        self.depends: set[Any] = set(self.sources)
        self.calls = []
        for number in sorted(calls):
            f = calls[number]
            if number not in self.depends and any(self._is_changed(edge) for edge in f._edges):
                self.depends.add(number)
                self.calls.append(f)
        self.orders = {f._number: order_of(f, f._edges) for f in self.calls if is_sorting(f)}
        if any(f._number not in self.orders and is_tied(f) for f in self.calls):
            # Gradients that were recorded have shared among equal values, which are not equal elsewhere.
            raise NotReplayed
        self._find_constants(calls)
        self._find_addends(calls)

    def _is_changed(self, edge: Any) -> bool:
        if not isinstance(edge, (Node, Variable)):
            return False
        f = maker_of(edge)
        return key_of(edge) in self.depends or (f is not None and f._number in self.depends)

    def _find_constants(self, calls: dict[int, Any]) -> None:
        """Compute again the values that were not kept, of calls that do not depend on the sources."""
        needed = {edge._number for edge in self.edges if isinstance(edge, Node)}
        for f in reversed(self.calls):
            needed.update(e._number for e in f._edges if isinstance(e, Node) and not self._is_changed(e))
        for number in sorted(calls, reverse=True):
            if number in needed:
                needed.update(e._number for e in calls[number]._edges if isinstance(e, Node))
        self.constants: dict[int, Any] = {}
        for number in sorted(needed):
            f = calls[number]
            made = called(f, [self.constants[e._number] if isinstance(e, Node) else plain(e) for e in f._edges])
            self.constants[number] = made

    def _find_addends(self, calls: dict[int, Any]) -> None:
        """Find constants that were added or subtracted and not kept, by what the sums were."""
        self.addends: dict[int, Any] = {}
        sums = [
            f
            for f in self.calls
            if getattr(f, "ufunc", None) in (np.add, np.subtract) and any(e is None for e in f._edges)
        ]
        if not sums:
            return
        kept = {key_of(x): array_of(x) for f in calls.values() for x in f._edges if is_single_result(x)}
        kept.update({key_of(root): array_of(root) for root in self.roots if is_single_result(root)})
        made: dict[Any, Any] = {key_of(edge): self.value_at(edge) for edge in self.edges}
        for f in self.calls:
            values = [self._value(edge, made) for edge in f._edges]
            if f in sums and f._number in kept:
                first = f._edges[0] is None
                known = values[first]
                y = kept[f._number]
                self.addends[f._number] = y - known if f.ufunc is np.add else y + known if first else known - y
            self._make(f, values, made)
            if f._number in kept:
                made[f._number] = kept[f._number]

    def value_at(self, edge: Any) -> Any:
        """Return the value at an edge as it was."""
        return self.constants[edge._number] if isinstance(edge, Node) else array_of(edge)

    def again(self, values: Sequence[Any]) -> list[Any]:
        """Return the roots as they are with `values`, Variables, for the sources."""
        made: dict[Any, Any] = dict(zip(self.sources, values, strict=True))
        for f in self.calls:
            self._make(f, [self._value(edge, made) for edge in f._edges], made)
        return [made.get(key_of(root)) for root in self.roots]

    def _make(self, f: Any, values: list[Any], made: dict[Any, Any]) -> None:
        if note_of(f, "hooks"):
            raise NotReplayed
        if f._number in self.orders:
            new = order_of(f, values)
            if any(not np.array_equal(a, b) for a, b in zip(self.orders[f._number], new, strict=True)):
                raise NotReplayed  # the recorded gradients follow the former order
        if f._number in self.addends:
            values = [self.addends[f._number] if v is None else v for v in values]
        result = called(f, values)
        if f.has_several_outputs:
            for reference, part in zip(f._outputs, result, strict=True):
                made[reference()] = part
        else:
            made[f._number] = result

    def _value(self, edge: Any, made: dict[Any, Any]) -> Any:
        if not isinstance(edge, (Node, Variable)):
            return edge
        key = key_of(edge)
        if key in made:
            return made[key]
        return self.value_at(edge)


def is_single_result(x: Any) -> bool:
    """Whether an edge is the one result of a call, and its value known."""
    return isinstance(x, Variable) and maker_of(x) is not None and not maker_of(x).has_several_outputs


def is_sorting(f: Any) -> bool:
    """Whether the gradients of a call follow the order of its values, by the stable argsort."""
    return isinstance(f, NumPyCall) and type(f).function in SORTING


def order_of(f: Any, values: Any) -> Any:
    """Return the order of the values that a call sorts, all together."""
    arrays = [looked_at(plain(v)) for v in values]
    return [np.argsort(a, axis=None, kind="stable") for a in arrays if isinstance(a, np.ndarray)]


def is_tied(f: Any) -> bool:
    """Whether a call chooses by its values, and some are equal. (Of two Variables, see `at_kink`.)"""
    arrays = [looked_at(plain(e)) for e in f._edges]
    arrays = [v for v in arrays if isinstance(v, (np.ndarray, int, float))]
    if isinstance(f, Elementwise):
        with_constant = f.ufunc in SELECTING_UFUNCS and not all(isinstance(e, Variable) for e in f._edges)
        return with_constant and len(arrays) == 2 and bool(np.any(arrays[0] == arrays[1]))
    if not isinstance(f, NumPyCall) or not arrays:
        return False
    if type(f).function is np.linalg.vector_norm:  # with ord=inf the largest element
        takes_extreme = any(type(v) is float and abs(v) == np.inf for v in f._kept.values)
        return takes_extreme and bool(np.unique(np.abs(arrays[0])).size < np.size(arrays[0]))
    if type(f).function not in EXTREMES:
        return False
    if type(f).function is np.clip:
        bounds = [*arrays[1:], *(v for v in f._kept.values if isinstance(v, (np.ndarray, int, float)))]
        return any(bool(np.any(arrays[0] == bound)) for bound in bounds)
    return bool(np.unique(arrays[0]).size < np.size(arrays[0]))


def called(f: Any, values: list[Any]) -> Any:
    """Call the function of a recorded call on other values."""
    if isinstance(f, Elementwise):  # a constant that nothing reads was not kept
        return f.ufunc(*[np.nan if v is None else v for v in values])
    if isinstance(f, NumPyCall):
        return numpy_called(f, values)
    again = getattr(f, "called_again", None)
    if again is not None:
        return again(values)
    if isinstance(f, Identity):
        return values[0]
    if type(f).pull is not Function.pull:
        raise NotReplayed
    return copy.copy(f)(*values)


def numpy_called(f: Any, values: list[Any]) -> Any:
    """Call a NumPy function on other values."""
    kept = f._kept
    given = [unknown(value) for value in kept.values]
    for i, places, _ in kept.spots:
        given[i] = nested(places, values)
    args, names = given[: kept.by_place], kept.names[kept.by_place :]
    return again(type(f).function)(*args, **dict(zip(names, given[kept.by_place :], strict=True)))


def nested(places: Any, values: list[Any]) -> Any:
    """Put values in the places of edges, in lists as they were given."""
    if type(places) is list:
        return [nested(p, values) if type(p) in (int, list) else unknown(p[0]) for p in places]
    return values[places]


def unknown(value: Any) -> Any:
    """Return NaN for an array that was not kept, as nothing reads it: it does not matter, or shows."""
    return (
        np.full(value.shape, np.nan if value.dtype.kind in "fc" else 0, value.dtype)
        if isinstance(value, ShapeDtype)
        else value
    )
