"""What the calling frames tell: the line of the user's program, the library whose code runs, the function called."""

from __future__ import annotations

import functools
import os
import sys
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "CONVERTING",
    "IS_LIBRARY",
    "NUMPY_FILES",
    "OUR_FILES",
    "STANDARD_LIBRARY",
    "called_function",
    "library_of",
    "module_of",
    "user_line",
    "user_line_of",
]

OUR_FILES = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
NUMPY_FILES = os.path.dirname(os.path.abspath(np.__file__)) + os.sep
STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep


class Called(NamedTuple):
    """A function that runs in a frame."""

    name: str  # in full, as a program writes it
    function: Any
    parameters: tuple[str, ...]
    values: tuple[Any, ...]  # the arguments

    @property
    def is_installed(self) -> bool:
        """Whether it is of an installed package, and not of the program."""
        return "-packages" in self.function.__code__.co_filename


# Functions that convert what they are given, by module and name, and what to write in their place.
CONVERTING: dict[str, str] = {}


def library_of(frame: Any) -> str:
    """Name the library whose code runs in a frame (numpy, scipy, wengert, std); empty for all else."""
    return library_at(frame.f_code.co_filename, module_of(frame))


@functools.lru_cache(1024)
def library_at(file: str, module: str) -> str:
    """Name the library of a file of code, and of the module that runs it."""
    if file.startswith(OUR_FILES):
        return "wengert"
    if file.startswith(NUMPY_FILES):
        return "numpy"
    if module.partition(".")[0] == "scipy":
        return "scipy"
    return "std" if file.startswith(STANDARD_LIBRARY) and "-packages" not in file[len(STANDARD_LIBRARY) :] else ""


def user_line() -> str:
    """Name the line of the program that is being run: the innermost one outside this library."""
    return user_line_of(sys._getframe(1))


def user_line_of(frame: Any) -> str:
    """Name the line of the program that is being run in a frame, or has called it."""
    while frame is not None and IS_LIBRARY[frame.f_code.co_filename]:
        frame = frame.f_back
    if frame is None:
        return "an unknown line"
    return line_text(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


class LibraryFiles(dict[str, bool]):
    """Whether files are ours or NumPy's: a dict that finds out when it is asked. (A call would take longer.)"""

    def __missing__(self, filename: str) -> bool:
        found = self[filename] = filename.startswith((OUR_FILES, NUMPY_FILES, "<__array_function__"))
        return found


IS_LIBRARY = LibraryFiles()


@functools.lru_cache(1024)
def line_text(filename: str, number: int, name: str) -> str:
    """Name a line: the same string each time, as thousands of calls may have been made by one line."""
    return f"{filename}, line {number}, in {name}"


def called_function(frame: Any) -> Called | None:
    """Find the function that a program called, from a frame in which its argument is converted.

    Within an installed package it is the outermost function. None for a method, or lines of the program.
    """
    while frame is not None and library_of(frame) in ("wengert", "numpy"):
        frame = frame.f_back
    if frame is None:
        return None
    package, found = module_of(frame).partition(".")[0], _function_of(frame)
    while frame is not None and "-packages" in frame.f_code.co_filename and module_of(frame).startswith(package):
        found = _function_of(frame) or found
        frame = frame.f_back
    return found


def module_of(frame: Any) -> str:
    """Return the name of the module whose code runs in a frame."""
    return str(frame.f_globals.get("__name__"))


def _function_of(frame: Any) -> Called | None:
    """Return the public function that runs in a frame."""
    for around in (
        frame.f_globals.get(frame.f_code.co_name),
        *(frame.f_locals.get(v) for v in frame.f_code.co_freevars),
    ):
        function = getattr(around, "__wrapped__", around)
        code = getattr(function, "__code__", None)
        package = str(getattr(function, "__module__", "")).partition(".")[0]
        if code is None or not code.co_argcount or package != module_of(frame).partition(".")[0]:
            continue
        name = public_name(function)
        if not name:
            continue
        parameters = code.co_varnames[: code.co_argcount]
        if code is frame.f_code:
            values = tuple(frame.f_locals.get(parameter) for parameter in parameters)
        else:  # the frame is that of a decorator around it
            values = tuple(frame.f_locals.get("args", ()))
        return Called(name, function, parameters, values)
    return None


def public_name(function: Any) -> str:
    """Return the name by which a program imports a function, in full; empty where it has none."""
    short, parts = (
        function.__name__,
        [part for part in (function.__module__ or "").split(".") if not part.startswith("_")],
    )
    if not parts:
        return short if short.isidentifier() else ""  # (of the program's main module)
    for count in range(len(parts), 0, -1):
        public = ".".join(parts[:count])
        if hasattr(sys.modules.get(public), short):
            return f"{public}.{short}"
    return ""
