"""Calls that give the same each time, so constants: those without elements, and those of no array of the run."""

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
LARGEST_CREATED = 1 << 20
FILLED: set[Any] = {np.zeros, np.ones, np.empty}
CREATING: set[Any] = {*FILLED, np.full, np.eye, np.identity, np.tri, np.arange, np.linspace}


def without_elements(
    node: Node, function: Any, operands: tuple[Node, ...], settings: dict[str, Any] | None = None
) -> Node | None:
    """The result of a call, if it has no elements or all its operands have none; else None.

    `settings` are those of the call, where `node` is one of its results.
    """
    shape = node.shape or ()
    if not operands:
        return created(node, function) if settings is None else None
    if 0 in shape and not is_sized(function):
        return constant(np.empty(shape, node.dtype), node.line)
    if any(x.size or x.shape is None for x in operands) or node.size > LARGEST:
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


def created(node: Node, function: Any) -> Node | None:
    """An array that a function makes of numbers alone."""
    if type(function).__hash__ is None or function not in CREATING or node.size > LARGEST_CREATED:
        return None
    arguments, keywords = node.settings["arguments"], node.settings["keywords"]
    if function in FILLED and node.size > 1:  # (one value is stored once, whatever the shape)
        part = np.asarray(int(function is np.ones), node.dtype)
        return constant(np.broadcast_to(part, node.shape or ()), node.line)
    found = function(*arguments, **keywords)
    return constant(found, node.line) if (found.shape, found.dtype) == (node.shape, node.dtype) else None


def is_sized(function: Any) -> bool:
    """Whether the size of the result depends on values, so that a guard is needed."""
    try:
        return function in SIZED or function in SIZED_TUPLES
    except TypeError:  # (it is not hashable)
        return True
