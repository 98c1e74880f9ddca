"""Batches made in threads, in order; and none of these threads left behind.

A thread makes the next batch that nobody makes yet. The first `ahead` may be begun at once; for each further one the
reader gives a *credit*, when it has taken a batch. It waits at one queue alone.
All queues are `SimpleQueue`, which is written in C: Ctrl-C cannot come in between its lock and its content, as it can
in `threading.Condition`, on which futures wait.
"""

import contextvars
import itertools
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

from wengert.checks.interrupts import Uninterrupted
from wengert.datasets.batch_making import BatchMaker

__all__ = ["from_threads"]


def from_threads(maker: BatchMaker, epoch: int, first: int, threads: int, prefetch: int) -> Iterator[Any]:
    """Give the batches of an epoch from batch `first`, in order, made by threads."""
    pool = Pool(maker, epoch, first, threads * prefetch)
    try:
        for _ in range(min(threads, len(maker) - first)):
            with Uninterrupted():
                pool.start_thread()
        for number in range(first, len(maker)):
            yield pool.take(number)
    finally:
        with Uninterrupted():
            pool.stop()


class Pool:
    """The threads of one iteration."""

    def __init__(self, maker: BatchMaker, epoch: int, first: int, ahead: int) -> None:
        self.maker, self.epoch, self.order = maker, epoch, maker.order(epoch)
        self.unpaid = first + ahead  # from this batch on, one is begun for each that is taken
        self.starts, self.numbers = itertools.count(first), itertools.count(first)
        self.credits: SimpleQueue[None] = SimpleQueue()
        self.arrived: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()
        self.early: dict[int, tuple[Any, BaseException | None]] = {}  # arrived before its turn
        self.threads: list[threading.Thread] = []
        self.stopping = False

    def start_thread(self) -> None:
        context = contextvars.copy_context()  # a no_grad block is also one for the threads
        thread = threading.Thread(
            target=context.run, args=(self.work,), name=f"wengert-data_{len(self.threads)}", daemon=True
        )
        self.threads.append(thread)
        try:
            thread.start()
        except RuntimeError as error:
            self.threads.pop()
            raise RuntimeError(
                f"the system gave a DataLoader no more than {len(self.threads)} threads; ask for fewer: threads="
            ) from error

    def work(self) -> None:
        """Make batches, until there are no more or the reader has left."""
        for started in self.starts:
            if started >= self.unpaid:
                self.credits.get()  # before the number: a thread that has one makes it
            number = next(self.numbers)
            if self.stopping or number >= len(self.maker):
                return
            try:
                batch = self.maker.make(number, self.epoch, self.order)
            except BaseException as error:  # noqa: BLE001 (whatever it is, it is raised where the batch is taken)
                self.arrived.put((number, None, error))
            else:
                self.arrived.put((number, batch, None))
                del batch

    def take(self, number: int) -> Any:
        """Wait for a batch."""
        while number not in self.early:
            arrived, batch, error = self.arrived.get()
            self.early[arrived] = batch, error
        batch, error = self.early.pop(number)
        if self.unpaid < len(self.maker):  # (else nobody waits for one)
            self.credits.put(None)
        if error is not None:
            raise error
        return batch

    def stop(self) -> None:
        """End the threads, when they have made the batches that they are at."""
        self.stopping = True
        for _ in self.threads:
            self.credits.put(None)
        for thread in self.threads:
            thread.join()
