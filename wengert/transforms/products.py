"""Products of a derivative with a vector: vjp, jvp and hvp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.arrays.batches import RUNNING, Level, running
from wengert.arrays.decisions import all_finite, holds
from wengert.arrays.table import plain
from wengert.arrays.values import ShapeDtype, as_array
from wengert.batching.crossing import batch, unbatch
from wengert.checks.errors import BatchError, describe
from wengert.checks.second_walk import NeedsGraph
from wengert.core.mode import current_mode
from wengert.core.variable import Variable, array_of, as_variable
from wengert.custom.marks import mark_inputs
from wengert.forward.elementwise import Undetermined
from wengert.forward.walk import Tangents
from wengert.transforms.by_loops import again_by_loops
from wengert.transforms.containers import has_variable, leaves, rebuild
from wengert.transforms.recording import Recorded, check_call, cotangents, pull, recording, zeros_like

MOST_PASSES = 50  # backward, in search of the elements of results whose derivative is not defined

__all__ = ["hvp", "jvp", "linearize", "pulled_twice", "pushed", "vjp"]


def vjp(f: Callable[..., Any], *args: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Compute ``f(*args)``, and the function that maps a gradient of the result to those of the arguments.

    Parameters
    ----------
    f : callable
        Returns an array or Variable of any shape, or nested containers of them.
    *args
        Floating arrays, Variables, floats, or nested dicts, lists, tuples and None of them. They
        are copied, and may be overwritten afterwards.

    Returns
    -------
    y : ndarray, or containers as `f` returned
        The value. Read-only: the pullback needs it.
    pullback : callable
        Takes a gradient with the structure and shapes of `y` (None for a part: zero), and returns a tuple of the
        gradients with respect to all arguments. It may be called any number of times.

    Raises
    ------
    TypeError
        If `f` is not callable or returns no arrays, if there are no arguments, or one is an integer or not an array;
        from the pullback, for a complex gradient of a real result.
    ValueError
        From the pullback, if the gradient does not have the structure and shapes of `y`.

    Notes
    -----
    Results are Variables in the same cases as for `grad`, and also if the pullback is given a Variable.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import vjp
    >>> y, pullback = vjp(lambda a, b: a @ b, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> y, pullback(1.0)
    (array(11.), (array([3., 4.]), array([1., 2.])))
    """
    check_call("vjp", f, 0)
    if not args:
        raise TypeError("vjp takes a function and its arguments, vjp(f, x), but got no arguments")
    run = Recorded("vjp", f, args, {}, range(len(args)), copied=True)
    named = run.outputs()

    def pullback(gy: Any) -> tuple[Any, ...]:
        """Map a gradient of the result to those of the arguments."""
        gys = cotangents(run.result, gy, named, "the gradient", "vjp")
        create_graph = recording() and (run.create_graph or has_variable(gys))
        found = run.arguments(pull([y for _, y in named], gys, create_graph, run.inputs), single=False)
        return found  # type: ignore[no-any-return]

    return run.given(run.result), pullback


