"""The kernel form: native code as a typed nest of loops, which targets render, and which an interpreter runs.

A form has statements in blocks; values are named by the statement that computes them, once (SSA), and seen in the rest
of their block. What changes in a loop is in registers. All values are scalars of a dtype, or pointers to elements of
one; but a `lanes` loop computes several of its iterations at once. In its body a value that differs from lane to lane
is *wide*, and others are *uniform*. An index knows by how much it advances from lane to lane (its *step*): so a load
from ``pointer[2 * i + 1]`` is wide where ``i`` is the index of lanes, and one from ``pointer[k]`` is not. The body is
written once, for any number of lanes; a target renders the tail from it as well.

Indices are non-negative int64 values: ``+ - * // %`` of them are folded where they are known. Operators of other
values are ufuncs: all arithmetic has NumPy's results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from wengert.compiler.kernels.ir_builder import Builder

__all__ = [
    "BOOL",
    "INDEX",
    "INVALID",
    "Accumulator",
    "Block",
    "Form",
    "Index",
    "Pointer",
    "Register",
    "Statement",
    "Value",
    "tail_of",
]

INDEX, BOOL = np.dtype(np.int64), np.dtype(bool)
INVALID = 1  # FE_INVALID of <fenv.h>, on x86 and arm


class Statement:
    """A statement without a value.

    Attributes
    ----------
    op : str
        ``store``, ``update``, ``interleave``, ``set``, ``accumulate``, ``begin`` (an accumulator), ``zero``, ``copy``,
        ``inner loop``, ``foreign`` (a call), ``fence``; or with a body, ``loop``, ``lanes``, ``nest``, ``when``,
        ``block``.
    operands : tuple
        Values, and Python numbers.
    data : object
        What else belongs to the operation.
    body : list of Statement or None
    """

    __slots__ = ("body", "data", "op", "operands")

    def __init__(self, op: str, operands: tuple[Any, ...] = (), data: Any = None, body: Block | None = None) -> None:
        self.op, self.operands, self.data, self.body = op, operands, data, body


class Value(Statement):
    """A statement with a value.

    Attributes
    ----------
    op : str
        ``index`` (arithmetic), ``counter`` (of a loop), ``parameter``, ``load``, ``constant``, ``apply`` (a ufunc),
        ``function`` (one by its name), ``convert``, ``select``, ``fma``, ``get``, ``total``, ``lane reduction``,
        ``lanes below``, ``transpose``, ``row``; or with a pointer, ``operand``, ``scratch``, ``local``, ``table``,
        ``address``, ``differ``.
    dtype : dtype
        Of the value; of the elements, for a pointer.
    wide : bool
        Whether there is one for each lane.
    step : int
        What an index advances from lane to lane.
    """

    __slots__ = ("builder", "dtype", "step", "wide")

    def __init__(
        self, builder: Builder, op: str, dtype: Any, operands: tuple[Any, ...] = (), data: Any = None,
        wide: bool = False, step: int = 0,
    ) -> None:  # fmt: skip
        self.builder, self.op, self.dtype, self.operands, self.data = builder, op, dtype, operands, data
        self.wide, self.step, self.body = wide, step, None

    def __add__(self, other: Any) -> Any:
        return self.builder.arithmetic("add", np.add, self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self.builder.arithmetic("sub", np.subtract, self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.builder.arithmetic("sub", np.subtract, other, self)

    def __mul__(self, other: Any) -> Any:
        return self.builder.arithmetic("mul", np.multiply, self, other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        return self.builder.arithmetic("div", np.floor_divide, self, other)

    def __mod__(self, other: Any) -> Any:
        return self.builder.arithmetic("mod", np.remainder, self, other)


class Pointer(Value):
    """The address of an element: ``pointer[i]`` loads, ``pointer[i] = x`` stores, ``pointer.at(i)`` moves it."""

    __slots__ = ()

    def __getitem__(self, index: Index) -> Value:
        return self.builder.load(self, index)

    def __setitem__(self, index: Index, value: Any) -> None:
        self.builder.store(self, index, value)

    def at(self, index: Index) -> Pointer:
        """The pointer to an element."""
        if not isinstance(index, Value) and index == 0:
            return self
        return self.builder.pointer("address", self.dtype, (self, index))

    def cast(self, dtype: Any) -> Pointer:
        """The same address, of elements of another dtype."""
        return self if dtype == self.dtype else self.builder.pointer("address", np.dtype(dtype), (self, 0))


class Register:
    """A variable: a scalar, or a vector with an element for each lane."""

    __slots__ = ("builder", "dtype", "wide")

    def __init__(self, builder: Builder, dtype: Any, wide: bool) -> None:
        self.builder, self.dtype, self.wide = builder, dtype, wide

    def get(self) -> Value:
        """Its value now."""
        return self.builder.value("get", self.dtype, (), self, self.wide)

    def set(self, value: Any) -> None:
        self.builder.emit("set", (value,), self)


class Accumulator:
    """A reduction over the iterations of lanes loops: `width` lanes are accumulated at a time."""

    __slots__ = ("builder", "dtype", "start", "ufunc", "width")

    def __init__(self, builder: Builder, ufunc: Any, dtype: Any, start: Any, width: int) -> None:
        self.builder, self.ufunc, self.dtype, self.start, self.width = builder, ufunc, dtype, start, width

    def add(self, value: Value) -> None:
        """Accumulate a wide value."""
        self.builder.emit("accumulate", (value,), self)

    def total(self) -> Value:
        """The reduction of all that was accumulated."""
        return self.builder.value("total", self.dtype, (), self)


Block = list[Statement]
Index = Any  # an int, or a Value of dtype INDEX
Derived = list[tuple[int, int, int]]


class Form:
    """A function ``(p0, ..., pn, first, last, thread, scratch)``: the iterations from `first` up to `last`.

    Attributes
    ----------
    body : list of Statement
    pointers : sequence of int
        The numbers of the operands that are parameters, in order.
    derived : list of (int, int, int)
        Other operands: the number of each, and of the one from which it is at an offset in bytes.
    """

    __slots__ = ("body", "derived", "name", "pointers")

    def __init__(self, name: str, body: Block, pointers: Sequence[int], derived: Derived) -> None:
        self.name, self.body, self.pointers, self.derived = name, body, pointers, derived


def tail_of(start: int, rest: int, width: int, how: str) -> Iterator[tuple[int, int]]:
    """The vectors of the last `rest` iterations of a loop of lanes: the first iteration and the lanes of each."""
    done = 0
    while done < rest:
        if how == "one":
            width = 1
        elif how == "overlap" and start + rest >= width > rest - done:
            yield start + rest - width, width
            return
        while width > rest - done:
            width //= 2
        yield start + done, width
        done += width
