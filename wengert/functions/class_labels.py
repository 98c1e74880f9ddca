"""Checks of class indices: which labels are valid, which are ignored, and the weight of each."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.variables import to_array

__all__ = ["Targets", "class_axis", "class_labels", "class_weights", "index_targets"]


def class_axis(name: str, y: Any, axis: Any) -> int:
    """Return the axis of the classes, counted from 0; raise if `y` has none."""
    if y.ndim == 0:
        raise ValueError(f"{name} needs an axis of classes, but y is {describe(y)}; give it the shape (N, classes)")
    axis = np.lib.array_utils.normalize_axis_index(options.integer(axis, "axis", name, -64, 64), y.ndim)
    if y.shape[axis] == 0:
        raise ValueError(f"{name} needs at least one class, but y has the shape {y.shape}, with none on axis {axis}")
    return int(axis)


def class_labels(name: str, y: Any, t: Any, axis: int, ignore_index: int | None) -> tuple[Any, Any]:
    """Return the class indices `t` as integers, and a mask of those to be ignored.

    The mask is None where nothing is ignored; ignored labels become 0.

    Raises
    ------
    TypeError
        If they are not integers.
    ValueError
        If their shape is not that of `y` without the axis of the classes, or a label is out of range.
    """
    t = to_array(t)
    if t.dtype.kind not in "iu":
        if t.size or t.dtype.kind == "b":
            raise TypeError(
                f"{name} takes class indices as integers, but got {describe(t)}; convert them: t.astype(int)"
            )
        t = t.astype(np.intp)  # NumPy makes floats of an empty list
    shape = y.shape[:axis] + y.shape[axis + 1 :]
    if t.shape != shape:
        raise ValueError(mismatch(name, y, t, axis, shape))
    labels = t if t.dtype == np.intp else t.astype(np.intp)
    ignored = None
    if ignore_index is not None:
        found = labels == options.integer(ignore_index, "ignore_index", name)
        if found.any():
            ignored, labels = found, np.where(found, 0, labels)
    classes = y.shape[axis]
    # as unsigned integers, negative labels are large
    if labels.size and np.maximum.reduce(labels.view(np.uintp), axis=None) >= classes:
        wrong = (labels < 0) | (labels >= classes)
        place = tuple(int(i) for i in np.unravel_index(np.argmax(wrong), wrong.shape))
        label = int(t[place])
        raise ValueError(
            f"{name} needs class indices from 0 to {classes - 1}, because y has {classes} classes on axis {axis}, "
            f"but t{list(place) if place else ''} is {label}; "
            + (f"to skip such targets, pass ignore_index={label}" if label < 0 else "give y more classes, or check t")
        )
    return labels, ignored


def mismatch(name: str, y: Any, t: Any, axis: int, shape: tuple[int, ...]) -> str:
    """Make the error for targets whose shape does not match `y`, with a hint."""
    if t.shape == y.shape:
        hint = "for one-hot rows, give floats, t.astype(y.dtype), and for indices np.argmax(t, axis)"
    elif t.ndim == y.ndim - 1 and axis != 1 and t.shape == y.shape[:1] + y.shape[2:]:
        hint = "if the classes are on axis 1, pass axis=1"
    elif t.size == math.prod(shape):
        hint = f"reshape it: t.reshape({shape})"
    else:
        hint = "give one index for each row of y"
    return (
        f"{name} with the classes on axis {axis} of y, which has the shape {y.shape}, takes class indices of the "
        f"shape {shape}, but t has {t.shape}; {hint}"
    )


def class_weights(name: str, weight: Any, y: Any, axis: int) -> Any:
    """Return the weights of the classes, in the dtype of `y`; None for none."""
    if weight is None:
        return None
    weight = to_array(weight)
    if weight.shape != (y.shape[axis],):
        raise ValueError(
            f"{name} needs one weight for each of the {y.shape[axis]} classes, but got {describe(weight)}; "
            f"give an array of the shape ({y.shape[axis]},)"
        )
    if weight.dtype.kind not in "biuf":
        raise TypeError(f"{name} takes real numbers as weights of the classes, but got {describe(weight)}")
    if not np.all(weight >= 0):
        raise ValueError(f"{name} needs weights of at least 0, but got {np.min(weight)} among those of the classes")
    return weight.astype(y.dtype, copy=False)


class Targets(NamedTuple):
    """Checked targets, as rows with the classes on the last axis."""

    labels: Any  # class indices, flat
    ignored: Any  # where they are ignored, or None
    taken: Any  # the weight of each row, or None where all weigh 1
    divisor: Any  # the divisor of the mean


def index_targets(name: str, y: Any, t: Any, axis: int, weight: Any, ignore_index: int | None) -> Targets:
    """Check class indices, and look up the weight of each."""
    labels, ignored = class_labels(name, y, t, axis, ignore_index)
    if weight is None and ignored is None:
        return Targets(labels, None, None, labels.size)
    if weight is None:
        return Targets(labels, ignored, (~ignored).astype(y.dtype), labels.size - np.count_nonzero(ignored))
    taken = weight[labels]
    if ignored is not None:
        taken[ignored] = 0
    return Targets(labels, ignored, taken, np.sum(taken, dtype=np.float64).item())
