"""The time and the memory of a training step, beside PyTorch's eager step."""

from __future__ import annotations

import gc
import importlib.util
import os
from collections.abc import Iterator
from statistics import median

from benchmarks.peers import Peer
from benchmarks.table import Row, ratio_of
from benchmarks.turns import Contestant

__all__ = ["measure"]

ROUNDS = 15
SECONDS = 0.25  # of work by each library in a round
TARGETS = {"mlp": 1.5, "cnn": 3.0, "lstm": 3.0, "gpt": 3.0}
TITLES = {
    "mlp": "MLP 784-256-10, batch 128",
    "cnn": "LeNet-style CNN, batch 64",
    "lstm": "LSTM 32->128, 50 steps, batch 32",
    "gpt": "GPT 4 x 128, batch 16 x 64",
}


def contestants(work: str, threads: int) -> list[Contestant]:
    """Start the libraries, ours first."""
    found = [Contestant("wengert", "benchmarks.networks.wengert_steps", work, threads)]
    if importlib.util.find_spec("torch") is not None:
        found.append(Contestant("torch", "benchmarks.networks.torch_steps", work, threads))
    return found


def compare(work: str, everyone: list[Contestant]) -> list[list[float]]:
    """Return for each library the median seconds of a step in each round, in turns."""
    ours = everyone[0]
    for other in everyone[1:]:
        if abs(other.loss - ours.loss) > 1e-4 * abs(ours.loss):
            raise RuntimeError(f"{work}: {other.name} has the loss {other.loss}, and wengert {ours.loss}: not one work")
    times: list[list[float]] = [[] for _ in everyone]
    counts = [max(3, int(SECONDS / max(median(each.run(5)), 1e-6))) for each in everyone]
    for _ in range(ROUNDS):
        for each, mine, count in zip(everyone, times, counts, strict=True):
            mine.append(median(each.run(count)))
    return times


def measure(peers: list[Peer]) -> Iterator[Row]:
    """Yield a row for each work and library."""
    gc.collect()
    for work in TARGETS:
        everyone = contestants(work, int(os.environ.get("OMP_NUM_THREADS", "2")))
        try:
            times = compare(work, everyone)
            peaks = [each.peak() for each in everyone]
        finally:
            for each in everyone:
                each.close()
        for each, mine, peak in zip(everyone, times, peaks, strict=True):
            yield Row(
                f"a step of {TITLES[work]} with Adam, {each.name}",
                f"{1e3 * median(mine):.2f} ms",
                None if each is everyone[0] else ratio_of(times[0], mine),
                TARGETS[work] if each.name == "torch" else None,
                f"first step {1e3 * each.first:.0f} ms, peak {peak:.0f} MB",
            )
