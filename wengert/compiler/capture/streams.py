"""Sources of random numbers: their states, of each kind."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

__all__ = ["bits_of", "restore_streams", "same_state", "set_stream_state", "stream_state"]


def bits_of(generator: Any) -> Any:
    """The bit generator of a random generator, which several may share."""
    return generator._bit_generator if isinstance(generator, np.random.RandomState) else generator.bit_generator


def stream_state(stream: Any) -> Any:
    """The state of a source of random numbers."""
    if isinstance(stream, random.Random):
        return stream.getstate()
    if isinstance(stream, np.random.Generator):
        return stream.bit_generator.state
    return stream.get_state(legacy=False) if isinstance(stream, np.random.RandomState) else stream.state


def set_stream_state(stream: Any, state: Any) -> None:
    """Set the state of a source of random numbers."""
    if isinstance(stream, random.Random):
        stream.setstate(state)
    elif isinstance(stream, np.random.RandomState):
        stream.set_state(state)
    elif isinstance(stream, np.random.Generator):
        stream.bit_generator.state = state
    else:
        stream.state = state


def restore_streams(streams: list[tuple[Any, Any]]) -> None:
    """Restore the states of random generators."""
    for generator, state in streams:
        set_stream_state(generator, state)


def same_state(a: Any, b: Any) -> bool:
    """Whether two states, nested in dicts, are equal."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_state(a[k], b[k]) for k in a)
    return bool(np.array_equal(a, b)) if isinstance(a, np.ndarray) else bool(a == b)
