"""NumPyCall: the Functions that a table of pullbacks makes of NumPy's functions."""

from __future__ import annotations

from typing import Any, ClassVar
from weakref import ref

import numpy as np

from wengert.arrays.aliases import note_view
from wengert.arrays.batches import BY_EXAMPLE, lifted_arguments
from wengert.arrays.level import ATOMS
from wengert.arrays.lists import with_arrays
from wengert.arrays.nesting import assign, contains, frozen, mapped
from wengert.arrays.ownership import may_share
from wengert.arrays.rows import Kept, Plan, Pullback
from wengert.arrays.table import FUNCTIONS
from wengert.arrays.values import ShapeDtype, is_foreign
from wengert.checks import refusals
from wengert.checks.errors import BatchError
from wengert.checks.mutation import WRITTEN
from wengert.checks.refusals import is_operand, name_of
from wengert.core.function import Function
from wengert.core.mode import current_mode
from wengert.core.node import edge_without_value, ndarray, new, new_tuple, watch_writes
from wengert.core.variable import Variable, array_of, attach, gradient_dtype, record_result

__all__ = ["Kept", "NumPyCall", "Pullback"]


class NumPyCall(Function):
    """A call of a NumPy function, with its arguments as they were given."""

    __slots__ = ()

    function: ClassVar[Any]
    pullbacks: ClassVar[dict[str, Pullback]]
    parameters: ClassVar[tuple[str, ...]]
    keywords: ClassVar[tuple[str, ...]]  # parameters given by name only
    lists: ClassVar[tuple[str, ...]]  # parameters that take lists of arrays as they are
    has_rest: ClassVar[bool]  # the last positional parameter takes all that follow (*operands)
    named: ClassVar[dict[Any, tuple[str, ...]]]  # the names of arguments by how they were given, once checked
    plans: ClassVar[dict[Any, Plan]]  # by that, and the places of Variables

    @classmethod
    def record(cls, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        """Call the function on `args` and `kwargs`, and record the call."""
        given = (len(args), *kwargs) if kwargs else len(args)
        names = cls.named.get(given) or cls._name(given, len(args), kwargs or {})
        values = [*args, *kwargs.values()] if kwargs else [*args]
        places: list[int] = []  # of what has Variables
        beside: list[int] = []  # of other arrays and lists
        has_lists = False
        for i, value in enumerate(values):
            if type(value) in ATOMS:
                continue
            if isinstance(value, Variable):
                if names[i] not in cls.pullbacks and value._data.dtype.kind in "biu":
                    values[i] = value._data  # integers and booleans choose and count: constants here
                    beside.append(i)
                else:
                    places.append(i)
            elif isinstance(value, (list, tuple)):
                if not contains(value, Variable):
                    beside.append(i)
                elif names[i] not in cls.lists:
                    return cls.record(*with_arrays(cls.function, args, kwargs or {}))
                else:
                    has_lists = True
                    places.append(i)
            elif isinstance(value, ndarray) or is_foreign(value):
                if type(value) is not ndarray or value.dtype.kind not in "biufc":
                    values[i] = refusals.plain_array(name_of(cls.function), value)
                beside.append(i)
        plan = cls.plans.get((given, *places)) or cls._plan(given, places, names)
        unread, spots, written_to, wants_result = plan
        for i in written_to:
            refusals.refuse_written(cls.function, names[i], values[i])
        kept = values.copy()
        for i in beside:
            value = values[i]
            if type(value) is not ndarray:
                kept[i] = frozen(value)
            elif unread[i] and value.ndim:
                kept[i] = ShapeDtype(value.shape, value.dtype)
        edges: list[Any] = []
        if has_lists:
            spots = [(i, to_edges(values[i], unread[i], edges), unread[i]) for i in places]
            for i in places:
                values[i], kept[i] = mapped(values[i], Variable, array_of), None
        else:
            for i in places:
                value = values[i]
                edges.append(edge_without_value(value) if unread[i] and value._creator is not None else value)
                values[i], kept[i] = value._data, None
        if kwargs:
            y = cls.function(*values[: len(args)], **dict(zip(kwargs, values[len(args) :], strict=True)))
        else:
            y = cls.function(*values)
        if type(y) is not ndarray and (lifted := lifted_arguments(y, args, kwargs)):
            return cls.record(*lifted)
        f = new(cls)
        f._edges = edges
        f._outputs = f._notes = f._kept = None
        shapes = base = None
        if type(y) is not ndarray and isinstance(y, (tuple, list)):
            result, y, base = _several(f, (*args, *(kwargs or {}).values()), values, spots, y)
            shapes = [(part.shape, gradient_dtype(part.dtype)) for part in y]
        else:
            if y is None:
                refusals.refuse_valueless(cls.function, (*args, *(kwargs or {}).values()))
            shares = may_share(y, values)
            if type(y) is ndarray:
                if y.dtype.kind not in "biufc":
                    is_operand(name_of(cls.function), y)
                y = y.view()  # it may be the argument itself, or a view of it
            result = record_result(f, values, y)
            if shares:
                base = note_view(watch_writes(result), (*args, *kwargs.values()) if kwargs else args, values, spots)
            y = result._data
        f._kept = new_tuple(Kept, (kept, len(args), names, spots, y if wants_result else None, shapes, base))
        return result

    @classmethod
    def _plan(cls, given: Any, places: list[int], names: tuple[str, ...]) -> Plan:
        """Find what a call with Variables in some places keeps for the pullbacks."""
        for i in places:
            if names[i] not in cls.pullbacks:
                raise refusals.not_differentiable(cls.function, names[i], cls.pullbacks)
        rules = [cls.pullbacks[names[i]] for i in places]
        reads = {name for rule in rules for name in (names if rule.reads is None else rule.reads)}
        unread = [name not in reads for name in names]
        spots = [(i, j, unread[i]) for j, i in enumerate(places)]
        written_to = [i for i, name in enumerate(names) if name in refusals.WRITTEN_TO]
        plan = Plan(unread, spots, written_to, any(rule.wants_result for rule in rules))
        cls.plans[(given, *places)] = plan
        return plan

    @classmethod
    def _name(cls, given: Any, by_place: int, kwargs: dict[str, Any]) -> tuple[str, ...]:
        """Name each argument; raise TypeError for one that the pullbacks do not know."""
        names = cls.parameters
        refusals.check_arguments(cls.function, names, cls.keywords, cls.has_rest, by_place, kwargs)
        found = (*(names[min(i, len(names) - 1)] for i in range(by_place)), *kwargs)
        cls.named[given] = found
        return found

    def forward(self, *xs: Any) -> Any:
        return type(self).function(*xs)

    @property
    def takes_constants(self) -> bool:
        """Whether no pullback reads a value that is a Variable where it is differentiable."""
        return self._kept.result is None and all(unread for _, _, unread in self._kept.spots)

    def pull(self, gys: Any, differentiable: bool) -> Any:
        values, by_place, names, spots, result, _, _ = self._kept
        edges, values = self._edges, values.copy()
        if WRITTEN:
            for value in values:
                self.check_unwritten(value, value)
        for i, places, unread in spots:
            if type(places) is int:
                values[i] = self.value_at(edges[places], not unread, differentiable)
            else:
                values[i] = self._value(edges, places, unread, differentiable)
        kwargs: dict[str, Any] = {}
        if by_place < len(values):
            values, kwargs = values[:by_place], dict(zip(names[by_place:], values[by_place:], strict=True))
        gxs: list[Any] = [None] * len(edges)
        name: Any = None
        found: Any = None
        for i, places, _ in spots:
            if names[i] is not name:  # (of *operands each has the same)
                name = names[i]
                rule, _, wants_result = self.pullbacks[name]
                if wants_result:
                    kwargs["y"] = self._differentiable_result() if differentiable else result
                try:
                    found = rule(gys, *values, **kwargs)
                except BatchError:
                    found = FUNCTIONS[BY_EXAMPLE](rule, (gys, *values), kwargs)
                kwargs.pop("y", None)
            gx = found[i - len(self.parameters) + 1] if self.has_rest and name == self.parameters[-1] else found
            if type(places) is int:
                gxs[places] = gx
            else:
                assign(places, gx, gxs)
        return gxs

    def _value(self, edges: list[Any], places: Any, unread: bool, differentiable: bool) -> Any:
        """The value of an argument: Variables where `differentiable`, else arrays, or shapes where unread."""
        if type(places) is list:
            return [
                self._value(edges, p, unread, differentiable) if type(p) in (int, list) else self.constant_at(p[0])
                for p in places
            ]
        return self.value_at(edges[places], not unread, differentiable)

    def _differentiable_result(self) -> Any:
        if not self.has_several_outputs:
            return attach(self, self._kept.result)
        return tuple([self.check_unchanged(y) for y in self.outputs])

    def kept_output(self, position: int) -> Any:
        return self._kept.result[position] if isinstance(self._kept.result, tuple) else self._kept.result

    def output_shapes(self) -> list[tuple[tuple[int, ...], Any]]:
        return self._kept.shapes  # type: ignore[no-any-return]


def _several(f: Function, given: Any, values: Any, spots: Any, ys: Any) -> tuple[Any, tuple[Any, ...], list[Any]]:
    """Record a call with several results; keep the kind of tuple or list that NumPy gave."""
    results, bases = [], []
    for y in ys:
        shares = may_share(y, values)
        y = np.asarray(y).view() if isinstance(y, ndarray) else y
        result = record_result(f, values, y)
        results.append(result)
        bases.append(note_view(watch_writes(result), given, values, spots) if shares else None)
    if current_mode.get().record:
        f._outputs = tuple(ref(r) for r in results)
    parts = tuple(r._data for r in results)
    if isinstance(ys, list):
        return results, parts, bases
    return (type(ys)(*results) if hasattr(ys, "_fields") else tuple(results)), parts, bases


def to_edges(value: Any, unread: bool, edges: list[Any]) -> Any:
    """Append the Variables in `value` to `edges`; return their indices, nested as they were, and (constant,) else."""

    def edge(x: Any) -> int:
        edges.append(edge_without_value(x) if unread and x._creator is not None else x)
        return len(edges) - 1

    def constant(x: Any) -> tuple[Any]:
        if unread and type(x) is ndarray and x.ndim:
            return (ShapeDtype(x.shape, x.dtype),)
        return (refusals.plain_array("a list beside a Variable", x),)

    return mapped(value, Variable, edge, constant)
