"""The kernel of a recurrence over an entire sequence, forward: each thread computes its rows of the batch.

Steps do not synchronize threads. The result is one array: the states before the first step and after each, in the
order of the sequence, each state next to the input of its step; and the values that are saved for backward.
"""

from __future__ import annotations

from collections.abc import Hashable

from wengert.compiler.graph.kernel import FLOPS_PER_NANOSECOND
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir import BOOL, Index, Pointer, Register
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.kernels.recurrence.layout import Layout, add_products, over_rows

__all__ = ["Forward", "kept_at", "result_size", "series_at"]


class Forward(FormKernel):
    """The states, and the values saved for backward.

    Operands: x, by the strides of the layout; the weights of the input and of the state, packed for `add_products`,
    by tiles of units; the biases (sums, units); the initial states (batch, units); and if the layout is masked, the
    mask of the sequences that have not ended, (length, batch).
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        length, kind = layout.length, layout.kind
        self.name = kind.name
        self.key: Hashable = ("recurrence forward", layout)
        self.iterations = layout.blocks
        self.flops = 2 * length * layout.step * kind.gates * (layout.width + layout.hidden)
        self.nanoseconds = self.flops / FLOPS_PER_NANOSECOND + 2.0 * length * layout.step * kind.gates

    def build(self, b: Builder) -> None:
        layout, kind = self.layout, self.layout.kind
        at = [b.operand(i, layout.dtype) for i in range(4 + kind.states)]
        self.x, self.weights, self.biases, self.first = at[0], at[1:3], at[3], at[4:]
        self.mask = b.operand(4 + kind.states, BOOL) if layout.masked else None
        out = b.operand(4 + kind.states + layout.masked, layout.dtype)
        self.series = [out.at(series_at(layout, s)[0]) for s in range(kind.states)]
        self.kept = out.at(kept_at(layout))
        self.begin(b)
        with b.loop(0, layout.length) as i:
            t = layout.length - 1 - i if layout.reverse else i
            with b.loop(0, layout.units // layout.spread) as part:
                over_rows(b, layout.batch, layout.blocks, lambda _, row, rows: self.block(b, t, part, row, rows))

    def begin(self, b: Builder) -> None:
        """Copy the initial states, and the inputs of all steps."""
        layout = self.layout
        start, stop = (b.parameter(name) * layout.batch // layout.blocks for name in ("first", "last"))

        def copy(source: Pointer, target: Pointer, count: int) -> None:
            with b.lanes(count, layout.lanes, "one") as i:
                target[i] = source[i]

        with b.loop(start, stop) as row:
            for s, state in enumerate(self.first):
                _, width = series_at(layout, s)
                before = layout.length * layout.batch if layout.reverse else 0
                copy(state.at(row * layout.units), self.series[s].at((row + before) * width), layout.units)
            with b.loop(0, layout.length) as t:
                before = t + int(layout.reverse)
                given = self.x.at(t * layout.strides[0] + row * layout.strides[1])
                place = (before * layout.batch + row) * layout.row + layout.units
                copy(given, self.series[0].at(place), layout.width)

    def block(self, b: Builder, t: Index, part: Index, row: Index, rows: int) -> None:
        """A step of a tile: some units of some rows."""
        layout, kind = self.layout, self.layout.kind
        together = kind.gates * layout.spread
        unit, before = part * layout.spread, t + int(layout.reverse)
        with b.vector(layout.lanes) as lane:
            sums = self.sums_of_biases(b, lane, unit, rows)
            states = self.series[0].at((before * layout.batch + row) * layout.row)
            for which, weights, start, count in (
                (kind.of_input, self.weights[0], layout.units, layout.width),
                (kind.of_state, self.weights[1], 0, layout.hidden),
            ):
                chosen = [[register for s in which for register in of_row[s]] for of_row in sums]
                pointers = [states.at(r * layout.row + start) for r in range(rows)]
                add_products(b, lane, layout.lanes, chosen, pointers, weights.at(part * (count * together)), count)
            # (in an array, so that a loop goes over the rows instead of unrolled code)
            each = kind.sums * layout.together
            table = b.local(layout.dtype, rows * each, wide=True)
            for n, register in enumerate(x for of_row in sums for of_gate in of_row for x in of_gate):
                table[lane + n * layout.lanes] = register.get()
            with b.loop(0, rows) as r:
                self.one_row(b, t, lane, unit, row + r, table.at(r * (each * layout.lanes)))

    def sums_of_biases(self, b: Builder, lane: Index, unit: Index, rows: int) -> list[list[list[Register]]]:
        """The sums of each row, by gate and vector, initialized with the biases."""
        layout, kind = self.layout, self.layout.kind
        sums = [
            [[b.register(layout.dtype, wide=True) for _ in range(layout.together)] for _ in range(kind.sums)]
            for _ in range(rows)
        ]
        for s in range(kind.sums):
            for u in range(layout.together):
                bias = self.biases[unit + lane + (u * layout.lanes + s * layout.units)]
                for r in range(rows):
                    sums[r][s][u].set(bias)
        return sums

    def one_row(self, b: Builder, t: Index, lane: Index, unit: Index, row: Index, sums: Pointer) -> None:
        """The new states and the saved values of some units of a row, from their sums."""
        layout, kind = self.layout, self.layout.kind
        before, after = (t + 1, t) if layout.reverse else (t, t + 1)

        def first(base: Pointer, number: Index, width: int) -> Pointer:
            """The first unit in this row, of the step `number`."""
            return base.at((number * layout.batch + row) * width + unit)

        is_active = self.mask[t * layout.batch + row] if self.mask is not None else None
        widths = [series_at(layout, s)[1] for s in range(kind.states)]
        old, new = (
            [first(base, i, width) for base, width in zip(self.series, widths, strict=True)] for i in (before, after)
        )
        saved = first(self.kept, t, kind.kept * layout.units)
        for u in range(layout.together):
            further = lane + u * layout.lanes
            values = [sums[further + s * layout.together * layout.lanes] for s in range(kind.sums)]
            states = [state[further] for state in old]
            kept, results = kind.forward(b, values, states)
            if is_active is not None:
                results = [b.select(is_active, x, y) for x, y in zip(results, states, strict=True)]
            for target, value in zip(new, results, strict=True):
                target[further] = value
            for s, value in enumerate(kept):
                saved[further + s * layout.units] = value


def series_at(layout: Layout, state: int) -> tuple[int, int]:
    """The offset of the states of all steps in the result, and their row stride."""
    return (0, layout.row) if state == 0 else ((layout.length + 1) * layout.batch * layout.row, layout.units)


def kept_at(layout: Layout) -> int:
    """The offset of the values that are saved for backward."""
    return sum((layout.length + 1) * layout.batch * series_at(layout, s)[1] for s in range(layout.kind.states))


def result_size(layout: Layout) -> int:
    """The number of elements of the result."""
    return kept_at(layout) + layout.length * layout.kind.kept * layout.step
