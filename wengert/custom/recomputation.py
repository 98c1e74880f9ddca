"""Recomputation: what `wengert.checkpoint` computes again is told apart from what was computed before."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["recomputation", "recomputing"]

# The number of the second run, of a function under `wengert.checkpoint`, that computes now; 0 outside of them. A
# compiler that took a value of it for an equal one of the first run would keep that until then.
recomputation: ContextVar[int] = ContextVar("wengert.recomputation", default=0)
numbers = itertools.count(1)


@contextmanager
def recomputing() -> Iterator[None]:
    """Number what is computed inside of the block."""
    token = recomputation.set(next(numbers))
    try:
        yield
    finally:
        recomputation.reset(token)
