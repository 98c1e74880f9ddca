"""A recurrence over a whole sequence, forward: native code that each thread runs on its rows of the batch.

No step waits for another thread. What comes out lies in one array: the states before the first step and after each,
in the order of the sequence, the input of the step beside the state before it; and what backward needs.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np

from wengert.compiler.graph.interpreter import view_of
from wengert.compiler.graph.kernel import Kernel
from wengert.compiler.kernels.recurrence.cells import InCode, InNumPy
from wengert.compiler.kernels.recurrence.layout import Layout, multiplied, over_rows, row_range
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["BOOL", "Forward", "kept_at", "parts_of", "result_size", "series_at", "unpacked"]

BOOL = np.dtype(bool)


def series_at(layout: Layout, state: int) -> tuple[int, int]:
    """Where in the result the states of all times begin, and the numbers from one row to the next."""
    return (0, layout.row) if state == 0 else ((layout.length + 1) * layout.batch * layout.row, layout.units)


def kept_at(layout: Layout) -> int:
    """Where in the result the values begin that are kept for backward."""
    return sum((layout.length + 1) * layout.batch * series_at(layout, s)[1] for s in range(layout.kind.states))


def result_size(layout: Layout) -> int:
    """How many numbers the result has."""
    return kept_at(layout) + layout.length * layout.kind.kept * layout.step


class Forward(Kernel):
    """The states and what is kept.

    Operands: what x lies in, by the strides of the layout; the weights of the input and of the state, as `multiplied`
    takes them, for each of the units that are computed at once; the biases (sums, units); the initial states
    (batch, units); and if the layout is masked, which sequences there are, (length, batch).
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        length, kind = layout.length, layout.kind
        self.name = kind.name
        self.key: Hashable = ("recurrence forward", layout)
        self.iterations = layout.blocks
        self.flops = 2 * length * layout.step * kind.gates * (layout.width + layout.hidden)
        self.nanoseconds = self.flops / 40 + 2.0 * length * layout.step * kind.gates

    def text(self, declarations: dict[str, str]) -> str:
        layout, kind, dtype = self.layout, self.layout.kind, self.layout.dtype
        code = IRBuilder(declarations)
        size, length, units = dtype.itemsize, layout.length, layout.units
        names = [f"%p{i}" for i in range(4 + kind.states + layout.masked + 1)]
        _, by_input, by_state, biases = names[:4]
        out, mask = names[-1], names[-2]
        series = [code.address(out, str(series_at(layout, s)[0]), size) for s in range(kind.states)]
        kept = code.address(out, str(kept_at(layout)), size)
        do = InCode(code, dtype)
        self.begin(code, names, series)

        def step(i: str) -> None:
            t = code.emit_value(f"sub nsw i64 {length - 1}, {i}") if layout.reverse else i
            later = code.emit_value(f"add nsw i64 {t}, 1")
            before, after = (later, t) if layout.reverse else (t, later)

            def some_units(part: str) -> None:
                together = kind.gates * layout.spread
                of_input = code.address(by_input, code.times(part, layout.width * together), size)
                of_state = code.address(by_state, code.times(part, layout.hidden * together), size)
                unit = code.times(part, layout.spread)

                def one_block(block: str, row: str, rows: int) -> None:
                    weights = of_input, of_state, biases
                    self.block(code, do, t, before, after, unit, row, rows, weights, series, kept, mask)

                over_rows(code, layout.batch, layout.blocks, one_block)

            code.loop("0", str(units // layout.spread), some_units)

        code.loop("0", str(length), step)
        code.emit("ret void")
        pointers = ", ".join(f"ptr {name}" for name in names)
        return code.function(f"({pointers}, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def begin(self, code: IRBuilder, names: list[str], series: list[str]) -> None:
        """Copy the initial states and the inputs of all steps."""
        layout, dtype = self.layout, self.layout.dtype
        start, stop = row_range(code, layout.batch, layout.blocks)

        def copied(source: str, at: str, target: str, place: str, count: int) -> None:
            def some(i: str) -> None:
                value = code.load(dtype, source, code.emit_value(f"add nsw i64 {at}, {i}"))
                code.store(value, dtype, target, code.emit_value(f"add nsw i64 {place}, {i}"))

            code.lanes = layout.lanes
            whole = count // layout.lanes * layout.lanes
            if whole:
                code.loop("0", str(whole), some, layout.lanes)
            code.lanes = 1
            if whole < count:
                code.loop(str(whole), str(count), some)

        def one_row(row: str) -> None:
            for s in range(layout.kind.states):
                _, width = series_at(layout, s)
                first = layout.length * layout.batch if layout.reverse else 0
                place = code.times(code.emit_value(f"add nsw i64 {row}, {first}"), width)
                copied(names[4 + s], code.times(row, layout.units), series[s], place, layout.units)

            def one_step(t: str) -> None:
                before = code.emit_value(f"add nsw i64 {t}, 1") if layout.reverse else t
                place = code.emit_value(f"add nsw i64 {code.times(before, layout.batch)}, {row}")
                place = code.emit_value(f"add nsw i64 {code.times(place, layout.row)}, {layout.units}")
                by_step, by_row = layout.strides
                at = code.emit_value(f"add nsw i64 {code.times(t, by_step)}, {code.times(row, by_row)}")
                copied(names[0], at, series[0], place, layout.width)

            code.loop("0", str(layout.length), one_step)

        code.loop(start, stop, one_row)

    def block(
        self,
        code: IRBuilder,
        do: InCode,
        t: str,
        before: str,
        after: str,
        unit: str,
        row: str,
        rows: int,
        weights: tuple[str, str, str],
        series: list[str],
        kept: str,
        mask: str,
    ) -> None:
        """Some units of some rows, in one step."""
        layout, kind, dtype = self.layout, self.layout.kind, self.layout.dtype
        size, units, batch = dtype.itemsize, layout.units, layout.batch
        of_input, of_state, biases = weights
        code.lanes = layout.lanes
        type = code.type(dtype)
        sums: list[list[list[str]]] = [
            [[code.variable(type) for _ in range(layout.together)] for _ in range(kind.sums)] for _ in range(rows)
        ]
        at_unit = [code.emit_value(f"add nsw i64 {unit}, {u * layout.lanes}") for u in range(layout.together)]
        for s in range(kind.sums):
            for u, at in enumerate(at_unit):
                bias = code.load(dtype, biases, code.emit_value(f"add nsw i64 {at}, {s * units}"))
                for r in range(rows):
                    code.emit(f"store {type} {bias}, ptr {sums[r][s][u]}")

        states = code.emit_value(f"add nsw i64 {code.times(before, batch)}, {row}")
        states = code.address(series[0], code.times(states, layout.row), size)
        state_rows, input_rows = (
            [
                code.emit_value(f"getelementptr i8, ptr {states}, i64 {(r * layout.row + start) * size}")
                for r in range(rows)
            ]
            for start in (0, units)
        )
        for which, pointers, vectors, count in (
            (kind.of_input, input_rows, of_input, layout.width),
            (kind.of_state, state_rows, of_state, layout.hidden),
        ):
            chosen = [[place for s in which for place in row_sums[s]] for row_sums in sums]
            multiplied(code, dtype, chosen, pointers, vectors, count)
        # The sums go through memory, so that there is one loop over the rows and not the code of each.
        each = kind.sums * layout.together
        table = code.variable(f"[{rows * each} x {type}]")
        for r in range(rows):
            for i, place in enumerate(place for row_sums in sums[r] for place in row_sums):
                value = code.emit_value(f"load {type}, ptr {place}")
                at = code.emit_value(f"getelementptr {type}, ptr {table}, i64 {r * each + i}")
                code.emit(f"store {type} {value}, ptr {at}, align {size}")

        def one_row(r: str) -> None:
            here = code.emit_value(f"add nsw i64 {row}, {r}")

            def first(number: str, width: int) -> str:
                """The first of some units in this row of the slab of that number."""
                place = code.emit_value(f"add nsw i64 {code.times(number, batch)}, {here}")
                return code.emit_value(f"add nsw i64 {code.times(place, width)}, {unit}")

            present = ""
            if layout.masked:
                code.lanes = 1
                present = code.load(BOOL, mask, code.emit_value(f"add nsw i64 {code.times(t, batch)}, {here}"))
                code.lanes = layout.lanes
            start = code.times(r, each)
            widths = [series_at(layout, s)[1] for s in range(kind.states)]
            old_places, new_places = ([first(i, width) for width in widths] for i in (before, after))
            saved = first(t, kind.kept * units)
            for u in range(layout.together):
                further = u * layout.lanes
                values = []
                for s in range(kind.sums):
                    at = code.emit_value(f"add nsw i64 {start}, {s * layout.together + u}")
                    at = code.emit_value(f"getelementptr {type}, ptr {table}, i64 {at}")
                    values.append(code.emit_value(f"load {type}, ptr {at}, align {size}"))
                states = [
                    code.load(dtype, base, code.emit_value(f"add nsw i64 {at}, {further}"))
                    for base, at in zip(series, old_places, strict=True)
                ]
                keeping, found = kind.forward(do, values, states)
                if present:
                    found = [
                        code.emit_value(f"select i1 {present}, {type} {a}, {type} {b}")
                        for a, b in zip(found, states, strict=True)
                    ]
                for base, at, value in zip(series, new_places, found, strict=True):
                    code.store(value, dtype, base, code.emit_value(f"add nsw i64 {at}, {further}"))
                for s, value in enumerate(keeping):
                    code.store(value, dtype, kept, code.emit_value(f"add nsw i64 {saved}, {s * units + further}"))

        code.loop("0", str(rows), one_row)
        code.lanes = 1

    def compute(self, *operands: Any) -> Any:
        layout, kind = self.layout, self.layout.kind
        length, batch, units, width = layout.length, layout.batch, layout.units, layout.width
        x = view_of(operands[0], 0, (length, batch, width), (*layout.strides, 1))
        by_input, by_state = (unpacked(w, kind.gates, layout.spread) for w in operands[1:3])
        out = np.zeros(result_size(layout), layout.dtype)
        series, kept = parts_of(out, layout)
        for each, state in zip(series, operands[4:], strict=False):
            each[length if layout.reverse else 0] = state
        rows = out[: (length + 1) * batch * layout.row].reshape(length + 1, batch, layout.row)
        (rows[1:] if layout.reverse else rows[:-1])[:, :, units : units + width] = x
        do = InNumPy()
        for t in range(length)[:: -1 if layout.reverse else 1]:
            before, after = (t + 1, t) if layout.reverse else (t, t + 1)
            sums = np.repeat(operands[3][:, None], batch, axis=1)  # (sums, batch, units)
            sums[list(kind.of_input)] += np.einsum("bk,kgu->gbu", x[t], by_input)
            sums[list(kind.of_state)] += np.einsum("bk,kgu->gbu", series[0][before, :, : layout.hidden], by_state)
            states = [each[before] for each in series]
            keeping, found = kind.forward(do, list(sums), states)
            for s, value in enumerate(found):
                series[s][after] = np.where(operands[-1][t][:, None], value, states[s]) if layout.masked else value
            for s, value in enumerate(keeping):
                kept[t, :, s] = value
        return out


def parts_of(out: Any, layout: Layout) -> tuple[list[Any], Any]:
    """The states of all times, and what is kept of each step."""
    count, batch = layout.length + 1, layout.batch
    series = []
    for s in range(layout.kind.states):
        start, width = series_at(layout, s)
        found = out[start : start + count * batch * width].reshape(count, batch, width)
        series.append(found[:, :, : layout.units])
    return series, out[kept_at(layout) :].reshape(layout.length, batch, layout.kind.kept, layout.units)


def unpacked(weights: Any, blocks: int, spread: int) -> Any:
    """The weights as (numbers, blocks, units)."""
    parts = weights.reshape(len(weights), -1, blocks, spread)
    return np.moveaxis(parts, 0, 2).reshape(parts.shape[1], blocks, math.prod((len(weights), spread)))
