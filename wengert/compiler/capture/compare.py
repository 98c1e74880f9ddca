"""Comparison of two traces: if they differ, the function depends on something that the tracer cannot see."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Graph, Node, Slot

__all__ = ["first_difference"]


def first_difference(a: Graph, b: Graph) -> tuple[Node, Node] | None:
    """Return the first nodes in which two graphs differ, or None; where one graph is longer, the last nodes."""
    for x, y in zip(a.nodes, b.nodes, strict=False):
        if not is_equal(x, y):
            return x, y
    if len(a.nodes) != len(b.nodes):
        longer = a if len(a.nodes) > len(b.nodes) else b
        return (a.nodes or longer.nodes)[-1], (b.nodes or longer.nodes)[-1]
    ends = [
        ([n.number for n in g.results], [(i.number, n.number) for i, n in g.assignments], [n.number for n in g.effects])
        for g in (a, b)
    ]
    last = (a.nodes or [Node("constant", (), {})])[-1], (b.nodes or [Node("constant", (), {})])[-1]
    return None if ends[0] == ends[1] else last


def is_equal(x: Node, y: Node) -> bool:
    """Whether two nodes are equal, apart from the identity of their objects."""
    if x.op != y.op or x.shape != y.shape or x.dtype != y.dtype or x.strides != y.strides or x.weak != y.weak:
        return False
    if len(x.operands) != len(y.operands):
        return False
    for a, b in zip(x.operands, y.operands, strict=True):
        if a.number != b.number:
            return False
    mine, others = x.settings, y.settings
    if mine is others:  # (calls of a ufunc have theirs in common)
        return True
    return mine.keys() == others.keys() and all(k == "place" or same_setting(v, others[k]) for k, v in mine.items())


def same_setting(a: Any, b: Any) -> bool:
    """Whether two settings are equal."""
    if a is b:
        return True
    if type(a) is not type(b):
        return bool(comparable(a) == comparable(b))
    if type(a) is int or type(a) is Slot:
        return bool(a == b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same_setting, a, b))
    return bool(comparable(a) == comparable(b))


def comparable(value: Any) -> Any:
    """A value that is equal only for equal settings."""
    if isinstance(value, Slot):
        return ("slot", value.index)
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.ascontiguousarray(value)
        if array.dtype.kind == "O":
            return ("object", id(value))
        return (str(array.dtype), np.shape(value), hashlib.blake2b(array.tobytes(), digest_size=16).digest())
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *map(comparable, value))
    if isinstance(value, dict):
        return ("dict", *((k, comparable(v)) for k, v in value.items()))
    if isinstance(value, slice):
        return ("slice", comparable(value.start), comparable(value.stop), comparable(value.step))
    if isinstance(value, float):
        return ("float", value.hex())
    if isinstance(value, (bool, int, complex, str)):
        return (type(value).__name__, value)
    if getattr(value, "alike", None) is not None:  # (a function made for one call, with a key to compare it by)
        return value.alike
    return value if getattr(type(value), "__hash__", None) is not None else id(value)
