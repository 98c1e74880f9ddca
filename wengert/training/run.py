"""The state of a training run outside of the model and the optimizer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wengert.functions.randomness import generator
from wengert.layers.layer import Layer

__all__ = ["Run", "own_generators", "random_state", "set_random_state"]


@dataclass
class Run:
    """The counters and results of a trainer. Saved in checkpoints; see `tree` for the supported types."""

    epoch: int = 0  # epochs done
    batch: int = 0  # batches done of the current epoch
    steps: int = 0  # updates done
    first: int = 0  # the epoch at which the current fit began
    unfinished: bool = False  # whether that fit was stopped early: the next one resumes it
    history: list[dict[str, Any]] = field(default_factory=list)
    # of the current epoch
    sums: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    trained: bool = False  # whether only its validation is missing
    epoch_random: Any = None  # the random states at its start; None before it
    # of early stopping
    unjudged: dict[str, Any] | None = None  # the row of an epoch that early stopping has not processed
    best_value: float | None = None
    best_epoch: int | None = None
    best_weights: dict[str, Any] | None = None
    # states of the loaders to restore before resuming
    train_state: Any = None
    valid_state: Any = None

    def next_epoch(self) -> None:
        """Count the current epoch as done."""
        self.epoch += 1
        self.batch, self.sums, self.seconds, self.trained, self.epoch_random = 0, {}, 0.0, False, None

    def next_fit(self) -> None:
        """Reset for another fit after this one."""
        self.first, self.unfinished = self.epoch, True
        self.best_value = self.best_epoch = self.best_weights = None

    def drop_partial(self) -> None:
        """Remove the row of an unfinished epoch, which is resumed, from the history."""
        if self.history and self.history[-1].get("partial"):
            self.history.pop()


def own_generators(model: Layer) -> dict[str, np.random.Generator]:
    """Find the generators of layers, in addition to the one of the process."""
    layers = {"": model, **Layer.layers(model)}
    return {
        f"{name}.{attribute}": value
        for name, layer in layers.items()
        for attribute, value in vars(layer).items()
        if isinstance(value, np.random.Generator)
    }


def random_state(model: Layer) -> dict[str, Any]:
    """Return the states of all generators used in the training of a model."""
    layers = {name: each.bit_generator.state for name, each in own_generators(model).items()}
    return {"process": generator().bit_generator.state, "layers": layers}


def set_random_state(model: Layer, state: dict[str, Any]) -> None:
    """Restore all generators to a result of `random_state`."""
    generator().bit_generator.state = state["process"]
    for name, each in own_generators(model).items():
        if name in state["layers"]:
            each.bit_generator.state = state["layers"][name]
