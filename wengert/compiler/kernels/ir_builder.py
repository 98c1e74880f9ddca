"""The builder of kernel forms: statements are added to the current block, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from wengert.compiler.kernels.ir import (
    BOOL,
    INDEX,
    Accumulator,
    Block,
    Form,
    Index,
    Pointer,
    Register,
    Statement,
    Value,
)

__all__ = ["Builder"]

PREDICATES = frozenset({
    *(np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal),
    *(np.logical_and, np.logical_or, np.logical_xor, np.logical_not, np.isfinite, np.isinf, np.isnan, np.signbit),
})  # fmt: skip
FOLDED: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
    "min": min,
}


class Builder:
    """Builds a form. Statements are added to the current block."""

    def __init__(self, name: str = "kernel") -> None:
        self.name = name
        self.body: Block = []
        self.block = self.body
        self.pointers = 0
        self.parameters: dict[Any, Value] = {}

    def form(self) -> Form:
        """The finished form; the builder is empty then, so that it refers to no value that refers to it."""
        found = Form(self.name, self.body, range(self.pointers), [])
        self.body = self.block = []
        self.parameters = {}
        return found

    # Statements

    def emit(self, op: str, operands: tuple[Any, ...] = (), data: Any = None, body: Block | None = None) -> None:
        """Add a statement without a value."""
        self.block.append(Statement(op, operands, data, body))

    def value(
        self, op: str, dtype: Any, operands: tuple[Any, ...], data: Any = None, wide: bool = False, step: int = 0
    ) -> Value:
        """Add a statement with a value."""
        found = Value(self, op, dtype, operands, data, wide, step)
        self.block.append(found)
        return found

    def pointer(self, op: str, dtype: Any, operands: tuple[Any, ...] = (), data: Any = None) -> Pointer:
        """Add a statement whose value is a pointer."""
        found = Pointer(self, op, dtype, operands, data)
        self.block.append(found)
        return found

    # Parameters: no statements; they are seen everywhere

    def operand(self, number: int, dtype: Any) -> Pointer:
        """An operand of the kernel, or its result, which is the last one."""
        self.pointers = max(self.pointers, number + 1)
        key = number, (dtype := np.dtype(dtype))
        if key not in self.parameters:
            self.parameters[key] = Pointer(self, "operand", dtype, (), number)
        return self.parameters[key]  # type: ignore[return-value]

    def parameter(self, name: str) -> Value:
        """``first``, ``last`` or ``thread``."""
        if name not in self.parameters:
            self.parameters[name] = Value(self, "parameter", INDEX, (), name)
        return self.parameters[name]

    def scratch(self, dtype: Any, offset: int = 0) -> Pointer:
        """The scratch memory of the thread, from an offset in bytes on."""
        return self.pointer("scratch", np.dtype(dtype), (), offset)

    def local(self, dtype: Any, count: int, wide: bool = False) -> Pointer:
        """Memory of the function itself, for `count` elements; each has one for each lane if `wide`."""
        return self.pointer("local", dtype, (), (count, wide))

    def table(self, numbers: Sequence[int]) -> Pointer:
        """Constant memory with integers."""
        return self.pointer("table", INDEX, (), tuple(numbers))

    # Control

    @contextmanager
    def inside(self, body: Block) -> Iterator[None]:
        """Add statements to another block."""
        before, self.block = self.block, body
        try:
            yield
        finally:
            self.block = before

    @contextmanager
    def loop(self, start: Index, stop: Index, step: int = 1) -> Iterator[Value]:
        """``for i in range(start, stop, step)``."""
        counter, body = Value(self, "counter", INDEX), []  # type: ignore[var-annotated]
        self.emit("loop", (start, stop, step), counter, body)
        with self.inside(body):
            yield counter

    def iterations(self) -> Any:
        """The loop over the iterations of the kernel that this call computes."""
        return self.loop(self.parameter("first"), self.parameter("last"))

    @contextmanager
    def lanes(
        self, count: Index, width: int, tail: str = "halve", *, rest: int | None = None, final: Any = None,
        straight: int = 1,
    ) -> Iterator[Value]:  # fmt: skip
        """``for i in range(count)``, `width` iterations at once.

        Parameters
        ----------
        tail : {"halve", "one", "overlap"}
            How the last iterations are computed: by ever fewer lanes, by one lane each, or by a full vector that
            overlaps the one before (the body must bear that iterations are computed twice).
        rest : int
            Their number, where `count` is a value; they are computed where the boolean `final` holds.
        straight : int
            So many vectors are not worth a loop.
        """
        counter, body = Value(self, "counter", INDEX, step=1), []  # type: ignore[var-annotated]
        rest = count % width if rest is None else rest
        self.emit("lanes", (count,) if final is None else (count, final), (counter, width, tail, rest, straight), body)
        with self.inside(body):
            yield counter

    @contextmanager
    def nest(self) -> Iterator[None]:
        """Loops around loops of lanes: what is uniform in all of them is made vectors before."""
        body: Block = []
        self.emit("nest", (), None, body)
        with self.inside(body):
            yield

    def vector(self, width: int) -> Any:
        """A body that is computed once, in `width` lanes."""
        return self.lanes(width, width)

    @contextmanager
    def when(self, condition: Any) -> Iterator[None]:
        """``if condition``."""
        body: Block = []
        self.emit("when", (condition,), None, body)
        with self.inside(body):
            yield

    def place(self) -> Block:
        """A place for statements that are added later: see `inside`."""
        body: Block = []
        self.emit("block", (), None, body)
        return body

    # Memory

    def load(self, pointer: Pointer, index: Index = 0, around: int | None = None) -> Value:
        """An element for each lane. `around`: so many elements before the first may be read, and all in between, and
        as many after the last as complete whole steps."""
        step = index.step if isinstance(index, Value) else 0
        return self.value("load", pointer.dtype, (pointer, index), around, step != 0)

    def store(self, pointer: Pointer, index: Index, value: Any) -> None:
        self.emit("store", (pointer, index, value))

    def update(self, ufunc: Any, pointer: Pointer, index: Index, value: Any) -> None:
        """Combine an element for each lane with a value, in memory. The elements are different ones."""
        self.emit("update", (pointer, index, value), ufunc)

    def interleave(self, pointer: Pointer, index: Index, values: list[Value]) -> None:
        """Store several values for each lane, one after another; the step of the index is their number."""
        if len(values) == 1:
            self.store(pointer, index, values[0])
        else:
            self.emit("interleave", (pointer, index, *values))

    def zero(self, pointer: Pointer, count: Index) -> None:
        """Fill elements with zero bytes."""
        self.emit("zero", (pointer, count))

    def copy(self, into: Pointer, source: Pointer, count: Index) -> None:
        """Copy elements as they are, from other memory."""
        self.emit("copy", (into, source, count))

    def differ(self, a: Pointer, b: Pointer) -> Value:
        """Whether two pointers are different."""
        return self.value("differ", BOOL, (a, b))

    def fence(self) -> None:
        """Later loads stay after this: a hint against too many values in registers."""
        self.emit("fence")

    def inner_loop(
        self, loop: Pointer, pointers: list[Pointer], lengths: list[Index], steps: list[int],
        status: Pointer | None = None,
    ) -> None:  # fmt: skip
        """Call the inner loop of a ufunc, whose address, and that of its data, are at `loop`.

        `status` points to a float64, which becomes 1 where the loop has reported a failure, else 0: by the flag of
        invalid operations, as for NumPy, which raises then.
        """
        checked = () if status is None else (status,)
        self.emit("inner loop", (loop, *pointers, *lengths, *checked), (len(pointers), tuple(steps), bool(checked)))

    def foreign(self, function: Pointer, arguments: list[Any]) -> None:
        """Call a C function, whose address is at `function`: of pointers, integers, and None for a null pointer. It
        returns an int, which says nothing."""
        self.emit("foreign", (function, *arguments))

    # Arithmetic

    def arithmetic(self, how: str, ufunc: Any, a: Any, b: Any) -> Any:
        """An operator: of indices, or the ufunc."""
        for x in (a, b):
            if isinstance(x, Value) and (x.wide or x.dtype != INDEX):
                return self.apply(ufunc, a, b)
        return self.index(how, a, b)

    def index(self, how: str, a: Index, b: Index) -> Index:
        """Arithmetic of indices, folded where it is known."""
        a = a if isinstance(a, Value) else int(a)
        b = b if isinstance(b, Value) else int(b)
        if isinstance(b, int):
            if isinstance(a, int):
                return FOLDED[how](a, b)
            if b == (1 if how in ("mul", "div") else 0) and how in ("add", "sub", "mul", "div"):
                return a
            if (how == "mul" and b == 0) or (how == "mod" and b == 1):
                return 0
            if how in ("add", "sub") and a.op == "index" and a.data == "add" and isinstance(a.operands[1], int):
                return self.index("add", a.operands[0], a.operands[1] + (b if how == "add" else -b))
            how, b = ("add", -b) if how == "sub" else (how, b)
        elif isinstance(a, int) and how in ("add", "mul"):
            return self.index(how, b, a)
        steps = [0 if isinstance(x, int) else x.step for x in (a, b)]
        if how == "add":
            step = steps[0] + steps[1]
        elif how == "sub":
            step = steps[0] - steps[1]
        elif how == "mul" and isinstance(b, int):
            step = steps[0] * b
        elif any(steps):
            raise TypeError(f"the {how} of an index of lanes does not advance evenly")
        else:
            step = 0
        return self.value("index", INDEX, (a, b), how, step=step)

    def dot(self, indices: list[Index], strides: Any, start: Index = 0) -> Index:
        """The linear index: the dot product of indices and strides, plus `start`."""
        total = start
        for i, s in zip(indices, strides, strict=True):
            total = total + i * s
        return total

    def apply(self, ufunc: Any, *operands: Any, dtype: Any = None, result: Any = None) -> Value:
        """A ufunc of values of one dtype, and of Python numbers."""
        values = [x for x in operands if isinstance(x, Value)]
        dtype = values[0].dtype if dtype is None else dtype
        if any(x.dtype != dtype for x in values):
            raise TypeError(f"{ufunc.__name__} needs operands of one dtype, not {[str(x.dtype) for x in values]}")
        if result is None:
            result = BOOL if ufunc in PREDICATES else dtype
        return self.value("apply", result, operands, (ufunc, dtype), any(x.wide for x in values))

    def function(self, name: str, x: Any, dtype: Any = None, paired: bool = False) -> Value:
        """``sigmoid``, or the ``sin`` or ``cos`` of a value.

        `paired`: the sine, or the cosine, of the same value is computed as well.
        """
        wide = isinstance(x, Value) and x.wide
        return self.value("function", x.dtype if dtype is None else dtype, (x,), (name, paired), wide)

    def convert(self, value: Any, dtype: Any) -> Any:
        """A value in another dtype, as ``astype`` gives it."""
        if not isinstance(value, Value) or value.dtype == dtype:
            return value
        return self.value("convert", dtype, (value,), None, value.wide)

    def constant(self, number: Any, dtype: Any) -> Value:
        """A number as a value."""
        return self.value("constant", dtype, (), number)

    def select(self, condition: Any, a: Any, b: Any, dtype: Any = None) -> Value:
        """`a` where the condition holds, else `b`."""
        if dtype is None:
            dtype = (a if isinstance(a, Value) else b).dtype
        if not isinstance(condition, Value):
            found = a if condition else b
            return found if isinstance(found, Value) else self.constant(found, dtype)
        wide = any(isinstance(x, Value) and x.wide for x in (condition, a, b))
        return self.value("select", dtype, (condition, a, b), None, wide)

    def fma(self, a: Any, b: Any, c: Any) -> Value:
        """``a * b + c``, with one rounding where the processor has such an instruction."""
        values = [x for x in (a, b, c) if isinstance(x, Value)]
        return self.value("fma", values[0].dtype, (a, b, c), None, any(x.wide for x in values))

    def reduce_lanes(self, ufunc: Any, value: Value) -> Value:
        """The reduction of all lanes to a uniform value."""
        return self.value("lane reduction", value.dtype, (value,), ufunc)

    def lanes_below(self, count: int) -> Value:
        """Whether a lane is one of the first."""
        return self.value("lanes below", BOOL, (), count, True)

    def transpose(self, rows: list[Any], dtype: Any) -> list[Value]:
        """As many wide values as there are lanes, as the rows of a square that is transposed."""
        square = Value(self, "transpose", dtype, tuple(rows), None, True)
        self.block.append(square)
        return [self.value("row", dtype, (square,), i, True) for i in range(len(rows))]

    # Variables

    def register(self, dtype: Any, start: Any = None, wide: bool = False) -> Register:
        """A variable, and its first value."""
        found = Register(self, np.dtype(dtype), wide)
        if start is not None:
            found.set(start)
        return found

    def accumulator(self, ufunc: Any, dtype: Any, start: Any, width: int) -> Accumulator:
        """A reduction, which begins here."""
        found = Accumulator(self, ufunc, dtype, start, width)
        self.emit("begin", (), found)
        return found
