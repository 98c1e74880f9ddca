"""Number: a traced Python number, an input of a plan or computed by it, with the type promotion of Python numbers."""

from __future__ import annotations

import math
import numbers
import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.interface import BINARY, BITWISE, COMPARISONS
from wengert.arrays.level import TRACED, level_of
from wengert.checks.frames import NUMPY_FILES, OUR_FILES
from wengert.compiler.capture.memory import Memory
from wengert.compiler.capture.python_numbers import to_python_number
from wengert.compiler.capture.tape import Tape
from wengert.compiler.capture.traced_array import Traced, defers
from wengert.compiler.graph.calls import calling
from wengert.compiler.graph.graph import Node, Slot
from wengert.writes.stand_ins import MATH_FUNCTIONS

__all__ = ["MOST_OF_INPUT", "Number"]

MOST_OF_INPUT = 2**31  # of an int that is an input: most of what is computed with such takes no more than 64 bits
MOST = 2**62  # of any int
BITS = (np.bitwise_and, np.bitwise_or, np.bitwise_xor)


class Number:
    """A traced float or int.

    Arithmetic with Python numbers gives another one; with arrays, an array. An index of an array makes a gather. A
    comparison is a guard on its outcome; where the value itself is needed (``math.sqrt``, ``range``), it is a guard on
    the value.

    Attributes
    ----------
    limit : int
        Of an int: the largest absolute value that it can have at any call.
    """

    __slots__ = ("__weakref__", "limit", "memory", "tape", "token", "value")
    __array_level__ = TRACED

    def __init__(self, tape: Tape, value: Any, memory: Memory) -> None:
        self.tape, self.value, self.memory = tape, value, memory
        self.limit = MOST
        memory.used = True
        self.token = tape.token
        tape.count += 1

    @property  # type: ignore[misc]  # read-only
    def __class__(self) -> Any:
        frame: Any = sys._getframe(1)
        name = (frame.f_back if frame.f_code.co_filename == "<frozen abc>" else frame).f_code.co_filename
        return Number if name.startswith((OUR_FILES + "compiler", NUMPY_FILES)) else type(self.value)

    @property
    def node(self) -> Node:
        """The node of its value."""
        return self.memory.node

    __array_ufunc__ = Traced.__array_ufunc__
    __array_function__ = Traced.__array_function__
    _into = Traced._into
    _mutate = Traced._mutate
    _assign = Traced._assign

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def __float__(self) -> float:
        return to_python_number(self, float)  # type: ignore[no-any-return]

    def __int__(self) -> int:
        return to_python_number(self, int)  # type: ignore[no-any-return]

    def __index__(self) -> int:
        if type(self.value) is float:
            raise TypeError("'float' object cannot be interpreted as an integer")
        return to_python_number(self, operator.index)  # type: ignore[no-any-return]

    __trunc__ = __int__

    def __complex__(self) -> complex:
        return complex(self._guarded())

    def __bool__(self) -> bool:
        outcome = bool(self.value)
        if not self.tape.off:
            self.tape.guard(Node("call", (self.node,), calling(bool), (), np.bool_), outcome)
        return outcome

    def _guarded(self) -> Any:
        """The number itself, with a guard: the plan is for this value."""
        self.tape.guard(self.node, self.value)
        return self.value

    def __hash__(self) -> int:
        return hash(self._guarded())

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return np.asarray(self._guarded(), *args)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self.value), (self._guarded(),)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __repr__(self) -> str:
        return repr(self._guarded())

    def __str__(self) -> str:
        return str(self._guarded())

    def __format__(self, spec: str) -> str:
        return format(self._guarded(), spec)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(self.value, name):
            raise AttributeError(f"{type(self.value).__name__!r} object has no attribute {name!r}")
        return getattr(self._guarded(), name)  # (is_integer, hex, real)

    def as_array(self) -> Traced:
        """An array of the number, as np.array makes it."""
        return Traced.as_array(self)  # type: ignore[arg-type,no-any-return]

    def look(self) -> Any:
        """Return the number, for a decision that holds for all values, or that a later guard makes sure of."""
        return self.value

    def conjugate(self) -> Any:
        return self  # (it is real; a product with a Variable asks for it)

    def mathematics(self, function: Any, args: tuple[Any, ...]) -> Any:
        """What a function of ``math`` gives; there are guards of what it raises for."""
        return mathematics(self.tape, function, args)

    def __round__(self, digits: Any = None) -> Any:
        return round(self._guarded(), digits)

    def __floor__(self) -> int:
        return math.floor(self._guarded())  # type: ignore[no-any-return]

    def __ceil__(self) -> int:
        return math.ceil(self._guarded())  # type: ignore[no-any-return]

    def _limit(self) -> int:
        """The limit; that of an element of an array is guarded."""
        if type(self.value) is int and self.limit == MOST and abs(self.value) <= MOST_OF_INPUT:
            self.tape.guard(self._where(np.greater_equal, -MOST_OF_INPUT), True)
            self.tape.guard(self._where(np.less_equal, MOST_OF_INPUT), True)
            self.limit = MOST_OF_INPUT
        return self.limit

    def _tape(self, *parts: Any) -> Tape:
        """The tape that records what is computed with these: one of another call may be left in a cache."""
        return next((x.tape for x in parts if type(x) is Number and not x.tape.off), self.tape)

    def _compute(self, ufunc: Any, python: Callable[..., Any], a: Any, b: Any = None) -> Any:
        """Compute with Python numbers, and record the ufunc."""
        tape = self._tape(a, b)
        parts = [known(x, tape) for x in ([a] if b is None else [a, b])]
        values = [x.value if type(x) is Number else x for x in parts]
        result = python(*values)
        if tape.off:
            return result
        # (Where Python raises, or returns another type, a ufunc does not: guards exclude these cases.)
        if ufunc in (np.true_divide, np.floor_divide, np.remainder) and type(parts[1]) is Number:
            tape.guard(parts[1]._where(np.not_equal, 0), True)
        limits: list[Any] = [0] * len(parts)
        if type(result) is int:
            limits = [x._limit() if type(x) is Number else abs(x) for x in parts]
        if ufunc is np.power:
            limits = self._limits_of_power(values, parts, limits)
        limit = limit_of(ufunc, limits) if type(result) is int and limits else 0
        if not limits or type(result) not in (float, int) or limit > MOST:
            return python(*(x._guarded() if type(x) is Number else x for x in parts))
        if type(result) is float:  # (in which ints are computed, too)
            parts = [x if type(x) is not int else float(x) for x in parts]
        nodes = tuple(as_float(x) if type(result) is float else x.node for x in parts if type(x) is Number)
        indices = iter(range(len(nodes)))
        arguments = tuple(Slot(next(indices)) if type(x) is Number else x for x in parts)
        node = Node("call", nodes, calling(ufunc, *arguments), (), np.dtype(type(result)), (), True)
        found = Number(tape, result, Memory(result, node))
        found.limit = limit
        return found

    def _limits_of_power(self, values: list[Any], parts: list[Any], limits: list[Any]) -> list[Any]:
        """The limits of a base and its exponent, where guards see to it that the power is of this type, and raises
        nothing; empty if there are none.
        """
        base, exponent = values
        if type(exponent) is int and type(parts[1]) is int and exponent >= 0:
            return limits
        if type(base) is int and type(exponent) is int:
            most = MOST.bit_length() // base.bit_length() - 1 if base > 0 else -1
            if type(parts[0]) is Number or not 0 <= exponent <= most:
                return []
            parts[1].tape.guard(parts[1]._where(np.greater_equal, 0), True)
            parts[1].tape.guard(parts[1]._where(np.less_equal, most), True)
            return [base, most]
        if base <= 0:
            return []
        if type(parts[0]) is Number:
            parts[0].tape.guard(parts[0]._where(np.greater, 0), True)
        return limits

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __neg__(self) -> Any:
        return self._compute(np.negative, operator.neg, self)

    def __pos__(self) -> Any:
        return self

    def __invert__(self) -> Any:
        return self._compute(np.subtract, operator.sub, -1, self) if type(self.value) is int else ~self._guarded()

    def __abs__(self) -> Any:
        return self._compute(np.absolute, abs, self)

    def _where(self, ufunc: Any, number: Any) -> Node:
        return Node("call", (self.node,), calling(ufunc, Slot(0), number), (), np.bool_)

    def _compare(self, ufunc: Any, python: Callable[..., bool], other: Any) -> Any:
        if type(other) is Traced or defers(other) or isinstance(other, (np.ndarray, np.generic)):
            return NotImplemented if defers(other) else ufunc(self, other)
        if type(other) not in (Number, float, int, bool):
            return python(self._guarded(), other)
        tape = self._tape(self, other)
        parts = [known(x, tape) for x in (self, other)]
        outcome = python(*(x.value if type(x) is Number else x for x in parts))
        if not tape.off:
            nodes = tuple(x.node for x in parts if type(x) is Number)
            indices = iter(range(len(nodes)))
            arguments = tuple(Slot(next(indices)) if type(x) is Number else x for x in parts)
            tape.guard(Node("call", nodes, calling(ufunc, *arguments), (), np.bool_), outcome)
        return outcome


