"""Batched: the arrays of all examples as one, and how a NumPy call with it is answered."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.batches import Level
from wengert.arrays.decisions import holds, is_finite
from wengert.arrays.interface import BINARY, BITWISE, COMPARISONS, ArrayInterface, Operator, define_operators
from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.lists import FOREIGN
from wengert.arrays.table import half_read, read_late_tables
from wengert.arrays.values import array_of_foreign, is_foreign
from wengert.checks.advice import as_operand
from wengert.checks.errors import BatchError
from wengert.checks.refusals import name_of

__all__ = ["RULES", "UFUNC_RULES", "Batched", "NoRule", "is_mapped", "strip", "with_axes", "wrap"]

# How functions take Batched arrays: RULES[function](level, function, args, kwargs), where one of `args` and `kwargs` is
# mapped at the level; UFUNC_RULES by (ufunc, method), or by method alone. Functions in no table run as a loop.
RULES: dict[Any, Callable[..., Any]] = {}
UFUNC_RULES: dict[Any, Callable[..., Any]] = {}
fallback: dict[str, Callable[..., Any]] = {}  # "function", "ufunc": what answers calls that have no rule


class NoRule(Exception):
    """A rule does not know such arguments: the call runs as a loop over the examples."""


class Batched(ArrayInterface):
    """The arrays of all examples of a vmap: `value` has them along its first axis, unless all are the same.

    Attributes
    ----------
    level : Level
        The vmap that it is of.
    value : array
        Of a lower level: an ndarray, a traced array, or one of an outer vmap.
    mapped : bool
        Whether the first axis of `value` is that of the examples. If not, it is the array of each of them.
    """

    __slots__ = ("__weakref__", "level", "mapped", "of_any", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, level: Level, value: Any, mapped: bool) -> None:
        self.level, self.value, self.mapped = level, value, mapped
        self.of_any = False  # whether it says that a condition holds for any element: see `holds`

    @property
    def __array_level__(self) -> int:
        return self.level.number

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.value.shape
        return shape[1:] if self.mapped else shape

    @property
    def ndim(self) -> int:
        ndim: int = self.value.ndim
        return ndim - 1 if self.mapped else ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.value.dtype  # type: ignore[no-any-return]

    @property
    def strides(self) -> tuple[int, ...]:
        strides: tuple[int, ...] = self.value.strides
        return strides[1:] if self.mapped else strides

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        first = innermost(self, args, kwargs)
        if first is not self:
            return first if first is NotImplemented else first.__array_ufunc__(ufunc, method, *args, **kwargs)
        level, args = self.level, tuple([array_of_foreign(x) if is_foreign(x) else x for x in args])
        if kwargs:
            out = kwargs.pop("out", None)
            if out is not None and any(o is not None for o in (out if type(out) is tuple else (out,))):
                return into(level, ufunc, method, args, kwargs, out)
        rule = UFUNC_RULES.get((ufunc, method)) or UFUNC_RULES.get(method, fallback["ufunc"])
        try:
            return rule(level, ufunc, args, kwargs)
        except NoRule:
            return fallback["ufunc"](level, ufunc if method == "__call__" else getattr(ufunc, method), args, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        first = innermost(self, args, kwargs)
        if first is not self:
            return first if first is NotImplemented else first.__array_function__(func, types, args, kwargs)
        level = self.level
        if any(map(is_foreign, (*args, *kwargs.values()))):
            args = [array_of_foreign(x) if is_foreign(x) else x for x in args]
            kwargs = {name: array_of_foreign(x) if is_foreign(x) else x for name, x in kwargs.items()}
        if kwargs.get("out") is not None:
            kwargs = {**kwargs}
            return into(level, func, "__call__", args, kwargs, kwargs.pop("out"))
        rule = RULES.get(func)
        if rule is None or half_read:
            read_late_tables()
            rule = RULES.get(func)
        try:
            if rule is not None:
                return rule(level, func, args, kwargs)
        except (NoRule, BatchError):
            pass
        return fallback["function"](level, func, args, kwargs, rule is not None)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.mapped:
            return np.array(self.value, *args, **{"copy": None, **kwargs})
        operand = as_operand(self, sys._getframe(1))
        if operand is not None:
            return operand
        raise BatchError(
            "an array under vmap, which stands for those of all examples, cannot be converted to an ndarray "
            "(np.asarray, np.array, or a function that calls it); write np.stack of a list of such arrays, "
            "np.take(a, i, axis=0) for a[i] with an index i of each example, and call a function of another library "
            "as wengert.dispatched(function)"
        )

    # A Python number would be that of one example.

    def _concrete(self, convert: Callable[[Any], Any], means: str = "") -> Any:
        if self.mapped:
            raise BatchError(
                "a Python number, boolean or index of an array under vmap would be that of one example; write "
                "np.where(condition, a, b) in the place of a branch, array functions (np.floor, np.arange(n) < x) in "
                "the place of numbers, and x[i + np.arange(n)] in the place of x[i:i+n]"
            )
        return convert(self.value)

    def __repr__(self) -> str:
        kind = f"{self.level.size} examples of " if self.mapped else ""
        return f"Batched({kind}shape {self.shape}, dtype {self.dtype}: {self.value!r})"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __setitem__(self, index: Any, value: Any) -> None:
        if level_of(value) > self.level.number:
            raise TypeError(
                "an array under vmap does not take Variables, or arrays of a newer vmap, as its elements; join values "
                "by np.stack or np.concatenate, or choose by np.where"
            )
        super().__setitem__(index, value)

    @property
    def flags(self) -> Any:
        value = self.value
        return (value[0] if self.mapped and len(value) else value).flags

    def holds(self) -> bool:
        """Whether a condition holds for all examples; one that was made by ``np.any``, for any of them."""
        return holds(np.any(self.value) if self.of_any else np.all(self.value))

    def is_finite(self) -> bool:
        """Whether the sums of all examples are finite."""
        return is_finite(np.sum(self.value))

    def elementwise(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call an elementwise function on the arrays of all examples, which have one shape."""
        return Batched(self.level, function(*[x.value for x in args]), self.mapped)

    def read_only(self) -> Any:
        return self

    def astype(self, dtype: Any, copy: bool = True, **kwargs: Any) -> Any:
        dtype = np.dtype(dtype)
        if not copy and dtype == self.dtype:
            return self
        return Batched(self.level, self.value.astype(dtype), self.mapped)

    def conjugate(self) -> Any:
        return Batched(self.level, np.conjugate(self.value), self.mapped) if self.dtype.kind == "c" else self

    conj = conjugate

    def view(self) -> Any:
        return Batched(self.level, self.value, self.mapped)

    def __copy__(self) -> Any:
        return np.copy(self)

    def __deepcopy__(self, memo: Any) -> Any:
        return np.copy(self)


