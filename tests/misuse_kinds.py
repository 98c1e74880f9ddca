"""The kinds of arguments, what each of them accepts, and the bad values that are tried on all."""

import inspect
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert import Variable

__all__ = ["BAD_VALUES", "Argument", "Call", "Kind", "call"]


class AnyClass:
    """A class that takes any arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass


BAD_VALUES: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "'text'": lambda: "text",
    "b''": lambda: b"",
    "True": lambda: True,
    "1j": lambda: 1j,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "-1": lambda: -1,
    "0": lambda: 0,
    "10**18": lambda: 10**18,
    "10**400": lambda: 10**400,
    "1.5": lambda: 1.5,
    "[]": list,
    "{}": dict,
    "{1: 2}": lambda: {1: 2},
    "object()": object,
    "a lambda": lambda: lambda *args, **kwargs: None,
    "datetime64": lambda: np.datetime64("2001-01-01"),
    "array('a')": lambda: np.array("a"),
    "object array": lambda: np.array([None, {}], object),
    "0-d array": lambda: np.array(2.5),
    "1-d array": lambda: np.arange(3.0),
    "6-d array": lambda: np.ones((1, 2, 1, 2, 1, 2)),
    "empty array": lambda: np.array([]),
    "datetime array": lambda: np.array(["2001-01-01", "2001-01-02"], "datetime64[D]"),
    "structured array": lambda: np.zeros(2, [("a", int), ("b", float)]),
    "masked array": lambda: np.ma.masked_array(np.ones((2, 3)), np.eye(2, 3, dtype=bool)),
    "np.matrix": lambda: np.asmatrix(np.ones((2, 3))),
    "Variable": lambda: Variable(np.array([1.0, 2.0])),
    "Variable(None)": lambda: Variable(None),
    "a generator": lambda: (n for n in range(3)),
    "a class": lambda: AnyClass,
    "a dtype": lambda: np.dtype("float32"),
    "(1, 'a')": lambda: (1, "a"),
    "(-1, -1)": lambda: (-1, -1),
    "(10**400, 10**400)": lambda: (10**400, 10**400),
    "[[]]": lambda: [[]],
}


class Kind(NamedTuple):
    """What an argument may be: its name, what passes, and the errors besides ours that its use may raise."""

    name: str
    accepts: Callable[[Any], bool]
    errors: tuple[type[BaseException], ...] = ()

    def __call__(self, value: Any) -> "Argument":
        return Argument(self, value)

    @property
    def optional(self) -> "Kind":
        return Kind(f"{self.name} or None", lambda value: value is None or self.accepts(value), self.errors)


class Argument(NamedTuple):
    """An argument of a valid call."""

    kind: Kind
    value: Any


class Call(NamedTuple):
    """A valid call: its function, and its arguments by name, in order."""

    function: Callable[..., Any]
    arguments: dict[str, Argument]
    names: tuple[str, ...] = ()  # by which the messages of Python may call it
    open: bool = False  # whether it takes arguments of any name
    numpy: Any = None  # the same function of NumPy, whose errors are passed on
    errors: tuple[type[BaseException], ...] = ()

    def run(self, values: dict[str, Any], extra: Any = (), more: Any = None, function: Any = None) -> Any:
        """Call with `values`: those of names with a star by position, the others by name."""
        positional = [value for name, value in values.items() if name.startswith("*")]
        named = {name: value for name, value in values.items() if not name.startswith("*")}
        return (function or self.function)(*positional, *extra, **named, **(more or {}))

    def spellings(self) -> set[str]:
        """The names that errors of Python about the arguments may give the function."""
        f = self.function
        own = {getattr(f, "__name__", ""), type(f).__name__, getattr(type(f), "__name__", "")}
        return {*own, *self.names, "__init__", "forward", "__call__", "__new__"}


def call(function: Callable[..., Any], /, *args: Argument, **kwargs: Argument) -> Call:
    """A valid call of a function that has a signature: arguments by position, then by name."""
    arguments = {f"*{i}": a for i, a in enumerate(args)}
    return Call(function, {**arguments, **kwargs}, open=takes_any_name(function))


def takes_any_name(function: Any) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(p.kind == p.VAR_KEYWORD for p in parameters)


# What passes. An array that is wrong for its shape alone may pass here: shapes are for the function's own tests.

NUMBERS = "biuf"


def is_int(value: Any) -> bool:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.dtype.kind in "iu"
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_real(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic) and value.ndim == 0:
        return value.dtype.kind in "iuf" and bool(np.isfinite(value))
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e308


def is_array(value: Any, kinds: str = NUMBERS) -> bool:
    if isinstance(value, Variable):
        return value.data is not None and value.dtype.kind in kinds
    if isinstance(value, bool | int | float | complex | list | tuple | np.ndarray | np.generic):
        try:
            return not isinstance(value, np.ma.MaskedArray) and np.asarray(value).dtype.kind in kinds
        except ValueError:
            return False
    return False


def is_dtype(value: Any) -> bool:
    try:
        return value is None or np.dtype(value).kind in "fc"
    except TypeError:
        return False


def is_sizes(value: Any, least: int) -> bool:
    several = value if isinstance(value, tuple | list) else [value]
    return all(is_int(n) and n >= least for n in several) and len(several) > 0


def integer(least: float = -np.inf, most: float = np.inf) -> Kind:
    return Kind(f"an integer from {least} to {most}", lambda value: is_int(value) and least <= value <= most)


def number(least: float = -np.inf, most: float = np.inf, excluded: tuple[float, ...] = ()) -> Kind:
    return Kind(
        f"a real number from {least} to {most}",
        lambda value: is_real(value) and least <= value <= most and value not in excluded,
    )


def choice(*words: Any) -> Kind:
    return Kind(
        f"one of {words}", lambda v: any(v is word for word in words) or (isinstance(v, str) and v in words)
    )


def sizes(least: int = 1) -> Kind:
    return Kind(f"sizes of at least {least}", lambda value: is_sizes(value, least))


def instance(*types: type) -> Kind:
    return Kind(f"of {', '.join(t.__name__ for t in types)}", lambda value: isinstance(value, types))


ARRAY = Kind("an array of real numbers", is_array)
COMPLEX_ARRAY = Kind("an array of numbers", lambda value: is_array(value, "biufc"))
INTEGERS = Kind("an array of integers", lambda v: is_array(v, "iu") or (is_array(v) and np.size(v) == 0))
COUNT = integer(1, 2**63)
SIZE = integer(1, 2**40)
INTEGER = integer()
REAL = number()
RATE = number(0, 1)
POSITIVE = number(0, excluded=(0,))
NONNEGATIVE = number(0)
FLAG = Kind("True or False", lambda value: isinstance(value, bool | np.bool_))
FUNCTION = Kind("a function", callable)
DTYPE = Kind("a floating dtype", is_dtype)
NAME = Kind("a name or None", lambda value: value is None or isinstance(value, str))
TEXT = Kind("text", lambda value: isinstance(value, str))
SEED = integer(0)
PATH = Kind("a path", lambda value: isinstance(value, str | os.PathLike), (OSError,))
AXIS = Kind("an axis", lambda value: is_int(value))
AXES = Kind("axes or None", lambda value: value is None or is_sizes(value, -64) or value == [])
ANY = Kind("anything", lambda value: True)
