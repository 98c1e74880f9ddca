"""The sizes of layers, inferred from loaded weights."""

from typing import Any

from wengert.core.variable import Parameter

__all__ = ["size_read"]


def size_read(layer: Any, parameter: Parameter | Any, names: tuple[str | int | None, ...]) -> tuple[int, ...]:
    """Return the sizes of a loaded parameter; raise ValueError where they differ from those of `layer`.

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
