"""The LLVM IR of a recurrence, forward."""

from __future__ import annotations

import numpy as np

from wengert.compiler.kernels.recurrence.cells import InCode
from wengert.compiler.kernels.recurrence.layout import Layout, add_products, over_rows, row_range
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["BOOL", "ForwardText", "kept_at", "result_size", "series_at"]

BOOL = np.dtype(bool)


def series_at(layout: Layout, state: int) -> tuple[int, int]:
    """The offset of the states of all steps in the result, and their row stride."""
    return (0, layout.row) if state == 0 else ((layout.length + 1) * layout.batch * layout.row, layout.units)


def kept_at(layout: Layout) -> int:
    """The offset of the values that are saved for backward."""
    return sum((layout.length + 1) * layout.batch * series_at(layout, s)[1] for s in range(layout.kind.states))


def result_size(layout: Layout) -> int:
    """The number of elements of the result."""
    return kept_at(layout) + layout.length * layout.kind.kept * layout.step


class ForwardText:
    """Emits the function of a layout.

    Attributes
    ----------
    series : list of str
        The addresses of the states of all steps.
    kept : str
        The address of the values that are saved for backward.
    t, before, after : str
        The index of the step, and of the states before and after it.
    """

    def __init__(self, layout: Layout, declarations: dict[str, str]) -> None:
        self.layout, self.kind, self.dtype = layout, layout.kind, layout.dtype
        self.code = code = IRBuilder(declarations)
        self.names = [f"%p{i}" for i in range(4 + self.kind.states + layout.masked + 1)]
        out, size = self.names[-1], self.dtype.itemsize
        self.series = [code.address(out, str(series_at(layout, s)[0]), size) for s in range(self.kind.states)]
        self.kept = code.address(out, str(kept_at(layout)), size)
        self.ops = InCode(code, self.dtype)
        self.t = self.before = self.after = ""

    def write(self) -> str:
        code = self.code
        self.begin()
        code.loop("0", str(self.layout.length), self.step)
        code.emit("ret void")
        pointers = ", ".join(f"ptr {name}" for name in self.names)
        return code.function(f"({pointers}, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def begin(self) -> None:
        """Emit: copy the initial states, and the inputs of all steps."""
        code, layout, names, series = self.code, self.layout, self.names, self.series
        start, stop = row_range(code, layout.batch, layout.blocks)

        def one_row(row: str) -> None:
            for s in range(self.kind.states):
                _, width = series_at(layout, s)
                first = layout.length * layout.batch if layout.reverse else 0
                place = code.times(code.emit_value(f"add nsw i64 {row}, {first}"), width)
                self.copy((names[4 + s], code.times(row, layout.units)), (series[s], place), layout.units)

            def one_step(t: str) -> None:
                before = code.emit_value(f"add nsw i64 {t}, 1") if layout.reverse else t
                place = code.emit_value(f"add nsw i64 {code.times(before, layout.batch)}, {row}")
                place = code.emit_value(f"add nsw i64 {code.times(place, layout.row)}, {layout.units}")
                by_step, by_row = layout.strides
                at = code.emit_value(f"add nsw i64 {code.times(t, by_step)}, {code.times(row, by_row)}")
                self.copy((names[0], at), (series[0], place), layout.width)

            code.loop("0", str(layout.length), one_step)

        code.loop(start, stop, one_row)

    def copy(self, source: tuple[str, str], target: tuple[str, str], count: int) -> None:
        """Emit: copy `count` elements; source and target are pairs of an address and the index of the first element."""
        code, dtype = self.code, self.dtype

        def some(i: str) -> None:
            value = code.load(dtype, source[0], code.emit_value(f"add nsw i64 {source[1]}, {i}"))
            code.store(value, dtype, target[0], code.emit_value(f"add nsw i64 {target[1]}, {i}"))

        code.loop_over_elements(count, self.layout.lanes, some)

    def step(self, i: str) -> None:
        """Emit a step of the sequence, for all rows of this thread."""
        code, layout, size = self.code, self.layout, self.dtype.itemsize
        self.t = code.emit_value(f"sub nsw i64 {layout.length - 1}, {i}") if layout.reverse else i
        later = code.emit_value(f"add nsw i64 {self.t}, 1")
        self.before, self.after = (later, self.t) if layout.reverse else (self.t, later)

        def some_units(part: str) -> None:
            together = self.kind.gates * layout.spread
            of_input = code.address(self.names[1], code.times(part, layout.width * together), size)
            of_state = code.address(self.names[2], code.times(part, layout.hidden * together), size)
            unit = code.times(part, layout.spread)

            def one_block(block: str, row: str, rows: int) -> None:
                self.block(unit, row, rows, of_input, of_state)

            over_rows(code, layout.batch, layout.blocks, one_block)

        code.loop("0", str(layout.units // layout.spread), some_units)

    def block(self, unit: str, row: str, rows: int, of_input: str, of_state: str) -> None:
        """Emit a step of a tile: some units of some rows."""
        code, layout, kind, size = self.code, self.layout, self.kind, self.dtype.itemsize
        code.lanes = layout.lanes
        sums = self.sums_of_biases(unit, rows)
        states = code.emit_value(f"add nsw i64 {code.times(self.before, layout.batch)}, {row}")
        states = code.address(self.series[0], code.times(states, layout.row), size)
        state_rows, input_rows = (
            [
                code.emit_value(f"getelementptr i8, ptr {states}, i64 {(r * layout.row + start) * size}")
                for r in range(rows)
            ]
            for start in (0, layout.units)
        )
        for which, pointers, vectors, count in (
            (kind.of_input, input_rows, of_input, layout.width),
            (kind.of_state, state_rows, of_state, layout.hidden),
        ):
            chosen = [[place for s in which for place in row_sums[s]] for row_sums in sums]
            add_products(code, self.dtype, chosen, pointers, vectors, count)
        table = self.in_memory(sums)
        code.loop("0", str(rows), lambda r: self.one_row(unit, row, r, table))
        code.lanes = 1

    def sums_of_biases(self, unit: str, rows: int) -> list[list[list[str]]]:
        """Variables of the sums of each row, by gate and vector, initialized with the biases."""
        code, layout, kind, dtype = self.code, self.layout, self.kind, self.dtype
        type = code.type(dtype)
        sums = [[[code.variable(type) for _ in range(layout.together)] for _ in range(kind.sums)] for _ in range(rows)]
        at_unit = [code.emit_value(f"add nsw i64 {unit}, {u * layout.lanes}") for u in range(layout.together)]
        for s in range(kind.sums):
            for u, at in enumerate(at_unit):
                bias = code.load(dtype, self.names[3], code.emit_value(f"add nsw i64 {at}, {s * layout.units}"))
                for r in range(rows):
                    code.emit(f"store {type} {bias}, ptr {sums[r][s][u]}")
        return sums

    def in_memory(self, sums: list[list[list[str]]]) -> str:
        """Store the sums of all rows in an array, so that a loop goes over the rows instead of unrolled code."""
        code, type = self.code, self.code.type(self.dtype)
        each = self.kind.sums * self.layout.together
        table = code.variable(f"[{len(sums) * each} x {type}]")
        for r, of_row in enumerate(sums):
            for i, place in enumerate(place for of_gate in of_row for place in of_gate):
                value = code.emit_value(f"load {type}, ptr {place}")
                at = code.emit_value(f"getelementptr {type}, ptr {table}, i64 {r * each + i}")
                code.emit(f"store {type} {value}, ptr {at}, align {self.dtype.itemsize}")
        return table

    def one_row(self, unit: str, row: str, r: str, table: str) -> None:
        """Emit the new states and the saved values of some units of a row, from their sums."""
        code, layout, kind, dtype = self.code, self.layout, self.kind, self.dtype
        type, units = code.type(dtype), layout.units
        here = code.emit_value(f"add nsw i64 {row}, {r}")

        def first(number: str, width: int) -> str:
            """The index of the first unit in this row, of the step `number`."""
            place = code.emit_value(f"add nsw i64 {code.times(number, layout.batch)}, {here}")
            return code.emit_value(f"add nsw i64 {code.times(place, width)}, {unit}")

        is_active = ""
        if layout.masked:
            code.lanes = 1
            at = code.emit_value(f"add nsw i64 {code.times(self.t, layout.batch)}, {here}")
            is_active = code.load(BOOL, self.names[-2], at)
            code.lanes = layout.lanes
        start = code.times(r, kind.sums * layout.together)
        widths = [series_at(layout, s)[1] for s in range(kind.states)]
        old_places, new_places = ([first(i, width) for width in widths] for i in (self.before, self.after))
        saved = first(self.t, kind.kept * units)
        for u in range(layout.together):
            further = u * layout.lanes
            values = []
            for s in range(kind.sums):
                at = code.emit_value(f"add nsw i64 {start}, {s * layout.together + u}")
                at = code.emit_value(f"getelementptr {type}, ptr {table}, i64 {at}")
                values.append(code.emit_value(f"load {type}, ptr {at}, align {dtype.itemsize}"))
            states = [
                code.load(dtype, base, code.emit_value(f"add nsw i64 {at}, {further}"))
                for base, at in zip(self.series, old_places, strict=True)
            ]
            saved_values, results = kind.forward(self.ops, values, states)
            if is_active:
                results = [
                    code.emit_value(f"select i1 {is_active}, {type} {a}, {type} {b}")
                    for a, b in zip(results, states, strict=True)
                ]
            for base, at, value in zip(self.series, new_places, results, strict=True):
                code.store(value, dtype, base, code.emit_value(f"add nsw i64 {at}, {further}"))
            for s, value in enumerate(saved_values):
                code.store(value, dtype, self.kept, code.emit_value(f"add nsw i64 {saved}, {s * units + further}"))
