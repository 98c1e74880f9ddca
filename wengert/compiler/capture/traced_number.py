"""Number: a traced Python number, an input of a plan or computed by it, with the type promotion of Python numbers."""

from __future__ import annotations

import math
import numbers
import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.interface import BINARY, COMPARISONS
from wengert.arrays.level import TRACED
from wengert.checks.frames import NUMPY_FILES, OUR_FILES
from wengert.compiler.capture.memory import Memory
from wengert.compiler.capture.python_numbers import to_python_number
from wengert.compiler.capture.tape import Tape
from wengert.compiler.capture.traced_array import Traced, defers
from wengert.compiler.graph.calls import calling
from wengert.compiler.graph.graph import Node, Slot

__all__ = ["Number"]


class Number:
    """A traced float or int.

    Arithmetic with Python numbers gives another one; with arrays, an array. A comparison is a guard on its outcome;
    where the value itself is needed (``math.sqrt``, an index), it is a guard on the value.
    """

    __slots__ = ("__weakref__", "memory", "tape", "token", "value")
    __array_level__ = TRACED

    def __init__(self, tape: Tape, value: Any, memory: Memory) -> None:
        self.tape, self.value, self.memory = tape, value, memory
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
        return to_python_number(self, int)  # type: ignore[no-any-return]

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

    def look(self) -> Any:
        """Return the number, for a decision that holds for all values, or that a later guard makes sure of."""
        return self.value

    def conjugate(self) -> Any:
        return self  # (it is real; a product with a Variable asks for it)

    def __round__(self, digits: Any = None) -> Any:
        return round(self._guarded(), digits)

    def __floor__(self) -> int:
        return math.floor(self._guarded())  # type: ignore[no-any-return]

    def __ceil__(self) -> int:
        return math.ceil(self._guarded())  # type: ignore[no-any-return]

    def _compute(self, ufunc: Any, python: Callable[..., Any], a: Any, b: Any = None) -> Any:
        """Compute with Python numbers, and record the ufunc."""
        parts = [a] if b is None else [a, b]
        values = [x.value if type(x) is Number else x for x in parts]
        result = python(*values)
        tape = self.tape
        if tape.off:
            return result
        # (Where Python raises, or returns another type, a ufunc does not: guards exclude these cases.)
        if ufunc in (np.true_divide, np.floor_divide, np.remainder) and type(b) is Number:
            tape.guard(b._where(np.not_equal, 0), True)
        if ufunc is np.power and not self._can_raise(values, parts):
            return python(*(x._guarded() if type(x) is Number else x for x in parts))
        if type(result) not in (float, int) or (type(result) is int and not -(2**62) < result < 2**62):
            return python(*(x._guarded() if type(x) is Number else x for x in parts))
        nodes = tuple(x.node for x in parts if type(x) is Number)
        indices = iter(range(len(nodes)))
        arguments = tuple(Slot(next(indices)) if type(x) is Number else x for x in parts)
        node = Node("call", nodes, calling(ufunc, *arguments), (), np.dtype(type(result)), (), True)
        return Number(tape, result, Memory(result, node))

    def _can_raise(self, values: list[Any], parts: list[Any]) -> bool:
        """Whether a power is one of floats, and is for other values of the same sign."""
        base, exponent = values
        if type(base) is int and type(exponent) is int:
            return False
        if type(parts[0]) is Number:
            if base <= 0:
                return False
            self.tape.guard(parts[0]._where(np.greater, 0), True)
        return bool(base > 0)

    def __neg__(self) -> Any:
        return self._compute(np.negative, operator.neg, self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self._compute(np.absolute, abs, self)

    def _where(self, ufunc: Any, number: Any) -> Node:
        return Node("call", (self.node,), calling(ufunc, Slot(0), number), (), np.bool_)

    def _compare(self, ufunc: Any, python: Callable[..., bool], other: Any) -> Any:
        if type(other) is Traced or defers(other) or isinstance(other, (np.ndarray, np.generic)):
            return NotImplemented if defers(other) else ufunc(self, other)
        if type(other) not in (Number, float, int, bool):
            return python(self._guarded(), other)
        value = other.value if type(other) is Number else other
        outcome = python(self.value, value)
        if not self.tape.off:
            nodes = (self.node, other.node) if type(other) is Number else (self.node,)
            arguments = (Slot(0), Slot(1) if type(other) is Number else other)
            self.tape.guard(Node("call", nodes, calling(ufunc, *arguments), (), np.bool_), outcome)
        return outcome


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

    for name, ufunc in BINARY.items():
        if name == "matmul":
            continue
        forward, reflected = make(ufunc, getattr(operator, name))
        setattr(Number, f"__{name}__", forward)
        setattr(Number, f"__r{name}__", reflected)
    for name, ufunc in COMPARISONS.items():
        python = getattr(operator, name)

        def compare(self: Any, other: Any, ufunc: Any = ufunc, python: Any = python) -> Any:
            return self._compare(ufunc, python, other)

        setattr(Number, f"__{name}__", compare)


_operators()
numbers.Number.register(Number)
