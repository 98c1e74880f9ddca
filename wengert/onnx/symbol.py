"""Symbol: an array that writes down what is done with it, as nodes of an ONNX graph."""

from __future__ import annotations

import contextlib
import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

import numpy as np

from wengert.arrays.interface import ArrayInterface
from wengert.arrays.level import RECORDED
from wengert.arrays.table import METHODS, read_late_tables
from wengert.checks.refusals import name_of
from wengert.core.variable import Variable, array_of
from wengert.custom.registration import DEFINITIONS
from wengert.onnx.trace import Node, Trace

__all__ = ["NAMED", "RULES", "NoRule", "Symbol", "concrete", "dtype_of", "operand", "rule"]

F = TypeVar("F", bound=Callable[..., Any])
# RULES[function](trace, value, *args, **kwargs) adds nodes that compute the call whose value for the example is
# `value`, and returns the name of the result (a tuple of names for several).
RULES: dict[Any, Callable[..., Any]] = {}
NAMED: dict[str, Callable[..., Any]] = {}  # likewise, of ufuncs of scipy.special by name, which may not be imported
# Functions whose results are known without the values: they are called on the example.
KNOWN: set[Any] = {np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.isscalar}
KNOWN |= {np.zeros_like, np.ones_like, np.empty_like, np.broadcast_shapes}
SHAPED = {np.full_like}  # of the first argument of which the shape alone is taken


class NoRule(Exception):
    """A rule does not know such arguments: the definition of the function is traced, if there is one."""


def rule(*functions: Any) -> Callable[[F], F]:
    """Register how calls of functions are exported, as a decorator.

    Parameters
    ----------
    *functions : callable
        Functions of NumPy, or functions that are `wengert.dispatched`.

    Returns
    -------
    callable
        A decorator for ``rule(trace, value, *args, **kwargs)``. It is called with the arguments of a call, and with
        the result of the call for the example that the model is traced on. ``trace.emit(op, *inputs, **attributes)``
        adds a node: inputs are arguments as `operand` names them, names that emit returned, or constants.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.onnx.symbol import operand
    >>> @rule(np.linalg.det)
    ... def determinant(trace, value, a):
    ...     return trace.emit("Det", operand(trace, a))
    """

    def register(found: F) -> F:
        for function in functions:
            RULES[function] = found
        return found

    return register


class Symbol(ArrayInterface):
    """A value of the graph.

    It outranks Variables: parameters that meet it are constants of the graph.

    Attributes
    ----------
    graph : Trace
    value : ndarray
        That of the example.
    name : str
        In the graph.
    """

    __slots__ = ("__weakref__", "graph", "name", "value")
    __array_level__ = RECORDED + 1
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, graph: Trace, value: Any, name: str) -> None:
        self.graph, self.value, self.name = graph, value, name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.value.dtype  # type: ignore[no-any-return]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        kwargs = {name: value for name, value in kwargs.items() if value is not None or name == "axis"}
        if "out" in kwargs:
            raise TypeError(f"out= of {name_of(ufunc)} writes into an array, which ONNX has not; leave it out")
        if method == "__call__":
            return answer(self.graph, ufunc, args, kwargs)
        if (ufunc, method) in METHODS:
            kwargs.setdefault("axis", 0)
            given = {name: value for name, value in kwargs.items() if value is not np._NoValue}
            return METHODS[ufunc, method](*args, **given)
        raise unknown(f"{name_of(ufunc)}.{method}")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            raise TypeError(f"out= of {name_of(func)} writes into an array, which ONNX has not; leave it out")
        return answer(self.graph, func, args, {name: value for name, value in kwargs.items() if name != "out"})

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "an array is not written to in an exported model; write np.where(mask, v, x), or np.concatenate"
        )

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "a model whose arrays are converted to ndarrays (np.asarray, a[x] of a plain array a) cannot be exported; "
            "write wengert.functions.embedding(x, a) for the rows a[x] of a table, and functions of NumPy for those of "
            "other libraries"
        )

    def _concrete(self, convert: Callable[[Any], Any], means: str = "") -> NoReturn:
        raise TypeError(
            "a model that makes a Python number or boolean of the values of its input cannot be exported, as ONNX "
            "has one graph for all inputs; write np.where(condition, a, b) in the place of a branch"
        )

    def __repr__(self) -> str:
        return f"Symbol({self.name}, shape={self.shape}, dtype={self.dtype})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def astype(self, dtype: Any, **kwargs: Any) -> Any:
        return self if self.dtype == dtype else np.astype(self, np.dtype(dtype))  # type: ignore[call-overload]


