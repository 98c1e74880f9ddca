"""The machine: its description, and whether it is busy."""

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

BUSY = 1.15  # factor on the least time of the fixed work above which the machine counts as busy
REPEATS = 9
SIZE, PASSES = 40_000, 12


def describe() -> dict[str, Any]:
    """Describe the machine."""
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
    """Times a fixed workload on the measured number of cores, to detect other load.

    `least` is its shortest time so far; `patience` is the total number of seconds to wait for a busy machine.
    """

    def __init__(self, threads: int, patience: float) -> None:
        self.threads, self.patience = min(threads, cores()), patience
        self.least = float("inf")
        self.arrays = [np.linspace(0.1, 1.0, SIZE) for _ in range(self.threads)]

    def look(self) -> float:
        """Return the present median seconds of the fixed work."""
        times = []
        for _ in range(REPEATS):
            start = perf_counter()
            helpers = [threading.Thread(target=load_core, args=(array,)) for array in self.arrays[1:]]
            for helper in helpers:
                helper.start()
            load_core(self.arrays[0])
            for helper in helpers:
                helper.join()
            times.append(perf_counter() - start)
        self.least = min(self.least, median(times))
        return median(times)

    def wait(self) -> float:
        """Wait until the machine is idle, or patience is exhausted; return the last measurement."""
        seconds = self.look()
        while seconds > BUSY * self.least and self.patience > 0:
            start = monotonic()
            sleep(0.5)
            seconds = self.look()
            self.patience -= monotonic() - start
        return seconds


def load_core(array: Any) -> None:
    for _ in range(PASSES):
        np.tanh(array)  # NumPy releases the GIL
