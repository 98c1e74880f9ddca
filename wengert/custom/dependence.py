"""The values that a result depends on and that were recorded before a given call."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert.core.function import Function
from wengert.core.node import Node, maker_of
from wengert.core.variable import Variable

__all__ = ["outside"]


def outside(roots: Iterable[Variable], floor: int) -> list[Variable | Function]:
    """List the values that the graph of `roots` starts from: older values, and leaves that are referenced elsewhere.

    Parameters
    ----------
    roots : iterable of Variable
        The results.
    floor : int
        The number of a call: it and all calls before it are older.

    Returns
    -------
    list of Variable or Function
        Each once. A Function represents its single output, where the graph holds only the creator. A leaf that only the
        graph references (a constant that a Function has wrapped, the initial zero of a sum) is left out: its gradient
        is unreachable.
    """
    found: dict[Any, Any] = {}
    leaves: dict[Variable, int] = {}  # the number of edges to it
    collect(roots, floor, found, leaves)
    if leaves:
        held = references(leaves)
        found.update({leaf: leaf for leaf, holders in zip(leaves, held, strict=True) if holders > leaves[leaf]})
    return list(found.values())


def collect(roots: Iterable[Any], floor: int, found: dict[Any, Any], leaves: dict[Variable, int]) -> None:
    """Walk down to the edges that lead out of the part recorded after `floor`."""
    seen: set[int] = set()
    pending: list[Any] = []
    for root in roots:
        if maker_of(root) is None:
            found[root] = root
        else:
            pending.append(root)
    while pending:
        edge = pending.pop()
        f = edge if isinstance(edge, Node) else maker_of(edge)
        if f is None:
            if isinstance(edge, Variable):  # (others are constants)
                leaves[edge] = leaves.get(edge, 0) + 1
            continue
        number = f._number
        if number <= floor:
            several = type(f._outputs) is tuple
            if not several and not isinstance(edge, Variable) and f._outputs is not None:
                alive = f._outputs()
                edge = f if alive is None else alive
            found[edge if several else number] = edge
        elif number not in seen:
            seen.add(number)
            pending.extend(f._edges)


def references(leaves: dict[Variable, int]) -> list[int]:
    """Count the references to each leaf other than those of `leaves`."""
    return [sys.getrefcount(leaf) - ALONE for leaf in leaves]


ALONE = 0
ALONE = references({Variable(np.zeros(())): 0})[0]
