"""What a trace writes down: nodes of an ONNX graph, and constants. Each run of a model gives them the same names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Node", "Trace"]


class Node(NamedTuple):
    """A call of an ONNX operator; inputs and outputs are names, "" for an input that is left out."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


class Trace:
    """A graph in the making.

    Attributes
    ----------
    nodes : list of Node
    constants : dict of str to ndarray
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, Any] = {}
        self._names = names  # of the arrays of parameters, by id
        self._known: dict[int, tuple[str, Any]] = {}  # the names of constants that were met before, by id
        self._number = 0

    def fresh(self) -> str:
        """Make a name for a value. (The slash keeps it apart from names of parameters.)"""
        self._number += 1
        return f"/{self._number}"

    def constant(self, array: Any) -> str:
        """Return the name of a constant; one array is stored once."""
        array = np.asarray(array)
        if id(array) not in self._known:
            name = self._names.get(id(array)) or f"/c{len(self.constants) + 1}"
            self.constants[name] = array
            self._known[id(array)] = name, array  # (held, so that no other array gets its id)
        return self._known[id(array)][0]

    def emit(self, op: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node. An input is a name, None if it is left out, or what makes a constant; returns names."""
        names = tuple("" if x is None else x if isinstance(x, str) else self.constant(x) for x in inputs)
        while names and names[-1] == "":
            names = names[:-1]
        made = tuple(self.fresh() for _ in range(outputs))
        self.nodes.append(Node(op, names, made, {k: v for k, v in attributes.items() if v is not None}))
        return made[0] if outputs == 1 else made
