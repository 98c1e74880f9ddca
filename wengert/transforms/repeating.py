"""To run a function again as it ran first: what it changed in layers and random generators, and how that was before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from wengert.core.variable import Parameter, is_array

__all__ = ["Before", "watching"]


class State(NamedTuple):
    """What may change when layers run, as it was at a moment."""

    arrays: list[tuple[Any, Any]]  # each with a copy; also those in lists, tuples and dicts
    attributes: list[tuple[dict[str, Any], str, Any]]  # those that are numbers and arrays, which may be replaced
    streams: list[tuple[Any, Any]]  # random generators, each with its state

    def add(self, layer: Any) -> None:
        """Take the state of a layer."""
        attributes = vars(layer)
        for name, value in attributes.items():
            if is_array(value) or isinstance(value, (bool, int, float, complex, np.generic)):
                self.attributes.append((attributes, name, value))
            elif isinstance(value, np.random.Generator):
                self.add_stream(value.bit_generator)
            for array in held(value, set()):
                if is_array(array) and getattr(getattr(array, "flags", None), "writeable", True):
                    self.arrays.append((array, np.copy(array)))

    def add_stream(self, stream: Any) -> None:
        """Take the state of a bit generator."""
        self.streams.append((stream, stream.state))

    def put_streams(self) -> None:
        """Let the random generators draw from here."""
        for stream, state in self.streams:
            stream.state = state

    def put(self) -> None:
        """Give the layers this state."""
        for array, numbers in self.arrays:
            array[...] = numbers
        for owner, name, value in self.attributes:
            owner[name] = value

    def changed(self) -> State:
        """Return what is not as it was; without buffers of no numbers, which a layer makes at its first call."""
        return State(
            [(a, old) for a, old in self.arrays if not isinstance(a, np.ndarray) or a.tobytes() != old.tobytes()],
            [(d, name, old) for d, name, old in self.attributes if d.get(name) is not old and np.size(old)],
            [(stream, old) for stream, old in self.streams if stream.state != old],
        )


class Before:
    """The state before a function ran, to which it goes back to run again.

    Layers report when they are called, to the one that is in `watching`.
    """

    def __init__(self, stream: Any, above: Before | None) -> None:
        self.above = above  # that of a run around this one
        self.layers: dict[int, Any] = {}
        self.makes = False  # whether a layer made parameters, and may have drawn them
        self.state = State([], [], [])
        self.state.add_stream(stream)

    def called(self, layer: Any) -> None:
        """Take the state of a layer that is about to run for the first time."""
        if self.above is not None:
            self.above.called(layer)
        if id(layer) not in self.layers:
            self.layers[id(layer)] = layer
            self.makes = self.makes or waits(layer)
            self.state.add(layer)

    def finished(self) -> None:
        """Keep only what the function has changed."""
        self.state, self.above = self.state.changed(), None

    @contextmanager
    def again(self) -> Iterator[None]:
        """Give the layers the state of before for a block, and then that which they have now."""
        now = State([], [], [])
        for layer in self.layers.values():
            now.add(layer)
        token = watching.set(None)
        try:
            self.state.put()
            yield
        finally:
            watching.reset(token)
            now.put()

    @contextmanager
    def drawing_again(self) -> Iterator[None]:
        """Let the random generators draw in a block what they drew before, and then go on where they are now."""
        now = State([], [], [])
        for stream, _ in self.state.streams:
            now.add_stream(stream)
        try:
            self.state.put_streams()
            yield
        finally:
            now.put_streams()


watching: ContextVar[Before | None] = ContextVar("wengert.watching", default=None)


def held(value: Any, around: set[int]) -> Iterator[Any]:
    """Yield what a list, tuple or dict holds, to any depth; or what is none of these."""
    if not isinstance(value, (list, tuple, dict)):
        yield value
    elif id(value) not in around:
        around.add(id(value))  # containers may hold themselves
        for each in value.values() if isinstance(value, dict) else value:
            yield from held(each, around)


def waits(layer: Any) -> bool:
    """Whether a layer makes parameters at its first call."""
    return any(isinstance(p, Parameter) and p.data is None for p in held(vars(layer), set()))
