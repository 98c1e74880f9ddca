"""Fewer garbage collections while objects are made that all stay: the nodes of a trace, and of the passes over it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from wengert.compiler.forking import RenewedLock

__all__ = ["fewer_collections"]

RARE = 100_000  # objects made, and not freed, until the youngest are searched for cycles; Python's own default is 700


class Collections:
    """What the blocks of `fewer_collections` that are under way have changed, in all threads."""

    def __init__(self) -> None:
        self.blocks = 0
        self.before = self.made = gc.get_threshold()
        self.lock = RenewedLock()

    def enter(self) -> None:
        with self.lock.lock:
            if not self.blocks:
                self.before = gc.get_threshold()
                young, middle, old = self.before
                self.made = max(young, RARE) if young else 0, middle, old  # (0: there are no collections)
                gc.set_threshold(*self.made)
            self.blocks += 1

    def leave(self) -> None:
        with self.lock.lock:
            self.blocks -= 1
            if not self.blocks and gc.get_threshold() == self.made:  # (the program may have set another one)
                gc.set_threshold(*self.before)


collections = Collections()


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Collect garbage less often in a block.

    The collector would search the nodes of a long trace again and again, which takes as long as all else. Only garbage
    in cycles is freed later; after the block the threshold is as before.
    """
    collections.enter()
    try:
        yield
    finally:
        collections.leave()
