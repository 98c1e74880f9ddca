"""NumPyCall: the Functions that a table of pullbacks makes of NumPy's functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple, TypeVar
from weakref import ref

import numpy as np

from wengert.core.dispatch import FUNCTIONS, UFUNCS, name_of, operand, refuse_out
from wengert.core.errors import describe
from wengert.core.function import Function, attach, finish, new, release
from wengert.core.mode import current_mode
from wengert.core.signature import parameter_names
from wengert.core.variable import Variable, gradient_dtype

__all__ = ["NumPyCall", "Shaped", "pullback"]

F = TypeVar("F", bound=Callable[..., Any])


class Shaped(NamedTuple):
    """What a pullback is given in place of an array that it said it does not read."""

    shape: tuple[int, ...]
    dtype: Any

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=int))


class Pullback(NamedTuple):
    """How the gradient by one argument is computed."""

    function: Callable[..., Any]
    reads: frozenset[str] | None  # the names of the arrays it reads; None: all
    wants_result: bool


class NumPyCall(Function):
    """A call of a NumPy function, with its arguments as they were given."""

    __slots__ = ()

    function: ClassVar[Any]
    pullbacks: ClassVar[dict[str, Pullback]]
    parameters: ClassVar[tuple[str, ...]]
    keywords: ClassVar[tuple[str, ...]]  # parameters given by name only
    has_rest: ClassVar[bool]  # the last positional parameter takes all that follow (*operands)

    @classmethod
    def record(cls, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        """Call the function on `args` and `kwargs`, and record the call."""
        kwargs = kwargs or {}
        named = cls._named(args, kwargs)
        active = [cls._rule(name) for name, value in named if any(_variables(value))]
        reads: set[str] | None = set()
        for rule in active:
            reads = None if reads is None or rule.reads is None else reads | rule.reads
        edges: list[Any] = []
        kept = [_keep(value, reads is not None and name not in reads, edges) for name, value in named]
        values = [_data(value) for _, value in named]
        y = cls.function(*values[: len(args)], **dict(zip(kwargs, values[len(args) :], strict=True)))
        f = new(cls)
        f._edges = edges
        f._outputs = f._notes = None
        f._kept = None
        call = (kept[: len(args)], dict(zip(kwargs, kept[len(args) :], strict=True)))
        if isinstance(y, (tuple, list)):
            result, y = _several(f, values, y)
            shapes = [(part.shape, gradient_dtype(part.dtype)) for part in y]
        else:
            if isinstance(y, np.ndarray):
                operand(cls._title(), y)
                y = y.view()  # it may be the argument itself, or look into it
            result = finish(f, values, y)
            y, shapes = result._data, None
        f._kept = (call, y if any(rule.wants_result for rule in active) else None, shapes)
        return result

    @classmethod
    def _named(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
        """Name each argument; raise TypeError for one that the pullbacks do not know."""
        names = cls.parameters
        if len(args) > len(names) and not cls.has_rest:
            raise TypeError(f"{cls._title()} of a Variable takes {', '.join(names)}, but got {len(args)} arguments")
        known = names + cls.keywords
        named = [(names[min(i, len(names) - 1)], arg) for i, arg in enumerate(args)]
        for name, value in kwargs.items():
            if name not in known:
                raise TypeError(
                    f"{cls._title()} of a Variable does not take {name}=; it takes {', '.join(known)}; "
                    "or leave the graph: x.data, x.detach()"
                )
            named.append((name, value))
        for name, value in named:
            if name == "out":
                refuse_out(cls._title(), value)
            elif name == "overwrite_input" and value:
                raise TypeError(
                    f"{cls._title()} of a Variable does not take overwrite_input=True, because the graph has "
                    "recorded its value; leave it out"
                )
        # Whole numbers and truths choose and count: where no gradient can arrive, they are constants.
        for i, (name, value) in enumerate(named):
            if name not in cls.pullbacks and isinstance(value, Variable) and value._data.dtype.kind in "biu":
                named[i] = (name, value._data)
        return named

    @classmethod
    def _title(cls) -> str:
        return name_of(cls.function)

    @classmethod
    def _rule(cls, name: str) -> Pullback:
        if name not in cls.pullbacks:
            raise TypeError(
                f"{cls._title()} is differentiable by {', '.join(cls.pullbacks)}, but its {name} is a Variable; "
                f"give it as an array: {name}.data"
            )
        return cls.pullbacks[name]

    def forward(self, *xs: Any) -> Any:
        return type(self).function(*xs)

    def backward(self, *gys: Any) -> Any:
        """Compute the gradients by the inputs, by hand: an ndarray, or a tuple for several inputs."""
        gxs = self.pull(gys if self.has_several_outputs else gys[0], False)
        return gxs[0] if len(gxs) == 1 else tuple(gxs)

    def pull(self, gys: Any, live: bool) -> Any:
        (args, kwargs), y, _ = self._kept

        for value in (*args, *kwargs.values()):
            for place in _places(value):
                if not place.unread:
                    self.check_unchanged(self._edges[place.edge])
        full_args = [_restore(v, self._edges, live) for v in args]
        full_kwargs = {k: _restore(v, self._edges, live) for k, v in kwargs.items()}
        gxs: list[Any] = [None] * len(self._edges)
        done: dict[str, Any] = {}
        for i, (name, value) in enumerate(self._named_places(args, kwargs)):
            if not any(_places(value)):
                continue
            rule = self.pullbacks[name]
            if name not in done:
                extra = {"y": self._live_result(y) if live else y} if rule.wants_result else {}
                done[name] = rule.function(gys, *full_args, **full_kwargs, **extra)
            gx = done[name]
            if self.has_rest and name == self.parameters[-1] and i < len(args):
                gx = gx[i - len(self.parameters) + 1]
            _assign(value, gx, gxs)
        return gxs

    def _named_places(self, args: Any, kwargs: Any) -> Iterator[tuple[str, Any]]:
        names = self.parameters
        for i, value in enumerate(args):
            yield names[min(i, len(names) - 1)], value
        yield from kwargs.items()

    def _live_result(self, y: Any) -> Any:
        if self.has_several_outputs:
            return self.outputs
        return attach(self, y)

    def kept_output(self, position: int) -> Any:
        y = self._kept[1]
        return y[position] if isinstance(y, tuple) else y

    def output_shapes(self) -> list[tuple[tuple[int, ...], Any]]:
        return self._kept[2]  # type: ignore[no-any-return]


class Place(NamedTuple):
    """Where a Variable stood among the arguments: the index of its edge."""

    edge: int
    unread: bool


def _several(f: Function, values: Any, ys: Any) -> tuple[Any, tuple[Any, ...]]:
    """Record a call with several results; keep the kind of tuple or list that NumPy gave."""
    results = []
    for y in ys:
        y = np.asarray(y).view() if isinstance(y, (np.ndarray, np.generic)) else y
        results.append(finish(f, values, y))
    if current_mode.get().record:
        f._outputs = tuple(ref(r) for r in results)
    parts = tuple(r._data for r in results)
    if isinstance(ys, list):
        return results, parts
    return (type(ys)(*results) if hasattr(ys, "_fields") else tuple(results)), parts


def _variables(value: Any) -> Iterator[Any]:
    """All Variables in nested lists and tuples."""
    if isinstance(value, Variable):
        yield True
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from _variables(v)


def _keep(value: Any, unread: bool, edges: list[Any]) -> Any:
    """Replace Variables by their places among the edges, and arrays not read by their shapes."""
    if isinstance(value, Variable):
        edges.append(release(value) if unread and value._creator is not None else value)
        return Place(len(edges) - 1, unread)
    if isinstance(value, (list, tuple)):
        return [_keep(v, unread, edges) for v in value] if any(_variables(value)) else value
    if unread and isinstance(value, np.ndarray) and value.ndim:
        return Shaped(value.shape, value.dtype)
    return value


def _restore(value: Any, edges: list[Any], live: bool) -> Any:
    """Undo `_keep`: put arrays in the places, or with `live` Variables, or shapes where unread."""
    if type(value) is Place:
        edge = edges[value.edge]
        if not value.unread:
            return edge if live else edge._data
        like = edge._data if isinstance(edge, Variable) else edge
        return Shaped(like.shape, like.dtype)
    return [_restore(v, edges, live) for v in value] if type(value) is list else value


def _places(value: Any) -> Iterator[Place]:
    if type(value) is Place:
        yield value
    elif type(value) is list:
        for v in value:
            yield from _places(v)


def _data(value: Any) -> Any:
    if isinstance(value, Variable):
        return value._data
    if isinstance(value, (list, tuple)) and any(_variables(value)):
        return type(value)([_data(v) for v in value])
    return value


def _assign(value: Any, gx: Any, gxs: list[Any]) -> None:
    """Put the gradient by an argument, nested as the argument is, where its edges are."""
    if type(value) is Place:
        gxs[value.edge] = gx
    elif type(value) is list:
        for v, g in zip(value, gx, strict=True):
            _assign(v, g, gxs)


def pullback(function: Any, argument: str, reads: str | None = None) -> Callable[[F], F]:
    """Register how the gradient by one argument of a function is computed, as a decorator.

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
        by the result (a tuple for several results) and the arguments of the call, and returns the
        gradient by `argument` (a list for a sequence of arrays). A keyword-only parameter ``y``
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
    if not callable(function):
        raise TypeError(f"pullback takes the function it belongs to, but got {describe(function)}")

    def register(rule: F) -> F:
        names = parameter_names(rule)
        by_place = names.by_place[1:]
        by_name = tuple(name for name in names.by_name if name != "y")
        wants_result = "y" in names.by_name
        made = _class_of(function)
        if made is None:
            made = _make(function, parameters=by_place, keywords=by_name, has_rest=names.has_rest)
        unknown = [name for name in (argument, *(reads or "").split()) if name not in by_place + by_name]
        if unknown or (by_place, by_name) != (made.parameters, made.keywords):
            raise ValueError(
                f"the pullbacks of {name_of(function)} take (gy, {', '.join(made.parameters + made.keywords)}), "
                f"but this one, for {argument!r}, takes (gy, {', '.join(by_place + by_name)})"
            )
        values = None if reads is None else frozenset(reads.split())
        made.pullbacks[argument] = Pullback(rule, values, wants_result)
        if isinstance(function, np.ufunc):
            UFUNCS[function] = made.record
        else:
            FUNCTIONS[function] = made.record
        return rule

    return register


def _class_of(function: Any) -> Any:
    record = (UFUNCS if isinstance(function, np.ufunc) else FUNCTIONS).get(function)
    owner = getattr(record, "__self__", None)
    return owner if isinstance(owner, type) and issubclass(owner, NumPyCall) else None


def _make(function: Any, **settings: Any) -> type[NumPyCall]:
    title = "".join(word[:1].upper() + word[1:] for word in function.__name__.split("_"))
    members = {
        "__slots__": (),
        "__doc__": f"A call of {name_of(function)}.",
        "function": staticmethod(function),
        "pullbacks": {},
        **settings,
    }
    return type(title, (NumPyCall,), members)
