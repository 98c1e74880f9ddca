"""NumPyCall: the Functions that a table of pullbacks makes of NumPy's functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, TypeVar
from weakref import ref

import numpy as np

from wengert.arrays.aliases import note_view
from wengert.arrays.lists import kept_lists, with_arrays
from wengert.arrays.nesting import assign, contains, frozen, mapped
from wengert.arrays.ownership import may_share
from wengert.arrays.table import add_row, before_a_row, row_of
from wengert.arrays.values import ShapeDtype
from wengert.checks import refusals
from wengert.checks.mutation import WRITTEN
from wengert.checks.refusals import is_operand, name_of
from wengert.checks.signature import parameter_names
from wengert.core.function import Function
from wengert.core.mode import current_mode
from wengert.core.node import edge_without_value, ndarray, new, watch_writes
from wengert.core.variable import Variable, array_of, attach, gradient_dtype, record_result

__all__ = ["NumPyCall", "pullback"]

F = TypeVar("F", bound=Callable[..., Any])


class Pullback(NamedTuple):
    """How the gradient with respect to one argument is computed."""

    function: Callable[..., Any]
    reads: frozenset[str] | None  # the names of the arrays it reads; None: all
    wants_result: bool


class Kept(NamedTuple):
    """What a call keeps for backward, beside its edges."""

    values: list[Any]  # all arguments, by place and then by name; of arrays that nothing reads, the shape
    by_place: int  # how many of them were given by place
    names: tuple[str, ...]  # the parameters that they were given for
    spots: list[tuple[int, Any, bool]]  # for each with Variables: its index, its edges (nested), whether unread
    result: Any  # where a pullback wants it
    shapes: Any  # of several results
    base: Any  # the index of the edge that the result is a view of; for several results, of each


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

    @classmethod
    def record(cls, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        """Call the function on `args` and `kwargs`, and record the call."""
        given = (len(args), *kwargs) if kwargs else len(args)
        names = cls.named.get(given) or cls._name(given, len(args), kwargs or {})
        values = [*args, *kwargs.values()] if kwargs else [*args]
        spots: list[Any] = []
        for i, value in enumerate(values):
            if isinstance(value, Variable):
                if names[i] not in cls.pullbacks and value._data.dtype.kind in "biu":
                    values[i] = value._data  # integers and booleans choose and count: constants here
                else:
                    spots.append(i)
            elif isinstance(value, (list, tuple)):
                if contains(value, Variable):
                    if names[i] not in cls.lists:
                        return cls.record(*with_arrays(cls.function, args, kwargs or {}))
                    spots.append(i)
            elif names[i] in refusals.WRITTEN_TO:
                refusals.refuse_written(cls.function, names[i], value)
            elif isinstance(value, ndarray) and (type(value) is not ndarray or value.dtype.kind not in "biufc"):
                is_operand(name_of(cls.function), value)
        rules = [cls._rule(names[i]) for i in spots]
        reads = None
        if all(rule.reads is not None for rule in rules):
            reads = {name for rule in rules for name in rule.reads or ()}
        edges: list[Any] = []
        kept = values.copy()
        for i, value in enumerate(kept):
            if type(value) is ndarray:
                if reads is not None and names[i] not in reads and value.ndim:
                    kept[i] = ShapeDtype(value.shape, value.dtype)
            elif isinstance(value, (list, tuple)):
                kept[i] = frozen(value)
        for j, i in enumerate(spots):
            unread = reads is not None and names[i] not in reads
            value = values[i]
            if isinstance(value, Variable):
                spots[j] = (i, len(edges), unread)
                edges.append(edge_without_value(value) if unread and value._creator is not None else value)
                values[i] = value._data
            else:
                spots[j] = (i, to_edges(value, unread, edges), unread)
                values[i] = mapped(value, Variable, array_of)
            kept[i] = None
        if kwargs:
            y = cls.function(*values[: len(args)], **dict(zip(kwargs, values[len(args) :], strict=True)))
        else:
            y = cls.function(*values)
        f = new(cls)
        f._edges = edges
        f._outputs = f._notes = f._kept = None
        shapes = base = None
        if isinstance(y, (tuple, list)):
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
            base = note_view(watch_writes(result), (*args, *(kwargs or {}).values()), values, spots) if shares else None
            y = result._data
        wanted = y if any(rule.wants_result for rule in rules) else None
        f._kept = Kept(kept, len(args), names, spots, wanted, shapes, base)
        return result

    @classmethod
    def _name(cls, given: Any, by_place: int, kwargs: dict[str, Any]) -> tuple[str, ...]:
        """Name each argument; raise TypeError for one that the pullbacks do not know."""
        names = cls.parameters
        refusals.check_arguments(cls.function, names, cls.keywords, cls.has_rest, by_place, kwargs)
        found = (*(names[min(i, len(names) - 1)] for i in range(by_place)), *kwargs)
        cls.named[given] = found
        return found

    @classmethod
    def _rule(cls, name: str) -> Pullback:
        if name not in cls.pullbacks:
            raise refusals.not_differentiable(cls.function, name, cls.pullbacks)
        return cls.pullbacks[name]

    def forward(self, *xs: Any) -> Any:
        return type(self).function(*xs)

    def pull(self, gys: Any, differentiable: bool) -> Any:
        kept_values, by_place, names, spots, result, *_ = self._kept
        edges = self._edges
        values = kept_values.copy()
        if WRITTEN:
            for value in values:
                self.check_unwritten(value, value)
        for i, places, unread in spots:
            values[i] = self._value(edges, places, unread, differentiable)
        args, kwargs = values[:by_place], dict(zip(names[by_place:], values[by_place:], strict=True))
        gxs: list[Any] = [None] * len(edges)
        done: dict[str, Any] = {}
        for i, places, _ in spots:
            name = names[i]
            if name not in done:
                rule = self.pullbacks[name]
                if rule.wants_result:
                    y = self._differentiable_result() if differentiable else result
                    done[name] = rule.function(gys, *args, **kwargs, y=y)
                else:
                    done[name] = rule.function(gys, *args, **kwargs)
            gx = done[name]
            if self.has_rest and name == self.parameters[-1] and i < by_place:
                gx = gx[i - len(self.parameters) + 1]
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


def pullback(function: Any, argument: str, reads: str | None = None) -> Callable[[F], F]:
    """Register how the gradient with respect to one argument of a function is computed, as a decorator.

    Parameters
    ----------
    function : callable
        One that NumPy dispatches (any in its namespace, ufuncs with a signature like np.matmul), or
        one of your own under `dispatched`.
    argument : str
        The parameter that the gradient is by.
    reads : str, optional
        The parameters whose values the pullback reads, separated by spaces; of the others it gets
        ``shape``, ``dtype``, ``ndim`` and ``size`` alone, and their memory is not held. By default
        it reads all.

    Returns
    -------
    callable
        A decorator for the pullback: ``pullback(gy, *args, **kwargs)`` is called with the gradient
        with respect to the result (a tuple for several results) and the arguments of the call, and returns the
        gradient with respect to `argument` (a list for a sequence of arrays). A keyword-only parameter ``y``
        gets the result. It must be written in differentiable NumPy, to hold to any order.

    Raises
    ------
    TypeError
        If `function` is not callable.
    ValueError
        If the pullback has no parameter called `argument`, or other parameters than those that the
        other pullbacks of `function` have.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> @wengert.pullback(np.flip, "m", reads="")
    ... def flip(gy, m, axis=None):
    ...     return np.flip(gy, axis)
    """
    refusals.check_function(function, argument, reads)
    before_a_row()

    def register(rule: F) -> F:
        names = parameter_names(rule)
        by_place = names.by_place[1:]
        by_name = tuple(name for name in names.by_name if name != "y")
        wants_result = "y" in names.by_name
        made = _class_of(function)
        if made is None:
            made = _make(function, parameters=by_place, keywords=by_name, has_rest=names.has_rest)
        refusals.check_pullback(function, argument, reads, (by_place, by_name), (made.parameters, made.keywords))
        values = None if reads is None else frozenset(reads.split())
        made.pullbacks[argument] = Pullback(rule, values, wants_result)
        add_row(function, made.record)
        return rule

    return register


def _class_of(function: Any) -> Any:
    owner = getattr(row_of(function), "__self__", None)
    return owner if isinstance(owner, type) and issubclass(owner, NumPyCall) else None


def _make(function: Any, **settings: Any) -> type[NumPyCall]:
    title = "".join(word[:1].upper() + word[1:] for word in function.__name__.split("_"))
    texts = {"__slots__": (), "__doc__": f"A call of {name_of(function)}."}
    lists = kept_lists(function, settings["parameters"] + settings["keywords"])
    members = {"function": staticmethod(function), "pullbacks": {}, "named": {}, "lists": lists, **settings}
    return type(title, (NumPyCall,), {**texts, **members})
