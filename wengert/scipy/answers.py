"""SciPy's functions under NumPy's protocol: SciPy's own for arrays, a row of the table for Variables."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import scipy

from wengert.arrays.level import TRACED, level_of
from wengert.arrays.lists import NOT_ARRAYS
from wengert.arrays.table import row_of
from wengert.checks.refusals import unknown
from wengert.core.numpy_call import NumPyCall
from wengert.custom.registration import DEFINITIONS, composition

__all__ = ["CARRIERS", "SCIPY_VERSION", "answered", "answers", "open_names"]

F = TypeVar("F", bound=Callable[..., Any])

SCIPY_VERSION = tuple(int(part) for part in scipy.__version__.split(".")[:2])
CARRIERS: list[type] = []  # types of values that hold Variables, and are no arrays: definitions take them as they are

# What is permitted to SciPy, or asked of it, and changes no value.
PERMISSIONS = frozenset(
    ("overwrite_a", "overwrite_b", "overwrite_ab", "overwrite_b_data", "overwrite_c", "overwrite_x")
)
PERMISSIONS |= {"overwrite_data", "overwrite_input", "overwrite_v", "workers"}


def answered(function: Any, name: str = "") -> Any:
    """Open a function of SciPy to NumPy's protocol; its row is given by ``@pullback(result, ...)``.

    Parameters
    ----------
    function : callable
        SciPy's, which computes what is asked of arrays alone.
    name : str, optional
        The name of the result in `wengert.scipy`, as in "stats.norm.pdf"; by default that of `function` in SciPy.

    Returns
    -------
    callable
        With the signature and the documentation of `function`. Where there is a Variable (or another array that
        speaks the protocol) among the arguments, also in lists, it is answered by the table. Options that its row does
        not know are refused there by name, unless they have their default or change no value.

    Examples
    --------
    >>> import numpy as np, scipy.linalg, wengert
    >>> bandwidth = answered(scipy.linalg.bandwidth)
    >>> bandwidth(np.eye(3))
    (0, 0)
    >>> bandwidth(wengert.Variable(np.eye(3)))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    TypeError: wengert.scipy.linalg.bandwidth has no derivative here, so that ...
    """

    @functools.wraps(function)
    def public(*args: Any, **kwargs: Any) -> Any:
        if CARRIERS and any(isinstance(value, tuple(CARRIERS)) for value in (*args, *kwargs.values())):
            args, kwargs = arguments_of(public, function, args, kwargs)
            if public not in DEFINITIONS:
                raise unknown(public)
            return DEFINITIONS[public](*args, **kwargs)
        asked = list(speakers((*args, *kwargs.values())))
        if not asked:
            return function(*args, **kwargs)
        asked.sort(key=lambda value: -len(type(value).__mro__))  # subclasses before their bases, as NumPy does
        args, kwargs = arguments_of(public, function, args, kwargs)
        for value in asked:
            answer = value.__array_function__(public, (type(value),), args, kwargs)
            if answer is not NotImplemented:
                return answer
        return function(*args, **kwargs)

    name = name or f"{public_module(function)}.{function.__name__}".partition(".")[2]
    home, _, short = name.rpartition(".")
    while "." in home and f"scipy.{home}" not in sys.modules:  # (a method: the name of its object is a part)
        home, _, outer = home.rpartition(".")
        short = f"{outer}.{short}"
    public.__module__, public.__name__, public.__qualname__ = f"wengert.scipy.{home}", short, short
    with contextlib.suppress(TypeError, ValueError):  # (of compiled code)
        public.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return public


def answers(function: Any, name: str = "", lists: bool = False) -> Callable[[F], F]:
    """Answer a function of SciPy by a definition in differentiable NumPy, as a decorator.

    The definition takes the arguments of `function` by their names, as far as it supports them. With `lists`, it takes
    lists and tuples as they are; else those that hold Variables stand for arrays.

    Examples
    --------
    >>> import numpy as np, scipy.linalg, wengert
    >>> @answers(scipy.linalg.inv)
    ... def inverse(a):
    ...     return np.linalg.inv(a)
    >>> inverse(wengert.Variable(np.array([[2.0]])), overwrite_a=True)
    Variable([[0.5]])
    """

    def register(definition: F) -> F:
        public = answered(function, name)
        # A tracer runs what `__wrapped__` is, where that is ours.
        public.__wrapped__ = giving_scalars(definition)
        if lists:
            NOT_ARRAYS.add(public)
        composition(public)(definition)
        return public  # type: ignore[no-any-return]

    return register


def giving_scalars(definition: F) -> F:
    """Let a definition return numbers of NumPy where its result has no axes, as SciPy does, of traced arrays."""

    @functools.wraps(definition)
    def traced(*args: Any, **kwargs: Any) -> Any:
        found = definition(*args, **kwargs)
        if isinstance(found, tuple) and type(found) is tuple:
            return tuple(map(scalar, found))
        return scalar(found)

    return traced  # type: ignore[return-value]


def scalar(value: Any) -> Any:
    """A traced array without axes as a number."""
    return value[()] if level_of(value) == TRACED and np.ndim(value) == 0 else value


def speakers(values: Any) -> Iterator[Any]:
    """The values, also those in lists, that speak NumPy's protocol and are no ndarrays."""
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from speakers(value)
        elif not isinstance(value, np.ndarray) and hasattr(value, "__array_function__"):
            yield value


