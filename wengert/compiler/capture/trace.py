"""Tracing a call: the captured arrays are substituted by traced ones, the function runs, and all is restored."""

from __future__ import annotations

import functools
import gc
import inspect
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.arrays.level import TRACED, level_of
from wengert.compiler.capture.creation import create
from wengert.compiler.capture.decisions import add_guards
from wengert.compiler.capture.locations import (
    Location,
    Locations,
    find_locations,
    is_by_structure,
    is_scalar,
    is_variable,
)
from wengert.compiler.capture.numpy_names import GLOBAL
from wengert.compiler.capture.object_graph import is_rebuilt, name_of
from wengert.compiler.capture.outputs import OutputTemplates, plain_array
from wengert.compiler.capture.streams import same_state
from wengert.compiler.capture.substitution import Source, Substitution, unsupported_input
from wengert.compiler.capture.tape import Tape, Untraceable
from wengert.compiler.capture.templates import Stored, as_array, input_aliases_in
from wengert.compiler.capture.traced_array import Traced
from wengert.compiler.capture.traced_generator import drawn_from, without_idle_states
from wengert.compiler.capture.traced_number import Number
from wengert.compiler.graph.equality import same
from wengert.compiler.graph.graph import Graph, Node
from wengert.core.node import next_number
from wengert.core.variable import note_of
from wengert.functions.randomness import generator_shown
from wengert.writes.stand_ins import arrays_made_by, called
from wengert.writes.unmodified import make_where_differentiated

__all__ = ["Call", "Failed", "Trace", "trace"]


class Failed(Exception):
    """A traced call raised. The state was restored to that before the call; the cause is the exception."""


class Trace(NamedTuple):
    """The record of one call."""

    graph: Graph | None  # None if no plan can be made
    failure: str | None  # why
    sources: list[Source]
    stored: list[Stored]
    result: Any  # the template of what the call returned
    returned: Any  # what the call returned
    locations: Locations
    data_assigned: list[Location]  # Variables whose data was assigned
    streams: list[Any]  # random generators that the call draws from
    decisions: tuple[bool, ...] = ()  # the outcomes of those that are checked at the end
    argument_failure: bool = False  # whether the failure is due to these arguments, and other calls may succeed
    changed: frozenset[str] = frozenset()  # the paths of numbers that the call has changed, and that are no inputs

    @property
    def outcomes(self) -> list[Any]:
        """What the guards of the graph compare with."""
        effects = [] if self.graph is None else self.graph.effects
        return [*self.decisions, *(node.settings["value"] for node in effects if node.op == "guard")]

    @property
    def templates(self) -> list[Any]:
        """The templates of all that the call returned and stored."""
        return [self.result, *(item.template for item in self.stored)]


