"""Threads of native code: workers that wait without Python, and take part in a step if they come in time.

A step runs on the calling thread, and on those workers that are there before it is over: nobody waits for a worker
that sleeps, or whose core another process holds, but for the shares (see `shares`) that one has begun. A worker that
has nothing to do spins for a short while, then sleeps. Who waits for a share yields after a bounded spin: where another
process holds the second core, one that only spins would wait for a whole time slice of the scheduler.
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
from wengert.compiler.machine import is_arm, is_x86, llvm
from wengert.compiler.targets.llvm.jit import Module

__all__ = ["get_num_threads", "pool", "set_num_threads"]

SPINS = 400  # pauses before the first yield
PATIENCE = 3000  # rounds that a worker waits awake
# Where what the threads share lies, in bytes. The ticket is the number of the step, and in its last byte how many
# threads may take part: who may not looks at nothing else, which may change under its eyes. JOINED has the number of
# the step too, then a bit that says whether it may still be joined, and how many workers are in it.
TICKET, JOINED, FUNCTION, TABLE, SLEEPERS, MUTEX, CONDITION = 0, 64, 192, 200, 256, 320, 448
EVERYBODY = 255
OPEN = 1 << 15

chosen: list[int | None] = [None]


MOST_THREADS = 1024  # each has a stack; more than the cores of any machine this runs on


def set_num_threads(count: int) -> None:
    """Say how many threads compiled functions use; those that have been compiled use at most as many as then.

    Raises
    ------
    ValueError
        If it is no integer from 1 to 1024.

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
    """The number of threads: what was set, else OMP_NUM_THREADS, else the number of cores that may be used.

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
    """The workers of this process. One step at a time has them; `lock` says which."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.module: Any = None
        self.workers: list[threading.Thread] = []
        self.memory = np.zeros(1024 + 64, np.uint8)
        start = -self.memory.__array_interface__["data"][0] % 64
        self.control = int(self.memory.__array_interface__["data"][0]) + start
        self.block = self.memory[start : start + 1024]

    def prepare(self) -> None:
        """Compile the functions below, and tell LLVM of `wait`."""
        if self.module is None:
            self.module = Module(source())
            llvm().add_symbol("wengert_wait", self.module.address("wait"))
            self.launch = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 3, ctypes.c_int64)(
                self.module.address("launch")
            )
            form = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
            self.work = form(self.module.address("worker"))
            if has_sleep():
                library = ctypes.CDLL(None)
                library.pthread_mutex_init(ctypes.c_void_p(self.control + MUTEX), None)
                library.pthread_cond_init(ctypes.c_void_p(self.control + CONDITION), None)

    def run(self, function: int, table: int, threads: int) -> int:
        """Run a native function on so many threads; `lock` must be held."""
        while len(self.workers) < threads - 1:
            ticket = int(self.block[TICKET : TICKET + 8].view(np.int64)[0])
            arguments = (self.control, len(self.workers) + 1, ticket)
            worker = threading.Thread(target=self.work, args=arguments, name="wengert", daemon=True)
            try:
                worker.start()
            except (RuntimeError, MemoryError):  # the system has no more threads, or no room for a stack
                break
            self.workers.append(worker)
        return int(self.launch(self.control, function, table, threads))

    def stop(self) -> None:
        """End the workers: they would wait in native code while Python is taken down."""
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
            found.prepare()
            the_pool[0] = found
        return found


def stop() -> None:
    if the_pool[0] is not None:
        the_pool[0].stop()


def forked() -> None:
    """A child has none of its parent's threads."""
    global starting
    starting = threading.Lock()
    old, the_pool[0] = the_pool[0], None
    if old is not None:
        kept.append(old)  # (its code is that of the plans)


kept: list[Pool] = []
atexit.register(stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forked)


def has_sleep() -> bool:
    """Whether workers can sleep in native code; where they cannot, steps run on one thread."""
    return sys.platform != "win32"


