"""A recurrence over a whole sequence, backward: the gradients by the sums of each step, from the last to the first.

Each thread has its rows of the batch, as forward. The gradients by the weights are products over all steps afterwards.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from wengert.compiler.graph.interpreter import view_of
from wengert.compiler.graph.kernel import Kernel
from wengert.compiler.kernels.recurrence.cells import InCode, InNumPy
from wengert.compiler.kernels.recurrence.forward import BOOL, kept_at, parts_of, series_at, unpacked
from wengert.compiler.kernels.recurrence.layout import Layout, blocks_of, multiplied, over_rows, sums_at_once
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["Backward", "blocks_backward", "columns", "places"]


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


class Backward(Kernel):
    """The gradients by the sums of each step, (length, batch, by_sums, units); then those by the initial states, and
    for each block of rows those by the biases.

    Operands: what the gradients by the outputs lie in, by `strides` along the sequence and the batch; the gradients by
    the last states; what `Forward` gave; the weights of the state, (parts, gates * units, columns); and if the layout
    is masked, which sequences there are.
    """

    def __init__(self, layout: Layout, strides: tuple[int, int]) -> None:
        self.layout, self.strides = layout, strides
        kind = layout.kind
        self.name = f"{kind.name} backward"
        self.key: Hashable = ("recurrence backward", layout, strides)
        self.iterations = self.blocks = blocks_backward(layout)
        self.flops = 2 * layout.length * layout.step * kind.gates * layout.units
        self.nanoseconds = self.flops / 40 + 1.0 * layout.length * layout.step * kind.gates

    def text(self, declarations: dict[str, str]) -> str:
        layout, kind, dtype = self.layout, self.layout.kind, self.layout.dtype
        code = IRBuilder(declarations)
        size, length, units, batch = dtype.itemsize, layout.length, layout.units, layout.batch
        names = [f"%p{i}" for i in range(1 + kind.states + 2 + layout.masked + 1)]
        last, forward, weights = names[1 : 1 + kind.states], names[1 + kind.states], names[2 + kind.states]
        out = names[-1]
        at_states, at_biases, _ = places(layout)
        series = [code.address(forward, str(series_at(layout, s)[0]), size) for s in range(kind.states)]
        kept = code.address(forward, str(kept_at(layout)), size)
        grads = [code.address(out, str(at_states + s * layout.step), size) for s in range(kind.states)]
        biases = code.address(out, str(at_biases), size)

        def begin(block: str, row: str, rows: int) -> None:
            """Start from the gradients by the last states, and from none by the biases."""
            start, bias = code.times(row, units), code.times(block, kind.by_sums * units)

            def zero(i: str) -> None:
                code.lanes = layout.lanes
                code.store("zeroinitializer", dtype, biases, code.emit_value(f"add nsw i64 {bias}, {i}"))
                code.lanes = 1

            for s in range(kind.states):

                def some(i: str, s: int = s) -> None:
                    code.lanes = layout.lanes
                    at = code.emit_value(f"add nsw i64 {start}, {i}")
                    code.store(code.load(dtype, last[s], at), dtype, grads[s], at)
                    code.lanes = 1

                code.loop("0", str(rows * units), some, layout.lanes)
            code.loop("0", str(kind.by_sums * units), zero, layout.lanes)

        over_rows(code, batch, self.blocks, begin)

        def step(i: str) -> None:
            t = i if layout.reverse else code.emit_value(f"sub nsw i64 {length - 1}, {i}")
            later = code.emit_value(f"add nsw i64 {t}, 1")
            before, after = (later, t) if layout.reverse else (t, later)

            def sweep(block: str, row: str, rows: int) -> None:
                def some_units(unit: str) -> None:
                    code.lanes = layout.lanes
                    self.sums(code, t, before, after, unit, block, row, rows, names, series, kept, grads, biases)
                    code.lanes = 1

                code.loop("0", str(units), some_units, layout.lanes)

            over_rows(code, batch, self.blocks, sweep)
            wide, count = columns(layout), kind.gates * units

            def some_columns(part: str) -> None:
                of_state = code.address(weights, code.times(part, count * wide), size)
                unit = code.times(part, wide)

                def product(block: str, row: str, rows: int) -> None:
                    code.lanes = layout.lanes
                    type = code.type(dtype)
                    found = [[code.variable(type) for _ in range(wide // layout.lanes)] for _ in range(rows)]
                    start = code.emit_value(f"add nsw i64 {code.times(row, units)}, {unit}")
                    targets = [
                        [
                            code.emit_value(f"add nsw i64 {start}, {r * units + v * layout.lanes}")
                            for v in range(len(found[0]))
                        ]
                        for r in range(rows)
                    ]
                    for r in range(rows):
                        for place, at in zip(found[r], targets[r], strict=True):
                            value = code.load(dtype, grads[0], at) if self.carries else "zeroinitializer"
                            code.emit(f"store {type} {value}, ptr {place}")
                    first = code.emit_value(f"add nsw i64 {code.times(t, batch)}, {row}")
                    first = code.emit_value(f"add nsw i64 {code.times(first, kind.by_sums)}, {kind.first_of_state}")
                    base = code.address(out, code.times(first, units), size)
                    apart = kind.by_sums * units * size
                    numbers = [code.emit_value(f"getelementptr i8, ptr {base}, i64 {r * apart}") for r in range(rows)]
                    multiplied(code, dtype, found, numbers, of_state, count)
                    for r in range(rows):
                        for place, at in zip(found[r], targets[r], strict=True):
                            code.store(code.emit_value(f"load {type}, ptr {place}"), dtype, grads[0], at)
                    code.lanes = 1

                over_rows(code, batch, self.blocks, product)

            code.loop("0", str(units // wide), some_columns)

        code.loop("0", str(length), step)
        code.emit("ret void")
        pointers = ", ".join(f"ptr {name}" for name in names)
        return code.function(f"({pointers}, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    @property
    def carries(self) -> bool:
        """Whether some of the gradient by h does not pass the sums."""
        return self.layout.masked or self.layout.cell == "gru"

    def sums(
        self,
        code: IRBuilder,
        t: str,
        before: str,
        after: str,
        unit: str,
        block: str,
        row: str,
        rows: int,
        names: list[str],
        series: list[str],
        kept: str,
        grads: list[str],
        biases: str,
    ) -> None:
        """The gradients by the sums of some units of some rows, in one step."""
        layout, kind, dtype = self.layout, self.layout.kind, self.layout.dtype
        units, batch = layout.units, layout.batch
        do, type = InCode(code, dtype), code.type(dtype)
        totals = [code.variable(type) for _ in range(kind.by_sums)]
        for total in totals:
            code.emit(f"store {type} zeroinitializer, ptr {total}")

        def one_row(r: str) -> None:
            here = code.emit_value(f"add nsw i64 {row}, {r}")

            def place(number: str, width: int) -> str:
                """The first of some units in this row of the slab of that number."""
                found = code.times(code.emit_value(f"add nsw i64 {code.times(number, batch)}, {here}"), width)
                return code.emit_value(f"add nsw i64 {found}, {unit}")

            at = place("0", units)
            by_step, by_row = (code.times(i, n) for i, n in zip((t, here), self.strides, strict=True))
            incoming = code.emit_value(f"add nsw i64 {by_step}, {code.emit_value(f'add nsw i64 {by_row}, {unit}')}")
            whole = [code.load(dtype, base, at) for base in grads]
            whole[0] = do.add(whole[0], code.load(dtype, names[0], incoming))
            states = [
                [code.load(dtype, base, place(i, series_at(layout, s)[1])) for s, base in enumerate(series)]
                for i in (before, after)
            ]
            first = place(t, kind.kept * units)
            saved = [
                code.load(dtype, kept, code.emit_value(f"add nsw i64 {first}, {s * units}")) for s in range(kind.kept)
            ]
            by_sums, carried = kind.backward(do, whole, saved, *states)
            if layout.masked:
                code.lanes = 1
                present = code.load(BOOL, names[-2], code.emit_value(f"add nsw i64 {code.times(t, batch)}, {here}"))
                code.lanes = layout.lanes
                zero = "zeroinitializer"
                by_sums = [code.emit_value(f"select i1 {present}, {type} {x}, {type} {zero}") for x in by_sums]
                carried = [
                    code.emit_value(f"select i1 {present}, {type} {zero if a is None else a}, {type} {b}")
                    for a, b in zip(carried, whole, strict=True)
                ]
            first = place(t, kind.by_sums * units)
            for s, value in enumerate(by_sums):
                code.store(value, dtype, names[-1], code.emit_value(f"add nsw i64 {first}, {s * units}"))
                added = do.add(code.emit_value(f"load {type}, ptr {totals[s]}"), value)
                code.emit(f"store {type} {added}, ptr {totals[s]}")
            for base, value in zip(grads, carried, strict=True):
                if value is not None:
                    code.store(value, dtype, base, at)

        code.loop("0", str(rows), one_row)
        first = code.emit_value(f"add nsw i64 {code.times(block, kind.by_sums * units)}, {unit}")
        for s, total in enumerate(totals):
            at = code.emit_value(f"add nsw i64 {first}, {s * units}")
            found = do.add(code.load(dtype, biases, at), code.emit_value(f"load {type}, ptr {total}"))
            code.store(found, dtype, biases, at)

    def compute(self, *operands: Any) -> Any:
        layout, kind = self.layout, self.layout.kind
        length, batch, units = layout.length, layout.batch, layout.units
        gy, last, (forward, weights) = operands[0], operands[1 : 1 + kind.states], operands[1 + kind.states :][:2]
        matrix = unpacked(weights[:, :, None], 1, columns(layout))[:, 0]
        series, kept = parts_of(forward, layout)
        gy = view_of(gy, 0, (length, batch, units), (*self.strides, 1))
        at_states, at_biases, end = places(layout)
        out = np.empty(end, layout.dtype)
        by_sums = out[:at_states].reshape(length, batch, kind.by_sums, units)
        grads = out[at_states:at_biases].reshape(kind.states, batch, units)
        grads[...] = last
        do = InNumPy()
        for t in range(length)[:: 1 if layout.reverse else -1]:
            before, after = (t + 1, t) if layout.reverse else (t, t + 1)
            whole = list(grads.copy())
            whole[0] = whole[0] + gy[t]
            states = [each[before] for each in series], [each[after] for each in series]
            found, carried = kind.backward(do, whole, [kept[t, :, s] for s in range(kind.kept)], *states)
            here = operands[-1][t][:, None] if layout.masked else np.ones((batch, 1), bool)
            by_sums[t] = np.where(here[:, None], np.stack(found, axis=1), 0)
            for s, value in enumerate(carried):
                grads[s] = np.where(here, 0 if value is None else value, whole[s])
            through = by_sums[t, :, kind.first_of_state : kind.first_of_state + kind.gates]
            grads[0] += through.reshape(batch, -1) @ matrix
        parts = out[at_biases:].reshape(self.blocks, kind.by_sums, units)
        for block in range(self.blocks):
            start, stop = (i * batch // self.blocks for i in (block, block + 1))
            parts[block] = by_sums[:, start:stop].sum(axis=(0, 1))
        return out