class Call:
    """A function with its arguments, in containers that can be written to."""

    def __init__(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function = [function]
        self.args, self.kwargs = list(args), dict(kwargs)

    def roots(self) -> list[Location]:
        """The locations from which all others are found."""
        function = self.function[0]
        names = parameter_names(function, len(self.args))
        return [
            Location("item", self.function, 0, name_of(function), function),
            *(Location("item", self.args, i, names[i], value, argument=True) for i, value in enumerate(self.args)),
            *(Location("item", self.kwargs, key, key, value, argument=True) for key, value in self.kwargs.items()),
        ]

    def run(self) -> Any:
        return called(self.function[0], self.args, self.kwargs)


def trace(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    numbers: bool = True,
    changing: Callable[[Locations], frozenset[str]] | None = None,
    entry: Any = None,
    check: Callable[[Trace], None] | None = None,
) -> Trace:
    """Call `function` on its real arguments, and record what it does.

    Parameters
    ----------
    numbers : bool
        Whether numbers are inputs of the plan, and not constants: floats among the arguments, and those that change.
    changing : callable, optional
        ``changing(locations)``: the paths of the numbers that are known to change.
    entry : callable, optional
        The function of the program that `function` calls, if it is another one.
    check : callable, optional
        Is given the record, and raises if that is of no use; what the call has changed is undone then.

    Raises
    ------
    Failed
        If the call raises, or `check` does.
    Untraceable
        If it cannot be traced. It was not called then.
    """
    call = Call(function, args, kwargs)
    locations = find_locations(call.roots())
    if locations.unsupported:
        value = locations.unsupported[0].value
        what = f"an array of {value.dtype}" if type(value) is np.ndarray else f"a {type(value).__name__}"
        if getattr(type(value), "is_written", False):
            raise Untraceable(
                f"{locations.unsupported[0].path} is a Variable that was written to before the call; give it a value "
                "that is not: x.data, or wengert.Variable(x.data)"
            )
        raise Untraceable(
            f"{locations.unsupported[0].path} is {what}; use plain arrays of numbers, and keep others out of its "
            "arguments, names and attributes"
        )
    tape = Tape(Traced, Number)
    tape.entry = code_of(function if entry is None else entry)
    substitution = Substitution(locations, tape, numbers, frozenset() if changing is None else changing(locations))
    try:
        try:
            found = run(call, substitution)
            if check is not None:
                check(found)
        except Exception as error:
            substitution.undo()
            raise Failed(str(error)) from error
        except BaseException:
            substitution.undo()
            raise
    finally:
        tape.closed = True
    substitution.traced.clear()
    substitution.traced_numbers.clear()
    substitution.values.clear()
    substitution.generators.clear()
    found = replace_survivors(call, tape, found)
    release_arguments(found)
    return found


def run(call: Call, substitution: Substitution) -> Trace:
    """Run the call on traced arrays."""
    tape = substitution.tape
    legacy = np.random.get_state(legacy=False)  # noqa: NPY002  (only to find out whether it is drawn from)
    python_state = random.getstate()
    start = next_number()
    token = generator_shown.set(substitution.stand_in)
    substitution.apply()
    try:
        traced = functools.partial(create, tape)
        with arrays_made_by(functools.partial(make_where_differentiated, traced), traced):
            returned = call.run()
        add_guards(tape)
    finally:
        generator_shown.reset(token)
    is_drawn = not same_state(np.random.get_state(legacy=False), legacy)  # noqa: NPY002
    if (is_drawn and id(GLOBAL) not in tape.streams) or random.getstate() != python_state:
        tape.fail(
            "it draws from the global random generators of np.random or random, which cannot be traced; draw from "
            "np.random.default_rng() or wengert.generator()"
        )
    substitution.check()
    of_state = dict.fromkeys(map(id, substitution.locations.keep))
    of_state |= {key: location for key, location in substitution.locations.first.items() if is_by_structure(location)}
    outputs = OutputTemplates(tape, substitution.sources, of_state)
    changes = [(location, location.get(), put) for location, put in substitution.values]
    changes = [c for c in changes if c[1] is not c[2] and not (type(c[1]) is tuple and equal(c[1], c[0].value))]
    templates = [None if tape.failure else changed(location, now, outputs) for location, now, _ in changes]
    template = None if tape.failure else outputs.of(returned)
    if tape.failure is None:
        template, *templates = outputs.finished(template, templates)
    stored = [Stored(location, each) for (location, _, _), each in zip(changes, templates, strict=True)]
    after: list[tuple[Location, Any]] = []
    for location, now, _ in changes:
        plain = outputs.plain(now)
        after.append((location, plain_array(plain) if is_variable(location.holder) else plain))
    first = substitution.locations.first
    data_assigned = [p for p in first.values() if is_variable(p.value) and changed_at(p.value) > start]
    plain = outputs.plain(returned)
    substitution.restore()
    substitution.forget_calls()
    for location, value in after:  # (what the call has stored)
        location.set(value)
    graph = None
    if tape.failure is None:
        returned_inputs = {alias.number for each in (template, *templates) for alias in input_aliases_in(each)}
        graph = graph_of(substitution, outputs.results, returned_inputs)
    streams = [generator for generator, _ in tape.streams.values()]
    if graph is not None:
        streams = drawn_from(graph.effects, streams)
    return Trace(
        graph,
        tape.failure,
        substitution.sources,
        stored,
        template,
        plain,
        substitution.locations,
        data_assigned,
        streams,
        (*tape.conditions.values(), *(bool(np.isfinite(value)) for value in tape.sums.values())),
        tape.argument_failure,
        frozenset(substitution.changed_constants(changes)),
    )


def graph_of(substitution: Substitution, results: list[Node], returned_inputs: set[int]) -> Graph | None:
    """The graph of a traced call; None if a plan cannot read or write one of its inputs."""
    tape = substitution.tape
    assignments = [(memory.input, memory.node) for memory in tape.inputs if memory.version]
    effects = without_idle_states(tape.effects)
    graph = Graph([memory.input for memory in tape.inputs], results, assignments, effects, as_written=True)
    read = {*results, *(into for into, _ in assignments)}
    for node in graph:
        read.update(node.operands)
    for number, (memory, source) in enumerate(zip(tape.inputs, substitution.sources, strict=True)):
        source.used = memory.used or memory.input in read or number in returned_inputs
        if source.used and tape.failure is None:
            tape.failure = unsupported_input(memory, source.location)
    inputs = [x for x in graph.inputs if x in read]
    if len(inputs) < len(graph.inputs):
        graph = Graph(inputs, results, assignments, effects, as_written=True)
    return graph if tape.failure is None else None


def release_arguments(found: Trace) -> None:
    """Release the arrays that are arguments: a plan needs no more than their form."""
    for source in found.sources:
        location = source.location
        for each in (location, *source.aliases):
            if each is not None and each.argument and each.parent is None and type(each.value) is np.ndarray:
                each.value = placeholder_of(each.value)
                each.set(each.value)
        if location is not None and location.argument and location.parent is None and type(source.array) is np.ndarray:
            source.array = location.value


def placeholder_of(array: Any) -> Any:
    """An array of the same form without memory for its elements, which must not be accessed."""
    return np.lib.stride_tricks.as_strided(np.empty(1, array.dtype), array.shape, array.strides)


def equal(a: Any, b: Any) -> bool:
    """Whether two nested tuples hold equal immutable values."""
    if type(a) is tuple:
        return type(b) is tuple and len(a) == len(b) and all(map(equal, a, b))
    return is_scalar(a) and same(a, b)


def changed(location: Location, now: Any, outputs: OutputTemplates) -> Any:
    """The template of what a location holds after the call, if the call has changed it."""
    if type(now) in (Traced, Number, np.ndarray) or isinstance(now, tuple) or is_variable(now) or is_scalar(now):
        template = outputs.of(now)
        return as_array(template) if is_variable(location.holder) else template
    if id(now) in outputs.of_state:
        return outputs.existing(now)
    outputs.tape.fail(
        f"{location.path} holds another {type(now).__name__} after the call than before; change it outside of the "
        "function"
    )
    return None


def replace_survivors(call: Call, tape: Tape, found: Trace) -> Trace:
    """Replace traced arrays that remain after the call by real ones; fail if some cannot be found."""
    if not tape.has_survivors():
        return found
    gc.collect()
    if not tape.has_survivors():
        return found
    returned = [found.returned]
    locations = find_locations([*call.roots(), Location("item", returned, 0, "what it returns", found.returned)])
    for location in locations.traced:
        location.set(location.value.value)
    for location in locations.rebuilt:
        if not (location.parent is not None and is_rebuilt(location.parent.value)):
            plain = without_traced(location.value)
            if plain is not location.value:
                location.set(plain)
    found = found._replace(returned=returned[0])
    if found.failure is not None:
        return found
    where = f" in {locations.traced[0].path}" if locations.traced else " where the tracer cannot find it"
    reason = f"it keeps an array{where} that it has computed; return it, or keep it in an attribute made before"
    return found._replace(graph=None, failure=reason)


def without_traced(value: Any) -> Any:
    """A tuple with real arrays instead of traced ones."""
    if level_of(value) == TRACED:
        return value.value
    if isinstance(value, tuple):
        parts = [without_traced(part) for part in value]
        if any(a is not b for a, b in zip(parts, value, strict=True)):
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def changed_at(variable: Any) -> int:
    """The number of the last assignment to the data of a Variable."""
    return int(note_of(variable, "changed", 0))


def code_of(function: Any) -> Any:
    """The code object that a call of `function` enters."""
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__code__"):
        function = getattr(type(function), "__call__", None)  # noqa: B004
    return getattr(function, "__code__", None)


def parameter_names(function: Any, count: int) -> list[str]:
    """The names of the positional parameters of a function."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [*names[:count], *(f"argument {i}" for i in range(len(names), count))]
