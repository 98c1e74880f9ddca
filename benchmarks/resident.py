"""The memory of this process that is resident, in MB."""

from __future__ import annotations

import contextlib
import math
import sys
from pathlib import Path

__all__ = ["forget", "most", "now", "peak"]

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
highest = [0.0]


def status(name: str) -> float | None:
    try:
        return int(STATUS.read_text().split(f"{name}:")[1].split()[0]) * 1024 / 1e6
    except (OSError, IndexError):
        return None


def now() -> float:
    """What is resident now; where only the peak is known, that."""
    found = status("VmRSS")
    return peak() if found is None else found


def forget() -> None:
    """Begin to look for the most anew. (Linux can; elsewhere the most is that of the whole process.)"""
    highest[0] = max(highest[0], most())
    with contextlib.suppress(OSError):
        CLEAR.write_text("5")


def most() -> float:
    """The most that was resident since `forget`."""
    found = status("VmHWM")
    if found is not None:
        return found
    try:
        import resource  # not on Windows
    except ImportError:
        return math.nan
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def peak() -> float:
    """The most that has ever been resident."""
    return max(highest[0], most())
