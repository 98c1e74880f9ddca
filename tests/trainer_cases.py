"""A line to fit, and what the tests of Trainer share."""

from typing import Any

import numpy as np

from wengert.layers.linear import Linear
from wengert.optimizers.sgd import SGD
from wengert.training import Trainer

X = np.random.default_rng(0).normal(size=(20, 3))


T = X @ np.array([[1.0], [-2.0], [0.5]]) + 0.25


BATCHES = [(X[i : i + 6], T[i : i + 6]) for i in range(0, 20, 6)]  # the last has two


def mean_squared(y: Any, t: Any) -> Any:
    return np.mean((y - t) ** 2)


def line() -> Linear:
    layer = Linear(3, 1, dtype=np.float64)
    for p in layer.params().values():
        p.data[...] = 0.1
    return layer


def make(rate: float = 0.1, kind: type[Trainer] = Trainer, **options: Any) -> Trainer:
    model = options.pop("model", None) or line()
    options = {"progress": False, **options}
    return kind(model, SGD(model if model.params() else line(), rate), options.pop("loss", mean_squared), **options)


def values(trainer: Trainer) -> Any:
    return np.concatenate([p.data.ravel() for p in trainer.model.params().values()])


def by_hand(batches: Any, rate: float = 0.1, limit: float | None = None) -> tuple[Any, list[float]]:
    """The same steps of gradient descent, without a framework."""
    w, b, losses = np.full((1, 3), 0.1), np.full(1, 0.1), []
    for x, t in batches:
        error = x @ w.T + b - t
        losses.append(float((error**2).mean()))
        gw, gb = 2 * error.T @ x / len(x), 2 * error.mean(axis=0)
        norm = np.sqrt((gw**2).sum() + (gb**2).sum())
        scale = 1 if limit is None else min(1, limit / norm)
        w, b = w - rate * scale * gw, b - rate * scale * gb
    return np.append(w, b), losses
