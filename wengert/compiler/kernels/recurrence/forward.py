"""The kernel of a recurrence over an entire sequence, forward: each thread computes its rows of the batch.

Steps do not synchronize threads. The result is one array: the states before the first step and after each, in the
order of the sequence, each state next to the input of its step; and the values that are saved for backward.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np

from wengert.compiler.graph.interpreter import view_of
from wengert.compiler.graph.kernel import FLOPS_PER_NANOSECOND, Kernel
from wengert.compiler.kernels.recurrence.cells import InNumPy
from wengert.compiler.kernels.recurrence.forward_text import ForwardText, kept_at, result_size, series_at
from wengert.compiler.kernels.recurrence.layout import Layout

__all__ = ["Forward", "parts_of", "unpacked"]


class Forward(Kernel):
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

    def text(self, declarations: dict[str, str]) -> str:
        return ForwardText(self.layout, declarations).write()

    def compute(self, *operands: Any) -> Any:
        layout, kind = self.layout, self.layout.kind
        length, batch, units, width = layout.length, layout.batch, layout.units, layout.width
        x = view_of(operands[0], 0, (length, batch, width), (*layout.strides, 1))
        input_weights, state_weights = (unpacked(w, kind.gates, layout.spread) for w in operands[1:3])
        out = np.zeros(result_size(layout), layout.dtype)
        series, kept = parts_of(out, layout)
        for each, state in zip(series, operands[4:], strict=False):
            each[length if layout.reverse else 0] = state
        rows = out[: (length + 1) * batch * layout.row].reshape(length + 1, batch, layout.row)
        (rows[1:] if layout.reverse else rows[:-1])[:, :, units : units + width] = x
        ops = InNumPy()
        for t in range(length)[:: -1 if layout.reverse else 1]:
            before, after = (t + 1, t) if layout.reverse else (t, t + 1)
            sums = np.repeat(operands[3][:, None], batch, axis=1)  # (sums, batch, units)
            sums[list(kind.of_input)] += np.einsum("bk,kgu->gbu", x[t], input_weights)
            sums[list(kind.of_state)] += np.einsum("bk,kgu->gbu", series[0][before, :, : layout.hidden], state_weights)
            states = [each[before] for each in series]
            saved, found = kind.forward(ops, list(sums), states)
            for s, value in enumerate(found):
                series[s][after] = np.where(operands[-1][t][:, None], value, states[s]) if layout.masked else value
            for s, value in enumerate(saved):
                kept[t, :, s] = value
        return out


def parts_of(out: Any, layout: Layout) -> tuple[list[Any], Any]:
    """Views of the states of all steps, and of the saved values of each step."""
    count, batch = layout.length + 1, layout.batch
    series = []
    for s in range(layout.kind.states):
        start, width = series_at(layout, s)
        found = out[start : start + count * batch * width].reshape(count, batch, width)
        series.append(found[:, :, : layout.units])
    return series, out[kept_at(layout) :].reshape(layout.length, batch, layout.kind.kept, layout.units)


def unpacked(weights: Any, blocks: int, spread: int) -> Any:
    """Unpack weights to (inputs, blocks, units)."""
    parts = weights.reshape(len(weights), -1, blocks, spread)
    return np.moveaxis(parts, 0, 2).reshape(parts.shape[1], blocks, math.prod((len(weights), spread)))
