"""The steps of a graph: the values that its calls gave, and the gradients of the engine's walk, as they come.

Nothing is computed in another way than `backward` does: the walk is the engine's own, and each gradient is copied.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from wengert.arrays.table import plain
from wengert.arrays.values import ShapeDtype
from wengert.checks.errors import describe
from wengert.checks.second_walk import NeedsGraph
from wengert.core import backprop
from wengert.core.elementwise import Elementwise
from wengert.core.function import Function
from wengert.core.mode import changed, current_mode
from wengert.core.node import maker_of
from wengert.core.numpy_call import NumPyCall
from wengert.core.variable import Variable, array_of, as_variable, gradient_dtype
from wengert.drawing.summaries import elements

__all__ = ["Step", "backward_steps", "values_of"]

UNKNOWN: Any = None


class Step(NamedTuple):
    """A call (None at the start), and the gradients that it has given so far to the values at its edges."""

    call: Any
    gradients: list[tuple[Any, Any]]  # the edge, and a copy of the gradient


def values_of(functions: list[Any], roots: list[Variable]) -> dict[tuple[int, int], Any]:
    """The results of calls, by the id of the call and the place of the result; None where nothing has kept one.

    A result that backward does not need was released. It is computed once more where the call has kept all arguments.
    """
    alive = {id(maker_of(x)): x for f in functions for x in f._edges if isinstance(x, Variable)}  # (one result each)
    alive |= {id(maker_of(x)): x for x in roots}
    found: dict[tuple[int, int], Any] = {}
    for f in functions:
        references = f._outputs if f.has_several_outputs else (f._outputs,)
        for i, reference in enumerate(references):
            y = None if reference is None else reference()
            if y is None and not f.has_several_outputs:
                y = alive.get(id(f))
            array = f.kept_output(i) if y is None else array_of(y)
            if array is None and not f.has_several_outputs:
                array = computed_again(f, found)
            found[id(f), i] = array
    return found


def computed_again(f: Any, values: dict[tuple[int, int], Any]) -> Any:
    """Compute the result of a call of NumPy; None where an argument is unknown."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if isinstance(f, Elementwise):
                arguments = [value_at(edge, values) for edge in f._edges]
                y = f.ufunc(*arguments) if all(a is not UNKNOWN for a in arguments) else UNKNOWN
            elif isinstance(f, NumPyCall) and getattr(type(f).function, "__module__", "").startswith("numpy"):
                y = called_again(f, values)
            else:
                return UNKNOWN
    except (TypeError, ValueError, ArithmeticError, IndexError):
        return UNKNOWN
    form = (getattr(f, "shape", None), getattr(f, "dtype", None))  # (noted of a result that was released)
    return y if (getattr(y, "shape", None), getattr(y, "dtype", None)) == form else UNKNOWN


def called_again(f: Any, values: dict[tuple[int, int], Any]) -> Any:
    """Call a function of NumPy with the arguments that its record has kept."""
    arguments, by_place, names = f._kept.values.copy(), f._kept.by_place, f._kept.names
    for i, places, _ in f._kept.spots:
        arguments[i] = nested(places, f._edges, values)
    if any(is_unknown(a) for a in arguments):
        return UNKNOWN
    kwargs = dict(zip(names[by_place:], arguments[by_place:], strict=True))
    return type(f).function(*arguments[:by_place], **kwargs)


def nested(places: Any, edges: Any, values: dict[tuple[int, int], Any]) -> Any:
    """The argument at places of edges: an index, a constant in a tuple, or a list of these."""
    if type(places) is int:
        found = value_at(edges[places], values)
        return MISSING if found is UNKNOWN else found
    return [nested(p, edges, values) for p in places] if type(places) is list else places[0]


MISSING = ShapeDtype((), np.dtype(float))  # in place of an argument: what stands for an array that was not kept


def is_unknown(argument: Any) -> bool:
    if isinstance(argument, list):
        return any(map(is_unknown, argument))
    return isinstance(argument, ShapeDtype)


def value_at(edge: Any, values: dict[tuple[int, int], Any]) -> Any:
    """The value at an edge: a constant is its own."""
    if isinstance(edge, Variable):
        return array_of(edge)
    return values.get((id(edge), 0)) if isinstance(edge, Function) else edge


class CopyingWalk(backprop.Walk):
    """A walk that copies each gradient when it has changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.steps: list[Step] = []
        super().__init__(*args, **kwargs)

    def add(self, edges: Any, gxs: Any, f: Any) -> None:
        edges = list(edges)
        super().add(edges, gxs, f)
        step = Step(f, [])
        for edge in edges:
            if isinstance(edge, (Variable, Function)):
                maker = maker_of(edge)
                key = edge if maker is None or maker.has_several_outputs else maker._number
                if key in self.gradients:
                    step.gradients.append((edge, elements(plain(self.gradients[key])).copy()))
        self.steps.append(step)

    def _retain(self, f: Any, gys: Any, retained: Any) -> None:
        """Nothing is retained: the steps have it."""


def backward_steps(root: Variable) -> list[Step] | str:
    """Walk back from a value as ``root.backward()`` does; say why not where that raises.

    No `grad` is written. Hooks on values are called, because what they return is part of the gradient.
    """
    if array_of(root) is None or root.dtype.kind != "f":
        return f"backward starts from real values, but got {describe(root)}"
    start = np.ones(root.shape, gradient_dtype(root.dtype))
    try:
        try:
            return walked(root, start, False)
        except NeedsGraph:
            return walked(root, as_variable(start), True)
    except (TypeError, ValueError, ArithmeticError, RuntimeError, NotImplementedError, IndexError) as error:
        return f"backward raised {type(error).__name__}: {error}"


def walked(root: Variable, start: Any, again: bool) -> list[Step]:
    """Walk with or without gradients that carry a graph; the last step has the gradients of all leaves."""
    mode = current_mode.get()
    token = current_mode.set(changed(mode, record=again, debug=False))
    try:
        with np.errstate(all="ignore"):
            walk = CopyingWalk(again, [root], [start], again=again)
            walk.run({None: None}, False)  # (with gradients to retain, none is overwritten)
            if walk.singular or walk.unchecked:
                backprop.singular.finish(walk, list(walk.gradients))
            leaves = walk.leaves()
    finally:
        current_mode.reset(token)
    return [*walk.steps, Step(None, [(x, elements(plain(gx)).copy()) for x, gx in leaves.items()])]
