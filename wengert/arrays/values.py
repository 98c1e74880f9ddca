"""What counts as an array, and of which dtype its gradient is."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from wengert.arrays.level import RECORDED, TRACED, level_of

__all__ = [
    "FLOAT64",
    "ShapeDtype",
    "array_of_foreign",
    "as_array",
    "floating",
    "gradient_dtype",
    "is_array",
    "is_foreign",
    "looked_at",
    "shaped_as",
    "widened",
]

FLOAT16, FLOAT64 = np.dtype(np.float16), np.dtype(np.float64)


class ShapeDtype(NamedTuple):
    """What a pullback is given in place of an array that it said it does not read."""

    shape: tuple[int, ...]
    dtype: Any

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)


def is_array(value: Any) -> bool:
    """Whether `value` may be held by a Variable, as far as its type goes."""
    if isinstance(value, np.ndarray):
        # Masks, matrix products by `*`, units: other subclasses calculate by rules of their own.
        return type(value) is np.ndarray or type(value) is np.memmap
    return hasattr(value, "__array_function__") and level_of(value) < RECORDED


def is_foreign(value: Any) -> bool:
    """Whether `value` is of another library, and NumPy converts it: a tensor of PyTorch, a table of pandas.

    As an operand it stands for its array: labels and names, by which it would align, are not seen. (What answers
    NumPy's functions itself, as an array of Dask or CuPy, is not converted.)
    """
    kind: Any = type(value)
    return is_foreign_kind(kind)


def array_of_foreign(value: Any) -> Any:
    """Return the array of a value of another library, as an operand beside a Variable.

    Raises TypeError for one that may have a graph of its own, as a tensor of PyTorch, which would be lost.
    """
    if hasattr(type(value), "requires_grad"):
        package = type(value).__module__.partition(".")[0]
        raise TypeError(
            f"a {type(value).__name__} of {package} beside a Variable would silently leave its own graph; give the "
            "numbers as an array: t.detach().numpy(), or go over to that library: torch.from_dlpack(x.detach())"
        )
    return np.asarray(value)


@functools.lru_cache(1024)
def is_foreign_kind(kind: Any) -> bool:
    """The same of all values of a type."""
    has_protocols = hasattr(kind, "__array_function__") or hasattr(kind, "__array_level__")
    answers_itself = has_protocols or getattr(kind, "__array_ufunc__", kind) is None
    return hasattr(kind, "__array__") and not answers_itself and not issubclass(kind, (np.generic, np.poly1d))


def looked_at(value: Any) -> Any:
    """Return the array or number that a traced one stands for.

    Nothing of it is recorded: for what holds for all values, or what a later guard makes sure of.
    """
    return value.look() if level_of(value) == TRACED else value


def as_array(x: Any) -> Any:
    """Turn a scalar into a 0-d array; return anything else as it is.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.as_array(np.float32(2))
    array(2., dtype=float32)
    """
    if np.isscalar(x):
        return np.array(x)
    if isinstance(x, np.ndarray) or level_of(x) >= RECORDED or getattr(x, "shape", None) != ():
        return x
    if isinstance(looked_at(x), np.ndarray):
        return x
    return np.copy(x)  # an array of another kind may stand for a NumPy number


def gradient_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of the gradient with respect to an array of `dtype`: the same, or float64 for integers."""
    return dtype if dtype.kind in "fc" else FLOAT64


def floating(value: Any, dtype: Any) -> Any:
    """Turn integers into floats: in a formula like 1 / (1 + x x) they would overflow, and wrap."""
    return value if value.dtype.kind in "fc" else value.astype(np.result_type(dtype, np.float32))


def widened(x: Any) -> Any:
    """Half precision as single precision, for sums and counts.

    Above 65504 a float16 is infinite, and adding ones to it stops at 2048.
    """
    return x.astype(np.float32) if x.dtype == FLOAT16 else x


def shaped_as(gx: Any, like: Any) -> Any:
    """Sum a gradient over the axes along which `like` was broadcast, and give it the dtype that goes with it."""
    shape, dtype = like.shape, gradient_dtype(like.dtype)
    if gx.shape != shape:
        extra = gx.ndim - len(shape)
        axes = [i for i in range(gx.ndim) if i < extra or (shape[i - extra] == 1 and gx.shape[i] != 1)]
        gx = widened(gx).sum(tuple(axes)).reshape(shape)
    if gx.dtype != dtype:
        if gx.dtype.kind == "c" and dtype.kind != "c":
            gx = np.real(gx)  # dL/dx of a real x: the i dL/dy part belongs to a y that is not there
        gx = gx.astype(dtype)
    return gx
