"""The target processor: vectors, registers and caches, for kernels and schedules."""

from __future__ import annotations

import functools
import platform
from pathlib import Path
from typing import Any

from wengert.checks.extras import needed
from wengert.compiler.once import once

__all__ = [
    "INNERMOST_CACHE",
    "has_fused_multiply_add",
    "has_half_precision",
    "is_arm",
    "is_x86",
    "lanes_of",
    "largest_cache",
    "llvm",
    "sums_at_once",
    "vector_bytes",
    "vector_registers",
]

INNERMOST_CACHE = 1 << 15  # bytes: the smallest L1 data cache of the last twenty years


@once
def llvm() -> Any:
    """llvmlite's binding, ready to use."""
    binding = needed("llvmlite.binding", "compile", "wengert.compile")
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@functools.cache
def features() -> dict[str, bool]:
    """The features of the processor, by LLVM's names."""
    return dict(llvm().get_host_cpu_features())


def is_x86() -> bool:
    return platform.machine() in ("x86_64", "AMD64")


def is_arm() -> bool:
    return platform.machine() in ("aarch64", "arm64")


@functools.cache
def vector_bytes() -> int:
    """Bytes of a vector register."""
    if not is_x86():
        return 16
    return 64 if features().get("avx512f") else 32 if features().get("avx2") else 16


def lanes_of(dtype: Any) -> int:
    """Lanes of a vector register."""
    return vector_bytes() // int(dtype.itemsize)


def vector_registers() -> int:
    """The number of vector registers."""
    return 16 if is_x86() and vector_bytes() < 64 else 32


def sums_at_once() -> int:
    """The number of sums that fit into the vector registers, beside their operands."""
    return 24 if vector_registers() == 32 else 12


def has_fused_multiply_add() -> bool:
    """Whether one instruction computes a b + c with one rounding."""
    return is_arm() or bool(features().get("fma"))


def has_half_precision() -> bool:
    """Whether there are instructions that convert half precision."""
    return is_arm() or bool(features().get("f16c"))


def largest_cache() -> int:
    """Bytes of the largest cache; a default where the system does not report it."""
    found = [32 << 20]
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text().strip()
        if text.endswith("K") and text[:-1].isdecimal():
            found.append(int(text[:-1]) << 10)
    return max(found)
