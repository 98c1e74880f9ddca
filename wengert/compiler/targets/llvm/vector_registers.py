"""Memory that is cleared, and the transposition of squares of vectors."""

from __future__ import annotations

from typing import Any

from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, register_type

__all__ = ["clear", "transposed"]


def clear(code: IRBuilder, place: str, size: int | str) -> None:
    """Emit: set `size` bytes to 0."""
    code.declare("llvm.memset.p0.i64", "void", "ptr, i8, i64, i1")
    code.emit(f"call void @llvm.memset.p0.i64(ptr {place}, i8 0, i64 {size}, i1 false)")


def transposed(code: IRBuilder, dtype: Any, rows: list[str]) -> list[str]:
    """Transpose a square of vectors."""
    lanes, type = len(rows), f"<{len(rows)} x {register_type(dtype)}>"
    half = lanes // 2
    low = ", ".join(f"i32 {i // 2 + (i % 2) * lanes}" for i in range(lanes))
    high = ", ".join(f"i32 {half + i // 2 + (i % 2) * lanes}" for i in range(lanes))
    count = lanes
    while count > 1:
        mixed = []
        for i in range(half):
            for order in (low, high):
                pair = f"{type} {rows[i]}, {type} {rows[i + half]}"
                mixed.append(code.emit_value(f"shufflevector {pair}, <{lanes} x i32> <{order}>"))
        rows = mixed
        count //= 2
    return rows
