"""The conditions under which a plan holds, as one list of typed guards.

`guards_of` derives the list from a trace. It is printed twice: as Python source that evaluates the guards at a call
(`guard_printer`), and as tables for native code that compares objects by identity (`native_tables`).
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wengert.compiler.capture.locations import Location, is_by_structure, is_variable
from wengert.compiler.capture.object_graph import ObjectCondition
from wengert.compiler.capture.templates import input_aliases_in
from wengert.compiler.capture.traced_number import MOST_OF_INPUT
from wengert.core.node import maker_of
from wengert.core.variable import note_of

if TYPE_CHECKING:
    from wengert.compiler.capture.trace import Trace

__all__ = [
    "ArrayForm",
    "CallArguments",
    "Contents",
    "Distinct",
    "Equal",
    "Form",
    "Guard",
    "HasCreator",
    "Hooks",
    "NoOverlap",
    "OfType",
    "ReadOnly",
    "SameAs",
    "SameObject",
    "SmallInteger",
    "Writeable",
    "guards_of",
    "verify_guards",
]


class CallArguments(NamedTuple):
    """The call has so many positional arguments, and keyword arguments of these names, in this order."""

    positional: int
    keywords: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.positional} positional arguments, keywords {self.keywords}"


class SameObject(NamedTuple):
    """A location holds this very object."""

    location: Location
    value: Any

    def __str__(self) -> str:
        return f"{self.location.path} is the same {type(self.value).__name__}"


class SameAs(NamedTuple):
    """Two locations hold the same object, whichever it is."""

    location: Location
    first: Location

    def __str__(self) -> str:
        return f"{self.location.path} is {self.first.path}"


class Equal(NamedTuple):
    """A location holds an equal immutable value of the same type."""

    location: Location
    value: Any

    def __str__(self) -> str:
        return f"{self.location.path} == {self.value!r}"


class SmallInteger(NamedTuple):
    """A location holds an int of so many bits that what the plan computes with it takes no more than 64."""

    location: Location

    def __str__(self) -> str:
        return f"abs({self.location.path}) <= {MOST_OF_INPUT}"


class OfType(NamedTuple):
    """A location holds an object of exactly this type."""

    location: Location
    type: Any

    def __str__(self) -> str:
        return f"type({self.location.path}) is {self.type.__name__}"


class Contents(NamedTuple):
    """A container has these keys (a dict), this length (a list, tuple or deque), these elements or these bytes.

    `container` is the container itself, or the location of one that may be another object at each call.
    """

    container: Any
    contents: Any

    def __str__(self) -> str:
        where = self.container.path if isinstance(self.container, Location) else type(self.container).__name__
        return f"{where} contains {self.contents!r}"


class HasCreator(NamedTuple):
    """A Variable was computed and recorded, or was not."""

    location: Location
    expected: bool

    def __str__(self) -> str:
        return f"{self.location.path} has {'a' if self.expected else 'no'} creator"


class Hooks(NamedTuple):
    """A Variable has these hooks."""

    location: Location
    hooks: Any

    def __str__(self) -> str:
        return f"{self.location.path} has {len(self.hooks)} hooks"


class Distinct(NamedTuple):
    """No two of these Variables are one: its gradient would be the sum of theirs."""

    locations: tuple[Location, ...]

    def __str__(self) -> str:
        return f"{', '.join(x.path for x in self.locations)} are different objects"


class Form(NamedTuple):
    """What a plan depends on in an array, apart from its elements."""

    type: Any
    shape: tuple[int, ...]
    dtype: Any
    strides: tuple[int, ...]
    written: bool  # then it must be writeable


class ArrayForm(NamedTuple):
    """A location holds an array of this form, which is the input of the trace of this number."""

    location: Location
    number: int
    form: Form

    def __str__(self) -> str:
        return f"{self.location.path} {self.form.dtype}{list(self.form.shape)}"


class Writeable(NamedTuple):
    """The array of an input, which is always the same one, is writeable."""

    number: int

    def __str__(self) -> str:
        return f"the array of input {self.number} is writeable"


class ReadOnly(NamedTuple):
    """The array of an input is read-only, as it was: views that are returned may be read-only for that reason alone."""

    number: int

    def __str__(self) -> str:
        return f"the array of input {self.number} is read-only"


class NoOverlap(NamedTuple):
    """No memory that the plan writes to is also that of another input.

    `state` are pairs of an input's number and whether the plan writes to it; `arguments` are numbers of inputs.
    """

    state: tuple[tuple[int, bool], ...]
    arguments: tuple[int, ...]
    writes_arguments: bool

    def __str__(self) -> str:
        return "no array that is written to overlaps another one"


Guard = (
    CallArguments
    | SameObject
    | SameAs
    | Equal
    | SmallInteger
    | OfType
    | Contents
    | HasCreator
    | Hooks
    | Distinct
    | ObjectCondition
    | ArrayForm
    | Writeable
    | ReadOnly
    | NoOverlap
)
# Of these, a location has one: it decides what the location may hold.
DECIDING = (SameObject, SameAs, Equal, OfType, ArrayForm)


def guards_of(trace: Trace) -> list[Guard]:
    """Derive the conditions under which a plan of a trace holds; those of a holder precede those of its contents."""
    top = [x for x in trace.locations if x.argument and x.parent is None]
    positional = sum(isinstance(x.holder, list) for x in top)
    guards: list[Guard] = [CallArguments(positional, tuple(x.key for x in top if isinstance(x.holder, dict)))]
    guards += location_guards(trace)
    for location, container, contents in trace.locations.containers:
        if not is_by_structure(location):
            guards.append(Contents(container, contents))
    guards += trace.locations.conditions.values()
    guards += input_guards(trace)
    verify_guards(guards, trace.locations.order[0])
    return guards


def location_guards(trace: Trace) -> Iterator[Guard]:
    """Yield what all locations hold that hold no arrays."""
    locations = trace.locations
    arrays, scalars = set(map(id, locations.arrays)), set(map(id, locations.scalars))
    numbers = {id(s.location) for s in trace.sources if s.kind == "number" and s.fixed_at is None}
    variables: list[Location] = []
    structural: set[int] = set()  # locations whose objects are known by what is in them
    for location in locations.order[1:]:  # (the first is the function itself)
        value = location.value
        if id(location) in arrays:
            continue
        if id(location) in numbers:
            yield OfType(location, type(value))
            if type(value) is int:
                yield SmallInteger(location)
        elif id(location) in scalars:
            yield Equal(location, value)
        elif not is_by_structure(location) or isinstance(value, functools.partial):
            yield SameObject(location, value)
        else:
            first = locations.first.get(id(value), location)
            if first is not location:
                # (What is in the object was looked for from its first location alone.)
                yield SameAs(location, first) if id(first) in structural else SameObject(location, value)
                continue
            structural.add(id(location))
            yield OfType(location, type(value))
            if is_variable(value):
                variables.append(location)
                yield HasCreator(location, maker_of(value) is not None)
                yield Hooks(location, note_of(value, "hooks", ()))
            else:
                yield Contents(location, tuple(value) if isinstance(value, dict) else len(value))
    if len(variables) > 1:
        yield Distinct(tuple(variables))


def input_guards(trace: Trace) -> Iterator[Guard]:
    """Yield what the arrays must be that the plan reads, writes or returns."""
    assert trace.graph is not None
    written = {node.settings["place"] for node, _ in trace.graph.assignments}
    read_only = {held.number for each in trace.templates for held in input_aliases_in(each) if held.frozen is None}
    state: list[tuple[int, bool]] = []
    arguments: list[int] = []
    for number, source in enumerate(trace.sources):
        location, array = source.location, source.array
        if source.kind == "number":
            continue
        if location is None:
            for each, fixed in source.fixed:
                yield SameObject(each, fixed)
            if number in written:
                yield Writeable(number)
        elif source.used:
            yield ArrayForm(
                location, number, Form(type(array), array.shape, array.dtype, array.strides, number in written)
            )
        else:
            yield OfType(location, type(array))
        if number in read_only:
            yield ReadOnly(number)
        for alias in source.aliases:
            assert location is not None
            yield SameAs(alias, location)
        if location is not None and location.argument:
            arguments += [number] if source.used else []
        elif location is None or source.used:
            state.append((number, number in written))
    if written:
        yield NoOverlap(tuple(state), tuple(arguments), any(number in written for number in arguments))


def verify_guards(guards: list[Guard], function: Location) -> None:
    """Check that a list of guards is well formed. The function is always the same, and needs no guard.

    Raises
    ------
    RuntimeError
        If a location is guarded twice, or before what it lies in; or if an array has no form.
    """
    decided = Counter([id(function)])
    forms: set[int] = set()
    for guard in guards:
        error = None
        if isinstance(guard, DECIDING):
            location = guard.location
            decided[id(location)] += 1
            if decided[id(location)] > 1:
                error = "its location has another guard"
            elif location.parent is not None and not decided[id(location.parent)]:
                error = "what its location lies in has no guard before it"
            elif isinstance(guard, SameAs) and not decided[id(guard.first)]:
                error = "the location that it is compared with has no guard before it"
        if isinstance(guard, ArrayForm):
            forms.add(guard.number)
            if not isinstance(guard.form.dtype, np.dtype) or len(guard.form.shape) != len(guard.form.strides):
                error = "its form is not that of an array"
        if isinstance(guard, NoOverlap) and not forms.issuperset(guard.arguments):
            error = "an argument has no form"
        if error is not None:
            raise RuntimeError(f"the guard '{guard}' is wrong: {error}")
