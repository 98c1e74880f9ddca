"""What the tests of losses share."""

from typing import Any

import numpy as np

from wengert import Parameter
from wengert.functions.exponential_sums import softmax

RNG = np.random.default_rng(0)


Y = RNG.normal(size=(6, 4))


T = np.array([3, 0, 1, 1, 2, 0])


Q = softmax(RNG.normal(size=(6, 4)))


P = RNG.uniform(0.02, 0.98, size=(6, 4))


WEIGHT = np.array([0.5, 1.0, 2.0, 0.25])


IMAGES, LABELS = RNG.normal(size=(2, 4, 3, 2)), RNG.integers(0, 4, (2, 3, 2))


def gradients(f: Any, *args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
    """The loss of leaves, and the gradients of its weighted sum with respect to them."""
    xs = [Parameter(a) for a in args]
    y = f(*xs, **kwargs)
    y.grad = np.arange(1, y.size + 1, dtype=y.dtype).reshape(y.shape)
    y.backward()
    return y.data, [x.grad for x in xs]
