"""After a fork: locks that threads of the parent held are free in the child, where there are none of these threads."""

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
    """Let ``holder.renew()`` be called in each child that this process forks, as long as the holder lives."""
    known.add(holder)


def forked() -> None:
    for holder in tuple(known):
        holder.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forked)
