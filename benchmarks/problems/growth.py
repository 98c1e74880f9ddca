"""Growth of time and memory: with the length of a graph, with the batch and with the width of a perceptron."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries.library import library
from benchmarks.problems.chain import chain

__all__ = ["BATCHES", "LENGTHS", "WIDTHS", "make"]

LENGTHS = (100, 1_000, 10_000, 100_000, 1_000_000)  # nodes; a step of the chain has three, one length is rounded up
BATCHES = (1, 8, 64, 512, 4096)
WIDTHS = (16, 64, 256, 1024, 2048)
BATCH, WIDTH, INPUTS, CLASSES = 64, 256, 64, 10


def make(peer: str, row: str) -> Callable[[], Any]:
    """Make ``length/n``: the gradient of a chain; ``batch/n``, ``width/n``: of a perceptron of two hidden layers."""
    kind, size = row.split("/")
    lib = library(peer)
    if kind == "length":
        return lib.gradient(chain(lib.functions, -(-int(size) // 3)), [np.full(1, 1e-6)])
    batch, width = (int(size), WIDTH) if kind == "batch" else (BATCH, int(size))
    rng = np.random.default_rng(0)
    f = lib.functions
    x = lib.constant(rng.normal(size=(batch, INPUTS)))
    t = lib.constant(rng.normal(size=(batch, CLASSES)))
    shapes = [(INPUTS, width), (width, width), (width, CLASSES)]
    weights = [rng.normal(size=shape) / np.sqrt(shape[0]) for shape in shapes]

    def loss(u: Any, v: Any, w: Any) -> Any:
        hidden = f.tanh(f.matmul(f.tanh(f.matmul(x, u)), v))
        return f.sum((f.matmul(hidden, w) - t) ** 2)

    return lib.gradient(loss, weights)
