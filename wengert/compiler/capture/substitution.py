"""The substitution of all captured arrays by traced ones for the time of a call."""

from __future__ import annotations

import functools
from collections import deque
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from wengert.arrays.level import RECORDED, level_of
from wengert.checks.mutation import owner
from wengert.compiler.capture.locations import Location, Locations, is_scalar
from wengert.compiler.capture.memory import InputMemory
from wengert.compiler.capture.numpy_names import vectorized
from wengert.compiler.capture.object_graph import BUFFERS, is_draw, is_rebuilt, raw_item
from wengert.compiler.capture.outputs import outside
from wengert.compiler.capture.streams import restore_streams, same_state, set_stream_state, stream_state
from wengert.compiler.capture.tape import Tape
from wengert.compiler.capture.traced_array import Traced
from wengert.compiler.capture.traced_generator import TracedGenerator, TracedRandomState
from wengert.compiler.capture.traced_number import MOST_OF_INPUT, Number
from wengert.core.function import Function
from wengert.core.node import maker_of
from wengert.custom.fields import restore
from wengert.writes.stand_ins import STAND_INS

__all__ = ["Source", "Substitution", "unsupported_input"]


class Source:
    """Where a replay finds an input of a graph.

    Attributes
    ----------
    location : Location or None
        What holds it. None if several captured arrays are views of it: then it is always `array`.
    kind : str
        "array", or "number": one of Python or of NumPy.
    aliases : list of Location
        Other locations that hold the same array.
    fixed : list of (Location, ndarray)
        Locations that hold views of `array`: each must hold the same view as in the trace.
    used : bool
        Whether the function used the array in any way.
    fixed_at : str or None
        Of a number that Python needed itself (as a length, an index of a list): the line. Then the plan is for it.
    """

    def __init__(self, location: Location | None, array: Any, kind: str = "array") -> None:
        self.location, self.array, self.kind = location, array, kind
        self.used = True
        self.fixed_at: str | None = None
        self.aliases: list[Location] = []
        self.fixed: list[tuple[Location, Any]] = []


