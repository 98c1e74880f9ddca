"""Exchanging the arrays that a function reaches for traced ones, and putting all back."""

from __future__ import annotations

import functools
import random
from collections import deque
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from wengert.compiler.capture.locations import Location, Locations
from wengert.compiler.capture.object_graph import BUFFERS, is_rebuilt, raw_item
from wengert.compiler.capture.outputs import outside
from wengert.compiler.capture.tape import Memory, Tape
from wengert.compiler.capture.traced_array import Traced
from wengert.compiler.capture.traced_generator import TracedGenerator
from wengert.compiler.capture.traced_number import Number
from wengert.core.function import Function
from wengert.core.memory import owner

__all__ = ["Source", "Substitution", "unsupported_input"]


class Source:
    """Where a replay finds an input of a graph.

    Attributes
    ----------
    place : Location or None
        What holds it. None for the memory that several places look into: then it is `array`, always.
    aliases : list of Location
        Further places that must hold the very same array.
    fixed : list of (Location, ndarray)
        Places that must hold the very array that they held, because it looks into this memory.
    """

    def __init__(self, location: Location | None, array: Any, kind: str = "array") -> None:
        self.location, self.array, self.kind = location, array, kind
        self.used = True  # whether anything was asked of it
        self.aliases: list[Location] = []
        self.fixed: list[tuple[Location, Any]] = []


class Substitution:
    """The exchange of all that was found for one traced call."""

    def __init__(self, locations: Locations, tape: Tape, numbers: bool) -> None:
        self.locations, self.tape = locations, tape
        self.sources: list[Source] = []
        self.known: dict[int, Any] = {}  # the traced array of each array, by its id
        self.generators: dict[int, Any] = {}
        self.put: list[tuple[Location, Any]] = []  # what each place holds during the call
        self.overlapping_inputs: list[list[Memory]] = []  # inputs that share memory: none may be written to
        self.creators: list[tuple[Any, Any]] = []
        self.contents = [(c, copied(c)) for _, c, _ in locations.containers]
        self.streams = [(path, s, stream_state(s)) for path, s in locations.streams]
        self.functions = [(f, graph_of(f)) for f in locations.keep if isinstance(f, Function)]
        self.numbers = [p for p in locations.scalars if numbers and p.argument and type(p.value) is float]
        self._find_arrays()

    def _find_arrays(self) -> None:
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
                    self.known[id(array)] = Traced(self.tape, array, memory)
                    self.tape.given.add(id(array))
                continue
            memories = []
            for array in group:
                # Of several places the one that is no argument is asked: it cannot be missing.
                first, *others = sorted(by_id[id(array)], key=lambda p: p.argument or p.parent is not None)
                source = Source(first, array)
                source.aliases = others
                self.known[id(array)] = traced = self._add(source, array)
                memories.append(traced.memory)
            if len(memories) > 1:
                self.overlapping_inputs.append(memories)
        self.traced_numbers = {}
        for location in self.numbers:
            source = Source(location, None, "float")
            traced = self._add(source, np.array(location.value), weak=True)
            self.traced_numbers[id(location)] = Number(self.tape, location.value, traced.memory)

    def _add(self, source: Source, array: Any, weak: bool = False) -> Any:
        traced = self.tape.input(array, len(self.sources), weak)
        self.sources.append(source)
        return traced

    def make(self) -> None:
        """Put traced arrays in the place of arrays."""
        for location in self.locations:
            if location.parent is not None and is_rebuilt(location.parent.value):
                continue  # by the place of the whole
            value = self.traced_numbers.get(id(location))
            value = self.substituted(location.value) if value is None else value
            if value is not location.value:
                location.set(value)
            self.put.append((location, value))
            creator = getattr(location.value, "_creator", None) if hasattr(type(location.value), "_creator") else None
            if creator is not None and all(location.value is not x for x, _ in self.creators):
                self.creators.append((location.value, creator))
                location.value._creator = outside(location.value, self.tape)

    def substituted(self, value: Any) -> Any:
        """What stands for a value during the call."""
        if isinstance(value, np.ndarray):
            return self.known.get(id(value), value)
        if isinstance(value, np.random.Generator):
            return self.stand_in(value)
        if isinstance(value, tuple):
            parts = [self.substituted(part) for part in value]
            if all(a is b for a, b in zip(parts, value, strict=True)):
                return value
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if isinstance(value, functools.partial):
            args, keywords = self.substituted(value.args), {k: self.substituted(v) for k, v in value.keywords.items()}
            if args is value.args and all(v is value.keywords[k] for k, v in keywords.items()):
                return value
            return functools.partial(value.func, *args, **keywords)
        return value

    def stand_in(self, generator: Any) -> Any:
        """What stands for a random generator."""
        if isinstance(generator, TracedGenerator):
            return generator
        if id(generator) not in self.generators:
            self.generators[id(generator)] = TracedGenerator(generator, self.tape)
        return self.generators[id(generator)]

    def put_back(self) -> None:
        """Let all places hold what they held."""
        for x, creator in self.creators:
            x._creator = creator
        for location, value in self.put:
            if location.get() is not location.value or value is not location.value:
                location.set(location.value)

    def undo(self) -> None:
        """Let everything be as it was before the call."""
        for container, content in self.contents:
            refill(container, content)
        for location, _ in self.put:
            if location.get() is not location.value:
                location.set(location.value)
        for x, creator in self.creators:
            x._creator = creator
        self.forget_calls()
        for memory in self.tape.inputs:
            if memory.before is not None:
                memory.array[...] = memory.before
        for generator, state in self.tape.streams.values():
            generator.bit_generator.state = state
        for _, stream, state in self.streams:
            set_stream_state(stream, state)

    def forget_calls(self) -> None:
        """Let Functions that were there before the call not hold the graph of the call."""
        for f, state in self.functions:
            for key, value in state.items():
                setattr(f, key, value)

    def check(self) -> None:
        """Fail where the call did what a plan could not do."""
        for path, stream, state in self.streams:
            if not same_state(stream_state(stream), state):
                self.tape.fail(
                    f"{path} draws random numbers that a plan cannot follow; draw from np.random.default_rng() or "
                    "wengert.generator()"
                )
        for location, container, content in self.locations.containers:
            now = tuple(container) if isinstance(container, dict) else container
            if isinstance(content, (int, frozenset, bytes)):
                now = len(now) if isinstance(content, int) else type(content)(now)
            if now != content:
                self.tape.fail(f"{location.path} has other elements after the call than before; change it outside")
        for memories in self.overlapping_inputs:
            if any(memory.version for memory in memories):
                self.tape.argument_failure = self.tape.failure is None
                self.tape.fail("two arrays that the function is given share memory, and one is written to; give copies")


