"""jacobian and hessian: derivatives as dense arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Variable
from wengert.forward.walk import Tangents
from wengert.transforms.containers import rebuild
from wengert.transforms.gradient import differentiated, titled
from wengert.transforms.products import pulled_twice, pushed
from wengert.transforms.recording import Recorded, check_call, pull, selected
from wengert.writes.unmodified import unmodified_call

__all__ = ["hessian", "jacobian"]

MODES = (None, "forward", "reverse")


def jacobian(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, unmodified: bool = False, mode: str | None = None
) -> Callable[..., Any]:
    """Make the function that computes all derivatives of the results of `f`.

    Parameters
    ----------
    f : callable
        Returns a real array or Variable of any shape, or nested containers of them.
    argnums : int or tuple of int
        The positions of the arguments, as in `grad`.
    unmodified : bool
        As in `grad`.
    mode : {None, "forward", "reverse"}
        Whether one tangent is carried forward for each element of the arguments, or one gradient backward for each
        element of the results; by default what takes fewer.

    Returns
    -------
    callable
        Takes the arguments of `f` and returns, for a result of shape S and an argument of shape T, an array of shape S
        + T and the dtype of the argument: ``J[i, j]`` is the derivative of ``y[i]`` with respect to ``x[j]``. For
        containers, the structure of the result, with that of the argument in place of each array; for a tuple of
        argnums, tuples there.

    Raises
    ------
    TypeError
        As `grad`, and if `f` returns integers or complex numbers, or an argument is complex with ``mode="forward"``.
    ValueError
        If `mode` is none of these.

    Notes
    -----
    `f` runs once. For a complex argument, each row is the gradient as `grad` defines it. Forward mode through a custom
    Function uses its ``jvp``, or its `backward`, which must then be differentiable. Results are Variables in the same
    cases as for `grad`. For a sparse one see `sparse_jacobian`.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import jacobian
    >>> jacobian(lambda x: np.array([[2.0, 0.0], [1.0, 1.0]]) @ x ** 2)(np.array([1.0, 2.0]))
    array([[4., 0.],
           [2., 4.]])
    """
    check_call("jacobian", f, argnums, unmodified=unmodified)
    options.choice(mode, "mode", "jacobian", MODES)
    return _jacobian("jacobian", f, unmodified_call(f) if unmodified else f, argnums, mode)


def hessian(f: Callable[..., Any], argnums: int | Sequence[int] = 0, unmodified: bool = False) -> Callable[..., Any]:
    """Make the function that computes all second derivatives of `f`.

    Parameters
    ----------
    f : callable
        Returns one real floating number, as for `grad`.
    argnums : int or tuple of int
        The positions of the arguments, which must be real.
    unmodified : bool
        As in `grad`.

    Returns
    -------
    callable
        Takes the arguments of `f` and returns, for an argument of shape T, an array of shape T + T. For containers and
        for tuples of argnums, the structure of the argument, with that of the argument again in place of each array:
        ``H["w"]["b"]`` is with respect to w and then b.

    Raises
    ------
    TypeError, ValueError
        As `grad`, and TypeError for complex arguments: see `hvp`.

    Notes
    -----
    `f` and its gradient run once, and a tangent is carried along both for each element of the arguments.
    `hvp` multiplies by a Hessian without that.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import hessian
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    check_call("hessian", f, argnums, unmodified=unmodified)
    gradient = differentiated("hessian", f, argnums, unmodified=unmodified)
    return _jacobian("hessian", f, lambda *args, **kwargs: gradient(args, kwargs)[1], argnums, "forward")


def _jacobian(
    name: str, f: Callable[..., Any], g: Callable[..., Any], argnums: Any, mode: str | None
) -> Callable[..., Any]:

    @titled(f, name)
    def derivatives(*args: Any, **kwargs: Any) -> Any:
        run = Recorded(name, g, args, kwargs, selected(name, args, argnums))
        named = run.outputs()
        for where, y in named:
            if y.dtype.kind != "f":
                raise TypeError(
                    f"{name} takes a function of real floating results, but {where} is {describe(y)}; "
                    + ("take np.real and np.imag of it, or see hvp and vjp" if y.dtype.kind == "c" else "convert it")
                    if name == "jacobian"
                    else f"{name} takes real arguments, but {where} is {describe(y)}; see hvp for complex ones"
                )
        outputs = [y for _, y in named]
        heights = sum(y.size for y in outputs if isinstance(y, Variable))
        widths = sum(x.size for x in run.inputs)
        real = all(x.dtype.kind == "f" for x in run.inputs)
        if mode == "forward" and name == "jacobian" and not real:
            raise TypeError("jacobian of a complex argument has the gradients as rows; leave mode out, or see jvp")
        by_columns = real and (heights > widths if mode is None else mode == "forward")
        blocks = _by_columns(run, named) if by_columns else _by_rows(run, outputs)
        return rebuild(run.result, [run.arguments(row, isinstance(argnums, int)) for row in blocks])

    return derivatives


def _by_rows(run: Recorded, outputs: Sequence[Any]) -> list[list[Any]]:
    """One backward pass for each element of the results."""
    blocks = []
    for y in outputs:
        rows: list[list[Any]] = [[] for _ in run.inputs]
        for gy in _units(y) if isinstance(y, Variable) else ():
            for row, gx in zip(rows, pull([y], [gy], run.create_graph, run.inputs), strict=True):
                row.append(gx)
        blocks.append(
            [_joined(row, y.shape + x.shape, x, 0, run.create_graph) for row, x in zip(rows, run.inputs, strict=True)]
        )
    return blocks


def _by_columns(run: Recorded, named: Sequence[tuple[str, Any]]) -> list[list[Any]]:
    """Carry one tangent forward for each element of the arguments."""
    walk = Tangents([y for _, y in named], run.inputs)
    columns: list[list[list[Any]]] = [[[] for _ in run.inputs] for _ in named]
    for i, x in enumerate(run.inputs):
        for direction in _units(x):
            directions = [direction if x is other else None for other in run.inputs]
            found = pushed(walk, directions, run.create_graph)
            if found is None:
                found = pulled_twice(run, named, directions, run.create_graph)
            for of_output, t in zip(columns, found, strict=True):
                of_output[i].append(t)
    return [
        [_joined(c, y.shape + x.shape, x, -1, run.create_graph) for c, x in zip(of_inputs, run.inputs, strict=True)]
        for of_inputs, (_, y) in zip(columns, named, strict=True)
    ]


def _units(x: Any) -> Any:
    """Make the standard basis of arrays of the shape of `x`."""
    for k in range(x.size):
        unit = np.zeros(x.size, x.dtype)
        unit[k] = 1
        yield unit.reshape(x.shape)


def _joined(parts: list[Any], shape: tuple[int, ...], x: Variable, axis: int, create_graph: bool) -> Any:
    """Stack rows or columns; return the block in its shape and the dtype of the argument."""
    if not parts:
        zeros = np.zeros(shape, x.dtype)
        return Variable(zeros) if create_graph else zeros
    block = np.reshape(np.stack(parts, axis), shape)
    return block if block.dtype == x.dtype else block.astype(x.dtype)
