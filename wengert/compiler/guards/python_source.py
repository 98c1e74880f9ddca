"""Python source under construction: its lines, the objects that it names, and expressions for captured locations."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.compiler.capture.locations import Location
from wengert.compiler.capture.object_graph import context_value, raw_item

if TYPE_CHECKING:
    from wengert.compiler.capture.trace import Trace

__all__ = ["GONE", "MISS", "PythonSource", "has_own_items"]

MISS: Any = object()
GONE = "(AttributeError, IndexError, KeyError, TypeError, ValueError)"  # raised where a location is gone


class PythonSource:
    """The source of a function of one plan.

    Attributes
    ----------
    lines : list of str
    names : dict
        The globals of the function.
    variables : dict
        By the id of a location, the variable that has its object.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"MISS": MISS, "array": np.array}
        self.constants: dict[int, str] = {}
        self.variables: dict[int, str] = {}

    def name(self, value: Any) -> str:
        """A name for an object."""
        if value is None or value is True or value is False:
            return repr(value)
        if id(value) not in self.constants:
            self.constants[id(value)] = name = f"c{len(self.constants)}"
            self.names[name] = value
        return self.constants[id(value)]

    def key(self, key: Any) -> str:
        """The expression for a key or index."""
        return repr(key) if type(key) in (int, str) else self.name(key)

    def holder(self, location: Location) -> str:
        """The expression for what holds a location."""
        if location.parent is not None and id(location.parent) in self.variables:
            return self.variables[id(location.parent)]
        if location.argument and location.parent is None:
            return "args" if isinstance(location.holder, list) else "kwargs"
        return self.name(vars(location.holder)) if location.kind == "class" else self.name(location.holder)

    def expression(self, location: Location) -> str:
        """The expression for what a location holds."""
        holder = self.holder(location)
        if location.kind == "context":
            return f"{self.name(context_value)}({holder})"
        if location.kind == "item" and isinstance(location.holder, (dict, list)) and has_own_items(location.holder):
            return f"{self.name(raw_item)}({holder}, {self.key(location.key)})"
        if location.kind in ("item", "class"):
            return f"{holder}[{self.key(location.key)}]"
        return f"{holder}.{location.key}"

    def variable(self, location: Location) -> str:
        """The variable that has what a location holds; it is assigned where it is first needed."""
        if id(location) not in self.variables:
            name = self.variables[id(location)] = f"v{len(self.variables)}"
            self.lines.append(f"{name} = {self.expression(location)}")
        return self.variables[id(location)]

    def array(self, number: int) -> str:
        """The expression for the array of an input of the trace."""
        source = self.trace.sources[number]
        if source.location is None:
            return self.name(source.array)
        name = self.variable(source.location)
        return f"array({name})" if source.kind == "number" else name

    def take_lines(self, indentation: int) -> str:
        """The lines so far as text; the next ones are others."""
        text = "".join(f"{' ' * indentation}{line}\n" for line in self.lines)
        self.lines = []
        return text


def has_own_items(container: Any) -> bool:
    """Whether the class of a dict or list defines in Python how its items are read or written."""
    kind = type(container)
    if kind in (dict, list):
        return False
    return any(isinstance(getattr(kind, name), types.FunctionType) for name in ("__getitem__", "__setitem__"))