def known(x: Any, tape: Tape) -> Any:
    """The number itself of one that another tape has recorded."""
    return x.value if type(x) is Number and x.tape is not tape else x


def as_float(number: Number) -> Node:
    """The node of a number as a float."""
    node = number.node
    return node if node.dtype == np.dtype(float) else Node("convert", (node,), {}, (), np.dtype(float), (), True)


def mathematics(tape: Tape, function: Any, args: tuple[Any, ...]) -> Any:
    """Call a function of ``math``, and record the ufunc that gives the same."""
    values = [x.value if level_of(x) == TRACED else x for x in args]
    result = function(*(x.item() if isinstance(x, (np.ndarray, np.generic)) and x.size == 1 else x for x in values))
    plain = all(type(x) in (Number, Traced, int, float) for x in args)
    ufunc = MATH_FUNCTIONS[function]
    if tape.off or not plain or len(args) != ufunc.nin or not math.isfinite(result):
        return function(*args)  # (guards of their values)
    traced = [x for x in args if level_of(x) == TRACED]
    operands = tuple([Node("convert", (x.node,), {}, (), np.dtype(float)) for x in traced if np.size(x.value) == 1])
    indices = iter(range(len(operands)))
    arguments = tuple(Slot(next(indices)) if level_of(x) == TRACED else float(x) for x in args)
    node = Node("call", operands, calling(ufunc, *arguments), (), np.dtype(float), (), True, tape.line())
    found = Number(tape, result, Memory(result, node))
    tape.guard(Node("call", (node,), calling(np.isfinite), (), np.bool_), True)
    return found


