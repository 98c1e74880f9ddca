"""A rank of MPI that is killed at a random moment: the job ends, and the resumed run as one that nothing disturbed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.mpi_runs import lacking, run, trained
from tests.torture.outcome import Outcome, Tally, rounds

__all__ = ["killed_ranks"]

EPOCHS = 20
SECONDS = 30  # within which a job must end whose rank is killed


def killed_ranks(seed: int, seconds: float, short: bool, folder: Path) -> Iterator[Outcome]:
    """Kill one of two ranks by SIGKILL, and resume."""
    tally = Tally("kill a rank of MPI at a random moment")
    if lacking():
        tally.note = f"not tried: {lacking()}"
    else:
        options: dict[str, Any] = {"epochs": EPOCHS, "every": 1, "kind": "dropout"}
        started = time.perf_counter()
        path = folder / "ranks.safetensors"
        wanted = trained(2, checkpoint=str(path), **options)["bits"]
        duration = time.perf_counter() - started
        path.unlink()
        for number in rounds(seed, 0 if short else seconds, least=1 if short else 50):
            tally.attempt(number, killed_and_resumed, number, {**options, "checkpoint": str(path)}, duration, wanted)
            path.unlink(missing_ok=True)
    yield tally.outcome()


def killed_and_resumed(seed: int, options: dict[str, Any], duration: float, wanted: str) -> None:
    rng = np.random.default_rng(seed)
    killed = [int(rng.integers(2)), rng.uniform(0, 0.8 * duration)]
    started = time.perf_counter()
    run(2, "-m", "tests.mpi_program", json.dumps({**options, "killed": killed}))
    if time.perf_counter() - started > duration + SECONDS:
        raise AssertionError(f"the job did not end within {SECONDS} s after its rank was killed")
    if trained(2, **options)["bits"] != wanted:
        raise AssertionError(f"the run resumed after {killed} differs from an undisturbed one")
