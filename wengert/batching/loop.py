"""Functions that have no rule for Batched arrays: by their definition, or called for each example."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from wengert.arrays.batches import Level, each
from wengert.batching.batched import fallback, is_mapped, strip, wrap
from wengert.batching.examples import by_example
from wengert.checks.errors import BatchError
from wengert.checks.refusals import name_of
from wengert.custom.registration import DEFINITIONS, REFUSED

__all__ = ["function_call", "has_mapped", "stripped"]

# The functions whose definitions are running: one that calls the function itself again calls it on arrays.
defining: ContextVar[tuple[Any, ...]] = ContextVar("wengert.defining", default=())


def has_mapped(values: Any, level: Level) -> bool:
    """Whether a value among nested lists and tuples has another array for each example."""
    return any(is_mapped(x, level) or (isinstance(x, (list, tuple)) and has_mapped(x, level)) for x in values)


def stripped(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    """Call a function on arrays that are the same for each example."""
    given = [each(x, lambda v: strip(v, level)) for x in args]
    y = function(*given, **{name: each(x, lambda v: strip(v, level)) for name, x in kwargs.items()})
    return wrap(level, y, False)


def function_call(level: Level, function: Any, args: Any, kwargs: Any, has_rule: bool) -> Any:
    """Answer a call of a function that has no rule, or none for such arguments."""
    if not has_mapped((*args, *kwargs.values()), level):
        return stripped(level, function, args, kwargs)
    if function in REFUSED:
        raise TypeError(f"{name_of(function)} takes no arrays under vmap; write {REFUSED[function]}")
    definition = None if has_rule else DEFINITIONS.get(function)
    running = defining.get()
    if definition is not None and function not in running:
        token = defining.set((*running, function))
        try:
            return definition(*args, **kwargs)
        except BatchError:
            pass
        finally:
            defining.reset(token)
    return by_example(function, args, kwargs)


fallback["function"] = function_call
fallback["loop"] = lambda level, function, args, kwargs: by_example(function, args, kwargs)