def limit_of(ufunc: Any, limits: list[int]) -> Any:
    """The largest absolute value of what a ufunc makes of ints with such limits."""
    first, last = limits[0], limits[-1]
    if ufunc in (np.add, np.subtract):
        return first + last
    if ufunc is np.power:
        return int(first**last) if last <= MOST.bit_length() or first <= 1 else MOST + 1
    if ufunc in BITS:
        return 2 ** max(first, last).bit_length()
    if ufunc is np.remainder:
        return last
    if ufunc in (np.negative, np.absolute, np.floor_divide, np.right_shift):
        return first
    return first * last if ufunc is np.multiply else MOST + 1


def _operators() -> None:
    def make(ufunc: Any, python: Any) -> tuple[Any, Any]:
        def forward(self: Any, other: Any) -> Any:
            if type(other) in (Number, float, int, bool):
                return self._compute(ufunc, python, self, other)
            if defers(other):
                return NotImplemented
            if isinstance(other, (Traced, np.ndarray, np.generic)):
                return ufunc(self, other)
            return python(self._guarded(), other)

        def reflected(self: Any, other: Any) -> Any:
            if type(other) in (float, int, bool):
                return self._compute(ufunc, python, other, self)
            if isinstance(other, (np.ndarray, np.generic)):
                return ufunc(other, self)
            return python(other, self._guarded())

        return forward, reflected

    for name, ufunc in (BINARY | BITWISE).items():
        if name == "matmul":
            continue
        forward, reflected = make(ufunc, getattr(operator, f"{name}_" if name in ("and", "or") else name))
        setattr(Number, f"__{name}__", forward)
        setattr(Number, f"__r{name}__", reflected)
    for name, ufunc in COMPARISONS.items():
        python = getattr(operator, name)

        def compare(self: Any, other: Any, ufunc: Any = ufunc, python: Any = python) -> Any:
            return self._compare(ufunc, python, other)

        setattr(Number, f"__{name}__", compare)


_operators()
numbers.Number.register(Number)