class Substitution:
    """The substitution of the captured state for one traced call."""

    def __init__(self, locations: Locations, tape: Tape, numbers: bool, changing: frozenset[str] = frozenset()) -> None:
        self.locations, self.tape = locations, tape
        self.sources: list[Source] = []
        self.traced: dict[int, Any] = {}  # by the id of an array, its traced array
        self.generators: dict[int, Any] = {}
        self.values: list[tuple[Location, Any]] = []  # what each location holds at the beginning of the call
        self.overlapping_inputs: list[list[InputMemory]] = []  # inputs that share memory: none may be written to
        self.creators: list[tuple[Any, Any]] = []
        self.contents = [(c, copied(c)) for _, c, _ in locations.containers]
        states = [(p.path, p.value) for p in locations.generators if isinstance(p.value, np.random.RandomState)]
        self.streams = [(path, s, stream_state(s)) for path, s in (*locations.streams, *states)]
        self.functions = [(f, graph_of(f)) for f in locations.keep if isinstance(f, Function)]
        self.numbers = [p for p in locations.scalars if numbers and is_number(p, changing)]
        self.parts: dict[int, dict[Any, Location]] = {}  # by the id of a location with a tuple, by index
        for p in locations:
            if p.parent is not None and is_rebuilt(p.parent.value):
                self.parts.setdefault(id(p.parent), {})[p.key] = p
        self._find_arrays()

    def _find_arrays(self) -> None:
        """Make an input for each array, or for the memory that several of them are views of."""
        by_id: dict[int, list[Location]] = {}
        for location in self.locations.arrays:
            by_id.setdefault(id(location.value), []).append(location)
        groups = overlapping([locations[0].value for locations in by_id.values()])
        for group in groups:
            locations = [p for array in group for p in by_id[id(array)]]
            root = shared_root(group) if len(group) > 1 else None
            if root is not None and not any(p.argument for p in locations):
                source = Source(None, root)
                source.fixed = [(p, p.value) for p in locations]
                memory = self._add(source, root).memory
                for array in group:
                    self.traced[id(array)] = Traced(self.tape, array, memory)
                    self.tape.given.add(id(array))
                continue
            memories = []
            for array in group:
                # (Of several locations one that is no argument is read: it cannot be missing.)
                first, *others = sorted(by_id[id(array)], key=lambda p: p.argument or p.parent is not None)
                source = Source(first, array)
                source.aliases = others
                self.traced[id(array)] = traced = self._add(source, array)
                memories.append(traced.memory)
            if len(memories) > 1:
                self.overlapping_inputs.append(memories)
        self.traced_numbers = {}
        for location in self.numbers:
            source = Source(location, None, "number")
            is_weak = not isinstance(location.value, np.generic)
            traced = self._add(source, np.array(location.value), weak=is_weak)
            kind: Any = Number if is_weak else Traced
            self.tape.numbers[traced.memory.input] = source
            self.traced_numbers[id(location)] = found = kind(self.tape, location.value, traced.memory)
            if kind is Number:
                found.limit = MOST_OF_INPUT

    def _add(self, source: Source, array: Any, weak: bool = False) -> Any:
        traced = self.tape.input(array, len(self.sources), weak)
        self.sources.append(source)
        return traced

    def apply(self) -> None:
        """Store traced values in the locations."""
        for location in self.locations:
            if location.parent is not None and is_rebuilt(location.parent.value):
                continue  # (rebuilt as a whole)
            value = self.substituted(location.value, location)
            if value is not location.value:
                location.set(value)
            self.values.append((location, value))
            creator = maker_of(location.value) if level_of(location.value) == RECORDED else None
            if creator is not None and all(location.value is not x for x, _ in self.creators):
                self.creators.append((location.value, creator))
                restore(location.value, creator=outside(location.value, self.tape))

    def substituted(self, value: Any, location: Location | None = None) -> Any:
        """What replaces a value during the call; `location` is the one that holds it."""
        number = self.traced_numbers.get(id(location))
        if number is not None:
            return number
        if isinstance(value, np.ndarray):
            return self.traced.get(id(value), value)
        if isinstance(value, (np.random.Generator, np.random.RandomState)):
            return self.stand_in(value)
        if id(value) in STAND_INS and location is not None and not is_global(location):
            return STAND_INS[id(value)]  # (for the names of modules see `arrays_made_by`)
        if is_draw(value):
            return getattr(self.stand_in(value.__self__), value.__name__)
        if type(value) is np.vectorize:
            return vectorized(value)
        if isinstance(value, tuple):
            places = self.parts.get(id(location), {})
            parts = [self.substituted(part, places.get(i)) for i, part in enumerate(value)]
            if all(a is b for a, b in zip(parts, value, strict=True)):
                return value
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if isinstance(value, functools.partial):
            args = self.substituted(value.args, self.parts.get(id(location), {}).get("args"))
            keywords = {k: self.substituted(v) for k, v in value.keywords.items()}
            if args is value.args and all(v is value.keywords[k] for k, v in keywords.items()):
                return value
            return functools.partial(value.func, *args, **keywords)
        return value

    def stand_in(self, generator: Any) -> Any:
        """The traced generator that replaces a random generator."""
        if isinstance(generator, (TracedGenerator, TracedRandomState)):
            return generator
        if id(generator) not in self.generators:
            kind: Any = TracedGenerator if isinstance(generator, np.random.Generator) else TracedRandomState
            self.generators[id(generator)] = kind(generator, self.tape)
        return self.generators[id(generator)]

    def restore(self) -> None:
        """Let all locations hold what they held before the call."""
        for x, creator in self.creators:
            restore(x, creator=creator)
        for location, value in self.values:
            if location.get() is not location.value or value is not location.value:
                location.set(location.value)

    def undo(self) -> None:
        """Restore all state to that before the call."""
        for container, content in self.contents:
            refill(container, content)
        for location, _ in self.values:
            if location.get() is not location.value:
                location.set(location.value)
        for x, creator in self.creators:
            restore(x, creator=creator)
        self.forget_calls()
        for memory in self.tape.inputs:
            if memory.before is not None:
                memory.array[...] = memory.before
        restore_streams(list(self.tape.streams.values()))
        for _, stream, state in self.streams:
            set_stream_state(stream, state)

    def forget_calls(self) -> None:
        """Remove the graph of the call from Functions that existed before it."""
        for f, state in self.functions:
            for key, value in state.items():
                setattr(f, key, value)

    def changed_constants(self, changes: list[tuple[Location, Any, Any]]) -> list[str]:
        """The paths of the numbers that were constants of the call, and that it has changed."""
        inputs = {id(p) for p in self.numbers}
        kinds = (int, float, np.generic)
        return [
            p.path
            for p, now, _ in changes
            if id(p) not in inputs and type(p.value) is not bool and isinstance(p.value, kinds) and is_scalar(now)
        ]

    def check(self) -> None:
        """Fail where the call has changed what a plan cannot change."""
        for path, stream, state in self.streams:
            if id(stream) not in self.tape.streams and not same_state(stream_state(stream), state):
                self.tape.fail(
                    f"{path} draws random numbers, which cannot be traced; draw from np.random.default_rng() or "
                    "wengert.generator()"
                )
        for location, container, content in self.locations.containers:
            now = tuple(container) if isinstance(container, dict) else container
            if isinstance(content, (int, frozenset, bytes)):
                now = len(now) if isinstance(content, int) else type(content)(now)
            if now != content:
                self.tape.fail(
                    f"{location.path} has other elements after the call than before; change it outside of the function"
                )
        for memories in self.overlapping_inputs:
            if any(memory.version for memory in memories):
                self.tape.argument_failure = self.tape.failure is None
                self.tape.fail("two arguments share memory, and one of them is written to; pass copies")


