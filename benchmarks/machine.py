"""The machine: what it is, and whether it is busy with other things."""

from __future__ import annotations

import os
import platform
import subprocess
import threading
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import Any

import numpy as np

from benchmarks.turns import ROOT

__all__ = ["BUSY", "Calm", "commit", "describe"]

BUSY = 1.15  # of the least time of the fixed work: slower, and the machine is busy
REPEATS = 9
SIZE, SWEEPS = 40_000, 12


def describe() -> dict[str, Any]:
    """Return what the machine is."""
    return {
        "processor": processor(),
        "cores": cores(),
        "memory GB": memory(),
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
    except (AttributeError, ValueError, OSError):
        return None


def commit() -> str:
    """Return the commit that is measured, with a + where files differ from it; nothing outside of a checkout."""
    try:
        name = git("rev-parse", "--short=10", "HEAD")
        return name + ("+" if git("status", "--porcelain", "--", "wengert", "benchmarks") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


class Calm:
    """Does a fixed piece of work on as many cores as are measured with, to see whether others use them.

    `least` is its time at the best moment so far; `patience` is for how many seconds in all a busy machine is
    waited for.
    """

    def __init__(self, threads: int, patience: float) -> None:
        self.threads, self.patience = min(threads, cores()), patience
        self.least = float("inf")
        self.arrays = [np.linspace(0.1, 1.0, SIZE) for _ in range(self.threads)]

    def look(self) -> float:
        """Return the median seconds of the fixed work now."""
        times = []
        for _ in range(REPEATS):
            start = perf_counter()
            helpers = [threading.Thread(target=sweep, args=(array,)) for array in self.arrays[1:]]
            for helper in helpers:
                helper.start()
            sweep(self.arrays[0])
            for helper in helpers:
                helper.join()
            times.append(perf_counter() - start)
        self.least = min(self.least, median(times))
        return median(times)

    def wait(self) -> float:
        """Wait until the machine is calm, or patience is at an end; return the last look."""
        seconds = self.look()
        while seconds > BUSY * self.least and self.patience > 0:
            start = monotonic()
            sleep(0.5)
            seconds = self.look()
            self.patience -= monotonic() - start
        return seconds


def sweep(array: Any) -> None:
    for _ in range(SWEEPS):
        np.tanh(array)  # NumPy lets other threads run meanwhile
