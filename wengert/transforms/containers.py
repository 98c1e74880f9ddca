"""Nested containers of arrays: dicts, lists, tuples, named tuples and None, taken apart and rebuilt."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from wengert.checks.errors import describe
from wengert.core.variable import Variable, array_of

__all__ = ["has_variable", "leaves", "leaves_of", "match", "rebuild", "values_of"]

LEAVES = frozenset((np.ndarray, Variable, float, int))  # the usual ones, told by their type alone


def children(tree: Any) -> list[tuple[str, Any]] | None:
    """Return the parts of a container, each with its accessor; None for leaves."""
    if type(tree) in LEAVES:
        return None
    if tree is None:
        return []
    if isinstance(tree, dict):
        return [(f"[{key!r}]", value) for key, value in tree.items()]
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return [(f".{name}", value) for name, value in zip(tree._fields, tree, strict=True)]
    if type(tree) in (list, tuple):
        return [(f"[{i}]", value) for i, value in enumerate(tree)]
    return None


def leaves(tree: Any, name: str = "") -> list[tuple[str, Any]]:
    """List the leaves in order, each with its name, as in ``x['w'][0]``.

    Examples
    --------
    >>> leaves({"w": [1.0, 2.0], "b": None}, "x")
    [("x['w'][0]", 1.0), ("x['w'][1]", 2.0)]
    """
    parts = children(tree)
    if parts is None:
        return [(name, tree)]
    return [leaf for place, part in parts for leaf in leaves(part, name + place)]


def parts_of(tree: Any) -> Any:
    """Return the parts of a container, without their names; None for leaves."""
    if tree is None:
        return ()
    if isinstance(tree, dict):
        return tree.values()
    return tree if type(tree) in (list, tuple) or (isinstance(tree, tuple) and hasattr(tree, "_fields")) else None


def leaves_of(tree: Any) -> list[Any]:
    """List the leaves in order, without their names.

    Examples
    --------
    >>> leaves_of({"w": [1.0, 2.0], "b": None})
    [1.0, 2.0]
    """
    parts = None if type(tree) in LEAVES else parts_of(tree)
    return [tree] if parts is None else [leaf for part in parts for leaf in leaves_of(part)]


def rebuild(tree: Any, values: Iterable[Any]) -> Any:
    """Rebuild the containers with other leaves.

    Examples
    --------
    >>> rebuild({"w": [1.0, 2.0], "b": None}, [3.0, 4.0])
    {'w': [3.0, 4.0], 'b': None}
    """
    return _rebuild(tree, iter(values))


def _rebuild(tree: Any, values: Iterator[Any]) -> Any:
    parts = None if type(tree) in LEAVES else parts_of(tree)
    if parts is None:
        return next(values)
    if tree is None:
        return None
    made = [_rebuild(part, values) for part in parts]
    if isinstance(tree, dict):
        same = copy.copy(tree)  # the same class, with its default factory
        same.update(zip(tree, made, strict=True))
        return same
    return type(tree)(*made) if hasattr(tree, "_fields") else type(tree)(made)


def match(like: Any, tree: Any, name: str) -> list[Any]:
    """List the leaves of `tree` in the order of those of `like`.

    None in place of a subtree is None for each leaf of it.

    Raises
    ------
    ValueError
        If the structures differ; `name` is for the message.
    """
    parts, others = children(like), children(tree)
    if tree is None:
        return [None] * len(leaves(like))
    if parts is None:
        if others is not None:
            raise ValueError(f"{name} must be an array, as its counterpart is, but is a {type(tree).__name__}")
        return [tree]
    keys, found = [place for place, _ in parts], dict(others or [])
    if like is None or others is None or isinstance(like, dict) != isinstance(tree, dict) or set(keys) != set(found):
        raise ValueError(
            f"{name} must be a {type(like).__name__} with the parts {', '.join(keys) or '(none)'}, as its counterpart "
            f"is, but is {describe(tree) if others is None else f'a {type(tree).__name__}'}"
            f"{'' if others is None else ' with ' + (', '.join(found) or 'none')}"
        )
    return [leaf for place, part in parts for leaf in match(part, found[place], name + place)]


def has_variable(*trees: Any) -> bool:
    """Whether a leaf is a Variable."""
    for tree in trees:
        if isinstance(tree, Variable):
            return True
        parts = None if type(tree) in LEAVES else parts_of(tree)
        if parts is not None and has_variable(*parts):
            return True
    return False


def values_of(tree: Any) -> Any:
    """Replace Variables by their arrays, and the user's own arrays by copies."""
    if tree is None or type(tree) in LEAVES:
        return value_of(tree)
    return rebuild(tree, map(value_of, leaves_of(tree)))


def value_of(leaf: Any) -> Any:
    if not isinstance(leaf, Variable):
        return leaf
    data = array_of(leaf)
    return data.copy() if data is not None and getattr(getattr(data, "flags", None), "writeable", False) else data
