"""BLAS: which library's functions native code calls.

NumPy's own where it brings OpenBLAS along (its wheels do): it is loaded already, and as new as NumPy. Else
SciPy's, which gives BLAS's functions as pointers. Native code always passes integers of 32 bits; for a library
that takes 64, `native` puts a function in between that widens them.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wengert.checks.extras import needed

__all__ = ["Library", "library", "routine", "thread_setters", "widening"]

PREFIXES = ("scipy_openblas", "openblas")
# The functions that native code calls: how many arguments they take, and which of these are integers.
FUNCTIONS = {
    **dict.fromkeys(("sgemm", "dgemm"), (13, (2, 3, 4, 7, 9, 12))),
    **dict.fromkeys(("sgemv", "dgemv"), (11, (1, 2, 5, 7, 10))),
}


class Library(NamedTuple):
    """An OpenBLAS in memory.

    Attributes
    ----------
    handle : ctypes.CDLL
    prefix, suffix : str
        Of the names of its functions.
    wide : bool
        Whether its integers have 64 bits.
    """

    handle: Any
    prefix: str
    suffix: str
    wide: bool

    def address(self, name: str) -> int:
        """Where a function is; 0 if there is none of this name."""
        found = getattr(self.handle, name, None)
        return (ctypes.cast(found, ctypes.c_void_p).value or 0) if found is not None else 0

    def routine(self, name: str) -> int:
        """Where a function of BLAS is."""
        return self.address(f"{self.prefix.removesuffix('openblas')}{name}_{self.suffix}")

    @property
    def setters(self) -> tuple[int, int]:
        """The functions by which it is asked and told how many threads it uses."""
        get, set_ = (self.address(f"{self.prefix}_{verb}_num_threads{self.suffix}") for verb in ("get", "set"))
        return get, set_


def opened(package: Path) -> Library | None:
    """The OpenBLAS that lies beside a package."""
    places = ("../{}.libs/*openblas*", ".dylibs/*openblas*", ".libs/*openblas*")
    for path in (p for place in places for p in sorted(package.glob(place.format(package.name)))):
        try:
            handle = ctypes.CDLL(str(path))
        except OSError:
            continue
        for prefix in PREFIXES:
            for suffix in ("", "64_"):
                found = Library(handle, prefix, suffix, suffix == "64_")
                if all(found.setters):
                    return found
    return None


@functools.cache
def library() -> Library | None:
    """NumPy's OpenBLAS, if it has one whose functions can be found."""
    found = opened(Path(np.__file__).parent)
    return found if found is not None and all(map(found.routine, FUNCTIONS)) else None


@functools.cache
def routine(name: str) -> tuple[int, bool]:
    """The address of a function of BLAS, and whether its integers have 64 bits."""
    ours = library()
    if ours is not None and (not ours.wide or name in FUNCTIONS) and (found := ours.routine(name)):
        return found, ours.wide
    capsules = needed("scipy.linalg.cython_blas", "compile", "wengert.compile").__pyx_capi__
    capsule = capsules[name]
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(get_pointer(capsule, get_name(capsule))), False


@functools.cache
def thread_setters() -> tuple[int, int] | None:
    """The functions by which OpenBLAS is asked and told how many threads it uses; None if it is another BLAS."""
    found = library()
    if found is None:
        routine("dgemm")  # (loads SciPy's)
        found = opened(Path(sys.modules["scipy"].__file__ or "").parent)
    return None if found is None else found.setters


def widening(name: str) -> str:
    """The text of a function `blas_...` that takes integers of 32 bits and calls `blas64_...`, which takes 64."""
    arguments, lines = [], []
    count, integers = FUNCTIONS[name]
    for i in range(count):
        arguments.append(f"ptr %w{i}" if i in integers else f"ptr %p{i}")
        if i in integers:
            lines += [
                f"  %w{i} = alloca i64",
                f"  %n{i} = load i32, ptr %p{i}",
                f"  %l{i} = sext i32 %n{i} to i64",
                f"  store i64 %l{i}, ptr %w{i}",
            ]
    pointers = ", ".join(["ptr"] * count)
    return "\n".join(
        [
            f"declare void @blas64_{name}({pointers})",
            f"define void @blas_{name}({', '.join(f'ptr %p{i}' for i in range(count))}) {{",
            *lines,
            f"  call void @blas64_{name}({', '.join(arguments)})",
            "  ret void",
            "}",
        ]
    )
