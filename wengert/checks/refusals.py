"""NumPy calls that a Variable refuses, so that nothing leaves the graph silently: what to write instead."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.lists import LISTS, holds_variables
from wengert.arrays.values import array_of_foreign, is_foreign
from wengert.checks import options
from wengert.checks.errors import describe

__all__ = [
    "WRITTEN_TO",
    "as_operand",
    "check_arguments",
    "check_function",
    "check_partial",
    "check_pullback",
    "check_ufunc",
    "check_where",
    "is_operand",
    "name_of",
    "not_differentiable",
    "out_or_raise",
    "plain_array",
    "positional_out",
    "refuse_out",
    "refuse_valueless",
    "refuse_written",
    "unknown",
    "unknown_method",
]


def name_of(func: Any) -> str:
    """Name a function as one would write it: ``np.linalg.solve``."""
    name = getattr(func, "__name__", str(func))
    if isinstance(func, np.ufunc):
        return f"np.{name}" if getattr(np, name, None) is func else name
    module = (getattr(func, "__module__", None) or "").replace("_operator", "operator")
    return f"{module}.{name}".replace("numpy", "np", 1) if module else name


@functools.cache
def place_of_out(func: Any) -> int:
    """Return the place of the parameter ``out`` of a function, which NumPy takes by place too; -1 if it has none."""
    if func is np.dot:
        return 2
    try:
        parameters = list(inspect.signature(func).parameters.values())
    except (TypeError, ValueError):
        return -1
    by_place = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    takes_rest = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return by_place.index("out") if "out" in by_place and not takes_rest else -1


def positional_out(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Take ``out``, given by its place, from the arguments of a call; None if there is none."""
    place = place_of_out(func)
    if place < 0 or place >= len(args) or args[place] is None:
        return None
    names = list(inspect.signature(func).parameters)[place + 1 :] if len(args) > place + 1 else []
    return args[:place], {**dict(zip(names, args[place + 1 :], strict=False)), **kwargs}, args[place]


