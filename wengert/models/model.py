"""Model: a top-level layer, with `save` and `load`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wengert.layers.layer import Layer
from wengert.layers.sequential import Sequential
from wengert.layers.weights import load_weights, save_weights

__all__ = ["Model"]


class Model(Layer):
    """A complete network: a `Layer` with `save` and `load`.

    Write a subclass, with `forward`, as for a `Layer`; or give the steps, as to a `Sequential`:
    ``Model(Linear(100), relu, Linear(10))``.

    Parameters
    ----------
    *steps : Layer or function
        Each is applied to the output of the one before. None for a subclass.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.layers import Linear
    >>> class Net(wengert.Model):
    ...     def __init__(self):
    ...         self.hidden, self.out = Linear(16), Linear(3)
    ...     def forward(self, x):
    ...         return self.out(np.tanh(self.hidden(x)))
    >>> print(Net().summary(np.zeros((1, 4), np.float32)))  # doctest: +NORMALIZE_WHITESPACE
    layer   kind           output   parameters  multiply-adds
    ---------------------------------------------------------
            Net()          (1, 3)            0              0
    hidden  Linear(4, 16)  (1, 16)          80             64
    out     Linear(16, 3)  (1, 3)           51             48
    ---------------------------------------------------------
    total                                  131            112
    524 bytes of parameters; input (1, 4)
    """

    def __init__(self, *steps: Callable[..., Any]) -> None:
        if steps:
            self._sequence = Sequential(*steps)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the steps; a subclass overrides this."""
        if "_sequence" in vars(self):
            return self._sequence.forward(*args, **kwargs)
        return super().forward(*args, **kwargs)

    def _members(self) -> Iterable[tuple[str, Any, Any]]:
        for name, holder, value in super()._members():
            if name == "_sequence":  # the layers are attributes of the model, by the same names
                yield from value._members()
            else:
                yield name, holder, value

    def save(self, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
        """Save parameters and buffers in a safetensors file: see `wengert.layers.save_weights`.

        Examples
        --------
        >>> import tempfile, numpy as np, wengert
        >>> from wengert.layers import Linear
        >>> first, second = (wengert.Model(Linear(3, 5), np.tanh, Linear(5, 2)) for _ in range(2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     first.save(f"{folder}/small.safetensors")
        ...     second.load(f"{folder}/small.safetensors")
        >>> bool(np.all(second.params()["2.weight"].data == first.params()["2.weight"].data))
        True
        """
        save_weights(self, path, metadata)

    def load(
        self,
        path: str | os.PathLike[str],
        names: Mapping[str, str | None] | Callable[[str], str | None] | None = None,
        strict: bool = True,
    ) -> None:
        """Load parameters and buffers from a safetensors file, all or none; see `wengert.layers.load_weights`."""
        load_weights(self, path, names, strict)
