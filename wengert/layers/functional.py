"""Calling a layer with other parameters than its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from wengert.checks.errors import describe
from wengert.core.variable import Parameter, as_variable
from wengert.layers.layer import Layer

__all__ = ["functional_call"]


def functional_call(layer: Layer, arrays: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
    """Call a layer with other arrays in the place of its parameters and buffers.

    So it is a function of its parameters, which transforms differentiate and `wengert.vmap` maps over: gradients of
    single examples, and ensembles.

    Parameters
    ----------
    layer : Layer
        Its own parameters stay as they are.
    arrays : mapping of str to array or Variable
        By the names that ``layer.params()`` and ``layer.buffers()`` give; others stay its own.
    *args, **kwargs
        What the layer is called with.

    Returns
    -------
    object
        What the layer returns.

    Raises
    ------
    KeyError
        If the layer has no parameter or buffer of a name.
    ValueError
        If an array has another shape than the one in the place of which it is.
    TypeError
        If `layer` is no Layer.

    Notes
    -----
    Not thread-safe: the layer holds the other arrays while it runs.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.layers import Linear, functional_call
    >>> net = Linear(2, 1)
    >>> ensemble = {"weight": np.ones((5, 1, 2)), "bias": np.arange(5.0)[:, None]}
    >>> x = np.array([1.0, 2.0])
    >>> wengert.vmap(lambda p: functional_call(net, p, x))(ensemble)[:, 0]
    Variable([3., 4., 5., 6., 7.])
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"functional_call takes a Layer, but got {describe(layer)}")
    places: dict[str, list[Any]] = {}
    names: dict[int, str] = {}
    for prefix, _, own in layer._walk_members():
        for name, holder, value in own:
            if isinstance(value, (Parameter, np.ndarray)):
                first = names.setdefault(id(value), f"{prefix}.{name}" if prefix else name)
                places.setdefault(first, []).append((holder, value))
    for name, array in arrays.items():
        if name not in places:
            raise KeyError(f"{type(layer).__name__} has no parameter or buffer {name!r}; it has {', '.join(places)}")
        old = places[name][0][1]
        if old.shape != np.shape(array) and not (isinstance(old, Parameter) and old.data is None):
            raise ValueError(f"{name} of {type(layer).__name__} has shape {old.shape}, but got {describe(array)}")
    replaced = []
    try:
        for name, array in arrays.items():
            for (container, key), old in places[name]:
                if isinstance(container, tuple):
                    raise TypeError(f"{name} is in a tuple, where it is not replaced; hold it in a list, or by name")
                replaced.append((container, key, old))
                container[key] = as_variable(array) if isinstance(old, Parameter) else array
        return layer(*args, **kwargs)
    finally:
        for container, key, old in replaced:
            container[key] = old
