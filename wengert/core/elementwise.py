"""Elementwise: the Functions that a table of partial derivatives makes of NumPy's ufuncs.

Every operation of every program comes through `record` and `pull` here. They are written once, below, as text with
gaps, and compiled for the structure of a ufunc (how many inputs, which values its partial derivatives read) at its
first call: so no call asks at run time what the table says.
"""

from __future__ import annotations

import functools
import linecache
import sys
from types import CodeType
from typing import Any, ClassVar

import numpy as np
from numpy import array, generic, isfinite, zeros  # noqa: F401  (the compiled text reads the names of this module)

from wengert.arrays.batches import lifted_arguments  # noqa: F401
from wengert.arrays.lists import recorded_again  # noqa: F401
from wengert.arrays.rows import Partial
from wengert.arrays.table import UFUNCS, before_a_row
from wengert.arrays.values import FLOAT64, floating  # noqa: F401  (FLOAT64: of numbers, which have no dtype)
from wengert.checks import refusals
from wengert.checks.mutation import WRITTEN  # noqa: F401
from wengert.checks.refusals import as_operand  # noqa: F401
from wengert.checks.signature import is_identity, parameter_names
from wengert.core import backprop
from wengert.core.function import Function
from wengert.core.mode import RECORDING, current_mode  # noqa: F401
from wengert.core.node import Node, edge_without_value, ndarray, new, next_number  # noqa: F401
from wengert.core.variable import Variable, attach, record_result  # noqa: F401

__all__ = ["Elementwise", "derivative"]

EDGE = (Node, Variable)
FLOATING = (FLOAT64, np.dtype(np.float32), np.dtype(np.complex128))  # the usual ones
RESULT = -1  # the place of `y` among the values that partial derivatives are computed from


