"""jacobian and hessian: derivatives as dense arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ParamSpec, overload

import numpy as np

from wengert.arrays.batches import Level
from wengert.arrays.decisions import all_finite
from wengert.arrays.table import plain
from wengert.batching.crossing import batch, unbatch
from wengert.checks import options
from wengert.checks.errors import BatchError, describe
from wengert.core.node import Node, maker_of
from wengert.core.variable import Variable
from wengert.forward.walk import Tangents
from wengert.transforms.containers import rebuild
from wengert.transforms.gradient import differentiated, titled
from wengert.transforms.products import pushed_batch
from wengert.transforms.recording import Recorded, check_call, pull, selected
from wengert.writes.unmodified import unmodified_call

__all__ = ["hessian", "jacobian"]

MODES = (None, "forward", "reverse")
MOST_ELEMENTS = 2**17  # of an array in a walk for many gradients at once


P = ParamSpec("P")


@overload
def jacobian(
    f: np.ufunc,
    argnums: int | Sequence[int] = 0,
    unmodified: bool = False,
    chunk_size: int | None = None,
    mode: str | None = None,
) -> Callable[..., Any]: ...


@overload
def jacobian(
    f: Callable[P, Any],
    argnums: int | Sequence[int] = 0,
    unmodified: bool = False,
    chunk_size: int | None = None,
    mode: str | None = None,
) -> Callable[P, Any]: ...


def jacobian(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    unmodified: bool = False,
    chunk_size: int | None = None,
    mode: str | None = None,
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
    chunk_size : int, optional
        How many rows (or columns) are computed at once. By default as many as take a bounded memory.
    mode : {None, "forward", "reverse"}
        Whether a tangent is carried forward for each element of the arguments, or a gradient backward for each
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
    `f` runs once, followed by one walk for all elements of the results, or of the arguments, as a batch (see `vmap`).
    For a complex argument, each row is the gradient as `grad` defines it. Forward mode through a custom Function uses
    its ``jvp``, or its `backward`, which must then be differentiable. Results are Variables in the same cases as for
    `grad`. For a sparse one see `sparse_jacobian`.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import jacobian
    >>> jacobian(lambda x: np.array([[2.0, 0.0], [1.0, 1.0]]) @ x ** 2)(np.array([1.0, 2.0]))
    array([[4., 0.],
           [2., 4.]])
    """
    check_call("jacobian", f, argnums, unmodified=unmodified)
    check_chunks("jacobian", chunk_size)
    options.choice(mode, "mode", "jacobian", MODES)
    return _jacobian("jacobian", f, unmodified_call(f) if unmodified else f, argnums, (chunk_size, mode))


@overload
def hessian(
    f: np.ufunc, argnums: int | Sequence[int] = 0, unmodified: bool = False, chunk_size: int | None = None
) -> Callable[..., Any]: ...


@overload
def hessian(
    f: Callable[P, Any], argnums: int | Sequence[int] = 0, unmodified: bool = False, chunk_size: int | None = None
) -> Callable[P, Any]: ...


