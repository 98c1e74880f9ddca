"""Recurrences as nodes: the calls of lstm, gru and rnn, and of what is backward of them, put as kernels and products.

Backward is given what forward was given, and puts forward down again: equal nodes become one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph import build
from wengert.compiler.graph.build import (
    constant,
    convert,
    elementwise,
    matrix_product,
    reduction,
    reshape,
    select,
    strided,
)
from wengert.compiler.graph.graph import Node, c_strides
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.kernels.recurrence.backward import Backward
from wengert.compiler.kernels.recurrence.backward_text import blocks_backward, columns, places
from wengert.compiler.kernels.recurrence.forward import Forward
from wengert.compiler.kernels.recurrence.forward_text import result_size, series_at
from wengert.compiler.kernels.recurrence.layout import Layout, layout_of
from wengert.compiler.lowering.embedding_rules import require_below
from wengert.functions.recurrent_gru import Gru
from wengert.functions.recurrent_lstm import Lstm
from wengert.functions.recurrent_rnn import Rnn

__all__ = ["RECURRENCES", "recurrence", "recurrence_gradients", "require_lengths"]

RECURRENCES = (Lstm, Gru, Rnn)


class Walk:
    """A call of lstm, gru or rnn on nodes."""

    def __init__(self, layout: Layout, x: Node, states: list[Any], weights: list[Any], lengths: Any, line: str) -> None:
        self.layout, self.line = layout, line
        self.states, self.weights, self.lengths = states, weights, lengths
        self.mask = None if lengths is None else self.active(lengths)
        self.x = self.masked(x)

    def active(self, lengths: Node) -> Node:
        steps = constant(np.arange(self.layout.length)[:, None])
        return elementwise(np.less, steps, reshape(lengths, (1, self.layout.batch)), line=self.line)

    def masked(self, x: Node) -> Node:
        """A sequence, 0 where it has ended."""
        if self.mask is None:
            return x
        mask = reshape(self.mask, (self.layout.length, self.layout.batch, 1))
        return select(mask, x, np.zeros((), x.dtype), self.line)

    def wide(self, x: Node | None, shape: tuple[int, ...], axes: tuple[int, ...]) -> Node:
        """An array, or zeros of a shape, with units up to the layout's along some axes."""
        hidden, units, dtype = self.layout.hidden, self.layout.units, self.layout.dtype
        full = tuple(units if i in axes else n for i, n in enumerate(shape))
        if x is None:
            return constant(np.zeros(full, dtype))
        x = reshape(x, shape, self.line)
        if hidden == units:
            return x
        settings = {"offset": 0, "shape": shape, "strides": c_strides(full)}
        return Node("update", (constant(np.zeros(full, dtype)), x), settings, full, dtype, line=self.line)

    # Forward

    def packed(self, weight: Node, numbers: int) -> Node:
        """The weights (gates * hidden, numbers) as `Forward` takes them."""
        gates, spread, units = self.layout.kind.gates, self.layout.spread, self.layout.units
        whole = self.wide(weight, (gates, self.layout.hidden, numbers), (1,))
        _, _, (s, t, u) = build.root_of(whole)
        shape = (units // spread, numbers, gates, spread)
        return convert(strided(whole, shape, (spread * t, u, s, t), line=self.line), line=self.line)

    def biases(self) -> Node:
        """One bias for each sum: those of the input, and of the state."""
        kind, hidden, units, dtype = self.layout.kind, self.layout.hidden, self.layout.units, self.layout.dtype
        by_sum: list[Any] = [None] * kind.sums
        for bias, which in zip(self.weights[2:], (kind.of_input, kind.of_state), strict=True):
            if bias is not None:
                blocks = reshape(bias, (kind.gates, hidden), self.line)
                _, _, (s, t) = build.root_of(blocks)
                for g, n in enumerate(which):
                    part = strided(blocks, (hidden,), (t,), g * s, self.line)
                    by_sum[n] = part if by_sum[n] is None else elementwise(np.add, by_sum[n], part, line=self.line)
        found = constant(np.zeros((kind.sums, units), dtype))
        for n, part in enumerate(by_sum):
            if part is not None:
                settings = {"offset": n * units, "shape": (hidden,), "strides": (1,)}
                found = Node("update", (found, part), settings, found.shape, dtype, line=self.line)
        return found

    def forward(self) -> Node:
        layout = self.layout
        shape = (layout.batch, layout.hidden)
        operands = [
            in_place(self.x)[0],
            self.packed(self.weights[0], layout.width),
            self.packed(self.weights[1], layout.hidden),
            self.biases(),
            *(self.wide(state, shape, (1,)) for state in self.states),
            *(() if self.mask is None else (self.mask,)),
        ]
        return kernel_node(Forward(layout), tuple(operands), (result_size(layout),), layout.dtype, self.line)

    def series(self, found: Node, state: int, first: int, count: int) -> Node:
        """States of some steps: (count, batch, hidden)."""
        layout = self.layout
        start, width = series_at(layout, state)
        step = layout.batch * width
        shape = (count, layout.batch, layout.hidden)
        return strided(found, shape, (step, width, 1), start + first * step, self.line)

    def results(self) -> list[Node]:
        """The outputs, and the last states."""
        layout, found = self.layout, self.forward()
        outputs = self.masked(self.series(found, 0, 0 if layout.reverse else 1, layout.length))
        end = 0 if layout.reverse else layout.length
        shape = (layout.batch, layout.hidden)
        return [
            outputs,
            *(reshape(self.series(found, s, end, 1), shape, self.line) for s in range(layout.kind.states)),
        ]

    # Backward

    def gradients(self, gys: list[Node], needs: tuple[bool, ...]) -> list[Node]:
        """The gradients that are needed: by x, the states, the weights and the biases."""
        layout, kind, line = self.layout, self.layout.kind, self.line
        length, batch, width, hidden, units = layout.length, layout.batch, layout.width, layout.hidden, layout.units
        gy, *last = (convert(g, dtype=layout.dtype, line=line) if g.dtype != layout.dtype else g for g in gys)
        forward = self.forward()
        square = self.wide(self.weights[1], (kind.gates, hidden, hidden), (1, 2))
        wide, count = columns(layout), kind.gates * units
        _, _, (_, s, t) = build.root_of(square)
        of_state = convert(strided(square, (units // wide, count, wide), (wide * t, s, t), line=line), line=line)
        incoming, strides = in_place(self.wide(self.masked(gy), (length, batch, hidden), (2,)))
        operands = [
            incoming,
            *(self.wide(g, (batch, hidden), (1,)) for g in last),
            forward,
            of_state,
            *(() if self.mask is None else (self.mask,)),
        ]
        at_states, at_biases, end = places(layout)
        found = kernel_node(Backward(layout, strides), tuple(operands), (end,), layout.dtype, line)
        row = kind.by_sums * units

        def by_sums(first: int) -> Node:
            """The gradients by the sums of the input, or of the state, of all steps: a matrix."""
            return strided(found, (length * batch, kind.gates * units), (row, 1), first * units, line)

        def product(a: Node, b: Node) -> Node:
            product = matrix_product(a, b, line)
            assert product is not None
            return product

        def in_blocks(x: Node, order: tuple[int, ...]) -> Node:
            """What has a row for each unit of each block, as the weights have it."""
            numbers = (x.shape or ())[1]
            _, _, (s, t) = build.root_of(x)
            if order == tuple(range(kind.gates)):
                parts = strided(x, (kind.gates, hidden, numbers), (units * s, s, t), line=line)
                return reshape(parts, (kind.gates * hidden, numbers), line)
            shape = (kind.gates, hidden, numbers)
            whole = constant(np.zeros(shape, layout.dtype))
            for place, block in enumerate(order):
                part = strided(x, (hidden, numbers), (s, t), place * units * s, line)
                settings = {"offset": block * hidden * numbers, "shape": part.shape, "strides": (numbers, 1)}
                whole = Node("update", (whole, part), settings, shape, layout.dtype, line=line)
            return reshape(whole, (kind.gates * hidden, numbers), line)

        in_order = tuple(range(kind.gates))
        results: list[Any] = []
        need_x, *rest = needs
        need_states, need_weights = rest[: kind.states], rest[kind.states :]
        if need_x:
            weight = self.wide(self.weights[0], (kind.gates, hidden, width), (1,))
            if kind.input_order != in_order:
                flat = reshape(weight, (kind.gates, units * width), line)
                weight = self.reordered(flat, kind.input_order)
            gx = product(by_sums(0), reshape(weight, (kind.gates * units, width), line))
            results.append(self.masked(reshape(gx, (length, batch, width), line)))
        for s, need in enumerate(need_states):
            if need:
                start = at_states + s * layout.step
                results.append(strided(found, (batch, hidden), (units, 1), start, line))
        before = (1 if layout.reverse else 0) * batch * layout.row
        beside = strided(forward, (length * batch, layout.row), (layout.row, 1), before, line)
        of_input = strided(beside, (length * batch, width), (layout.row, 1), units, line)
        of_states = strided(beside, (length * batch, hidden), (layout.row, 1), 0, line)
        if all(need_weights[:2]) and kind.first_of_state == 0:  # one product for both
            beside = strided(beside, (length * batch, units + width), (layout.row, 1), 0, line)
            both = product(self.transposed_products(by_sums(0)), beside)
            by_weights = [strided(both, (kind.gates * units, n), (units + width, 1), at, line)
                          for n, at in ((width, units), (hidden, 0))]  # fmt: skip
            results += [in_blocks(x, in_order) for x in by_weights]
        else:
            if need_weights[0]:
                results.append(in_blocks(product(self.transposed_products(by_sums(0)), of_input), kind.input_order))
            if need_weights[1]:
                results.append(
                    in_blocks(product(self.transposed_products(by_sums(kind.first_of_state)), of_states), in_order)
                )
        if any(need_weights[2:]):
            shape = (blocks_backward(layout), kind.by_sums * units)
            parts = strided(found, shape, (shape[1], 1), at_biases, line)
            total = reduction(np.add, parts, 0, False, None, line)
            for need, first, order in zip(
                need_weights[2:], (0, kind.first_of_state), (kind.input_order, in_order), strict=True
            ):
                if need:
                    part = strided(total, (kind.gates * units, 1), (1, 1), first * units, line)
                    results.append(reshape(in_blocks(part, order), (kind.gates * hidden,), line))
        return results

    def transposed_products(self, x: Node) -> Node:
        return build.transpose(x, (1, 0), self.line)

    def reordered(self, x: Node, order: tuple[int, ...]) -> Node:
        """The rows in another order."""
        whole = constant(np.zeros(x.shape, x.dtype))
        _, _, (s, t) = build.root_of(x)
        for place, block in enumerate(order):
            part = strided(x, (x.shape or ())[1:], (t,), block * s, self.line)
            settings = {"offset": place * part.size, "shape": part.shape, "strides": (1,)}
            whole = Node("update", (whole, part), settings, x.shape, x.dtype, line=self.line)
        return whole


def walk_of(kind: Any, values: tuple[Any, ...], line: str) -> Walk | None:
    """The walk that a call stands for; None if native code does not do it."""
    cell, count = {Lstm: ("lstm", 2), Gru: ("gru", 1), Rnn: ("", 1)}[kind]
    x, *rest = (node_of(v) if i < count + 5 else v for i, v in enumerate(values))
    states, weights, rest = rest[:count], rest[count : count + 4], rest[count + 4 :]
    if kind is Rnn:
        cell, *rest = rest
    lengths, reverse = rest
    given = [v for v in (x, *states, *weights) if v is not None]
    dtype = x.dtype
    if dtype not in (np.float32, np.float64) or not dtype.isnative or cell not in ("lstm", "gru", "tanh", "relu"):
        return None
    if any(v.dtype != dtype or v.weak for v in given) or 0 in (*x.shape, weights[1].size):
        return None
    (length, batch, width), hidden = x.shape, weights[1].shape[1]
    if lengths is not None:
        lengths = node_of(lengths)
        if lengths.dtype.kind not in "iu" or lengths.shape != (batch,):
            return None
        if lengths.op == "constant":
            array = lengths.settings["array"]
            if array.min() < 0 or array.max() > length:
                return None
            lengths = None if array.min() == length else constant(array.astype(np.int64))
        elif lengths.dtype != np.int64:
            lengths = convert(lengths, dtype=np.int64, line=line)
    strides = in_place(x)[1] if lengths is None else (batch * width, width)
    layout = layout_of(cell, (length, batch, width), hidden, dtype, bool(reverse), lengths is not None, strides)
    return Walk(layout, x, states, weights, lengths, line)


def in_place(x: Node) -> tuple[Node, tuple[int, int]]:
    """What a sequence of rows lies in, and its strides along the first two axes: a copy, where rows do not lie so."""
    root, offset, (s, t, u) = build.root_of(x)
    fitting = offset == 0 and u == 1 and s > 0 and t > 0 and root.op != "constant"
    if fitting and root.strides == c_strides(root.shape or ()):
        return root, (s, t)
    found = convert(x, line=x.line)
    return found, (found.strides or ())[:2]  # type: ignore[return-value]


def node_of(value: Any) -> Any:
    return value if value is None or isinstance(value, Node) else constant(value)


def recurrence(kind: Any, values: tuple[Any, ...], line: str) -> list[Node] | None:
    """The results of a call."""
    walk = walk_of(kind, values, line)
    return None if walk is None else walk.results()


def require_lengths(kind: Any, values: tuple[Any, ...], line: str) -> None:
    """Require that all sequences end within x."""
    walk = walk_of(kind, values, line)
    if walk is not None and walk.lengths is not None and walk.lengths.op != "constant":
        require_below(walk.lengths, walk.layout.length + 1, line)


def recurrence_gradients(
    kind: Any, values: tuple[Any, ...], gys: tuple[Any, ...], needs: tuple[bool, ...], line: str
) -> list[Node] | None:
    """The gradients of a call that are needed."""
    walk = walk_of(kind, values, line)
    return None if walk is None else walk.gradients([node_of(g) for g in gys], needs)
