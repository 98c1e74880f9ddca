"""vmap: a function of one example, called on all examples of a batch at once."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload

import numpy as np

from wengert.arrays.batches import RUNNING, Level, levels_of, running
from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.values import as_array
from wengert.batching.crossing import batch, lift, unbatch
from wengert.batching.draws import Draws, drawing
from wengert.checks.errors import BatchError, describe
from wengert.checks.variables import to_array
from wengert.core.variable import Variable, array_of, is_array
from wengert.transforms.by_loops import by_loops
from wengert.transforms.containers import leaves, leaves_of, rebuild
from wengert.transforms.gradient import titled
from wengert.transforms.rerun import InitialState, active_run
from wengert.writes.written import present

__all__ = ["vmap"]


P = ParamSpec("P")
R = TypeVar("R")


@overload
def vmap(f: np.ufunc, in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]: ...


@overload
def vmap(f: Callable[P, R], in_axes: Any = 0, out_axes: Any = 0) -> Callable[P, R]: ...


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """Make the function that calls `f` for each example of a batch, by one call on all of them.

    Parameters
    ----------
    f : callable
        A function of one example. It is called once, with arrays that stand for those of all examples.
    in_axes : int, None, or nested dicts, lists and tuples of them
        The axis of each argument along which the examples are; None for one that is the same for each example. A single
        one holds for all arguments; a tuple has one for each. In the place of a container, it holds for all in it.
    out_axes : int, None, or nested dicts, lists and tuples of them
        Where the axis of the examples is in the results; None for one that is the same for each example.

    Returns
    -------
    callable
        Takes the arguments of `f` with an axis more, and returns its results with an axis more. Arguments by name are
        mapped over their first axis.

    Raises
    ------
    TypeError
        If `f` is not callable, or axes are no integers or None; from the function made, if an argument is no array, or
        if `f` makes a Python number or boolean of what differs between the examples.
    ValueError
        From the function made, if the axes do not have the structure of the arguments, an array does not have such an
        axis, the lengths of the axes differ, or there is none.

    Notes
    -----
    It nests, and composes with all transforms: ``vmap(grad(loss), in_axes=(None, 0, 0))(params, x, y)`` computes the
    gradient of each example. A branch on values (``if x > 0``) is refused: write ``np.where``. What has no rule for a
    batch runs as a loop over the examples (see `audit`), and so does `f` where a derivative in it is at a singular
    point of one of them. Random numbers are drawn for each example.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad, vmap
    >>> vmap(np.dot)(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([1., 4.])
    >>> vmap(grad(lambda w, x: np.sin(w * x)), in_axes=(None, 0))(2.0, np.array([0.0, 1.0])).round(3)
    array([ 0.   , -0.416])
    """
    if not callable(f):
        raise TypeError(f"vmap takes a function, but got {describe(f)}; write vmap(lambda x: ...)(x)")
    check_axes(in_axes, "in_axes")
    check_axes(out_axes, "out_axes")

    @titled(f, "vmap")
    def batched(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = present(args), present(kwargs)
        axes = in_axes if isinstance(in_axes, (tuple, list)) else (in_axes,) * len(args)
        if len(axes) != len(args):
            raise ValueError(
                f"in_axes of vmap has one axis for each argument, but got {len(axes)} for {len(args)} arguments"
            )
        given = (*args, *kwargs.values())
        named = [leaf for i, x in enumerate(args) for leaf in leaves(x, f"argument {i}")]
        named += [leaf for k, x in kwargs.items() for leaf in leaves(x, k)]
        places = [
            p for x, axis in zip(given, (*axes, *(0 for _ in kwargs)), strict=True) for p in spread(axis, x, "in_axes")
        ]
        values = [as_leaf(where, x, axis) for (where, x), axis in zip(named, places, strict=True)]
        level = Level(size_of([(where, x, axis) for (where, _), x, axis in zip(named, values, places, strict=True)]))

        def one_by_one() -> Any:
            found = looped(f, given, len(args), tuple(kwargs), list(zip(values, places, strict=True)), level.size)
            axes = spread(out_axes, found[0], "out_axes")
            columns = zip(*map(leaves_of, found), axes, strict=True)
            return rebuild(found[0], [joined(column[:-1], column[-1]) for column in columns])

        if by_loops.get() and level.size:
            return one_by_one()
        taken = iter(
            [
                shared(x, level) if axis is None else batch(x, level, axis % x.ndim)
                for x, axis in zip(values, places, strict=True)
            ]
        )
        mapped = [rebuild(x, taken) for x in given]
        named_args = dict(zip(kwargs, mapped[len(args) :], strict=True))
        draws, before = Draws(), InitialState(None, active_run.get())
        try:
            result = run(f, mapped[: len(args)], named_args, level, draws, before)
        except BatchError as error:
            if not error.in_walk or not level.size:
                raise
            if not running.get():
                before.state.put()
                draws.rewind()
            return one_by_one()
        found = [
            given_back(where, y, level, axis)
            for (where, y), axis in zip(leaves(result, "the result"), spread(out_axes, result, "out_axes"), strict=True)
        ]
        return rebuild(result, found)

    return batched


def run(
    f: Callable[..., Any], args: Any, kwargs: dict[str, Any], level: Level, draws: Draws, before: InitialState
) -> Any:
    """Call `f` on all examples; twice, where the order in which it draws random numbers asks for that."""
    outer = running.get()
    token = running.set((*outer, level))
    RUNNING.add(level)
    try:
        if outer:
            return present(f(*args, **kwargs))
        drawn, active = drawing.set(draws), active_run.set(before)
        try:
            result = present(f(*args, **kwargs))
        finally:
            active_run.reset(active)
            drawing.reset(drawn)
        if len(draws.calls) < 2 or level.size < 2:
            return result
        drawn = drawing.set(draws)
        try:
            with before.again():
                return draws.again(level.size, lambda: present(f(*args, **kwargs)))
        finally:
            drawing.reset(drawn)
    finally:
        RUNNING.discard(level)
        running.reset(token)


def looped(
    f: Callable[..., Any], given: Any, count: int, names: tuple[str, ...], leaves: list[tuple[Any, Any]], size: int
) -> list[Any]:
    """Call `f` for one example after the other: where a derivative is at a singular point of one of them."""
    found = []
    for i in range(size):
        taken = iter([x if axis is None else x[(*(slice(None),) * (axis % x.ndim), i)] for x, axis in leaves])
        args = [rebuild(x, taken) for x in given]
        found.append(present(f(*args[:count], **dict(zip(names, args[count:], strict=True)))))
    return found


def joined(column: Any, axis: int | None) -> Any:
    """Stack the results of all examples; the first, where they are the same."""
    return column[0] if axis is None else np.stack([as_array(y) for y in column], axis)


def check_axes(axes: Any, name: str) -> None:
    """Raise TypeError unless all axes are integers or None."""
    for axis in leaves_of(axes):
        if isinstance(axis, (bool, np.bool_)) or not hasattr(axis, "__index__"):
            raise TypeError(
                f"{name} of vmap is an int, None, or nested dicts, lists and tuples of these, but got {describe(axis)}"
            )


def spread(axes: Any, tree: Any, name: str) -> list[Any]:
    """List the axis of each leaf of `tree`; one in the place of a container holds for all in it."""
    if axes is None or hasattr(axes, "__index__"):
        return [None if axes is None else operator.index(axes)] * len(leaves_of(tree))
    parts, others = children_of(tree), children_of(axes)
    if tree is None:
        return []
    if parts is None or others is None or parts.keys() != others.keys():
        raise ValueError(
            f"{name} of vmap must have the structure of what it is for, which is {describe(tree)}, but got {axes!r}; "
            "an int or None in the place of a container holds for all in it"
        )
    return [place for key, part in parts.items() for place in spread(others[key], part, name)]


def children_of(tree: Any) -> dict[Any, Any] | None:
    """The parts of a container by their keys; None for a leaf."""
    if isinstance(tree, dict):
        return tree
    if isinstance(tree, (list, tuple)):
        return dict(enumerate(tree))
    return None


def as_leaf(where: str, x: Any, axis: int | None) -> Any:
    """Return an argument to map over an axis as an array; one that is not mapped, as it is."""
    if axis is None:
        return x
    if level_of(x) != RECORDED:
        if not (is_array(x) or isinstance(x, (np.ndarray, np.generic, int, float, complex))):
            raise TypeError(
                f"vmap maps over arrays, and dicts, lists and tuples of them, but {where} is {describe(x)}; "
                "give it the axis None in in_axes"
            )
        x = to_array(x)
    ndim = x.ndim
    if not -ndim <= axis < ndim:
        raise ValueError(
            f"vmap takes {where} along the axis {axis}, but it is {describe(x)}; give it an axis that it has in "
            "in_axes, or None if it is the same for each example"
        )
    return x


def shared(x: Any, level: Level) -> Any:
    """An argument that is the same for each example: an ndarray as one under the vmap, so that others index it."""
    return lift(x, level) if type(x) is np.ndarray else x


def size_of(named: list[tuple[str, Any, Any]]) -> int:
    """Return the number of examples; raise ValueError where it is not the same for all arguments."""
    sizes = [(x.shape[axis], where, axis) for where, x, axis in named if axis is not None]
    if not sizes:
        raise ValueError(
            "vmap maps at least one array, but got none, or the axis None for all; call the function itself"
        )
    for size, where, axis in sizes:
        if size != sizes[0][0]:
            raise ValueError(
                f"vmap takes arrays with as many examples, but {sizes[0][1]} has {sizes[0][0]} along the axis "
                f"{sizes[0][2]}, and {where} has {size} along the axis {axis}"
            )
    return sizes[0][0]  # type: ignore[no-any-return]


def given_back(where: str, y: Any, level: Level, axis: int | None) -> Any:
    """Take a result out of the vmap."""
    if isinstance(y, (bool, int, float, complex, np.generic)):
        y = np.asarray(y)
    if not isinstance(y, Variable) and not is_array(y):
        if y is None or axis is None:
            return y
        raise TypeError(
            f"vmap takes a function that returns arrays, or dicts, lists and tuples of them, but {where} is "
            f"{describe(y)}; leave it out, or give it the axis None in out_axes"
        )
    if axis is None:
        return unmapped(where, y, level)
    ndim = y.ndim + 1
    if not -ndim <= axis < ndim:
        raise ValueError(f"vmap gives {where} the axis {axis} for the examples, but for each it is {describe(y)}")
    return unbatch(y, level, axis % ndim)


def unmapped(where: str, y: Any, level: Level) -> Any:
    """Take a result out that is the same for all examples."""
    data = array_of(y) if isinstance(y, Variable) else y
    if level in levels_of(data) and holder(data, level).mapped:
        raise ValueError(f"out_axes of vmap has None for {where}, but it differs between the examples; give it an axis")
    if level not in levels_of(data):
        return y
    return unbatch(y, level, 0)[0]


def holder(data: Any, level: Level) -> Any:
    """The Batched array of a level in those around it."""
    while data.level is not level:
        data = data.value
    return data
