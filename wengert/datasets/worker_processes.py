"""Batches made in worker processes, in order, without leaking processes.

Each worker makes every n-th batch, so no scheduling is needed. A worker sends a batch when it has a *credit*: the
number of a slot of shared memory that it may fill. Each begins with `prefetch` credits, and the parent returns one when
it has copied a batch out. Parent and worker share one pipe and no lock: if either dies at any moment, its end closes,
and the other notices.
"""

import contextlib
import multiprocessing
import os
import pickle
import random
import signal
import sys
import traceback
from collections import deque
from collections.abc import Iterator
from multiprocessing import connection, resource_tracker
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

from wengert.checks.interrupts import Uninterrupted, interrupts_blocked
from wengert.datasets.batch_maker import WORKERS, BatchMaker
from wengert.functions import randomness

__all__ = ["from_workers"]

# Measured: the reader takes 0.1 ms for a batch of 2 kB, 2 ms for 1.5 MB and 160 ms for 38 MB through the pipe; 0.16,
# 0.33 and 8 ms through shared memory.
LEAST_SHARED = 1 << 16
MOST_SHARED = 1 << 30  # slots of one worker; further batches wait in the pipe
ALIGNMENT = 64
LINUX = sys.platform.startswith("linux")
GUARD = 'a script starts workers only under `if __name__ == "__main__":`'


def start_context() -> Any:
    """Return the start method of workers, independent of the program's own choice for multiprocessing."""
    # A plain fork copies locks that other threads hold (BLAS has threads), and macOS forbids it to most libraries.
    if not LINUX:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "wengert.datasets.fork_server"])
    return context


def from_workers(maker: BatchMaker, epoch: int, first: int, workers: int, prefetch: int) -> Iterator[Any]:
    """Yield the batches of an epoch from batch `first`, in order, made by worker processes."""
    check_process()
    count = min(workers, len(maker) - first)
    pool: list[Worker] = []
    finished = False
    try:
        payload = pickled(maker)
        for i in range(count):
            with Uninterrupted():  # an interrupted start would leave a process without a handle
                pool.append(Worker(payload, epoch, range(first + i, len(maker), count), prefetch))
        for number in range(first, len(maker)):
            yield pool[(number - first) % count].take()
        finished = True
    finally:
        with Uninterrupted():
            for worker in pool:
                worker.stop(finished)
            for worker in pool:
                worker.join()


def check_process() -> None:
    """Raise if this process is itself a worker: while it imports its script, or makes a batch."""
    process: Any = multiprocessing.current_process()
    if getattr(process, "_inheriting", False):  # multiprocessing checks this too, but not before a fork
        raise RuntimeError(f"a worker process ran the loop of the script that started it while importing it: {GUARD}")
    if process.daemon:
        raise RuntimeError(
            "a worker process cannot have workers of its own; give the DataLoader inside of it threads, or workers=0"
        )


def pickled(maker: BatchMaker) -> bytes:
    try:
        return pickle.dumps(maker, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError, NotImplementedError) as error:
        raise TypeError(
            f"worker processes get the data set, the transform and collate through pickle, which failed: {error}; "
            f"define their classes and functions at the top of a module, open files in example(), or use threads "
            f"instead of workers"
        ) from error


