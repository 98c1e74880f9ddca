"""Batches made in threads, in order, without leaking threads.

A thread makes the next batch that no other thread makes yet. The first `ahead` may start at once; for each further one
the reader issues a *credit* when it has taken a batch, and it waits on a single queue. All queues are `SimpleQueue`,
which is written in C: Ctrl-C cannot interrupt it between its lock and its content, as it can in `threading.Condition`,
on which futures wait.
"""

import contextvars
import itertools
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

from wengert.checks.interrupts import Uninterrupted
from wengert.datasets.batch_maker import BatchMaker

__all__ = ["from_threads"]


def from_threads(maker: BatchMaker, epoch: int, first: int, threads: int, prefetch: int) -> Iterator[Any]:
    """Yield the batches of an epoch from batch `first`, in order, made by threads."""
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
        self.unpaid = first + ahead  # from this batch on, one is started for each that is taken
        self.starts, self.numbers = itertools.count(first), itertools.count(first)
        self.credits: SimpleQueue[None] = SimpleQueue()
        self.arrived: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()
        self.early: dict[int, tuple[Any, BaseException | None]] = {}  # arrived before its turn
        self.threads: list[threading.Thread] = []
        self.stopping = False

    def start_thread(self) -> None:
        context = contextvars.copy_context()  # threads inherit the context, such as no_grad
        thread = threading.Thread(
            target=context.run, args=(self.work,), name=f"wengert-data_{len(self.threads)}", daemon=True
        )
        self.threads.append(thread)
        try:
            thread.start()
        except RuntimeError as error:
            self.threads.pop()
            raise RuntimeError(
                f"the system allowed a DataLoader no more than {len(self.threads)} threads; ask for fewer: threads="
            ) from error

    def work(self) -> None:
        """Make batches, until there are no more or the reader has left."""
        for started in self.starts:
            if started >= self.unpaid:
                self.credits.get()  # before drawing a number: a thread that has drawn one must make the batch
            number = next(self.numbers)
            if self.stopping or number >= len(self.maker):
                return
            try:
                batch = self.maker.make(number, self.epoch, self.order)
            except BaseException as error:  # noqa: BLE001 (any exception is raised where the batch is taken)
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
        if self.unpaid < len(self.maker):  # (else no thread waits for one)
            self.credits.put(None)
        if error is not None:
            raise error
        return batch

    def stop(self) -> None:
        """End the threads, after the batches in progress."""
        self.stopping = True
        for _ in self.threads:
            self.credits.put(None)
        for thread in self.threads:
            thread.join()
