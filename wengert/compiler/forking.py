"""Locks after a fork: the child has none of the threads that held locks in the parent, so it makes new ones."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["renewed_after_fork"]


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