def out_or_raise(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The same of a call that has raised; raise its error again if there is none."""
    refuse_valueless(func, (*args, *kwargs.values()))
    found = positional_out(func, args, kwargs)
    if found is None:
        raise
    return found


def refuse_out(name: str, out: Any) -> None:
    """Raise TypeError if ``out`` was given by its place, which is seen where that is caught."""
    if out is not None:
        raise TypeError(f"{name} of a Variable takes out= by name")


def check_where(name: str, where: Any) -> None:
    """Raise if a ufunc is to compute some elements only."""
    if where is not True:
        raise TypeError(
            f"{name} of a Variable does not take where=, which leaves the rest of the result undefined; "
            f"write np.where(mask, {name}(x), other)"
        )


def unknown(function: Any) -> TypeError:
    """Make the error for a call that no derivative is known for."""
    name, module = name_of(function), sys.modules.get("scipy.special")
    if not isinstance(function, np.ufunc):
        code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
        how = f'@wengert.pullback({name}, "{code.co_varnames[0] if code is not None and code.co_argcount else "a"}")'
    else:
        if not name.startswith("np.") and getattr(module, name, None) is function:
            name = f"scipy.special.{name}"
        places = ["x"] if function.nin == 1 else "abcdefgh"[: function.nin]
        how = f"wengert.derivative({name}, {', '.join(f'lambda {x}: ...' for x in places)})"
        if function.nout > 1 or function.signature is not None:
            how = f'@wengert.pullback({name}, "a")'
    return TypeError(
        f"{name} has no derivative here, so that its result would silently leave the graph; "
        f"register one ({how}), or leave the graph: x.data, x.detach()"
    )


def unknown_method(name: str) -> TypeError:
    """Make the error for a method of a ufunc that is not differentiated."""
    return TypeError(
        f"{name} is not differentiated; write it with functions that are (np.sum, np.cumsum, np.max, indexing), "
        "or leave the graph: x.data, x.detach()"
    )


def is_operand(name: str, value: Any) -> bool:
    """Whether a constant may stand beside a Variable; raise TypeError if it holds no numbers.

    An array of a higher level may not: it answers the call in the Variable's place.
    """
    if value is not None and getattr(value, "_data", value) is None and not getattr(value, "is_written", False):
        raise TypeError(f"{name} takes Variables that hold an array, but got {describe(value)}, whose data is None")
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        if dtype.kind not in "biufc":
            way = (
                "a.astype(float)"
                if dtype.kind != "O"
                else "a.astype(float), or np.stack(list(a)) if it holds Variables"
            )
            raise TypeError(f"{name} takes numbers, but got {describe(value)}; convert it: {way}")
        if isinstance(value, np.ndarray) and type(value) not in (np.ndarray, np.memmap):
            raise TypeError(
                f"{name} takes plain ndarrays, but got {describe(value)}, which calculates by rules of "
                "its own; convert it: np.asarray(a), or for a masked array a.filled(0)"
            )
        return isinstance(value, np.generic) or (hasattr(value, "__array_function__") and level_of(value) <= RECORDED)
    if isinstance(value, (list, tuple)):
        return is_operand(name, np.asarray(value))
    return isinstance(value, (bool, int, float, complex))


WRITTEN_TO = ("out", "overwrite_input")  # parameters that a NumPy function writes to


def refuse_valueless(func: Any, args: Iterable[Any]) -> None:
    """Raise if an argument is a Variable that holds nothing, which is why a call has failed."""
    for value in args:
        if isinstance(value, (list, tuple)):
            refuse_valueless(func, value)
        elif level_of(value) == RECORDED and value._data is None and not getattr(value, "is_written", False):
            is_operand(name_of(func), value)


def plain_array(name: str, value: Any) -> Any:
    """Return a memmap or what NumPy converts, also one in a list or tuple, as an ndarray, and anything else as it is.

    Raises TypeError for an ndarray of another subclass, or of no numbers; `name` is the function that got it.
    """
    if type(value) in (list, tuple):
        return type(value)(plain_array(name, each) for each in value)
    if type(value) is not np.ndarray and is_foreign(value):
        value = array_of_foreign(value)
    if isinstance(value, np.ndarray) and is_operand(name, value) and type(value) is not np.ndarray:
        return value.view(np.ndarray)
    return value


def as_operand(name: str, value: Any) -> Any:
    """Return a constant that stands beside a Variable, a list as an array; NotImplemented if it must not.

    Nor may a list that holds Variables, which is no constant: see `recorded_again`.
    """
    if type(value) is not np.ndarray and is_foreign(value):
        value = array_of_foreign(value)
    if (type(value) in LISTS and holds_variables(value)) or not is_operand(name, value):
        return NotImplemented
    return np.asarray(value) if isinstance(value, (list, tuple)) else value


def refuse_written(function: Any, name: str, value: Any) -> None:
    """Raise TypeError where the result or working space would be written into an array."""
    if name == "out":
        refuse_out(name_of(function), value)
    elif value:
        raise TypeError(
            f"{name_of(function)} of a Variable does not take {name}=True, because the graph has "
            "recorded its value; leave it out"
        )


def check_arguments(
    function: Any, names: tuple[str, ...], keywords: tuple[str, ...], has_rest: bool, by_place: int, given: Any
) -> None:
    """Raise TypeError for an argument that the pullbacks of a function do not know."""
    if by_place > len(names) and not has_rest:
        raise TypeError(f"{name_of(function)} of a Variable takes {', '.join(names)}, but got {by_place} arguments")
    known = names + keywords
    for name in given:
        if name not in known:
            raise TypeError(
                f"{name_of(function)} of a Variable does not take {name}=; it takes {', '.join(known)}; "
                "or leave the graph: x.data, x.detach()"
            )


def not_differentiable(function: Any, name: str, known: Any) -> TypeError:
    """Make the error for a Variable in the place of an argument that no pullback is for."""
    if name in WRITTEN_TO:
        refuse_written(function, name, True)
    return TypeError(
        f"{name_of(function)} is differentiable with respect to {', '.join(known)}, but its {name} is a "
        f"Variable; give it as an array: {name}.data"
    )


def check_pullback(function: Any, argument: str, reads: str | None, takes: Any, others: Any) -> None:
    """Raise ValueError unless a pullback takes what the others of its function take, and what it is for."""
    known = takes[0] + takes[1]
    unread = [name for name in (reads or "").split() if name not in known]
    if unread and takes == others:
        raise ValueError(
            f"reads of the pullback of {name_of(function)} lists parameters, separated by spaces ({' '.join(known)}), "
            f"but got {unread[0]!r}; a result is read by a keyword-only parameter y, without being listed"
        )
    if takes != others or argument not in known:
        raise ValueError(
            f"the pullbacks of {name_of(function)} take (gy, {', '.join(others[0] + others[1])}), "
            f"but this one, for {argument!r}, takes (gy, {', '.join(known)})"
        )


def check_function(function: Any, argument: Any, reads: Any) -> None:
    """Raise TypeError unless a pullback can belong to an argument of `function`."""
    options.function(function, "function", "pullback")
    options.text(argument, "argument", "pullback")
    if reads is not None:
        options.text(reads, "reads", "pullback")


def check_ufunc(ufunc: Any, partials: tuple[Any, ...], poles: Any) -> None:
    """Raise unless a ufunc can have these partial derivatives."""
    if not isinstance(ufunc, np.ufunc) or ufunc.nout != 1 or ufunc.signature is not None:
        raise TypeError(
            f"derivative takes an elementwise ufunc with one output, but got {ufunc!r}; "
            "register any other function with @wengert.pullback(function, argument)"
        )
    if len(partials) != ufunc.nin:
        raise ValueError(f"{ufunc.__name__} needs {ufunc.nin} partial derivatives, but got {len(partials)}")
    options.flag(poles, "poles", "derivative")
    for partial in partials:
        if not callable(partial) and (
            isinstance(partial, bool) or not isinstance(partial, int | float | complex | np.number)
        ):
            raise options.error(False, "a partial derivative", ufunc.__name__, "a function or a number", partial)


def check_partial(ufunc: np.ufunc, wanted: tuple[str, ...], names: Any) -> None:
    """Raise ValueError unless a partial derivative reads what there is."""
    if not wanted or any(name not in names for name in wanted):
        raise ValueError(
            f"a partial derivative of {ufunc.__name__} is a function of {', '.join(n for n in names if n != 'y')} and "
            f"the result y, by these names, but got one of ({', '.join(wanted)})"
        )
