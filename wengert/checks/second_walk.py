"""Walking once more, with gradients that carry a graph, where a pullback must know more than their values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from wengert.arrays.table import plain

__all__ = ["NeedsGraph", "is_second_walk", "walking_again"]

F = TypeVar("F", bound=Callable[..., Any])
ARRAYS, WITH_GRAPH, AGAIN = "on arrays", "with a graph", "again"
walk_kind: ContextVar[str] = ContextVar("wengert.walk", default=WITH_GRAPH)  # the innermost walk under way


class NeedsGraph(Exception):
    """Raised by a pullback that must know how its gradients depend on the results of its own call."""


def walking_again(as_variable: Callable[[Any], Any]) -> Callable[[F], F]:
    """Have a walk on arrays start again with gradients that carry a graph, where a pullback raises NeedsGraph.

    Only the outermost walk starts again: it alone knows how all gradients were computed. Its results are arrays.
    """

    def decorator(propagate: F) -> F:
        @functools.wraps(propagate)
        def walk(
            roots: Any, gradients: Any, differentiable: bool, retained: Any = None, inputs: Any = (), **settings: Any
        ) -> Any:
            roots, gradients = list(roots), list(gradients)
            is_inner = walk_kind.get() == ARRAYS
            token = walk_kind.set(WITH_GRAPH if differentiable else ARRAYS)
            try:
                try:
                    return propagate(roots, gradients, differentiable, retained, inputs, **settings)
                except NeedsGraph:
                    if differentiable or is_inner:
                        raise
                walk_kind.set(AGAIN)  # nothing was written yet
                gradients = [as_variable(gx) for gx in gradients]
                found = propagate(roots, gradients, True, retained, inputs, **settings)
            finally:
                walk_kind.reset(token)
            for gradients_of in (retained or {}, found):
                gradients_of.update({x: plain(gx) for x, gx in gradients_of.items()})
            return found

        return walk  # type: ignore[return-value]

    return decorator


def is_second_walk() -> bool:
    """Whether gradients carry a graph only to find their values."""
    return walk_kind.get() == AGAIN
