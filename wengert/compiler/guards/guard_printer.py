"""Guards as Python source: each is a line that returns MISS where the guard fails."""

from __future__ import annotations

from typing import Any

from wengert.compiler.capture.locations import Location
from wengert.compiler.capture.object_graph import ObjectCondition
from wengert.compiler.capture.traced_number import MOST_OF_INPUT
from wengert.compiler.graph.equality import same
from wengert.compiler.guards.array_checks import ArrayChecks
from wengert.compiler.guards.conditions import (
    ArrayForm,
    CallArguments,
    Contents,
    Distinct,
    Equal,
    Guard,
    HasCreator,
    Hooks,
    NoOverlap,
    OfType,
    ReadOnly,
    SameAs,
    SameObject,
    SmallInteger,
    Writeable,
)
from wengert.compiler.guards.python_source import PythonSource
from wengert.custom.fields import FIELDS

__all__ = ["GuardPrinter"]

CREATOR, NOTES = FIELDS["creator"], FIELDS["notes"]

ATTRIBUTES = {"dict": "__dict__", "code": "__code__", "bases": "__mro__"}


class GuardPrinter:
    """Prints guards into the source of a function of `args` and `kwargs`.

    Parameters
    ----------
    source : PythonSource
    checks : ArrayChecks
    remember : bool
        Whether arrays of the state are remembered when they pass, so that the same ones pass quickly the next time.
    """

    def __init__(self, source: PythonSource, checks: ArrayChecks, remember: bool = True) -> None:
        self.source, self.checks, self.remember = source, checks, remember
        source.names |= {"same": same, "S": checks, "L": checks.accepted}

    def fail_if(self, condition: str) -> None:
        self.source.lines.append(f"if {condition}: return MISS")

    def print(self, guard: Guard) -> None:
        """Add the lines of a guard."""
        source = self.source
        match guard:
            case CallArguments(positional, keywords):
                self.fail_if(f"len(args) != {positional}")
                self.fail_if(f"tuple(kwargs) != {source.name(keywords)}" if keywords else "kwargs")
            case SameObject(location, value):
                self.fail_if(f"{source.expression(location)} is not {source.name(value)}")
            case SameAs(location, first):
                name = source.variable(first)
                self.fail_if(f"{source.expression(location)} is not {name}")
            case Equal(location, value):
                name, found = source.name(value), source.expression(location)
                if value is None or value is True or value is False:
                    self.fail_if(f"{found} is not {name}")
                else:
                    self.fail_if(f"(x := {found}) is not {name} and not same(x, {name})")
            case SmallInteger(location):
                self.fail_if(f"not {-MOST_OF_INPUT} <= {source.variable(location)} <= {MOST_OF_INPUT}")
            case OfType(location, type):
                self.fail_if(f"type({source.variable(location)}) is not {source.name(type)}")
            case Contents(container, contents):
                self.print_contents(container, contents)
            case HasCreator(location, expected):
                self.fail_if(f"{source.variable(location)}.{CREATOR} is {'not ' if not expected else ''}None")
            case Hooks(location, hooks):
                name = source.variable(location)
                found = f"{name}.{NOTES}.get('hooks', ())"
                self.fail_if(f"{name}.{NOTES} is not None and {found} is not {source.name(hooks)}")
                if hooks:
                    self.fail_if(f"{name}.{NOTES} is None")
            case Distinct(locations):
                names = ", ".join(f"id({source.variable(x)})" for x in locations)
                self.fail_if(f"len({{{names}}}) != {len(locations)}")
            case ObjectCondition(kind, value, expected):
                self.print_condition(kind, value, expected)
            case ArrayForm():
                self.print_form(guard)
            case Writeable(number):
                self.fail_if(f"not {source.array(number)}.flags.writeable")
            case ReadOnly(number):
                self.fail_if(f"{source.array(number)}.flags.writeable")
            case NoOverlap():
                self.print_overlap(guard)

    def print_contents(self, container: Any, contents: Any) -> None:
        is_location = isinstance(container, Location)
        name = self.source.variable(container) if is_location else self.source.name(container)
        if isinstance(container.value if is_location else container, dict):
            self.fail_if(f"(*{name},) != {self.source.name(contents)}" if contents or is_location else name)
        elif isinstance(contents, int):
            self.fail_if(f"len({name}) != {contents}")
        elif isinstance(contents, bytes):
            self.fail_if(f"bytes({name}) != {self.source.name(contents)}")
        else:
            self.fail_if(f"{name} != {self.source.name(contents)}")

    def print_condition(self, kind: str, value: Any, expected: Any) -> None:
        name = self.source.name(value)
        if kind == "absent":
            self.fail_if(f"{self.source.key(expected)} in {name}")
        elif kind == "unset":
            self.fail_if(f"hasattr({name}, {self.source.key(expected)})")
        elif kind == "size":
            self.fail_if(f"len({name}) != {expected}")
        elif kind == "local":
            self.fail_if(f"(*{name}.__dict__,) != {self.source.name(expected)}")
        else:
            self.fail_if(f"{name}.{ATTRIBUTES[kind]} is not {self.source.name(expected)}")

    def print_form(self, guard: ArrayForm) -> None:
        name, i, form = self.source.variable(guard.location), self.checks.index[guard.number], guard.form
        if guard.location.argument or not self.remember:
            self.fail_if(f"not S.has_form({i}, {name})")
            return
        self.source.lines.append(f"if {name} is not L[{i}]:\n            if not S.accept({i}, {name}): return MISS")
        # (the same array may have been given another shape, dtype or strides)
        expected = self.source.name((form.shape, form.dtype, form.strides))
        found = f"({name}.shape, {name}.dtype, {name}.strides)"
        self.source.lines.append(f"elif {found} != {expected} and not S.accept({i}, {name}): return MISS")
        if form.written:
            self.fail_if(f"not {name}.flags.writeable")

    def print_overlap(self, guard: NoOverlap) -> None:
        if self.remember:
            state = ", ".join(self.source.array(number) for number, _ in guard.state)
            self.fail_if(f"not S.state_checked and not S.check_state([{state}])")
        names = [self.source.array(number) for number in guard.arguments]
        for name in names:
            # (most arguments own their memory, and can share it with nothing that was found)
            alone = f"{name}.base is None and not S.foreign_memory and id({name}) not in S.owners"
            if guard.writes_arguments:
                alone = "False"
            self.fail_if(f"not ({alone}) and not S.are_disjoint([{', '.join(names)}])")
