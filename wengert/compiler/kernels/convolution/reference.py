"""Convolution and its gradients by NumPy: what the interpreter computes, tap by tap."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["by_input", "by_weight", "convolved"]


def places(axes: tuple[Any, ...]) -> Iterator[tuple[Any, Any]]:
    """Yield each tap, and where in the padded image it finds what it sees."""
    for tap in itertools.product(*(range(a.taps) for a in axes)):
        where = [
            slice(j * a.dilation, j * a.dilation + (a.windows - 1) * a.stride + 1, a.stride)
            for j, a in zip(tap, axes, strict=True)
        ]
        yield tap, (..., *where)


def padded_sizes(axes: tuple[Any, ...]) -> list[int]:
    return [a.size + a.before + a.after + a.beyond() for a in axes]


def padded(setting: Any, x: Any) -> Any:
    """The images of each group, in zeros: (images, groups, channels, ...)."""
    shape = (setting.images, setting.groups, setting.taken, *padded_sizes(setting.axes))
    found: Any = np.zeros(shape, x.dtype)
    inner: Any = tuple(slice(a.before, a.before + a.size) for a in setting.axes)
    found[(..., *inner)] = x.reshape(*shape[:3], *(a.size for a in setting.axes))
    return found


def grouped(setting: Any, weight: Any) -> Any:
    return weight.reshape(setting.groups, setting.given, setting.taken, *(a.taps for a in setting.axes))


def convolved(setting: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """The convolution."""
    images, weight = padded(setting, x), grouped(setting, weight)
    y = np.zeros((setting.images, setting.groups, setting.given, *(a.windows for a in setting.axes)), x.dtype)
    for tap, where in places(setting.axes):
        y += np.einsum("ngc...,goc->ngo...", images[where], weight[(..., *tap)])
    y = y.reshape(setting.result_shape)
    return y if bias is None else y + bias.reshape(-1, *(1,) * len(setting.axes))


def by_input(setting: Any, gy: Any, weight: Any, bias: Any = None) -> Any:
    """Its gradient by the images."""
    weight = grouped(setting, weight)
    gy = gy.reshape(setting.images, setting.groups, setting.given, *(a.windows for a in setting.axes))
    gx = padded(setting, np.zeros(setting.input_shape, gy.dtype))
    for tap, where in places(setting.axes):
        gx[where] += np.einsum("ngo...,goc->ngc...", gy, weight[(..., *tap)])
    inner = tuple(slice(a.before, a.before + a.size) for a in setting.axes)
    gx = np.ascontiguousarray(gx[(..., *inner)]).reshape(setting.input_shape)
    return gx if bias is None else gx + bias.reshape(-1, *(1,) * len(setting.axes))


def by_weight(setting: Any, x: Any, gy: Any) -> Any:
    """Its gradient by the weights."""
    images = padded(setting, x)
    gy = gy.reshape(setting.images, setting.groups, setting.given, -1)
    found: Any = np.empty((setting.groups, setting.given, setting.taken, *(a.taps for a in setting.axes)), gy.dtype)
    for tap, where in places(setting.axes):
        seen = images[where].reshape(setting.images, setting.groups, setting.taken, -1)
        found[(..., *tap)] = np.einsum("ngop,ngcp->goc", gy, seen)
    return found.reshape(setting.weight_shape)