def public_module(function: Any) -> str:
    """The module that a program imports a function of SciPy from: ``scipy.linalg``."""
    parts = function.__module__.split(".")
    for count in range(2, len(parts) + 1):
        module = ".".join(parts[:count])
        if getattr(sys.modules.get(module), function.__name__, None) is function:
            return module
    return ".".join(part for part in parts if not part.startswith("_"))


def arguments_of(public: Any, function: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments of a call as the row of `public` takes them; raise TypeError for an option that it does not."""
    known = parameters_of(public)
    if known is None:
        return args, kwargs
    names, defaults = signature_of(function)
    if not names:
        return args, kwargs
    same = 0
    while same < min(len(known), len(names)) and known[same] == names[same]:
        same += 1
    if len(args) <= same and all(name in known for name in kwargs):
        return args, kwargs
    if len(args) > len(names) or any(name in kwargs for name in names[: len(args)]):
        inspect.signature(function).bind(*args, **kwargs)  # raises Python's own TypeError
    first, given = args[:same], dict(zip(names[same:], args[same:], strict=False))
    for name, value in (given | kwargs).items():
        if name in known:
            given[name] = value
        elif name in PERMISSIONS or is_default(value, defaults.get(name, inspect.Parameter.empty)):
            given.pop(name, None)
        else:
            full = f"{public.__module__}.{public.__name__}"
            raise TypeError(
                f"{full} of a Variable does not take {name}=; it takes {', '.join(known)}; "
                "or leave the graph: x.data, x.detach()"
            )
    return first, given


def parameters_of(public: Any) -> tuple[str, ...] | None:
    """The parameters that the row of a function takes; None where it has none, or takes any."""
    definition = DEFINITIONS.get(public)
    if definition is not None:
        return parameters_of_definition(definition)
    row = getattr(row_of(public), "__self__", None)
    if isinstance(row, type) and issubclass(row, NumPyCall) and not row.has_rest:
        return row.parameters + row.keywords
    return None


@functools.cache
def parameters_of_definition(definition: Any) -> tuple[str, ...] | None:
    """The names of all parameters of a function; None where it takes any."""
    parameters = inspect.signature(definition).parameters.values()
    rest = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return None if any(p.kind in rest for p in parameters) else tuple(p.name for p in parameters)


@functools.cache
def signature_of(function: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The names of the parameters of a function of SciPy that are given by place, and the defaults of all."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return (), {}
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters if p.kind in by_place), {p.name: p.default for p in parameters}


def is_default(value: Any, default: Any) -> bool:
    """Whether an option has its default, so that it may be left out."""
    return value is default or (
        type(value) is type(default) and isinstance(value, (bool, int, float, str)) and value == default
    )


def open_names(home: str, theirs: Any, ours: dict[str, Any]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` of a module here: what it lacks is SciPy's, and takes no Variables.

    Parameters
    ----------
    home : str
        The name of the module.
    theirs : module
        That of SciPy.
    ours : dict
        The module's globals.
    """

    def getattribute(name: str) -> Any:
        if name.startswith("_") or not hasattr(theirs, name):
            raise AttributeError(f"module {home!r} has no attribute {name!r}")
        found: Any = getattr(theirs, name)
        if inspect.isroutine(found) and not isinstance(found, (np.ufunc, type(np.sum))):
            found = answered(found, f"{home.removeprefix('wengert.scipy.')}.{name}")
        ours[name] = found
        return found

    def directory() -> list[str]:
        return sorted({*ours, *dir(theirs)})

    return getattribute, directory
