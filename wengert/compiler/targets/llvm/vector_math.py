"""The functions of the system's math libraries, vectorized where a vector math library has them."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import sys
from typing import Any

from wengert.compiler.machine import is_arm, is_x86, vector_bytes
from wengert.compiler.once import once
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, register_type

__all__ = ["call", "libraries"]


@once
def libraries() -> list[Any]:
    """The scalar and vector math libraries of this system; without the latter, code is slower."""
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


def vector_name(name: str, lanes: int, bits: int, count: int) -> str | None:
    """The name of the vectorized function for `lanes` lanes, or None."""
    size = lanes * bits // 8
    if is_x86():
        letter = {16: "b", 32: "d", 64: "e"}.get(size)
    else:
        letter = {16: "n"}.get(size) if is_arm() else None
    full = f"_ZGV{letter}N{lanes}{'v' * count}_{name}"
    return full if letter and size <= vector_bytes() and exists(full) else None


def call(code: IRBuilder, name: str, dtype: Any, *values: str) -> str:
    """Emit a call of a math function: vectorized, in halves, or lane by lane, as the libraries allow."""
    own = name if dtype.itemsize == 8 else name + "f"
    type, lanes = code.type(dtype), code.lanes
    listed = ", ".join(f"{type} {v}" for v in values)
    pure = "nounwind willreturn memory(none)"
    if lanes == 1:
        code.declare(own, type, ", ".join([type] * len(values)), pure)
        return code.emit_value(f"call {type} @{own}({listed})")
    full = vector_name(own, lanes, 8 * dtype.itemsize, len(values))
    if full is not None:
        convention = "aarch64_vector_pcs " if "_ZGVn" in full else ""
        code.declare(full, convention + type, ", ".join([type] * len(values)), pure)
        return code.emit_value(f"call {convention}{type} @{full}({listed})")
    if lanes * dtype.itemsize > 16:
        one = register_type(dtype)
        split = [code.halves(v, one) for v in values]
        code.lanes = lanes // 2
        low, high = (call(code, name, dtype, *(pair[i] for pair in split)) for i in (0, 1))
        half, code.lanes = code.type(dtype), lanes
        order = ", ".join(f"i32 {i}" for i in range(lanes))
        return code.emit_value(f"shufflevector {half} {low}, {half} {high}, <{lanes} x i32> <{order}>")
    forms = [register_type(dtype)] * len(values)
    return code.by_lanes(lambda *parts: call(code, name, dtype, *parts), forms, forms[0], *values)