def innermost(first: Batched, args: Any, kwargs: Any = None) -> Any:
    """Return which of the Batched arrays in a call answers it, that of the newest vmap; NotImplemented for others.

    NumPy asks one array of each type.
    """
    number = first.level.number
    for x in (*args, *kwargs.values()) if kwargs else args:
        if type(x) is Batched:
            if x.level.number > number:
                first, number = x, x.level.number
        elif isinstance(x, (list, tuple)):
            first = innermost(first, x)
            if first is NotImplemented:
                return first
            number = first.level.number
        elif level_of(x) > number:
            return NotImplemented
    return first


def _operator(ufunc: np.ufunc) -> tuple[Operator, Operator]:
    def forward(self: Any, other: Any) -> Any:
        return self.__array_ufunc__(ufunc, "__call__", self, other)

    def reflected(self: Any, other: Any) -> Any:
        return self.__array_ufunc__(ufunc, "__call__", other, self)

    if ufunc not in (np.matmul, np.multiply):
        return forward, reflected

    def product(self: Any, other: Any) -> Any:
        found = foreign(ufunc, self, other, other)
        return forward(self, other) if found is None else found

    def reflected_product(self: Any, other: Any) -> Any:
        found = foreign(ufunc, other, self, other)
        return reflected(self, other) if found is None else found

    return product, reflected_product


