"""Arguments that are nested lists and tuples of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.arrays.level import ATOMS

__all__ = ["assign", "contains", "frozen", "mapped"]


def frozen(value: Any) -> Any:
    """Copy the lists among nested arguments: an index that grows in a loop is not the one that was recorded."""
    if isinstance(value, list):
        return [frozen(v) for v in value]
    if type(value) is not tuple or ATOMS.issuperset(map(type, value)):
        return value
    return tuple([frozen(v) for v in value])


def assign(places: Any, values: Any, found: list[Any]) -> None:
    """Put each of `values`, which are nested as the numbers in `places`, at its number in `found`."""
    if type(places) is int:
        found[places] = values
    elif type(places) is list:
        for place, value in zip(places, values, strict=True):
            assign(place, value, found)


def contains(values: Any, kind: type) -> bool:
    """Whether nested lists and tuples have one of a kind among them."""
    if ATOMS.issuperset(map(type, values)):
        return False
    for value in values:
        if isinstance(value, kind) or (isinstance(value, (list, tuple)) and contains(value, kind)):
            return True
    return False


def mapped(value: Any, kind: type, of_kind: Callable[[Any], Any], of_others: Callable[[Any], Any] | None = None) -> Any:
    """Nested lists and tuples with `of_kind` of each of a kind, and `of_others` of all else.

    Without `of_others`, lists stay lists and tuples tuples; with it, both become lists.
    """
    if isinstance(value, kind):
        return of_kind(value)
    if isinstance(value, (list, tuple)):
        parts = [mapped(v, kind, of_kind, of_others) for v in value]
        if of_others is not None:
            return parts
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value if of_others is None else of_others(value)