def hessian(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, unmodified: bool = False, chunk_size: int | None = None
) -> Callable[..., Any]:
    """Make the function that computes all second derivatives of `f`.

    Parameters
    ----------
    f : callable
        Returns one real floating number, as for `grad`.
    argnums : int or tuple of int
        The positions of the arguments, which must be real.
    unmodified : bool
        As in `grad`.
    chunk_size : int, optional
        How many rows are computed at once. By default as many as take a bounded memory.

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
    `f` and its gradient run once, and tangents are carried along both, for all elements of the arguments as a batch.
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
    check_chunks("hessian", chunk_size)
    gradient = differentiated("hessian", f, argnums, unmodified=unmodified)
    return _jacobian("hessian", f, lambda *args, **kwargs: gradient(args, kwargs)[1], argnums, (chunk_size, "forward"))


def check_chunks(name: str, chunk_size: Any) -> None:
    if chunk_size is not None:
        options.integer(chunk_size, "chunk_size", name, least=1)


def _jacobian(
    name: str, f: Callable[..., Any], g: Callable[..., Any], argnums: Any, how: tuple[int | None, str | None]
) -> Callable[..., Any]:
    chunk_size, mode = how

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
        found = _by_columns(run, named, chunk_size) if by_columns else None
        blocks = _by_rows(run, outputs, chunk_size) if found is None else found
        return rebuild(run.result, [run.arguments(row, isinstance(argnums, int)) for row in blocks])

    return derivatives


def _by_rows(run: Recorded, outputs: Sequence[Any], chunk_size: int | None) -> list[list[Any]]:
    """The pullback of all elements of the results, as a batch."""
    blocks = []
    for y in outputs:
        found = (
            rows(y, run.inputs, run.create_graph, chunk_size) if isinstance(y, Variable) else [[] for _ in run.inputs]
        )
        blocks.append(
            [
                _joined(part, y.shape + x.shape, x, 0, run.create_graph)
                for part, x in zip(found, run.inputs, strict=True)
            ]
        )
    return blocks


def _by_columns(run: Recorded, named: Sequence[tuple[str, Any]], chunk_size: int | None) -> list[list[Any]] | None:
    """Tangents of all elements of the arguments, as a batch; None where these are to be found by backward passes."""
    outputs = [y for _, y in named]
    walk = Tangents(outputs, run.inputs)
    columns: list[list[list[Any]]] = [[[] for _ in run.inputs] for _ in outputs]
    for i, x in enumerate(run.inputs):
        for units in basis(x, chunk_size or chunk_of(outputs, run.inputs)):
            directions = [units if x is other else None for other in run.inputs]
            found = pushed_batch(walk, directions, run.create_graph, len(units))
            if found is None:
                return None
            for of_output, t in zip(columns, found, strict=True):
                of_output[i].append(t)
    return [
        [_joined(c, y.shape + x.shape, x, -1, run.create_graph) for c, x in zip(of_inputs, run.inputs, strict=True)]
        for of_inputs, y in zip(columns, outputs, strict=True)
    ]


def basis(like: Any, count: int) -> Iterator[Any]:
    """Make the standard basis of arrays of the shape of `like`, so many at once."""
    size = like.size
    for start in range(0, size, count):
        units = np.zeros((min(count, size - start), size), like.dtype)
        np.fill_diagonal(units[:, start:], 1)
        yield units.reshape((-1, *like.shape))


def rows(y: Any, inputs: Sequence[Variable], create_graph: bool, chunk_size: int | None) -> list[list[Any]]:
    """Pull the standard basis of arrays of the shape of `y` back to `inputs`: for each of them a list of chunks."""
    found: list[list[Any]] = [[] for _ in inputs]
    for units in basis(y, chunk_size or chunk_of([y], inputs)):
        for part, gx in zip(found, batched_pull(y, units, inputs, create_graph), strict=True):
            part.append(gx)
    return found


def batched_pull(y: Any, gys: Any, inputs: Sequence[Variable], create_graph: bool) -> list[Any]:
    """Pull several gradients with respect to `y`, along the first axis of `gys`, back to `inputs`, in one walk."""
    if len(gys) == 1:
        return [np.expand_dims(gx, 0) for gx in pull([y], [gys[0]], create_graph, inputs)]
    level = Level(len(gys))
    try:
        found = [unbatch(gx, level, 0) for gx in pull([y], [batch(gys, level, 0)], create_graph, inputs)]
    except (BatchError, np.linalg.LinAlgError):
        found = []
    if found and all(all_finite(plain(gx)) for gx in found):
        return found
    # Where zeros meet infinite derivatives, what is done depends on the values of each gradient.
    each = [pull([y], [gy], create_graph, inputs) for gy in gys]
    return [np.stack([gxs[i] for gxs in each]) for i in range(len(inputs))]


def chunk_of(roots: Sequence[Any], inputs: Sequence[Variable]) -> int:
    """How many gradients are pulled back at once: as many as take a bounded memory.

    It goes by the largest value that was computed between `inputs` and `roots`.
    """
    floor = min((maker_of(x)._number for x in inputs), default=0)
    largest: int = max([1, *(x.size for x in (*roots, *inputs))])
    seen: set[int] = set()
    pending = list(roots)
    while pending:
        edge = pending.pop()
        f = maker_of(edge)
        shape = getattr(edge, "shape", ())
        largest = max(largest, math.prod(shape) if shape else 1)
        if f is not None and f._number > floor and f._number not in seen:
            seen.add(f._number)
            pending.extend([e for e in f._edges if isinstance(e, (Node, Variable))])
    return max(MOST_ELEMENTS // int(largest), 1)


def _joined(parts: list[Any], shape: tuple[int, ...], x: Variable, axis: int, create_graph: bool) -> Any:
    """Stack rows or columns; return the block in its shape and the dtype of the argument."""
    if not parts:
        zeros = np.zeros(shape, x.dtype)
        return Variable(zeros) if create_graph else zeros
    block = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=0)
    block = np.reshape(block if axis == 0 else np.moveaxis(block, 0, -1), shape)
    return block if block.dtype == x.dtype else block.astype(x.dtype)
