"""The renderer of kernel forms: LLVM IR for the processor.

The parameters of kernels, the tail of a loop of lanes, vectors of uniform values, and each elementary function are
written here, once for all kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.kernels.ir import Block, Form, Statement, Value, tail_of
from wengert.compiler.machine import has_fused_multiply_add
from wengert.compiler.targets.cpu.kernel_memory import MemoryRenderer
from wengert.compiler.targets.llvm.exponential import sigmoid
from wengert.compiler.targets.llvm.llvm_ufuncs import accumulate, native_ufunc
from wengert.compiler.targets.llvm.sine import sine_or_cosine
from wengert.compiler.targets.llvm.vector_registers import transposed

__all__ = ["kernel_text"]


def kernel_text(form: Form, declarations: dict[str, str]) -> str:
    """The LLVM function of a form, from its parameters on."""
    return Renderer(form, declarations).text()


class Renderer(MemoryRenderer):
    """Emits the statements of a form."""

    def __init__(self, form: Form, declarations: dict[str, str]) -> None:
        super().__init__(declarations)
        self.form = form
        self.registers: dict[Any, str] = {}
        self.rules: dict[Any, Callable[..., str]] = {}
        self.methods: dict[str, Callable[[Any], str | None]] = {}

    def text(self) -> str:
        code, form = self.code, self.form
        for number, pointer, offset in form.derived:
            code.allocas.append(f"  %p{number} = getelementptr i8, ptr %p{pointer}, i64 {offset}")
        self.run(form.body)
        self.methods.clear()  # (they refer to this)
        code.emit("ret void")
        code.lines = list(flat(code.lines))
        pointers = "".join(f"ptr %p{i}, " for i in form.pointers)
        return code.function(f"({pointers}i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def nested(self, body: Block | None) -> None:
        """The statements of a block of its own."""
        before, self.nearby = self.nearby, self.nearby.copy()
        self.run(body or [])
        self.nearby = before

    def run(self, body: Block) -> None:
        methods = self.methods
        for statement in body:
            method = methods.get(statement.op)
            if method is None:
                method = methods[statement.op] = getattr(
                    self, "lanes_loop" if statement.op == "lanes" else statement.op.replace(" ", "_")
                )
            found = method(statement)
            if found is not None:
                self.names[statement] = found
                if self.inside is not None and not statement.wide:  # type: ignore[attr-defined]
                    self.inside.add(statement)

    # Control

    def block(self, statement: Statement) -> None:
        self.run(statement.body or [])

    def loop(self, statement: Statement) -> None:
        start, stop, step = statement.operands

        def body(i: str) -> None:
            self.names[statement.data] = i
            if self.inside is not None:
                self.inside.add(statement.data)
            self.nested(statement.body)

        self.code.lanes = 1
        self.code.loop(self.name(start), self.name(stop), body, step)

    def when(self, statement: Statement) -> None:
        self.code.lanes = 1
        self.code.when(self.name(statement.operands[0]), lambda: self.nested(statement.body))

    def nest(self, statement: Statement) -> None:
        """What makes vectors of uniform values in its preheader."""
        if self.inside is not None:
            self.run(statement.body or [])
            return
        self.preheader = []
        self.code.lines.append(self.preheader)  # type: ignore[arg-type]
        self.vectors, self.inside = {}, set()
        self.run(statement.body or [])
        self.inside = None

    def lanes_loop(self, statement: Statement) -> None:
        """A loop of lanes, in a nest of its own if it is in none."""
        if self.inside is None:
            self.nest(Statement("nest", (), None, [statement]))
            return
        code = self.code
        counter, width, tail, rest, straight = statement.data
        count, *final = statement.operands
        code.lanes = 1

        def vector(lanes: int) -> Callable[[str], None]:
            def body(i: str) -> None:
                self.names[counter], self.lanes = i, lanes
                self.nested(statement.body)
                self.lanes = code.lanes = 1

            return body

        if not isinstance(count, Value):
            main: Any = count // width * width
            if main // width <= straight:
                for i in range(0, main, width):
                    vector(width)(str(i))
            else:
                code.loop("0", str(main), vector(width), width)
        else:
            main = code.emit_value(f"and i64 {self.name(count)}, {-width}") if rest else self.name(count)
            code.loop("0", main, vector(width), width)

        def ending() -> None:
            if isinstance(main, int) and tail == "one" and width > 1 and rest > 1:
                code.loop(str(main), str(main + rest), vector(1))
                return
            for i, lanes in tail_of(main if isinstance(main, int) else 0, rest, width, tail):
                at = str(i) if isinstance(main, int) else self.added(main, i)
                vector(lanes)(at)

        if rest:
            if final:
                code.when(self.name(final[0]), ending)
            else:
                ending()

    # Arithmetic

    def constant(self, x: Value) -> str:
        self.code.lanes = 1
        return self.code.number(x.data, x.dtype)

    def apply(self, x: Value) -> str:
        ufunc, dtype = x.data
        key = ufunc, dtype, len(x.operands)
        rule = self.rules.get(key)
        if rule is None:
            found = native_ufunc(ufunc, (*(dtype,) * len(x.operands), x.dtype))
            assert found is not None, ufunc
            rule = self.rules[key] = found
        self.wide(x)
        return rule(self.code, dtype, *[self.operand(y, dtype) for y in x.operands])

    def function(self, x: Value) -> str:
        name, paired = x.data
        self.wide(x)
        given = self.operand(x.operands[0], x.dtype)
        if name in ("sin", "cos"):
            if x.dtype == np.float64 and has_fused_multiply_add():
                return sine_or_cosine(self.code, given, name, paired)
            rule = native_ufunc(getattr(np, name), (x.dtype, x.dtype))
            assert rule is not None
            return rule(self.code, x.dtype, given)
        return sigmoid(self.code, x.dtype, given)

    def convert(self, x: Value) -> str:
        source = x.operands[0]
        self.wide(x)
        return self.code.convert(self.operand(source, source.dtype), source.dtype, x.dtype)

    def select(self, x: Value) -> str:
        condition, a, b = x.operands
        lanes = self.wide(x)
        first, second = self.operand(a, x.dtype), self.operand(b, x.dtype)
        if lanes > 1 and not condition.wide:
            type = self.code.type(x.dtype)
            return self.code.emit_value(f"select i1 {self.name(condition)}, {type} {first}, {type} {second}")
        return self.code.choose(self.name(condition), x.dtype, first, second)

    def fma(self, x: Value) -> str:
        self.wide(x)
        return self.code.intrinsic("fmuladd", x.dtype, *(self.operand(y, x.dtype) for y in x.operands))

    def lane_reduction(self, x: Value) -> str:
        code, value = self.code, x.operands[0]
        code.lanes = self.lanes
        found = code.reduce_lanes(
            self.operand(value, x.dtype), x.dtype, lambda a, b: accumulate(code, x.data, x.dtype, a, b)
        )
        code.lanes = 1
        return found

    def lanes_below(self, x: Value) -> str:
        if self.lanes == 1:
            return "true" if x.data else "false"
        return f"<{', '.join(f'i1 {str(i < x.data).lower()}' for i in range(self.lanes))}>"

    def transpose(self, x: Value) -> None:
        code = self.code
        code.lanes = self.lanes
        for i, name in enumerate(transposed(code, x.dtype, [self.operand(y, x.dtype) for y in x.operands])):
            self.names[x, i] = name

    def row(self, x: Value) -> str:
        return self.names[x.operands[0], x.data]

    # Variables

    def place(self, register: Any, wide: bool) -> str:
        """The memory of a variable, which LLVM promotes to a register. Sets the lanes of the builder."""
        code = self.code
        code.lanes = lanes = self.lanes if wide else 1
        found = self.registers.get((register, lanes))
        if found is None:
            found = self.registers[register, lanes] = code.variable(code.type(register.dtype))
        return found

    def set(self, statement: Statement) -> None:
        register = statement.data
        place = self.place(register, register.wide)
        value = self.operand(statement.operands[0], register.dtype)
        self.code.emit(f"store {self.code.type(register.dtype)} {value}, ptr {place}")

    def get(self, x: Value) -> str:
        place = self.place(x.data, x.data.wide)
        return self.code.emit_value(f"load {self.code.type(x.dtype)}, ptr {place}")

    def begin(self, statement: Statement) -> None:
        accumulator, code = statement.data, self.code
        for lanes in (accumulator.width, 1):  # (the tail is reduced to a scalar)
            code.lanes = lanes
            type = code.type(accumulator.dtype)
            place = self.registers[accumulator, lanes == 1] = code.variable(type)
            code.emit(f"store {type} {code.number(accumulator.start, accumulator.dtype)}, ptr {place}")
        code.lanes = 1

    def accumulate(self, statement: Statement) -> None:
        accumulator, code = statement.data, self.code
        ufunc, dtype = accumulator.ufunc, accumulator.dtype
        code.lanes = self.lanes
        value = self.operand(statement.operands[0], dtype)
        main = self.lanes == accumulator.width
        if not main:
            value = code.reduce_lanes(value, dtype, lambda a, b: accumulate(code, ufunc, dtype, a, b))
            code.lanes = 1
        place, type = self.registers[accumulator, not main or accumulator.width == 1], code.type(dtype)
        old = code.emit_value(f"load {type}, ptr {place}")
        code.emit(f"store {type} {accumulate(code, ufunc, dtype, old, value)}, ptr {place}")
        code.lanes = 1

    def total(self, x: Value) -> str:
        accumulator, code = x.data, self.code
        ufunc, dtype = accumulator.ufunc, accumulator.dtype

        def combine(a: str, b: str) -> str:
            return accumulate(code, ufunc, dtype, a, b)

        code.lanes = accumulator.width
        value = code.emit_value(f"load {code.type(dtype)}, ptr {self.registers[accumulator, accumulator.width == 1]}")
        if accumulator.width == 1:
            return value
        value = code.reduce_lanes(value, dtype, combine)
        code.lanes = 1
        return combine(value, code.emit_value(f"load {code.type(dtype)}, ptr {self.registers[accumulator, True]}"))


def flat(lines: list[Any]) -> Any:
    """Flatten nested lists of lines."""
    for line in lines:
        if isinstance(line, str):
            yield line
        else:
            yield from flat(line)
