"""The BLAS library whose functions native code calls.

It is that of NumPy where NumPy ships OpenBLAS, as its wheels do; else that of SciPy, which exports pointers to BLAS
functions. Native code always passes 32-bit integers; for libraries with 64-bit integers, `widening` is a wrapper.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wengert.checks.extras import needed
from wengert.compiler.once import once

__all__ = ["Library", "library", "routine", "thread_setters", "widening"]

PREFIXES = ("scipy_openblas", "openblas")
# The functions that native code calls: the number of arguments, and the positions of integers.
FUNCTIONS = {
    **dict.fromkeys(("sgemm", "dgemm"), (13, (2, 3, 4, 7, 9, 12))),
    **dict.fromkeys(("sgemv", "dgemv"), (11, (1, 2, 5, 7, 10))),
}


class Library(NamedTuple):
    """A loaded OpenBLAS.

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
        """The address of a function; 0 if there is none of this name."""
        found = getattr(self.handle, name, None)
        return (ctypes.cast(found, ctypes.c_void_p).value or 0) if found is not None else 0

    def routine(self, name: str) -> int:
        """The address of a BLAS function."""
        return self.address(f"{self.prefix.removesuffix('openblas')}{name}_{self.suffix}")

    @property
    def setters(self) -> tuple[int, int]:
        """The functions that get and set the number of threads."""
        get, set_ = (self.address(f"{self.prefix}_{verb}_num_threads{self.suffix}") for verb in ("get", "set"))
        return get, set_


def opened(package: Path) -> Library | None:
    """The OpenBLAS that a package ships."""
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


@once
def library() -> Library | None:
    """NumPy's OpenBLAS, if it ships one whose functions can be found."""
    found = opened(Path(np.__file__).parent)
    return found if found is not None and all(map(found.routine, FUNCTIONS)) else None


@once
def routine(name: str) -> tuple[int, bool]:
    """The address of a BLAS function, and whether its integers have 64 bits."""
    ours = library()
    if ours is not None and (not ours.wide or name in FUNCTIONS) and (found := ours.routine(name)):
        return found, ours.wide
    capsules = needed("scipy.linalg.cython_blas", "compile", "wengert.compile").__pyx_capi__
    capsule = capsules[name]
    # (prototypes of our own: those of `ctypes.pythonapi` are global, and other packages change them)
    name_prototype = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)
    pointer_prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    get_name = name_prototype(("PyCapsule_GetName", ctypes.pythonapi))
    get_pointer = pointer_prototype(("PyCapsule_GetPointer", ctypes.pythonapi))
    return int(get_pointer(capsule, get_name(capsule))), False


@once
def thread_setters() -> tuple[int, int] | None:
    """The functions that get and set OpenBLAS's number of threads; None if BLAS is another library."""
    found = library()
    if found is None:
        routine("dgemm")  # (loads SciPy's)
        found = opened(Path(sys.modules["scipy"].__file__ or "").parent)
    return None if found is None else found.setters


def widening(name: str) -> str:
    """The text of a wrapper `blas_...` with 32-bit integers that calls `blas64_...`, which takes 64-bit integers."""
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
