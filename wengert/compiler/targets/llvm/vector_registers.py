"""Vectorized copies, transposition, and integer arithmetic for kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.compiler.machine import lanes_of
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, register_type

__all__ = ["clear", "copy_line", "divided", "move", "multiply_add", "plus", "transposed"]

LONG_LINE = 16  # vectors: a line of more is copied by a loop


def plus(code: IRBuilder, *values: str | int) -> str:
    """The sum of integers, with constants folded."""
    constant = sum(v for v in values if isinstance(v, int))
    names = [v for v in values if isinstance(v, str)]
    known = [int(v) for v in names if not v.startswith("%")]
    names = [v for v in names if v.startswith("%")]
    constant += sum(known)
    if not names:
        return str(constant)
    total = names[0]
    for name in names[1:]:
        total = code.emit_value(f"add nsw i64 {total}, {name}")
    return total if constant == 0 else code.emit_value(f"add nsw i64 {total}, {constant}")


def divided(code: IRBuilder, value: str, by: int) -> tuple[str, str]:
    """Quotient and remainder of a non-negative integer."""
    if by == 1:
        return value, "0"
    return code.emit_value(f"udiv i64 {value}, {by}"), code.emit_value(f"urem i64 {value}, {by}")


def clear(code: IRBuilder, place: str, size: int | str) -> None:
    """Emit: set `size` bytes to 0."""
    code.declare("llvm.memset.p0.i64", "void", "ptr, i8, i64, i1")
    code.emit(f"call void @llvm.memset.p0.i64(ptr {place}, i8 0, i64 {size}, i1 false)")


def move(code: IRBuilder, into: str, source: str, size: int) -> None:
    """Emit a copy of `size` bytes."""
    if size in (1, 2, 4, 8):
        value = code.emit_value(f"load i{8 * size}, ptr {source}, align {size}")
        code.emit(f"store i{8 * size} {value}, ptr {into}, align {size}")
        return
    code.declare("llvm.memcpy.p0.p0.i64", "void", "ptr, ptr, i64, i1")
    code.emit(f"call void @llvm.memcpy.p0.p0.i64(ptr {into}, ptr {source}, i64 {size}, i1 false)")


def multiply_add(code: IRBuilder, dtype: Any, a: str, b: str, c: str) -> str:
    """a * b + c, fused where the processor has such an instruction."""
    return code.intrinsic("fmuladd", dtype, a, b, c)


def copy_line(
    code: IRBuilder,
    dtype: Any,
    count: int,
    source: str,
    target: str,
    strides: tuple[int, int] = (1, 1),
    change: Callable[[str], str] | None = None,
) -> None:
    """Emit a copy of `count` elements, mapped by `change`. Lines do not overlap; the end may be written twice."""
    lanes, before = lanes_of(dtype), code.lanes

    def vector(at: str, width: int) -> None:
        code.lanes = width
        value = code.load(dtype, source, at, strides[0])
        code.store(value if change is None else change(value), dtype, target, at, strides[1])

    if count // lanes > LONG_LINE:
        code.loop("0", str(count // lanes * lanes), lambda i: vector(i, lanes), lanes)
        done = count // lanes * lanes
    else:
        done = 0
    width = lanes
    while done < count:
        if done + width <= count:
            vector(str(done), width)
            done += width
        elif width == 1 or count < width:
            width //= 2
        else:
            vector(str(count - width), width)
            done = count
    code.lanes = before


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
