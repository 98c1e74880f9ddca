"""The workloads in DeZero: perceptrons, and the CNN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dezero
import dezero.functions as F
import dezero.layers as L
import numpy as np
from dezero.optimizers import Adam

from benchmarks.networks.data import MLPS, RATE, batch, weights

__all__ = ["make"]


class Network(dezero.Model):  # type: ignore[misc]
    """A chain of layers and functions, `steps`."""

    def __init__(self, steps: list[Any]) -> None:
        super().__init__()
        self.steps = steps
        for i, step in enumerate(steps):
            if isinstance(step, L.Layer):
                setattr(self, f"l{i}", step)

    def forward(self, x: Any) -> Any:
        for step in self.steps:
            x = step(x)
        return x


def network(work: str) -> Network:
    if work in MLPS:
        sizes = MLPS[work][0]
        steps = [step for size in sizes[1:] for step in (L.Linear(size), F.relu)]
        return Network(steps[:-1])
    if work != "cnn":
        raise NotImplementedError("dezero has no such layers, or an LSTM of one step only")

    def pool(x: Any) -> Any:
        return F.pooling(x, 2, 2)

    first = [L.Conv2d(16, 3), F.relu, pool, L.Conv2d(32, 3), F.relu, pool, F.flatten]
    return Network([*first, L.Linear(128), F.relu, L.Linear(10)])


def make(work: str) -> Callable[[], float]:
    """Return a step of training: forward, backward and Adam; it returns the loss."""
    x, t = batch(work)
    model = network(work)
    model(x)  # the sizes of its inputs
    layers = {name: step for name, step in enumerate(model.steps) if isinstance(step, L.Layer)}
    shapes = []
    for name, layer in layers.items():
        shape = layer.W.shape
        shapes.append((f"{name}.weight", shape if len(shape) == 4 else shape[::-1]))
        shapes.append((f"{name}.bias", layer.b.shape))
    given = weights(shapes)
    for name, layer in layers.items():
        weight = given[f"{name}.weight"]
        layer.W.data = weight if weight.ndim == 4 else np.ascontiguousarray(weight.T)
        layer.b.data = given[f"{name}.bias"]
    optimizer = Adam(alpha=RATE).setup(model)

    def step() -> float:
        loss = F.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        return float(loss.data)

    return step
