"""Arguments that are nested lists and tuples of arrays."""

from __future__ import annotations

from typing import Any

__all__ = ["assign", "frozen"]


def frozen(value: Any) -> Any:
    """Copy the lists among nested arguments: an index that grows in a loop is not the one that was recorded."""
    if isinstance(value, list):
        return [frozen(v) for v in value]
    if type(value) is tuple and any(isinstance(v, (list, tuple)) for v in value):
        return tuple([frozen(v) for v in value])
    return value


def assign(places: Any, values: Any, found: list[Any]) -> None:
    """Put each of `values`, which are nested as the numbers in `places`, at its number in `found`."""
    if type(places) is int:
        found[places] = values
    elif type(places) is list:
        for place, value in zip(places, values, strict=True):
            assign(place, value, found)
