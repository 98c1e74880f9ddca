"""Walking once more, with gradients that carry a graph, where a pullback must know more than their values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from wengert.arrays.table import plain

__all__ = ["NeedsGraph", "current_walk", "is_second_walk", "walking_again"]

F = TypeVar("F", bound=Callable[..., Any])
current_walk: ContextVar[Any] = ContextVar("wengert.walk", default=None)  # the innermost one under way


class NeedsGraph(Exception):
    """Raised by a pullback that must know how its gradients depend on the results of its own call."""


def walking_again(as_variable: Callable[[Any], Any]) -> Callable[[F], F]:
    """Have a walk on arrays start again with gradients that carry a graph, where a pullback raises NeedsGraph.

    Only the outermost walk starts again: it alone knows how all gradients were computed. Its results are arrays.
    """

    def decorator(propagate: F) -> F:
        @functools.wraps(propagate)
        def walk(roots: Any, gradients: Any, differentiable: bool, retained: Any = None, **settings: Any) -> Any:
            try:
                return propagate(roots, gradients, differentiable, retained, **settings)
            except NeedsGraph:
                outer = current_walk.get()
                if differentiable or (outer is not None and not outer.differentiable):
                    raise
            gradients = [as_variable(gx) for gx in gradients]  # nothing was written yet
            found = propagate(roots, gradients, True, retained, again=True, **settings)
            for gradients_of in (retained or {}, found):
                gradients_of.update({x: plain(gx) for x, gx in gradients_of.items()})
            return found

        return walk  # type: ignore[return-value]

    return decorator


def is_second_walk() -> bool:
    """Whether gradients carry a graph only to find their values."""
    walk = current_walk.get()
    return walk is not None and walk.again
