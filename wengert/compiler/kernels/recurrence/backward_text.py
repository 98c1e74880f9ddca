"""The LLVM IR of a recurrence, backward."""

from __future__ import annotations

from wengert.compiler.kernels.recurrence.cells import InCode
from wengert.compiler.kernels.recurrence.forward_text import BOOL, kept_at, series_at
from wengert.compiler.kernels.recurrence.layout import Layout, add_products, blocks_of, over_rows
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder
from wengert.compiler.targets.llvm.vector_registers import sums_at_once

__all__ = ["BackwardText", "blocks_backward", "columns", "offsets"]


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


class BackwardText:
    """Emits the function of a layout.

    Attributes
    ----------
    series, kept : list of str, str
        The addresses of the states of all steps, and of the saved values, in the result of forward.
    grads, biases : list of str, str
        The addresses of the gradients of the states and of the biases in the result.
    t, before, after : str
        The index of the step, and of the states before and after it.
    """

    def __init__(self, layout: Layout, strides: tuple[int, int], declarations: dict[str, str]) -> None:
        self.layout, self.strides, self.kind, self.dtype = layout, strides, layout.kind, layout.dtype
        self.blocks, kind, size = blocks_backward(layout), self.kind, self.dtype.itemsize
        self.code = code = IRBuilder(declarations)
        self.names = [f"%p{i}" for i in range(1 + kind.states + 2 + layout.masked + 1)]
        self.last, forward = self.names[1 : 1 + kind.states], self.names[1 + kind.states]
        self.weights, self.out = self.names[2 + kind.states], self.names[-1]
        at_states, at_biases, _ = offsets(layout)
        self.series = [code.address(forward, str(series_at(layout, s)[0]), size) for s in range(kind.states)]
        self.kept = code.address(forward, str(kept_at(layout)), size)
        self.grads = [code.address(self.out, str(at_states + s * layout.step), size) for s in range(kind.states)]
        self.biases = code.address(self.out, str(at_biases), size)
        self.t = self.before = self.after = ""

    def write(self) -> str:
        code = self.code
        over_rows(code, self.layout.batch, self.blocks, self.begin)
        code.loop("0", str(self.layout.length), self.step)
        code.emit("ret void")
        pointers = ", ".join(f"ptr {name}" for name in self.names)
        return code.function(f"({pointers}, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def begin(self, block: str, row: str, rows: int) -> None:
        """Emit: initialize the gradients of the states with those of the final states, and of the biases with 0."""
        code, layout, kind, dtype = self.code, self.layout, self.kind, self.dtype
        start, bias = code.times(row, layout.units), code.times(block, kind.sum_gradients * layout.units)

        def zero(i: str) -> None:
            code.lanes = layout.lanes
            code.store("zeroinitializer", dtype, self.biases, code.emit_value(f"add nsw i64 {bias}, {i}"))
            code.lanes = 1

        for s in range(kind.states):

            def some(i: str, s: int = s) -> None:
                code.lanes = layout.lanes
                at = code.emit_value(f"add nsw i64 {start}, {i}")
                code.store(code.load(dtype, self.last[s], at), dtype, self.grads[s], at)
                code.lanes = 1

            code.loop("0", str(rows * layout.units), some, layout.lanes)
        code.loop("0", str(kind.sum_gradients * layout.units), zero, layout.lanes)

    def step(self, i: str) -> None:
        """Emit a step of the sequence, for all rows of this thread."""
        code, layout, size = self.code, self.layout, self.dtype.itemsize
        self.t = i if layout.reverse else code.emit_value(f"sub nsw i64 {layout.length - 1}, {i}")
        later = code.emit_value(f"add nsw i64 {self.t}, 1")
        self.before, self.after = (later, self.t) if layout.reverse else (self.t, later)

        def of_sums(block: str, row: str, rows: int) -> None:
            def some_units(unit: str) -> None:
                code.lanes = layout.lanes
                self.sums(unit, block, row, rows)
                code.lanes = 1

            code.loop("0", str(layout.units), some_units, layout.lanes)

        over_rows(code, layout.batch, self.blocks, of_sums)
        wide, count = columns(layout), self.kind.gates * layout.units

        def some_columns(part: str) -> None:
            of_state = code.address(self.weights, code.times(part, count * wide), size)
            unit = code.times(part, wide)
            over_rows(code, layout.batch, self.blocks, lambda block, row, rows: self.product(unit, row, rows, of_state))

        code.loop("0", str(layout.units // wide), some_columns)

    def product(self, unit: str, row: str, rows: int, of_state: str) -> None:
        """Emit the gradient of the state before a step: those of the pre-activations times the weights."""
        code, layout, kind, dtype = self.code, self.layout, self.kind, self.dtype
        units, size, wide = layout.units, dtype.itemsize, columns(layout)
        code.lanes = layout.lanes
        type = code.type(dtype)
        found = [[code.variable(type) for _ in range(wide // layout.lanes)] for _ in range(rows)]
        start = code.emit_value(f"add nsw i64 {code.times(row, units)}, {unit}")
        targets = [
            [code.emit_value(f"add nsw i64 {start}, {r * units + v * layout.lanes}") for v in range(len(found[0]))]
            for r in range(rows)
        ]
        for r in range(rows):
            for place, at in zip(found[r], targets[r], strict=True):
                value = code.load(dtype, self.grads[0], at) if self.carries else "zeroinitializer"
                code.emit(f"store {type} {value}, ptr {place}")
        first = code.emit_value(f"add nsw i64 {code.times(self.t, layout.batch)}, {row}")
        first = code.emit_value(f"add nsw i64 {code.times(first, kind.sum_gradients)}, {kind.first_of_state}")
        base = code.address(self.out, code.times(first, units), size)
        row_bytes = kind.sum_gradients * units * size
        numbers = [code.emit_value(f"getelementptr i8, ptr {base}, i64 {r * row_bytes}") for r in range(rows)]
        add_products(code, dtype, found, numbers, of_state, kind.gates * units)
        for r in range(rows):
            for place, at in zip(found[r], targets[r], strict=True):
                code.store(code.emit_value(f"load {type}, ptr {place}"), dtype, self.grads[0], at)
        code.lanes = 1

    @property
    def carries(self) -> bool:
        """Whether a part of the gradient of h bypasses the pre-activations."""
        return self.layout.masked or self.layout.cell == "gru"

    def sums(self, unit: str, block: str, row: str, rows: int) -> None:
        """Emit the gradients with respect to the pre-activations of some units of some rows, in one step."""
        code, layout, kind, dtype = self.code, self.layout, self.kind, self.dtype
        ops, type = InCode(code, dtype), code.type(dtype)
        totals = [code.variable(type) for _ in range(kind.sum_gradients)]
        for total in totals:
            code.emit(f"store {type} zeroinitializer, ptr {total}")
        code.loop("0", str(rows), lambda r: self.one_row(ops, unit, row, r, totals))
        first = code.emit_value(f"add nsw i64 {code.times(block, kind.sum_gradients * layout.units)}, {unit}")
        for s, total in enumerate(totals):
            at = code.emit_value(f"add nsw i64 {first}, {s * layout.units}")
            found = ops.add(code.load(dtype, self.biases, at), code.emit_value(f"load {type}, ptr {total}"))
            code.store(found, dtype, self.biases, at)

    def one_row(self, ops: InCode, unit: str, row: str, r: str, totals: list[str]) -> None:
        """Emit those of one row; `totals` accumulate the gradients of the biases."""
        code, layout, kind, dtype = self.code, self.layout, self.kind, self.dtype
        type, units = code.type(dtype), layout.units
        here = code.emit_value(f"add nsw i64 {row}, {r}")

        def place(number: str, width: int) -> str:
            """The index of the first unit in this row, of the step `number`."""
            found = code.times(code.emit_value(f"add nsw i64 {code.times(number, layout.batch)}, {here}"), width)
            return code.emit_value(f"add nsw i64 {found}, {unit}")

        at = place("0", units)
        by_step, by_row = (code.times(i, n) for i, n in zip((self.t, here), self.strides, strict=True))
        incoming = code.emit_value(f"add nsw i64 {by_step}, {code.emit_value(f'add nsw i64 {by_row}, {unit}')}")
        total = [code.load(dtype, base, at) for base in self.grads]
        total[0] = ops.add(total[0], code.load(dtype, self.names[0], incoming))
        states = [
            [code.load(dtype, base, place(i, series_at(layout, s)[1])) for s, base in enumerate(self.series)]
            for i in (self.before, self.after)
        ]
        first = place(self.t, kind.kept * units)
        saved = [
            code.load(dtype, self.kept, code.emit_value(f"add nsw i64 {first}, {s * units}")) for s in range(kind.kept)
        ]
        sum_gradients, carried = kind.backward(ops, total, saved, *states)
        if layout.masked:
            code.lanes = 1
            is_active = code.emit_value(f"add nsw i64 {code.times(self.t, layout.batch)}, {here}")
            is_active = code.load(BOOL, self.names[-2], is_active)
            code.lanes = layout.lanes
            zero = "zeroinitializer"
            sum_gradients = [
                code.emit_value(f"select i1 {is_active}, {type} {x}, {type} {zero}") for x in sum_gradients
            ]
            carried = [
                code.emit_value(f"select i1 {is_active}, {type} {zero if a is None else a}, {type} {b}")
                for a, b in zip(carried, total, strict=True)
            ]
        first = place(self.t, kind.sum_gradients * units)
        for s, value in enumerate(sum_gradients):
            code.store(value, dtype, self.out, code.emit_value(f"add nsw i64 {first}, {s * units}"))
            added = ops.add(code.emit_value(f"load {type}, ptr {totals[s]}"), value)
            code.emit(f"store {type} {added}, ptr {totals[s]}")
        for base, value in zip(self.grads, carried, strict=True):
            if value is not None:
                code.store(value, dtype, base, at)
