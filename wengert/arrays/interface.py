"""The interface of an ndarray: operators, methods and attributes, each of them the NumPy call of its name.

Nothing here calculates. A kind of array inherits from `ArrayInterface`, answers NumPy's two protocols, and so has all
that an ndarray has. It is for values that are not written to; what would write into the array is refused.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from wengert.arrays.level import level_of
from wengert.arrays.lists import LISTS
from wengert.arrays.newer_numpy import unstack
from wengert.arrays.table import plain
from wengert.arrays.values import is_foreign

__all__ = ["BINARY", "BITWISE", "COMPARISONS", "CONSTANT", "UNARY"]
__all__ += ["ArrayInterface", "Operator", "between_arrays", "define_operators"]

# Python's operators, by the middle of their names: `x + y` is x.__add__(y), and y.__radd__(x) where x does not know y.
BINARY: dict[str, np.ufunc] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
    "mod": np.remainder, "matmul": np.matmul, "pow": np.power,
}  # fmt: skip
BITWISE: dict[str, np.ufunc] = {
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "lshift": np.left_shift,
    "rshift": np.right_shift,
}  # fmt: skip
COMPARISONS: dict[str, np.ufunc] = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip
CONSTANT = {name: name for name in (*BITWISE, *COMPARISONS)}  # those whose results have no derivative
UNARY: dict[str, np.ufunc] = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}

Operator = Callable[[Any, Any], Any]


def define_operators(kind: type, table: dict[str, Any], make: Callable[[Any], tuple[Operator, Operator]]) -> None:
    """Give a kind of array operators of its own: `make` returns the operator and its reflection."""
    for name, function in table.items():
        forward, reflected = make(function)
        setattr(kind, "_power" if name == "pow" else f"__{name}__", forward)  # __pow__ has shortcuts of its own
        if name not in COMPARISONS:  # the reflection of < is >, and Python knows that
            setattr(kind, f"__r{name}__", reflected)


def between_arrays(name: str) -> tuple[Operator, Operator]:
    """Make an operator between the arrays that are held in ``_data``, whose result is a constant."""
    op = getattr(operator, f"__{name}__")

    def array_of(other: Any) -> Any:
        return plain(other) if type(other) in LISTS or is_foreign(other) else getattr(other, "_data", other)

    def forward(self: Any, other: Any) -> Any:
        return op(self._data, array_of(other))

    def reflected(self: Any, other: Any) -> Any:
        return op(array_of(other), self._data)

    return forward, reflected


def _operator(ufunc: np.ufunc) -> tuple[Operator, Operator]:
    """Make the operator that is a ufunc, and its reflection; an array of a higher level answers in its own."""

    def forward(self: Any, other: Any) -> Any:
        return NotImplemented if level_of(other) > level_of(self) else ufunc(self, other)

    def reflected(self: Any, other: Any) -> Any:
        return ufunc(other, self)

    return forward, reflected


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make the method that is `function` with the array as its first argument."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = function.__name__
    method.__doc__ = f"The same as ``np.{function.__name__}(x, ...)``."
    return method


def _refused(name: str, instead: str) -> Callable[..., NoReturn]:
    """Make the method that would write into the array, and says what to call instead."""

    def method(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            f"x.{name}() of a {type(self).__name__} is not differentiated; "
            f"write {instead}, or change the array outside the graph, x.data.{name}()"
        )

    method.__name__ = name
    method.__doc__ = f"Refused. Write ``{instead}``."
    return method


def _writing(method: Any) -> Callable[..., None]:
    """Make the method of an ndarray that writes into the array, where the kind has an answer to it."""

    def write(self: Any, *args: Any, **kwargs: Any) -> None:
        self.__array_function__(method, (), (self, *args), kwargs)

    write.__name__ = method.__name__
    write.__doc__ = f"The same as ``ndarray.{method.__name__}``: writes into the array."
    return write


class ArrayInterface:
    """What a kind of array has of an ndarray's interface, over its answers to NumPy's protocols.

    A kind defines `shape`, `dtype`, ``__array_ufunc__``, ``__array_function__``, ``__array_level__``, and
    ``_concrete``, which says what happens where a Python number is made of it.
    """

    __slots__ = ()
    __pandas_priority__ = 10_000  # above those of tables and their columns, which leave an operator to the other then

    __array_level__: Any

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise NotImplementedError

    def _concrete(self, convert: Callable[[Any], Any], means: str = "") -> Any:
        """Return `convert` of the plain array, where that may be known.

        What is made of it `means` "a number" or "numbers", which then stand for the array; or nothing of the kind:
        a boolean, an index, text.
        """
        raise NotImplementedError

    __add__, __radd__ = _operator(np.add)
    __sub__, __rsub__ = _operator(np.subtract)
    __mul__, __rmul__ = _operator(np.multiply)
    __truediv__, __rtruediv__ = _operator(np.true_divide)
    __floordiv__, __rfloordiv__ = _operator(np.floor_divide)
    __mod__, __rmod__ = _operator(np.remainder)
    __matmul__, __rmatmul__ = _operator(np.matmul)
    _power, __rpow__ = _operator(np.power)
    __and__, __rand__ = _operator(np.bitwise_and)
    __or__, __ror__ = _operator(np.bitwise_or)
    __xor__, __rxor__ = _operator(np.bitwise_xor)
    __lshift__, __rlshift__ = _operator(np.left_shift)
    __rshift__, __rrshift__ = _operator(np.right_shift)
    __eq__, _ = _operator(np.equal)
    __ne__, _ = _operator(np.not_equal)
    __lt__, _ = _operator(np.less)
    __le__, _ = _operator(np.less_equal)
    __gt__, _ = _operator(np.greater)
    __ge__, _ = _operator(np.greater_equal)
    del _

    __neg__ = _method(np.negative)
    __pos__ = _method(np.positive)
    __abs__ = _method(np.absolute)
    __invert__ = _method(np.invert)

    def __pow__(self, other: Any) -> Any:
        # ndarray's own shortcuts, which round differently from np.power
        if type(other) in (int, float) and other in (2, 0.5):
            return self.__array_ufunc__(np.square if other == 2 else np.sqrt, "__call__", self)
        return self._power(other)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    # Python numbers.

    def __bool__(self) -> bool:
        return self._concrete(bool)  # type: ignore[no-any-return]

    def __float__(self) -> float:
        return self._concrete(float, "a number")  # type: ignore[no-any-return]

    def __int__(self) -> int:
        return self._concrete(int, "a number")  # type: ignore[no-any-return]

    def __complex__(self) -> complex:
        return self._concrete(complex, "a number")  # type: ignore[no-any-return]

    def __index__(self) -> int:
        return self._concrete(operator.index)  # type: ignore[no-any-return]

    def item(self, *args: Any) -> Any:
        return self._concrete(lambda array: array.item(*args), "numbers")

    def tolist(self) -> Any:
        return self._concrete(lambda array: array.tolist(), "numbers")

    def tobytes(self, order: Any = "C") -> bytes:
        return self._concrete(lambda array: array.tobytes(order), "numbers")  # type: ignore[no-any-return]

    def __dlpack__(self, **options: Any) -> Any:
        """The array for other libraries, as ``torch.from_dlpack(x.detach())``: they share the memory."""
        return self._concrete(lambda array: array.__dlpack__(**options), "a buffer")

    def __dlpack_device__(self) -> Any:
        return self._concrete(lambda array: array.__dlpack_device__())

    def __contains__(self, value: Any) -> bool:
        return self._concrete(lambda array: getattr(value, "_data", value) in array)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        kind, name = type(self).__name__ + "(", getattr(self, "name", None)
        text = self._concrete(lambda array: "array(None)" if array is None else repr(array))
        text = text.replace("array(", kind, 1).replace("\n", "\n" + " " * (len(kind) - 6))
        return text if name is None else f"{text[:-1]}, name={name!r})"

    def __str__(self) -> str:
        return self._concrete(str)  # type: ignore[no-any-return]

    def __format__(self, spec: str) -> str:
        return self._concrete(lambda array: format(array, spec))  # type: ignore[no-any-return]

    # Indexing.

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        return self.__array_function__(operator.getitem, (), (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        self.__array_function__(operator.setitem, (), (self, index, value), {})

    def __iter__(self) -> Iterator[Any]:
        if getattr(self, "_data", self) is None:
            raise TypeError(f"iteration over a {type(self).__name__} of no value")
        if self.ndim == 0:
            raise TypeError(f"iteration over a 0-d {type(self).__name__}")
        return iter(unstack(self))

    # Attributes of the array.

    @property
    def shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    @property
    def dtype(self) -> np.dtype[Any]:
        raise NotImplementedError

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        raise NotImplementedError

    @property
    def T(self) -> Any:
        return np.transpose(self)  # type: ignore[call-overload]

    @property
    def mT(self) -> Any:
        return np.matrix_transpose(self)  # type: ignore[call-overload]

    @property
    def real(self) -> Any:
        return np.real(self)

    @property
    def imag(self) -> Any:
        return np.imag(self)

    # Methods: what NumPy's function of the same name does.

    all = _method(np.all)
    any = _method(np.any)
    argmax = _method(np.argmax)
    argmin = _method(np.argmin)
    argpartition = _method(np.argpartition)
    argsort = _method(np.argsort)
    choose = _method(np.choose)
    clip = _method(np.clip)
    copy = _method(np.copy)
    cumprod = _method(np.cumprod)
    cumsum = _method(np.cumsum)
    diagonal = _method(np.diagonal)
    dot = _method(np.dot)
    max = _method(np.max)
    mean = _method(np.mean)
    min = _method(np.min)
    nonzero = _method(np.nonzero)
    prod = _method(np.prod)
    ravel = _method(np.ravel)
    repeat = _method(np.repeat)
    round = _method(np.round)
    searchsorted = _method(np.searchsorted)
    squeeze = _method(np.squeeze)
    std = _method(np.std)
    sum = _method(np.sum)
    swapaxes = _method(np.swapaxes)
    take = _method(np.take)
    trace = _method(np.trace)
    var = _method(np.var)

    def astype(self, dtype: Any, **kwargs: Any) -> Any:
        """Convert: a Variable where `dtype` is real or complex, else a plain array."""
        return np.astype(self, np.dtype(dtype), **kwargs)  # type: ignore[call-overload]

    def compress(self, condition: Any, axis: Any = None) -> Any:
        """The same as ``np.compress(condition, x, axis)``."""
        return np.compress(condition, self, axis)  # type: ignore[call-overload]

    def conjugate(self) -> Any:
        """The same as ``np.conjugate(x)``; of real numbers ``x`` itself, as an ndarray's method gives."""
        return np.conjugate(self) if self.dtype.kind == "c" else self

    conj = conjugate

    def flatten(self, order: Any = "C") -> Any:
        """A copy in one dimension."""
        return np.copy(np.ravel(self, order))  # type: ignore[call-overload]

    def reshape(self, *shape: Any, order: Any = "C") -> Any:
        """The same as ``np.reshape(x, shape)``; the lengths may be given one by one."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)  # type: ignore[call-overload]

    def transpose(self, *axes: Any) -> Any:
        """The same as ``np.transpose(x, axes)``; the axes may be given one by one."""
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) if axes else None)  # type: ignore[call-overload]

    @property
    def _mask(self) -> NoReturn:
        # np.ma asks everything for its mask and its `_data`, and would calculate with that outside the graph.
        raise TypeError("np.ma of a Variable would silently leave the graph; write np.where(mask, x, 0), or x.data")

    fill = _writing(np.ndarray.fill)
    partition = _writing(np.ndarray.partition)
    put = _method(np.put)
    sort = _writing(np.ndarray.sort)
    resize = _refused("resize", "np.reshape(x, shape) for the same size, np.resize(x, shape) for another")
    setfield = _refused("setfield", "x[...] = v, or x.real[...] = v")
