"""Sliding windows over the last axes of an array: their number, and the checks of their options."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe

__all__ = ["Axis", "axes_of", "axis_names", "hashable", "padding_of", "remembered",
           "tap_slices", "window_axes"]  # fmt: skip


class Axis(NamedTuple):
    """Windows along one axis: tap j of window i is at ``i * stride + j * dilation - before``."""

    size: int  # of the axis
    windows: int
    taps: int
    stride: int
    dilation: int
    before: int  # the padding before the axis, and that after it
    after: int

    def beyond(self) -> int:
        """Count the elements beyond the padding that the last window reads (in ceil mode)."""
        last = (self.windows - 1) * self.stride + (self.taps - 1) * self.dilation + 1
        return max(0, last - self.size - self.before - self.after)


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Cache the latest results of a function of options; unhashable ones are passed on, so that it raises."""
    kept = functools.lru_cache(maxsize=1024, typed=True)(function)

    def call(*settings: Any) -> Any:
        try:
            hash(settings)
        except TypeError:
            chosen = function
        else:
            chosen = kept
        return chosen(*settings)

    return call


def hashable(setting: Any) -> Any:
    """Convert a list or an ndarray to a tuple or number."""
    setting = setting.tolist() if isinstance(setting, (np.ndarray, np.generic)) else setting
    return tuple(setting) if isinstance(setting, list) else setting


def padding_of(
    name: str, padding: Any, taps: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> list[tuple[int, int]]:
    """Return the padding before and after each axis, from a number, a tuple, "valid" or "same"."""
    ndim = len(taps)
    if not isinstance(padding, str):
        return [(p, p) for p in options.sizes(padding, "padding", name, ndim, 0)]
    if padding == "valid":
        return [(0, 0)] * ndim
    if padding != "same":
        raise ValueError(f'{name} takes numbers, "same" or "valid" as its padding, but got {padding!r}')
    if max(stride) != 1:
        raise ValueError(
            f'padding="same" of {name} keeps the size, which needs stride 1, but got the stride {stride}; '
            "give the padding in numbers"
        )
    widths = [d * (k - 1) for k, d in zip(taps, dilation, strict=True)]
    return [(width // 2, width - width // 2) for width in widths]


def window_axes(
    name: str, sizes: tuple[int, ...], taps: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool = False
) -> tuple[Axis, ...]:
    """Compute the windows along each axis; raise ValueError where none fits."""
    ndim = len(sizes)
    taps = options.sizes(taps, "kernel size", name, ndim)
    stride = options.sizes(stride, "stride", name, ndim)
    dilation = options.sizes(dilation, "dilation", name, ndim)
    pairs = padding_of(name, padding, taps, stride, dilation)
    found = []
    for size, k, s, d, (before, after) in zip(sizes, taps, stride, dilation, pairs, strict=True):
        span = size + before + after - d * (k - 1) - 1
        if span < 0 or size == 0:
            raise ValueError(
                f"a kernel of {name} must fit into the padded input, but got a kernel of {shape_of(taps, dilation)} "
                f"for an input of {tuple(sizes)} padded by {pairs}; "
                "give a larger input, a smaller kernel or more padding"
            )
        windows = span // s + 1
        if ceil_mode and span % s and windows * s < size + before:  # one more window, which must begin inside
            windows += 1
        found.append(Axis(size, windows, k, s, d, before, after))
    return tuple(found)


def shape_of(taps: tuple[int, ...], dilation: tuple[int, ...]) -> str:
    """Format the size of a kernel, with its dilation if it has one."""
    return str(taps) if max(dilation) == 1 else f"{taps} dilated by {dilation}"


def axis_names(ndim: int) -> str:
    """Name the axes that windows slide over."""
    return ", ".join(("depth", "height", "width")[-ndim:] if ndim > 1 else ("length",))


def axes_of(name: str, x: Any, ndim: int) -> tuple[int, ...]:
    """Return the sizes of the last `ndim` axes of `x`, which must have two more."""
    given = getattr(x, "ndim", None)
    if given != ndim + 2:
        fix = "; add the batch axis: x[np.newaxis]" if given == ndim + 1 else ""
        raise ValueError(
            f"{name} takes an input of {ndim + 2} axes (batch, channels, {axis_names(ndim)}), "
            f"but got {describe(x)}{fix}"
        )
    return tuple(x.shape[2:])


def tap_slices(axes: tuple[Axis, ...]) -> list[tuple[Any, ...]]:
    """The slices of the padded array that each tap reads."""
    return [
        (
            ...,
            *(
                slice(j * a.dilation, j * a.dilation + (a.windows - 1) * a.stride + 1, a.stride)
                for j, a in zip(tap, axes, strict=True)
            ),
        )
        for tap in itertools.product(*(range(a.taps) for a in axes))
    ]
