"""Batches made in other processes, in order; and none of these processes left behind.

Each worker makes every n-th batch, so nobody has to be told what to make. A worker sends a batch when it has a
*credit*: the number of a slot of shared memory that it may fill. Each begins with `prefetch` credits, and the parent
gives one back when it has copied a batch out. Between parent and worker there is one pipe and no lock: a worker that
dies at any moment closes its end, which the parent sees, and the other way round.
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
from wengert.datasets.batch_making import WORKERS, BatchMaker
from wengert.functions import randomness

__all__ = ["from_workers"]

# Measured: through the pipe a batch of 2 kB takes the reader 0.1 ms, one of 1.5 MB 2 ms, one of 38 MB 160 ms; by
# shared memory 0.16, 0.33 and 8 ms.
LEAST_SHARED = 1 << 16
MOST_SHARED = 1 << 30  # by one worker; what is made further ahead waits in the pipe
ALIGNMENT = 64
LINUX = sys.platform.startswith("linux")
GUARD = 'a script starts workers only under `if __name__ == "__main__":`'


def start_context() -> Any:
    """Return how workers are started, whatever the program has chosen, or Python has fixed, for its own processes."""
    # A plain fork copies locks that other threads hold (BLAS has threads), and macOS forbids it to most libraries.
    if not LINUX:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "wengert.datasets.fork_server"])
    return context


def from_workers(maker: BatchMaker, epoch: int, first: int, workers: int, prefetch: int) -> Iterator[Any]:
    """Give the batches of an epoch from batch `first`, in order, made by worker processes."""
    check_process()
    count = min(workers, len(maker) - first)
    pool: list[Worker] = []
    finished = False
    try:
        payload = pickled(maker)
        for i in range(count):
            with Uninterrupted():  # a start that is broken off leaves a process that nobody knows
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
    """Raise in a process that is itself a worker: importing its script, or making a batch."""
    process: Any = multiprocessing.current_process()
    if getattr(process, "_inheriting", False):  # multiprocessing looks at this too, but not before a fork
        raise RuntimeError(f"a worker process, importing the script that started it, came to its loop: {GUARD}")
    if process.daemon:
        raise RuntimeError(
            "a worker process cannot have workers of its own; give the DataLoader inside of it threads, or workers=0"
        )


def pickled(maker: BatchMaker) -> bytes:
    try:
        return pickle.dumps(maker, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError, NotImplementedError) as error:
        raise TypeError(
            f"worker processes get the data set, the transform and collate by pickle, which cannot take them: {error}; "
            f"define their classes and functions at the top of a module, open files in example(), or use threads "
            f"instead of workers"
        ) from error


class Worker:
    """A worker process, seen from the parent."""

    def __init__(self, payload: bytes, epoch: int, numbers: range, prefetch: int) -> None:
        self.credits = min(prefetch, len(numbers))
        self.slots = 0  # of shared memory
        self.memory: SharedMemory | None = None
        self.slot_size = 0
        self.shares = True
        context = start_context()
        self.connection, theirs = context.Pipe()
        # Beginning a process fixes how the program starts its own, which is for the program to say.
        chosen = multiprocessing.get_start_method(allow_none=True)
        try:
            # Before the server, which with a tracker of its own would free our memory; and it unblocks the signal.
            resource_tracker.ensure_running()
            with interrupts_blocked():
                self.process = context.Process(
                    target=work, args=(payload, epoch, numbers, self.credits, theirs), name="wengert-data", daemon=True
                )
                self.process.start()
        except (EOFError, ConnectionError) as error:
            self.connection.close()
            raise RuntimeError(
                f"a worker process of a DataLoader died as it started; what it printed says why ({GUARD})"
            ) from error
        finally:
            multiprocessing.set_start_method(chosen, force=True)
            theirs.close()

    def send(self, message: Any) -> None:
        with contextlib.suppress(OSError):  # it has died, or has made all its batches: the next take finds out
            self.connection.send(message)

    def take(self) -> Any:
        """Wait for the next batch of this worker."""
        ready = connection.wait([self.connection, self.process.sentinel])
        try:
            # What it sent before it died comes first.
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
            del memory  # what looks into shared memory keeps it from being closed
        else:
            buffers = [np.frombuffer(bytearray(part), np.uint8) for part in sizes]
            needed = sum(aligned(buffer.size) for buffer in buffers)
            if needed >= LEAST_SHARED and self.memory is None and self.shares:
                self.share(needed)
        self.send(slot)
        return pickle.loads(header, buffers=buffers)

    def share(self, size: int) -> None:
        """Make slots that hold batches of a size, and tell the worker; go on by pipe where there is no room."""
        self.slot_size = size
        self.slots = min(self.credits, max(1, MOST_SHARED // size))
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
            hint = f"; what it printed says why ({GUARD})"
        return f"worker process {self.process.pid} of a DataLoader died with exit code {code}{reason}{hint}"

    def stop(self, finished: bool) -> None:
        self.connection.close()  # an idle worker sees this and ends
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
    """Return shared memory that is really there, or None.

    A container often has 64 MB of it, and gives out more: the process that then writes is killed by a bus error.
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
    return memory.buf  # (in some versions of its annotations it may be None)


def raise_from_worker(error: bytes | None, kind: str, text: str, pid: int) -> None:
    """Raise what a worker raised: the exception itself where it could be sent."""
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
        pass  # the parent has gone, or has left its loop
    finally:
        slots.close()


def messages(payload: bytes, epoch: int, numbers: range) -> Iterator[Any]:
    """Make the batches, each as pickle's header and buffers; or say what went wrong."""
    try:
        maker: BatchMaker = pickle.loads(payload)
        set_random_state(maker, epoch, numbers[0])
        order = maker.order(epoch)
        for number in numbers:
            buffers: list[pickle.PickleBuffer] = []
            header = pickle.dumps(maker.make(number, epoch, order), protocol=5, buffer_callback=buffers.append)
            yield header, [buffer.raw() for buffer in buffers]
    except Exception as error:  # noqa: BLE001 (whatever it is, it is raised in the parent)
        yield (
            "error",
            sendable(error),
            type(error).__name__,
            traceback.format_exc(),
            multiprocessing.current_process().pid,
        )


def sendable(error: Exception) -> bytes | None:
    """Return an exception as bytes, or None where it does not come back from them."""
    try:
        sent = pickle.dumps(error)
        pickle.loads(sent)
    except Exception:  # noqa: BLE001 (pickle runs the code of the exception's class)
        return None
    return sent


def set_random_state(maker: BatchMaker, epoch: int, first: int) -> None:
    """Give each worker global random numbers of its own, the same in each run: a fork would share the parent's."""
    state = maker.sequence(WORKERS, epoch, first).generate_state(4).tolist()
    random.seed(state[0])
    np.random.seed(state[1])  # noqa: NPY002 (a data set may still draw from it)
    randomness.seed(state[2])


class Slots:
    """Where a worker puts its batches: memory that the parent made, or the pipe."""

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
        """Return a slot, one in shared memory where there is one; wait for it where there is none."""
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
