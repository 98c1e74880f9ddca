"""Walking the recorded calls forward, from marked inputs to results.

A function is recorded as for a backward pass. Then the tangents of its inputs are carried along the calls in the
order of their numbers. What is older than the inputs has no tangent: so a derivative inside a derivative sees its own
inputs only, and whatever a function has recorded, derivatives inside of it too, is carried through.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.arrays.aliases import current
from wengert.arrays.values import gradient_dtype
from wengert.core.mode import changed, current_mode
from wengert.core.node import maker_of
from wengert.core.variable import Variable, array_of, note_of
from wengert.custom.marks import mark_inputs
from wengert.forward.calls import push_of
from wengert.forward.elementwise import Undetermined
from wengert.functions.fused import Fused

__all__ = ["Tangents"]


class Tangents:
    """The calls between marked inputs and results, which tangents are carried through, any number of times.

    Attributes
    ----------
    steps : list of tuple
        For each call in order: the call, the keys of its edges, and its result, or what has its shape and dtype; for a
        call of several results a tuple of them.
    """

    def __init__(self, roots: Sequence[Any], inputs: Sequence[Variable]) -> None:
        self.roots, self.inputs = roots, inputs
        self.marks = [maker_of(x)._number for x in inputs]
        floor = max(self.marks, default=0)
        calls: dict[int, Any] = {}
        likes: dict[int, Any] = {}
        waiting: list[Any] = list(roots)
        while waiting:
            edge = waiting.pop()
            f = maker_of(edge)
            if f is None:
                continue
            like = f if edge is f else array_of(edge)
            number = f._number
            if number > floor and number not in calls:
                calls[number] = f
                likes[number] = like
                waiting.extend(f._edges)
        depends = set(self.marks)
        self.steps: list[tuple[Any, list[Any], Any]] = []
        for number in sorted(calls):
            f = calls[number]
            keys = [key_of(edge) for edge in f._edges]
            if depends.isdisjoint(keys):
                continue
            if type(f._outputs) is tuple:
                outputs = tuple([reference() for reference in f._outputs])
                depends.update([y for y in outputs if y is not None])
                self.steps.append((f, keys, outputs))
            else:
                depends.add(number)
                self.steps.append((f, keys, likes[number]))

    def of(self, directions: Sequence[Any], differentiable: bool) -> list[Any]:
        """Return the tangents of the results, None for zeros, given those of the inputs.

        With `differentiable`, they are Variables, and what is done is recorded.

        Raises
        ------
        Undetermined
            If a tangent is 0 times infinity, or follows a convention.
        """
        found = {key: t for key, t in zip(self.marks, directions, strict=True) if t is not None}
        mode = current_mode.get()
        token = current_mode.set(changed(mode, record=differentiable))
        try:
            with np.errstate(all="ignore"):
                for f, keys, like in self.steps:
                    tangents = [found.get(key) for key in keys]
                    for t in tangents:
                        if t is not None:
                            break
                    else:
                        continue
                    if note_of(f, "hooks"):
                        raise Undetermined  # they are called with gradients
                    t = rule_of(f.__class__)(f, tangents, differentiable, like)
                    if type(like) is tuple:
                        for y, part in zip(like, t, strict=True):
                            if y is not None and part is not None:
                                found[y] = fitted(part, y)
                    elif t is not None:
                        dtype = like.dtype
                        if t.dtype is not dtype or t.shape != like.shape:
                            t = fitted(t, like)
                        found[f._number] = t
        finally:
            current_mode.reset(token)
        return [found.get(key_of(root)) for root in self.roots]


def key_of(edge: Any) -> Any:
    """Return what stands for a value: the number of the call that has it as its one result, else the Variable."""
    f = maker_of(edge)
    return None if f is None else edge if type(f._outputs) is tuple else f._number


def fitted(t: Any, like: Any) -> Any:
    """Give a tangent the shape and dtype of its value."""
    t = current(t)
    dtype = gradient_dtype(like.dtype)
    if t.dtype != dtype:
        if t.dtype.kind == "c" and dtype.kind != "c":
            t = np.real(t)  # (that of a real value, as the absolute value of a complex one)
        t = t.astype(dtype)
    return t if t.shape == like.shape else np.broadcast_to(t, like.shape)


@functools.cache
def rule_of(kind: Any) -> Any:
    """Return the function that carries tangents through calls of a kind: see `push_of`."""
    return fused if issubclass(kind, Fused) else push_of(kind)


def fused(f: Any, tangents: Sequence[Any], differentiable: bool, like: Any) -> Any:
    """Record the definition of a fused function, and carry the tangents through it."""
    f.check_edges()
    token = current_mode.set(changed(f._mode, record=True))
    try:
        inputs = mark_inputs(f._edges)
        ys = f.called_again(inputs)
    finally:
        current_mode.reset(token)
    several = isinstance(ys, tuple)
    found = Tangents(ys if several else (ys,), inputs).of(tangents, differentiable)
    return tuple(found) if several else found[0]
