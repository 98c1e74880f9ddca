"""Which values are never -0.0: adding 0.0 to them changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import SMALL, uniform_value
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.interpreter import with_numbers

__all__ = ["SignedZeros"]

DEEPEST = 200  # operations that are looked at, one above another
NEVER = (np.exp, np.exp2, np.absolute, np.square, np.cosh, np.arccos)


class SignedZeros:
    """Finds out for the values of a graph whether they may be -0.0."""

    def __init__(self) -> None:
        self.known: dict[Node, bool] = {}

    def none_negative(self, x: Any, depth: int = 0) -> bool:
        """Whether no element of a value (or a Python number) is -0.0."""
        if not isinstance(x, Node):
            return not (x == 0 and np.signbit(x))
        if x.dtype.kind in "biu":
            return True
        if (found := self.known.get(x)) is None:
            if depth > DEEPEST:
                return False
            found = self.known[x] = self.find(x, depth + 1)
        return found

    def find(self, x: Node, depth: int) -> bool:
        if x.op == "constant":
            value = uniform_value(x)
            array = x.settings["array"] if value is None else np.asarray(value)
            return bool(array.size <= SMALL and not (np.signbit(array) & (array == 0)).any())
        if x.op == "view":
            return self.none_negative(x.operands[0], depth)
        if x.op == "update":
            return self.of_writes(x, depth)
        if x.op == "convert":  # (a small number may become -0.0 in a narrower dtype)
            return bool(np.can_cast(x.operands[0].dtype, x.dtype)) and self.none_negative(x.operands[0], depth)
        if x.op == "select":
            parts = with_numbers(list(x.operands), x.settings["numbers"])
            return all(self.none_negative(p, depth) for p in parts[1:])
        if x.op != "elementwise" or any(d != x.dtype for d in x.settings["dtypes"]):
            return False
        ufunc, parts = x.settings["ufunc"], with_numbers(list(x.operands), x.settings["numbers"])
        if ufunc is np.add:  # (-0.0 + -0.0 alone is -0.0)
            return any(self.none_negative(p, depth) for p in parts)
        if ufunc is np.subtract:
            return self.none_negative(parts[0], depth)
        if ufunc is np.multiply:
            return parts[0] is parts[1]
        if ufunc in (np.maximum, np.minimum):
            return all(self.none_negative(p, depth) for p in parts)
        return ufunc in NEVER

    def of_writes(self, x: Node, depth: int) -> bool:
        """Of an array that was written to, by writes without number."""
        pending = []
        while x.op == "update" and x not in self.known:
            pending.append(x)
            x = x.operands[0]
        found = self.none_negative(x, depth)
        for w in reversed(pending):
            found = self.known[w] = found and self.none_negative(w.operands[1], depth)
        return found
