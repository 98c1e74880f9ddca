"""`unmodified`: NumPy programs that make arrays and write into them, as they are."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.arrays.level import level_of
from wengert.arrays.lists import NOT_ARRAYS, holds_variables
from wengert.arrays.table import FUNCTIONS
from wengert.checks.conversions import differentiating
from wengert.checks.frames import NUMPY_FILES, OUR_FILES, STANDARD_LIBRARY
from wengert.checks.instructions import named, site
from wengert.core.node import maker_of
from wengert.core.variable import Variable, array_of
from wengert.writes.creation import CREATING, created
from wengert.writes.memory import Memory
from wengert.writes.written import AS_GIVEN, new_array, on_memory

__all__ = [
    "STAND_INS",
    "arrays_made_by",
    "arrays_where_differentiated",
    "make_where_differentiated",
    "unmodified",
    "unmodified_call",
]

# What makes arrays in the place of NumPy, and whether also for packages that are installed.
making: ContextVar[tuple[Any, bool]] = ContextVar("wengert.making", default=(None, False))
MORE: tuple[Any, ...] = (
    *(np.linspace, np.logspace, np.geomspace, np.copy, np.zeros_like, np.ones_like, np.empty_like, np.full_like),
    *(np.concatenate, np.stack, np.hstack, np.vstack, np.column_stack, np.tile, np.repeat, np.where, np.outer),
    *(np.diagflat, np.tril, np.triu, np.vander),
)
NAMES = {function.__name__: function for function in (*CREATING, *MORE)}
CHANGING = threading.RLock()
replaced: dict[int, list[Any]] = {}  # by the id of a namespace: it, how many blocks use it, and what was in it
known_names: dict[int, tuple[Any, int, list[tuple[str, Any]]]] = {}  # the same: it, its length, NumPy's functions in it
known_modules: list[Any] = [0, []]  # how many modules there were, and the namespaces of those of the program


@contextmanager
def unmodified() -> Iterator[None]:
    """Let the arrays of floating numbers that NumPy makes in this block take Variables.

    In the block, and in what is called from it in the same thread and context, NumPy's functions that make arrays
    (``np.zeros``, ``np.empty``, ``np.ones``, ``np.full``, ``np.eye``, ``np.arange``, ``np.linspace``, ``np.array``,
    ``np.copy``, ``np.concatenate``, ``np.where`` and their kin) return arrays into which Variables can be written:
    constants at first, which NumPy's functions take as any array. So a program that fills arrays is differentiated as
    it is.

    What it does: as long as any such block is active, the names of these functions in NumPy, and in the modules of the
    program that have imported them, stand for functions that ask whether they were called inside of one, and do what
    they always do if not. Arrays of integers and booleans stay ndarrays. Arrays from elsewhere (arguments that are not
    differentiated, random numbers, files) are ndarrays, and take no Variables; ``wengert.grad(f, unmodified=True)``
    makes those among the arguments of `f` ones that do.

    Works as a ``with`` block and as a decorator.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> def running_sum(x):
    ...     y = np.zeros(len(x))
    ...     y[0] = x[0]
    ...     for i in range(1, len(x)):
    ...         y[i] = y[i - 1] + x[i]
    ...     return y
    >>> x = wengert.Variable(np.array([1.0, 2.0, 3.0]))
    >>> with wengert.unmodified():
    ...     y = running_sum(x)
    >>> y.backward()
    >>> y, x.grad
    (Variable([1., 3., 6.]), array([3., 2., 1.]))
    """
    with arrays_made_by(functools.partial(make_written, making.get()[0]), of_packages=True):
        yield


def make_written(outer: Any, function: Any, args: Any, kwargs: Any) -> Any:
    """Make an array that takes Variables by one of NumPy's functions, or by what stands around the block."""
    if function in CREATING and holds_variables((*args, *kwargs.values())):
        return new_array(created(function)(args, kwargs))
    return new_array(function(*args, **kwargs) if outer is None else outer(function, args, kwargs))


def make_where_differentiated(function: Any, args: Any, kwargs: Any, represented: Any = None) -> Any:
    """Make an array by one of NumPy's functions; in a function that is differentiated, one that takes Variables.

    `represented` makes of the array what stands for it.
    """
    takes_variables = differentiating.get()
    if takes_variables and function in CREATING and holds_variables((*args, *kwargs.values())):
        return new_array(created(function)(args, kwargs))
    found = function(*args, **kwargs)
    found = found if represented is None else represented(found)
    return new_array(found) if takes_variables else found


@contextmanager
def arrays_made_by(make: Callable[[Any, Any, Any], Any], of_packages: bool = False) -> Iterator[None]:
    """Have ``make(function, args, kwargs)`` make the arrays that NumPy's functions make, in this context.

    Those that installed packages call only with `of_packages`; never those of NumPy, SciPy and ours.
    """
    namespaces = [np.__dict__, *program_namespaces()]
    with CHANGING:
        for names in namespaces:
            replace(names)
    token = making.set((make, of_packages))
    try:
        yield
    finally:
        making.reset(token)
        with CHANGING:
            for names in namespaces:
                put_back(names)


