"""Elementwise: the Functions that a table of partial derivatives makes of NumPy's ufuncs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import product
from typing import Any, ClassVar, NamedTuple

import numpy as np

from wengert.checks.mutation import WRITTEN
from wengert.checks.refusals import is_operand
from wengert.core.dispatch import UFUNCS, before_a_row
from wengert.core.function import Function
from wengert.core.mode import RECORDING, current_mode
from wengert.core.node import Node, edge_without_value, ndarray, new, next_number
from wengert.core.signature import parameter_names
from wengert.core.strong_zero import strong_zero_multiply
from wengert.core.variable import Variable, as_array, attach, record_result

__all__ = ["Elementwise", "derivative"]

EDGE = (Variable, Node)
NUMBER = (float, int)
RESULT = -1  # the place of `y` among the values that partial derivatives are computed from


class Partial(NamedTuple):
    """A partial derivative: a number, or a function of the values in the places that it reads."""

    function: Any
    reads: tuple[int, ...] = ()


class Elementwise(Function):
    """A call of a ufunc. Its gradients are the gradient by the result, times the partial derivatives."""

    __slots__ = ()

    ufunc: ClassVar[np.ufunc]
    partials: ClassVar[tuple[Partial, ...]]
    keeps: ClassVar[dict[tuple[bool, ...], tuple[bool, ...]]]  # see `_places_read`
    has_poles: ClassVar[bool]

    def forward(self, *xs: Any) -> Any:
        return self.ufunc(*xs)

    def backward(self, *gys: Any) -> Any:
        """Compute the gradients by the inputs, by hand: an ndarray, or a tuple for several inputs."""
        gxs = [gx for gx in self.pull(gys[0], False) if gx is not None]
        return gxs[0] if len(gxs) == 1 else tuple(gxs)

    @classmethod
    def record(cls, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        """Call the ufunc on `args`, Variables and constants, and record the call."""
        keeps = cls.keeps[tuple([isinstance(arg, Variable) for arg in args])]
        values = []
        edges = []
        for arg, kept in zip(args, keeps, strict=False):
            if isinstance(arg, Variable):
                values.append(arg._data)
                edges.append(arg if kept or arg._creator is None else edge_without_value(arg))
            elif is_operand(cls.ufunc.__name__, arg):
                if isinstance(arg, (list, tuple)):
                    arg = np.asarray(arg)
                values.append(arg)
                edges.append(arg if kept else None)
            else:
                return NotImplemented
        y = cls.ufunc(*values, **kwargs) if kwargs else cls.ufunc(*values)
        f = new(cls)
        f._edges = edges
        f._outputs = f._notes = f._kept = None
        result = record_result(f, values, y)
        if keeps[RESULT]:
            f._kept = result._data
        return result

    def pull(self, gys: Any, differentiable: bool) -> Any:
        edges = self._edges
        keeps = self.keeps[tuple([isinstance(edge, EDGE) for edge in edges])]
        values = []
        for edge, kept in zip(edges, keeps):  # noqa: B905  (keeps has the result too)
            if kept and isinstance(edge, Variable):
                if edge._notes is not None:
                    self.check_unchanged(edge)
                values.append(edge if differentiable else edge._data)
            else:
                values.append(edge)  # a constant, or what nothing reads
                if WRITTEN:
                    self.check_unwritten(edge, edge)
        if keeps[RESULT]:
            values.append(attach(self, self._kept) if differentiable else self._kept)
        values = [value if isinstance(value, Function) else _floating(value, gys.dtype) for value in values]
        gxs: list[Any] = []
        for edge, (partial, reads) in zip(edges, self.partials):  # noqa: B905
            if not isinstance(edge, EDGE):
                gxs.append(None)
            elif reads:
                slope = partial(*[values[i] for i in reads])
                # dL/dx + i dL/dy of a holomorphic function; what is real is its own conjugate
                slope = slope.conjugate()
                gxs.append(strong_zero_multiply(gys, slope) if self.has_poles else gys * slope)
            else:
                gxs.append(gys if partial == 1 else -gys if partial == -1 else _scaled(gys, partial))
        return gxs

    def keep(self, results: tuple[Any, ...]) -> None:
        self._kept = results[0]

    def kept_output(self, position: int) -> Any:
        return self._kept


# The common case of each half, spelled out for one and for two inputs: every operation of every
# program comes through here. What is uncommon goes to the methods above, which can do all.


def unary(cls: type[Elementwise]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Make `record` and `pull` for a ufunc of one input."""
    ufunc, (keeps, keeps_result) = cls.ufunc, cls.keeps[True,]
    ((partial, reads),) = cls.partials
    is_simple = len(reads) == 1 and not cls.has_poles

    def record(args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        if kwargs or current_mode.get() is not RECORDING:
            return cls.record(args, kwargs)
        (x,) = args
        y = ufunc(x._data)
        if type(y) is not ndarray:
            y = as_array(y)
        y.setflags(False)
        f = new(cls)
        f._number = next_number()
        f._edges = (x if keeps or x._creator is None else edge_without_value(x),)
        f._kept = y if keeps_result else None
        f._outputs = f._notes = None
        result = new(Variable)
        result._data = y
        result._creator = f
        result._grad = result._notes = None
        return result

    def pull(self: Any, gys: Any, differentiable: bool) -> Any:
        if differentiable or not is_simple:
            return Elementwise.pull(self, gys, differentiable)
        if keeps:
            (x,) = self._edges
            value = x._data
            if value.dtype is not gys.dtype:
                return Elementwise.pull(self, gys, differentiable)
            if x._notes is not None:
                self.check_unchanged(x)
            return (gys * partial(value).conjugate(),)
        return (gys * partial(self._kept).conjugate(),)

    return record, pull


def binary(cls: type[Elementwise]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Make `record` and `pull` for a ufunc of two inputs."""
    ufunc, both, left, right = cls.ufunc, cls.keeps[True, True], cls.keeps[True, False], cls.keeps[False, True]
    (slope_a, reads_a), (slope_b, reads_b) = cls.partials
    is_linear = not reads_a and not reads_b and slope_a == 1 and slope_b in (1, -1)  # + and -
    is_product = reads_a == (1,) and reads_b == (0,) and not cls.has_poles

    def record(args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        if kwargs or current_mode.get() is not RECORDING:
            return cls.record(args, kwargs)
        a, b = args
        if isinstance(a, Variable):
            if isinstance(b, Variable):
                keeps_a, keeps_b, keeps_result = both
                y = ufunc(a._data, b._data)
                if not keeps_b and b._creator is not None:
                    b = edge_without_value(b)
            elif type(b) in NUMBER:
                keeps_a, keeps_b, keeps_result = left
                y = ufunc(a._data, b)
                if not keeps_b:
                    b = None
            else:
                return cls.record(args, kwargs)
            if not keeps_a and a._creator is not None:
                a = edge_without_value(a)
        elif type(a) in NUMBER:
            keeps_a, keeps_b, keeps_result = right
            y = ufunc(a, b._data)
            if not keeps_a:
                a = None
            if not keeps_b and b._creator is not None:
                b = edge_without_value(b)
        else:
            return cls.record(args, kwargs)
        if type(y) is not ndarray:
            y = as_array(y)
        y.setflags(False)
        f = new(cls)
        f._number = next_number()
        f._edges = (a, b)
        f._kept = y if keeps_result else None
        f._outputs = f._notes = None
        result = new(Variable)
        result._data = y
        result._creator = f
        result._grad = result._notes = None
        return result

    def pull(self: Any, gys: Any, differentiable: bool) -> Any:
        a, b = self._edges
        if is_linear:  # which reads nothing: the edge of a constant is None
            return None if a is None else gys, None if b is None else gys if slope_b == 1 else -gys
        if is_product and not differentiable:
            if isinstance(a, Variable) and isinstance(b, Variable):
                if a._notes is not None or b._notes is not None:
                    self.check_unchanged(a)
                    self.check_unchanged(b)
                return gys * slope_a(b._data).conjugate(), gys * slope_b(a._data).conjugate()
            if type(b) in NUMBER:
                return gys * slope_a(b), None
            if type(a) in NUMBER:
                return None, gys * slope_b(a)
        return Elementwise.pull(self, gys, differentiable)

    return record, pull


FAST = {1: unary, 2: binary}


def _floating(value: Any, dtype: Any) -> Any:
    """Turn whole numbers into floats: in a formula like 1 / (1 + x x) they would overflow, and wrap."""
    if isinstance(value, (list, tuple)):
        value = np.asarray(value)
    own = getattr(value, "dtype", dtype)
    return value if own is dtype or own.kind in "fc" else value.astype(np.result_type(dtype, np.float32))


def _scaled(gy: Any, factor: Any) -> Any:
    return np.zeros_like(gy) if factor == 0 else gy * factor


def derivative(ufunc: np.ufunc, *partials: Any, poles: bool = False) -> type[Elementwise]:
    """Register a ufunc by its partial derivatives; return the `Function` class made from it.

    Parameters
    ----------
    ufunc : numpy.ufunc
        With one output, computed element by element.
    *partials : callable or number
        One for each input: the derivative by that input, as a function of what it needs to know,
        by name: ``x`` is the input (``a, b, c`` where there are several) and ``y`` the result.
        What no partial derivative names is not kept in memory. For complex numbers the function
        must be holomorphic (the engine conjugates).
    poles : bool
        Whether a partial derivative can be infinite or NaN at a point where people mask the result:
        a gradient of 0 then stays 0 there (see `strong_zero_multiply`).

    Returns
    -------
    type
        The subclass of Function, called like the ufunc in CapWords.

    Raises
    ------
    TypeError
        If `ufunc` is no elementwise ufunc with one output.
    ValueError
        If the number of partial derivatives or the names in them do not fit.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> Expm1 = wengert.derivative(np.expm1, lambda y: y + 1)
    >>> Multiply = wengert.derivative(np.multiply, lambda b: b, lambda a: a)
    """
    if not isinstance(ufunc, np.ufunc) or ufunc.nout != 1 or ufunc.signature is not None:
        raise TypeError(
            f"derivative takes an elementwise ufunc with one output, but got {ufunc!r}; "
            "register any other function with @wengert.pullback(function, argument)"
        )
    before_a_row()
    if len(partials) != ufunc.nin:
        raise ValueError(f"{ufunc.__name__} needs {ufunc.nin} partial derivatives, but got {len(partials)}")
    names = ["x"] if ufunc.nin == 1 else list("abcdefgh"[: ufunc.nin])
    read = tuple(_partial(ufunc, partial, names) for partial in partials)
    title = "".join(word.capitalize() for word in ufunc.__name__.split("_"))
    members = {
        "__slots__": (),
        "__doc__": f"A call of {ufunc.__name__}.",
        "__module__": sys._getframe(1).f_globals.get("__name__", __name__),  # where pickle looks for it
        "ufunc": ufunc,
        "partials": read,
        "keeps": {active: _places_read(read, active) for active in product((False, True), repeat=ufunc.nin)},
        "has_poles": poles,
    }
    made: Any = type(title, (Elementwise,), members)
    UFUNCS[ufunc] = made.record
    if ufunc.nin in FAST:
        record, made.pull = FAST[ufunc.nin](made)
        record.__self__ = made  # type: ignore[attr-defined]  # the class of the row, as that of made.record is
        UFUNCS[ufunc] = record
    return made  # type: ignore[no-any-return]


def _places_read(partials: tuple[Partial, ...], active: tuple[bool, ...]) -> tuple[bool, ...]:
    """Whether each input, and last the result, is read by a partial derivative by an `active` input."""
    places = {i for partial, wanted in zip(partials, active, strict=True) if wanted for i in partial.reads}
    return (*(i in places for i in range(len(partials))), RESULT in places)


def _partial(ufunc: np.ufunc, partial: Any, names: list[str]) -> Partial:
    if not callable(partial):
        return Partial(partial)
    places = {**{name: i for i, name in enumerate(names)}, "y": RESULT}
    wanted = parameter_names(partial).by_place
    if not wanted or any(name not in places for name in wanted):
        raise ValueError(
            f"a partial derivative of {ufunc.__name__} is a function of {', '.join(names)} and the result y, "
            f"by these names, but got one of ({', '.join(wanted)})"
        )
    return Partial(partial, tuple(places[name] for name in wanted))
