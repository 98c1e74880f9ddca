"""What max and average pooling share: windows along one axis at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.functions.windows import Axis, axes_of, hashable, remembered, window_axes

__all__ = ["inner", "is_trivial", "padded_along", "padded_by", "padded_gradient", "pieces", "pool_axes", "write_or_add"]


@remembered
def _axes(name: str, sizes: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any) -> Any:
    if isinstance(padding, str):
        raise TypeError(f"padding of {name} must be integers, but got {options.received(padding)}")
    axes = window_axes(name, sizes, kernel, kernel if stride is None else stride, padding, dilation, ceil_mode)
    for a in axes:
        if 2 * a.before > (a.taps - 1) * a.dilation + 1:
            raise ValueError(
                f"the padding of {name} must be at most half of its kernel, so that each window overlaps the input, "
                f"but got the padding {padding} for a kernel of {tuple(a.taps for a in axes)}"
            )
    return axes


def pool_axes(
    name: str, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any
) -> tuple[Axis, ...]:
    """Check the arguments of a pooling, and compute its windows."""
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name} takes real numbers, but got {describe(x)}; pool np.real(x) and np.imag(x)")
    sizes = axes_of(name, x, int(name[-2]))
    settings = map(hashable, (kernel, stride, padding, dilation))
    return _axes(name, sizes, *settings, options.flag(ceil_mode, "ceil_mode", name))  # type: ignore[no-any-return]


def padded_by(axes: tuple[Axis, ...]) -> list[tuple[int, int]]:
    """Return the widths to pad an input by, including what ceil mode reads beyond the padding."""
    return [(0, 0), (0, 0), *((a.before, a.after + a.beyond()) for a in axes)]


# One axis at a time: `pieces` are views of the elements that each tap reads along the axis


def is_trivial(a: Axis) -> bool:
    """Whether each window is a single element: pooling is the identity."""
    return a.taps == 1 and a.stride == 1 and a.windows == a.size


def pieces(x: Any, axis: int, a: Axis) -> list[Any]:
    """Return views of the elements that each tap reads along `axis`."""
    found = []
    for j in range(a.taps):
        where: list[Any] = [slice(None)] * x.ndim
        first = j * a.dilation
        where[axis] = slice(first, first + (a.windows - 1) * a.stride + 1, a.stride)
        found.append(x[tuple(where)])
    return found


def padded_along(x: Any, axis: int, a: Axis, value: Any) -> Any:
    """Put the padding before and after one axis."""
    after = a.after + a.beyond()
    if not a.before and not after:
        return x
    shape = list(x.shape)
    shape[axis] += a.before + after
    padded = np.full(shape, value, x.dtype)
    inner(padded, axis, a)[...] = x
    return padded


def inner(padded: Any, axis: int, a: Axis) -> Any:
    """Return a view of the input in the result of `padded_along`."""
    where: list[Any] = [slice(None)] * padded.ndim
    where[axis] = slice(a.before, a.before + a.size)
    return padded[tuple(where)]


def padded_gradient(gy: Any, axis: int, a: Axis) -> tuple[Any, bool]:
    """Allocate the padded gradient; return whether windows are disjoint, so that taps are written, not added."""
    shape = list(gy.shape)
    shape[axis] = a.size + a.before + a.after + a.beyond()
    disjoint = a.stride > (a.taps - 1) * a.dilation
    covered = disjoint and a.stride == a.taps and a.windows * a.stride == shape[axis]
    return (np.empty if covered else np.zeros)(shape, gy.dtype), disjoint


def write_or_add(place: Any, values: Any, disjoint: bool) -> None:
    """Write `values` where no other window writes, else add them."""
    if disjoint:
        np.copyto(place, values)
    else:
        np.add(place, values, out=place)
