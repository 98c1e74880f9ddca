"""The operators, methods and properties of an ndarray, each of them the NumPy call of its name.

Nothing here calculates: an operator is its ufunc, a method the function of its name, which find
their derivatives in the table. What would write into the array is refused.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

__all__ = ["ArrayMethods"]


def _value(other: Any) -> Any:
    return getattr(other, "_data", other)


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
            f"a Variable is not written to, because the graph has recorded its value: "
            f"x.{name}(); write {instead}, or change the array outside the graph, x.data.{name}()"
        )

    method.__name__ = name
    method.__doc__ = f"Refused: writes into the array. Write ``{instead}``."
    return method


class ArrayMethods:
    """What a Variable has of an ndarray's interface, over ``_data`` and ``__array_ufunc__``."""

    __slots__ = ()

    _data: Any

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise NotImplementedError

    # Operators ask the protocol directly: the answer of `np.add(x, y)`, without the way through NumPy.

    def __add__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.add, "__call__", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.add, "__call__", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.subtract, "__call__", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.subtract, "__call__", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.multiply, "__call__", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.multiply, "__call__", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.true_divide, "__call__", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.true_divide, "__call__", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.floor_divide, "__call__", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.floor_divide, "__call__", other, self)

    def __mod__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.remainder, "__call__", self, other)

    def __rmod__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.remainder, "__call__", other, self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __matmul__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.matmul, "__call__", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.matmul, "__call__", other, self)

    def __pow__(self, other: Any) -> Any:
        # ndarray's own shortcuts, which round differently from np.power
        if type(other) in (int, float) and other in (2, 0.5):
            return self.__array_ufunc__(np.square if other == 2 else np.sqrt, "__call__", self)
        return self.__array_ufunc__(np.power, "__call__", self, other)

    def __rpow__(self, other: Any) -> Any:
        return self.__array_ufunc__(np.power, "__call__", other, self)

    def __neg__(self) -> Any:
        return self.__array_ufunc__(np.negative, "__call__", self)

    def __pos__(self) -> Any:
        return self.__array_ufunc__(np.positive, "__call__", self)

    def __abs__(self) -> Any:
        return self.__array_ufunc__(np.absolute, "__call__", self)

    def __invert__(self) -> Any:
        return ~self._data

    def __and__(self, other: Any) -> Any:
        return self._data & _value(other)

    def __rand__(self, other: Any) -> Any:
        return _value(other) & self._data

    def __or__(self, other: Any) -> Any:
        return self._data | _value(other)

    def __ror__(self, other: Any) -> Any:
        return _value(other) | self._data

    def __xor__(self, other: Any) -> Any:
        return self._data ^ _value(other)

    def __rxor__(self, other: Any) -> Any:
        return _value(other) ^ self._data

    def __lshift__(self, other: Any) -> Any:
        return self._data << _value(other)

    def __rshift__(self, other: Any) -> Any:
        return self._data >> _value(other)

    # Comparisons are constants: plain arrays, elementwise, as NumPy gives them.

    def __eq__(self, other: object) -> Any:
        return self._data == _value(other)

    def __ne__(self, other: object) -> Any:
        return self._data != _value(other)

    def __lt__(self, other: Any) -> Any:
        return self._data < _value(other)

    def __le__(self, other: Any) -> Any:
        return self._data <= _value(other)

    def __gt__(self, other: Any) -> Any:
        return self._data > _value(other)

    def __ge__(self, other: Any) -> Any:
        return self._data >= _value(other)

    # Ways out of the graph, into Python numbers.

    def __bool__(self) -> bool:
        return bool(self._data)

    def __float__(self) -> float:
        return float(self._data)

    def __int__(self) -> int:
        return int(self._data)

    def __complex__(self) -> complex:
        return complex(self._data)

    def __index__(self) -> int:
        return self._data.__index__()  # type: ignore[no-any-return]

    def __contains__(self, value: Any) -> bool:
        return _value(value) in self._data

    def item(self, *args: Any) -> Any:
        return self._data.item(*args)

    def tolist(self) -> Any:
        return self._data.tolist()

    def tobytes(self, order: Any = "C") -> bytes:
        return self._data.tobytes(order)  # type: ignore[no-any-return]

    # Indexing.

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: Any) -> Any:
        return self.__array_function__(operator.getitem, (), (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "a Variable is not written to, because the graph has recorded its value: x[index] = v; make a "
            "new one, y = np.where(mask, v, x), or assign outside the graph, x.data[index] = v"
        )

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d Variable")
        return iter(np.unstack(self))  # type: ignore[call-overload]

    # Attributes of the array.

    @property
    def shape(self) -> tuple[int, ...]:
        return self._data.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        return self._data.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        return self._data.size  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._data.dtype  # type: ignore[no-any-return]

    @property
    def itemsize(self) -> int:
        return self._data.itemsize  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        return self._data.nbytes  # type: ignore[no-any-return]

    @property
    def strides(self) -> tuple[int, ...]:
        return self._data.strides  # type: ignore[no-any-return]

    @property
    def T(self) -> Any:
        return np.transpose(self)  # type: ignore[call-overload]

    @property
    def mT(self) -> Any:
        return np.matrix_transpose(self)  # type: ignore[call-overload]

    @property
    def real(self) -> Any:
        return np.real(self)  # type: ignore[call-overload]

    @property
    def imag(self) -> Any:
        return np.imag(self)  # type: ignore[call-overload]

    # Methods: what NumPy's function of the same name does.

    all = _method(np.all)
    any = _method(np.any)
    argmax = _method(np.argmax)
    argmin = _method(np.argmin)
    argpartition = _method(np.argpartition)
    argsort = _method(np.argsort)
    choose = _method(np.choose)
    clip = _method(np.clip)
    conj = _method(np.conjugate)
    conjugate = _method(np.conjugate)
    copy = _method(np.copy)
    cumprod = _method(np.cumprod)
    cumsum = _method(np.cumsum)
    diagonal = _method(np.diagonal)
    dot = _method(np.dot)
    flatten = _method(np.ravel)
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

    def reshape(self, *shape: Any, order: Any = "C") -> Any:
        """The same as ``np.reshape(x, shape)``; the lengths may be given one by one."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)  # type: ignore[call-overload]

    def transpose(self, *axes: Any) -> Any:
        """The same as ``np.transpose(x, axes)``; the axes may be given one by one."""
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) if axes else None)  # type: ignore[call-overload]

    fill = _refused("fill", "np.full_like(x.data, v)")
    partition = _refused("partition", "np.partition(x, kth)")
    put = _refused("put", "np.where(mask, v, x)")
    resize = _refused("resize", "np.reshape(x, shape)")
    sort = _refused("sort", "np.sort(x)")
    setfield = _refused("setfield", "np.where(mask, v, x)")
