"""The kernel of a recurrence, backward: gradients with respect to the pre-activations, from the last step to the first.

Each thread computes its rows of the batch, as in forward. The gradients of the weights are matrix products over all
steps, which are computed afterwards.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from wengert.compiler.graph.interpreter import view_of
from wengert.compiler.graph.kernel import FLOPS_PER_NANOSECOND, Kernel
from wengert.compiler.kernels.recurrence.backward_text import BackwardText, blocks_backward, columns, offsets
from wengert.compiler.kernels.recurrence.cells import InNumPy
from wengert.compiler.kernels.recurrence.forward import parts_of, unpacked
from wengert.compiler.kernels.recurrence.layout import Layout

__all__ = ["Backward"]


class Backward(Kernel):
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

    def text(self, declarations: dict[str, str]) -> str:
        return BackwardText(self.layout, self.strides, declarations).write()

    def compute(self, *operands: Any) -> Any:
        layout, kind = self.layout, self.layout.kind
        length, batch, units = layout.length, layout.batch, layout.units
        gy, last, (forward, weights) = operands[0], operands[1 : 1 + kind.states], operands[1 + kind.states :][:2]
        matrix = unpacked(weights[:, :, None], 1, columns(layout))[:, 0]
        series, kept = parts_of(forward, layout)
        gy = view_of(gy, 0, (length, batch, units), (*self.strides, 1))
        at_states, at_biases, end = offsets(layout)
        out = np.empty(end, layout.dtype)
        sum_gradients = out[:at_states].reshape(length, batch, kind.sum_gradients, units)
        grads = out[at_states:at_biases].reshape(kind.states, batch, units)
        grads[...] = last
        ops = InNumPy()
        for t in range(length)[:: 1 if layout.reverse else -1]:
            before, after = (t + 1, t) if layout.reverse else (t, t + 1)
            total = list(grads.copy())
            total[0] = total[0] + gy[t]
            states = [each[before] for each in series], [each[after] for each in series]
            found, carried = kind.backward(ops, total, [kept[t, :, s] for s in range(kind.kept)], *states)
            here = operands[-1][t][:, None] if layout.masked else np.ones((batch, 1), bool)
            sum_gradients[t] = np.where(here[:, None], np.stack(found, axis=1), 0)
            for s, value in enumerate(carried):
                grads[s] = np.where(here, 0 if value is None else value, total[s])
            to_state = sum_gradients[t, :, kind.first_of_state : kind.first_of_state + kind.gates]
            grads[0] += to_state.reshape(batch, -1) @ matrix
        parts = out[at_biases:].reshape(self.blocks, kind.sum_gradients, units)
        for block in range(self.blocks):
            start, stop = (i * batch // self.blocks for i in (block, block + 1))
            parts[block] = sum_gradients[:, start:stop].sum(axis=(0, 1))
        return out