class Elementwise(Function):
    """A call of a ufunc. Its gradients are that with respect to the result, times the partial derivatives."""

    __slots__ = ()

    ufunc: ClassVar[np.ufunc]
    partials: ClassVar[tuple[Partial, ...]]
    has_poles: ClassVar[bool]
    takes_constants = True

    @classmethod
    def record(cls, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        """Call the ufunc on `args`, Variables and constants, and record the call."""
        cls.specialize()
        return cls.record(args, kwargs)

    def pull(self, gys: Any, differentiable: bool) -> Any:
        self.specialize()
        return self.pull(gys, differentiable)

    @classmethod
    def specialize(cls) -> None:
        """Compile what stands in the place of `record` and `pull` from the first call on."""
        record, pull = specialized(cls, names_of(cls.ufunc))
        record.__self__ = cls  # the class of the row, as that of a class method is
        cls.record, cls.pull = staticmethod(record), pull  # type: ignore[method-assign]
        if getattr(UFUNCS.get(cls.ufunc), "__self__", None) is cls:
            UFUNCS[cls.ufunc] = record

    def forward(self, *xs: Any) -> Any:
        return self.ufunc(*xs)

    def keep(self, results: tuple[Any, ...]) -> None:
        self._kept = results[0]

    def kept_output(self, position: int) -> Any:
        return self._kept


# `x` stands for each input in turn. {read} is true if its value is read by the partial derivative with respect to an
# input that is a Variable; a value that is not read is not kept. What is constant for the structure folds away.

RECORD = """
def make(cls, ufunc, name, partials, others):
    {partials}, = partials

    def record(args, kwargs=None):
        if {defers} and (kwargs or len(args) != {count}):
            return others(args, kwargs)
        {names}, = args
{values}
        y = ufunc({passed}, **kwargs) if kwargs else ufunc({passed})
        if type(y) is not ndarray and isinstance(y, generic):
            y = array(y)
        f = new(cls)
{unread}
        f._edges = ({names},)
        f._kept = y if {result_read} else None
        f._outputs = f._notes = None
        if current_mode.get() is not RECORDING or type(y) is not ndarray:
            if type(y) is not ndarray and (lifted := lifted_arguments(y, args, kwargs)):
                return record(*lifted)
            result = record_result(f, ({passed},), y)
            if {result_read}:
                f._kept = result._data
            return result
        y.setflags(False)
        f._number = next_number()
        result = new(Variable)
        result._data = y
        result._creator = f
        result._grad = result._notes = None
        return result
"""

VALUE = """\
        is_{x} = isinstance({x}, Variable)
        if is_{x}:
            value_{x} = {x}._data
        elif type({x}) is float or type({x}) is int:
            value_{x} = {x}
        else:
            {x} = value_{x} = as_operand(name, {x})
            if {x} is NotImplemented:
                return recorded_again(ufunc, record, args, kwargs)"""

UNREAD = """\
        if not ({read}):
            if not is_{x}:
                {x} = {x} if type({x}) is float or type({x}) is int else None
            elif {x}._creator is not None:
                {x} = edge_without_value({x})"""

PULL = """
    def pull(self, gys, differentiable):
        {names}, = self._edges
{active}
{reading}
        return ({gradients},)

    return record, pull
"""

ACTIVE = """\
        is_{x} = type({x}) is Variable or (type({x}) is not float and isinstance({x}, EDGE))"""

READ = """\
        if {read}:
            if is_{x}:
                if {x}._notes is not None:
                    {x} = self.check_unchanged({x})
                value_{x} = {x} if differentiable else {x}._data
                {prepare}
            else:
                value_{x} = {x}
                if type({x}) is not float and type({x}) is not int:
                    if WRITTEN:
                        self.check_unwritten({x}, {x})
                    {prepare}"""

READ_RESULT = """\
        if {read}:
            value_y = attach(self, self._kept) if differentiable else self._kept
            {prepare}"""

CONJUGATE = "value_{x} = value_{x}.conjugate()"
CONVERT = "if getattr(value_{x}, 'dtype', FLOAT64) not in FLOATING: value_{x} = floating(value_{x}, gys.dtype)"


def specialized(cls: type[Elementwise], names: list[str], others: Any = None) -> tuple[Any, Any]:
    """Compile `record` and `pull` for the structure of a ufunc, and bind them to it.

    Calls with keywords are recorded by `others`, where it is given.
    """
    structure = tuple((reads, is_identity(function) if reads else function) for function, reads in cls.partials)
    namespace: dict[str, Any] = {}
    exec(compiled(structure, tuple(names), cls.has_poles, others is not None), globals(), namespace)
    return namespace["make"](cls, cls.ufunc, cls.ufunc.__name__, [p.function for p in cls.partials], others)  # type: ignore[no-any-return]


@functools.cache
def compiled(structure: tuple[Any, ...], names: tuple[str, ...], has_poles: bool, defers: bool) -> CodeType:
    """Fill the gaps of the text for a structure: what each partial derivative reads, and what it is if it is simple."""
    all_read = [place for reads, _ in structure for place in reads]
    several = len(names) > 1

    def active(place: int) -> str:
        """Whether some input that is a Variable has a partial derivative that reads the value in a place."""
        readers = [x for x, (reads, _) in zip(names, structure, strict=True) if place in reads]
        return " or ".join(f"is_{x}" for x in readers) or "False"

    def is_itself(place: int) -> bool:
        """Whether all partial derivatives that read a value are that value (as those of a product)."""
        return all(simple for reads, simple in structure if place in reads)

    def gradient(x: str, reads: tuple[int, ...], simple: Any) -> str:
        if reads:
            values = ", ".join("value_y" if place == RESULT else f"value_{names[place]}" for place in reads)
            # dL/dx + i dL/dy of a holomorphic function; what is real is its own conjugate
            slope = values if is_itself(reads[0]) else f"partial_{x}({values}).conjugate()"
            gx = f"product(self, {names.index(x)}, gys, {slope})" if has_poles else f"gys * {slope}"
        else:
            gx = {1: "gys", -1: "-gys", 0: "zeros(gys.shape, gys.dtype)"}.get(simple, f"gys * partial_{x}")
        return f"{gx} if is_{x} else None" if several else gx

    def each(text: str, **gaps: Any) -> str:
        return "\n".join(text.format(x=x, read=active(i), **gaps) for i, x in enumerate(names))

    reading = []
    for place in dict.fromkeys(all_read):
        x = "y" if place == RESULT else names[place]
        prepare = (CONJUGATE if is_itself(place) else CONVERT).format(x=x)
        reading.append((READ_RESULT if place == RESULT else READ).format(x=x, read=active(place), prepare=prepare))
    text = (RECORD + PULL).format(
        names=", ".join(names),
        count=len(names),
        defers=defers,
        partials=", ".join(f"partial_{x}" for x in names),
        passed=", ".join(f"value_{x}" for x in names),
        values=each(VALUE) if several else "        value_x = x._data",
        unread=each(UNREAD),
        result_read=active(RESULT),
        active=each(ACTIVE) if several else "",
        reading="\n".join(reading),
        gradients=", ".join(gradient(x, *part) for x, part in zip(names, structure, strict=True)),
    )
    if not several:
        text = text.replace("is_x", "True")
    file = f"{__file__}: record and pull, {structure}"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file  # for tracebacks
    return compile(text, file, "exec")


def product(f: Elementwise, place: int, gys: Any, slope: Any) -> Any:
    """Multiply ``gys`` by a partial derivative that may be infinite."""
    gx = gys * slope
    values = gx._data if isinstance(gx, Variable) else gx
    # One cheap look; an overflow of the sum does no harm. What is recorded must know its masks for later orders.
    is_known = type(values) is ndarray or isinstance(values, generic)
    if is_known and isfinite(values.sum()) and (values is gx or values.all()):
        return gx
    return backprop.singular.product(f, place, gys, slope, gx)


def derivative(ufunc: np.ufunc, *partials: Any, poles: bool = False) -> type[Elementwise]:
    """Register a ufunc by its partial derivatives; return the `Function` class made from it.

    Parameters
    ----------
    ufunc : numpy.ufunc
        With one output, computed element by element.
    *partials : callable or number
        One for each input: the derivative with respect to that input, as a function of what it needs to know,
        by name: ``x`` is the input (``a, b, c`` where there are several) and ``y`` the result.
        What no partial derivative names is not kept in memory. For complex numbers the function
        must be holomorphic (the engine conjugates).
    poles : bool
        Whether a partial derivative can be infinite or NaN at a point where people mask the result:
        a gradient that a mask has made 0 then stays 0 there.

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
    refusals.check_ufunc(ufunc, partials, poles)
    before_a_row()
    title = "".join(word.capitalize() for word in ufunc.__name__.split("_"))
    home = sys._getframe(1).f_globals.get("__name__", __name__)  # where pickle looks for it
    texts = {"__slots__": (), "__doc__": f"A call of {ufunc.__name__}.", "__module__": home}
    row = {"ufunc": ufunc, "partials": tuple(_partial(ufunc, p) for p in partials), "has_poles": poles}
    made: Any = type(title, (Elementwise,), {**texts, **row})
    UFUNCS[ufunc] = made.record
    return made  # type: ignore[no-any-return]


def names_of(ufunc: np.ufunc) -> list[str]:
    """Name the inputs of a ufunc, as partial derivatives do."""
    return ["x"] if ufunc.nin == 1 else list("abcdefgh"[: ufunc.nin])


def _partial(ufunc: np.ufunc, partial: Any) -> Partial:
    if not callable(partial):
        return Partial(partial)
    places = {**{name: i for i, name in enumerate(names_of(ufunc))}, "y": RESULT}
    wanted = parameter_names(partial).by_place
    refusals.check_partial(ufunc, wanted, places)
    return Partial(partial, tuple(places[name] for name in wanted))
