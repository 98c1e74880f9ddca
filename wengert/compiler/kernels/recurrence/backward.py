"""A recurrence over a whole sequence, backward: the gradients by the sums of each step, from the last to the first.

Each thread has its rows of the batch, as forward. The gradients by the weights are products over all steps afterwards.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from wengert.compiler.graph.interpreter import view_of
from wengert.compiler.graph.kernel import Kernel
from wengert.compiler.kernels.recurrence.backward_text import BackwardText, blocks_backward, columns, places
from wengert.compiler.kernels.recurrence.cells import InNumPy
from wengert.compiler.kernels.recurrence.forward import parts_of, unpacked
from wengert.compiler.kernels.recurrence.layout import Layout

__all__ = ["Backward"]


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
        return BackwardText(self.layout, self.strides, declarations).write()

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
