"""sparsity, sparse_jacobian and sparse_hessian: derivatives as arrays of scipy.sparse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Variable, array_of
from wengert.forward.walk import Tangents
from wengert.sparse.colouring import column_colours, star_colours
from wengert.sparse.patterns import patterns
from wengert.transforms.gradient import differentiated
from wengert.transforms.matrices import batched_pull, chunk_of
from wengert.transforms.products import pulled_twice, pushed, pushed_batch
from wengert.transforms.recording import Recorded, check_call, selected

__all__ = ["SparseDerivative", "sparse_hessian", "sparse_jacobian", "sparsity"]


def sparsity(f: Callable[..., Any], *args: Any, argnums: int = 0) -> Any:
    """Find which elements of the result of `f` depend on which elements of an argument.

    Parameters
    ----------
    f : callable
        Returns one array or Variable. Where it branches by values, the pattern is that of the branches taken.
    *args
        Its arguments. Their values do not matter otherwise: an exact zero is no structure.
    argnums : int
        The position of the argument, a floating array.

    Returns
    -------
    scipy.sparse.csr_array of bool
        A row for each element of the result, a column for each element of the argument. It may have more elements
        than needed, and never fewer.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import sparsity
    >>> sparsity(lambda x: x[1:] - x[:-1], np.zeros(3)).toarray().astype(int)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    run = recorded("sparsity", f, args, argnums)
    return ordered(patterns([result_of("sparsity", run)], run.inputs)[0])


def ordered(pattern: Any) -> Any:
    pattern = sparse.csr_array(pattern)
    pattern.sum_duplicates()
    return pattern


def recorded(name: str, f: Any, args: Any, argnums: Any) -> Recorded:
    check_call(name, f, argnums)
    options.integer(argnums, "argnums", name)
    run = Recorded(name, f, args, {}, selected(name, args, argnums))
    if len(run.inputs) != 1:
        raise TypeError(f"{name} is with respect to one array, but got {len(run.inputs)}; see flatten")
    if run.inputs[0].dtype.kind != "f":
        raise TypeError(f"{name} is with respect to a real array, but got {describe(array_of(run.inputs[0]))}")
    return run


def result_of(name: str, run: Recorded) -> Any:
    named = run.outputs()
    if len(named) != 1 or named[0][1].dtype.kind != "f":
        raise TypeError(
            f"{name} takes a function that returns one real floating array, but got {describe(run.result)}; "
            "concatenate the results"
        )
    return named[0][1]


class SparseDerivative:
    """A sparse Jacobian or Hessian as a function of the arguments.

    Attributes
    ----------
    sparsity : scipy.sparse.csr_array of bool
        The pattern.
    colours : int
        How many tangents or gradients one call takes.
    """

    def __init__(self, name: str, f: Any, args: Any, argnums: int, mode: str | None) -> None:
        self.name, self.f, self.argnums = name, f, argnums
        run = recorded(name, f, args, argnums)
        self.sparsity = ordered(patterns([result_of(name, run)], run.inputs)[0])
        rows = np.repeat(np.arange(self.sparsity.shape[0]), np.diff(self.sparsity.indptr))
        columns = self.sparsity.indices
        colour: Any = None
        self.forward = mode != "reverse"
        if name == "sparse_hessian":
            self.sparsity = ordered(self.sparsity + self.sparsity.T)
            rows = np.repeat(np.arange(self.sparsity.shape[0]), np.diff(self.sparsity.indptr))
            columns = self.sparsity.indices
            colour = star_colours(self.sparsity)
            count = int(colour.max(initial=-1)) + 1
            keys = rows * count + colour[columns]
            alone = np.bincount(keys, minlength=len(colour) * count)[keys] == 1
            self.places = np.where(alone, colour[columns], colour[rows]), np.where(alone, rows, columns)
        else:
            colour = column_colours(self.sparsity) if self.forward else None
            if mode is None or colour is None:
                others = column_colours(self.sparsity.T)
                if colour is None or others.max(initial=-1) < colour.max(initial=-1):
                    colour, self.forward = others, False
            self.places = (colour[columns], rows) if self.forward else (colour[rows], columns)
        self.colours = int(colour.max(initial=-1)) + 1
        self.colour_of = colour

    def __call__(self, *args: Any) -> Any:
        """Compute the matrix at other arguments, of the same shapes."""
        run = recorded(self.name, self.f, args, self.argnums)
        y, x = result_of(self.name, run), run.inputs[0]
        if (y.size, x.size) != self.sparsity.shape:
            raise ValueError(
                f"{self.name} was made for {self.sparsity.shape[0]} results and {self.sparsity.shape[1]} elements of "
                f"the argument, but got {y.size} and {x.size}; make it again for these"
            )
        compressed = self._compressed(run, y, x)
        flat = compressed.reshape(self.colours, (y if self.forward else x).size)
        data = flat[self.places].astype(x.dtype, copy=False)
        return sparse.csr_array((data, self.sparsity.indices, self.sparsity.indptr), shape=self.sparsity.shape)

    def _compressed(self, run: Recorded, y: Any, x: Any) -> np.ndarray:
        """Compute the sums of the columns, or rows, of each colour."""
        like, other = (x, y) if self.forward else (y, x)
        found = [np.zeros((0, *other.shape))]
        walk = Tangents([y], run.inputs) if self.forward else None
        step = chunk_of([y], run.inputs)
        for start in range(0, self.colours if isinstance(y, Variable) else 0, step):
            chosen = np.arange(start, min(start + step, self.colours))
            seeds = (self.colour_of == chosen[:, None]).astype(like.dtype).reshape((-1, *like.shape))
            if walk is None:
                found.append(batched_pull(y, seeds, run.inputs, False)[0])
            else:
                found.append(tangents(run, walk, seeds))
        if not isinstance(y, Variable):
            return np.zeros((self.colours, *other.shape))
        return np.concatenate(found)


