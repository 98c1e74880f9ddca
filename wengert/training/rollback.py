"""The state at the beginning of a step, so that an interrupted step can be repeated."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.variable import Parameter
from wengert.custom.fields import restore
from wengert.functions.randomness import generator
from wengert.layers.layer import Layer
from wengert.training.checkpoints import has_state
from wengert.training.run import own_generators

__all__ = ["Rollback"]


class Rollback:
    """Saves and restores the random state, the state of a model's layers and of loaders.

    Of a model these are the attributes of its layers (a count, a hidden state), the values of its buffers, and whether
    its lazy parameters are made; not the values of parameters, which only an update changes.

    Parameters
    ----------
    model : Layer
    loaders : list
        Those with a state are restored too.
    """

    def __init__(self, model: Layer, loaders: list[Any]) -> None:
        self.model = model
        self.loaders = [each for each in loaders if has_state(each)]
        self.kept: Any = None
        self.rescan()

    def rescan(self) -> None:
        """List the contents of the model, and save its state."""
        self.layers = [self.model, *Layer.layers(self.model).values()]
        found = list(self.model._state())
        self.buffers = [slot.holder for _, slot in found if not isinstance(slot.value, Parameter)]
        self.unmade = [slot.value for _, slot in found if isinstance(slot.value, Parameter) and slot.is_unmade]
        self.generators = [generator(), *own_generators(self.model).values()]
        self.keep()

    def keep(self) -> None:
        """Save the present state."""
        try:
            arrays = [container[key] for container, key in self.buffers]
        except (KeyError, IndexError):  # a list of buffers may have become shorter
            self.rescan()
            return
        self.kept = (
            [each.bit_generator.state for each in self.generators],
            [vars(layer).copy() for layer in self.layers],
            [(array, array.copy()) for array in arrays],
            [each.state_dict() for each in self.loaders],
            [p for p in self.unmade if p.data is None],
        )

    def restore(self) -> None:
        """Restore the saved state; may be called repeatedly."""
        states, attributes, buffers, places, unmade = self.kept
        for each, state in zip(self.generators, states, strict=True):
            each.bit_generator.state = state
        for layer, before in zip(self.layers, attributes, strict=True):
            vars(layer).update(before)
            for name in vars(layer).keys() - before.keys():
                del vars(layer)[name]
        for (container, key), (array, numbers) in zip(self.buffers, buffers, strict=True):
            if not isinstance(container, tuple):
                container[key] = array
            if array.flags.writeable:
                np.copyto(array, numbers)
        for p in unmade:
            restore(p, array=None)
        for loader, place in zip(self.loaders, places, strict=True):
            loader.load_state_dict(place)
