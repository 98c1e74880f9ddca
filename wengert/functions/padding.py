"""Derivatives of `numpy.pad`, in all of its modes.

Padding with constants, and with copies and reflections of elements, has one pullback, which adds up
the copies. The modes that compute values (``mean``, ``linear_ramp``, ...) are defined axis by axis, as
NumPy's are: later axes include the padding of the earlier ones.
"""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.core.variable import Variable
from wengert.custom.registration import pullback
from wengert.functions.indexing import along, scatter
from wengert.functions.prepared import prepared

STATISTICS: dict[str, Any] = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}


@pullback(np.pad, "array", reads="pad_width")
def pad(
    gy: Any, array: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0, reflect_type: str = "even"
) -> Any:
    widths = width_pairs(pad_width, array.ndim)
    if mode == "constant":
        return gy[tuple(slice(before, before + n) for (before, _), n in zip(widths, array.shape, strict=True))]
    for axis, (width, n) in enumerate(zip(widths, array.shape, strict=True)):
        if not any(width):
            continue
        if reflect_type == "odd":  # 2 edge - x: each padded line is a matrix times the line
            matrix = np.pad(np.eye(n, dtype=gy.dtype), (width, (0, 0)), mode, reflect_type="odd")  # type: ignore[call-overload]
            gy = np.moveaxis(np.moveaxis(gy, axis, -1) @ matrix, -1, axis)
        else:
            source = np.pad(np.arange(n), width, mode)  # type: ignore[call-overload]
            gy = scatter(gy, along(axis, array.ndim, source), (*gy.shape[:axis], n, *gy.shape[axis + 1 :]))
    return gy


@prepared(np.pad)
def pad_in_mode(row: Any, array: Any, pad_width: Any, mode: Any = "constant", **settings: Any) -> Any:
    if callable(mode) or mode == "empty":
        raise TypeError(
            f"np.pad of a Variable does not take {'a function' if callable(mode) else repr(mode)} as its mode: that "
            "writes into the array, or leaves it undefined; use mode='constant', or np.concatenate parts of your own"
        )
    pad_width = plain(pad_width)
    if mode in STATISTICS:
        calculate, setting, default = _statistic(STATISTICS[mode]), "stat_length", None
    elif mode == "linear_ramp":
        calculate, setting, default = _ramp, "end_values", 0
    elif mode == "constant" and isinstance(settings.get("constant_values"), Variable):
        calculate, setting, default = _constant, "constant_values", 0
    else:
        return row(array, pad_width, mode, **settings)
    if unsupported := set(settings) - {setting}:
        raise ValueError(f"np.pad with mode={mode!r} takes {setting}=, but got {', '.join(sorted(unsupported))}=")
    if array.dtype.kind in "biu" and calculate is not _constant:
        raise TypeError(
            f"np.pad with mode={mode!r} rounds to {array.dtype}, which has no derivative; write x.astype(float)"
        )
    given, chosen = array, _value_pairs(settings.get(setting, default), array.ndim)
    for axis, (before, after) in enumerate(width_pairs(pad_width, array.ndim)):
        if before or after:
            if array.shape[axis] == 0 and calculate is not _constant:
                raise ValueError(f"np.pad with mode={mode!r} needs elements, but axis {axis} of {array.shape} has none")
            left = calculate(array, axis, before, chosen[axis][0])
            right = np.flip(calculate(np.flip(array, axis), axis, after, chosen[axis][1]), axis)
            array = np.concatenate((left, array, right), axis)
    return np.copy(array) if array is given else array


def width_pairs(pad_width: Any, ndim: int) -> list[list[int]]:
    """Spell out the widths before and after each of `ndim` axes, from any form that NumPy takes."""
    if isinstance(pad_width, dict):
        full = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            full[axis] = width if isinstance(width, tuple) else (width, width)
        pad_width = full
    widths = pad_width if hasattr(pad_width, "ndim") else np.asarray(pad_width)
    if widths.dtype.kind not in "iu" or np.any(widths < 0):
        raise ValueError(f"pad_width must be integers, none of them negative, but got {pad_width}")
    return np.broadcast_to(widths, (ndim, 2)).tolist()  # type: ignore[no-any-return]


def _value_pairs(values: Any, ndim: int) -> Any:
    if values is None:
        return [(None, None)] * ndim
    return np.broadcast_to(values, (ndim, 2))


# Each computes the padding before an axis; that after it is computed on the flipped array.


def _constant(array: Any, axis: int, width: int, value: Any) -> Any:
    shape = (*array.shape[:axis], width, *array.shape[axis + 1 :])
    return np.broadcast_to(value.astype(array.dtype), shape)


def _ramp(array: Any, axis: int, width: int, value: Any) -> Any:
    edge = array[along(axis, array.ndim, 0)]
    return np.linspace(value, edge, width, endpoint=False, dtype=array.dtype, axis=axis)


def _statistic(function: Any) -> Any:
    def statistic(array: Any, axis: int, width: int, length: int | None) -> Any:
        part = array[along(axis, array.ndim, slice(None, length))]
        if part.shape[axis] == 0:
            raise ValueError("stat_length must be at least 1 to give a value to pad with, but got 0")
        return _constant(array, axis, width, function(part, axis=axis, keepdims=True))

    return statistic
