"""Memory: the peak of a chain of large arrays, and whether a hundred thousand small steps leave any behind."""

import importlib
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.peers import OURS, PEERS, Peer
from benchmarks.table import Row

__all__ = ["measure"]

STEPS, SIZE = 30, 1_000_000
SMALL_STEPS = 100_000
ROUNDS = 3


def peak() -> float:
    """The most memory that this process has had resident, in MB."""
    try:
        # Linux's ru_maxrss starts with the size of the process that started this one; VmHWM does not.
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    except (OSError, IndexError):
        unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def peak_of_chain(name: str) -> float:
    """The memory that a chain of large arrays takes, in MB, over that of one of three numbers."""
    peer = next(p for p in [OURS, *PEERS] if p.name == name)
    importlib.import_module(peer.module)
    gradient = peer.make(STEPS)
    gradient(np.full(3, 0.01))
    x = np.full(SIZE, 0.01)
    before = peak()
    gradient(x)
    return peak() - before


def growth_over_small_steps() -> float:
    """By how much the peak grows in MB between the first thousand and the last of many small steps."""
    gradient = OURS.make(3)
    x = np.ones(4)
    for i in range(SMALL_STEPS):
        if i == 1000:
            before = peak()
        gradient(x)
    return peak() - before


def in_subprocess(call: str) -> float:
    """Call a function of this module in a process of its own, which nothing else has filled."""
    code = f"from benchmarks import memory; print(memory.{call})"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(run.stdout.split()[-1])


def measure(peers: list[Peer]) -> Iterator[Row]:
    """Yield the peaks of the chain, and the growth."""
    everyone = [OURS, *peers]
    rounds = [[in_subprocess(f"peak_of_chain({peer.name!r})") for peer in everyone] for _ in range(ROUNDS)]
    peaks = [median(column) for column in zip(*rounds, strict=True)]
    for peer, megabytes in zip(everyone, peaks, strict=True):
        yield Row(
            f"peak of a chain of {3 * STEPS} operations on {SIZE:,} float64, {peer.name}",
            f"{megabytes:.0f} MB",
            None if peer is OURS else peaks[0] / megabytes,
            1.3 if peer.name == "torch" else None,
        )
    growth = in_subprocess("growth_over_small_steps()")
    yield Row(f"growth over {SMALL_STEPS:,} forward and backward passes", f"{growth:.1f} MB", growth, 1.0, "MB")
