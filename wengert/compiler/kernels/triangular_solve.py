"""The kernel of triangular systems of equations, by substitution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.build import transpose
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import FLOPS_PER_NANOSECOND, in_c_order, kernel_node
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir import Index, Value
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.machine import lanes_of

__all__ = ["triangular_solution"]

ROWS = 8  # unknowns that are computed together: their sums are in registers
COLUMNS = 64  # right-hand sides of an iteration


def triangular_solution(a: Node, b: Node, lower: bool, transposed: bool, line: str) -> Node:
    """The solution of ``a @ x = b`` for a triangle of `a`, which lies in memory transposed if `transposed`.

    `a` is (..., n, n), `b` (..., n, m), with equal axes before these.
    """
    *batch, n, m = b.shape or ()
    if transposed:
        axes = tuple(range(a.ndim - 2))
        a = transpose(a, (*axes, a.ndim - 1, a.ndim - 2), line)
    kernel = TriangularSolve(math.prod(batch), n, m, b.dtype, lower, transposed)
    operands = in_c_order(Node("kernel", (a, b), line=line)).operands
    return kernel_node(kernel, operands, b.shape or (), b.dtype, line)


class TriangularSolve(FormKernel):
    """Blocks of rows, one after another: products with what is known already, then the triangle on the diagonal.

    All columns of the right-hand side are independent: they are the lanes.
    """

    def __init__(self, batch: int, n: int, m: int, dtype: Any, lower: bool, transposed: bool) -> None:
        self.name = f"{'lower' if lower else 'upper'} triangle solve"
        self.key = (batch, n, m, dtype, lower, transposed)
        self.n, self.m, self.dtype, self.lower, self.transposed = n, m, dtype, lower, transposed
        self.panels = -(-m // COLUMNS)
        self.iterations = batch * self.panels
        self.flops = batch * n * n * m
        self.nanoseconds = 3 * self.flops / FLOPS_PER_NANOSECOND

    def build(self, b: Builder) -> None:
        full, rest = divmod(self.m, COLUMNS)
        with b.iterations() as i:
            which, start = i // self.panels, i % self.panels * COLUMNS
            if not (full and rest):
                self.panel(b, which, start, COLUMNS if full else rest)
                return
            with b.when(b.apply(np.less, i % self.panels, full)):
                self.panel(b, which, start, COLUMNS)
            with b.when(b.apply(np.equal, i % self.panels, full)):
                self.panel(b, which, full * COLUMNS, rest)

    def panel(self, b: Builder, which: Index, start: Index, count: int) -> None:
        """Solve for some columns."""
        with b.lanes(count, 2 * lanes_of(self.dtype)) as lane:
            full, rest = divmod(self.n, ROWS)
            with b.loop(0, full) as block:
                self.rows(b, which, block * ROWS, ROWS, start + lane)
            if rest:
                self.rows(b, which, full * ROWS, rest, start + lane)

    def rows(self, b: Builder, which: Index, first: Index, count: int, column: Index) -> None:
        """Compute a block of rows. Rows are counted in the order in which they are computed."""
        n, m, dtype = self.n, self.m, self.dtype
        a = b.operand(0, dtype).at(which * (n * n))
        given, out = (b.operand(k, dtype).at(which * (n * m)) for k in (1, 2))

        def place(row: Index) -> Index:
            """The number of a row in memory: the last is the first to be computed of an upper triangle."""
            return row if self.lower else row * -1 + (n - 1)

        def coefficient(row: Index, other: Index) -> Value:
            row, other = (place(other), place(row)) if self.transposed else (place(row), place(other))
            return a[row * n + other]

        sums = [b.register(dtype, given[place(first + r) * m + column], wide=True) for r in range(count)]
        with b.loop(0, first) as known:
            x = out[place(known) * m + column]
            for r, register in enumerate(sums):
                register.set(b.fma(b.apply(np.negative, coefficient(first + r, known)), x, register.get()))
        found: list[Value] = []
        for r, register in enumerate(sums):
            total = register.get()
            for s, x in enumerate(found):
                total = b.fma(b.apply(np.negative, coefficient(first + r, first + s)), x, total)
            x = b.apply(np.divide, total, coefficient(first + r, first + r))
            found.append(x)
            out[place(first + r) * m + column] = x
