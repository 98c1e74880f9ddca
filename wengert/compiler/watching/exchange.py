"""Exchanging the arrays that a function reaches for traced ones, and putting all back."""

from __future__ import annotations

import functools
import random
from collections import deque
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from wengert.arrays.level import RECORDED, level_of
from wengert.checks.mutation import owner
from wengert.compiler.watching.generators import TracedGenerator
from wengert.compiler.watching.leaving import outside
from wengert.compiler.watching.members import BUFFERS, is_rebuilt, raw_item
from wengert.compiler.watching.number import Number
from wengert.compiler.watching.places import Place, Places
from wengert.compiler.watching.tape import Memory, Tape
from wengert.compiler.watching.traced import Traced
from wengert.core.function import Function
from wengert.core.node import maker_of
from wengert.core.variable import restore

__all__ = ["Exchange", "Source", "unfit"]


class Source:
    """Where a replay finds an input of a graph.

    Attributes
    ----------
    place : Place or None
        What holds it. None for the memory that several places look into: then it is `array`, always.
    aliases : list of Place
        Further places that must hold the very same array.
    fixed : list of (Place, ndarray)
        Places that must hold the very array that they held, because it looks into this memory.
    """

    def __init__(self, place: Place | None, array: Any, kind: str = "array") -> None:
        self.place, self.array, self.kind = place, array, kind
        self.touched = True  # whether anything was asked of it
        self.aliases: list[Place] = []
        self.fixed: list[tuple[Place, Any]] = []


class Exchange:
    """The exchange of all that was found for one traced call."""

    def __init__(self, places: Places, tape: Tape, numbers: bool) -> None:
        self.places, self.tape = places, tape
        self.sources: list[Source] = []
        self.known: dict[int, Any] = {}  # the traced array of each array, by its id
        self.generators: dict[int, Any] = {}
        self.put: list[tuple[Place, Any]] = []  # what each place holds during the call
        self.clashing: list[list[Memory]] = []  # inputs that share memory: none may be written to
        self.creators: list[tuple[Any, Any]] = []
        self.contents = [(c, copied(c)) for _, c, _ in places.containers]
        self.streams = [(path, s, stream_state(s)) for path, s in places.streams]
        self.functions = [(f, graph_of(f)) for f in places.keep if isinstance(f, Function)]
        self.numbers = [p for p in places.scalars if numbers and p.argument and type(p.value) is float]
        self._find_arrays()

    def _find_arrays(self) -> None:
        by_id: dict[int, list[Place]] = {}
        for place in self.places.arrays:
            by_id.setdefault(id(place.value), []).append(place)
        groups = overlapping([places[0].value for places in by_id.values()])
        for group in groups:
            places = [p for array in group for p in by_id[id(array)]]
            root = shared_root(group) if len(group) > 1 else None
            if root is not None and not any(p.argument for p in places):
                source = Source(None, root)
                source.fixed = [(p, p.value) for p in places]
                memory = self._add(source, root).memory
                for array in group:
                    self.known[id(array)] = Traced(self.tape, array, memory)
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
                self.clashing.append(memories)
        self.of_numbers = {}
        for place in self.numbers:
            source = Source(place, None, "float")
            traced = self._add(source, np.array(place.value), weak=True)
            self.of_numbers[id(place)] = Number(self.tape, place.value, traced.memory)

    def _add(self, source: Source, array: Any, weak: bool = False) -> Any:
        traced = self.tape.input(array, len(self.sources), weak)
        self.sources.append(source)
        return traced

    def make(self) -> None:
        """Put traced arrays in the place of arrays."""
        for place in self.places:
            if place.parent is not None and is_rebuilt(place.parent.value):
                continue  # by the place of the whole
            value = self.of_numbers.get(id(place))
            value = self.exchanged(place.value) if value is None else value
            if value is not place.value:
                place.set(value)
            self.put.append((place, value))
            creator = maker_of(place.value) if level_of(place.value) == RECORDED else None
            if creator is not None and all(place.value is not x for x, _ in self.creators):
                self.creators.append((place.value, creator))
                restore(place.value, creator=outside(place.value, self.tape))

    def exchanged(self, value: Any) -> Any:
        """What stands for a value during the call."""
        if isinstance(value, np.ndarray):
            return self.known.get(id(value), value)
        if isinstance(value, np.random.Generator):
            return self.stand_in(value)
        if isinstance(value, tuple):
            parts = [self.exchanged(part) for part in value]
            if all(a is b for a, b in zip(parts, value, strict=True)):
                return value
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if isinstance(value, functools.partial):
            args, keywords = self.exchanged(value.args), {k: self.exchanged(v) for k, v in value.keywords.items()}
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
            restore(x, creator=creator)
        for place, value in self.put:
            if place.get() is not place.value or value is not place.value:
                place.set(place.value)

    def undo(self) -> None:
        """Let everything be as it was before the call."""
        for container, content in self.contents:
            refill(container, content)
        for place, _ in self.put:
            if place.get() is not place.value:
                place.set(place.value)
        for x, creator in self.creators:
            restore(x, creator=creator)
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
        for place, container, content in self.places.containers:
            now = tuple(container) if isinstance(container, dict) else container
            if isinstance(content, (int, frozenset, bytes)):
                now = len(now) if isinstance(content, int) else type(content)(now)
            if now != content:
                self.tape.fail(f"{place.path} has other elements after the call than before; change it outside")
        for memories in self.clashing:
            if any(memory.version for memory in memories):
                self.tape.excused = self.tape.failure is None
                self.tape.fail("two arrays that the function is given share memory, and one is written to; give copies")


def unfit(memory: Memory, place: Place | None) -> str | None:
    """Why no plan can be made that reads an input, or writes to it; None where one can."""
    array = memory.array
    what = "an array" if place is None else place.path
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
