"""What a row of the table says of derivatives, and what a call keeps for them (see `wengert.core.numpy_call`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Kept", "Partial", "Plan", "Pullback"]


class Partial(NamedTuple):
    """A partial derivative: a number, or a function of the values in the places that it reads."""

    function: Any
    reads: tuple[int, ...] = ()


class Pullback(NamedTuple):
    """How the gradient with respect to one argument is computed."""

    function: Callable[..., Any]
    reads: frozenset[str] | None  # the names of the arrays it reads; None: all
    wants_result: bool


class Kept(NamedTuple):
    """What a call keeps for backward, beside its edges."""

    values: list[Any]  # all arguments, by place and then by name; of arrays that nothing reads, the shape
    by_place: int  # how many of them were given by place
    names: tuple[str, ...]  # the parameters that they were given for
    spots: list[tuple[int, Any, bool]]  # for each with Variables: its index, its edges (nested), whether unread
    result: Any  # where a pullback wants it
    shapes: Any  # of several results
    base: Any  # the index of the edge that the result is a view of; for several results, of each


class Plan(NamedTuple):
    """What is the same for all calls that have their Variables in the same places."""

    unread: list[bool]  # for each argument, whether no pullback reads it
    spots: list[tuple[int, Any, bool]]  # as those that are kept, where no list has Variables
    written_to: list[int]  # the arguments that NumPy would write to
    wants_result: bool