def is_global(location: Location) -> bool:
    """Whether a location is a name of a module."""
    return location.kind == "item" and type(location.holder) is dict and "__builtins__" in location.holder


def is_number(location: Location, changing: frozenset[str]) -> bool:
    """Whether a number is an input of the plan: a float among the arguments, and one that is known to change."""
    value = location.value
    if type(value) is float and location.argument:
        return True
    is_numeric = type(value) in (float, int) or (isinstance(value, np.generic) and value.dtype.kind in "iuf")
    return is_numeric and location.path in changing


def unsupported_input(memory: InputMemory, location: Location | None) -> str | None:
    """Why no plan can read an input or write to it; None if one can."""
    array = memory.array
    what = "an array" if location is None else location.path
    if array.size and any(s % array.itemsize for s in array.strides):
        return f"{what} has strides that are no multiples of its item size, as a field of records has; use a copy of it"
    if memory.version and not array.dtype.isnative:
        return f"{what} is written to, and has a byte order that is not native: {array.dtype}; use a native dtype"
    return None


def overlapping(arrays: list[Any]) -> list[list[Any]]:
    """Group the arrays that share memory."""
    spans = sorted(((*byte_bounds(a), i) for i, a in enumerate(arrays) if a.size), key=lambda s: s[:2])
    groups = [[i] for i, a in enumerate(arrays) if not a.size]
    end = -1
    for low, high, i in spans:
        if low < end:
            groups[-1].append(i)
        else:
            groups.append([i])
        end = max(end, high)
    # (in the order of the arrays, not of their addresses, so that it is the same at each call)
    return [[arrays[i] for i in group] for group in sorted(sorted(group) for group in groups)]


def shared_root(group: list[Any]) -> Any:
    """The array of the same dtype that all arrays of a group are views of; None if there is none."""
    root = owner(group[0])
    if not all(owner(a) is root and a.dtype == root.dtype for a in group) or not root.flags.c_contiguous:
        return None
    return root if type(root) is np.ndarray and root.flags.aligned else None


def copied(container: Any) -> Any:
    """A copy of the contents of a container."""
    if isinstance(container, (dict, *BUFFERS)):
        return dict(container) if isinstance(container, dict) else container[:]
    return list(list.__iter__(container) if isinstance(container, list) else container)


def refill(container: Any, content: Any) -> None:
    """Restore the contents of a container."""
    if isinstance(container, dict):
        if len(container) != len(content) or any(
            a is not b or raw_item(container, a) is not raw_item(content, b)
            for a, b in zip(container, content, strict=False)
        ):
            container.clear()
            container.update(content)
    elif isinstance(container, frozenset):
        return
    elif isinstance(container, set):
        container.clear()
        container.update(content)
    elif isinstance(container, list):
        list.__setitem__(container, slice(None), content)
    elif isinstance(container, BUFFERS):
        container[:] = content
    elif isinstance(container, deque):
        container.clear()
        container.extend(content)


def graph_of(f: Any) -> dict[str, Any]:
    """The attributes of a Function that connect it with a graph."""
    return {key: getattr(f, key) for key in ("_edges", "_outputs", "_kept", "_notes", "_number")}
