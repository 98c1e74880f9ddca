"""The operators, methods and properties of an ndarray, each of them the NumPy call of its name.

Nothing here calculates: an operator is its ufunc, a method the function of its name, which find
their derivatives in the table. What would write into the array is refused.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from opcode import opname
from typing import Any, NoReturn

import numpy as np

from wengert.core.debug import NUMPY_FILES, OUR_FILES
from wengert.core.dispatch import UFUNCS, refuse_valueless
from wengert.core.errors import GraphError
from wengert.core.mode import on_variables_of

__all__ = ["ArrayMethods"]


def _value(other: Any) -> Any:
    return getattr(other, "_data", other)


def _leave(x: Any) -> Any:
    """Return the array of `x` to become a Python number, unless that is for ``y[i] = x`` of an ndarray y."""
    frame = sys._getframe(2)
    if opname[frame.f_code.co_code[frame.f_lasti]].startswith("STORE"):
        raise TypeError(
            "y[i] = x of an ndarray y and a Variable x would silently leave the graph; collect the values in a list, "
            "y = np.stack(values), or assign a number: y[i] = float(x)"
        )
    if frame.f_code.co_filename.startswith(NUMPY_FILES) and x._data.dtype.kind in "fc":
        raise TypeError(
            f"NumPy's {frame.f_code.co_name} makes a number of a Variable, which would silently leave the graph; "
            "give it as a number: float(x)"
        )
    return _left(x, frame)


def _left(x: Any, frame: Any) -> Any:
    """Return the array of `x` to become Python numbers, unless `frame` takes `x` for an array."""
    name = on_variables_of.get()
    if name is not None and x._data.dtype.kind in "fc" and not frame.f_code.co_filename.startswith(OUR_FILES):
        raise GraphError(
            f"create_graph runs {name} on Variables, but at {frame.f_code.co_filename}, line {frame.f_lineno} it makes "
            "a Python number of one (float, item, tolist, or a function of math), where the graph would be lost; "
            "stay with arrays, and np.exp(x) in place of math.exp(x)"
        )
    return x._data


def _operator(ufunc: np.ufunc) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """Make the operator of a ufunc and its reflection.

    They ask the table directly: the answer of ``np.add(x, y)``, without the way through NumPy.
    """

    def forth(self: Any, other: Any) -> Any:
        try:
            return UFUNCS[ufunc]((self, other))
        except (AttributeError, TypeError):
            refuse_valueless(ufunc, (self, other))
            raise

    def back(self: Any, other: Any) -> Any:
        try:
            return UFUNCS[ufunc]((other, self))
        except (AttributeError, TypeError):
            refuse_valueless(ufunc, (other, self))
            raise

    return forth, back


def _constant_operator(op: Callable[[Any, Any], Any]) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """Make an operator between the arrays themselves, and its reflection."""

    def forth(self: Any, other: Any) -> Any:
        return op(self._data, _value(other))

    def back(self: Any, other: Any) -> Any:
        return op(_value(other), self._data)

    return forth, back


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

    # Operators: `x + y` is np.add(x, y), and `y + x` beside it is for an x of another type.

    __add__, __radd__ = _operator(np.add)
    __sub__, __rsub__ = _operator(np.subtract)
    __mul__, __rmul__ = _operator(np.multiply)
    __truediv__, __rtruediv__ = _operator(np.true_divide)
    __floordiv__, __rfloordiv__ = _operator(np.floor_divide)
    __mod__, __rmod__ = _operator(np.remainder)
    __matmul__, __rmatmul__ = _operator(np.matmul)
    _power, __rpow__ = _operator(np.power)

    def __pow__(self, other: Any) -> Any:
        # ndarray's own shortcuts, which round differently from np.power
        if type(other) in (int, float) and other in (2, 0.5):
            return self.__array_ufunc__(np.square if other == 2 else np.sqrt, "__call__", self)
        return self._power(other)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    __neg__ = _method(np.negative)
    __pos__ = _method(np.positive)
    __abs__ = _method(np.absolute)

    # Comparisons and bits are constants: plain arrays, elementwise, as NumPy gives them.

    __eq__, _ = _constant_operator(operator.eq)
    __ne__, _ = _constant_operator(operator.ne)
    __lt__, _ = _constant_operator(operator.lt)
    __le__, _ = _constant_operator(operator.le)
    __gt__, _ = _constant_operator(operator.gt)
    __ge__, _ = _constant_operator(operator.ge)
    __and__, __rand__ = _constant_operator(operator.and_)
    __or__, __ror__ = _constant_operator(operator.or_)
    __xor__, __rxor__ = _constant_operator(operator.xor)
    __lshift__, __rlshift__ = _constant_operator(operator.lshift)
    __rshift__, __rrshift__ = _constant_operator(operator.rshift)
    del _

    def __invert__(self) -> Any:
        return ~self._data

    # Ways out of the graph, into Python numbers.

    def __bool__(self) -> bool:
        return bool(self._data)

    def __float__(self) -> float:
        return float(_leave(self))

    def __int__(self) -> int:
        return int(_leave(self))

    def __complex__(self) -> complex:
        return complex(_leave(self))

    def __index__(self) -> int:
        return operator.index(self._data)

    def __contains__(self, value: Any) -> bool:
        return _value(value) in self._data

    def item(self, *args: Any) -> Any:
        return _left(self, sys._getframe(1)).item(*args)

    def tolist(self) -> Any:
        return _left(self, sys._getframe(1)).tolist()

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
        if self._data is None or self.ndim == 0:
            raise TypeError(f"iteration over a {'0-d Variable' if self._data is not None else 'Variable of no value'}")
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

    def conjugate(self) -> Any:
        """The same as ``np.conjugate(x)``; of real numbers ``x`` itself, as an ndarray's method gives."""
        return np.conjugate(self) if self.dtype.kind == "c" else self

    conj = conjugate

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

    fill = _refused("fill", "np.full_like(x.data, v)")
    partition = _refused("partition", "np.partition(x, kth)")
    put = _refused("put", "np.where(mask, v, x)")
    resize = _refused("resize", "np.reshape(x, shape)")
    sort = _refused("sort", "np.sort(x)")
    setfield = _refused("setfield", "np.where(mask, v, x)")
