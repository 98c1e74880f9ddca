"""Memory that the system refuses, in processes of their own: a MemoryError, and all is as it was."""

import contextlib
import ctypes
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from tests.installed import needs_llvm
from wengert.layers import Layer, load_weights, save_weights

if not sys.platform.startswith("linux"):
    raise unittest.SkipTest("needs Linux: other systems do not limit a process's memory")

import resource


def with_little_memory(extra: int, function: Callable[[], Any]) -> None:
    """Call a function while this process may have so many bytes more than it has."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):  # of glibc, which else would keep what is freed
        library.mallopt(-3, 1 << 18)
        library.malloc_trim(ctypes.c_size_t(0))
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + extra, before[1]))
    try:
        function()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


# What the processes do; each returns "right", or what is wrong. (They are fresh ones: where much was allocated and
# freed before, nothing need be asked of the system.)


class Large(Layer):
    def __init__(self) -> None:
        self.a, self.b = (np.full(1 << 20, i, np.float32) for i in (1, 2))


def weights(folder: str) -> str:
    path = Path(folder, "large.safetensors")
    layer, other = Large(), Large()
    other.b[...] = 3
    save_weights(layer, path)
    refused = 0
    for extra in range(0, 40 << 20, 3 << 20):
        for function in (lambda: save_weights(layer, path), lambda: load_weights(other, path)):
            whole = path.read_bytes()
            try:
                with_little_memory(extra, function)
            except MemoryError:
                refused += 1
                if path.read_bytes() != whole or os.listdir(folder) != [path.name] or other.b.max() != 3:
                    return "changed"
            load_weights(layer, path)
            if layer.b.min() != 2 or layer.b.max() != 2:
                return "another file"
            other.b[...] = 3
    return "right" if 5 < refused < 25 else f"{refused} were refused"


def plan(folder: str) -> str:
    def function(x: Any) -> Any:
        y = np.tanh(x)
        return np.sum(np.cumsum(np.flip(y, axis=1) + np.cumsum(y, axis=0), axis=0) * y)

    x = np.random.default_rng(0).normal(size=(3000, 1000))  # of whose shape the plan needs two arrays
    warm = wengert.compile(function)
    for _ in range(4):
        warm(x[:3])
    compiled = wengert.compile(function)
    expected, _ = float(compiled(x)), float(compiled(x))
    with contextlib.suppress(MemoryError):
        with_little_memory(36 << 20, lambda: compiled(x))
    if compiled.plans and compiled.plans[0].run is not None:
        return "memory was not refused"
    found = [float(compiled(x)) for _ in range(2)]
    if not np.allclose(found, expected) or compiled.given_up is not None or compiled.plans[0].run is None:
        return f"{found} for {expected}; {compiled.given_up}"
    return "right"


def threads(folder: str) -> str:
    from wengert.compiler.targets.cpu.thread_pool import pool

    wengert.set_num_threads(3)
    x = np.random.default_rng(0).normal(size=(2000, 100))
    compiled = wengert.compile(lambda x: np.sum(np.tanh(np.tanh(x) * np.exp(-x * x)), axis=1))
    for _ in range(2):
        expected = compiled(x)
    _ = compiled.plan  # which makes it
    for extra in (4 << 20, 6 << 20, 7 << 20):  # less than a thread's stack
        found: list[Any] = []
        with_little_memory(extra, lambda: found.append(compiled(x)))  # noqa: B023
        if not np.allclose(found[0], expected):
            return "another result"
    if pool().workers:
        return "threads were not refused"
    if not np.allclose(compiled(x), expected) or compiled.given_up is not None:
        return "another result afterwards"
    if not (pool().workers and all(worker.is_alive() for worker in pool().workers)):
        return "there are no workers, or some that were never started"
    return "right"


class InAProcess(unittest.TestCase):
    def assert_right(self, name: str) -> None:
        """Check that a process in which a function of this module runs lives, and prints "right"."""
        program = f"from tests.test_refused_memory import {name}; import sys; print({name}(sys.argv[1]))"
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run(
                [sys.executable, "-W", "error", "-c", program, folder],
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                cwd=Path(__file__).resolve().parent.parent,
                capture_output=True,
                text=True,
                timeout=120,
            )
        self.assertEqual((run.returncode, run.stdout), (0, "right\n"), run.stderr)


@unittest.skipIf(importlib.util.find_spec("safetensors") is None, "needs safetensors: pip install wengert[train]")
class FileTest(InAProcess):
    def test_weights(self) -> None:
        self.assert_right("weights")


@needs_llvm
class PlanTest(InAProcess):
    def test_a_plan_that_is_refused_memory_is_made_later(self) -> None:
        self.assert_right("plan")

    def test_threads_that_cannot_be_started(self) -> None:
        self.assert_right("threads")


if __name__ == "__main__":
    unittest.main()
