"""Where a training run is: all of it that is neither in the model nor in the optimizer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wengert.functions.randomness import generator
from wengert.layers.layer import Layer

__all__ = ["Run", "random_state", "set_random_state"]


@dataclass
class Run:
    """What a trainer counts and keeps. Saved in checkpoints as it is; see `tree` for what may be in it."""

    epoch: int = 0  # epochs done
    batch: int = 0  # batches done of the epoch after these
    steps: int = 0  # updates done
    first: int = 0  # the epoch at which the running fit began
    unfinished: bool = False  # whether that fit was left early: the next one goes on with it
    history: list[dict[str, Any]] = field(default_factory=list)
    # of the running epoch
    sums: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    trained: bool = False  # whether it lacks its validation only
    epoch_random: Any = None  # the random states at its start; None before it
    # of early stopping
    unjudged: dict[str, Any] | None = None  # the row of an epoch that is still to be judged
    best_value: float | None = None
    best_epoch: int | None = None
    best_weights: dict[str, Any] | None = None
    # of the loaders, where they are to be set before going on
    train_state: Any = None
    valid_state: Any = None

    def next_epoch(self) -> None:
        """Count the running epoch as done."""
        self.epoch += 1
        self.batch, self.sums, self.seconds, self.trained, self.epoch_random = 0, {}, 0.0, False, None

    def next_fit(self) -> None:
        """Begin another fit after this one."""
        self.first, self.unfinished = self.epoch, True
        self.best_value = self.best_epoch = self.best_weights = None

    def drop_partial(self) -> None:
        """Take the row of an unfinished epoch out of the history: the epoch goes on."""
        if self.history and self.history[-1].get("partial"):
            self.history.pop()


def own_generators(model: Layer) -> dict[str, np.random.Generator]:
    """Find the generators that layers hold themselves, beside the one of the process."""
    layers = {"": model, **Layer.layers(model)}
    return {
        f"{name}.{attribute}": value
        for name, layer in layers.items()
        for attribute, value in vars(layer).items()
        if isinstance(value, np.random.Generator)
    }


def random_state(model: Layer) -> dict[str, Any]:
    """Return the states of all generators that the training of a model draws from."""
    layers = {name: each.bit_generator.state for name, each in own_generators(model).items()}
    return {"process": generator().bit_generator.state, "layers": layers}


def set_random_state(model: Layer, state: dict[str, Any]) -> None:
    """Set all generators to what `random_state` gave."""
    generator().bit_generator.state = state["process"]
    for name, each in own_generators(model).items():
        if name in state["layers"]:
            each.bit_generator.state = state["layers"][name]
