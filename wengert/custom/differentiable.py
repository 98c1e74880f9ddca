"""Backward under ``create_graph`` for Functions written in plain NumPy.

Such a `backward` reads arrays: ``self.input.data``, ``self.output.data``, and what `forward` kept on
``self``. To differentiate it once more, it is run on a copy of the node where each of these is a
Variable instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.arrays.aliases import initial
from wengert.checks.conversions import on_variables
from wengert.checks.errors import GraphError
from wengert.checks.functions import read_only
from wengert.core.function import Function
from wengert.core.variable import Variable
from wengert.custom.marks import mark
from wengert.custom.modes import no_grad
from wengert.custom.state import attributes, copy_attributes, holds_arrays, merged, set_attributes

__all__ = ["DifferentiableInput", "differentiable_copy"]


class DifferentiableInput(Variable):
    """A Variable whose ``data`` is a Variable too, so that work on the data is recorded."""

    __slots__ = ("_differentiable",)

    _differentiable: Variable

    @classmethod
    def of(cls, x: Variable) -> DifferentiableInput:
        handle: DifferentiableInput = mark(x, cls)
        handle._differentiable = initial(x)
        return handle

    @property  # type: ignore[misc]  # read by a user's backward, never set
    def data(self) -> Any:
        """The Variable that stands for the array."""
        return self._differentiable


def differentiable_copy(node: Function) -> Function:
    """Copy `node` so that its `backward` reads Variables where it would read arrays."""
    f = type(node).__new__(type(node))
    f._number, f._kept = node._number, node._kept
    f._edges = edges = tuple(DifferentiableInput.of(x) for x in node._edges)
    references = tuple(_always(DifferentiableInput.of(y)) for y in node.outputs)
    f._outputs = references if node.has_several_outputs else references[0]
    after = copy_attributes(node, f, lambda array: array)
    # A __call__ of the user's own has not told what forward sets: each attribute may be.
    before, names = (node._notes or {}).get("kept", (after, ())) or (after, set(after))
    if holds_arrays(before):
        _refuse_written_arrays(node, f, before)
    set_attributes(f, after)
    if names:
        # forward kept arrays that may depend on the inputs: run it again on Variables
        set_attributes(f, copy_attributes(node, f, read_only, before))
        with on_variables(node.name):
            f.forward(*[x.data for x in edges])
        values = attributes(f)
        memo: dict[int, Any] = {id(f): f}
        kept = {k: merged(after[k], values.get(k), f"{node.name}.{k}", memo) for k in names if k in after}
        set_attributes(f, {**after, **kept})
    return f


def _refuse_written_arrays(node: Function, f: Function, given: dict[str, Any]) -> None:
    """Raise GraphError if `forward` writes into arrays that it finds on self: they would carry no graph."""
    set_attributes(f, copy_attributes(node, f, read_only, given))
    try:
        with no_grad():
            f.forward(*[read_only(x._data) for x in node._edges])
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise GraphError(
            f"create_graph runs forward of {node.name} again on Variables, but it writes into an array on self, "
            "where the graph would be lost; set a new one instead: self.buffer = x * 2"
        ) from error


def _always(value: Any) -> Callable[[], Any]:
    return lambda: value
