"""The workloads: batches, and initial weights by PyTorch's names of the parameters."""

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["GPT", "MLPS", "RATE", "TITLES", "batch", "weights"]

RATE = 1e-3
# The sizes of perceptrons, and the batch.
MLPS = {
    "small mlp": ((64, 32, 10), 32),
    "mlp": ((784, 256, 10), 128),
    "large mlp": ((784, 1024, 1024, 10), 256),
}

TITLES = {
    "small mlp": "MLP 64-32-10, batch 32",
    "mlp": "MLP 784-256-10, batch 128",
    "large mlp": "MLP 784-1024-1024-10, batch 256",
    "cnn": "LeNet-style CNN, batch 64",
    "lstm": "LSTM 32->128, 50 steps, batch 32",
    "gpt": "GPT 4 x 128, batch 16 x 64",
}

GPT = {"vocabulary": 65, "length": 64, "width": 128, "heads": 4, "layers": 4}


def batch(work: str) -> tuple[Any, Any]:
    """Return inputs and labels: perceptrons; LeNet-style CNN on 1x28x28 batch 64; LSTM 32->128 over 50 steps
    batch 32; GPT 4 layers x 128 wide x 4 heads, batch 16 x 64 tokens."""
    rng = np.random.default_rng(0)
    if work == "gpt":
        tokens = rng.integers(0, GPT["vocabulary"], (16, GPT["length"] + 1))
        return tokens[:, :-1].copy(), tokens[:, 1:].copy()
    if work in MLPS:
        sizes, count = MLPS[work]
        shape: tuple[int, ...] = (count, sizes[0])
    else:
        shape = {"cnn": (64, 1, 28, 28), "lstm": (32, 50, 32)}[work]
    x = rng.standard_normal(shape, np.float32)
    return x, rng.integers(0, 10, shape[0])


def weights(shapes: Iterable[tuple[str, tuple[int, ...]]]) -> dict[str, Any]:
    """Return small random arrays for parameters of these names and shapes, in the order of the names."""
    rng = np.random.default_rng(1)
    found = {}
    for name, shape in sorted(shapes):
        scale = 1.0 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.1
        array = scale * rng.standard_normal(shape, np.float32)
        found[name] = (1 + array if is_gain(name) else array).astype(np.float32)
    return found


def is_gain(name: str) -> bool:
    """Whether a parameter is the factor of a normalization."""
    return "ln_" in name and name.endswith("weight")
