"""The memory of the arrays of a trace: what each holds at the moment, and which arrays share it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks.frames import user_line
from wengert.checks.mutation import owner
from wengert.compiler.graph.graph import Node

__all__ = ["InputMemory", "Memory", "check_own", "shares_memory"]


class Memory:
    """The memory of an array, and the node of the value that it holds at the moment."""

    __slots__ = ("array", "layout", "node", "start", "strides", "used", "version", "whole")

    def __init__(self, array: Any, node: Node) -> None:
        self.array, self.node, self.version = array, node, 0
        self.strides: Any = node.strides
        self.layout: Any = None  # its strides in elements, where they are not those of its node, which is in C order
        self.whole: Any = None  # a weak reference to a traced array of all of it, where views are all that was captured
        self.start: Any = None  # its address, once a view of it was recorded
        self.used = False  # of an input: whether the function has used the array in any way

    def save(self) -> None:
        """Copy the value of an input before it is written to."""


class InputMemory(Memory):
    """The memory of an input.

    Attributes
    ----------
    before : ndarray or None
        Of an input that was written to: a copy of its value before.
    """

    __slots__ = ("before", "input")

    def __init__(self, array: Any, node: Node) -> None:
        super().__init__(array, node)
        self.input = node
        self.before: Any = None

    def save(self) -> None:
        if self.before is None and self.array.flags.writeable:
            self.before = self.array.copy()


def shares_memory(result: np.ndarray, array: Any) -> bool:
    """Whether a result shares the memory of an array."""
    if not isinstance(array, np.ndarray):
        return False
    if result.base is None and array.base is None:  # (most are new arrays)
        return result is array
    memory = owner(result)
    # (Arrays made by as_strided refer to the original array indirectly.)
    if memory is owner(array) and not result.size:
        return True
    return (memory is owner(array) or not memory.flags.owndata) and np.may_share_memory(result, array)


def check_own(array: Any, fail: Callable[[str], None]) -> None:
    """Call `fail` if another library can write to the memory of a constant, as that of a tensor of PyTorch."""
    base = array.base
    if base is None or not array.flags.writeable:
        return
    while (further := getattr(base, "base", None)) is not None:
        base = further
    if not isinstance(base, np.ndarray) and not hasattr(base, "__array_interface__"):  # (as that of as_strided)
        fail(
            f"{user_line()} reads memory of {type(base).__module__}.{type(base).__qualname__}, whose changes are not "
            "seen; convert it outside of the function: np.array(a)"
        )
