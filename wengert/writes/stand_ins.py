"""What stands for NumPy in a program while a block needs the arrays that the program makes to be of another kind.

NumPy itself is left as it is: its own code, other libraries, and compiled code find in it what they expect. What
changes are names in the program's modules: those of NumPy (``np``), and those of its functions that make arrays.
"""

from __future__ import annotations

import functools
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from wengert.arrays.level import TRACED, level_of
from wengert.checks.frames import NUMPY_FILES, OUR_FILES, STANDARD_LIBRARY
from wengert.custom.modes import making
from wengert.writes.creation import CREATING

__all__ = ["MATH_FUNCTIONS", "arrays_made_by", "called", "is_library", "stand_for"]

Names = dict[str, Any]

# Of one number, or two, which NumPy computes as well.
MATH_FUNCTIONS: dict[Any, np.ufunc] = {
    math.sqrt: np.sqrt, math.exp: np.exp, math.expm1: np.expm1, math.log1p: np.log1p, math.log2: np.log2,
    math.log10: np.log10, math.sin: np.sin, math.cos: np.cos, math.tan: np.tan, math.sinh: np.sinh,
    math.cosh: np.cosh, math.tanh: np.tanh, math.asin: np.arcsin, math.acos: np.arccos, math.atan: np.arctan,
    math.fabs: np.fabs, math.log: np.log, math.atan2: np.arctan2, math.hypot: np.hypot, math.pow: np.float_power,
}  # fmt: skip

MORE: tuple[Any, ...] = (
    *(np.linspace, np.logspace, np.geomspace, np.copy, np.zeros_like, np.ones_like, np.empty_like, np.full_like),
    *(np.concatenate, np.stack, np.hstack, np.vstack, np.column_stack, np.tile, np.repeat, np.where, np.outer),
    *(np.diagflat, np.tril, np.triu, np.vander),
)


class StandIn(ModuleType):
    """A module that has everything from NumPy but what is set here."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def __dir__(self) -> list[str]:
        return dir(np)


def stand_in_of(function: Any) -> Callable[..., Any]:
    """Make the function that stands for one of NumPy's: outside of a block, in its context, it is the same."""

    @functools.wraps(function)
    def create(*args: Any, **kwargs: Any) -> Any:
        make = making.get()
        if make is None or kwargs.get("like") is not None:
            return function(*args, **kwargs)
        return make[0](function, args, kwargs)

    return create


class Mathematics(ModuleType):
    """What stands for the module ``math``."""

    def __getattr__(self, name: str) -> Any:
        return getattr(math, name)


def of_number(function: Any) -> Callable[..., Any]:
    """Make the function that stands for one of ``math``: a traced number answers it itself."""

    @functools.wraps(function)
    def of_math(*args: Any) -> Any:
        for x in args:
            if level_of(x) == TRACED:
                return x.mathematics(function, args)
        return function(*args)

    return of_math


NUMPY, MATHEMATICS = StandIn("numpy", np.__doc__), Mathematics("math", math.__doc__)
STAND_INS: dict[int, Any] = {id(np): NUMPY, id(math): MATHEMATICS}  # by the id of what they stand for
for _function in MATH_FUNCTIONS:
    STAND_INS[id(_function)] = _stand_in = of_number(_function)
    setattr(MATHEMATICS, _function.__name__, _stand_in)
for _function in (*CREATING, *MORE):
    STAND_INS[id(_function)] = _stand_in = stand_in_of(_function)
    setattr(NUMPY, _function.__name__, _stand_in)

CHANGING = threading.RLock()
replaced: dict[int, list[Any]] = {}  # by the id of a namespace: it, how many blocks use it, and what was in it
known_names: dict[int, tuple[Names, int, list[tuple[str, Any]]]] = {}  # it, its length, and what of NumPy is in it
known_modules: list[Any] = [0, []]  # how many modules there were, and the namespaces of those of the program
MOST_NAMESPACES = 1000


