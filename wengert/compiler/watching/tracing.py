"""One traced call: the arrays that a function reaches are exchanged for traced ones, it runs, and all is put back."""

from __future__ import annotations

import functools
import gc
import inspect
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.arrays.level import TRACED, level_of
from wengert.compiler.graphs.graph import Graph
from wengert.compiler.graphs.sameness import same
from wengert.compiler.watching.exchange import Exchange, Source, same_state, unfit
from wengert.compiler.watching.leaving import Held, Leaving, Made, Stored, as_array, plain_array
from wengert.compiler.watching.members import is_rebuilt, name_of
from wengert.compiler.watching.number import Number
from wengert.compiler.watching.places import Place, Places, find, is_loose, is_scalar, is_variable
from wengert.compiler.watching.tape import Tape, Untraceable
from wengert.compiler.watching.traced import Traced
from wengert.core.node import next_number
from wengert.core.variable import note_of
from wengert.functions.randomness import generator_shown

__all__ = ["Call", "Failed", "Trace", "trace"]


class Failed(Exception):
    """A traced call raised. Everything is as it was before the call; the cause is what it raised."""


class Trace(NamedTuple):
    """What was learnt from one call."""

    graph: Graph | None  # None: no plan can be made of it
    failure: str | None  # why
    sources: list[Source]
    stored: list[Stored]
    result: Any  # what the call returned, as a template
    returned: Any  # the very result of this call
    places: Places
    told: list[Place]  # Variables whose data was assigned
    streams: list[Any]  # random generators that are drawn from
    excused: bool = False  # whether the failure says nothing about other calls


class Call:
    """A function with its arguments, in containers of ours that can be written to."""

    def __init__(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function = [function]
        self.args, self.kwargs = list(args), dict(kwargs)

    def roots(self) -> list[Place]:
        """The places that all others are found from."""
        function = self.function[0]
        names = parameter_names(function, len(self.args))
        return [
            Place("item", self.function, 0, name_of(function), function),
            *(Place("item", self.args, i, names[i], value, argument=True) for i, value in enumerate(self.args)),
            *(Place("item", self.kwargs, key, key, value, argument=True) for key, value in self.kwargs.items()),
        ]

    def run(self) -> Any:
        return self.function[0](*self.args, **self.kwargs)


def trace(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], numbers: bool = True) -> Trace:
    """Call `function` for real, and write down what it does.

    Parameters
    ----------
    numbers : bool
        Whether the plan is to hold for other floats among the arguments.

    Raises
    ------
    Failed
        If the call raises.
    Untraceable
        If it cannot be called so. It was not called then.
    """
    call = Call(function, args, kwargs)
    places = find(call.roots())
    if places.strange:
        value = places.strange[0].value
        what = f"an array of {value.dtype}" if type(value) is np.ndarray else f"a {type(value).__name__}"
        raise Untraceable(
            f"{places.strange[0].path} is {what}; use plain arrays of numbers, and keep others out of its arguments, "
            "names and attributes"
        )
    tape = Tape(Traced, Number)
    tape.entry = code_of(function)
    exchange = Exchange(places, tape, numbers)
    try:
        try:
            found = run(call, exchange)
        except Exception as error:
            exchange.undo()
            raise Failed(str(error)) from error
        except BaseException:
            exchange.undo()
            raise
    finally:
        tape.closed = True
    exchange.known.clear()
    exchange.of_numbers.clear()
    exchange.put.clear()
    exchange.generators.clear()
    found = look_for_survivors(call, tape, found)
    let_go(found)
    return found


def run(call: Call, exchange: Exchange) -> Trace:
    """Run the call on traced arrays."""
    tape = exchange.tape
    legacy = np.random.get_state(legacy=False)  # noqa: NPY002  (what draws from it is refused)
    of_python = random.getstate()
    start = next_number()
    token = generator_shown.set(exchange.stand_in)
    exchange.make()
    try:
        returned = call.run()
    finally:
        generator_shown.reset(token)
    if not same_state(np.random.get_state(legacy=False), legacy) or random.getstate() != of_python:  # noqa: NPY002
        tape.fail(
            "it draws from the global random numbers of np.random or random, which a plan cannot follow; draw from "
            "np.random.default_rng() or wengert.generator()"
        )
    exchange.check()
    of_state = dict.fromkeys(map(id, exchange.places.keep))
    of_state |= {key: place for key, place in exchange.places.first.items() if is_loose(place)}
    leaving = Leaving(tape, exchange.known, of_state)
    stored = []
    after: list[tuple[Place, Any]] = []
    for place, put in exchange.put:
        now = place.get()
        if now is not put and not (type(now) is tuple and equal(now, place.value)):
            template = None if tape.failure else changed(place, now, leaving)
            stored.append(Stored(place, template))
            plain = leaving.plain(now, stored=True)
            after.append((place, plain_array(plain) if is_variable(place.holder) else plain))
    template = None if tape.failure else leaving.of(returned)
    if tape.failure is None:
        template, *templates = leaving.narrowed([template, *(item.template for item in stored)])
        stored = [Stored(item.place, new) for item, new in zip(stored, templates, strict=True)]
    first = exchange.places.first
    told = [p for p in first.values() if is_variable(p.value) and changed_at(p.value) > start]
    assignments = [(memory.input, memory.node) for memory in tape.inputs if memory.version]
    plain = leaving.plain(returned)
    exchange.put_back()
    exchange.forget_calls()
    for place, value in after:  # as the call has left it
        place.set(value)
    graph = None
    if tape.failure is None:
        graph = Graph([memory.input for memory in tape.inputs], leaving.results, assignments, tape.effects)
        read = {x for node in graph for x in node.operands} | {into for into, _ in assignments} | {*leaving.results}
        held = {number for item in stored for number in held_in(item.template)}
        for number, memory in enumerate(tape.inputs):
            exchange.sources[number].touched = memory.touched or memory.input in read or number in held
        graph = Graph([x for x in graph.inputs if x in read], leaving.results, assignments, tape.effects)
        graph.verify()
        pairs = zip(tape.inputs, exchange.sources, strict=True)
        reasons = (unfit(memory, source.place) for memory, source in pairs if source.touched)
        tape.failure = next(filter(None, reasons), None)
        graph = graph if tape.failure is None else None
    streams = [generator for generator, _ in tape.streams.values()]
    return Trace(
        graph, tape.failure, exchange.sources, stored, template, plain, exchange.places, told, streams, tape.excused
    )


