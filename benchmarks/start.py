"""How long the import takes, and how much is installed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

import wengert
from benchmarks.peers import Peer
from benchmarks.table import Row, ratio_of

__all__ = ["measure"]

ROUNDS = 9
# As installed: with bytecode on the disk, which some environments are told not to write.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run_seconds(code: str) -> float:
    start = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
    return perf_counter() - start


def measure(peers: list[Peer]) -> Iterator[Row]:
    """Yield import times, less that of an empty program, in alternating rounds; and the size."""
    names = ["numpy", "wengert", *(peer.module for peer in peers)]
    programs = ["pass", *(f"import {name}" for name in names)]
    for program in programs:
        run_seconds(program)  # bytecode and disk cache
    rounds = [[run_seconds(program) for program in programs] for _ in range(ROUNDS)]
    # Each import less the empty program of its round.
    times = list(zip(*([seconds - row[0] for seconds in row[1:]] for row in rounds), strict=True))
    for name, mine in zip(names, times, strict=True):
        yield Row(
            f"import {name}",
            f"{1e3 * median(mine):.0f} ms",
            None if name == "numpy" else ratio_of(mine, times[0]),
            1.3 if name == "wengert" else None,
            "" if name == "numpy" else "of numpy's",
        )
    files = [p for p in Path(wengert.__file__).parent.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    size = sum(path.stat().st_size for path in files) / 1e6
    yield Row("installed size of wengert", f"{1e3 * size:.0f} kB", size, 1.0, "MB")
