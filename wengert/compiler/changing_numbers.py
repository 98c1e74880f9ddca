"""The numbers of a program that change from call to call: they are inputs of its plans, where others are constants."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import TYPE_CHECKING

import numpy as np

from wengert.compiler.capture.code_names import globals_in
from wengert.compiler.capture.object_graph import CACHED, is_of_library
from wengert.compiler.graph.equality import same

if TYPE_CHECKING:
    from wengert.compiler.capture.locations import Locations
    from wengert.compiler.capture.trace import Trace

__all__ = ["ChangingNumbers", "changed_numbers"]


class ChangingNumbers:
    """The numbers that are known to change, by their paths.

    Attributes
    ----------
    paths : frozenset of str
    """

    def __init__(self) -> None:
        self.paths: frozenset[str] = frozenset()

    def add(self, paths: Iterable[str]) -> bool:
        """Add paths; whether some are new."""
        known, self.paths = self.paths, self.paths | frozenset(paths)
        return len(self.paths) > len(known)

    def among(self, locations: Locations) -> frozenset[str]:
        """The paths of those that are inputs of a call with this state."""
        return frozenset() if not self.paths or needs_constants(locations) else self.paths


def changed_numbers(before: Trace, now: Locations) -> set[str]:
    """The paths of the numbers that have changed between two calls, and that were constants of the first."""
    inputs = {id(source.location) for source in before.sources if source.kind == "number"}
    known = {p.path: p.value for p in before.locations.scalars if id(p) not in inputs}
    return {
        p.path
        for p in now.scalars
        if type(p.value) is not bool
        and isinstance(p.value, (int, float, np.generic))
        and type(known.get(p.path)) is type(p.value)
        and not same(known[p.path], p.value)
    }


def needs_constants(locations: Locations) -> bool:
    """Whether numbers of the state must stay what they are.

    That is so where a function of the program asks for ``type(x)``, which says what a traced number is, or keeps
    results in a cache.
    """
    values = [p.value for p in locations.objects]
    functions = [f for f in values if type(f) is FunctionType and not is_of_library(f)]
    return any("type" in globals_in(f.__code__) for f in functions) or any(type(x) is CACHED for x in values)