def stand_for(original: Any, stand_in: Any) -> None:
    """Let something stand for what the program has of NumPy, from the next block on."""
    STAND_INS[id(original)] = stand_in
    known_names.clear()


def renew_lock() -> None:
    """Replace the lock, which a thread may have held that a forked child does not have."""
    global CHANGING
    CHANGING = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=renew_lock)


@contextmanager
def arrays_made_by(make: Callable[[Any, Any, Any], Any], on_arrays: Any, *others: Names) -> Iterator[None]:
    """Have ``make(function, args, kwargs)`` make the arrays that the program makes by NumPy's functions.

    `on_arrays` makes those of functions that are called on arrays (see `making`). The program is what is neither
    installed nor of Python's library, and the namespaces `others`.
    """
    token = making.set((make, on_arrays))
    try:
        with standing_in(*program_namespaces(), *others):
            yield
    finally:
        making.reset(token)


def called(f: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a function; in such a block, the names in its own module stand for the others too."""
    if making.get() is None:
        return f(*args, **kwargs)
    with standing_in(*namespaces_of(f)):
        return f(*args, **kwargs)


@contextmanager
def standing_in(*namespaces: Names) -> Iterator[None]:
    """Replace what is of NumPy in namespaces."""
    with CHANGING:
        for names in namespaces:
            replace(names)
    try:
        yield
    finally:
        with CHANGING:
            for names in namespaces:
                put_back(names)


def replace(names: Names) -> None:
    """Replace what is of NumPy in a namespace; or count one block more that needs it."""
    entry = replaced.setdefault(id(names), [names, 0, {}])
    if entry[1] == 0:
        for name, value in of_numpy(names):
            if names.get(name) is value:
                entry[2][name] = value
                names[name] = STAND_INS[id(value)]
    entry[1] += 1


def put_back(names: Names) -> None:
    """Put it back where no block needs the others any more."""
    entry = replaced[id(names)]
    entry[1] -= 1
    if entry[1] == 0:
        for name, value in entry[2].items():
            if names.get(name) is STAND_INS[id(value)]:
                names[name] = value
        del replaced[id(names)]


def of_numpy(names: Names) -> list[tuple[str, Any]]:
    """List what is of NumPy in a namespace."""
    found = known_names.get(id(names))
    if found is None or found[0] is not names or found[1] != len(names):
        if len(known_names) >= MOST_NAMESPACES:
            known_names.clear()  # (which holds those of code that was executed once)
        there = [(name, value) for name, value in list(names.items()) if id(value) in STAND_INS]
        known_names[id(names)] = found = names, len(names), there
    return found[2]


def program_namespaces() -> list[Names]:
    """List the globals of the program's modules that have something of NumPy."""
    if known_modules[0] != len(sys.modules):
        modules = list(sys.modules.values())
        known_modules[:] = len(modules), [vars(m) for m in modules if is_of_program(getattr(m, "__file__", None) or "")]
    return [names for names in known_modules[1] if of_numpy(names)]


@functools.cache
def is_of_program(file: str) -> bool:
    """Whether a module is a program's own, in Python: not installed, and not of a library that makes arrays."""
    return file.endswith(".py") and "-packages" not in file and not is_library(file)


@functools.cache
def is_library(file: str) -> bool:
    """Whether a file is of NumPy, of SciPy, of Python or ours."""
    return file.startswith((OUR_FILES, NUMPY_FILES, STANDARD_LIBRARY)) or f"{os.sep}scipy{os.sep}" in file


def namespaces_of(f: Any) -> list[Names]:
    """Return the globals of a function, unless a library has them."""
    for name in ("__wrapped__", "func", "__func__"):
        f = getattr(f, name, f)
    f = f if hasattr(f, "__globals__") else type(f).__call__
    names, code = getattr(f, "__globals__", None), getattr(f, "__code__", None)
    return [names] if type(names) is dict and code is not None and not is_library(code.co_filename) else []