def tangents(run: Recorded, walk: Tangents, seeds: np.ndarray) -> Any:
    """Carry several tangents forward: in one walk, or one by one where that is not possible."""
    made = pushed_batch(walk, [seeds], False, len(seeds)) if len(seeds) > 1 else None
    if made is not None:
        return made[0]
    rows = []
    for seed in seeds:
        one = pushed(walk, [seed], False)
        rows.append((pulled_twice(run, run.outputs(), [seed], False) if one is None else one)[0])
    return np.stack(rows)


def sparse_jacobian(f: Callable[..., Any], *args: Any, argnums: int = 0, mode: str | None = None) -> SparseDerivative:
    """Make the function that computes the Jacobian of `f` as a sparse array.

    Parameters
    ----------
    f : callable
        Returns one real array or Variable. Its pattern must be the same for all arguments: where it branches by
        values, make another one.
    *args
        Arguments to find the pattern with, as for `sparsity`.
    argnums : int
        The position of the argument, a real array.
    mode : {None, "forward", "reverse"}
        Whether columns are compressed, or rows; by default what takes fewer colours.

    Returns
    -------
    SparseDerivative
        Takes the arguments of `f`, and returns a scipy.sparse.csr_array: a row for each element of the result, a
        column for each element of the argument. It is what ``jac=`` of scipy.optimize.least_squares takes, and with
        ``argnums=1`` that of scipy.integrate.solve_ivp.

    Notes
    -----
    The pattern is found once (see `sparsity`), and its columns are coloured, so that those of one colour have no row
    in common: a call takes one tangent for each colour, however many columns there are. The values are plain arrays;
    they are not recorded.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import sparse_jacobian
    >>> jac = sparse_jacobian(lambda x: x[1:] ** 2 - x[:-1], np.zeros(4))
    >>> jac.colours
    2
    >>> jac(np.array([1.0, 2.0, 3.0, 4.0])).toarray()
    array([[-1.,  4.,  0.,  0.],
           [ 0., -1.,  6.,  0.],
           [ 0.,  0., -1.,  8.]])
    """
    options.choice(mode, "mode", "sparse_jacobian", (None, "forward", "reverse"))
    return SparseDerivative("sparse_jacobian", f, args, argnums, mode)


def sparse_hessian(f: Callable[..., Any], *args: Any, argnums: int = 0) -> SparseDerivative:
    """Make the function that computes the Hessian of `f` as a sparse array.

    Parameters
    ----------
    f : callable
        Returns one real number, as for `grad`.
    *args, argnums
        As for `sparse_jacobian`.

    Returns
    -------
    SparseDerivative
        Takes the arguments of `f`, and returns a scipy.sparse.csr_array.

    Notes
    -----
    The pattern is that of the recorded gradient, and a star colouring needs fewer colours than the columns of a
    Jacobian would: tangents are carried along `f` and its gradient, one for each colour.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import sparse_hessian
    >>> sparse_hessian(lambda x: np.sum(x[1:] ** 2 * x[:-1]), np.zeros(3))(np.ones(3)).toarray()
    array([[0., 2., 0.],
           [2., 2., 2.],
           [0., 2., 2.]])
    """
    gradient = differentiated("sparse_hessian", f, argnums)
    return SparseDerivative("sparse_hessian", lambda *args: gradient(args, {})[1], args, argnums, "forward")
