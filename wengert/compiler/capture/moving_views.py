"""Views at places that only a call knows: ``a[k]``, ``a[:, k]``, ``a[k : k + 3]`` for integers that the plan computes.

NumPy makes a view. Its elements are in other places at each call, so that it is no view of a node, but a call: a
gather, computed again after each write to the memory. What is written through it is a write to the array at the index.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.level import TRACED, level_of
from wengert.compiler.capture.indices import is_basic
from wengert.compiler.capture.memory import shares_memory
from wengert.compiler.graph.calls import calling
from wengert.compiler.graph.graph import Node, Slot, c_strides

__all__ = ["MovingView", "PartOfMovingView", "moving_view", "with_positions"]


class MovingView:
    """Computes the node of a view of a traced array, at an index in which integers are traced.

    Attributes
    ----------
    base, index
        The array, and the index.
    """

    def __init__(self, base: Any, index: Any, call: Node) -> None:
        self.base, self.index, self.call = base, index, call
        self.indices = [(node, value) for node, value in indices_of(index)]

    def __call__(self) -> Node:
        call = self.call
        operands = (self.base.node, *call.operands[1:])
        return Node("call", operands, call.settings, call.shape, call.dtype, line=call.line)

    def fix(self) -> None:
        """Let the plan be for these places: the view itself leaves the call."""
        for node, value in self.indices:
            self.base.tape.guard(node, value, self.call.line)


class PartOfMovingView:
    """Computes the node of a view of such a view."""

    def __init__(self, whole: Any, rebuild: Callable[[], Node]) -> None:
        self.rebuild, self.fix = rebuild, whole.fix

    def __call__(self) -> Node:
        return self.rebuild()


def indices_of(index: Any) -> list[tuple[Node, Any]]:
    """The nodes and values of what is traced in an index."""
    found: list[tuple[Node, Any]] = []
    for part in index if isinstance(index, tuple) else (index,):
        given = (part.start, part.stop, part.step) if isinstance(part, slice) else (part,)
        traced = [x for x in given if level_of(x) == TRACED]
        found += [(x.node, x.value if type(x.value) in (int, float) else np.array(x.value)) for x in traced]
    return found


def has_moving_place(index: Any) -> bool:
    """Whether integers in an index are traced, and no bounds of slices: these decide about the shape."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(level_of(part) == TRACED for part in parts) and not any(map(is_moving, parts))


def moving_view(tape: Any, result: np.ndarray, node: Node, base: Any, index: Any) -> Any:
    """The traced array of a view at integers that the plan computes; None if it is none."""
    memory = base.memory
    if not has_moving_place(index) or not shares_memory(result, memory.array) or memory.layout is not None:
        return None
    node.shape, node.dtype, node.strides = result.shape, result.dtype, c_strides(result.shape)
    found = tape.traced(tape, result, memory)
    found.viewed = base if base.value is memory.array else base.viewed
    found.rebuild_node = MovingView(base, index, node)
    return found


def is_moving(part: Any) -> bool:
    """Whether a part of an index is a slice of which a bound is traced."""
    return type(part) is slice and any(level_of(x) == TRACED for x in (part.start, part.stop, part.step))


def with_positions(array: Any, index: Any) -> Any:
    """A view of an array, and an index of it with integers in place of a slice whose bounds the plan computes.

    Guards see to it that the slice has this length. None where there is no such slice, or where integers would not
    select what the slice does.
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    moving = [i for i, part in enumerate(parts) if is_moving(part)]
    if len(moving) != 1:
        return None
    place = moving[0]
    part, parts[place] = parts[place], slice(None)
    if not is_basic(tuple(parts)) or level_of(part.step) == TRACED or part.step not in (None, 1):
        return None
    if level_of(part.start) != TRACED:  # (only the end moves, and with it the length)
        return None
    view = array[tuple(parts)]
    after = [p for p in parts[place + 1 :] if not isinstance(p, (int, np.integer))]
    if Ellipsis in [p for p in parts[:place] if not isinstance(p, slice)]:
        axis = view.ndim - len(after) - 1
    else:
        axis = sum(not isinstance(p, (int, np.integer)) for p in parts[:place])
    length = view.shape[axis]
    start, stop = value_of(part.start), length if part.stop is None else value_of(part.stop)
    if not 0 <= start < stop <= length:  # (a bound counts from the end, or is cut off)
        return None
    tape, end = array.tape, length if part.stop is None else part.stop
    size = end - part.start
    if level_of(size) == TRACED:
        tape.guard(size.node, stop - start)
    tape.guard(condition(np.greater_equal, part.start, 0), True)
    if level_of(end) == TRACED:
        tape.guard(condition(np.less_equal, end, length), True)
    positions = np.add(part.start, tape.created(np.arange(stop - start)))
    return view, (*(slice(None),) * axis, positions)


def condition(ufunc: Any, x: Any, number: int) -> Node:
    return Node("call", (x.node,), calling(ufunc, Slot(0), number), (), np.bool_)


def value_of(x: Any) -> Any:
    return int(x.value) if level_of(x) == TRACED else x
