"""Calling a Function that its user wrote in plain NumPy, and asking it for gradients."""

from __future__ import annotations

from typing import Any
from weakref import ref

from wengert.arrays.batches import BY_EXAMPLE
from wengert.arrays.level import BATCHED, level_of
from wengert.arrays.table import FUNCTIONS
from wengert.checks import debug, functions
from wengert.checks.conversions import on_variables
from wengert.checks.functions import read_only
from wengert.core.function import Function
from wengert.core.mode import current_mode
from wengert.core.node import link_output, next_number, watch_writes
from wengert.core.variable import annotate, attach, unrecorded
from wengert.custom.differentiable import differentiable_copy
from wengert.custom.modes import on_arrays
from wengert.custom.state import copy_attributes, names_kept

__all__ = ["call", "link_by_hand", "pull"]


def call(f: Function, inputs: tuple[Any, ...]) -> Any:
    """Run `forward` on the arrays of `inputs`, and record the call."""
    values = [read_only(x._data) for x in inputs]
    if max(map(level_of, values), default=0) >= BATCHED:  # (what is written for arrays runs on those of each example)
        f._edges = None
        return FUNCTIONS[BY_EXAMPLE](lambda *xs: f.__copy__()(*xs), inputs, {})
    before = copy_attributes(f, f, lambda array: array)
    ys = on_arrays(f.forward, *values)
    several = isinstance(ys, (tuple, list))
    results = tuple(functions.as_result(y, f) for y in (ys if several else (ys,)))
    mode = current_mode.get()
    if not mode.record:
        f._edges = None
        outputs = tuple(unrecorded(y) for y in results)
    else:
        f._number = next_number()
        f.keep(results)
        outputs = tuple(watch_writes(attach(f, y)) for y in results)
        if several:
            f._outputs = tuple(ref(y) for y in outputs)
        else:
            link_output(f, outputs[0])
        if names := names_kept(f, before):
            f._notes = {"kept": (before, names)}
    if mode.debug:
        debug.check_forward(f, values, results, mode.record)
    return outputs if several else outputs[0]


def link_by_hand(f: Function, x: Any) -> None:
    """Make `x` the output of a call that a ``__call__`` of the user's own is making."""
    if not current_mode.get().record:
        annotate(x, "no_grad", True)
        return
    f._number = next_number()
    f._kept = (x._data,)
    f._notes = {"kept": None}  # what forward has set is unknown
    x._creator = f
    link_output(f, watch_writes(x))


def pull(f: Function, gys: Any, differentiable: bool) -> list[Any]:
    """Run `backward`: on arrays, or with `differentiable` on Variables."""
    for x in functions.recorded(f._edges, f, "inputs"):
        f.check_unchanged(x)
    for reference in f._outputs if f.has_several_outputs else (f._outputs,):
        y = reference()
        if y is not None and y._data is not None:
            f.check_unchanged(y)  # backward may read self.output
    gys = [read_only(gy) for gy in (gys if f.has_several_outputs else (gys,))]
    if differentiable:
        node = differentiable_copy(f)
        with on_variables(f.name):
            gxs = node.backward(*gys)
    else:
        gxs = on_arrays(f.backward, *gys)
    return functions.as_gradients(gxs, f, {y.shape for y in f._kept}, differentiable)
