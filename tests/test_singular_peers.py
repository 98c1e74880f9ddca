"""Derivatives at singular points beside those of JAX and PyTorch: the same where all are finite, or explained.

A peer that says NaN where we have the limit is no difference: it says that it does not know.
"""

import importlib.util
import unittest
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert import functions, grad

HAS_JAX = importlib.util.find_spec("jax") is not None
HAS_TORCH = importlib.util.find_spec("torch") is not None


class Beside(NamedTuple):
    """A function of an array in the namespace of a library, at a point."""

    call: Callable[[Any, Any], Any]
    x: list[float]


# PyTorch has these names, too (`np.amax`, `np.clip`); what it lacks is left out there.
CASES = {
    "abs": Beside(lambda np, x: np.abs(x), [0.0]),
    "abs ** 2": Beside(lambda np, x: np.abs(x) ** 2, [0.0]),
    "sign": Beside(lambda np, x: np.sign(x), [0.0]),
    "sqrt": Beside(lambda np, x: np.sqrt(x), [0.0]),
    "sqrt ** 4": Beside(lambda np, x: np.sqrt(x) ** 4, [0.0]),
    "exp of log": Beside(lambda np, x: np.exp(np.log(x)), [0.0]),
    "reciprocal of reciprocal": Beside(lambda np, x: 1 / (1 / x), [0.0]),
    "masked sqrt": Beside(lambda np, x: np.where(x > 0, np.sqrt(x), 0), [0.0]),
    "maximum": Beside(lambda np, x: np.maximum(x[0], x[1]), [1.0, 1.0]),
    "minimum": Beside(lambda np, x: np.minimum(x[0], x[1]), [1.0, 1.0]),
    "amax": Beside(lambda np, x: np.amax(x, 0), [1.0, 1.0]),
    "clip": Beside(lambda np, x: np.clip(x, 0, 1), [0.0, 1.0]),
    "hypot": Beside(lambda np, x: np.hypot(x[0], x[1]), [0.0, 0.0]),
    "arctan2": Beside(lambda np, x: np.arctan2(x[0], x[1]), [0.0, 0.0]),
    "norm": Beside(lambda np, x: np.linalg.norm(x), [0.0, 0.0]),
    "norm ** 2": Beside(lambda np, x: np.linalg.norm(x) ** 2, [0.0, 0.0]),
    "prod": Beside(lambda np, x: np.prod(x), [0.0, 0.0, 2.0]),
    "cumprod": Beside(lambda np, x: np.cumprod(x, 0), [0.0, 0.0, 2.0]),
    "sort": Beside(lambda np, x: sorted_(np, x)[0] + 2 * sorted_(np, x)[1], [1.0, 1.0]),
    "median": Beside(lambda np, x: np.median(x), [1.0, 1.0, 1.0]),
    "0 ** x": Beside(lambda np, x: (x * 0.0) ** x, [0.0]),
    "x ** 0": Beside(lambda np, x: x**0.0, [0.0]),
    "sinc": Beside(lambda np, x: np.sinc(x), [0.0]),
    "remainder": Beside(lambda np, x: np.remainder(x, 1), [2.0]),
    "logaddexp": Beside(lambda np, x: np.logaddexp(x[0], x[1]), [-np.inf, -np.inf]),
    "relu": Beside(lambda np, x: network(np, "relu")(x), [0.0]),
    "leaky_relu": Beside(lambda np, x: network(np, "leaky_relu")(x), [0.0]),
    "hardtanh": Beside(lambda np, x: network(np, "hardtanh")(x), [-1.0, 1.0]),
    "relu6": Beside(lambda np, x: network(np, "relu6")(x), [0.0, 6.0]),
    "softsign": Beside(lambda np, x: network(np, "softsign")(x), [0.0]),
}
DIFFERENCES = {
    "jax": {
        "abs": "the slope to the right; ours is between those of both sides",
        "clip": "the bounds share, as in minimum and maximum; ours passes the gradient on, as PyTorch does",
        "hypot": "the slopes of abs where one of them is 0, shared; ours is 0, as that of the norm",
        "leaky_relu": "the slope to the right; ours is that to the left, as in PyTorch",
        "hardtanh": "1 at the bounds, as within them; ours is 0, as in PyTorch",
    },
    "torch": {
        "median": "equal elements share; ours is that of the stable argsort, so that second derivatives are right",
    },
}


def sorted_(np: Any, x: Any) -> Any:
    return np.sort(x, stable=True)[0] if np.__name__ == "torch" else np.sort(x)


def network(np: Any, name: str) -> Any:
    if np.__name__ == "torch":
        return getattr(importlib.import_module("torch.nn.functional"), name)
    if np.__name__ == "jax.numpy":
        names = {"hardtanh": "hard_tanh", "softsign": "soft_sign"}
        return getattr(importlib.import_module("jax.nn"), names.get(name, name))
    return getattr(functions, name)


def by_jax(case: Beside) -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return np.asarray(jax.grad(lambda x: jax.numpy.sum(case.call(jax.numpy, x)))(np.array(case.x)))


def by_torch(case: Beside) -> Any:
    import torch

    x = torch.tensor(case.x, requires_grad=True, dtype=torch.float64)
    return torch.autograd.grad(torch.sum(case.call(torch, x)), x)[0].numpy()


class PeersTest(unittest.TestCase):
    @unittest.skipUnless(HAS_JAX, "jax is not installed")
    def test_jax(self) -> None:
        self.compare("jax", by_jax)

    @unittest.skipUnless(HAS_TORCH, "torch is not installed")
    def test_torch(self) -> None:
        self.compare("torch", by_torch)

    def compare(self, peer: str, gradient: Callable[[Beside], Any]) -> None:
        differ = set()
        for name, case in CASES.items():
            with np.errstate(all="ignore"):
                ours = grad(lambda x, call=case.call: np.sum(call(np, x)))(np.array(case.x))
            theirs = gradient(case)
            finite = np.isfinite(theirs) & np.isfinite(ours)
            if not np.allclose(theirs[finite], ours[finite]):
                differ.add(name)
        self.assertEqual(differ, set(DIFFERENCES[peer]), "explain these")


if __name__ == "__main__":
    unittest.main()
