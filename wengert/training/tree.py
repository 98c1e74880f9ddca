"""Serialization of nested states: arrays by name, and JSON for the rest."""

from typing import Any

import numpy as np

from wengert.checks.errors import describe

__all__ = ["pack", "unpack"]

MARK = "__array__"


def pack(tree: Any, name: str, arrays: dict[str, Any]) -> Any:
    """Return the JSON part of `tree`, and store its arrays in `arrays` by path.

    Examples
    --------
    >>> import numpy as np
    >>> arrays = {}
    >>> pack({"epoch": 3, "order": np.array([1, 0])}, "loader", arrays)
    {'epoch': 3, 'order': {'__array__': 'loader.order'}}
    >>> arrays
    {'loader.order': array([1, 0])}
    """
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    if isinstance(tree, (np.ndarray, np.generic)):
        if name in arrays:
            raise ValueError(f"two arrays of a state are both called {name!r}; rename one")
        arrays[name] = np.asarray(tree)
        return {MARK: name}
    if isinstance(tree, (list, tuple)):
        return [pack(each, f"{name}.{number}", arrays) for number, each in enumerate(tree)]
    if isinstance(tree, dict) and all(isinstance(key, str) for key in tree):
        if MARK in tree:
            raise ValueError(f"{name} has the key {MARK!r}, which stands for arrays; rename it")
        return {key: pack(each, f"{name}.{key}", arrays) for key, each in tree.items()}
    raise TypeError(
        f"a state consists of arrays, numbers, strings, lists, and dicts with strings as keys, "
        f"but {name} is {describe(tree)}"
    )


def unpack(tree: Any, arrays: dict[str, Any]) -> Any:
    """Rebuild a state from the results of `pack`.

    Raises
    ------
    ValueError
        If an array is missing.
    """
    if isinstance(tree, list):
        return [unpack(each, arrays) for each in tree]
    if not isinstance(tree, dict):
        return tree
    if MARK not in tree:
        return {key: unpack(each, arrays) for key, each in tree.items()}
    if tree[MARK] not in arrays:
        raise ValueError(f"the array {tree[MARK]!r} is missing")
    return arrays[tree[MARK]]
