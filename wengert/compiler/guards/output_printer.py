"""The outputs of a plan as Python source: what it stores in the state of the program, and what it returns."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

from wengert.checks.mutation import EVERYTHING, WRITTEN, note_write
from wengert.compiler.capture.layouts import view_of, view_of_input
from wengert.compiler.capture.locations import is_variable
from wengert.compiler.capture.outputs import returned_variable
from wengert.compiler.capture.templates import (
    Container,
    ExistingState,
    GraphOutput,
    InputAlias,
    Result,
    Stored,
    parts_in,
)
from wengert.compiler.guards.python_source import PythonSource, has_own_items
from wengert.core.node import next_number
from wengert.custom.fields import FIELDS

__all__ = ["OutputPrinter"]

ARRAY, NOTES = FIELDS["array"], FIELDS["notes"]


class OutputPrinter:
    """Prints what a call stores and returns into the source of a function that has checked its guards.

    Parameters
    ----------
    source : PythonSource
    result : callable
        The expression for one of the results of the graph, by its number.
    """

    def __init__(self, source: PythonSource, result: Callable[[int], str]) -> None:
        self.source, self.result, self.trace = source, result, source.trace
        parts = [part for template in self.trace.templates for part in parts_in(template)]
        self.uses = collections.Counter(id(part) for part in parts if isinstance(part, (Container, Result)))
        self.shared: dict[int, str] = {}  # by the id of a template, the variable of an object that is used repeatedly
        self.views: dict[Any, str] = {}
        source.names |= {
            "returned_variable": returned_variable,
            "view_of": view_of,
            "view_of_input": view_of_input,
            "frozen": frozen,
            "number": next_number,
            "note_write": note_write,
            "WRITTEN": WRITTEN,
            "EVERYTHING": EVERYTHING,
        }

    def print(self) -> str:
        """Add the lines that store; return the expression for what the call returns."""
        lines = self.source.lines
        if self.trace.data_assigned:
            lines.append("n = number()")
        for location in self.trace.data_assigned:
            # Graphs that were recorded before must know that the data was written to: what `Variable.data` does.
            name = self.source.variables[id(location)]
            lines.append(f"if (m := {name}.{NOTES}) is None: {name}.{NOTES} = {{'changed': n}}")
            lines.append("else: m['changed'] = n")
            lines.append(f"if (m := WRITTEN.get(id({name}.{ARRAY}))) is None: note_write({name}.{ARRAY}, n)")
            lines.append("else: m[1][EVERYTHING] = n")
        for stored in self.trace.stored:
            self.print_stored(stored)
        return self.expression(self.trace.result)

    def print_stored(self, stored: Stored) -> None:
        location, source = stored.location, self.source
        value = self.expression(stored.template)
        is_plain = location.kind == "item" and not has_own_items(location.holder)
        if is_plain or (location.kind == "attribute" and is_variable(location.holder)):
            source.lines.append(f"{source.expression(location)} = {value}")
        elif location.kind == "cell":
            source.lines.append(f"{source.holder(location)}.cell_contents = {value}")
        else:
            source.lines.append(f"{source.name(location)}.set({value})")

    def expression(self, template: Any) -> str:
        """The expression that makes what a template stands for."""
        if isinstance(template, GraphOutput):
            text = self.result(template.number)
            if template.view is not None:
                text = self.view("view_of", text, template)
            if template.kind == "number":
                return f"{text}[()]"
            if template.kind in ("float", "int"):
                return f"{text}.item()"
            return text if template.writeable else f"frozen({text})"
        if isinstance(template, InputAlias):
            return self.input_alias(template)
        if isinstance(template, ExistingState):
            return self.source.variables[id(template.location)]
        if not isinstance(template, (Result, Container)):
            return self.source.name(template)
        if id(template) in self.shared:
            return self.shared[id(template)]
        text = self.new_object(template)
        if self.uses[id(template)] > 1:
            self.shared[id(template)] = name = f"m{len(self.shared)}"
            self.source.lines.append(f"{name} = {text}")
            return name
        return text

    def view(self, function: str, array: str, template: Any) -> str:
        """A variable for a view of an array: one for each, so that one object stays one object."""
        key = (array, template.view, template.which)
        if key not in self.views:
            self.views[key] = name = f"w{len(self.views)}"
            self.source.lines.append(f"{name} = {function}({array}, {self.source.name(template.view)})")
        return self.views[key]

    def input_alias(self, template: InputAlias) -> str:
        """The expression for the array of an input, or a view of it."""
        if template.itself is not None:
            return self.source.name(template.itself)
        name = self.source.array(template.number)
        if template.view is None:
            return name
        text = self.view("view_of_input", name, template)
        return f"frozen({text})" if template.frozen else text

    def new_object(self, template: Result | Container) -> str:
        """The expression that makes a Variable or a container."""
        if isinstance(template, Result):
            data = "None" if template.data is None else self.expression(template.data)
            grad = "None" if template.grad is None else self.expression(template.grad)
            kind = self.source.name(template.kind)
            return f"returned_variable({data}, {template.recorded}, {kind}, {template.name!r}, {grad})"
        parts = [self.expression(part) for part in template.parts]
        if template.keys is not None:
            pairs = zip(template.keys, parts, strict=True)
            return "{" + ", ".join(f"{self.source.key(key)}: {part}" for key, part in pairs) + "}"
        if template.kind is list:
            return f"[{', '.join(parts)}]"
        text = f"({''.join(part + ', ' for part in parts)})"
        return text if template.kind is tuple else f"{self.source.name(template.kind)}(*{text})"


def frozen(array: Any) -> Any:
    """The array, read-only."""
    array.setflags(write=False)
    return array
