"""Where the numbers of a padded image lie in a row of memory, so that each tap of a kernel is a shift of it.

A channel is laid out as one row: its lines behind each other, with the padding between them, which two lines share.
There the step from one tap to the next is the same shift at every place, and windows that follow one another are
neighbours: vectors of them are loaded as they lie. The price is a few places too many, where a window would reach
over the end of a line; what is computed there is dropped. Where windows are apart by a stride, the padded image is
split into its phases (for stride 2, even and odd places), each a row by itself.

The gradient by the input is the same with the roles exchanged: there the results have phases.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

__all__ = ["Grid", "Part", "by_input", "forward"]


class Part(NamedTuple):
    """Elements of an array along one axis, at equal steps: which, and in which cells of the grid they are laid."""

    first: int
    step: int
    count: int  # type: ignore[assignment]  # (a tuple has a method of that name)
    cell: int


class Phase(NamedTuple):
    """Elements of an array along each axis; of results, the taps that add to them, as (shift, number of the tap)."""

    parts: tuple[Part, ...]
    taps: tuple[tuple[int, int], ...] = ()


class Along(NamedTuple):
    """One axis: the parts of the source, those of the results with their taps, and the length of a line."""

    sources: list[Part]
    results: list[Part]
    taps: list[list[tuple[int, int, int]]]  # (source, cells of the shift, tap) for each of the results
    length: int


class Grid:
    """The layout of the source, and where the results of each phase come from.

    Attributes
    ----------
    sources : list of Phase
        What is laid out of a channel, each in a row of its own, zeros around it.
    results : list of Phase
        What is computed: result i of a line of windows is the sum over the taps of what is at shift + i.
    steps : tuple of int
        How far neighbours are apart in a row, for each axis.
    cells : int
        How much of a row an image takes; images lie behind each other.
    images : int
        How many images are laid out at once.
    row : int
        Elements of a row, with what is read beyond the images.
    """

    def __init__(self, axes: list[Along], kernel: list[int], sizes: list[int], outputs: list[int], images: int) -> None:
        self.sizes, self.outputs, self.images = tuple(sizes), tuple(outputs), images
        lengths = [a.length for a in axes]
        self.steps = tuple(math.prod(lengths[i + 1 :]) for i in range(len(axes)))
        self.cells = math.prod(lengths)
        self.sources = [Phase(parts) for parts in itertools.product(*(a.sources for a in axes))]
        places = [math.prod(len(a.sources) for a in axes[i + 1 :]) for i in range(len(axes))]
        found: list[tuple[tuple[Part, ...], list[tuple[int, int, int]]]] = []
        for parts in itertools.product(*(zip(a.results, a.taps, strict=True) for a in axes)):
            taps = []
            for chosen in itertools.product(*(t for _, t in parts)):
                row = sum(place * source for place, (source, _, _) in zip(places, chosen, strict=True))
                shift = sum(step * cells for step, (_, cells, _) in zip(self.steps, chosen, strict=True))
                number = 0
                for n, (_, _, tap) in zip(kernel, chosen, strict=True):
                    number = number * n + tap
                taps.append((row, shift, number))
            found.append((tuple(p for p, _ in parts), taps))
        reach = max((shift for _, taps in found for _, shift, _ in taps), default=0)
        self.row = images * self.cells + reach + 64  # (the last vectors reach a little further)
        self.results = [
            Phase(parts, tuple((row * self.row + shift, number) for row, shift, number in taps))
            for parts, taps in found
        ]
        self.channel = len(self.sources) * self.row

    def places(self, phase: Phase) -> int:
        """How many places of a row are computed, those that are dropped included."""
        last = sum((p.count - 1) * step for p, step in zip(phase.parts, self.steps, strict=True))
        return (self.images - 1) * self.cells + last + 1


def forward(axes: tuple[Any, ...], images: int) -> Grid:
    """The layout for a convolution."""
    found = []
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
        found.append(Along(sources, [Part(0, 1, a.windows, 0)], [taps], length))
    return Grid(found, [a.taps for a in axes], [a.size for a in axes], [a.windows for a in axes], images)


def by_input(axes: tuple[Any, ...], images: int) -> Grid:
    """The layout for the gradient of a convolution by its input: the source is the gradient by its result."""
    found = []
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
            mine = [
                (0, start + before - (j * a.dilation - r) // a.stride, j)
                for j in range(a.taps)
                if j * a.dilation % a.stride == r
            ]
            results.append(Part(first, a.stride, count, 0))
            taps.append(mine)
            last = max(last, count - 1 + max((cells for _, cells, _ in mine), default=0))
            length = max(length, count)
        length = max(length, before + a.windows, last + 1 - before)
        found.append(Along([Part(0, 1, a.windows, before)], results, taps, length))
    return Grid(found, [a.taps for a in axes], [a.windows for a in axes], [a.size for a in axes], images)
