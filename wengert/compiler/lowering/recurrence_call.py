"""A call of lstm, gru or rnn, lowered to a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph import build
from wengert.compiler.graph.build import (
    constant,
    convert,
    elementwise,
    reshape,
    select,
    strided,
)
from wengert.compiler.graph.graph import Node, c_strides
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.kernels.recurrence.forward import Forward, result_size, series_at
from wengert.compiler.kernels.recurrence.layout import Layout, layout_of
from wengert.functions.recurrent_gru import Gru
from wengert.functions.recurrent_lstm import Lstm
from wengert.functions.recurrent_rnn import Rnn

__all__ = ["RecurrenceCall", "call_of", "node_of", "rows_in_place"]


class RecurrenceCall:
    """A call of lstm, gru or rnn, with nodes as arguments."""

    def __init__(self, layout: Layout, x: Node, states: list[Any], weights: list[Any], lengths: Any, line: str) -> None:
        self.layout, self.line = layout, line
        self.states, self.weights, self.lengths = states, weights, lengths
        self.mask = None if lengths is None else self.active(lengths)
        self.x = self.masked(x)

    def active(self, lengths: Node) -> Node:
        steps = constant(np.arange(self.layout.length)[:, None])
        return elementwise(np.less, steps, reshape(lengths, (1, self.layout.batch)), line=self.line)

    def masked(self, x: Node) -> Node:
        """A sequence, with zeros after its end."""
        if self.mask is None:
            return x
        mask = reshape(self.mask, (self.layout.length, self.layout.batch, 1))
        return select(mask, x, np.zeros((), x.dtype), self.line)

    def padded(self, x: Node | None, shape: tuple[int, ...], axes: tuple[int, ...]) -> Node:
        """An array, or zeros if there is none, with the units padded along some axes."""
        hidden, units, dtype = self.layout.hidden, self.layout.units, self.layout.dtype
        full = tuple(units if i in axes else n for i, n in enumerate(shape))
        if x is None:
            return constant(np.zeros(full, dtype))
        x = reshape(x, shape, self.line)
        if hidden == units:
            return x
        settings = {"offset": 0, "shape": shape, "strides": c_strides(full)}
        return Node("update", (constant(np.zeros(full, dtype)), x), settings, full, dtype, line=self.line)

    def packed(self, weight: Node, numbers: int) -> Node:
        """The weights (gates * hidden, numbers) in the order in which `Forward` reads them."""
        gates, spread, units = self.layout.kind.gates, self.layout.spread, self.layout.units
        padded = self.padded(weight, (gates, self.layout.hidden, numbers), (1,))
        _, _, (s, t, u) = build.root_of(padded)
        shape = (units // spread, numbers, gates, spread)
        return convert(strided(padded, shape, (spread * t, u, s, t), line=self.line), line=self.line)

    def biases(self) -> Node:
        """The bias of each pre-activation: those of the input and of the state, added up."""
        kind, hidden, units, dtype = self.layout.kind, self.layout.hidden, self.layout.units, self.layout.dtype
        totals: list[Any] = [None] * kind.sums
        for bias, which in zip(self.weights[2:], (kind.of_input, kind.of_state), strict=True):
            if bias is not None:
                blocks = reshape(bias, (kind.gates, hidden), self.line)
                _, _, (s, t) = build.root_of(blocks)
                for g, n in enumerate(which):
                    part = strided(blocks, (hidden,), (t,), g * s, self.line)
                    totals[n] = part if totals[n] is None else elementwise(np.add, totals[n], part, line=self.line)
        found = constant(np.zeros((kind.sums, units), dtype))
        for n, part in enumerate(totals):
            if part is not None:
                settings = {"offset": n * units, "shape": (hidden,), "strides": (1,)}
                found = Node("update", (found, part), settings, found.shape, dtype, line=self.line)
        return found

    def forward(self) -> Node:
        layout = self.layout
        shape = (layout.batch, layout.hidden)
        operands = [
            rows_in_place(self.x)[0],
            self.packed(self.weights[0], layout.width),
            self.packed(self.weights[1], layout.hidden),
            self.biases(),
            *(self.padded(state, shape, (1,)) for state in self.states),
            *(() if self.mask is None else (self.mask,)),
        ]
        return kernel_node(Forward(layout), tuple(operands), (result_size(layout),), layout.dtype, self.line)

    def series(self, found: Node, state: int, first: int, count: int) -> Node:
        """The states of `count` steps: (count, batch, hidden)."""
        layout = self.layout
        start, width = series_at(layout, state)
        step = layout.batch * width
        shape = (count, layout.batch, layout.hidden)
        return strided(found, shape, (step, width, 1), start + first * step, self.line)

    def results(self) -> list[Node]:
        """The outputs, and the final states."""
        layout, found = self.layout, self.forward()
        outputs = self.masked(self.series(found, 0, 0 if layout.reverse else 1, layout.length))
        end = 0 if layout.reverse else layout.length
        shape = (layout.batch, layout.hidden)
        return [
            outputs,
            *(reshape(self.series(found, s, end, 1), shape, self.line) for s in range(layout.kind.states)),
        ]


def call_of(kind: Any, values: tuple[Any, ...], line: str) -> RecurrenceCall | None:
    """Parse the arguments of a call; None if no kernel computes it."""
    cell, count = {Lstm: ("lstm", 2), Gru: ("gru", 1), Rnn: ("", 1)}[kind]
    x, *others = (node_of(v) if i < count + 5 else v for i, v in enumerate(values))
    states, weights, others = others[:count], others[count : count + 4], others[count + 4 :]
    if kind is Rnn:
        cell, *others = others
    lengths, reverse = others
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
    strides = rows_in_place(x)[1] if lengths is None else (batch * width, width)
    layout = layout_of(cell, (length, batch, width), hidden, dtype, bool(reverse), lengths is not None, strides)
    return RecurrenceCall(layout, x, states, weights, lengths, line)


def rows_in_place(x: Node) -> tuple[Node, tuple[int, int]]:
    """An array with contiguous rows at offset 0, and its strides along the first two axes; else a copy."""
    root, offset, (s, t, u) = build.root_of(x)
    in_place = offset == 0 and u == 1 and s > 0 and t > 0 and root.op != "constant"
    if in_place and root.strides == c_strides(root.shape or ()):
        return root, (s, t)
    found = convert(x, line=x.line)
    return found, (found.strides or ())[:2]  # type: ignore[return-value]


def node_of(value: Any) -> Any:
    return value if value is None or isinstance(value, Node) else constant(value)
