"""The interpreter of kernel forms: the reference of what targets render.

Pointers are memory and an offset in it. So each access is checked, and elements that nothing has written are NaN.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from typing import Any

import numpy as np

from wengert.compiler.kernels.ir import INVALID, Block, Form, Pointer, Statement, Value, tail_of
from wengert.compiler.kernels.ir_verify import verify

__all__ = ["interpreted"]

Memory = tuple[Any, int]  # bytes, and an offset


def interpreted(form: Form, operands: list[Memory], iterations: int, scratch: int) -> None:
    """Run all iterations of a form on the memory of its operands and its result."""
    verify(form)
    with np.errstate(all="ignore"):
        Interpreter(form, operands, iterations, scratch).run(form.body)


FUNCTIONS: dict[str, Any] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "sin": np.sin,
    "cos": np.cos,
}


class Interpreter:
    """The values of a call."""

    def __init__(self, form: Form, operands: list[Memory], iterations: int, scratch: int) -> None:
        self.operands = dict(zip(form.pointers, operands, strict=True))
        for number, pointer, offset in form.derived:
            memory, start = self.operands[pointer]
            self.operands[number] = memory, start + offset
        self.parameters = {"first": 0, "last": iterations, "thread": 0}
        self.memory = np.full(scratch, 0xFF, np.uint8)
        self.values: dict[Any, Any] = {}
        self.width = 1
        self.methods: dict[str, Any] = {}

    def run(self, body: Block) -> None:
        methods = self.methods
        for statement in body:
            op = statement.op
            method = methods.get(op)
            if method is None:
                method = methods[op] = getattr(self, op.replace(" ", "_"))
            found = method(statement)
            if found is not None:
                self.values[statement] = found

    def of(self, x: Any) -> Any:
        """The value of an operand."""
        if not isinstance(x, Value):
            return x
        found = self.values.get(x)
        if found is not None:
            return found
        if x.op == "operand":
            return self.operands[x.data]
        return self.parameters[x.data] if x.op == "parameter" else self.values[x]

    # Control

    def loop(self, statement: Statement) -> None:
        start, stop, step = (self.of(x) for x in statement.operands)
        for i in range(int(start), int(stop), step):
            self.values[statement.data] = i
            self.run(statement.body or [])

    def lanes(self, statement: Statement) -> None:
        counter, width, tail, rest, _ = statement.data
        count = int(self.of(statement.operands[0]))
        main = count // width * width
        self.instances(statement, [(i, width) for i in range(0, main, width)], counter)
        if rest and (len(statement.operands) == 1 or self.of(statement.operands[1])):
            self.instances(statement, list(tail_of(main, rest, width, tail)), counter)

    def instances(self, statement: Statement, parts: list[tuple[int, int]], counter: Any) -> None:
        for first, width in parts:
            self.values[counter], self.width = first, width
            self.run(statement.body or [])
        self.width = 1

    def when(self, statement: Statement) -> None:
        if self.of(statement.operands[0]):
            self.run(statement.body or [])

    def block(self, statement: Statement) -> None:
        self.run(statement.body or [])

    nest = block

    def fence(self, statement: Statement) -> None:
        pass

    # Memory

    def scratch(self, x: Value) -> Memory:
        return self.memory, x.data

    def local(self, x: Value) -> Memory:
        count, wide = x.data
        return np.full(count * (self.width if wide else 1) * x.dtype.itemsize, 0xFF, np.uint8), 0

    def table(self, x: Value) -> Memory:
        return np.array(x.data, np.int64).view(np.uint8), 0

    def address(self, x: Value) -> Memory:
        memory, offset = self.of(x.operands[0])
        return memory, offset + int(self.of(x.operands[1])) * x.dtype.itemsize

    def differ(self, x: Value) -> Any:
        (a, i), (b, j) = (self.of(y) for y in x.operands)
        return a is not b or i != j

    def elements(self, pointer: Any, index: Any, count: int = 1, step: int = 1) -> Any:
        """A view of elements, each `step` after the one before."""
        (memory, offset), size = self.of(pointer), pointer.dtype.itemsize
        start = offset + int(self.of(index)) * size
        stop = start + ((count - 1) * step + 1) * size
        if start < 0 or stop > len(memory):
            raise IndexError(f"a kernel accesses the bytes {start} to {stop} of {len(memory)}")
        return memory[start:stop].view(pointer.dtype)[::step]

    def load(self, x: Value) -> Any:
        pointer, index = x.operands
        if not x.wide:
            return self.elements(pointer, index)[0]
        return self.elements(pointer, index, self.width, index.step).copy()

    def store(self, statement: Statement) -> None:
        pointer, index, value = statement.operands
        step = getattr(index, "step", 0)
        if step:
            self.elements(pointer, index, self.width, step)[...] = self.of(value)
        else:
            self.elements(pointer, index)[0] = self.of(value)

    def update(self, statement: Statement) -> None:
        pointer, index, value = statement.operands
        step = getattr(index, "step", 0)
        place = self.elements(pointer, index, self.width, step) if step else self.elements(pointer, index)
        place[...] = statement.data(place, self.typed(value, pointer.dtype))

    def interleave(self, statement: Statement) -> None:
        pointer, index, *values = statement.operands
        found = np.stack([np.broadcast_to(self.of(x), self.width) for x in values], axis=1)
        self.elements(pointer, index, found.size)[...] = found.ravel()

    def zero(self, statement: Statement) -> None:
        pointer, count = statement.operands
        if n := int(self.of(count)):
            self.elements(pointer, 0, n).view(np.uint8)[...] = 0

    def copy(self, statement: Statement) -> None:
        into, source, count = statement.operands
        if n := int(self.of(count)):
            self.elements(into, 0, n)[...] = self.elements(source, 0, n)

    def inner_loop(self, statement: Statement) -> None:
        loop, *others = statement.operands
        count, steps, checked = statement.data
        status = others.pop() if checked else None
        found = self.elements(loop, 0, 2)
        function = loop_type()(int(found[0]))
        starts = [self.elements(p, 0).__array_interface__["data"][0] for p in others[:count]]
        lengths = [int(self.of(x)) for x in others[count:]]
        arguments = [np.array(values, np.int64) for values in (starts, lengths, steps)]
        pointers = [a.__array_interface__["data"][0] for a in arguments]
        flags = floating_point_flags() if checked else None
        if flags is not None:
            flags.feclearexcept(INVALID)
        function(*pointers, int(found[1]))
        if flags is not None:
            self.elements(status, 0)[0] = flags.fetestexcept(INVALID) != 0
            flags.feclearexcept(INVALID)

    def foreign(self, statement: Statement) -> None:
        function, *arguments = statement.operands
        values: list[Any] = []
        for x in arguments:
            if isinstance(x, Pointer):
                values.append(ctypes.c_void_p(self.elements(x, 0).__array_interface__["data"][0]))
            else:
                values.append(ctypes.c_void_p(None) if x is None else ctypes.c_int64(int(self.of(x))))
        ctypes.CFUNCTYPE(ctypes.c_int, *map(type, values))(int(self.elements(function, 0)[0]))(*values)

    # Arithmetic

    def index(self, x: Value) -> int:
        a, b = (int(self.of(y)) for y in x.operands)
        if x.data in ("div", "mod"):
            return a // b if x.data == "div" else a % b
        return a + b if x.data == "add" else a - b if x.data == "sub" else a * b if x.data == "mul" else min(a, b)

    def typed(self, x: Any, dtype: Any) -> Any:
        """An operand, in which Python numbers have the dtype."""
        found = self.of(x)
        return found if isinstance(found, np.ndarray | np.generic) else np.asarray(found).astype(dtype)[()]

    def constant(self, x: Value) -> Any:
        return self.typed(x.data, x.dtype)

    def apply(self, x: Value) -> Any:
        ufunc, dtype = x.data
        return ufunc(*(self.typed(y, dtype) for y in x.operands))

    def function(self, x: Value) -> Any:
        return FUNCTIONS[x.data[0]](self.typed(x.operands[0], x.dtype))

    def convert(self, x: Value) -> Any:
        source = x.operands[0]
        return self.typed(source, source.dtype).astype(x.dtype)

    def select(self, x: Value) -> Any:
        condition, a, b = x.operands
        found = np.where(self.of(condition), self.typed(a, x.dtype), self.typed(b, x.dtype))
        return found if found.ndim else found[()]

    def fma(self, x: Value) -> Any:
        a, b, c = (self.typed(y, x.dtype) for y in x.operands)
        return a * b + c

    def lane_reduction(self, x: Value) -> Any:
        return x.data.reduce(np.broadcast_to(self.of(x.operands[0]), self.width))

    def lanes_below(self, x: Value) -> Any:
        return np.arange(self.width) < x.data

    def transpose(self, x: Value) -> Any:
        return np.stack([np.broadcast_to(self.typed(y, x.dtype), self.width) for y in x.operands]).T

    def row(self, x: Value) -> Any:
        return self.of(x.operands[0])[x.data]

    # Variables

    def set(self, statement: Statement) -> None:
        register = statement.data
        value = self.typed(statement.operands[0], register.dtype)
        self.values[register] = np.broadcast_to(value, self.width) if register.wide else value

    def get(self, x: Value) -> Any:
        return self.values[x.data]

    def begin(self, statement: Statement) -> None:
        self.values[statement.data] = statement.data.dtype.type(statement.data.start)

    def accumulate(self, statement: Statement) -> None:
        accumulator, value = statement.data, self.of(statement.operands[0])
        for each in np.broadcast_to(value, self.width):
            self.values[accumulator] = accumulator.ufunc(self.values[accumulator], each)

    def total(self, x: Value) -> Any:
        return self.values[x.data]


@functools.cache
def floating_point_flags() -> Any:
    """The functions of <fenv.h>."""
    return ctypes.CDLL(ctypes.util.find_library("m"))


@functools.cache
def loop_type() -> Any:
    """The type of the inner loops of ufuncs."""
    return ctypes.CFUNCTYPE(None, *(ctypes.c_void_p,) * 4)
