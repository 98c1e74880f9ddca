"""A builder of LLVM IR: values of one or several lanes, their types, and conversions."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.targets.llvm.wide_types import bits_of, convert_wide, is_opaque, rounded

__all__ = ["IRBuilder", "memory_type", "register_type"]

REGISTERS = {"b1": "i1", "f4": "float", "f8": "double"}


@functools.cache
def register_type(dtype: Any) -> str:
    """The scalar type in a register."""
    return REGISTERS.get(f"{dtype.kind}{dtype.itemsize}") or f"i{8 * dtype.itemsize}"


def memory_type(dtype: Any) -> str:
    """The scalar type in memory."""
    return "i8" if dtype.kind == "b" else register_type(dtype)


def literal(value: Any, dtype: Any) -> str:
    """Print a number as a constant of its type."""
    if dtype.kind == "b":
        return "true" if value else "false"
    if is_opaque(dtype):
        return bits_of(value, dtype)
    if dtype.kind == "f":
        with np.errstate(all="ignore"):
            number = float(dtype.type(value))
        if number != number:
            return "0x7FF8000000000000"
        return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"
    return str(int(value))


class IRBuilder:
    """Builds a function.

    Values are named by strings; `lanes` is the number of lanes of the values that follow (1: scalars).
    """

    def __init__(self, declarations: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.allocas: list[str] = []
        self.count = 0
        self.lanes = 1
        self.declarations = declarations  # what the module must declare, by name
        self.intrinsics: dict[tuple[str, str], str] = {}  # that are declared: their names

    # Lines

    def emit_value(self, text: str) -> str:
        """Add an instruction that has a value; return its name."""
        self.count += 1
        name = f"%v{self.count}"
        self.lines.append(f"  {name} = {text}")
        return name

    def emit(self, text: str) -> None:
        """Add an instruction without a value."""
        self.lines.append(f"  {text}")

    def label(self) -> str:
        """Make the name of a block."""
        self.count += 1
        return f"b{self.count}"

    def begin(self, label: str) -> None:
        """Begin a block; the one before must have ended."""
        self.lines.append(f"{label}:")

    def variable(self, type: str) -> str:
        """An alloca, which LLVM promotes to a register."""
        self.count += 1
        name = f"%s{self.count}"
        self.allocas.append(f"  {name} = alloca {type}, align 64")
        return name

    def loop(self, start: str, stop: str, body: Callable[[str], None], step: int = 1) -> None:
        """Emit `for i in range(start, stop, step)`."""
        head, inside, after = self.label(), self.label(), self.label()
        counter = self.variable("i64")
        self.emit(f"store i64 {start}, ptr {counter}")
        self.emit(f"br label %{head}")
        self.begin(head)
        i = self.emit_value(f"load i64, ptr {counter}")
        more = self.emit_value(f"icmp slt i64 {i}, {stop}")
        self.emit(f"br i1 {more}, label %{inside}, label %{after}")
        self.begin(inside)
        body(i)
        self.emit(f"store i64 {self.emit_value(f'add nsw i64 {i}, {step}')}, ptr {counter}")
        self.emit(f"br label %{head}")
        self.begin(after)

    def when(self, condition: str, body: Callable[[], None]) -> None:
        """Emit `if condition:`."""
        inside, after = self.label(), self.label()
        self.emit(f"br i1 {condition}, label %{inside}, label %{after}")
        self.begin(inside)
        body()
        self.emit(f"br label %{after}")
        self.begin(after)

    def return_when(self, condition: str, value: str) -> None:
        """Emit `if condition: return value`."""
        inside, after = self.label(), self.label()
        self.emit(f"br i1 {condition}, label %{inside}, label %{after}")
        self.begin(inside)
        self.emit(f"ret {value}")
        self.begin(after)

    def declare(self, name: str, result: str, arguments: str, attributes: str = "") -> None:
        """Add a declaration to the module."""
        self.declarations[name] = f"declare {result} @{name}({arguments}) {attributes}"

    # Types and constants

    def wide(self, type: str) -> str:
        """The type with the current number of lanes."""
        return type if self.lanes == 1 else f"<{self.lanes} x {type}>"

    def type(self, dtype: Any) -> str:
        return self.wide(register_type(dtype))

    def number(self, value: Any, dtype: Any) -> str:
        """A constant, in all lanes."""
        text = literal(value, dtype)
        return text if self.lanes == 1 else f"splat ({register_type(dtype)} {text})"

    def splat(self, value: str, type: str) -> str:
        """Broadcast a scalar to all lanes."""
        if self.lanes == 1:
            return value
        if not value.startswith("%"):
            return f"splat ({type} {value})"
        one = self.emit_value(f"insertelement {self.wide(type)} poison, {type} {value}, i64 0")
        return self.emit_value(
            f"shufflevector {self.wide(type)} {one}, {self.wide(type)} poison, <{self.lanes} x i32> zeroinitializer"
        )

    # Arithmetic

    def op(self, operation: str, dtype: Any, *values: str) -> str:
        """An instruction whose operands and result have the same type."""
        return self.emit_value(f"{operation} {self.type(dtype)} {', '.join(values)}")

    def compare(self, condition: str, dtype: Any, a: str, b: str) -> str:
        """A comparison by fcmp or icmp, by dtype."""
        return self.emit_value(f"{'fcmp' if dtype.kind == 'f' else 'icmp'} {condition} {self.type(dtype)} {a}, {b}")

    def choose(self, condition: str, dtype: Any, a: str, b: str) -> str:
        type = self.type(dtype)
        return self.emit_value(f"select {self.wide('i1')} {condition}, {type} {a}, {type} {b}")

    def intrinsic(self, name: str, dtype: Any, *values: str) -> str:
        """Call an LLVM intrinsic whose operands and result have the same type."""
        type = self.type(dtype)
        key = name, type
        full = self.intrinsics.get(key)
        if full is None:
            kind = ("f" if dtype.kind == "f" else "i") + str(8 * dtype.itemsize)
            full = self.intrinsics[key] = f"llvm.{name}.{kind if self.lanes == 1 else f'v{self.lanes}{kind}'}"
            self.declare(full, type, ", ".join([type] * len(values)))
        return self.emit_value(f"call {type} @{full}({', '.join([f'{type} {v}' for v in values])})")

    def by_lanes(self, function: Callable[..., str], types: list[str], result: str, *values: str) -> str:
        """Apply a scalar function to each lane; `types` and `result` are scalar types."""
        if self.lanes == 1:
            return function(*values)
        lanes, vector = self.lanes, "poison"
        for i in range(lanes):
            parts = [
                self.emit_value(f"extractelement <{lanes} x {type}> {v}, i64 {i}")
                for type, v in zip(types, values, strict=True)
            ]
            self.lanes = 1
            one = function(*parts)
            self.lanes = lanes
            vector = self.emit_value(f"insertelement <{lanes} x {result}> {vector}, {result} {one}, i64 {i}")
        return vector

    def convert(self, value: str, old: Any, new: Any) -> str:
        """Convert a value to another dtype, as NumPy's astype does."""
        if (old.kind, old.itemsize) == (new.kind, new.itemsize):
            return value
        if is_opaque(old) or is_opaque(new):
            return convert_wide(self, value, old, new)
        before, after = self.type(old), self.type(new)
        if new.kind == "b":
            return self.compare("une" if old.kind == "f" else "ne", old, value, self.number(0, old))
        if old.kind == "b":
            return self.emit_value(f"{'uitofp' if new.kind == 'f' else 'zext'} {before} {value} to {after}")
        if old.kind == "f" and new.kind == "f":
            return self.emit_value(
                f"{'fpext' if new.itemsize > old.itemsize else 'fptrunc'} {before} {value} to {after}"
            )
        if new.kind == "f":
            return self.emit_value(f"{'uitofp' if old.kind == 'u' else 'sitofp'} {before} {value} to {after}")
        if old.kind == "f":
            return rounded(self, value, old, new)
        if new.itemsize == old.itemsize:
            return value
        how = "trunc" if new.itemsize < old.itemsize else "zext" if old.kind == "u" else "sext"
        return self.emit_value(f"{how} {before} {value} to {after}")

    # Memory

    def address(self, base: str, elements: str, size: int) -> str:
        """The address of an element."""
        if elements == "0":
            return base
        return self.emit_value(f"getelementptr [{size} x i8], ptr {base}, i64 {elements}")

    def load(self, dtype: Any, base: str, index: str, stride: int = 1) -> str:
        """Load an element per lane; `stride` is in elements."""
        type, lanes = memory_type(dtype), self.lanes
        size = dtype.itemsize
        align = min(size, 8)  # (complex numbers are aligned as their parts are)
        if lanes == 1 or stride == 0:
            self.lanes = 1
            found = self.emit_value(
                f"load {type}, ptr {self.address(base, self.times(index, stride), size)}, align {align}"
            )
            if dtype.kind == "b":
                found = self.emit_value(f"icmp ne i8 {found}, 0")
            self.lanes = lanes
            return self.splat(found, register_type(dtype))
        start = self.address(base, self.times(index, stride), size)
        if stride == 1:
            found = self.emit_value(f"load {self.wide(type)}, ptr {start}, align {align}")
        else:
            found = "poison"
            for i in range(lanes):
                at = start if i == 0 else self.emit_value(f"getelementptr i8, ptr {start}, i64 {i * stride * size}")
                one = self.emit_value(f"load {type}, ptr {at}, align {align}")
                found = self.emit_value(f"insertelement {self.wide(type)} {found}, {type} {one}, i64 {i}")
        return self.emit_value(f"icmp ne {self.wide('i8')} {found}, zeroinitializer") if dtype.kind == "b" else found

    def store(self, value: str, dtype: Any, base: str, index: str, stride: int = 1) -> None:
        """Store all lanes."""
        type, lanes, size = memory_type(dtype), self.lanes, dtype.itemsize
        align = min(size, 8)
        if dtype.kind == "b":
            value = self.emit_value(f"zext {self.wide('i1')} {value} to {self.wide('i8')}")
        start = self.address(base, self.times(index, stride), size)
        if lanes == 1 or stride == 1:
            self.emit(f"store {self.wide(type)} {value}, ptr {start}, align {align}")
            return
        for i in range(lanes):
            at = start if i == 0 else self.emit_value(f"getelementptr i8, ptr {start}, i64 {i * stride * size}")
            one = self.emit_value(f"extractelement {self.wide(type)} {value}, i64 {i}")
            self.emit(f"store {type} {one}, ptr {at}, align {align}")

    def times(self, index: str, stride: int) -> str:
        if stride == 1 or index == "0":
            return index
        return "0" if stride == 0 else self.emit_value(f"mul nsw i64 {index}, {stride}")

    def halves(self, value: str, type: str) -> tuple[str, str]:
        """The lower and the upper half of the lanes."""
        n = self.lanes // 2
        low, high = ", ".join(f"i32 {i}" for i in range(n)), ", ".join(f"i32 {i + n}" for i in range(n))
        vector = self.wide(type)
        return (
            self.emit_value(f"shufflevector {vector} {value}, {vector} poison, <{n} x i32> <{low}>"),
            self.emit_value(f"shufflevector {vector} {value}, {vector} poison, <{n} x i32> <{high}>"),
        )

    def reduce_lanes(self, value: str, dtype: Any, combine: Callable[[str, str], str]) -> str:
        """Reduce all lanes to a scalar."""
        lanes = self.lanes
        while self.lanes > 1:
            low, high = self.halves(value, register_type(dtype))
            self.lanes //= 2
            if self.lanes == 1:
                low, high = (
                    self.emit_value(f"extractelement <1 x {register_type(dtype)}> {x}, i64 0") for x in (low, high)
                )
            value = combine(low, high)
        self.lanes = lanes
        return value

    def function(self, header: str) -> str:
        """The text of the function."""
        return "\n".join([f"{header} {{", "entry:", *self.allocas, *self.lines, "}"])
