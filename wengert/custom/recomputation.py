"""Recomputation: what `wengert.checkpoint` computes again is told apart from what was computed before."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

__all__ = ["Run", "count_run", "current_run", "recomputing"]


class Run(NamedTuple):
    """Where a program computes, with regard to functions under `wengert.checkpoint`.

    Attributes
    ----------
    again : int
        The number of the second run of a function, in `backward`; 0 outside of second runs. A compiler that took a
        value of it for an equal one of the first run would keep that until then.
    begun : int
        How many first and second runs were begun: where it grows, a part of the program begins.
    """

    again: int
    begun: int


NONE = Run(0, 0)
current_run: ContextVar[Run] = ContextVar("wengert.current_run", default=NONE)


def count_run() -> None:
    """Count a run that begins."""
    run = current_run.get()
    current_run.set(Run(run.again, run.begun + 1))


@contextmanager
def recomputing() -> Iterator[None]:
    """Make what is computed inside of the block a second run."""
    before = current_run.get()
    number = before.begun + 1
    current_run.set(Run(number, number))
    try:
        yield
    finally:
        current_run.set(Run(before.again, current_run.get().begun))
