"""Copies of the captured state of a function: to restore it, and to compare it."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.capture.locations import Locations, is_array, is_scalar, is_variable
from wengert.compiler.capture.object_graph import is_rebuilt
from wengert.compiler.capture.streams import set_stream_state, stream_state
from wengert.compiler.capture.substitution import copied, refill
from wengert.core.variable import array_of
from wengert.functions.randomness import made_generators

__all__ = ["SavedState", "plain"]


class SavedState:
    """A copy of all that a call may change."""

    def __init__(self, locations: Locations, generators: list[Any]) -> None:
        self.locations = locations
        self.arrays = {id(p.value): (p, p.value, p.value.copy()) for p in locations.arrays}
        self.contents = [(c, copied(c)) for _, c, _ in locations.containers]
        found = {id(p.value): p.value for p in locations.generators}
        found |= {id(g): g for g in (*generators, *made_generators)}
        self.generators = [(g, stream_state(g)) for g in found.values()]
        self.streams = [(s, stream_state(s)) for _, s in locations.streams]

    def restore(self) -> None:
        """Restore the state."""
        for container, content in self.contents:
            refill(container, content)
        for location in self.locations:
            inside = location.parent is not None and is_rebuilt(location.parent.value)
            if not inside and location.get() is not location.value:
                location.set(location.value)
        for _, array, content in self.arrays.values():
            if array.flags.writeable:
                array[...] = content
        for generator, state in self.generators:
            set_stream_state(generator, state)
        for stream, state in self.streams:
            set_stream_state(stream, state)

    def values(self) -> dict[str, Any]:
        """Copies of what the locations hold now, by their paths."""
        found: dict[str, Any] = {}
        for location in self.locations:
            inside = location.parent is not None and is_rebuilt(location.parent.value)
            now = location.value if inside and is_array(location.value) else location.get()
            if is_array(now) or is_scalar(now) or is_rebuilt(now):
                found.setdefault(location.path, plain(now))
        for i, (generator, _) in enumerate(self.generators):
            found[f"the state of random generator {i}"] = stream_state(generator)
        return found


def plain(value: Any) -> Any:
    """A copy of nested values, with the arrays of Variables instead of these."""
    if is_variable(value):
        return plain(array_of(value))
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value
