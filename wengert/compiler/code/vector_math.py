"""The mathematical functions of the machine's libraries, many lanes at once where a library has that."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import platform
import sys
from typing import Any

from wengert.compiler.code.llvm_code import Code, register_type
from wengert.compiler.code.once import once

__all__ = ["call", "libraries", "vector_bytes"]


@once
def libraries() -> list[Any]:
    """The libraries of scalar and vector mathematics of this machine; where one is missing, it is slower."""
    found = []
    for name in ("libmvec.so.1", ctypes.util.find_library("m"), None):
        if name is not None or sys.platform != "win32":
            try:
                found.append(ctypes.CDLL(name))
            except OSError:
                continue
    return found


@functools.cache
def exists(name: str) -> bool:
    return any(hasattr(library, name) for library in libraries())


@functools.cache
def vector_bytes() -> int:
    """How many bytes a vector register holds."""
    from wengert.compiler.code.native import host_features

    features = host_features()
    return 64 if features.get("avx512f") else 32 if features.get("avx2") else 16


def vector_name(name: str, lanes: int, bits: int, count: int) -> str | None:
    """The function of a vector library for so many lanes."""
    size = lanes * bits // 8
    if platform.machine() in ("x86_64", "AMD64"):
        letter = {16: "b", 32: "d", 64: "e"}.get(size)
    else:
        letter = {16: "n"}.get(size) if platform.machine() in ("aarch64", "arm64") else None
    full = f"_ZGV{letter}N{lanes}{'v' * count}_{name}"
    return full if letter and size <= vector_bytes() and exists(full) else None


def call(code: Code, name: str, dtype: Any, *values: str) -> str:
    """Call a function of the mathematical library, many lanes at once where there is such a function."""
    own = name if dtype.itemsize == 8 else name + "f"
    form, lanes = code.type(dtype), code.lanes
    listed = ", ".join(f"{form} {v}" for v in values)
    pure = "nounwind willreturn memory(none)"
    if lanes == 1:
        code.declare(own, form, ", ".join([form] * len(values)), pure)
        return code.put(f"call {form} @{own}({listed})")
    full = vector_name(own, lanes, 8 * dtype.itemsize, len(values))
    if full is not None:
        convention = "aarch64_vector_pcs " if "_ZGVn" in full else ""
        code.declare(full, convention + form, ", ".join([form] * len(values)), pure)
        return code.put(f"call {convention}{form} @{full}({listed})")
    if lanes * dtype.itemsize > 16:
        one = register_type(dtype)
        split = [code.halves(v, one) for v in values]
        code.lanes = lanes // 2
        low, high = (call(code, name, dtype, *(pair[i] for pair in split)) for i in (0, 1))
        half, code.lanes = code.type(dtype), lanes
        order = ", ".join(f"i32 {i}" for i in range(lanes))
        return code.put(f"shufflevector {half} {low}, {half} {high}, <{lanes} x i32> <{order}>")
    forms = [register_type(dtype)] * len(values)
    return code.by_lanes(lambda *parts: call(code, name, dtype, *parts), forms, forms[0], *values)