@again_by_loops
def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Compute ``f(*primals)``, and its derivative in the direction of `tangents`.

    Parameters
    ----------
    f : callable
        Returns an array or Variable of any shape, or nested containers of them.
    primals : tuple or list
        The arguments, as for `vjp`.
    tangents : tuple or list
        Their directions, of the same structure and shapes (None for a part: zero).

    Returns
    -------
    y : ndarray, or containers as `f` returned
        The value.
    tangent : the same
        The derivative: the change of `y`, to first order, when the arguments change by `tangents`.

    Raises
    ------
    TypeError
        As `vjp`, and if `primals` or `tangents` is not a tuple or list.
    ValueError
        If `tangents` does not have the structure and shapes of `primals`.

    Notes
    -----
    `f` is recorded, and tangents are carried along its calls (forward mode): the cost is about twice that of `f`,
    whatever the shapes. Where a tangent is 0 times infinity, or a derivative follows a convention that is written for
    gradients, two backward passes find it: the pullback is linear, and its own pullback is the product. So the rules
    at points without a derivative are those of `grad`. Results are Variables in the same cases as for `grad`, and also
    if a tangent is a Variable.

    A `Function` may define ``jvp(self, *tangents)`` beside `backward`, for speed; without, its pullback is used.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import jvp
    >>> jvp(lambda x: x ** 2, (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([1., 4.]), array([ 2., 40.]))
    """
    check_call("jvp", f, 0)
    check_arguments("jvp", primals, tangents)
    run = Recorded("jvp", f, primals, {}, range(len(primals)))
    named = run.outputs()
    directions = _directions("jvp", run, tangents)
    create_graph = run.create_graph or (recording() and has_variable(directions))
    made = pushed(Tangents([y for _, y in named], run.inputs), directions, create_graph)
    if made is None:
        made = pulled_twice(run, named, directions, create_graph)
    return run.given(run.result), rebuild(run.result, made)


def linearize(f: Callable[..., Any], *args: Any) -> tuple[Any, Callable[..., Any]]:
    """Compute ``f(*args)``, and the function that maps directions of the arguments to that of the result.

    Parameters
    ----------
    f, *args
        As for `vjp`.

    Returns
    -------
    y : ndarray, or containers as `f` returned
        The value. Read-only: the function needs it.
    pushforward : callable
        Takes a direction for each argument, of its structure and shapes (None for a part: zero), and returns the
        derivative in that direction, as `jvp` does. It may be called any number of times, and does not run `f`.

    Raises
    ------
    TypeError, ValueError
        As `vjp` and `jvp`.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import linearize
    >>> y, pushforward = linearize(lambda x: x ** 2, np.array([1.0, 2.0]))
    >>> pushforward(np.array([1.0, 0.0])), pushforward(np.array([0.0, 1.0]))
    (array([2., 0.]), array([0., 4.]))
    """
    check_call("linearize", f, 0)
    if not args:
        raise TypeError("linearize takes a function and its arguments, linearize(f, x), but got no arguments")
    run = Recorded("linearize", f, args, {}, range(len(args)), copied=True)
    named = run.outputs()
    walk = Tangents([y for _, y in named], run.inputs)

    def pushforward(*tangents: Any) -> Any:
        """Map directions of the arguments to the derivative of the result."""
        check_arguments("linearize", run.chosen, tangents)
        directions = _directions("linearize", run, tangents)
        create_graph = recording() and (run.create_graph or has_variable(directions))
        made = pushed(walk, directions, create_graph)
        if made is None:
            made = pulled_twice(run, named, directions, create_graph)
        return rebuild(run.result, made)

    return run.given(run.result), pushforward


def pulled_twice(run: Recorded, named: Sequence[tuple[str, Any]], directions: Any, create_graph: bool) -> list[Any]:
    """Return the tangents of the results by two backward passes: the pullback is linear in its gradient.

    Where the gradient of an element of a result is NaN or infinite in the direction, so is its tangent: the second pass
    alone would take the infinity times 0 for 0.
    """
    us, gxs = transposed(run, named)
    found = iter(pull(gxs, directions, create_graph, [u for u in us if u is not None]))
    made = [zeros_like(y, create_graph) if u is None else next(found) for u, (_, y) in zip(us, named, strict=True)]
    if are_defined(gxs, directions):
        return made
    if RUNNING and running.get():
        error = BatchError(
            "one of the examples has no derivative in its direction; call the function for each, in a loop"
        )
        error.in_walk = True
        raise error
    undefined = undefined_elements(run, [y for u, (_, y) in zip(us, named, strict=True) if u is not None], directions)
    masks = iter(undefined)
    return [
        t if u is None else t * np.where(next(masks), np.nan, 1).astype(t.dtype) for t, u in zip(made, us, strict=True)
    ]


def are_defined(gxs: Sequence[Any], directions: Sequence[Any]) -> bool:
    """Whether gradients are finite wherever the direction is not 0."""
    return all(
        gx is None or v is None or holds(np.all(np.isfinite(plain(gx)) | (plain(v) == 0)))
        for gx, v in zip(gxs, directions, strict=True)
    )


def undefined_elements(run: Recorded, ys: Sequence[Any], directions: Sequence[Any]) -> list[np.ndarray]:
    """Return for each result which of its elements have a gradient that is not finite in the direction.

    The elements are halved until those are found. Where that takes too many passes, all that are left count as such.
    """
    ends = np.cumsum([0, *(y.size for y in ys)])
    undefined, waiting, passes = np.zeros(ends[-1], bool), [(0, int(ends[-1]))], 0
    while waiting:
        start, stop = waiting.pop()
        part = np.zeros(ends[-1])
        part[start:stop] = 1 + np.arange(start + 1, stop + 1) * np.sqrt(2) % 1
        seeds = [part[a:b].reshape(y.shape).astype(y.dtype) for y, a, b in zip(ys, ends, ends[1:], strict=False)]
        passes += 1
        if are_defined(pull(ys, seeds, False, run.inputs), directions):
            continue
        if stop - start == 1 or passes > MOST_PASSES:
            undefined[start:stop] = True
        else:
            middle = (start + stop) // 2
            waiting += [(start, middle), (middle, stop)]
    return [undefined[a:b].reshape(y.shape) for y, a, b in zip(ys, ends, ends[1:], strict=False)]


def pushed(walk: Tangents, directions: Sequence[Any], create_graph: bool) -> list[Any] | None:
    """Carry tangents forward to the results; None where that cannot tell them, and two backward passes must.

    These know which zeros are selections, and find limits and conventions at points without a derivative.
    """
    if current_mode.get().debug:
        return None  # a backward pass tells where NaN first appears
    try:
        return [
            finished(t, y, create_graph) for t, y in zip(walk.of(directions, create_graph), walk.roots, strict=True)
        ]
    except (Undetermined, NeedsGraph, np.linalg.LinAlgError):
        return None


def pushed_batch(walk: Tangents, directions: Sequence[Any], create_graph: bool, count: int) -> list[Any] | None:
    """Carry `count` tangents forward in one walk, along the first axis of `directions` and of the results."""
    level = Level(count)
    try:
        found = walk.of([None if t is None else batch(t, level, 0) for t in directions], create_graph)
        made = []
        for t, y in zip(found, walk.roots, strict=True):
            if t is None or not isinstance(y, Variable):
                made.append(zeros_like(ShapeDtype((count, *y.shape), y.dtype), create_graph))
            else:
                made.append(finished(unbatch(t, level, 0), y, create_graph))
    except (BatchError, Undetermined, NeedsGraph, np.linalg.LinAlgError):
        return None
    return made


def finished(t: Any, y: Any, create_graph: bool) -> Any:
    """Return a tangent as given to the user: a Variable, or an array that nothing else holds."""
    if t is None or not isinstance(y, Variable):
        return zeros_like(y, create_graph)
    values = t if type(t) is np.ndarray else plain(t)
    if not all_finite(values):
        raise Undetermined
    if create_graph:
        return as_variable(t)
    return values.copy() if type(values) is np.ndarray else as_array(values)


def transposed(run: Recorded, named: Sequence[tuple[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Return marked gradients of the results, and the recorded gradients of the inputs, linear in them.

    Their values do not matter, except to the pullbacks of decompositions, which judge by them what a loss depends on:
    so they are different numbers rather than zeros.
    """
    floating = [y if isinstance(y, Variable) and y.dtype.kind in "fc" else None for _, y in named]
    us = [None if y is None else mark_inputs([Variable(_different(array_of(y)))])[0] for y in floating]
    return us, pull([y for _, y in named], us, True, run.inputs)


def _different(like: Any) -> Any:
    """Make numbers between 1 and 2 without order, of the shape and dtype of an array."""
    return (1 + np.arange(1, like.size + 1) * np.sqrt(2) % 1).reshape(like.shape).astype(like.dtype)


@again_by_loops
def hvp(f: Callable[..., Any], args: Sequence[Any], vectors: Sequence[Any]) -> tuple[Any, ...]:
    """Multiply the second derivative of a function that returns one number by `vectors`.

    Parameters
    ----------
    f : callable
        Returns one real floating number, as for `grad`.
    args : tuple or list
        Its arguments, as for `vjp`.
    vectors : tuple or list
        Of the structure and shapes of `args` (None for a part: zero).

    Returns
    -------
    tuple
        For each argument the product, of its structure and shapes: the change of its gradient when all arguments change
        by `vectors`.

    Raises
    ------
    TypeError, ValueError
        As `grad` and `jvp`.

    Notes
    -----
    Forward over reverse: `f` runs once, its gradient is recorded, and tangents are carried along both. The Hessian is
    never formed.
    Results are Variables in the same cases as for `grad`, and also if a vector is a Variable.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import hvp
    >>> hvp(lambda x: np.sum(x ** 3), (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    (array([  6., 120.]),)
    """
    check_call("hvp", f, 0)
    check_arguments("hvp", args, vectors)
    run = Recorded("hvp", f, args, {}, range(len(args)))
    y = run.scalar()
    directions = _directions("hvp", run, vectors)
    create_graph = run.create_graph or (recording() and has_variable(directions))
    gxs = pull([y], [np.array(1, y.dtype)], True, run.inputs)
    made = pushed(Tangents(gxs, run.inputs), directions, create_graph)
    if made is None:
        made = pull(gxs, directions, create_graph, run.inputs)
    return run.arguments(made, single=False)  # type: ignore[no-any-return]


def check_arguments(name: str, args: Any, vectors: Any) -> None:
    """Raise unless both are sequences, of the same length."""
    for what, given in (("arguments", args), ("vectors", vectors)):
        if not isinstance(given, (tuple, list)):
            raise TypeError(
                f"{name} takes a tuple of {what}, but got {describe(given)}; "
                f"for a single one write {name}(f, (x,), (v,))"
            )
    if len(args) != len(vectors) or not args:
        raise ValueError(
            f"{name} takes one vector for each argument, but got {len(args)} arguments and {len(vectors)} vectors"
        )


def _directions(name: str, run: Recorded, vectors: Sequence[Any]) -> list[Any]:
    named = [leaf for n, arg in enumerate(run.chosen) for leaf in leaves(arg, f"argument {n}")]
    like = [(where, x) for (where, _), x in zip(named, run.inputs, strict=True)]
    return cotangents(tuple(run.chosen), tuple(vectors), like, "the vector", name)
