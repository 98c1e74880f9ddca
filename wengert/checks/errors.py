"""The errors that only a graph can have, and the one line that names a value in any message."""

from typing import Any

__all__ = ["BatchError", "ConversionError", "ExportError", "GraphError", "describe"]


class GraphError(ValueError):
    """The recorded graph cannot be walked: no creator, a changed array, a malformed gradient."""


class ConversionError(TypeError):
    """A Variable is converted to a number or a plain array, where its gradient would be lost."""


class ExportError(ConversionError, BufferError):
    """The memory of a Variable with a graph is asked for by another library: DLPack wants a BufferError."""


class BatchError(ConversionError):
    """What is computed depends on values that differ between the examples of a vmap: they need a call each.

    Attributes
    ----------
    in_walk : bool
        Whether a backward pass asked for such a value, and no program: at a singular point of one of the examples. Then
        its function is called for each example.
    """

    in_walk = False


def describe(value: Any) -> str:
    """Name a value for an error message: its type, and shape and dtype where it has them."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    kind = type(value).__name__
    name = getattr(value, "name", None)
    label = f"{kind} {name!r}" if isinstance(name, str) else kind
    return label if dtype is None else f"{label} of shape {shape} and dtype {dtype}"
