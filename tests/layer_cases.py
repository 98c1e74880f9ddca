"""What the tests of layers share."""

from typing import Any

import numpy as np

from wengert import Parameter
from wengert.layers import (
    Layer,
    Linear,
)

RNG = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return np.asarray(RNG.normal(size=shape))


class Nested(Layer):
    """Holds things in every way."""

    def __init__(self) -> None:
        self.scale = Parameter(np.array(2.0))
        self.first = Linear(3, 4)
        self.rest = [Linear(4, 4), (Linear(4, 4), {"last": Linear(4, 2)})]
        self.weights = {"a": Parameter(np.ones(2)), "b": [Parameter(np.zeros(3))]}
        self.seen = np.zeros(2)
        self.counts = [np.zeros(1, int), np.ones(1, int)]
        self._hidden = np.zeros(9)
        self.shared = self.first
        self.also = self.scale

    def forward(self, x: Any) -> Any:
        return self.rest[0](self.first(x)) * self.scale
