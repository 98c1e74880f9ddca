"""Functions that the table of derivatives defines by others: the definition, run on nodes, is their lowering.

So what has a derivative through a composition needs no rule here. Where the definition asks for values, or calls
what is not lowered, the function stays one call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NoReturn

import numpy as np

from wengert.arrays.interface import ArrayInterface
from wengert.arrays.level import TRACED
from wengert.arrays.lists import takes_arrays, with_arrays
from wengert.arrays.table import FUNCTIONS, read_late_tables
from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.calls import bound, get_item
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.lowering.compositions import COMPOSITIONS
from wengert.compiler.lowering.rules import REQUIRED
from wengert.custom.registration import DEFINITIONS

__all__ = ["by_definition"]

# Functions whose results depend on shapes and dtypes alone.
OF_FORMS = {np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj, np.result_type, np.can_cast, np.common_type}
OF_FUNCTIONS = {np.apply_along_axis, np.apply_over_axes, np.piecewise}  # they would call the program's function again
OF_NUMPY = type(np.sum)
Lower = Callable[[Any, str, Any, Any], Any]
# The functions whose definitions are being run: one that calls itself is of plain arrays, which symbols are not.
RUNNING: ContextVar[frozenset[Any]] = ContextVar("wengert.compiler.running", default=frozenset())


class Symbol(ArrayInterface):
    """A node as an array: NumPy's functions of it are lowered."""

    __slots__ = ("line", "lower", "node", "several")
    __hash__ = None  # type: ignore[assignment]
    __array_level__ = TRACED

    def __init__(self, node: Node, line: str, lower: Lower, several: Lower) -> None:
        self.node, self.line, self.lower, self.several = node, line, lower, several

    @property
    def shape(self) -> tuple[int, ...]:
        return self.node.shape or ()

    @property
    def dtype(self) -> Any:
        return self.node.dtype

    @property
    def strides(self) -> tuple[int, ...]:
        return tuple(s * self.dtype.itemsize for s in root_of(self.node)[2])

    def _concrete(self, convert: Any, means: str = "") -> NoReturn:
        raise NotLowered("its value is known at run time only")

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotLowered("its elements are known at run time only")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._call(ufunc if method == "__call__" else bound(ufunc, method), args, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in OF_FORMS:
            return func(*map(form_of, args), **{name: form_of(value) for name, value in kwargs.items()})
        definition = getattr(func, "__wrapped__", None)
        if definition is not None and (definition.__module__ or "").startswith("wengert."):
            if takes_arrays(func):
                args, kwargs = with_arrays(func, args, kwargs)
            return definition(*args, **kwargs)
        return self._call(func, args, kwargs)

    def __getitem__(self, index: Any) -> Any:
        return self._call(get_item, (self, index), {})

    def _call(self, function: Any, args: Any, kwargs: Any) -> Any:
        kwargs = {name: value for name, value in kwargs.items() if name != "out" or value is not None}
        args, kwargs = without_symbols(args), without_symbols(kwargs)
        found = self.lower(function, self.line, args, kwargs)
        if found is None:
            found = self.several(function, self.line, args, kwargs)
        if found is None:
            raise NotLowered(f"{function} has no rule")
        return self._wrapped(found)

    def _wrapped(self, found: Any) -> Any:
        if isinstance(found, (tuple, list)):
            parts = [self._wrapped(part) for part in found]
            return type(found)(*parts) if hasattr(found, "_fields") else type(found)(parts)
        return Symbol(found, self.line, self.lower, self.several) if isinstance(found, Node) else found


def form_of(value: Any) -> Any:
    """An array of the shape and the dtype of a symbol, for functions of these alone."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(form_of, value))
    return np.broadcast_to(np.zeros((), value.dtype), value.shape) if type(value) is Symbol else value


def without_symbols(value: Any) -> Any:
    """Nested arguments with nodes in place of symbols."""
    if type(value) is Symbol:
        return value.node
    if isinstance(value, (tuple, list)):
        parts = [without_symbols(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {name: without_symbols(part) for name, part in value.items()}
    if isinstance(value, slice):
        return slice(*(without_symbols(part) for part in (value.start, value.stop, value.step)))
    return value


def with_symbols(value: Any, line: str, lower: Lower, several: Lower) -> Any:
    """Nested arguments with symbols in place of nodes."""
    if isinstance(value, Node):
        if value.weak:
            raise NotLowered("a Python number is known at run time only")
        return Symbol(value, line, lower, several)
    if isinstance(value, (tuple, list)):
        parts = [with_symbols(part, line, lower, several) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def by_definition(function: Any, line: str, args: Any, kwargs: Any, lower: Lower, several: Lower) -> Any:
    """The result of a function, or its results, by its definition; None where it stays a call."""
    if function in RUNNING.get():
        return None
    guards = REQUIRED.get()
    count = len(guards)
    for definition in definitions_of(function):
        token = RUNNING.set(RUNNING.get() | {function})
        try:
            arguments = with_symbols(tuple(args), line, lower, several)
            named = {name: with_symbols(value, line, lower, several) for name, value in kwargs.items()}
            if takes_arrays(function):
                arguments, named = with_arrays(function, arguments, named)
            return without_symbols(definition(*arguments, **named))
        except (NotLowered, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # The definition takes other arguments than these, or NumPy raises, too.
            del guards[count:]
        finally:
            RUNNING.reset(token)
    return None


def definitions_of(function: Any) -> Iterator[Any]:
    """The definitions of a function of NumPy: in other functions, and that of the table of derivatives."""
    if function in COMPOSITIONS:
        yield COMPOSITIONS[function]
    if not isinstance(function, OF_NUMPY) or function in OF_FUNCTIONS:
        return
    if function not in FUNCTIONS:
        read_late_tables()
    definition = DEFINITIONS.get(function)
    if getattr(definition, "__module__", "").startswith("wengert."):
        yield definition
