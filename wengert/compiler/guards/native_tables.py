"""Guards as tables for native code, which compares what is in the state with what was there when the plan last fitted.

Native code knows objects by their identity. So the tables are made anew whenever the state has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wengert.compiler.capture.locations import Location
from wengert.compiler.capture.object_graph import ObjectCondition
from wengert.compiler.guards.conditions import Contents, Distinct, Equal, Guard, Hooks, SameAs, SameObject, Writeable
from wengert.compiler.targets.cpu import native_guard
from wengert.core.variable import HOOKS

if TYPE_CHECKING:
    from wengert.compiler.capture.trace import Trace

__all__ = ["NativeTables"]


class NativeTables:
    """The guards of a trace that native code checks.

    Attributes
    ----------
    read : set of int
        The inputs of the plan: native code checks the forms of their arrays.
    compared : list of int
        Inputs whose arrays Python fetches, and native code compares with those that it knows.
    """

    def __init__(self, trace: Trace) -> None:
        assert trace.graph is not None
        self.trace = trace
        self.read = {node.settings["place"] for node in trace.graph.inputs}
        self.written = {node.settings["place"] for node, _ in trace.graph.assignments}
        self.compared: list[int] = []
        # Containers of which all items are compared, in their order.
        self.complete = {id(c): c for _, c, _ in trace.locations.containers if type(c) in (dict, list)}
        self.number_of = {id(s.location): n for n, s in enumerate(trace.sources) if s.location is not None}
        self.changing = {id(stored.location) for stored in trace.stored}
        self.changing |= {id(s.location) for s in trace.sources if s.kind == "number" or not s.used}
        self.rows_of: dict[int, tuple[Any, list[Location]]] = {}  # by id, containers, and what is compared in them
        self.conditions: dict[str, list[tuple[Any, Any]]] = {}

    def covers(self, location: Location) -> bool:
        """Whether native code can compare what a location holds."""
        if location.argument or location.parent is not None or id(location) in self.changing:
            return False
        if location.kind == "cell":
            return True
        if location.kind != "item" or type(location.holder) not in (dict, list):
            return False
        return id(location.holder) in self.complete or (type(location.holder) is dict and type(location.key) is str)

    def add(self, location: Location) -> None:
        """Let native code compare what a location holds."""
        self.rows_of.setdefault(id(location.holder), (location.holder, []))[1].append(location)

    def is_compared(self, location: Location) -> bool:
        """Whether a location holds the same object whenever the tables fit."""
        return self.covers(location) or self.number_of.get(id(location)) in self.compared

    def take(self, guard: Guard) -> bool:
        """Whether native code checks a guard; then it is in the tables from now on."""
        match guard:
            case SameObject(location) | Equal(location):
                if not self.covers(location):
                    return False
                self.add(location)
            case SameAs(location, first):
                if not self.covers(location) or not self.is_compared(first):
                    return False
                self.add(location)
            case Distinct(locations):
                return all(map(self.covers, locations))
            case Contents(container):
                if id(container) not in self.complete:
                    return False
                self.rows_of.setdefault(id(container), (container, []))
            case Hooks(location):
                if not self.covers(location):
                    return False
                # (This very Variable: its hooks are the same ones unless those of any Variable have changed.)
                self.rows_of.setdefault(id(HOOKS), (HOOKS, [Location("item", HOOKS, "changed", "hooks", None)]))
            case ObjectCondition(kind, value, expected):
                if kind not in native_guard.CONDITIONS:
                    return False
                self.conditions.setdefault(kind, []).append((value, expected))
            case Writeable(number):
                return number in self.read
            case _:
                return False
        return True

    # The tables of the state as it is now. What they have the addresses of is appended to `held`.

    def rows(self, arrays: dict[int, Any], held: list[Any]) -> list[int]:
        """Encode what is in the containers; `arrays` are those of the inputs, by their numbers."""
        found: list[int] = []
        for container, locations in self.rows_of.values():
            values = {}
            for location in locations:
                number = self.number_of.get(id(location))
                values[location.key] = arrays[number] if number in arrays else location.get()
            held.append(list(values.values()))
            pairs: list[tuple[int, int]]
            if type(container) is list:
                kind = native_guard.LIST
                pairs = [(0, id(values[i]) if i in values else 0) for i in range(len(container))]
            elif type(container) is not dict:
                kind, pairs = native_guard.CELL, [(0, id(values["cell_contents"]))]
            elif id(container) in self.complete:
                keys = list(container)
                held.append(keys)
                kind, pairs = native_guard.DICT, [(id(k), id(values[k]) if k in values else 0) for k in keys]
            else:
                kind, pairs = native_guard.NAMES, [(id(k), id(value)) for k, value in values.items()]
            found += native_guard.row(kind, id(container), pairs)
        for name, conditions in self.conditions.items():
            held.append(conditions)
            pairs = [(id(value), wanted + 1 if name == "size" else id(wanted)) for value, wanted in conditions]
            found += native_guard.row(native_guard.CONDITIONS[name], 0, pairs)
        return found + native_guard.row(native_guard.END, 0, [])

    def array(self, number: int, arrays: dict[int, Any]) -> Any:
        """The array of an input of the trace, which the plan may not read."""
        source = self.trace.sources[number]
        if number in arrays or source.location is None:
            return arrays.get(number, source.array)
        return source.location.get()

    def compared_arrays(self, arrays: dict[int, Any], held: list[Any]) -> list[int]:
        """Encode the arrays that those which Python fetches are compared with."""
        found = [self.array(number, arrays) for number in self.compared]
        held.append(found)
        return list(map(id, found))

    def forms(self, arrays: dict[int, Any], held: list[Any], passed: set[int], first_slot: int) -> list[int]:
        """Encode the forms of the inputs, in the order of the plan.

        Those in `passed` Python passes to native code, after the compared arrays.
        """
        found: list[int] = []
        index = len(self.compared)
        for slot, (number, array) in enumerate(arrays.items(), first_slot):
            flags = native_guard.WRITEABLE if number in self.written else 0
            if number not in passed:
                held += [array.dtype, array]
                found += native_guard.form(slot, array, flags, address=id(array))
                continue
            if self.trace.sources[number].kind == "array":
                held.append(array.dtype)
                found += native_guard.form(slot, array, flags, index=index)
            else:  # (of a number)
                found += native_guard.form(slot, None, 0, index=index)
            index += 1
        return found
