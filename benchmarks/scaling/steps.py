"""What a training step takes on the ranks that run this: ``mpiexec -n 2 python -m benchmarks.scaling.steps``.

The batch is the same for any number of ranks, of which each has its part. Rank 0 prints JSON.
"""

from __future__ import annotations

import json
from time import perf_counter
from typing import Any

import numpy as np

import wengert
from benchmarks.networks.data import batch
from benchmarks.networks.wengert_steps import network
from wengert.functions import softmax_cross_entropy
from wengert.optimizers import Adam
from wengert.parallel import MPI, launched
from wengert.training import Callback, Trainer

__all__: list[str] = []

STEPS, SKIPPED = 60, 10
SIZES = [2**power for power in range(8, 25, 2)]  # bytes


class Clock(Callback):
    """The times between steps."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step(self, trainer: Trainer, values: dict[str, float]) -> None:
        self.times.append(perf_counter())

    def seconds(self) -> float:
        """The median of the faster half: other programs disturb the rest."""
        found = np.sort(np.diff(self.times[SKIPPED:]))
        return float(np.median(found[: len(found) // 2]))


def step(work: str, compiled: bool, ranks: Any) -> float:
    wengert.seed(0)
    model, clock = network(work), Clock()
    trainer = Trainer(
        model, Adam(model, 1e-3), softmax_cross_entropy, progress=False, compile=compiled, callbacks=[clock],
        parallel=ranks,
    )  # fmt: skip
    trainer.fit([batch(work)] * STEPS)
    return clock.seconds()


def reductions(ranks: Any) -> dict[int, float]:
    """The seconds of the sum of so many bytes over all ranks."""
    found = {}
    for size in SIZES:
        array = np.zeros(size // 4, np.float32)
        times = []
        for _ in range(40):
            started = perf_counter()
            ranks.wait(ranks.start_sum(array))
            times.append(perf_counter() - started)
        found[size] = float(np.median(np.sort(times)[:20]))
    return found


def main() -> None:
    ranks: Any = MPI() if launched() else None
    found: dict[str, Any] = {"ranks": 1 if ranks is None else ranks.size}
    for work in ("mlp", "cnn"):
        found[work] = {"eager": step(work, False, ranks), "compiled": step(work, True, ranks)}
    if ranks is not None and ranks.size > 1:
        found["reductions"] = reductions(ranks)
    if ranks is None or ranks.rank == 0:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
