"""The kernel of a recurrence, backward: gradients with respect to the pre-activations, from the last step to the first.

Each thread computes its rows of the batch, as in forward. The gradients of the weights are matrix products over all
steps, which are computed afterwards.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from wengert.compiler.graph.kernel import FLOPS_PER_NANOSECOND
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir import BOOL, Index, Pointer, Register
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.kernels.recurrence.forward import kept_at, series_at
from wengert.compiler.kernels.recurrence.layout import Layout, add_products, blocks_of, over_rows
from wengert.compiler.machine import sums_at_once

__all__ = ["Backward", "blocks_backward", "columns", "offsets"]


class Backward(FormKernel):
    """The gradients with respect to the pre-activations, (length, batch, sum_gradients, units); then to the initial
    states; then, for each block of rows, to the biases.

    Operands: the gradients of the outputs, by `strides` along the sequence and the batch; those of the final states;
    the result of `Forward`; the weights of the state, (parts, gates * units, columns); and if the layout is masked,
    the mask.
    """

    def __init__(self, layout: Layout, strides: tuple[int, int]) -> None:
        self.layout, self.strides = layout, strides
        kind = layout.kind
        self.name = f"{kind.name} backward"
        self.key: Hashable = ("recurrence backward", layout, strides)
        self.iterations = self.blocks = blocks_backward(layout)
        self.flops = 2 * layout.length * layout.step * kind.gates * layout.units
        self.nanoseconds = self.flops / FLOPS_PER_NANOSECOND + 1.0 * layout.length * layout.step * kind.gates

    def build(self, b: Builder) -> None:
        layout, kind = self.layout, self.layout.kind
        count = 3 + kind.states
        at = [b.operand(i, layout.dtype) for i in range(count)]
        self.gy, self.final, forward, self.weights = at[0], at[1:-2], at[-2], at[-1]
        self.mask = b.operand(count, BOOL) if layout.masked else None
        self.out = b.operand(count + layout.masked, layout.dtype)
        at_states, at_biases, _ = offsets(layout)
        self.series = [forward.at(series_at(layout, s)[0]) for s in range(kind.states)]
        self.kept = forward.at(kept_at(layout))
        self.grads = [self.out.at(at_states + s * layout.step) for s in range(kind.states)]
        self.biases = self.out.at(at_biases)
        over_rows(b, layout.batch, self.blocks, lambda block, row, rows: self.begin(b, block, row, rows))
        with b.loop(0, layout.length) as i:
            t = i if layout.reverse else layout.length - 1 - i
            over_rows(b, layout.batch, self.blocks, lambda block, row, rows: self.sums(b, t, block, row, rows))
            with b.loop(0, layout.units // columns(layout)) as part:
                over_rows(b, layout.batch, self.blocks, lambda _, row, rows: self.product(b, t, part, row, rows))

    def begin(self, b: Builder, block: Index, row: Index, rows: int) -> None:
        """Initialize the gradients of the states with those of the final states, and of the biases with 0."""
        layout = self.layout
        start = row * layout.units
        for final, target in zip(self.final, self.grads, strict=True):
            with b.lanes(rows * layout.units, layout.lanes) as i:
                target[start + i] = final[start + i]
        count = layout.kind.sum_gradients * layout.units
        with b.lanes(count, layout.lanes) as i:
            self.biases[block * count + i] = 0

    def product(self, b: Builder, t: Index, part: Index, row: Index, rows: int) -> None:
        """The gradient of the state before a step: those of the pre-activations times the weights."""
        layout, kind, lanes = self.layout, self.layout.kind, self.layout.lanes
        units, wide = layout.units, columns(layout)
        count = kind.gates * units
        target = self.grads[0].at(row * units + part * wide)
        with b.vector(lanes) as lane:
            sums = [[b.register(layout.dtype, wide=True) for _ in range(wide // lanes)] for _ in range(rows)]
            for r, of_row in enumerate(sums):
                for v, register in enumerate(of_row):
                    register.set(target[lane + (r * units + v * lanes)] if self.carries else 0)
            first = (t * layout.batch + row) * kind.sum_gradients + kind.first_of_state
            base = self.out.at(first * units)
            pointers = [base.at(r * kind.sum_gradients * units) for r in range(rows)]
            add_products(b, lane, lanes, sums, pointers, self.weights.at(part * (count * wide)), count)
            for r, of_row in enumerate(sums):
                for v, register in enumerate(of_row):
                    target[lane + (r * units + v * lanes)] = register.get()

    @property
    def carries(self) -> bool:
        """Whether a part of the gradient of h bypasses the pre-activations."""
        return self.layout.masked or self.layout.cell == "gru"

    def sums(self, b: Builder, t: Index, block: Index, row: Index, rows: int) -> None:
        """The gradients with respect to the pre-activations of all units of some rows, in one step."""
        layout, kind = self.layout, self.layout.kind
        with b.lanes(layout.units, layout.lanes, straight=0) as unit:
            totals = [b.register(layout.dtype, 0, wide=True) for _ in range(kind.sum_gradients)]
            with b.loop(0, rows) as r:
                self.one_row(b, t, unit, row + r, totals)
            biases = self.biases.at(block * (kind.sum_gradients * layout.units))
            for s, total in enumerate(totals):
                b.update(np.add, biases, unit + s * layout.units, total.get())

    def one_row(self, b: Builder, t: Index, unit: Index, row: Index, totals: list[Register]) -> None:
        """Those of one row; `totals` accumulate the gradients of the biases."""
        layout, kind, units = self.layout, self.layout.kind, self.layout.units
        before, after = (t + 1, t) if layout.reverse else (t, t + 1)

        def place(base: Pointer, number: Index, width: int) -> Pointer:
            """This row, of the step `number`."""
            return base.at((number * layout.batch + row) * width)

        grads = [place(base, 0, units) for base in self.grads]
        total = [base[unit] for base in grads]
        total[0] = total[0] + self.gy.at(t * self.strides[0] + row * self.strides[1])[unit]
        states = [
            [place(base, i, series_at(layout, s)[1])[unit] for s, base in enumerate(self.series)]
            for i in (before, after)
        ]
        kept = place(self.kept, t, kind.kept * units)
        saved = [kept[unit + s * units] for s in range(kind.kept)]
        sum_gradients, carried = kind.backward(b, total, saved, *states)
        if self.mask is not None:
            is_active = self.mask[t * layout.batch + row]
            sum_gradients = [b.select(is_active, x, 0) for x in sum_gradients]
            carried = [b.select(is_active, 0 if x is None else x, y) for x, y in zip(carried, total, strict=True)]
        out = place(self.out, t, kind.sum_gradients * units)
        for s, value in enumerate(sum_gradients):
            out[unit + s * units] = value
            totals[s].set(totals[s].get() + value)
        for base, value in zip(grads, carried, strict=True):
            if value is not None:
                base[unit] = value


def columns(layout: Layout) -> int:
    """Units of a register tile of the product with the weights."""
    return layout.lanes * (2 if layout.units // layout.lanes % 2 == 0 else 1)


def blocks_backward(layout: Layout) -> int:
    """The number of blocks of rows: large blocks reuse the weights, which exceed the cache."""
    return blocks_of(layout.batch, min(sums_at_once() * layout.lanes // columns(layout), 8))


def offsets(layout: Layout) -> tuple[int, int, int]:
    """The offsets of the gradients of the initial states and of the biases in the result, and its size."""
    kind = layout.kind
    states = layout.length * kind.sum_gradients * layout.step
    biases = states + kind.states * layout.step
    return states, biases, biases + blocks_backward(layout) * kind.sum_gradients * layout.units
