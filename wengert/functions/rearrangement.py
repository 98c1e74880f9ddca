"""Derivatives of flips, rotations, shifts and repetitions along axes."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from wengert.arrays.table import plain
from wengert.arrays.values import widened
from wengert.custom.registration import composition, pullback
from wengert.functions.indexing import along, scatter


@pullback(np.flip, "m", reads="", linear=True)
def flip(gy: Any, m: Any, axis: Any = None) -> Any:
    return np.flip(gy, axis)


@pullback(np.fliplr, "m", reads="", linear=True)
def fliplr(gy: Any, m: Any) -> Any:
    return np.fliplr(gy)


@pullback(np.flipud, "m", reads="", linear=True)
def flipud(gy: Any, m: Any) -> Any:
    return np.flipud(gy)


@pullback(np.rot90, "m", reads="axes", linear=True)
def rot90(gy: Any, m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    return np.rot90(gy, -k, axes)


@pullback(np.roll, "a", reads="shift axis", linear=True)
def roll(gy: Any, a: Any, shift: Any, axis: Any = None) -> Any:
    return np.roll(gy, np.negative(shift), axis)


@pullback(np.tile, "A", reads="reps", linear=True)
def tile(gy: Any, A: Any, reps: Any) -> Any:
    reps = tuple(np.atleast_1d(reps))
    ndim = max(A.ndim, len(reps))
    shape, reps = (1,) * (ndim - A.ndim) + A.shape, (1,) * (ndim - len(reps)) + reps
    copies = gy.reshape([n for pair in zip(reps, shape, strict=True) for n in pair])
    return np.reshape(np.sum(widened(copies), axis=tuple(range(0, 2 * ndim, 2))), A.shape)


@pullback(np.repeat, "a", reads="repeats", linear=True)
def repeat(gy: Any, a: Any, repeats: Any, axis: int | None = None) -> Any:
    if axis is None or a.ndim == 0:  # (NumPy gives 0-d arrays an axis 0 here)
        flat = repeat(gy, np.empty(a.size), repeats, 0)
        return flat.reshape(a.shape)
    axis = normalize_axis_index(axis, a.ndim)
    if np.size(repeats) == 1:
        copies = gy.reshape((*a.shape[: axis + 1], int(np.reshape(repeats, ())), *a.shape[axis + 1 :]))
        return np.sum(widened(copies), axis=axis + 1)
    return scatter(gy, along(axis, a.ndim, np.repeat(np.arange(a.shape[axis]), repeats)), a.shape)


@composition(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    new_shape = plain(new_shape)
    places = np.resize(np.arange(a.size), new_shape)  # no elements at all are made zeros
    return np.take(a, places) if a.size else np.reshape(np.resize(plain(a), new_shape), places.shape)


@composition(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    if trim.lower() not in ("f", "b", "fb", "bf"):
        raise ValueError(f"trim must be 'f', 'b' or 'fb', but got {trim!r}")
    trimmed = range(filt.ndim) if axis is None else normalize_axis_tuple(axis, filt.ndim)
    if filt.ndim == 0:
        return filt
    places = np.argwhere(filt)
    start, stop = (places.min(axis=0), places.max(axis=0) + 1) if len(places) else (np.zeros(filt.ndim, int),) * 2
    front, back = "f" in trim.lower(), "b" in trim.lower()
    if len(places) == 0:
        front = back = True  # all is zeros: NumPy then leaves nothing
    return filt[
        tuple(
            slice(start[i] if front else None, stop[i] if back else None) if i in trimmed else slice(None)
            for i in range(filt.ndim)
        )
    ]
