"""The processor's clock, as native code reads it: how many seconds one tick of it is."""

from __future__ import annotations

import ctypes
import platform
from time import perf_counter

from wengert.compiler.code.native import Module
from wengert.compiler.code.once import once

__all__ = ["counter", "seconds_per_tick"]


def counter() -> str:
    """The intrinsic that reads it."""
    # On arm64 the counter of cycles is closed to programs: to read it ends them.
    return "llvm.readsteadycounter" if platform.machine() in ("aarch64", "arm64") else "llvm.readcyclecounter"


@once
def seconds_per_tick() -> float:
    """How long one tick is, measured once; 0 where the clock stands still."""
    name = counter()
    module = Module(f"declare i64 @{name}()\ndefine i64 @clock() {{\n  %now = call i64 @{name}()\n  ret i64 %now\n}}\n")
    read = ctypes.CFUNCTYPE(ctypes.c_int64)(module.address("clock"))
    found = []
    for _ in range(3):  # (a pause between two readings spoils one of them)
        started, ticks = perf_counter(), read()
        while perf_counter() - started < 0.005:
            pass
        ticks = read() - ticks
        found.append((perf_counter() - started) / ticks if ticks > 0 else 0.0)
    return sorted(found)[1]
