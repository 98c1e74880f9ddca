"""The thread pool: workers that wait in native code, without the GIL, and join a step if they come in time.

A step runs on the calling thread, and on the workers that join before it is over. No thread waits for a worker that
sleeps, or whose core another process occupies, but only for chunks (see `partition`) that a worker has claimed. An idle
worker spins for a short while, then sleeps. A thread that waits for a chunk yields after a bounded spin: where another
process occupies the other core, mere spinning would last for a time slice of the scheduler.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.compiler.machine import llvm
from wengert.compiler.targets.cpu.thread_pool_text import (
    CONDITION,
    CONTROL_BYTES,
    EVERYBODY,
    MUTEX,
    TICKET,
    pool_text,
)
from wengert.compiler.targets.llvm.jit import Module

__all__ = ["get_num_threads", "pool", "set_num_threads"]

chosen: list[int | None] = [None]


MOST_THREADS = 1024  # each has a stack; more than the cores of any machine this runs on


def set_num_threads(count: int) -> None:
    """Set the number of threads of compiled functions; plans that are compiled already never use more than before.

    Raises
    ------
    ValueError
        If it is not an integer from 1 to 1024.

    Examples
    --------
    >>> import wengert
    >>> before = wengert.get_num_threads()
    >>> wengert.set_num_threads(1)
    >>> wengert.get_num_threads()
    1
    >>> wengert.set_num_threads(before)
    """
    chosen[0] = options.integer(count, "count", "set_num_threads", 1, MOST_THREADS)


def get_num_threads() -> int:
    """The number of threads: that of `set_num_threads`, else OMP_NUM_THREADS, else the number of usable cores.

    Examples
    --------
    >>> import wengert
    >>> wengert.get_num_threads() >= 1
    True
    """
    if chosen[0] is not None:
        return chosen[0]
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return min(int(asked), MOST_THREADS)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool:
    """The workers of this process. One plan at a time uses them, while it holds `lock`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.module: Any = None
        self.workers: list[threading.Thread] = []
        self.memory = np.zeros(CONTROL_BYTES + 64, np.uint8)
        start = -self.memory.__array_interface__["data"][0] % 64
        self.control = int(self.memory.__array_interface__["data"][0]) + start
        self.block = self.memory[start : start + CONTROL_BYTES]

    def compile(self) -> None:
        """Compile the functions of the pool, and register `wait` with LLVM."""
        if self.module is None:
            self.module = Module(pool_text())
            llvm().add_symbol("wengert_wait", self.module.address("wait"))
            self.launch = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 3, ctypes.c_int64)(
                self.module.address("launch")
            )
            prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
            self.work = prototype(self.module.address("worker"))
            if has_sleep():
                library = ctypes.CDLL(None)
                library.pthread_mutex_init(ctypes.c_void_p(self.control + MUTEX), None)
                library.pthread_cond_init(ctypes.c_void_p(self.control + CONDITION), None)

    def run(self, function: int, table: int, threads: int) -> int:
        """Run a native function on up to `threads` threads; `lock` must be held."""
        while len(self.workers) < threads - 1:
            ticket = int(self.block[TICKET : TICKET + 8].view(np.int64)[0])
            arguments = (self.control, len(self.workers) + 1, ticket)
            worker = threading.Thread(target=self.work, args=arguments, name="wengert", daemon=True)
            try:
                worker.start()
            except (RuntimeError, MemoryError):  # the system has no more threads, or no memory for a stack
                break
            self.workers.append(worker)
        return int(self.launch(self.control, function, table, threads))

    def stop(self) -> None:
        """End the workers: they must not wait in native code while the interpreter shuts down."""
        with self.lock:
            if self.workers:
                self.launch(self.control, None, None, EVERYBODY)
                for worker in self.workers:
                    worker.join()
                self.workers = []


the_pool: list[Pool | None] = [None]
starting = threading.Lock()


def pool() -> Pool:
    """The pool of this process."""
    with starting:
        found = the_pool[0]
        if found is None:
            found = Pool()
            found.compile()
            the_pool[0] = found
        return found


def stop() -> None:
    if the_pool[0] is not None:
        the_pool[0].stop()


def forked() -> None:
    """Forget the pool: a child has none of its parent's threads."""
    global starting
    starting = threading.Lock()
    old, the_pool[0] = the_pool[0], None
    if old is not None:
        kept.append(old)  # (plans call its code)


kept: list[Pool] = []
atexit.register(stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forked)


def has_sleep() -> bool:
    """Whether workers can sleep in native code; where they cannot, plans run on one thread."""
    return sys.platform != "win32"
