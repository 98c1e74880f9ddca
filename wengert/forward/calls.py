"""The tangent of a recorded call: from its place in the table of derivatives, whatever it is.

- A ufunc has its partial derivatives (`elementwise`).
- A function that is declared linear in an argument is called with the tangent in its place.
- A fused function has its definition, which is recorded again (see `walk`).
- Everything else has its pullback. That is linear in the gradient, so its own pullback carries tangents (transposition
  of the one call): the values at the inputs are constants in it, unless the result is to be differentiated once more.
- A Function of the user's may have a method ``jvp`` beside `backward`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.arrays.aliases import current
from wengert.arrays.level import BATCHED, level_of
from wengert.arrays.nesting import mapped
from wengert.arrays.newer_numpy import again
from wengert.arrays.values import ShapeDtype, gradient_dtype, shaped_as
from wengert.checks.conversions import on_variables
from wengert.core.backprop import propagate
from wengert.core.elementwise import Elementwise
from wengert.core.mode import changed, current_mode
from wengert.core.node import Node
from wengert.core.numpy_call import NumPyCall
from wengert.core.variable import Variable, array_of, as_variable
from wengert.custom.differentiable import differentiable_copy
from wengert.custom.marks import Identity, mark_inputs
from wengert.custom.modes import on_arrays
from wengert.custom.registration import LINEAR
from wengert.forward.elementwise import Undetermined, elementwise_push
from wengert.functions.singular_values import svd

__all__ = ["push_of"]

Push = Callable[[Any, Sequence[Any], bool, Any], Any]  # of (f, tangents of its edges, differentiable, what y is like)
NUMBERS = (int, float, complex)
NOTHING: dict[str, Any] = {}
# The derivatives of their vectors are determined by what the results of all calls together depend on.
BY_WHOLE = {np.linalg.eig, np.linalg.eigh, svd}


@functools.cache
def push_of(kind: type[Node]) -> Push:
    """Return the function that carries tangents through calls of a kind: ``push(f, tangents, differentiable, like)``.

    A tuple for a call of several results. None is a tangent of zeros, also among the `tangents`.
    """
    if issubclass(kind, Elementwise):
        if kind.ufunc.signature is not None:
            return product
        return elementwise_push(kind)  # type: ignore[no-any-return]
    if issubclass(kind, NumPyCall):
        return numpy_call
    if hasattr(kind, "push"):  # a call that knows better
        return kind.push  # type: ignore[no-any-return]
    if issubclass(kind, Identity):
        return identity
    return by_user if callable(getattr(kind, "jvp", None)) else transposed


def identity(f: Any, tangents: Sequence[Any], differentiable: bool, like: Any) -> Any:
    if any(t is not None for t in tangents[1:]):  # a gradient that follows a convention at the values there
        raise Undetermined
    return tangents[0]


def product(f: Any, tangents: Sequence[Any], differentiable: bool, like: Any) -> Any:
    """Carry tangents through a ufunc with a signature, which is linear in both arguments."""
    left, right = f._edges
    found = None
    if tangents[0] is not None:
        found = f.ufunc(tangents[0], value_at(f, right, differentiable))
    if tangents[1] is not None:
        other = f.ufunc(value_at(f, left, differentiable), tangents[1])
        found = other if found is None else found + other
    return found


def value_at(f: Any, edge: Any, differentiable: bool) -> Any:
    is_edge = isinstance(edge, (Node, Variable))
    return f.value_at(edge, True, differentiable) if is_edge else f.constant_at(edge)


def numpy_call(f: Any, tangents: Sequence[Any], differentiable: bool, like: Any) -> Any:
    """Carry tangents through a call of a function of the table."""
    kept, function = f._kept, type(f).function
    names, linear = kept.names, LINEAR.get(function, NOTHING)
    for i, places, _ in kept.spots:
        if names[i] not in linear and has_tangent(places, tangents):
            if function in BY_WHOLE:
                raise Undetermined
            return transposed(f, tangents, differentiable, like)
    if type(like) is not tuple and like.dtype.kind not in "fc":  # a sum that is rounded to integers
        return None
    if len(linear) == 1 and len(kept.values) == 1 and type(places) is int:  # (the usual case)
        return function(tangents[0])
    for rule in linear.values():
        if rule.reads is None or not rule.reads.isdisjoint(linear):
            return multilinear_call(f, tangents, differentiable, like)
    return linear_call(f, tuple(linear), tangents, differentiable, like)


def has_tangent(places: Any, tangents: Sequence[Any]) -> bool:
    if type(places) is int:
        return tangents[places] is not None
    return any(has_tangent(p, tangents) for p in places if type(p) is not tuple)


def linear_call(f: Any, names: tuple[str, ...], tangents: Sequence[Any], differentiable: bool, like: Any) -> Any:
    """Call a function with tangents in the place of all arguments that it is linear in."""
    kept, edges = f._kept, f._edges
    values = list(kept.values)

    def tangent_at(places: Any) -> Any:
        if type(places) is int:
            t = tangents[places]
            return zeros_as(edges[places]) if t is None else t
        if type(places) is tuple:  # a constant in a list
            return zero_of(places[0])
        return [tangent_at(p) for p in places]

    spots = {i for i, _, _ in kept.spots}
    for i, places, unread in kept.spots:
        if kept.names[i] in names:
            values[i] = tangent_at(places)
        elif unread or type(places) is not int:
            return transposed(f, tangents, differentiable, like)
        else:
            values[i] = f.value_at(edges[places], True, differentiable)
    for i, value in enumerate(values):
        if i in spots:
            continue
        if kept.names[i] in names:
            values[i] = zero_of(value)
        elif type(value) is ShapeDtype:
            return transposed(f, tangents, differentiable, like)
        else:
            f.constant_at(value)
    return called(f, values)


def multilinear_call(f: Any, tangents: Sequence[Any], differentiable: bool, like: Any) -> Any:
    """Call a function with one tangent after the other, and the values of the other arguments; add up."""
    kept, edges = f._kept, f._edges
    if any(type(places) is not int for _, places, _ in kept.spots):
        return transposed(f, tangents, differentiable, like)
    found = None
    for active, places, _ in kept.spots:
        if tangents[places] is None:
            continue
        values = list(kept.values)
        for i, other, unread in kept.spots:
            if i == active:
                values[i] = tangents[places]
            elif unread:
                return transposed(f, tangents, differentiable, like)
            else:
                values[i] = f.value_at(edges[other], True, differentiable)
        if any(type(value) is ShapeDtype for value in values):
            return transposed(f, tangents, differentiable, like)
        term = called(f, [f.constant_at(value) for value in values])
        found = term if found is None else found + term
    return found


def called(f: Any, values: list[Any]) -> Any:
    """Call the function of a recorded call with other arguments."""
    kept, function = f._kept, again(type(f).function)
    if kept.by_place == len(values):
        return function(*values)
    named = dict(zip(kept.names[kept.by_place :], values[kept.by_place :], strict=True))
    return function(*values[: kept.by_place], **named)


def zeros_as(like: Any) -> Any:
    """Make a tangent of zeros, without memory."""
    return np.broadcast_to(np.zeros((), gradient_dtype(like.dtype)), like.shape)


def zero_of(value: Any) -> Any:
    """Return the tangent of a constant."""
    if isinstance(value, bool) or value is None or value is np._NoValue:
        return value
    if isinstance(value, NUMBERS):
        return 0.0
    if type(value) is tuple or type(value) is list:
        return mapped(value, np.ndarray, zeros_as, zero_of) if not hasattr(value, "dtype") else zeros_as(value)
    return zeros_as(value) if hasattr(value, "dtype") else value


def by_user(f: Any, tangents: Sequence[Any], differentiable: bool, like: Any) -> Any:
    """Ask the ``jvp`` of a Function of the user's."""
    given = [zeros_as(x) if t is None else t for x, t in zip(f._edges, tangents, strict=True)]
    for x in f._edges:
        f.check_unchanged(x)
    if not differentiable:
        return on_arrays(f.jvp, *given)
    node: Any = differentiable_copy(f)
    with on_variables(f.name):
        return node.jvp(*map(as_variable, given))


