"""Walking once more, with gradients that carry a graph, where a pullback must know more than their values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from wengert.arrays.table import plain

__all__ = ["NeedsGraph", "is_second_walk", "walking_again"]

ARRAYS, WITH_GRAPH, AGAIN = "on arrays", "with a graph", "again"
current_walk: ContextVar[str] = ContextVar("wengert.walk", default=WITH_GRAPH)  # the innermost walk under way


class NeedsGraph(Exception):
    """Raised by a pullback that must know how its gradients depend on the results of its own call."""


def walking_again(propagate: Callable[..., Any]) -> Callable[..., Any]:
    """Have a walk on arrays start again with gradients that carry a graph, where a pullback raises NeedsGraph.

    Only the outermost walk starts again: it alone knows how all gradients were computed. Its results are arrays.
    """

    @functools.wraps(propagate)
    def walk(roots: Any, gradients: Any, differentiable: bool, retained: Any = None, inputs: Any = ()) -> Any:
        roots, gradients = list(roots), list(gradients)
        is_inner = current_walk.get() == ARRAYS
        token = current_walk.set(WITH_GRAPH if differentiable else ARRAYS)
        try:
            try:
                return propagate(roots, gradients, differentiable, retained, inputs)
            except NeedsGraph:
                if differentiable or is_inner:
                    raise
            current_walk.set(AGAIN)
            found = propagate(roots, gradients, True, retained, inputs)
        finally:
            current_walk.reset(token)
        for gradients_of in (retained or {}, found):
            gradients_of.update({x: plain(gx) for x, gx in gradients_of.items()})
        return found

    return walk


def is_second_walk() -> bool:
    """Whether gradients carry a graph only to find their values."""
    return current_walk.get() == AGAIN
