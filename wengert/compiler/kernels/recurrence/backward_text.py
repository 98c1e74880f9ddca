"""The native code of a recurrence, backward."""

from __future__ import annotations

from wengert.compiler.kernels.recurrence.cells import InCode
from wengert.compiler.kernels.recurrence.forward_text import BOOL, kept_at, series_at
from wengert.compiler.kernels.recurrence.layout import Layout, blocks_of, multiplied, over_rows, sums_at_once
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["BackwardText", "blocks_backward", "columns", "places"]


def columns(layout: Layout) -> int:
    """Units whose gradients are computed at once."""
    return layout.lanes * (2 if layout.units // layout.lanes % 2 == 0 else 1)


def blocks_backward(layout: Layout) -> int:
    """Blocks of rows: many rows share what is read of the weights, of which there are more than the cache holds."""
    return blocks_of(layout.batch, min(sums_at_once() * layout.lanes // columns(layout), 8))


def places(layout: Layout) -> tuple[int, int, int]:
    """Where in the result the gradients by the initial states begin, those by the biases, and its end."""
    kind = layout.kind
    states = layout.length * kind.by_sums * layout.step
    biases = states + kind.states * layout.step
    return states, biases, biases + blocks_backward(layout) * kind.by_sums * layout.units


class BackwardText:
    """Writes the function of one layout.

    Attributes
    ----------
    series, kept : list of str, str
        Where in what forward gave the states of all times are, and what it kept.
    grads, biases : list of str, str
        Where in the result the gradients with respect to the states are, and those with respect to the biases.
    t, before, after : str
        The number of the step, and those of the states before and after it.
    """

    def __init__(self, layout: Layout, strides: tuple[int, int], declarations: dict[str, str]) -> None:
        self.layout, self.strides, self.kind, self.dtype = layout, strides, layout.kind, layout.dtype
        self.blocks, kind, size = blocks_backward(layout), self.kind, self.dtype.itemsize
        self.code = code = IRBuilder(declarations)
        self.names = [f"%p{i}" for i in range(1 + kind.states + 2 + layout.masked + 1)]
        self.last, forward = self.names[1 : 1 + kind.states], self.names[1 + kind.states]
        self.weights, self.out = self.names[2 + kind.states], self.names[-1]
        at_states, at_biases, _ = places(layout)
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
        """Start from the gradients with respect to the last states, and from none with respect to the biases."""
        code, layout, kind, dtype = self.code, self.layout, self.kind, self.dtype
        start, bias = code.times(row, layout.units), code.times(block, kind.by_sums * layout.units)

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
        code.loop("0", str(kind.by_sums * layout.units), zero, layout.lanes)

    def step(self, i: str) -> None:
        """One step of the sequence, of all rows of this thread."""
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
        """What the gradients with respect to the sums give to those with respect to the state before."""
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
        first = code.emit_value(f"add nsw i64 {code.times(first, kind.by_sums)}, {kind.first_of_state}")
        base = code.address(self.out, code.times(first, units), size)
        apart = kind.by_sums * units * size
        numbers = [code.emit_value(f"getelementptr i8, ptr {base}, i64 {r * apart}") for r in range(rows)]
        multiplied(code, dtype, found, numbers, of_state, kind.gates * units)
        for r in range(rows):
            for place, at in zip(found[r], targets[r], strict=True):
                code.store(code.emit_value(f"load {type}, ptr {place}"), dtype, self.grads[0], at)
        code.lanes = 1

    @property
    def carries(self) -> bool:
        """Whether some of the gradient with respect to h does not pass the sums."""
        return self.layout.masked or self.layout.cell == "gru"

    def sums(self, unit: str, block: str, row: str, rows: int) -> None:
        """The gradients with respect to the sums of some units of some rows, in one step."""
        code, layout, kind, dtype = self.code, self.layout, self.kind, self.dtype
        do, type = InCode(code, dtype), code.type(dtype)
        totals = [code.variable(type) for _ in range(kind.by_sums)]
        for total in totals:
            code.emit(f"store {type} zeroinitializer, ptr {total}")
        code.loop("0", str(rows), lambda r: self.one_row(do, unit, row, r, totals))
        first = code.emit_value(f"add nsw i64 {code.times(block, kind.by_sums * layout.units)}, {unit}")
        for s, total in enumerate(totals):
            at = code.emit_value(f"add nsw i64 {first}, {s * layout.units}")
            found = do.add(code.load(dtype, self.biases, at), code.emit_value(f"load {type}, ptr {total}"))
            code.store(found, dtype, self.biases, at)

    def one_row(self, do: InCode, unit: str, row: str, r: str, totals: list[str]) -> None:
        """The same of one row; `totals` gather what goes to the biases."""
        code, layout, kind, dtype = self.code, self.layout, self.kind, self.dtype
        type, units = code.type(dtype), layout.units
        here = code.emit_value(f"add nsw i64 {row}, {r}")

        def place(number: str, width: int) -> str:
            """The first of some units in this row of the slab of that number."""
            found = code.times(code.emit_value(f"add nsw i64 {code.times(number, layout.batch)}, {here}"), width)
            return code.emit_value(f"add nsw i64 {found}, {unit}")

        at = place("0", units)
        by_step, by_row = (code.times(i, n) for i, n in zip((self.t, here), self.strides, strict=True))
        incoming = code.emit_value(f"add nsw i64 {by_step}, {code.emit_value(f'add nsw i64 {by_row}, {unit}')}")
        whole = [code.load(dtype, base, at) for base in self.grads]
        whole[0] = do.add(whole[0], code.load(dtype, self.names[0], incoming))
        states = [
            [code.load(dtype, base, place(i, series_at(layout, s)[1])) for s, base in enumerate(self.series)]
            for i in (self.before, self.after)
        ]
        first = place(self.t, kind.kept * units)
        saved = [
            code.load(dtype, self.kept, code.emit_value(f"add nsw i64 {first}, {s * units}")) for s in range(kind.kept)
        ]
        by_sums, carried = kind.backward(do, whole, saved, *states)
        if layout.masked:
            code.lanes = 1
            present = code.emit_value(f"add nsw i64 {code.times(self.t, layout.batch)}, {here}")
            present = code.load(BOOL, self.names[-2], present)
            code.lanes = layout.lanes
            zero = "zeroinitializer"
            by_sums = [code.emit_value(f"select i1 {present}, {type} {x}, {type} {zero}") for x in by_sums]
            carried = [
                code.emit_value(f"select i1 {present}, {type} {zero if a is None else a}, {type} {b}")
                for a, b in zip(carried, whole, strict=True)
            ]
        first = place(self.t, kind.by_sums * units)
        for s, value in enumerate(by_sums):
            code.store(value, dtype, self.out, code.emit_value(f"add nsw i64 {first}, {s * units}"))
            added = do.add(code.emit_value(f"load {type}, ptr {totals[s]}"), value)
            code.emit(f"store {type} {added}, ptr {totals[s]}")
        for base, value in zip(self.grads, carried, strict=True):
            if value is not None:
                code.store(value, dtype, base, at)
