"""Backward under ``create_graph`` for Functions written in plain NumPy.

Such a `backward` reads arrays: ``self.input.data``, ``self.output.data``, and what `forward` kept on
``self``. To differentiate it once more, it is run on a copy of the node where each of these is a
Variable instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.checks.errors import GraphError
from wengert.checks.functions import read_only
from wengert.core.function import Function, mark
from wengert.core.mode import no_grad, on_variables
from wengert.core.variable import Variable
from wengert.custom.state import attributes, copied, holds_arrays, merged, same, set_attributes

__all__ = ["DifferentiableInput", "copy_before_call", "fresh_copy", "names_kept", "pull_on_variables"]


class DifferentiableInput(Variable):
    """A Variable whose ``data`` is a Variable too, so that work on the data is recorded."""

    __slots__ = ("_differentiable",)

    _differentiable: Variable

    @classmethod
    def of(cls, x: Variable) -> DifferentiableInput:
        handle: DifferentiableInput = mark(x, cls)
        handle._differentiable = x
        return handle

    @property  # type: ignore[misc]  # a user's backward reads it, and nobody sets it
    def data(self) -> Any:
        """The Variable that stands for the array."""
        return self._differentiable


def copy_before_call(f: Function) -> dict[str, Any]:
    """Copy what is kept on `f` before its `forward` runs, deep enough to see what that changes."""
    return _copy(f, f, lambda array: array)


def names_kept(f: Function, before: dict[str, Any]) -> set[str]:
    """Name the attributes that `forward` has set, or filled, since `before`."""
    return {k for k, v in attributes(f).items() if k not in before or not same(before[k], v, {id(f)})}


def _copy(f: Function, to: Function, of_array: Callable[[Any], Any], values: Any = None) -> dict[str, Any]:
    values = attributes(f) if values is None else values
    memo = {id(f): to}
    return {k: copied(v, of_array, memo) for k, v in values.items()} if values else {}


def fresh_copy(f: Function) -> Function:
    """Copy a Function to be called for itself: neither call finds what the other keeps."""
    made = type(f).__new__(type(f))
    values = attributes(f)
    if not values:
        return made
    _, names = (f._notes or {}).get("kept") or (None, ())
    # An array that forward has made is its own; one that it was given may be a buffer to write into.
    made_by_call = {id(values[name]) for name in names if name in values}
    set_attributes(made, _copy(f, made, lambda a: a if id(a) in made_by_call or not a.flags.writeable else a.copy()))
    return made


def pull_on_variables(f: Function, gys: Any) -> Any:
    """Run `backward` of a recorded call on Variables; return the gradients as it gives them."""
    node = differentiable_copy(f)
    with on_variables(f.name):
        return node.backward(*gys)


def differentiable_copy(node: Function) -> Function:
    """Copy `node` so that its `backward` reads Variables where it would read arrays."""
    f = type(node).__new__(type(node))
    f._number, f._kept = node._number, node._kept
    f._edges = edges = tuple(DifferentiableInput.of(x) for x in node._edges)
    references = tuple(_always(DifferentiableInput.of(y)) for y in node.outputs)
    f._outputs = references if node.has_several_outputs else references[0]
    after = _copy(node, f, lambda array: array)
    # A __call__ of the user's own has not told what forward sets: each attribute may be.
    before, names = (node._notes or {}).get("kept", (after, ())) or (after, set(after))
    if holds_arrays(before):
        _refuse_written_arrays(node, f, before)
    set_attributes(f, after)
    if names:
        # forward kept arrays that may depend on the inputs: run it again on Variables
        set_attributes(f, _copy(node, f, read_only, before))
        with on_variables(node.name):
            f.forward(*[x.data for x in edges])
        values = attributes(f)
        memo: dict[int, Any] = {id(f): f}
        kept = {k: merged(after[k], values.get(k), f"{node.name}.{k}", memo) for k in names if k in after}
        set_attributes(f, {**after, **kept})
    return f


def _refuse_written_arrays(node: Function, f: Function, given: dict[str, Any]) -> None:
    """Raise GraphError if `forward` writes into arrays that it finds on self: they would carry no graph."""
    set_attributes(f, _copy(node, f, read_only, given))
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
