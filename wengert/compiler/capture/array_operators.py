"""The operators and attributes of traced arrays."""

from __future__ import annotations

import functools
from operator import attrgetter
from typing import Any

import numpy as np

from wengert.arrays.interface import BINARY, BITWISE, COMPARISONS, UNARY
from wengert.arrays.level import TRACED, level_of
from wengert.compiler.capture.frequent_calls import UNKNOWN, ufunc_call

__all__ = ["define_operators"]


def real_attribute(name: str) -> property:
    """An attribute of the real array."""
    get = attrgetter(name)

    def attribute(self: Any) -> Any:
        self.memory.used = True
        return get(self.value)

    return property(attribute)


def define_operators(kind: type) -> None:
    """Define the operators and attributes of an ndarray: each operator is its ufunc, in place with out=."""

    def make(ufunc: Any) -> tuple[Any, Any, Any]:
        def forward(self: Any, other: Any) -> Any:
            found = ufunc_call(self.tape, ufunc, (self, other))
            if found is not UNKNOWN:
                return found
            return ufunc(self, other) if level_of(other) <= TRACED else NotImplemented

        def reflected(self: Any, other: Any) -> Any:
            found = ufunc_call(self.tape, ufunc, (other, self))
            return found if found is not UNKNOWN else ufunc(other, self)

        def inplace(self: Any, other: Any) -> Any:
            if isinstance(self.value, np.generic):  # (immutable: `s += 1` makes another one)
                return forward(self, other)
            return ufunc(self, other, out=self)

        return forward, reflected, inplace

    for name, ufunc in (BINARY | BITWISE).items():
        forward, reflected, inplace = make(ufunc)
        if name != "pow":
            setattr(kind, f"__{name}__", forward)
        setattr(kind, f"__i{name}__", inplace)
        setattr(kind, f"__r{name}__", reflected)
    for name, ufunc in COMPARISONS.items():
        setattr(kind, f"__{name}__", make(ufunc)[0])
    for name, ufunc in UNARY.items():
        setattr(kind, f"__{name}__", functools.partialmethod(lambda self, u: u(self), ufunc))
    for name in ("shape", "dtype", "ndim", "size", "itemsize", "nbytes", "strides", "flags"):
        setattr(kind, name, real_attribute(name))