def foreign(ufunc: np.ufunc, a: Any, b: Any, other: Any) -> Any:
    """Answer a product with a matrix of another library by what is registered for it; None for all other operands."""
    if isinstance(other, (Batched, np.ndarray, np.generic, float, int, complex, list, tuple)):
        return None
    if hasattr(other, "__array_function__"):
        return None
    read_late_tables()
    found = FOREIGN[ufunc]((a, b)) if ufunc in FOREIGN else NotImplemented
    return None if found is NotImplemented and getattr(other, "__array_ufunc__", "any") is not None else found


def _in_place(ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    def operate(self: Any, other: Any) -> Any:
        y = ufunc(self, other)
        if self.ndim == 0 or level_of(y) == RECORDED:  # (NumPy makes another number, and Variables another array)
            return y
        if y.dtype != self.dtype and not np.can_cast(y.dtype, self.dtype, "same_kind"):
            raise TypeError(f"{name_of(ufunc)} cannot write {y.dtype} into an array of {self.dtype}; convert it first")
        self[...] = y
        return self

    return operate


for _table in (BINARY, BITWISE, COMPARISONS):
    define_operators(Batched, _table, _operator)
for _name, _ufunc in (*BINARY.items(), *BITWISE.items()):
    setattr(Batched, f"__i{_name}__", _in_place(_ufunc))


def is_mapped(x: Any, level: Level) -> bool:
    """Whether `x` has another array for each example of a vmap."""
    return type(x) is Batched and x.level is level and x.mapped


def strip(x: Any, level: Level) -> Any:
    """Return the array of all examples that `x` holds; anything else as it is."""
    return x.value if type(x) is Batched and x.level is level else x


def with_axes(value: Any, ndim: int) -> Any:
    """Give the array of each example, of which `value` holds all, leading axes of length 1: `ndim` axes at least."""
    missing = ndim + 1 - value.ndim
    return value if missing <= 0 else value.reshape(value.shape[:1] + (1,) * missing + value.shape[1:])


def wrap(level: Level, y: Any, mapped: bool) -> Any:
    """Make Batched arrays of the arrays in a result."""
    if type(y) is np.ndarray:
        return Batched(level, y, mapped)
    if isinstance(y, (tuple, list)):
        parts = [wrap(level, part, mapped) for part in y]
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)
    if isinstance(y, np.generic) or level_of(y) or hasattr(y, "__array_function__"):
        return Batched(level, y, mapped)
    return y


def into(level: Level, function: Any, method: str, args: Any, kwargs: Any, out: Any) -> Any:
    """Compute a result, and write it into the arrays `out`."""
    outs = out if type(out) is tuple else (out,)
    for o in outs:
        if o is not None and not (type(o) is Batched and o.level is level and o.mapped):
            raise TypeError(
                f"out= of {name_of(function)} under vmap must be an array under the same vmap, made by np.zeros_like "
                f"of one of its arrays, but got {type(o).__name__}; leave it out"
            )
    where = kwargs.pop("where", True)
    if method == "at":
        raise TypeError(f"{name_of(function)}.at under vmap takes arrays as wengert.functions.scatter does; write that")
    found = (function if method == "__call__" else getattr(function, method))(*args, **kwargs)
    results = found if isinstance(found, tuple) else (found,)
    for o, y in zip(outs, results, strict=False):
        if o is not None:
            o[...] = y if where is True else np.where(where, y, o)
    made = tuple(y if o is None else o for o, y in zip(outs, results, strict=False))
    return made if isinstance(found, tuple) else made[0]
