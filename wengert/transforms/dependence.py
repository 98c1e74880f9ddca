"""What a recorded result was made from, beside what was recorded since a given moment."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert.core.function import Function
from wengert.core.node import maker_of
from wengert.core.variable import Variable

__all__ = ["outside"]


def outside(roots: Iterable[Variable], floor: int) -> list[Variable | Function]:
    """List what the graph of `roots` begins from: older values, and leaves that somebody holds.

    Parameters
    ----------
    roots : iterable of Variable
        The results.
    floor : int
        The number of a call: what was recorded before, or is that call, is older.

    Returns
    -------
    list of Variable or Function
        Each once. A Function stands for its one output, where the graph knows no more of it. A
        leaf that only the graph holds (a constant that a Function has wrapped, a zero to start a
        sum from) is left out: nobody can ask for its gradient.
    """
    found: dict[Any, Any] = {root: root for root in roots if maker_of(root) is None}
    leaves: dict[Variable, int] = {}  # how many edges lead to it
    collect(roots, floor, found, leaves)
    held = references(leaves)
    found.update({leaf: leaf for leaf, holders in zip(leaves, held, strict=True) if holders > leaves[leaf]})
    return list(found.values())


def collect(roots: Iterable[Any], floor: int, found: dict[Any, Any], leaves: dict[Variable, int]) -> None:
    """Walk down to the edges that leave what was recorded after `floor`."""
    seen: set[int] = set()
    pending: list[Any] = [root for root in roots if maker_of(root) is not None]
    while pending:
        edge = pending.pop()
        f = maker_of(edge)
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
    """Count who holds each leaf, beside `leaves`."""
    return [sys.getrefcount(leaf) - ALONE for leaf in leaves]


ALONE = 0
ALONE = references({Variable(np.zeros(())): 0})[0]
