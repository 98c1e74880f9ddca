"""What the calling frames tell: the line of the user's program, and who makes a plain array or number of a Variable."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from opcode import opname
from typing import Any

import numpy as np

from wengert.arrays.level import RECORDED, level_of
from wengert.checks.errors import GraphError

__all__ = [
    "CONVERTING",
    "NUMPY_FILES",
    "OUR_FILES",
    "left_the_graph",
    "on_variables",
    "to_number",
    "user_line",
]

OUR_FILES = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
NUMPY_FILES = os.path.dirname(os.path.abspath(np.__file__)) + os.sep

# Functions that convert what they are given, by module and name, and what to write in their place.
CONVERTING: dict[str, str] = {}

# The Function whose plain NumPy is being run on Variables, for create_graph: see `on_variables`.
on_variables_of: ContextVar[str | None] = ContextVar("wengert.on_variables_of", default=None)


@contextmanager
def on_variables(name: str) -> Iterator[None]:
    """Run code that was written for arrays on Variables: it may not make Python numbers of them.

    Elsewhere ``float(x)`` is the caller's way out of the graph. Here the caller thinks that it is an array.
    """
    token = on_variables_of.set(name)
    try:
        yield
    finally:
        on_variables_of.reset(token)


def user_line() -> str:
    """Name the line of the program that is being run: the innermost one outside this library."""
    frame: Any = sys._getframe(1)
    while frame is not None and is_library(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return "an unknown line"
    return line_text(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


@functools.cache
def is_library(filename: str) -> bool:
    """Whether a file is one of ours or NumPy's."""
    return filename.startswith((OUR_FILES, NUMPY_FILES, "<__array_function__"))


@functools.lru_cache(1024)
def line_text(filename: str, number: int, name: str) -> str:
    """Name a line: the same string each time, as thousands of calls may have been made by one line."""
    return f"{filename}, line {number}, in {name}"


def to_number(array: Any, frame: Any, means: str) -> Any:
    """Return `array` to become a Python number in `frame`, unless that is for ``y[i] = x`` of an ndarray y."""
    if means == "numbers":
        return to_numbers(array, frame)
    if opname[frame.f_code.co_code[frame.f_lasti]].startswith("STORE"):
        raise TypeError(
            "y[i] = x of an ndarray y and a Variable x would silently leave the graph; collect the values in a list, "
            "y = np.stack(values), or assign a number: y[i] = float(x)"
        )
    if frame.f_code.co_filename.startswith(NUMPY_FILES) and array.dtype.kind in "fc":
        raise TypeError(
            f"NumPy's {frame.f_code.co_name} makes a number of a Variable, which would silently leave the graph; "
            "give it as a number: float(x)"
        )
    return to_numbers(array, frame)


def to_numbers(array: Any, frame: Any) -> Any:
    """Return `array` to become Python numbers, unless `frame` was written for arrays and is run on Variables."""
    name = on_variables_of.get()
    ours = frame.f_code.co_filename.startswith(OUR_FILES)
    if name is not None and array.dtype.kind in "fc" and not ours:
        raise GraphError(
            f"create_graph runs {name} on Variables, but at {frame.f_code.co_filename}, line {frame.f_lineno} "
            "it makes a Python number of one (float, item, tolist, or a function of math), where the graph would be "
            "lost; stay with arrays, and np.exp(x) in place of math.exp(x)"
        )
    return array


def left_the_graph(frame: Any) -> TypeError:
    """Make the error for np.asarray(variable) in `frame`: what to write instead, or how to register the function."""
    where, name, parameters, argument, instead = converting(frame)
    if instead:
        return TypeError(f"{name} takes no Variables; write {instead}, or leave the graph: x.data")
    short = name.rpartition(".")[2]
    return TypeError(
        f"np.asarray of a Variable{where} would silently leave the graph; leave it by x.data, x.detach(), join a "
        "list of Variables by np.stack, or give the function that converts its arguments a derivative, in three "
        "lines, and call it by its new name:\n"
        f'    {short} = wengert.dispatched({name})\n    @wengert.pullback({short}, "{argument}")\n'
        f"    def {short}_pullback(gy, {', '.join(parameters)}): return ...  # the gradient with respect to {argument}"
    )


def converting(frame: Any) -> tuple[str, str, tuple[str, ...], str, str]:
    """Find the function that converts a Variable, from the frame in which np.asarray was called.

    Returns
    -------
    where, name, parameters, argument, instead : str, str, tuple of str, str, str
        What to say of the place, the name in full ("function" where none is found), the parameters to
        write in a pullback, the one that is a Variable, and what to write instead, where it is known.
        Within an installed package it is the outermost function, for that is what the program called.
    """
    around = frame
    while around is not None:
        called = f"{_module(around)}.{around.f_code.co_name}"
        if called in CONVERTING:
            return "", called, (), "", CONVERTING[called]
        around = around.f_back
    while frame is not None and frame.f_code.co_filename.startswith((OUR_FILES, NUMPY_FILES)):
        frame = frame.f_back
    if frame is None:
        return "", "function", ("a",), "a", ""
    package, named = _module(frame).partition(".")[0], _function_of(frame)
    where = "" if frame.f_code.co_name == "<module>" else f" in {_module(frame)}.{frame.f_code.co_name}"
    while frame is not None and "-packages" in frame.f_code.co_filename and _module(frame).startswith(package):
        named = _function_of(frame) or named
        frame = frame.f_back
    if named is None:
        return where, "function", ("a",), "a", ""  # a method, or lines of the program
    name, function, values = named
    parameters = function.__code__.co_varnames[: function.__code__.co_argcount]
    given = [i for i, value in enumerate(values) if level_of(value) >= RECORDED] or [0]
    count = max(given[-1] + 1, len(parameters) - len(function.__defaults__ or ()))
    return f" in {name}", name, parameters[:count], parameters[given[0]], ""


def _module(frame: Any) -> str:
    return str(frame.f_globals.get("__name__"))


def _function_of(frame: Any) -> tuple[str, Any, list[Any]] | None:
    """Return the public function that runs in a frame, its name in full, and its arguments."""
    for around in (
        frame.f_globals.get(frame.f_code.co_name),
        *(frame.f_locals.get(v) for v in frame.f_code.co_freevars),
    ):
        function = getattr(around, "__wrapped__", around)
        code = getattr(function, "__code__", None)
        if code is None or not code.co_argcount:
            continue
        names = [part for part in str(function.__module__).split(".") if not part.startswith("_")]
        public = sys.modules.get(".".join(names))
        if names and not hasattr(public, function.__name__):
            continue
        if code is frame.f_code:
            values = [frame.f_locals.get(parameter) for parameter in code.co_varnames[: code.co_argcount]]
        else:  # the frame is that of a decorator around it
            values = list(frame.f_locals.get("args", ()))
        return ".".join([*names, function.__name__]), function, values
    return None