def transposed(f: Any, tangents: Sequence[Any], differentiable: bool, like: Any) -> Any:
    """Carry tangents through the pullback of the pullback of a call.

    The pullback is called at gradients whose values do not matter, except to the pullbacks of decompositions, which
    judge by them what a loss depends on: so they are different numbers rather than zeros.
    """
    several = f.has_several_outputs
    likes = f.output_shapes() if several else [(like.shape, gradient_dtype(like.dtype))]
    token = current_mode.set(changed(current_mode.get(), record=True))
    try:
        us = mark_inputs([Variable(different_numbers(*shape_and_dtype)) for shape_and_dtype in likes])
        # (Values that are Variables would be differentiated too.)
        as_values = not differentiable and isinstance(f, NumPyCall)
        gxs = f.pull(tuple(us) if several else us[0], not as_values)
        roots, given = [], []
        for gx, t, edge in zip(gxs, tangents, f._edges, strict=True):
            gx = current(gx)
            if t is None or gx is None:
                continue
            if isinstance(gx, Variable):
                if (
                    level_of(array_of(gx)) >= BATCHED
                ):  # (a gradient with respect to `us`, which are not, would be a sum)
                    raise Undetermined
                roots.append(shaped_as(gx, edge))
                given.append(as_variable(t) if differentiable else t)
            elif np.any(gx != 0):  # it marks a value that it knows no derivative with respect to, by NaN
                raise Undetermined
    finally:
        current_mode.reset(token)
    found = propagate(roots, given, differentiable, inputs=us) if roots else {}
    made = [found.get(u) for u in us]
    return tuple(made) if several else made[0]


def different_numbers(shape: tuple[int, ...], dtype: Any) -> Any:
    """Make numbers between 1 and 2 without order."""
    size = int(np.prod(shape))
    return (1 + np.arange(1, size + 1) * np.sqrt(2) % 1).reshape(shape).astype(dtype)