def let_go(found: Trace) -> None:
    """Do not hold the arrays that a call was given: of them a plan needs no more than their form."""
    for source in found.sources:
        place = source.place
        for each in (place, *source.aliases):
            if each is not None and each.argument and each.parent is None and type(each.value) is np.ndarray:
                each.value = form_of(each.value)
                each.set(each.value)
        if place is not None and place.argument and place.parent is None and type(source.array) is np.ndarray:
            source.array = place.value


def form_of(array: Any) -> Any:
    """An array of the same form that has no memory for its elements: they must not be looked at."""
    return np.lib.stride_tricks.as_strided(np.empty(1, array.dtype), array.shape, array.strides)


def equal(a: Any, b: Any) -> bool:
    """Whether two nested tuples hold the same values that never change."""
    if type(a) is tuple:
        return type(b) is tuple and len(a) == len(b) and all(map(equal, a, b))
    return is_scalar(a) and same(a, b)


def held_in(template: Any) -> list[int]:
    """The inputs whose very arrays a template puts somewhere."""
    if isinstance(template, Held):
        return [template.number]
    return [i for part in template.parts for i in held_in(part)] if isinstance(template, Made) else []


def changed(place: Place, now: Any, leaving: Leaving) -> Any:
    """The template of what a place holds after the call, and did not before."""
    if type(now) in (int, float, complex) or isinstance(now, np.generic) or type(now) is Number:
        leaving.tape.fail(
            f"{place.path} is changed by the call, from {place.value!r} to {getattr(now, 'value', now)!r}; a number "
            "that changes is to be an array that is written in place: np.array(0), a += 1"
        )
        return None
    if type(now) in (Traced, np.ndarray) or isinstance(now, tuple) or is_variable(now) or is_scalar(now):
        template = leaving.of(now, stored=True)
        return as_array(template) if is_variable(place.holder) else template
    if id(now) in leaving.of_state:
        return leaving.of_before(now)
    leaving.tape.fail(f"{place.path} holds another {type(now).__name__} after the call than before; change it outside")
    return None


def look_for_survivors(call: Call, tape: Tape, found: Trace) -> Trace:
    """Put arrays where the call has left traced ones, and see that none is left where nobody looks."""
    if not tape.has_survivors():
        return found
    gc.collect()
    if not tape.has_survivors():
        return found
    places = find(call.roots())
    for place in places.traced:
        place.set(place.value.value)
    for place in places.rebuilt:
        if not (place.parent is not None and is_rebuilt(place.parent.value)):
            plain = without_traced(place.value)
            if plain is not place.value:
                place.set(plain)
    if found.failure is not None:
        return found
    where = f", as {places.traced[0].path}" if places.traced else " where the tracer does not look"
    reason = f"it keeps an array{where} that it has computed; return it, or keep it in an attribute made before"
    return found._replace(graph=None, failure=reason)


def without_traced(value: Any) -> Any:
    """A tuple with arrays in the place of traced ones."""
    if level_of(value) == TRACED:
        return value.value
    if isinstance(value, tuple):
        parts = [without_traced(part) for part in value]
        if any(a is not b for a, b in zip(parts, value, strict=True)):
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def changed_at(variable: Any) -> int:
    """When the data of a Variable was assigned."""
    return int(note_of(variable, "changed", 0))


def code_of(function: Any) -> Any:
    """The code that a call of `function` enters."""
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__code__"):
        function = getattr(type(function), "__call__", None)  # noqa: B004
    return getattr(function, "__code__", None)


def parameter_names(function: Any, count: int) -> list[str]:
    """What the function calls its positional arguments."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [*names[:count], *(f"argument {i}" for i in range(len(names), count))]
