"""Functions of Hermitian matrices, with derivatives that equal eigenvalues do no harm to.

The k-th derivative of v f(w) v^H in the directions E is, in the basis v, a sum of products of the
elements of E times the divided differences of f at k + 1 eigenvalues (Daleckii and Krein, 1965), which
are derivatives of f where these are equal. It is symmetric in its directions and in the gradient that
arrives, so that the pullback of a derivative is the next derivative, to any order.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.lists import NOT_ARRAYS
from wengert.arrays.table import plain
from wengert.checks.errors import describe
from wengert.core.backprop import propagate
from wengert.core.node import Node, maker_of
from wengert.core.variable import Variable
from wengert.custom.marks import mark_inputs
from wengert.custom.modes import enable_grad
from wengert.custom.registration import dispatched, pullback
from wengert.functions.contraction import adjoint

__all__ = ["frechet_derivative", "matrix_function"]


def matrix_function(f: Callable[[Any], Any], a: Any) -> Any:
    """Apply a function to the eigenvalues of Hermitian matrices: v f(w) v^H, also where they are equal.

    Parameters
    ----------
    f : callable
        Takes an array of any shape and returns the function of each element, real, in differentiable
        NumPy: ``np.log``, ``np.sqrt``, ``lambda w: w**0.3``. It may hold no Variables.
    a : array of shape (..., n, n)
        The matrices, floating. Of those that are not Hermitian, their Hermitian part (a + a^H) / 2.

    Returns
    -------
    array of shape (..., n, n)
        In the dtype of `a`. Differentiable with respect to `a`, to any order; in the order k the cost
        grows with n to the power k + 1 (from 3 on).

    Raises
    ------
    TypeError
        If `f` is not callable, holds a Variable or returns complex numbers, or if `a` is no floating array.
    ValueError
        If `f` changes the shape, or `a` holds no square matrices.

    Notes
    -----
    The same is written with ``w, v = np.linalg.eigh(a)`` as ``(v * f(w)) @ v.T``, whose derivative w and v
    do not determine where eigenvalues are equal. Where a derivative of `f` is infinite, so is this one: inf
    or NaN.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.functions import matrix_function
    >>> a = wengert.Variable(np.eye(2))
    >>> np.sum(matrix_function(np.log, a) * [[1.0, 2.0], [2.0, 3.0]]).backward()
    >>> a.grad
    array([[1., 2.],
           [2., 3.]])
    """
    if not callable(f):
        raise TypeError(f"matrix_function takes a function of eigenvalues, but got {describe(f)}")
    dtype, shape = getattr(a, "dtype", None), np.shape(a)
    if dtype is None or dtype.kind not in "fc":
        raise TypeError(f"matrix_function takes floating matrices, but got {describe(a)}; convert it: a.astype(float)")
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ValueError(f"matrix_function takes square matrices (..., n, n), but got {describe(a)}")
    return frechet_derivative(f, a, ())


@dispatched
def frechet_derivative(f: Callable[[Any], Any], a: Any, directions: Any) -> Any:
    """The derivative of `matrix_function` in several directions, of which the Hermitian parts count.

    Examples
    --------
    >>> import numpy as np
    >>> frechet_derivative(np.square, np.diag([1.0, 3.0]), (np.ones((2, 2)),))
    array([[2., 4.],
           [4., 6.]])
    """
    w, v = np.linalg.eigh(_hermitian_part(a))
    k = len(directions)
    places = [np.reshape(w, (*w.shape[:-1], *(-1 if i == j else 1 for j in range(k + 1)))) for i in range(k + 1)]
    if k == 0:
        return ((v * _derivatives(f, w, 0)[0][..., None, :]) @ adjoint(v)).astype(a.dtype, copy=False)
    shape = np.broadcast_shapes(*(p.shape for p in places)) if w.size else (*w.shape[:-1], *(w.shape[-1:] * (k + 1)))
    nodes = np.sort(np.stack([np.broadcast_to(p, shape) for p in places]), axis=0)
    table = _divided_difference(f, nodes)[0]
    turned = [adjoint(v) @ _hermitian_part(e) @ v for e in directions]
    letters = "abcdefghij"[: k + 1]
    factors = ",".join(f"...{letters[i : i + 2]}" for i in range(k))
    terms = [
        np.einsum(f"...{letters},{factors}->...{letters[0]}{letters[-1]}", table, *order)
        for order in itertools.permutations(turned)
    ]
    return (v @ sum(terms[1:], terms[0]) @ adjoint(v)).astype(a.dtype, copy=False)


NOT_ARRAYS.add(frechet_derivative)  # (the directions are one array each)


@pullback(frechet_derivative, "a")
def by_matrix(gy: Any, f: Any, a: Any, directions: Any) -> Any:
    return frechet_derivative(f, a, (*directions, gy))


@pullback(frechet_derivative, "directions")
def by_directions(gy: Any, f: Any, a: Any, directions: Any) -> Any:
    return [frechet_derivative(f, a, (*directions[:i], gy, *directions[i + 1 :])) for i in range(len(directions))]


def _hermitian_part(a: Any) -> Any:
    return (a + adjoint(a)) / 2


def _divided_difference(f: Any, nodes: Any) -> tuple[Any, Any]:
    """The divided differences of `f` at sorted nodes, the first axis, and how inexact they are.

    Of nodes close together it is the derivative at their mean, whose error is the square of their spread
    times a higher derivative; else the quotient of differences, whose error is that of rounding over the spread.
    """
    k = len(nodes) - 1
    if k == 0:
        value = _derivatives(f, nodes[0], 0)[0]
        return value, np.finfo(nodes.dtype).eps * np.abs(value)
    (upper, error_above), (lower, error_below) = (_divided_difference(f, part) for part in (nodes[1:], nodes[:-1]))
    spread = nodes[-1] - nodes[0]
    with np.errstate(all="ignore"):
        places = np.stack([np.mean(nodes, axis=0), nodes[0], nodes[-1]])
        found = _derivatives(f, places, k + 2)
        off = spread**2 * np.max(np.abs(found[k + 2]), axis=0) / (8 * math.factorial(k))
        safe = np.where(spread == 0, 1, spread)
        error = (error_above + error_below) / safe
        close = (spread == 0) | (off <= error)
        derivative = found[k][0] / math.factorial(k)
        return np.where(close, derivative, (upper - lower) / safe), np.where(close, off, error)


def _derivatives(f: Any, x: Any, order: int) -> list[Any]:
    """Compute `f` of each element of `x`, and its derivatives up to `order`."""
    with enable_grad():
        (z,) = mark_inputs([Variable(x)])
        y = f(z)
        value = np.asarray(plain(y))
        if value.shape != x.shape:
            raise ValueError(
                f"the function of matrix_function must return the function of each element, of shape {x.shape}, "
                f"but returned {describe(y)}"
            )
        if value.dtype.kind not in "fiu":
            raise TypeError(f"the function of matrix_function must return real numbers, but returned {describe(y)}")
        found = [value.astype(x.dtype, copy=False)]
        if isinstance(y, Variable):
            _refuse_others(y, z)
        for _ in range(order):
            if maker_of(y) is not None:
                one = Variable(np.ones(y.shape, x.dtype))
                y = propagate([y], [one], True, inputs=[z]).get(z)
            else:
                y = None
            found.append(np.zeros_like(x) if y is None else plain(y))
        return found


def _refuse_others(y: Any, x: Any) -> None:
    """Raise TypeError if `y` was computed from another Variable than `x`, which would silently leave the graph."""
    seen: set[int] = set()
    ahead = [y]
    start = maker_of(x)
    while ahead:
        edge = ahead.pop()
        maker = maker_of(edge)
        if maker is start:
            continue
        if maker is None or maker._number <= start._number:
            raise TypeError(
                "the function of matrix_function may hold no Variables, as it is differentiated with respect to its "
                f"argument alone, but it uses {describe(edge)}; give it as an array: x.data"
            )
        if id(maker) not in seen:
            seen.add(id(maker))
            ahead += [part for part in maker._edges if isinstance(part, (Variable, Node))]
