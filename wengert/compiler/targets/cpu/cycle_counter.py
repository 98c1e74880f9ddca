"""The cycle counter of the processor, which native code reads, and the duration of a tick."""

from __future__ import annotations

import ctypes
from time import perf_counter

from wengert.compiler.machine import is_arm
from wengert.compiler.once import once
from wengert.compiler.targets.llvm.jit import Module

__all__ = ["counter", "seconds_per_tick"]


def counter() -> str:
    """The intrinsic that reads the counter."""
    # On arm64 the cycle counter is privileged: reading it would be an illegal instruction.
    return "llvm.readsteadycounter" if is_arm() else "llvm.readcyclecounter"


@once
def seconds_per_tick() -> float:
    """The duration of a tick, measured once; 0 where the counter does not advance."""
    name = counter()
    module = Module(f"declare i64 @{name}()\ndefine i64 @clock() {{\n  %now = call i64 @{name}()\n  ret i64 %now\n}}\n")
    read = ctypes.CFUNCTYPE(ctypes.c_int64)(module.address("clock"))
    found = []
    for _ in range(3):  # (an interruption between two readings spoils one measurement)
        started, ticks = perf_counter(), read()
        while perf_counter() - started < 0.005:
            pass
        ticks = read() - ticks
        found.append((perf_counter() - started) / ticks if ticks > 0 else 0.0)
    return sorted(found)[1]