def arrays_where_differentiated() -> Any:
    """Make the block in which a compiled function is called as it is; in another block that makes arrays, none."""
    return nullcontext() if making.get()[0] is not None else arrays_made_by(make_where_differentiated)


def replace(names: dict[str, Any]) -> None:
    """Replace NumPy's functions in a namespace; or count one block more that needs it."""
    entry = replaced.setdefault(id(names), [names, 0, {}])
    if entry[1] == 0:
        for name, value in imported(names):
            if names.get(name) is value:
                entry[2][name] = value
                names[name] = WRAPPERS[id(value)]
    entry[1] += 1


def put_back(names: dict[str, Any]) -> None:
    """Put NumPy's functions back where no block needs the others any more."""
    entry = replaced[id(names)]
    entry[1] -= 1
    if entry[1] == 0:
        for name, value in entry[2].items():
            if names.get(name) is WRAPPERS[id(value)]:
                names[name] = value
        del replaced[id(names)]


def imported(names: dict[str, Any]) -> list[tuple[str, Any]]:
    """List NumPy's functions in a namespace, by their names there."""
    found = known_names.get(id(names))
    if found is None or found[0] is not names or found[1] != len(names):
        functions = [(name, value) for name, value in list(names.items()) if id(value) in WRAPPERS]
        known_names[id(names)] = found = names, len(names), functions
    return found[2]


def program_namespaces() -> list[dict[str, Any]]:
    """List the globals of the modules of the program that have imported NumPy's functions by name."""
    if known_modules[0] != len(sys.modules):
        modules = [m for m in list(sys.modules.values()) if is_of_program(getattr(m, "__file__", None) or "")]
        known_modules[:] = len(sys.modules), [vars(m) for m in modules]
    return [names for names in known_modules[1] if imported(names)]


@functools.cache
def is_of_program(file: str) -> bool:
    """Whether a module's file is none of an installed package or of Python's own."""
    return "-packages" not in file and not is_library(file) and not file.startswith(STANDARD_LIBRARY)


@functools.cache
def is_library(filename: str) -> bool:
    """Whether a file is one of ours, of NumPy or of SciPy, which make arrays for themselves."""
    return filename.startswith((OUR_FILES, NUMPY_FILES)) or f"{os.sep}scipy{os.sep}" in filename


def is_called_in(frame: Any, name: str, function: Any) -> bool:
    """Whether a frame itself calls a function: compiled code that it calls (of NumPy's random generators) has none."""
    called = site(frame.f_code, frame.f_lasti).callee
    return bool(called) and (called[-1] == name or named(frame, called) is function)


def wrapper_of(function: Any) -> Callable[..., Any]:
    """Make the function that stands for one of NumPy's."""
    name = function.__name__

    @functools.wraps(function)
    def create(*args: Any, **kwargs: Any) -> Any:
        like: Any = kwargs.get("like")
        if level_of(like):  # (NumPy would look the function up by its name, and name this one)
            given = {name: value for name, value in kwargs.items() if name != "like"}
            return like.__array_function__(function, (type(like),), args, given)
        make, of_packages = making.get()
        if make is None or like is not None:
            return function(*args, **kwargs)
        frame = sys._getframe(1)
        file = frame.f_code.co_filename
        if is_library(file) or ("-packages" in file and not of_packages) or not is_called_in(frame, name, create):
            return function(*args, **kwargs)
        return make(function, args, kwargs)

    return create


WRAPPERS = {id(function): wrapper_of(function) for function in NAMES.values()}
STAND_INS = {WRAPPERS[id(function)]: function for function in CREATING}
# A call with like= of the function itself, which a program has by another name, NumPy answers by what has its name.
FUNCTIONS.update({wrapper: FUNCTIONS[function] for wrapper, function in STAND_INS.items()})
AS_GIVEN.update(STAND_INS)
NOT_ARRAYS.update(STAND_INS)


def unmodified_call(f: Callable[..., Any]) -> Callable[..., Any]:
    """Make the function that calls `f` in such a block, with arrays that take Variables for the arrays it is given."""

    @functools.wraps(f, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        with unmodified():
            known: dict[int, Any] = {}
            args, kwargs = as_written_to(list(args), known), as_written_to(kwargs, known)
            return f(*args, **kwargs)

    return call


def as_written_to(value: Any, known: dict[int, Any]) -> Any:
    """Replace arrays of floating numbers, also in lists, tuples and dicts, by handles on them that take Variables.

    An array that is given twice is one (`known`). Variables come as handles too: calls that take their value before a
    write then refer to that value, and not to what refers to all that follows.
    """
    if type(value) in (list, tuple):
        return type(value)([as_written_to(v, known) for v in value])
    if type(value) is dict:
        return {name: as_written_to(v, known) for name, v in value.items()}
    is_result = type(value) is Variable and maker_of(value) is not None and value.ndim
    array = array_of(value) if is_result else value
    if type(array) is not np.ndarray or array.dtype.kind not in "fc" or not array.flags.c_contiguous:
        return value
    if id(value) not in known:
        known[id(value)] = on_memory(Memory(value), None)
    return known[id(value)]
