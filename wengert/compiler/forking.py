"""Locks after a fork: the child has none of the threads that held locks in the parent, which would stay locked.

Most locks are made anew in the child: what they guard is consistent whenever Python code runs. Where it is not, a fork
waits until no other thread holds the lock.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet

__all__ = ["AwaitedLock", "RenewedLock", "renewed_after_fork"]

PATIENCE = 10.0  # seconds that a fork waits: the thread that holds the lock may be waiting for the one that forks


class Renewed(Protocol):
    def renew(self) -> None:
        """Make new locks."""


known: WeakSet[Renewed] = WeakSet()


def renewed_after_fork(holder: Renewed) -> None:
    """Call ``holder.renew()`` in each child that this process forks, as long as the holder lives."""
    known.add(holder)


def forked() -> None:
    for holder in tuple(known):
        holder.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forked)


class RenewedLock:
    """A lock that is free in a forked child."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        renewed_after_fork(self)

    def renew(self) -> None:
        self.lock = threading.RLock()


class AwaitedLock(RenewedLock):
    """A lock that a fork waits for: in the child it is free, and what it guards is consistent."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[int, threading.RLock] = {}  # by the threads that are forking
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self.wait, after_in_parent=self.go_on)

    def is_awaited(self) -> bool:
        """Whether this thread is forking, and has the lock."""
        return threading.get_ident() in self.held

    def wait(self) -> None:
        """Before a fork."""
        lock = self.lock
        if lock.acquire(timeout=PATIENCE):
            self.held[threading.get_ident()] = lock

    def go_on(self) -> None:
        """After a fork, in the parent."""
        lock = self.held.pop(threading.get_ident(), None)
        if lock is not None:
            lock.release()

    def renew(self) -> None:
        """In the child. (A block that forks inside of itself gives back the old lock at its end.)"""
        super().renew()
        self.held = {}
