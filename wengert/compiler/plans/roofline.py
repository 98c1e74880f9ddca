"""What the machine can do at most: matrix products of large matrices, and the bandwidth of its memory.

Both are measured by plans, on as many threads, so that they are what a plan could reach here and now; on a machine
that others use too, both are less than the data sheet says.
"""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from wengert.compiler.code.once import once
from wengert.compiler.graphs.build import elementwise
from wengert.compiler.graphs.graph import Graph, Node
from wengert.compiler.plans.plan import Plan

__all__ = ["largest_cache", "matrix_peak", "memory_bandwidth"]

SIDE = 1024  # of the matrices
LEAST, MOST = 96 << 20, 384 << 20  # bytes of the arrays that go through memory
PATIENCE = 0.25  # seconds for each figure


reached: dict[tuple[str, int], list[float]] = {}


def matrix_peak(dtype: str, threads: int, seen: float = 0.0) -> float:
    """Operations per second of the product of two large square matrices: a multiplication and an addition each.

    It is measured once, and once more where more was `seen`: then the machine was perhaps busy the first time.
    """
    found = reached.setdefault((dtype, threads), [])
    if not found or (len(found) == 1 and seen > found[0]):
        found.append(products_per_second(dtype, threads))
    return max(found)


def products_per_second(dtype: str, threads: int) -> float:
    """Measure it."""
    rng = np.random.default_rng(0)
    a, b = (rng.random((SIDE, SIDE)).astype(dtype) for _ in range(2))
    x, y = (array_input(i, array) for i, array in enumerate((a, b)))
    graph = Graph([x, y], [Node("matmul", (x, y), {}, (SIDE, SIDE), x.dtype)], [])
    return 2 * SIDE**3 / best(Plan(graph, threads), [a, b])


@once
def memory_bandwidth(threads: int) -> float:
    """Bytes per second of ``a[...] = b + c * 3`` on arrays that no cache holds; what is written counts once."""
    size = min(max(4 * largest_cache(), LEAST), MOST) // 3 // 8
    arrays = [np.ones(size) for _ in range(3)]
    a, b, c = (array_input(i, array) for i, array in enumerate(arrays))
    graph = Graph([a, b, c], [], [(a, elementwise(np.add, b, elementwise(np.multiply, c, 3.0)))])
    return 3 * 8 * size / best(Plan(graph, threads), arrays)


def array_input(place: int, array: Any) -> Node:
    return Node("input", (), {"place": place}, array.shape, array.dtype)


def best(plan: Plan, arrays: list[Any]) -> float:
    """The shortest time of several runs."""
    plan.run(arrays)
    found: list[float] = []
    until = perf_counter() + PATIENCE
    while len(found) < 3 or perf_counter() < until:
        started = perf_counter()
        plan.run(arrays)
        found.append(perf_counter() - started)
    return min(found)


def largest_cache() -> int:
    """Bytes of the largest cache of the processor; a guess where the system does not say."""
    found = [32 << 20]
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text().strip()
        if text.endswith("K") and text[:-1].isdecimal():
            found.append(int(text[:-1]) << 10)
    return max(found)
