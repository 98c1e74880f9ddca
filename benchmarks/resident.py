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
    """The resident memory; where only the peak is known, the peak."""
    found = status("VmRSS")
    return peak() if found is None else found


def forget() -> None:
    """Reset the peak. (On Linux; elsewhere the peak is that of the whole process.)"""
    highest[0] = max(highest[0], most())
    with contextlib.suppress(OSError):
        CLEAR.write_text("5")


def most() -> float:
    """The peak of resident memory since `forget`."""
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
    """The peak of resident memory of the process."""
    return max(highest[0], most())
