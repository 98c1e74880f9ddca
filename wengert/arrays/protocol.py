"""NumPy's protocol for functions of our own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from wengert.arrays.values import is_foreign

__all__ = ["through_protocol"]

ndarray = np.ndarray
F = TypeVar("F", bound=Callable[..., Any])


@functools.lru_cache(256)
def rank(kind: type) -> tuple[int, int]:
    """How early an argument of a type is asked: by its level, then by how far it is derived."""
    level = getattr(kind, "__array_level__", 0)
    return level if type(level) is int else 0, len(kind.__mro__)


def in_lists(values: Any, nested: bool) -> Iterator[Any]:
    """What is in a list or tuple; with `nested`, also in those in it."""
    for value in values:
        if nested and isinstance(value, (list, tuple)):
            yield from in_lists(value, nested)
        else:
            yield value


def through_protocol(function: F, prepare: Callable[[Any, Any], Any] | None = None) -> F:
    """Let a function be answered as NumPy's are: an argument that speaks the protocol finds it in the table.

    `prepare` is given the arguments where one of them is an ndarray of another subclass, or of no numbers, or NumPy
    converts it, and returns those to call with in their place, or raises. Where there is one, nested lists stand for
    arrays.
    """

    @functools.wraps(function)
    def public(*args: Any, **kwargs: Any) -> Any:
        asked: list[Any] = []
        for arg in (*args, *kwargs.values()) if kwargs else args:
            if type(arg) is ndarray and (prepare is None or arg.dtype.kind in "biufc"):
                continue
            for value in in_lists(arg, prepare is not None) if isinstance(arg, (list, tuple)) else (arg,):
                if isinstance(value, ndarray):  # its own __array_function__ would call `public` again, for ever
                    if prepare is not None and (type(value) is not ndarray or value.dtype.kind not in "biufc"):
                        args, kwargs = prepare(args, kwargs)
                        return public(*args, **kwargs)
                elif hasattr(value, "__array_function__"):
                    asked.append(value)
                elif prepare is not None and is_foreign(value):
                    args, kwargs = prepare(args, kwargs)
                    return public(*args, **kwargs)
        if len(asked) > 1:  # the highest level first; subclasses before their bases, as NumPy does
            asked.sort(key=lambda value: rank(type(value)), reverse=True)  # type: ignore[arg-type]
        for value in asked:
            answer = value.__array_function__(public, (type(value),), args, kwargs)
            if answer is not NotImplemented:
                return answer
        return function(*args, **kwargs)

    public.__wrapped__ = function
    return public  # type: ignore[return-value]
