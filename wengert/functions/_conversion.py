"""Finds the function that converted a Variable to a plain array, for the error that shows how to register it."""

from __future__ import annotations

import sys
from typing import Any

from wengert.core.debug import NUMPY_FILES, OUR_FILES
from wengert.core.dispatch import CONVERTING

__all__ = ["converting"]


def converting(frame: Any) -> tuple[str, str, tuple[str, ...], str, str]:
    """Find the function that converts a Variable, from the frame in which np.asarray was called.

    Returns
    -------
    where, name, parameters, argument, instead : str, str, tuple of str, str, str
        A description of the place, the full name of the function ("function" where none is found), the parameters to
        write in a pullback, the one that is a Variable, and what to write instead, where known. Within an installed
        package it is the outermost function, the one that the program called.
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
        return where, "function", ("a",), "a", ""  # a method, or code of the program itself
    name, function, values = named
    parameters = function.__code__.co_varnames[: function.__code__.co_argcount]
    given = [i for i, value in enumerate(values) if hasattr(value, "_creator")] or [0]
    count = max(given[-1] + 1, len(parameters) - len(function.__defaults__ or ()))
    return f" in {name}", name, parameters[:count], parameters[given[0]], ""


def _module(frame: Any) -> str:
    return str(frame.f_globals.get("__name__"))


def _function_of(frame: Any) -> tuple[str, Any, list[Any]] | None:
    """Return the public function that runs in a frame, its full name, and its arguments."""
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
        else:  # the frame belongs to a decorator of it
            values = list(frame.f_locals.get("args", ()))
        return ".".join([*names, function.__name__]), function, values
    return None
