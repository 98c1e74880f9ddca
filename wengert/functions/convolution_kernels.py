"""Convolution of ndarrays in any number of dimensions: matrix products of shifted copies.

The padded input is laid out as one row for each channel, with all images in sequence. In this layout a tap of the
kernel is a constant shift. So the im2col matrix, with a row for each tap, is made by copying whole rows, and the
convolution is one matrix product; the gradient with respect to the input adds whole rows in the same way. The cost is a
few superfluous columns, where a window would cross the end of a line. Neighbouring lines share the padding between
them, which reduces their number.

With a stride, the input is first split into its phases (for stride 2, even and odd positions), each in a row of its
own: then consecutive windows are again one position apart.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.arrays.values import widened
from wengert.functions.windows import Axis

__all__ = ["Layout", "correlate", "correlate_wrt_input", "correlate_wrt_weight"]

COLUMN_BYTES = 8 << 20  # of the im2col matrix of one product; a larger batch is processed in parts
BLOCK_BYTES = 256 << 10  # data that is read repeatedly should stay in the cache of a core
FEW_PLACES = 128  # below this number of positions in an image, a product for each image is slower than copying


class Layout:
    """The layout of a padded input in rows, and the shift of each tap.

    Attributes
    ----------
    grid : tuple of int
        The distance between windows along each axis, at least their number.
    cells : int
        The length of an image in a row: the product of `grid`.
    taps : list of (int, int)
        For each tap of the kernel, its phase and its shift.
    """

    def __init__(self, axes: tuple[Axis, ...], groups: int) -> None:
        self.axes, self.groups = axes, groups
        self.sizes = tuple(a.size for a in axes)
        self.windows = tuple(a.windows for a in axes)
        self.grid = tuple(max(-(-(a.size + max(a.before, a.after)) // a.stride), a.windows) for a in axes)
        self.cells = math.prod(self.grid)
        steps = [math.prod(self.grid[i + 1 :]) for i in range(len(axes))]
        phases: dict[tuple[int, ...], int] = {}
        self.taps = []
        for tap in itertools.product(*(range(a.taps) for a in axes)):
            places = [divmod(j * a.dilation, a.stride) for j, a in zip(tap, axes, strict=True)]
            phase = phases.setdefault(tuple(p for _, p in places), len(phases))
            self.taps.append((phase, sum(q * step for (q, _), step in zip(places, steps, strict=True))))
        self.phases = list(phases)
        self.reach = max(shift for _, shift in self.taps)
        self.plain = len(self.taps) == 1 and self.windows == self.sizes and not any(a.before for a in axes)
        self.cropped: Any = (..., *(slice(0, n) for n in self.windows))

    def views(self, x: Any, rows: Any) -> Iterator[tuple[Any, Any]]:
        """Yield, for each phase, its part of `x` and the same positions in `rows`; channels first."""
        channels, images = rows.shape[0], x.shape[0]
        x = x.swapaxes(0, 1)
        for i, phase in enumerate(self.phases):
            ours: list[Any] = [...]
            theirs: list[Any] = [...]
            for p, a in zip(phase, self.axes, strict=True):
                first = (p - a.before) % a.stride
                start = (a.before + first) // a.stride
                ours.append(slice(first, None, a.stride))
                theirs.append(slice(start, start + len(range(first, a.size, a.stride))))
            whole = rows[:, i, : images * self.cells].reshape(channels, images, *self.grid)
            yield x[tuple(ours)], whole[tuple(theirs)]

    def new_rows(self, images: int, channels: int, dtype: Any) -> Any:
        """Allocate zeros for the rows of the padded input."""
        return np.zeros((channels, len(self.phases), images * self.cells + self.reach), dtype)

    def rows(self, x: Any) -> Any:
        """Lay out the padded input: (channels, phases, places)."""
        rows = self.new_rows(x.shape[0], x.shape[1], x.dtype)
        for ours, theirs in self.views(x, rows):
            theirs[...] = ours
        return rows

    def columns(self, x: Any) -> Any:
        """Make the im2col matrix: (groups, channels of a group x taps, positions)."""
        images, channels = x.shape[:2]
        length = images * self.cells
        rows = self.rows(x)
        if len(self.taps) == 1:
            columns = rows[:, :, :length]
        else:
            columns = np.empty((channels, len(self.taps), length), x.dtype)
            for t, (phase, shift) in enumerate(self.taps):
                columns[:, t] = rows[:, phase, shift : shift + length]
        return columns.reshape(self.groups, -1, length)

    def from_columns(self, columns: Any, gx: Any) -> None:
        """Add the columns of an im2col matrix to their positions in `gx`: the transpose of `columns`."""
        images, channels = gx.shape[:2]
        length = images * self.cells
        columns = columns.reshape(channels, len(self.taps), length)
        rows = self.new_rows(images, channels, columns.dtype)
        for t, (phase, shift) in enumerate(self.taps):
            part = rows[:, phase, shift : shift + length]
            np.add(part, columns[:, t], out=part)
        for ours, theirs in self.views(gx, rows):
            ours[...] = theirs

    def outputs(self, flat: Any, images: int) -> Any:
        """View the windows in the row of each output channel as an array of images."""
        return flat.reshape(math.prod(flat.shape[:-1]), images, *self.grid)[self.cropped].swapaxes(0, 1)

    def flat(self, gy: Any) -> Any:
        """Lay out images of windows as a row for each channel, with zeros where there is no window."""
        images, channels = gy.shape[:2]
        shape = (channels, images, *self.grid)
        flat = np.empty(shape, gy.dtype) if self.grid == self.windows else np.zeros(shape, gy.dtype)
        flat[self.cropped] = gy.swapaxes(0, 1)
        return flat.reshape(channels, images * self.cells)

    def parts(self, images: int, channels: int, itemsize: int) -> list[slice]:
        """Split the batch so that the im2col matrix of each part has at most `COLUMN_BYTES`."""
        each = max(1, COLUMN_BYTES // max(1, channels * len(self.taps) * self.cells * itemsize))
        count = -(-images // each)  # all parts of nearly one size
        edges = [images * i // max(1, count) for i in range(count + 1)]
        return [slice(a, b) for a, b in itertools.pairwise(edges)]

    def grouped(self, x: Any) -> Any:
        """View each image as a matrix for each group: (batch, groups, channels of a group, positions)."""
        return x.reshape(x.shape[0], self.groups, x.shape[1] // self.groups, self.cells)

    def is_pointwise(self) -> bool:
        """Whether images can be multiplied directly, without an im2col matrix."""
        return self.plain and self.cells >= FEW_PLACES

    def is_depthwise(self, weight: Any) -> bool:
        """Whether each output channel has one input channel: then products of numbers replace those of matrices."""
        return bool(self.groups > 1 and weight.shape[1] == 1)


def correlate(layout: Layout, x: Any, weight: Any, bias: Any = None, kept: list[Any] | None = None) -> Any:
    """Cross-correlate images (batch, channels, ...) of one dtype, as convolution layers do.

    The im2col matrix is appended to `kept` if the batch is one part, for `correlate_wrt_weight`.
    """
    images, outputs = x.shape[0], weight.shape[0]
    y = np.empty((images, outputs, *layout.windows), x.dtype)
    matrix = weight.reshape(layout.groups, outputs // layout.groups, -1)
    level = None if bias is None else bias.reshape(-1, *(1,) * len(layout.axes))
    if layout.is_pointwise():
        np.matmul(matrix, layout.grouped(x), out=layout.grouped(y))
        if level is not None:
            np.add(y, level, out=y)
        return y
    if layout.is_depthwise(weight):
        flat = layout.outputs(depthwise(layout, layout.rows(x), matrix), images)
        write(flat, level, y)
        return y
    parts = layout.parts(images, x.shape[1], x.itemsize)
    for part in parts:
        columns = layout.columns(x[part])
        write(layout.outputs(matrix @ columns, part.stop - part.start), level, y[part])
        if kept is not None and len(parts) == 1:
            kept.append(columns)
    return y


def write(values: Any, level: Any, out: Any) -> None:
    """Write `values`, plus `level` if it is given."""
    if level is None:
        np.copyto(out, values)
    else:
        np.add(values, level, out=out)


def correlate_wrt_input(layout: Layout, gy: Any, weight: Any, channels: int) -> Any:
    """Compute the gradient with respect to the input: a transposed convolution of `gy`."""
    images, outputs = gy.shape[:2]
    matrix = weight.reshape(layout.groups, outputs // layout.groups, -1)
    shape = (images, channels, *layout.sizes)
    if layout.is_pointwise():
        gx = np.empty(shape, gy.dtype)
        np.matmul(matrix.swapaxes(1, 2), layout.grouped(gy), out=layout.grouped(gx))
        return gx
    # phases that no tap reads stay zero
    gx = (
        np.zeros(shape, gy.dtype)
        if len(layout.phases) < math.prod(a.stride for a in layout.axes)
        else np.empty(shape, gy.dtype)
    )
    if layout.is_depthwise(weight):
        rows = depthwise_wrt_rows(layout, layout.flat(gy), matrix, images)
        for ours, theirs in layout.views(gx, rows):
            ours[...] = theirs
        return gx
    transposed = matrix.swapaxes(1, 2)
    for part in layout.parts(images, channels, gy.itemsize):
        flat = layout.flat(gy[part])
        layout.from_columns(transposed @ flat.reshape(layout.groups, -1, flat.shape[1]), gx[part])
    return gx


def correlate_wrt_weight(layout: Layout, x: Any, gy: Any, shape: tuple[int, ...], kept: list[Any] | None = None) -> Any:
    """Compute the gradient with respect to the weight, of `shape`."""
    images, outputs = gy.shape[:2]
    groups = layout.groups
    if layout.is_pointwise():
        return np.sum(widened(layout.grouped(gy) @ layout.grouped(x).swapaxes(2, 3)), 0).reshape(shape)
    if groups > 1 and shape[1] == 1:
        return depthwise_wrt_weight(layout, layout.rows(x), layout.flat(gy)).reshape(shape)
    total = widened(np.zeros((groups, outputs // groups, math.prod(shape[1:])), gy.dtype))
    for part in layout.parts(images, x.shape[1], gy.itemsize):
        flat = layout.flat(gy[part])
        columns = kept[0] if kept else layout.columns(x[part])
        total += flat.reshape(groups, -1, flat.shape[1]) @ columns.swapaxes(1, 2)
    return total.reshape(shape)


# Depthwise: the rows of taps are multiplied by numbers and added up, a few channels at a time


def blocks(channels: int, length: int, itemsize: int) -> Iterator[slice]:
    """Split channels so that their rows stay in the cache."""
    each = max(1, BLOCK_BYTES // max(1, length * itemsize))
    for start in range(0, channels, each):
        yield slice(start, start + each)


def depthwise(layout: Layout, rows: Any, matrix: Any) -> Any:
    """Compute the row of each output channel: (channels, outputs of each, positions)."""
    channels, each, _ = matrix.shape
    length = rows.shape[2] - layout.reach
    result = np.empty((channels, each, length), rows.dtype)
    for block in blocks(channels, length * each, rows.itemsize):
        total, product = result[block], np.empty_like(result[block])
        for t, (phase, shift) in enumerate(layout.taps):
            seen = rows[block, phase, np.newaxis, shift : shift + length]
            np.multiply(seen, matrix[block, :, t, np.newaxis], out=total if t == 0 else product)
            if t:
                np.add(total, product, out=total)
    return result


def depthwise_wrt_rows(layout: Layout, flat: Any, matrix: Any, images: int) -> Any:
    """Compute the gradient with respect to the rows of the input."""
    channels, each, _ = matrix.shape
    length = flat.shape[1]
    flat = flat.reshape(channels, each, length)
    rows = layout.new_rows(images, channels, flat.dtype)
    for block in blocks(channels, length, flat.itemsize):
        product = np.empty_like(flat[block, 0])
        for (t, (phase, shift)), e in itertools.product(enumerate(layout.taps), range(each)):
            np.multiply(flat[block, e], matrix[block, e, t, np.newaxis], out=product)
            part = rows[block, phase, shift : shift + length]
            np.add(part, product, out=part)
    return rows


def depthwise_wrt_weight(layout: Layout, rows: Any, flat: Any) -> Any:
    """Compute the gradient with respect to the weight: (channels, outputs of each, taps)."""
    channels, length = rows.shape[0], flat.shape[1]
    flat = flat.reshape(channels, len(flat) // channels, length)
    result = np.empty((channels, flat.shape[1], len(layout.taps)), flat.dtype)
    for t, (phase, shift) in enumerate(layout.taps):
        result[:, :, t] = (flat @ rows[:, phase, shift : shift + length, np.newaxis])[..., 0]
    return result