def unsupported_input(memory: Memory, location: Location | None) -> str | None:
    """Why no plan can be made that reads an input, or writes to it; None where one can."""
    array = memory.array
    what = "an array" if location is None else location.path
    if array.size and any(s % array.itemsize for s in array.strides):
        return f"{what} does not lie in memory element by element, as a field of records does; give a copy of it"
    if memory.version and not array.dtype.isnative:
        return f"{what} is written to, and has another byte order than this machine: {array.dtype}; use a native dtype"
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
    # (in the order of the arrays, not of their addresses: the same at each call)
    return [[arrays[i] for i in group] for group in sorted(sorted(group) for group in groups)]


def shared_root(group: list[Any]) -> Any:
    """The array whose memory all of a group look into, with elements of the same kind; None if there is none."""
    root = owner(group[0])
    if not all(owner(a) is root and a.dtype == root.dtype for a in group) or not root.flags.c_contiguous:
        return None
    return root if type(root) is np.ndarray and root.flags.aligned else None


def copied(container: Any) -> Any:
    """What a container holds."""
    if isinstance(container, (dict, *BUFFERS)):
        return dict(container) if isinstance(container, dict) else container[:]
    return list(list.__iter__(container) if isinstance(container, list) else container)


def refill(container: Any, content: Any) -> None:
    """Let a container hold what it held."""
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
    """The graph that a Function is part of."""
    return {key: getattr(f, key) for key in ("_edges", "_outputs", "_kept", "_notes", "_number")}


def stream_state(stream: Any) -> Any:
    """The state of a source of random numbers."""
    if isinstance(stream, random.Random):
        return stream.getstate()
    return stream.get_state(legacy=False) if isinstance(stream, np.random.RandomState) else stream.state


def set_stream_state(stream: Any, state: Any) -> None:
    """Put a source of random numbers back."""
    if isinstance(stream, random.Random):
        stream.setstate(state)
    elif isinstance(stream, np.random.RandomState):
        stream.set_state(state)
    else:
        stream.state = state


def same_state(a: Any, b: Any) -> bool:
    """Whether two states, nested in dicts, are equal."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_state(a[k], b[k]) for k in a)
    return bool(np.array_equal(a, b)) if isinstance(a, np.ndarray) else bool(a == b)