def source() -> str:
    """The text of the module of the pool.

    A step is over when the worker that left last has left it: its code may be freed then.
    """
    if is_x86():
        declared, pause = "declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"
    elif is_arm():
        declared, pause = "declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"
    else:
        declared, pause = "", "call i32 @sched_yield()"
    names = {"ticket": TICKET, "joined": JOINED, "function": FUNCTION, "table": TABLE}
    names |= {"sleepers": SLEEPERS, "mutex": MUTEX, "condition": CONDITION}
    places = "\n".join(f"  %{k} = getelementptr i8, ptr %control, i64 {v}" for k, v in names.items())
    return f"""
{declared}
declare i32 @sched_yield()
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)

define void @wait(ptr %place, i64 %wanted) {{
entry:
  br label %wait
wait:
  %i = phi i64 [ 0, %entry ], [ %more, %spin ], [ %more, %yield ]
  %more = add i64 %i, 1
  %now = load atomic i64, ptr %place acquire, align 8
  %there = icmp eq i64 %now, %wanted
  br i1 %there, label %out, label %stay
stay:
  %long = icmp ugt i64 %i, {SPINS}
  br i1 %long, label %yield, label %spin
spin:
  {pause}
  br label %wait
yield:
  call i32 @sched_yield()
  br label %wait
out:
  ret void
}}

define i64 @launch(ptr %control, ptr %step, ptr %given, i64 %parties) {{
entry:
{places}
  store ptr %step, ptr %function
  store ptr %given, ptr %table
  %old = load atomic i64, ptr %ticket seq_cst, align 8
  %count = and i64 %old, -256
  %next = add i64 %count, 256
  %new = or i64 %next, %parties
  %number = shl i64 %next, 8
  %open = or i64 %number, {OPEN}
  store atomic i64 %open, ptr %joined seq_cst, align 8
  store atomic i64 %new, ptr %ticket seq_cst, align 8
  %asleep = load atomic i64, ptr %sleepers seq_cst, align 8
  %some = icmp ne i64 %asleep, 0
  br i1 %some, label %wake, label %go
wake:
  call i32 @pthread_mutex_lock(ptr %mutex)
  call i32 @pthread_cond_broadcast(ptr %condition)
  call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %go
go:
  %none = icmp eq ptr %step, null
  br i1 %none, label %nothing, label %run
run:
  %code = call i64 %step(ptr %given, i64 0, i64 %parties)
  %last = atomicrmw and ptr %joined, i64 {~OPEN} seq_cst
  call void @wait(ptr %joined, i64 %number)
  ret i64 %code
nothing:
  ret i64 0
}}

define void @worker(ptr %control, i64 %index, i64 %first) {{
entry:
{places}
  br label %rest
rest:
  %seen = phi i64 [ %first, %entry ], [ %now, %work ], [ %now, %look ], [ %now, %run ]
  br label %watch
watch:
  %i = phi i64 [ 0, %rest ], [ %more, %spin ], [ %more, %yield ], [ 0, %awake ]
  %more = add i64 %i, 1
  %now = load atomic i64, ptr %ticket seq_cst, align 8
  %same = icmp eq i64 %now, %seen
  br i1 %same, label %stay, label %work
stay:
  %tired = icmp ugt i64 %i, {PATIENCE}
  br i1 %tired, label %sleep, label %choose
choose:
  %long = icmp ugt i64 %i, {SPINS}
  br i1 %long, label %yield, label %spin
spin:
  {pause}
  br label %watch
yield:
  call i32 @sched_yield()
  br label %watch
sleep:
  call i32 @pthread_mutex_lock(ptr %mutex)
  %in = atomicrmw add ptr %sleepers, i64 1 seq_cst
  br label %asleep
asleep:
  %again = load atomic i64, ptr %ticket seq_cst, align 8
  %still = icmp eq i64 %again, %seen
  br i1 %still, label %doze, label %awake
doze:
  call i32 @pthread_cond_wait(ptr %condition, ptr %mutex)
  br label %asleep
awake:
  %out = atomicrmw sub ptr %sleepers, i64 1 seq_cst
  call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %watch
work:
  %parties = and i64 %now, 255
  %taken = icmp ult i64 %index, %parties
  br i1 %taken, label %look, label %rest
look:
  %count = and i64 %now, -256
  %number = shl i64 %count, 8
  %open = or i64 %number, {OPEN}
  %workers = load atomic i64, ptr %joined seq_cst, align 8
  %before = and i64 %workers, {-OPEN}
  %late = icmp ne i64 %before, %open
  br i1 %late, label %rest, label %join
join:
  %with = add i64 %workers, 1
  %pair = cmpxchg ptr %joined, i64 %workers, i64 %with seq_cst seq_cst
  %in_it = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %in_it, label %read, label %look
read:
  %step = load ptr, ptr %function
  %given = load ptr, ptr %table
  %end = icmp eq ptr %step, null
  br i1 %end, label %quit, label %run
run:
  %code = call i64 %step(ptr %given, i64 %index, i64 %parties)
  %left = atomicrmw sub ptr %joined, i64 1 seq_cst
  br label %rest
quit:
  ret void
}}
"""
