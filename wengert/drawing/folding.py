"""Groups of a large graph: the layers of the model, or else stretches of calls, as boxes that open and close.

The graph does not know which layer has made a call, but it knows whose parameters a call takes. A call without
parameters, between two calls of one layer, is of this layer; between two layers it is of the block that both are in.
So each layer is a stretch of calls that follow each other, and no arrow leads back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from wengert.drawing.diagram import Group

__all__ = ["Folded", "layers_of", "stretches"]

STRETCH = 40  # calls


class Folded(NamedTuple):
    """Groups, parents first, and the group of each call, by its place in their order."""

    groups: dict[str, Group]
    of: list[str]


def layers_of(calls: Sequence[Any], names: dict[int, str]) -> Folded:
    """Group calls by the layers whose parameters they take; `names` are those of parameters, by id."""
    owners: list[Any] = []
    for f in calls:
        paths = [names[id(edge)].split(".")[:-1] for edge in f._edges if id(edge) in names]
        owners.append(common(paths) if paths else None)
    following: list[Any] = [[]] * len(owners)
    ahead: list[str] = []
    for i in range(len(owners) - 1, -1, -1):
        ahead = owners[i] if owners[i] is not None else ahead
        following[i] = ahead
    before: list[str] = []
    paths = []
    for owner, after in zip(owners, following, strict=True):
        before = owner if owner is not None else before
        paths.append(owner if owner is not None else common([before, after]))
    folded = Folded({}, [""] * len(calls))
    split(folded, paths, 0, len(paths), 0, "")
    return folded


def common(paths: Sequence[list[str]]) -> list[str]:
    """The names with which all paths begin.

    Examples
    --------
    >>> common([["blocks", "0", "attn"], ["blocks", "0", "mlp"]])
    ['blocks', '0']
    """
    first, *others = paths
    n = 0
    while n < len(first) and all(path[n : n + 1] == first[n : n + 1] for path in others):
        n += 1
    return first[:n]


def split(folded: Folded, paths: list[list[str]], start: int, end: int, depth: int, parent: str) -> None:
    """Make a group of each run of calls whose paths have the same name at a depth."""
    i = start
    while i < end:
        run = i + 1
        if len(paths[i]) > depth:
            while run < end and paths[run][: depth + 1] == paths[i][: depth + 1]:
                run += 1
            name = f"g{len(folded.groups) + 1}"
            folded.groups[name] = Group(".".join(paths[i][: depth + 1]), "call", parent)
            folded.of[i:run] = [name] * (run - i)
            split(folded, paths, i, run, depth + 1, name)
        i = run


def stretches(calls: Sequence[Any]) -> Folded:
    """Group calls of a graph without layers."""
    folded = Folded({}, [""] * len(calls))
    for k, start in enumerate(range(0, len(calls), STRETCH), 1):
        end = min(start + STRETCH, len(calls))
        folded.groups[f"g{k}"] = Group(f"calls {start + 1} to {end}", "call")
        folded.of[start:end] = [f"g{k}"] * (end - start)
    return folded
