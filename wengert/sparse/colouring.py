"""Colourings: which columns of a sparse matrix can be computed at once.

Columns of one colour have no row in common, so that one product with their sum gives all their elements (Curtis,
Powell and Reid, 1974). To colour with few colours is to colour a graph (Coleman and More, 1983); the greedy algorithm
takes the first colour that is free, in several orders. For symmetric matrices a star colouring needs fewer: an element
is found in the column of either index (Gebremedhin, Manne and Pothen, 2005).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

__all__ = ["column_colours", "star_colours"]

LARGE = 300_000  # elements of a pattern, above which orders that take a queue are not tried


def column_colours(pattern: Any) -> np.ndarray:
    """Colour the columns of a pattern so that columns with a row in common have different colours.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> column_colours(sparse.csr_array(np.array([[1, 1, 0], [0, 1, 1]], bool)))
    array([0, 1, 0])
    """
    by_row = sparse.csr_array(pattern)
    by_column = sparse.csc_array(by_row)
    least = int(np.max(np.diff(by_row.indptr), initial=0))
    best: Any = None
    for order, step in orders(by_row, by_column):
        colours = greedy(by_column, order, step, least)
        if best is None or colours.max(initial=-1) < best.max(initial=-1):
            best = colours
        if best.max(initial=-1) + 1 <= least:
            break
    return best  # type: ignore[no-any-return]


def orders(by_row: Any, by_column: Any) -> Any:
    """Make orders of the columns, each with the step from one colour to the next.

    Natural, largest first, and for patterns that are not large smallest last and by incidence degree. With a step,
    the colours of neighbours are apart, as they are on grids: 2 gives that of the 5-point stencil.
    """
    natural = np.arange(by_column.shape[1])
    yield natural, 0
    yield natural, 2
    yield natural, 1
    degrees = sharing(by_row, by_column)
    yield np.argsort(-degrees, kind="stable"), 0
    if by_row.nnz <= LARGE:
        yield smallest_last(by_row, by_column, degrees), 0
        yield incidence(by_row, by_column, degrees), 0
    yield natural, 3


def sharing(by_row: Any, by_column: Any) -> np.ndarray:
    """Bound for each column the number of others that share a row with it."""
    lengths = np.diff(by_row.indptr)
    totals = np.concatenate([[0], np.cumsum(lengths[by_column.indices] - 1)])
    return totals[by_column.indptr[1:]] - totals[by_column.indptr[:-1]]  # type: ignore[no-any-return]


def greedy(by_column: Any, order: np.ndarray, step: int = 0, least: int = 0) -> np.ndarray:
    """Give each column, in an order, a colour that no column which shares a row with it has.

    It is the first that is free; with a `step`, the first of those in use (`least` at the beginning) that is so much
    above that of the column before.
    """
    starts, rows = by_column.indptr.tolist(), by_column.indices.tolist()
    used = [0] * by_column.shape[0]  # the colours in each row, as bits
    found = [0] * by_column.shape[1]
    everything, last = (1 << least) - 1, -step
    for j in order.tolist():
        own = rows[starts[j] : starts[j + 1]]
        taken = 0
        for row in own:
            taken |= used[row]
        free = ~taken
        if step and free & everything:
            free &= everything
            above = free >> (last + step) << (last + step)
            free = above or free
        bit = free & -free
        last = bit.bit_length() - 1
        everything |= bit
        for row in own:
            used[row] |= bit
        found[j] = last
    return np.array(found, int)


def smallest_last(by_row: Any, by_column: Any, degrees: np.ndarray) -> np.ndarray:
    """Order columns backwards, each time one that shares rows with the fewest of those that are left."""
    return least_first(by_row, by_column, degrees, np.zeros_like(degrees))[::-1]


def incidence(by_row: Any, by_column: Any, degrees: np.ndarray) -> np.ndarray:
    """Order columns so that each shares rows with the most of those before it."""
    return least_first(by_row, by_column, np.zeros_like(degrees), -degrees)


def least_first(by_row: Any, by_column: Any, counts: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """Order columns by the least count, then the least of `ties`; each lowers those that it shares a row with by 1."""
    from heapq import heapify, heappop, heappush

    starts, rows = by_column.indptr.tolist(), by_column.indices.tolist()
    row_starts, columns = by_row.indptr.tolist(), by_row.indices.tolist()
    left, second = counts.tolist(), ties.tolist()
    heap = [(count, second[j], j) for j, count in enumerate(left)]
    heapify(heap)
    done = [False] * len(left)
    order = []
    while heap:
        count, _, j = heappop(heap)
        if done[j] or count != left[j]:
            continue
        done[j] = True
        order.append(j)
        for row in rows[starts[j] : starts[j + 1]]:
            for k in columns[row_starts[row] : row_starts[row + 1]]:
                if not done[k]:
                    left[k] -= 1
                    heappush(heap, (left[k], second[k], k))
    return np.array(order, int)


def star_colours(pattern: Any) -> np.ndarray:
    """Colour a symmetric pattern: neighbours differ, and no path of four vertices has two colours.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> star_colours(sparse.csr_array(np.array([[1, 1, 1], [1, 1, 0], [1, 0, 1]], bool)))
    array([0, 1, 1])
    """
    by_row = sparse.csr_array(pattern)
    starts, columns = by_row.indptr.tolist(), by_row.indices.tolist()
    count = by_row.shape[0]
    near = [[k for k in columns[starts[i] : starts[i + 1]] if k != i] for i in range(count)]
    found = [-1] * count
    for v in sorted(range(count), key=lambda i: -len(near[i])):
        taken = set()
        for w in near[v]:
            own = found[w]
            taken.add(own)
            for x in near[w]:
                colour = found[x]
                if x == v or colour < 0 or colour in taken:
                    continue
                if own < 0 or any(y != w and found[y] == own for y in near[x]):
                    taken.add(colour)
        colour = 0
        while colour in taken:
            colour += 1
        found[v] = colour
    return np.array(found, int)
