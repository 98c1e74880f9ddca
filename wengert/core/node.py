"""Node: one recorded call in the graph, with edges to what it was computed from."""

from __future__ import annotations

import itertools
from typing import Any, Self
from weakref import ref

import numpy as np

from wengert.arrays.values import ShapeDtype
from wengert.checks import functions, mutation

__all__ = ["Node", "edge_without_value", "link_output", "maker_of", "next_number", "watch_writes"]

# Each recorded call takes the next number: walking numbers downwards is a reverse topological order.
next_number = itertools.count(1).__next__
new = object.__new__
new_tuple = tuple.__new__  # (of a NamedTuple, in half the time)
ndarray = np.ndarray


class Node:
    """A recorded call: what its gradients go to, and what computing them needs.

    The names of its fields begin with ``_``, because the class of a Function is its user's: ``self.kept = x`` in a
    `forward` must not meet a field of the engine.
    """

    # _edges    what the gradients go to, in order: a Variable, the Node whose one output was taken
    #           (see `edge_without_value`), or, for a NumPy call, a constant; None if nothing was recorded
    # _number   the moment of the call
    # _outputs  a weak reference to the output, or a tuple of them; weak, so that there is no cycle
    # _kept     what the call has to keep for backward beside its edges
    # _notes    hooks and name of the output, the line that called (debug), made when there are any
    # shape, dtype of the one output, once somebody has asked for an edge without its value
    __slots__ = ("__weakref__", "_edges", "_kept", "_notes", "_number", "_outputs", "dtype", "shape")

    # accumulate(walk, gy) does what `pull` does where gradients are plain arrays, in place: see `wengert.writes`
    accumulate: Any = None
    takes_constants: Any = False  # whether `pull` takes an array for a gradient also where it is differentiable
    _edges: Any
    _kept: Any
    _notes: dict[str, Any] | None
    _number: int
    _outputs: Any
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = new(cls)
        self._number = 0
        self._edges = self._outputs = self._kept = self._notes = None
        return self

    @property
    def name(self) -> str:
        """The name of the class."""
        return type(self).__name__

    @property
    def has_several_outputs(self) -> bool:
        """Whether the call gave a tuple."""
        return type(self._outputs) is tuple

    def pull(self, gys: Any, differentiable: bool) -> Any:
        """Return a gradient for each edge, or None, given that with respect to the output (a tuple for several).

        With `differentiable`, all values are Variables, so that the gradients carry a graph.
        """
        raise NotImplementedError

    def kept_output(self, position: int) -> Any:
        """The array of an output, or None where backward does not need it."""
        return None

    def output_shapes(self) -> list[tuple[tuple[int, ...], Any]]:
        """Shape and gradient dtype of each of several outputs."""
        raise NotImplementedError

    def value_at(self, edge: Any, is_read: bool, differentiable: bool) -> Any:
        """What a rule is given of an edge: an array or Variable; of one that it does not read, shape and dtype."""
        if not is_read:
            if isinstance(edge, Node):
                return new_tuple(ShapeDtype, (edge.shape, edge.dtype))
            if edge._notes is not None:
                self.check_form(edge)
            return new_tuple(ShapeDtype, (edge._data.shape, edge._data.dtype))
        if edge._notes is not None:
            edge = self.check_unchanged(edge)
        return edge if differentiable else edge._data

    def constant_at(self, value: Any) -> Any:
        """What a rule is given of a constant that the call has recorded."""
        if mutation.WRITTEN:
            self.check_unwritten(value, value)
        return value

    def link(self, x: Any) -> None:
        """Become the creator of the Variable `x`, which a program sets by hand."""
        functions.check_creator(self, x)
        x._creator = self
        link_output(self, x)

    check_edges = mutation.check_edges
    check_unchanged = mutation.check_unchanged
    check_unwritten = mutation.check_unwritten
    check_form = mutation.check_form


def edge_without_value(x: Any) -> Any:
    """Return the edge to a Variable whose value backward does not need.

    It is the creator (for one of several outputs, `x` itself): the graph stays connected, and the
    array of `x` is freed as soon as there is no other reference to `x`. (A sum of two products keeps neither.)
    """
    f = x._creator
    outputs = f._outputs
    if type(outputs) is tuple:
        return x
    if outputs is None:
        link_output(f, x)
    return f


def link_output(f: Node, x: Any) -> None:
    """Tell a call about its one output; most calls are never asked for it."""
    f._outputs = ref(x)
    f.shape, f.dtype = x._data.shape, x._data.dtype


def watch_writes(x: Any) -> Any:
    """Have `check_unchanged` look at a Variable, because it may share memory that is written to."""
    if x._notes is None:
        x._notes = {}
    return x


def maker_of(edge: Any) -> Any:
    """Return the Node that an edge leads to; None for a leaf or a constant."""
    return edge if isinstance(edge, Node) else getattr(edge, "_creator", None)
