"""The layout of a padded image as a row of memory in which each tap of a convolution is a constant shift.

A channel is laid out as one row: its lines one after another, with padding between them that adjacent lines share.
The offset from one tap to the next is the same at each position, and consecutive windows are contiguous, so that
vectors of them are loaded without shuffles. A few positions are computed in vain, where a window would cross the end
of a line, and their results are dropped. For strides, the padded image is split into phases (for stride 2, even and
odd positions), each with a row of its own.

The gradient with respect to the input has the roles exchanged: there the results have phases.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

__all__ = ["Grid", "Part", "forward_grid", "input_gradient_grid"]


class Part(NamedTuple):
    """A strided range of elements along an axis, and the cell of the grid where it begins."""

    first: int
    step: int
    count: int  # type: ignore[assignment]  # (a tuple has a method of that name)
    cell: int


class Phase(NamedTuple):
    """A strided range along each axis; for results, also their taps, as (shift, index of the tap)."""

    parts: tuple[Part, ...]
    taps: tuple[tuple[int, int], ...] = ()


class AxisLayout(NamedTuple):
    """The layout of one axis: the parts of the source, those of the results with their taps, the length of a line."""

    sources: list[Part]
    results: list[Part]
    taps: list[list[tuple[int, int, int]]]  # (index of the source, shift in cells, tap), for each of the results
    length: int


class Grid:
    """The layout of the source, and the taps of each phase of the results.

    Attributes
    ----------
    sources : list of Phase
        The phases of a channel, each laid out in a row of its own, and surrounded by zeros.
    results : list of Phase
        Result i of a line of windows is the sum over the taps of the elements at shift + i.
    steps : tuple of int
        The strides of a row, by axis.
    cells : int
        Cells of a row per image; images are laid out one after another.
    images : int
        The number of images that are laid out at once.
    row : int
        Elements of a row, including those that are read after the last image.
    """

    def __init__(
        self, axes: list[AxisLayout], kernel: list[int], sizes: list[int], outputs: list[int], images: int
    ) -> None:
        self.sizes, self.outputs, self.images = tuple(sizes), tuple(outputs), images
        lengths = [a.length for a in axes]
        self.steps = tuple(math.prod(lengths[i + 1 :]) for i in range(len(axes)))
        self.cells = math.prod(lengths)
        self.sources = [Phase(parts) for parts in itertools.product(*(a.sources for a in axes))]
        places = [math.prod(len(a.sources) for a in axes[i + 1 :]) for i in range(len(axes))]
        phases: list[tuple[tuple[Part, ...], list[tuple[int, int, int]]]] = []
        for parts in itertools.product(*(zip(a.results, a.taps, strict=True) for a in axes)):
            taps = []
            for chosen in itertools.product(*(t for _, t in parts)):
                row = sum(place * source for place, (source, _, _) in zip(places, chosen, strict=True))
                shift = sum(step * cells for step, (_, cells, _) in zip(self.steps, chosen, strict=True))
                number = 0
                for n, (_, _, tap) in zip(kernel, chosen, strict=True):
                    number = number * n + tap
                taps.append((row, shift, number))
            phases.append((tuple(p for p, _ in parts), taps))
        reach = max((shift for _, taps in phases for _, shift, _ in taps), default=0)
        self.row = images * self.cells + reach + 64  # (the last vectors read a little further)
        self.results = [
            Phase(parts, tuple((row * self.row + shift, number) for row, shift, number in taps))
            for parts, taps in phases
        ]
        self.channel = len(self.sources) * self.row

    def places(self, phase: Phase) -> int:
        """The number of positions that are computed in a row, including those that are dropped."""
        last = sum((p.count - 1) * step for p, step in zip(phase.parts, self.steps, strict=True))
        return (self.images - 1) * self.cells + last + 1


def forward_grid(axes: tuple[Any, ...], images: int) -> Grid:
    """The grid of a convolution."""
    layouts = []
    for a in axes:
        reach = (a.taps - 1) * a.dilation
        phases = sorted({j * a.dilation % a.stride for j in range(a.taps)})
        last = a.windows - 1 + reach // a.stride  # the last cell that is read
        sources = []
        for r in phases:
            first = (r - a.before) % a.stride
            cell = (first + a.before - r) // a.stride
            count = min(len(range(first, a.size, a.stride)), last + 1 - cell)
            sources.append(Part(first, a.stride, max(count, 0), cell))
        length = max(a.windows, last + 1 - min(s.cell for s in sources), *(s.cell + s.count for s in sources))
        taps = [(phases.index(j * a.dilation % a.stride), j * a.dilation // a.stride, j) for j in range(a.taps)]
        layouts.append(AxisLayout(sources, [Part(0, 1, a.windows, 0)], [taps], length))
    return Grid(layouts, [a.taps for a in axes], [a.size for a in axes], [a.windows for a in axes], images)


def input_gradient_grid(axes: tuple[Any, ...], images: int) -> Grid:
    """The grid of the gradient with respect to the input; the source is the gradient of the result."""
    layouts = []
    for a in axes:
        before = (a.taps - 1) * a.dilation // a.stride
        results, taps = [], []
        last = length = 0
        for r in range(a.stride):
            first = (r - a.before) % a.stride
            count = len(range(first, a.size, a.stride))
            if not count:
                continue
            start = (first + a.before - r) // a.stride
            phase_taps = [
                (0, start + before - (j * a.dilation - r) // a.stride, j)
                for j in range(a.taps)
                if j * a.dilation % a.stride == r
            ]
            results.append(Part(first, a.stride, count, 0))
            taps.append(phase_taps)
            last = max(last, count - 1 + max((cells for _, cells, _ in phase_taps), default=0))
            length = max(length, count)
        length = max(length, before + a.windows, last + 1 - before)
        layouts.append(AxisLayout([Part(0, 1, a.windows, before)], results, taps, length))
    return Grid(layouts, [a.taps for a in axes], [a.windows for a in axes], [a.size for a in axes], images)
