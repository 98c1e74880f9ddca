"""Calls without elements: what they give depends on shapes and dtypes alone, so it is a constant."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant
from wengert.compiler.graph.calls import Method, Mutation, get_item
from wengert.compiler.graph.graph import Node, fill
from wengert.compiler.lowering.definitions import OF_FUNCTIONS, OF_NUMPY
from wengert.compiler.lowering.selection_rules import SIZED, SIZED_TUPLES

__all__ = ["without_elements"]

LARGEST = 4096  # elements of a constant that a plan holds


def without_elements(
    node: Node, function: Any, operands: tuple[Node, ...], settings: dict[str, Any] | None = None
) -> Node | None:
    """The result of a call, if it has no elements or all its operands have none; else None.

    `settings` are those of the call, where `node` is one of its results.
    """
    shape = node.shape or ()
    if 0 in shape and not is_sized(function):
        return constant(np.empty(shape, node.dtype), node.line)
    if not operands or any(x.size or x.shape is None for x in operands) or node.size > LARGEST:
        return None
    if not isinstance(function, (np.ufunc, OF_NUMPY, Method, Mutation)) and function is not get_item:
        return None  # (of other functions it is not known that they depend on their arguments alone)
    if function in OF_FUNCTIONS:
        return None
    call = node.settings if settings is None else settings
    arrays = [np.empty(x.shape or (), x.dtype) for x in operands]
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = function(*fill(call["arguments"], arrays), **fill(call["keywords"], arrays))
            found = np.asarray(found if settings is None else found[node.settings["index"]])
    except Exception:  # noqa: BLE001  (whatever NumPy raises, it raises when the call is made)
        return None
    return constant(found, node.line) if (found.shape, found.dtype) == (node.shape, node.dtype) else None


def is_sized(function: Any) -> bool:
    """Whether the size of the result depends on values, so that a guard is needed."""
    try:
        return function in SIZED or function in SIZED_TUPLES
    except TypeError:  # (it is not hashable)
        return True
