"""One traced call: the arrays that a function reaches are exchanged for traced ones, it runs, and all is put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.compile.graph import Graph, Node
from wengert.compile.places import Place, Places, find
from wengert.compile.tape import Tape, Untraceable, owner
from wengert.compile.traced import Traced
from wengert.core import mode
from wengert.core.variable import Variable

__all__ = ["Trace", "trace"]


class Stored(NamedTuple):
    """What a call leaves in a place: an array made anew at each call, or what is not an array as it is."""

    place: Place
    result: int | None  # which of the graph's results; None for `value`
    value: Any


class Trace(NamedTuple):
    """What was learnt from one call."""

    graph: Graph
    sources: list[Any]  # for each input of the graph: the place, or the path among the arguments
    stored: list[Stored]
    result: Any  # what the call returned, with Reference in the place of arrays
    returned: Any  # the very result of this call
    places: Places


class ArgumentPlace(NamedTuple):
    """The data or the gradient of a Variable among the arguments."""

    way: tuple[Any, ...]
    holder: Any
    key: str

    @property
    def path(self) -> str:
        return f"argument {self.way}.{self.key[1:]}"

    def get(self) -> Any:
        return getattr(self.holder, self.key)

    def set(self, value: Any) -> None:
        setattr(self.holder, self.key, value)


class Reference(NamedTuple):
    """One of the graph's results, as an ndarray, a NumPy number, or a Variable of some kind."""

    index: int
    kind: Any
    name: str | None = None


class TracedGenerator(np.random.Generator):
    """A random generator whose draws are written down."""

    def __init__(self, generator: np.random.Generator, tape: Tape) -> None:
        super().__init__(generator.bit_generator)
        self.original, self.tape = generator, tape

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or name in ("original", "tape", "bit_generator") or not callable(found):
            return found
        tape, original = super().__getattribute__("tape"), super().__getattribute__("original")
        if name in ("spawn", "shuffle"):
            raise Untraceable(f"the random generator's {name} cannot be traced; draw by permuted, integers, random")
        draw = Draw(original, name)
        return lambda *args, **kwargs: tape.call(draw, args, kwargs, effect=True)


class Draw:
    """A method of a random generator as a function."""

    def __init__(self, generator: np.random.Generator, name: str) -> None:
        self.generator, self.name = generator, name
        self.__name__ = f"random.{name}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.generator, self.name)(*args, **kwargs)


class Snapshot:
    """All that a call may change, as it was: to go back to where it cannot be traced to the end."""

    def __init__(self, places: Places) -> None:
        self.arrays = [(place, place.get(), place.get().copy()) for place in places.arrays]
        self.values = list(places.values)
        self.containers = [(c, dict(c) if isinstance(c, dict) else list(c)) for _, c, _ in places.containers]
        self.streams = [(p.get(), p.get().bit_generator.state) for p in places.generators]

    def restore(self) -> None:
        for container, content in self.containers:
            if isinstance(container, dict):
                if container != content or list(container) != list(content):
                    container.clear()
                    container.update(content)
            else:
                container.clear()
                container.extend(content)
        for place, array, content in self.arrays:
            if array.flags.writeable:
                array[...] = content
            place.set(array)
        for place, value in self.values:
            if place.get() is not value and place.kind != "item":
                place.set(value)
        for generator, state in self.streams:
            generator.bit_generator.state = state


