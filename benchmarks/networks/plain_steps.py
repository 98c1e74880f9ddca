"""The perceptrons written out, for libraries without layers or without Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries.library import library
from benchmarks.networks.data import MLPS, RATE, batch, weights

__all__ = ["make"]


def make(peer: str, work: str) -> Callable[[], float]:
    """Return a step of training: forward, backward and Adam; it returns the loss."""
    lib, sizes = library(peer), MLPS[work][0]
    f = lib.functions
    layers = range(0, 2 * (len(sizes) - 1), 2)
    shapes: list[tuple[str, tuple[int, ...]]] = [(f"{i}.weight", (sizes[i // 2 + 1], sizes[i // 2])) for i in layers]
    shapes += [(f"{i}.bias", (sizes[i // 2 + 1],)) for i in layers]
    given = weights(shapes)
    parameters = [given[f"{i}.{kind}"].T.copy() if kind == "weight" else given[f"{i}.{kind}"]
                  for i in layers for kind in ("weight", "bias")]  # fmt: skip
    x, t = batch(work)
    x, chosen = lib.constant(x), lib.constant(np.eye(sizes[-1], dtype=np.float32)[t])

    def loss(*parameters: Any) -> Any:
        y = x
        for i, (weight, bias) in enumerate(zip(parameters[::2], parameters[1::2], strict=True)):
            y = f.matmul(y, weight) + bias
            y = f.maximum(y, 0) if i + 1 < len(layers) else y
        # (No value is large here, so that exp needs no shift.)
        return f.sum(f.log(f.sum(f.exp(y), axis=1)) - f.sum(y * chosen, axis=1)) / len(t)

    gradient = lib.gradient(loss, parameters)
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]
    count = 0

    def step() -> float:
        nonlocal count
        value, *gradients = gradient()
        count += 1
        first, second = 1 - 0.9**count, 1 - 0.999**count
        for p, g, (m, v) in zip(parameters, gradients, moments, strict=True):
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            p -= np.float32(RATE / first) * m / (np.sqrt(v / np.float32(second)) + np.float32(1e-8))
        return float(np.asarray(value))

    return step
