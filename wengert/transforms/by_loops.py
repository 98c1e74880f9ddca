"""Derivatives of a vmap at a singular point of one of its examples: its function is called for each of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from wengert.arrays.batches import running
from wengert.checks.errors import BatchError

__all__ = ["again_by_loops", "by_loops"]

F = TypeVar("F", bound=Callable[..., Any])
by_loops: ContextVar[bool] = ContextVar("wengert.by_loops", default=False)  # whether vmaps run as loops


def again_by_loops(transform: F) -> F:
    """Have a transform run again, with vmaps as loops, where a walk asked for a value that differs between examples.

    Inside of a vmap that is left to it.
    """

    @functools.wraps(transform)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return transform(*args, **kwargs)
        except BatchError as error:
            if not error.in_walk or running.get() or by_loops.get():
                raise
        token = by_loops.set(True)
        try:
            return transform(*args, **kwargs)
        finally:
            by_loops.reset(token)

    return called  # type: ignore[return-value]
