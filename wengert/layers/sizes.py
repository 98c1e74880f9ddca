"""The sizes of layers: checked when given, and read off weights that were loaded."""

from typing import Any

import numpy as np

from wengert.core.errors import describe
from wengert.core.variable import Parameter

__all__ = ["check_size", "floating", "size_read"]


def check_size(size: Any, whose: str, least: int = 1) -> int:
    """Return a size as an int; raise unless it is a whole number of at least `least`."""
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise TypeError(f"the {whose} must be a whole number, but got {describe(size)}")
    if size < least:
        raise ValueError(f"the {whose} must be at least {least}, but got {size}")
    return int(size)


def floating(dtype: Any, whose: str) -> np.dtype[Any]:
    """Return a dtype that parameters can have; raise TypeError for others."""
    found: np.dtype[Any] = np.dtype(dtype)
    if found.kind not in "fc":
        raise TypeError(f"the parameters of {whose} must be floating numbers, but got dtype={found}; give np.float32")
    return found


def size_read(layer: Any, parameter: Parameter | Any, names: tuple[str | int | None, ...]) -> tuple[int, ...]:
    """Return the sizes of a loaded parameter; raise ValueError where they are not those that `layer` has.

    `names` gives, for each axis, the attribute of the layer that is its size (None: not known yet), or the size.
    """
    array = parameter.data if isinstance(parameter, Parameter) else parameter
    wanted = tuple(getattr(layer, name) if isinstance(name, str) else name for name in names)
    if array.ndim != len(wanted) or any(w not in (None, n) for w, n in zip(wanted, array.shape, strict=True)):
        shown = ", ".join("any" if w is None else str(w) for w in wanted)
        raise ValueError(
            f"{layer.label()} takes a parameter of shape ({shown}), but the loaded one has {array.shape}; "
            "make the layer with the sizes of the state"
        )
    return tuple(array.shape)
