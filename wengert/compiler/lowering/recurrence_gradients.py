"""The gradients of a recurrence: a kernel for those of the pre-activations, and products for those of the weights."""

from __future__ import annotations

import numpy as np

from wengert.compiler.graph import build
from wengert.compiler.graph.build import constant, convert, matrix_product, reduction, reshape, strided
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.kernels.recurrence.backward import Backward, blocks_backward, columns, offsets
from wengert.compiler.lowering.recurrence_call import RecurrenceCall, rows_in_place

__all__ = ["RecurrenceGradients"]


class RecurrenceGradients:
    """The backward pass of a call of lstm, gru or rnn.

    Attributes
    ----------
    forward : Node
        The result of the kernel `Forward`.
    found : Node
        The result of the kernel `Backward`: the gradients with respect to the pre-activations of all steps, the initial
        states, and, by blocks of rows, the biases.
    """

    def __init__(self, call: RecurrenceCall, gys: list[Node]) -> None:
        self.call, self.layout, self.kind, self.line = call, call.layout, call.layout.kind, call.line
        layout, kind, line = self.layout, self.kind, self.line
        batch, hidden, units = layout.batch, layout.hidden, layout.units
        gy, *last = (convert(g, dtype=layout.dtype, line=line) if g.dtype != layout.dtype else g for g in gys)
        self.forward = call.forward()
        square = call.padded(call.weights[1], (kind.gates, hidden, hidden), (1, 2))
        wide, count = columns(layout), kind.gates * units
        _, _, (_, s, t) = build.root_of(square)
        weights = convert(strided(square, (units // wide, count, wide), (wide * t, s, t), line=line), line=line)
        incoming, strides = rows_in_place(call.padded(call.masked(gy), (layout.length, batch, hidden), (2,)))
        operands = [
            incoming,
            *(call.padded(g, (batch, hidden), (1,)) for g in last),
            self.forward,
            weights,
            *(() if call.mask is None else (call.mask,)),
        ]
        self.at_states, self.at_biases, end = offsets(layout)
        self.found = kernel_node(Backward(layout, strides), tuple(operands), (end,), layout.dtype, line)

    @property
    def in_order(self) -> tuple[int, ...]:
        """The order of the gates in the weights."""
        return tuple(range(self.kind.gates))

    def needed(self, needs: tuple[bool, ...]) -> list[Node]:
        """The gradients with respect to x, the states, the weights and the biases, those that are needed."""
        need_x, *others = needs
        need_states, need_weights = others[: self.kind.states], others[self.kind.states :]
        results = [self.of_input()] if need_x else []
        results += [self.of_initial_state(s) for s, need in enumerate(need_states) if need]
        return results + self.of_weights(need_weights[:2]) + self.of_biases(need_weights[2:])

    def of_input(self) -> Node:
        call, layout, kind = self.call, self.layout, self.kind
        length, batch, width, units = layout.length, layout.batch, layout.width, layout.units
        weight = call.padded(call.weights[0], (kind.gates, layout.hidden, width), (1,))
        if kind.input_order != self.in_order:
            weight = self.reordered(reshape(weight, (kind.gates, units * width), self.line), kind.input_order)
        gx = self.product(self.of_sums(0), reshape(weight, (kind.gates * units, width), self.line))
        return call.masked(reshape(gx, (length, batch, width), self.line))

    def of_initial_state(self, state: int) -> Node:
        layout = self.layout
        start = self.at_states + state * layout.step
        return strided(self.found, (layout.batch, layout.hidden), (layout.units, 1), start, self.line)

    def of_weights(self, needs: list[bool]) -> list[Node]:
        """With respect to the weights of the input, and of the state."""
        layout, kind, line = self.layout, self.kind, self.line
        steps, width, hidden, units = layout.length * layout.batch, layout.width, layout.hidden, layout.units
        before = (1 if layout.reverse else 0) * layout.batch * layout.row
        # A row is the state before a step, and the input of the step.
        rows = strided(self.forward, (steps, layout.row), (layout.row, 1), before, line)
        if all(needs) and kind.first_of_state == 0:  # a single product yields both gradients
            rows = strided(rows, (steps, units + width), (layout.row, 1), 0, line)
            joint = self.product(self.transposed(self.of_sums(0)), rows)
            return [
                self.in_blocks(strided(joint, (kind.gates * units, n), (units + width, 1), at, line), self.in_order)
                for n, at in ((width, units), (hidden, 0))
            ]
        results = []
        if needs[0]:
            inputs = strided(rows, (steps, width), (layout.row, 1), units, line)
            results.append(self.in_blocks(self.product(self.transposed(self.of_sums(0)), inputs), kind.input_order))
        if needs[1]:
            states = strided(rows, (steps, hidden), (layout.row, 1), 0, line)
            product = self.product(self.transposed(self.of_sums(kind.first_of_state)), states)
            results.append(self.in_blocks(product, self.in_order))
        return results

    def of_biases(self, needs: list[bool]) -> list[Node]:
        """With respect to the biases of the input, and of the state."""
        layout, kind, line = self.layout, self.kind, self.line
        if not any(needs):
            return []
        shape = (blocks_backward(layout), kind.sum_gradients * layout.units)
        parts = strided(self.found, shape, (shape[1], 1), self.at_biases, line)
        total = reduction(np.add, parts, 0, False, None, line)
        results = []
        for need, first, order in zip(needs, (0, kind.first_of_state), (kind.input_order, self.in_order), strict=True):
            if need:
                part = strided(total, (kind.gates * layout.units, 1), (1, 1), first * layout.units, line)
                results.append(reshape(self.in_blocks(part, order), (kind.gates * layout.hidden,), line))
        return results

    def of_sums(self, first: int) -> Node:
        """With respect to the pre-activations, from the gate `first` on: a matrix of all steps and rows."""
        layout, kind = self.layout, self.kind
        shape, row = (layout.length * layout.batch, kind.gates * layout.units), kind.sum_gradients * layout.units
        return strided(self.found, shape, (row, 1), first * layout.units, self.line)

    def product(self, a: Node, b: Node) -> Node:
        product = matrix_product(a, b, self.line)
        assert product is not None
        return product

    def in_blocks(self, x: Node, order: tuple[int, ...]) -> Node:
        """Rows by gate and unit, without the padding of the units, and with the gates in the order of the weights."""
        kind, hidden, units = self.kind, self.layout.hidden, self.layout.units
        numbers = (x.shape or ())[1]
        shape = (kind.gates, hidden, numbers)
        _, _, (s, t) = build.root_of(x)
        if order == self.in_order:
            parts = strided(x, shape, (units * s, s, t), line=self.line)
            return reshape(parts, (kind.gates * hidden, numbers), self.line)
        joined = constant(np.zeros(shape, self.layout.dtype))
        for i, gate in enumerate(order):
            part = strided(x, (hidden, numbers), (s, t), i * units * s, self.line)
            settings = {"offset": gate * hidden * numbers, "shape": part.shape, "strides": (numbers, 1)}
            joined = Node("update", (joined, part), settings, shape, self.layout.dtype, line=self.line)
        return reshape(joined, (kind.gates * hidden, numbers), self.line)

    def transposed(self, x: Node) -> Node:
        return build.transpose(x, (1, 0), self.line)

    def reordered(self, x: Node, order: tuple[int, ...]) -> Node:
        """The rows in another order."""
        joined = constant(np.zeros(x.shape, x.dtype))
        _, _, (s, t) = build.root_of(x)
        for i, row in enumerate(order):
            part = strided(x, (x.shape or ())[1:], (t,), row * s, self.line)
            settings = {"offset": i * part.size, "shape": part.shape, "strides": (1,)}
            joined = Node("update", (joined, part), settings, x.shape, x.dtype, line=self.line)
        return joined