class Worker:
    """The parent's side of a worker process."""

    def __init__(self, payload: bytes, epoch: int, numbers: range, prefetch: int) -> None:
        self.credits = min(prefetch, len(numbers))
        self.slots = 0  # of shared memory
        self.memory: SharedMemory | None = None
        self.slot_size = 0
        self.shares = True
        context = start_context()
        self.connection, theirs = context.Pipe()
        # Starting a process would fix the program's own start method.
        chosen = multiprocessing.get_start_method(allow_none=True)
        try:
            # Before the fork server, whose own resource tracker would free our shared memory; and starting it unblocks
            # the signal.
            resource_tracker.ensure_running()
            with interrupts_blocked():
                self.process = context.Process(
                    target=work, args=(payload, epoch, numbers, self.credits, theirs), name="wengert-data", daemon=True
                )
                self.process.start()
        except (EOFError, ConnectionError) as error:
            self.connection.close()
            raise RuntimeError(
                f"a worker process of a DataLoader died at its start; see its output for the reason ({GUARD})"
            ) from error
        finally:
            multiprocessing.set_start_method(chosen, force=True)
            theirs.close()

    def send(self, message: Any) -> None:
        with contextlib.suppress(OSError):  # it has died, or has made all its batches: the next `take` detects which
            self.connection.send(message)

    def take(self) -> Any:
        """Wait for the next batch of this worker."""
        ready = connection.wait([self.connection, self.process.sentinel])
        try:
            # Batches that it sent before it died come first.
            if self.connection not in ready and not self.connection.poll():
                raise EOFError
            kind, *message = self.connection.recv()
        except (EOFError, OSError):
            raise RuntimeError(self.death()) from None
        if kind == "error":
            raise_from_worker(*message)
        slot, header, sizes = message
        if kind == "shared":
            assert self.memory is not None
            memory = np.frombuffer(bytes_of(self.memory), np.uint8)
            buffers, start = [], slot * self.slot_size
            for size in sizes:
                buffers.append(memory[start : start + size].copy())
                start += aligned(size)
            del memory  # shared memory cannot be closed while a view of it exists
        else:
            buffers = [np.frombuffer(bytearray(part), np.uint8) for part in sizes]
            needed = sum(aligned(buffer.size) for buffer in buffers)
            if needed >= LEAST_SHARED and self.memory is None and self.shares:
                self.share(needed)
        self.send(slot)
        return pickle.loads(header, buffers=buffers)

    def share(self, size: int) -> None:
        """Allocate slots for batches of a size, and notify the worker; without memory, keep using the pipe."""
        self.slot_size = size
        self.slots = min(self.credits, max(1, MOST_SHARED // size))
        with Uninterrupted():  # interrupted in between, memory would be left that `join` does not know of
            self.memory = shared_memory(size * self.slots)
        if self.memory is None:
            self.shares = False
        else:
            self.send((self.memory.name, size, self.slots))

    def death(self) -> str:
        self.process.join(5)
        code = self.process.exitcode
        reason = ""
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                reason = f" ({signal.Signals(-code).name})"
        hint = ""
        if code == -9:
            hint = "; the system kills processes when memory runs out"
        elif code == 1:
            hint = f"; see its output for the reason ({GUARD})"
        return f"worker process {self.process.pid} of a DataLoader died with exit code {code}{reason}{hint}"

    def stop(self, finished: bool) -> None:
        self.connection.close()  # an idle worker notices this and ends
        if not finished:
            self.process.terminate()

    def join(self) -> None:
        self.process.join(2)
        if self.process.is_alive():
            self.process.terminate()
            self.process.join(2)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()
        if self.memory is not None:
            self.memory.close()
            self.memory.unlink()
            self.memory = None


def shared_memory(size: int) -> SharedMemory | None:
    """Return allocated shared memory, or None.

    Containers often have 64 MB but overcommit: a process that writes beyond it is killed by SIGBUS.
    """
    try:
        memory = SharedMemory(create=True, size=size)
    except OSError:
        return None
    if LINUX:
        try:
            with open(f"/dev/shm/{memory.name}", "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            memory.close()
            memory.unlink()
            return None
    return memory


def bytes_of(memory: SharedMemory) -> Any:
    return memory.buf  # (some versions of the type stubs allow None)


def raise_from_worker(error: bytes | None, kind: str, text: str, pid: int) -> None:
    """Raise a worker's exception: the exception itself if it could be pickled."""
    note = f"in worker process {pid} of a DataLoader:\n{text}"
    found = None
    if error is not None:
        with contextlib.suppress(Exception):
            found = pickle.loads(error)
    if not isinstance(found, BaseException):
        found = RuntimeError(f"{kind} in worker process {pid} of a DataLoader")
    found.add_note(note)
    raise found


# --- in the worker ---------------------------------------------------------------------------------------------------


def work(payload: bytes, epoch: int, numbers: range, credits: int, pipe: Any) -> None:
    """Make the batches `numbers` and send each when there is a credit for it; end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes; the parent ends this one
    slots = Slots(credits)
    try:
        for message in messages(payload, epoch, numbers):
            slots.send(message, pipe)
    except (EOFError, OSError):
        pass  # the parent has died, or has left its loop
    finally:
        slots.close()


def messages(payload: bytes, epoch: int, numbers: range) -> Iterator[Any]:
    """Make the batches, each as a pickle header and buffers, or an error report."""
    try:
        maker: BatchMaker = pickle.loads(payload)
        set_random_state(maker, epoch, numbers[0])
        order = maker.order(epoch)
        for number in numbers:
            buffers: list[pickle.PickleBuffer] = []
            header = pickle.dumps(maker.make(number, epoch, order), protocol=5, buffer_callback=buffers.append)
            yield header, [buffer.raw() for buffer in buffers]
    except Exception as error:  # noqa: BLE001 (any exception is raised in the parent)
        yield (
            "error",
            sendable(error),
            type(error).__name__,
            traceback.format_exc(),
            multiprocessing.current_process().pid,
        )


def sendable(error: Exception) -> bytes | None:
    """Return a pickled exception, or None if it cannot be unpickled."""
    try:
        sent = pickle.dumps(error)
        pickle.loads(sent)
    except Exception:  # noqa: BLE001 (unpickling runs code of the exception's class)
        return None
    return sent


def set_random_state(maker: BatchMaker, epoch: int, first: int) -> None:
    """Seed the global generators of each worker, reproducibly: a fork would share the parent's state."""
    state = maker.sequence(WORKERS, epoch, first).generate_state(4).tolist()
    random.seed(state[0])
    np.random.seed(state[1])  # noqa: NPY002 (a data set may still use the legacy generator)
    randomness.seed(state[2])


class Slots:
    """The worker's side of the transport: shared memory of the parent, or the pipe."""

    def __init__(self, credits: int) -> None:
        self.memory: SharedMemory | None = None
        self.size = 0
        self.count = 0
        self.unused = iter(range(credits))
        self.free: deque[int] = deque()

    def send(self, message: Any, pipe: Any) -> None:
        """Wait for a credit, and send."""
        if message[0] == "error":
            pipe.send(message)
            return
        slot = self.take_credit(pipe)
        header, parts = message
        if self.memory is None or slot >= self.count or sum(aligned(part.nbytes) for part in parts) > self.size:
            pipe.send(("pipe", slot, header, [bytes(part) for part in parts]))
            return
        start = slot * self.size
        for part in parts:
            bytes_of(self.memory)[start : start + part.nbytes] = part
            start += aligned(part.nbytes)
        pipe.send(("shared", slot, header, [part.nbytes for part in parts]))

    def take_credit(self, pipe: Any) -> int:
        """Return a free slot, preferably in shared memory; wait for a credit if there is none."""
        while pipe.poll():
            self.receive(pipe)
        while not self.free:
            slot = next(self.unused, None)
            if slot is not None:
                return slot
            self.receive(pipe)
        return self.free.popleft()

    def receive(self, pipe: Any) -> None:
        message = pipe.recv()
        if isinstance(message, tuple):
            name, self.size, self.count = message
            self.memory = SharedMemory(name)
        else:
            self.free.append(message)

    def close(self) -> None:
        if self.memory is not None:
            self.memory.close()


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
