"""The roofline: the peak rate of large matrix products, and the memory bandwidth.

Both are measured by plans, on the same number of threads, so that a plan can reach them here and now; on a machine
under other load, both are below the data sheet.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from wengert.compiler.graph.build import elementwise
from wengert.compiler.graph.graph import Graph, Node
from wengert.compiler.machine import largest_cache
from wengert.compiler.once import once
from wengert.compiler.targets.cpu.program import Plan

__all__ = ["matrix_peak", "memory_bandwidth"]

SIDE = 1024  # of the matrices
LEAST, MOST = 96 << 20, 384 << 20  # bytes of the arrays for the memory bandwidth
PATIENCE = 0.25  # seconds per measurement


measured_peaks: dict[tuple[str, int], list[float]] = {}


def matrix_peak(dtype: str, threads: int, observed: float = 0.0) -> float:
    """Operations per second of the product of two large square matrices, with multiplications and additions counted.

    It is measured once, and once more if a higher rate was `observed`: the machine may have been busy the first time.
    """
    found = measured_peaks.setdefault((dtype, threads), [])
    if not found or (len(found) == 1 and observed > found[0]):
        found.append(products_per_second(dtype, threads))
    return max(found)


def products_per_second(dtype: str, threads: int) -> float:
    """Measure the rate of the product of two large matrices."""
    rng = np.random.default_rng(0)
    a, b = (rng.random((SIDE, SIDE)).astype(dtype) for _ in range(2))
    x, y = (array_input(i, array) for i, array in enumerate((a, b)))
    graph = Graph([x, y], [Node("matmul", (x, y), {}, (SIDE, SIDE), x.dtype)], [])
    return 2 * SIDE**3 / best(Plan(graph, threads), [a, b])


@once
def memory_bandwidth(threads: int) -> float:
    """Bytes per second of ``a[...] = b + c * 3`` on arrays that exceed the caches; writes count once."""
    size = min(max(4 * largest_cache(), LEAST), MOST) // 3 // 8
    arrays = [np.ones(size) for _ in range(3)]
    a, b, c = (array_input(i, array) for i, array in enumerate(arrays))
    graph = Graph([a, b, c], [], [(a, elementwise(np.add, b, elementwise(np.multiply, c, 3.0)))])
    return 3 * 8 * size / best(Plan(graph, threads), arrays)


def array_input(place: int, array: Any) -> Node:
    return Node("input", (), {"place": place}, array.shape, array.dtype)


def best(plan: Plan, arrays: list[Any]) -> float:
    """The minimal time of several runs."""
    plan.run(arrays)
    found: list[float] = []
    until = perf_counter() + PATIENCE
    while len(found) < 3 or perf_counter() < until:
        started = perf_counter()
        plan.run(arrays)
        found.append(perf_counter() - started)
    return min(found)
