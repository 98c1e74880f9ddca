"""The weight gradient of a convolution with few output channels per group: lanes run along image lines."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from wengert.compiler.kernels.ir import Index, Pointer
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.kernels.lines import copy_line
from wengert.compiler.machine import lanes_of

__all__ = ["sum_along_lines"]

MOST_TAPS = 9  # whose sums are in registers at once


def sum_along_lines(kernel: Any, b: Builder, group: Index, images: tuple[Index, Index], results: Pointer) -> None:
    """The sums over some images; elements after the end of a line count as zeros."""
    setting, gradients = kernel.setting, kernel.gradients
    count, outputs = len(kernel.taps), setting.out_channels
    b.zero(gradients, kernel.gradient_bytes // setting.dtype.itemsize)
    rows = group * outputs
    weights = results.at(rows * kernel.inner)
    biases = results.at(rows + setting.groups * outputs * kernel.inner)
    b.zero(weights, outputs * kernel.inner)
    b.zero(biases, outputs)
    with b.loop(*images) as i:
        kernel.lay_image(b, i, group)
        with b.loop(0, outputs) as r:
            source = kernel.gy.at((i * (setting.groups * outputs) + rows + r) * setting.windows)
            with b.loop(0, kernel.lines) as j:
                copy_line(b, kernel.width, source.at(j * kernel.width), gradients.at(j * kernel.pitch))
            sum_lines(kernel, b, None, biases.at(r), gradients)
            with b.loop(0, setting.in_channels) as c:
                target = weights.at(r * kernel.inner + c * count)
                inputs = kernel.laid.at(c * kernel.grid.channel)
                pieces = -(-count // MOST_TAPS)
                edges = [count * e // pieces for e in range(pieces + 1)]
                for start, stop in itertools.pairwise(edges):
                    sum_lines(kernel, b, kernel.taps[start:stop], target.at(start), inputs)


def sum_lines(kernel: Any, b: Builder, taps: Any, target: Pointer, source: Pointer) -> None:
    """The sums of the gradients; if there are taps, of their products with the input at each tap."""
    dtype, lanes = kernel.setting.dtype, lanes_of(kernel.setting.dtype)
    rest = kernel.width % lanes
    with b.vector(lanes) as lane:
        totals = [b.register(dtype, 0, wide=True) for _ in (taps or [None])]
        with b.loop(0, kernel.lines) as j:
            given = kernel.gradients.at(j * kernel.pitch)
            inputs = source.at(kernel.line_place(b, j)) if taps else source

            def add(place: Index, full: bool) -> None:
                gy = given[place + lane]
                for total, tap in zip(totals, taps or [None], strict=True):
                    if tap is None:
                        total.set(total.get() + gy)
                        continue
                    x = inputs[place + lane + tap[0]]
                    total.set(b.fma(x if full else b.select(b.lanes_below(rest), x, 0), gy, total.get()))

            if kernel.width >= lanes:
                with b.loop(0, kernel.width - rest, lanes) as place:
                    add(place, True)
            if rest:
                add(kernel.width - rest, False)
        for i, total in enumerate(totals):
            b.update(np.add, target, i, b.reduce_lanes(np.add, total.get()))
