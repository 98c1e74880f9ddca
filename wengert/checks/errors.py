"""The errors that only a graph can have, and the one line that names a value in any message."""

from typing import Any

__all__ = ["GraphError", "describe"]


class GraphError(ValueError):
    """The recorded graph cannot be walked: no creator, a changed array, a malformed gradient."""


def describe(value: Any) -> str:
    """Name a value for an error message: its type, and shape and dtype where it has them."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    kind = type(value).__name__
    name = getattr(value, "name", None)
    label = f"{kind} {name!r}" if isinstance(name, str) else kind
    return label if dtype is None else f"{label} of shape {shape} and dtype {dtype}"