def answer(trace: Trace, function: Any, args: Any, kwargs: Any) -> Any:
    """Add the nodes of a call; return its result as Symbols."""
    if function in KNOWN:
        return function(*concrete(args), **concrete(kwargs))
    found = RULES.get(function)
    if found is not None and takes(found, args, kwargs):
        value = function(*concrete(args), **concrete(kwargs))
        start = len(trace.nodes)
        with contextlib.suppress(NoRule):
            names = found(trace, value, *args, **kwargs)
            if takes_all(trace.nodes[start:], names, function, (*args, *kwargs.values())):
                return wrapped(trace, value, names)
    by_name = NAMED.get(getattr(function, "__name__", "")) if isinstance(function, np.ufunc) else None
    if found is None and by_name is not None:
        value = function(*concrete(args))
        return wrapped(trace, value, by_name(trace, value, *args))
    read_late_tables()
    definition = DEFINITIONS.get(function)
    if definition is None and str(getattr(function, "__module__", "")).startswith("wengert."):
        definition = getattr(function, "__wrapped__", None)
    if definition is None:
        raise unknown("x[i]" if function is operator.getitem else name_of(function), found is not None)
    return definition(*args, **kwargs)


def takes(function: Any, args: Any, kwargs: Any) -> bool:
    """Whether a rule has parameters for the arguments of a call."""
    try:
        inspect.signature(function).bind(None, None, *args, **kwargs)
    except TypeError:
        return False
    return True


def takes_all(nodes: list[Node], names: Any, function: Any, args: Any) -> bool:
    """Whether the nodes of a call read all Symbols among its arguments.

    A rule may take one for a number (how often to repeat, where to split): that of the example would be in the file.
    """
    if function in SHAPED:
        return True
    read = {names} if isinstance(names, str) else set(names)
    read.update(name for node in nodes for name in node.inputs)
    return all(name in read for name in symbols_in(args))


def symbols_in(values: Any) -> Iterator[str]:
    """The names of the Symbols in nested arguments."""
    for value in values:
        if isinstance(value, Symbol):
            yield value.name
        elif isinstance(value, (list, tuple)):
            yield from symbols_in(value)
        elif isinstance(value, slice):
            yield from symbols_in((value.start, value.stop, value.step))


def unknown(name: str, of_arguments: bool = False) -> TypeError:
    return TypeError(
        f"{name} has no rule for the export to ONNX{' with these arguments' if of_arguments else ''}; write other "
        "functions in its place, or register a rule by wengert.onnx.rule"
    )


def wrapped(trace: Trace, value: Any, names: Any) -> Any:
    """Make Symbols of the names of results."""
    if isinstance(names, str):
        return Symbol(trace, np.asarray(value), names)
    parts = [Symbol(trace, np.asarray(v), n) for v, n in zip(value, names, strict=True)]
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)


def concrete(value: Any) -> Any:
    """Substitute arrays for Symbols and Variables, also in lists, tuples and dicts."""
    if isinstance(value, Symbol):
        return value.value
    if isinstance(value, Variable):
        return array_of(value)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(map(concrete, value))
    if isinstance(value, dict):
        return {key: concrete(part) for key, part in value.items()}
    return value


def dtype_of(*values: Any) -> np.dtype[Any]:
    """The dtype that NumPy promotes some arguments to."""
    return np.result_type(*(x if isinstance(x, (bool, int, float)) else np.asarray(x).dtype for x in concrete(values)))


def operand(trace: Trace, x: Any, dtype: Any = None) -> str:
    """Return the name of an argument, converted to a dtype."""
    if isinstance(x, str):
        return x
    if isinstance(x, (list, tuple)):
        x = np.stack(x)  # (a Symbol if one of them is)
    if isinstance(x, Symbol):
        if dtype is None or x.dtype == dtype:
            return x.name
        return trace.emit("Cast", x.name, to=np.dtype(dtype))  # type: ignore[no-any-return]
    x = concrete(x)
    return trace.constant(x if dtype is None else np.asarray(x, dtype))