def trace(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Trace:
    """Call `function` for real, and write down what it does.

    Raises
    ------
    Untraceable
        If a plan cannot be made of it. Everything is then as it was before the call.
    """
    call = [function, args, kwargs]
    places = find(function)
    of_arguments = arrays_in((args, kwargs))
    snapshot = Snapshot(places)
    copies = [(a, a.copy()) for _, a in of_arguments if a.flags.writeable]
    variables = [(x, x._data, x._grad) for _, x in variables_in((args, kwargs))]
    tape = Tape(Traced)
    try:
        return run(tape, call, places, of_arguments)
    except BaseException:
        snapshot.restore()
        for array, content in copies:
            array[...] = content
        for x, data, gradient in variables:
            x._data, x._grad = data, gradient
        for generator, state in tape.streams:
            generator.bit_generator.state = state
        raise
    finally:
        tape.closed = True


def run(tape: Tape, call: list[Any], places: Places, of_arguments: list[tuple[Any, Any]]) -> Trace:
    function, args, kwargs = call
    originals = [(place, place.get()) for place in places.arrays]
    given = variables_in((args, kwargs))
    of_variables = [(ArgumentPlace(path, x, key), getattr(x, key)) for path, x in given for key in ("_data", "_grad")]
    generators = [(place, place.get()) for place in places.generators]
    if places.tuples:
        raise Untraceable(f"{places.tuples[0].path} is a tuple with arrays in it; hold them in a list")
    known: dict[int, Any] = {}
    sources: list[Any] = []
    everything = [*originals, *((p, a) for p, a in of_variables if a is not None), *of_arguments]
    check_overlap([array for _, array in everything])
    for source, array in everything:
        if id(array) not in known:
            known[id(array)] = tape.input(array, len(sources))
            sources.append(source)
    traced = list(known.values())
    before = [t.memory.version for t in traced]
    stand_ins = {id(g): TracedGenerator(g, tape) for _, g in generators}

    def shown(generator: np.random.Generator) -> Any:
        if id(generator) not in stand_ins:
            tape.streams.append((generator, generator.bit_generator.state))
            stand_ins[id(generator)] = TracedGenerator(generator, tape)
        return stand_ins[id(generator)]

    token = mode.generator_shown.set(shown)
    try:
        for place, array in originals:
            place.set(known[id(array)])
        for variable_place, array in of_variables:
            if array is not None:
                variable_place.set(known[id(array)])
        for place, generator in generators:
            place.set(stand_ins[id(generator)])
        returned = function(*exchange(args, known), **exchange(kwargs, known))
        results: list[Node] = []
        stored = []
        for place, array in originals:
            now = place.get()
            if now is not known[id(array)]:
                stored.append(store(place, now, tape, results))
        for variable_place, array in of_variables:
            now = variable_place.get()
            if now is not (None if array is None else known[id(array)]):
                stored.append(store(variable_place, now, tape, results))
    finally:
        mode.generator_shown.reset(token)
        for place, array in originals:
            place.set(array)
        for variable_place, array in of_variables:
            variable_place.set(array)
        for place, generator in generators:
            place.set(generator)
    check_same_places(function, places)
    for item in stored:  # as the call has left it
        item.place.set(item.value)
    template = references(returned, tape, results)
    assignments = [
        (node, t.memory.node)
        for node, t, version in zip(tape.inputs, traced, before, strict=True)
        if t.memory.version != version
    ]
    graph = Graph(tape.inputs, results, assignments, tape.effects)
    graph.verify()
    return Trace(graph, sources, stored, template, plain(returned), places)


def store(place: Place, now: Any, tape: Tape, results: list[Node]) -> Stored:
    """Say what a call leaves in a place."""
    if type(now) is Traced:
        results.append(now.node)
        return Stored(place, len(results) - 1, now.value)
    if isinstance(now, np.ndarray):
        results.append(tape.constant(now))
        return Stored(place, len(results) - 1, now)
    if now is None or isinstance(now, (bool, int, float, complex, str)):
        return Stored(place, None, now)
    raise Untraceable(f"{place.path} was an array and is now {type(now).__name__}")


def check_overlap(arrays: list[np.ndarray]) -> None:
    """Raise Untraceable if two arrays look into one memory: a write to one would have to be seen by the other."""
    owners: dict[int, np.ndarray] = {}
    for array in arrays:
        other = owners.setdefault(id(owner(array)), array)
        if other is not array and np.may_share_memory(other, array):
            raise Untraceable("two arrays that the function uses share memory; give it copies")


def check_same_places(function: Any, places: Places) -> None:
    """Raise Untraceable if the call has changed what a plan could not change."""
    for path, container, content in places.containers:
        now = tuple(container) if isinstance(container, dict) else len(container)
        if now != content:
            raise Untraceable(f"{path} has other elements after the call than before; change it outside")
    for place, value in places.values:
        now = place.get()
        if now is not value and not (type(now) is type(value) and now == value):
            raise Untraceable(
                f"{place.path} is changed by the call, from {value!r} to {now!r}; a number that changes is to be an array "
                "that is written in place: np.array(0), a += 1"
            )


def arrays_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, np.ndarray]]:
    """The arrays among nested arguments, each with the way to it."""
    if type(value) is np.ndarray or isinstance(value, np.memmap):
        return [(path, value)]
    if isinstance(value, (list, tuple)):
        return [found for i, part in enumerate(value) for found in arrays_in(part, (*path, i))]
    if isinstance(value, dict):
        return [found for key, part in value.items() for found in arrays_in(part, (*path, key))]
    return []


def variables_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, Variable]]:
    """The Variables among nested arguments, each with the way to it."""
    if isinstance(value, Variable):
        if value._creator is not None:
            raise Untraceable("an argument is a Variable that was computed; give its data, x.data, or x.detach()")
        return [(path, value)]
    if isinstance(value, (list, tuple)):
        return [found for i, part in enumerate(value) for found in variables_in(part, (*path, i))]
    if isinstance(value, dict):
        return [found for key, part in value.items() for found in variables_in(part, (*path, key))]
    return []


def exchange(value: Any, known: dict[int, Any]) -> Any:
    """Put traced arrays in the place of arrays among nested arguments."""
    if isinstance(value, np.ndarray):
        return known.get(id(value), value)
    if isinstance(value, (list, tuple)):
        parts = [exchange(part, known) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: exchange(part, known) for key, part in value.items()}
    return value


def references(value: Any, tape: Tape, results: list[Node]) -> Any:
    """Put References in the place of traced arrays among nested results."""
    if type(value) is Traced:
        results.append(value.node)
        return Reference(len(results) - 1, np.ndarray if isinstance(value.value, np.ndarray) else np.generic)
    if isinstance(value, Variable):
        if type(value._data) is Traced:
            results.append(value._data.node)
            return Reference(len(results) - 1, type(value), value.name)
        return value
    if isinstance(value, np.ndarray):
        results.append(tape.constant(value))
        return Reference(len(results) - 1, np.ndarray)
    if isinstance(value, (list, tuple)):
        parts = [references(part, tape, results) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: references(part, tape, results) for key, part in value.items()}
    return value


def plain(value: Any) -> Any:
    """The result of the traced call itself, with arrays in the place of traced ones."""
    if type(value) is Traced:
        return value.value
    if isinstance(value, Variable):
        if type(value._data) is Traced:
            value._data = value._data.value
        return value
    if isinstance(value, (list, tuple)):
        parts = [plain(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value
