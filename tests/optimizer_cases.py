"""What the tests of optimizers share."""

from typing import Any

import numpy as np

from wengert import Parameter


class GrowingLayer:
    """A layer that makes its parameters at its first call, and one more later."""

    def __init__(self) -> None:
        self.found: dict[str, Parameter] = {}

    def params(self) -> dict[str, Parameter]:
        return dict(self.found)

    def grow(self, name: str, value: Any) -> Parameter:
        self.found[name] = Parameter(np.array(value, dtype=float))
        return self.found[name]


EACH: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"learning_rate": 0.02}),
    ("Momentum", {"learning_rate": 0.01}),
    ("Nesterov", {"learning_rate": 0.01}),
    ("AdaGrad", {"learning_rate": 1.0}),
    ("AdaDelta", {"learning_rate": 0.1, "eps": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "momentum": 0.5}),
    ("RMSprop", {"learning_rate": 0.01, "centered": True}),
    ("Adam", {"learning_rate": 0.1}),
    ("Adam", {"learning_rate": 0.1, "amsgrad": True}),
    ("AdamW", {"learning_rate": 0.1, "weight_decay": 1e-4}),
    ("Lion", {"learning_rate": 0.01}),
    ("Adafactor", {"learning_rate": 0.1}),
]


def descend(optimizer: Any, params: Any, steps: int, seed: int = 0) -> None:
    """Make steps with random gradients that are the same for the same seed."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        for p in params:
            p.grad = np.asarray(rng.normal(size=p.shape)).astype(p.dtype)
        optimizer.update()
