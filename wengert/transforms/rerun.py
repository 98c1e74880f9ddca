"""Repeating a run: saving and restoring the state of layers and random generators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from wengert.core.variable import Parameter, is_array

__all__ = ["InitialState", "active_run"]


class State(NamedTuple):
    """A snapshot of the state that may change when layers run."""

    arrays: list[tuple[Any, Any]]  # each with a copy, including those in lists, tuples and dicts
    attributes: list[tuple[dict[str, Any], str, Any]]  # those that are numbers and arrays, which may be rebound
    streams: list[tuple[Any, Any]]  # random generators, each with its state

    def add(self, layer: Any) -> None:
        """Save the state of a layer."""
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
        """Save the state of a bit generator."""
        self.streams.append((stream, stream.state))

    def put_streams(self) -> None:
        """Restore the random generators."""
        for stream, state in self.streams:
            stream.state = state

    def put(self) -> None:
        """Restore the layers."""
        for array, numbers in self.arrays:
            array[...] = numbers
        for owner, name, value in self.attributes:
            owner[name] = value

    def changed(self) -> State:
        """Return the part that has changed; without empty buffers, which a layer makes at its first call."""
        return State(
            [(a, old) for a, old in self.arrays if not isinstance(a, np.ndarray) or a.tobytes() != old.tobytes()],
            [(d, name, old) for d, name, old in self.attributes if d.get(name) is not old and np.size(old)],
            [(stream, old) for stream, old in self.streams if stream.state != old],
        )


class InitialState:
    """The state before a function ran, which is restored to run it again.

    Layers report their calls to the one in `active_run`.
    """

    def __init__(self, stream: Any, above: InitialState | None) -> None:
        self.above = above  # that of an enclosing run
        self.layers: dict[int, Any] = {}
        self.makes = False  # whether a layer made parameters, which may have drawn random numbers
        self.state = State([], [], [])
        if stream is not None:
            self.state.add_stream(stream)

    def called(self, layer: Any) -> None:
        """Save the state of a layer that is about to run for the first time."""
        if self.above is not None:
            self.above.called(layer)
        if id(layer) not in self.layers:
            self.layers[id(layer)] = layer
            self.makes = self.makes or waits(layer)
            self.state.add(layer)

    def finished(self) -> None:
        """Keep only the state that the function has changed."""
        self.state, self.above = self.state.changed(), None

    @contextmanager
    def again(self) -> Iterator[None]:
        """Restore the earlier state of the layers for a block, then the present one."""
        now = State([], [], [])
        for layer in self.layers.values():
            now.add(layer)
        token = active_run.set(None)
        try:
            self.state.put()
            yield
        finally:
            active_run.reset(token)
            now.put()

    @contextmanager
    def drawing_again(self) -> Iterator[None]:
        """Rewind the random generators for a block, then restore their present state."""
        now = State([], [], [])
        for stream, _ in self.state.streams:
            now.add_stream(stream)
        try:
            self.state.put_streams()
            yield
        finally:
            now.put_streams()


active_run: ContextVar[InitialState | None] = ContextVar("wengert.active_run", default=None)


def held(value: Any, around: set[int]) -> Iterator[Any]:
    """Yield the leaves of nested lists, tuples and dicts."""
    if not isinstance(value, (list, tuple, dict)):
        yield value
    elif id(value) not in around:
        around.add(id(value))  # guards against containers that contain themselves
        for each in value.values() if isinstance(value, dict) else value:
            yield from held(each, around)


def waits(layer: Any) -> bool:
    """Whether a layer has lazy parameters."""
    return any(isinstance(p, Parameter) and p.data is None for p in held(vars(layer), set()))
