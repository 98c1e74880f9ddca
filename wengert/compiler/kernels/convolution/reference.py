"""The NumPy reference of convolution and its gradients, tap by tap."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["convolve", "input_gradient", "taps_of", "weight_gradient"]


def taps_of(axes: tuple[Any, ...]) -> Iterator[tuple[Any, Any]]:
    """Yield each tap, and the slice of the padded image that all windows see at it."""
    for tap in itertools.product(*(range(a.taps) for a in axes)):
        where = [
            slice(j * a.dilation, j * a.dilation + (a.windows - 1) * a.stride + 1, a.stride)
            for j, a in zip(tap, axes, strict=True)
        ]
        yield tap, (..., *where)


def padded_sizes(axes: tuple[Any, ...]) -> list[int]:
    return [a.size + a.before + a.after + a.beyond() for a in axes]


def padded(setting: Any, x: Any) -> Any:
    """The images of each group, padded with zeros: (images, groups, channels, ...)."""
    shape = (setting.images, setting.groups, setting.in_channels, *padded_sizes(setting.axes))
    found: Any = np.zeros(shape, x.dtype)
    inner: Any = tuple(slice(a.before, a.before + a.size) for a in setting.axes)
    found[(..., *inner)] = x.reshape(*shape[:3], *(a.size for a in setting.axes))
    return found


def grouped(setting: Any, weight: Any) -> Any:
    return weight.reshape(setting.groups, setting.out_channels, setting.in_channels, *(a.taps for a in setting.axes))


def convolve(setting: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """Convolution."""
    images, weight = padded(setting, x), grouped(setting, weight)
    y = np.zeros((setting.images, setting.groups, setting.out_channels, *(a.windows for a in setting.axes)), x.dtype)
    for tap, where in taps_of(setting.axes):
        y += np.einsum("ngc...,goc->ngo...", images[where], weight[(..., *tap)])
    y = y.reshape(setting.result_shape)
    return y if bias is None else y + bias.reshape(-1, *(1,) * len(setting.axes))


def input_gradient(setting: Any, gy: Any, weight: Any, bias: Any = None) -> Any:
    """The gradient with respect to the input."""
    weight = grouped(setting, weight)
    gy = gy.reshape(setting.images, setting.groups, setting.out_channels, *(a.windows for a in setting.axes))
    gx = padded(setting, np.zeros(setting.input_shape, gy.dtype))
    for tap, where in taps_of(setting.axes):
        gx[where] += np.einsum("ngo...,goc->ngc...", gy, weight[(..., *tap)])
    inner = tuple(slice(a.before, a.before + a.size) for a in setting.axes)
    gx = np.ascontiguousarray(gx[(..., *inner)]).reshape(setting.input_shape)
    return gx if bias is None else gx + bias.reshape(-1, *(1,) * len(setting.axes))


def weight_gradient(setting: Any, x: Any, gy: Any) -> Any:
    """The gradient with respect to the weight."""
    images = padded(setting, x)
    gy = gy.reshape(setting.images, setting.groups, setting.out_channels, -1)
    found: Any = np.empty(
        (setting.groups, setting.out_channels, setting.in_channels, *(a.taps for a in setting.axes)), gy.dtype
    )
    for tap, where in taps_of(setting.axes):
        inputs = images[where].reshape(setting.images, setting.groups, setting.in_channels, -1)
        found[(..., *tap)] = np.einsum("ngop,ngcp->goc", gy, inputs)
    return found.reshape(setting.weight_shape)
