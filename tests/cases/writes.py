"""Cases for wengert.writes: arrays that a program makes, and what it writes into them."""

import operator
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import Case, away, complex_array, normal
from wengert.arrays.table import INTO
from wengert.writes.calls import view, write
from wengert.writes.places import Place


def into_copy(change: Callable[..., Any]) -> Callable[..., Any]:
    """The function that writes into a copy of its first argument, and returns it."""

    def call(x: Any, *values: Any) -> Any:
        y = np.copy(x)
        change(y, *values)
        return y

    return call


def filled(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function that writes its argument, a vector, into the first elements of an array that it makes."""

    def call(x: Any) -> Any:
        y = make(x)
        np.ravel(y)[: x.size] = x**2
        return y

    return call


def filled_row(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function that writes its argument, a vector, into the first row of an array that it makes."""

    def call(x: Any) -> Any:
        y = make(x)
        y[0] = x**2
        return np.ravel(y)[1:] * x[0]  # (in another order of memory a copy)

    return call


def assigned(index: Any) -> Callable[..., Any]:
    return into_copy(lambda y, v: operator.setitem(y, index, v))


def added(index: Any) -> Callable[..., Any]:
    def change(y: Any, v: Any) -> None:
        y[index] += v

    return into_copy(change)


def into_out(x: Any, y: Any) -> Any:
    out = np.empty_like(x)
    np.multiply(x, y, out=out)
    np.sin(out, out=out)
    np.add(out, y, out=out, where=[True, False, True])
    return out


def one_beside_another(x: Any) -> Any:
    """A prefix sum in place, through a view."""
    y = np.copy(x)
    for i in range(1, len(y)):
        row = y[i]
        row += y[i - 1] * row
    return y


MASK = np.array([[True, False, True], [False, False, True]])
WINDOWS, COLUMN = Place(0, (3, 2), (1, 1)), Place(1, (2,), (3,))

CASES = [
    *(
        Case(operator.setitem, assigned(index), (normal(4, 3), normal(*shape)))
        for index, shape in (
            (0, (3,)),
            ((slice(1, 3), 1), ()),
            (([0, 2], slice(None)), (2, 1)),
            (([0, 2, 0],), (3, 3)),
            ((..., None, -1), (4, 1)),
            (np.arange(12).reshape(4, 3) % 2 == 0, (6,)),
            (slice(None, None, -2), (1, 2, 3)),
            (slice(0, 0), (3,)),
            (..., (4, 3)),
        )
    ),
    Case(operator.setitem, assigned((slice(None), 0)), (complex_array(2, 3), complex_array(2))),
    Case(operator.setitem, assigned(()), (normal(), normal(seed=1))),
    *(
        Case(operator.setitem, added(index), (normal(4, 3), normal(3)))
        for index in (1, slice(None, 3, 2), [0, 1, 0], (..., slice(None)))
    ),
    Case(operator.setitem, one_beside_another, (normal(4, 2),)),
    Case(INTO, into_out, (normal(2, 3), normal(3))),
    Case(INTO, into_copy(lambda y, v: np.add.at(y, [0, 2, 0], v)), (normal(4), normal(3))),
    Case(INTO, into_copy(lambda y, v: np.multiply.at(y, [0, 2, 0], v)), (normal(4), normal(3))),
    Case(INTO, into_copy(lambda y, v: np.sum(v, axis=0, out=y)), (normal(3), normal(2, 3))),
    Case(np.ndarray.fill, into_copy(lambda y, v: y.fill(v)), (normal(2, 3), normal())),
    Case(np.ndarray.sort, into_copy(lambda y: y.sort()), (away(2, 3),)),
    Case(np.ndarray.sort, into_copy(lambda y: y.sort(axis=0)), (away(3, 2),)),
    Case(np.ndarray.partition, into_copy(lambda y: y.partition(1)), (away(3, 4),)),
    Case(np.copyto, into_copy(np.copyto), (normal(2, 3), normal(3))),
    Case(np.copyto, into_copy(lambda y, v: np.copyto(y, v, where=MASK)), (normal(2, 3), normal(2, 1))),
    Case(np.put, into_copy(lambda y, v: np.put(y, [0, -1, 0], v)), (normal(2, 3), normal(3))),
    Case(np.put, into_copy(lambda y, v: np.put(y, [1, 7], v, mode="wrap")), (normal(2, 3), normal(1))),
    Case(np.place, into_copy(lambda y, v: np.place(y, MASK, v)), (normal(2, 3), normal(2))),
    Case(np.putmask, into_copy(lambda y, v: np.putmask(y, MASK, v)), (normal(2, 3), normal(4))),
    Case(
        np.put_along_axis,
        into_copy(lambda y, v: np.put_along_axis(y, np.array([[0], [2]]), v, axis=1)),
        (normal(2, 3), normal(2, 1)),
    ),
    Case(np.fill_diagonal, into_copy(np.fill_diagonal), (normal(3, 3), normal())),
    Case(np.fill_diagonal, into_copy(lambda y, v: np.fill_diagonal(y, v, wrap=True)), (normal(7, 3), normal(3))),
    # arrays that are made
    Case(np.zeros_like, filled(lambda x: np.zeros_like(x, shape=(2, 3))), (normal(3),)),
    Case(np.ones_like, filled_row(lambda x: np.ones_like(x, shape=(2, 3), order="F")), (normal(3),)),
    Case(np.empty_like, filled(np.empty_like), (complex_array(3),)),
    Case(np.zeros, filled(lambda x: np.zeros((2, 3), x.dtype, like=x)), (normal(4),)),
    Case(np.zeros, filled(lambda x: np.zeros(2, x.dtype, like=x)), (complex_array(2),)),
    Case(np.ones, filled_row(lambda x: np.ones((2, 3), x.dtype, "F", like=x)), (normal(3),)),
    Case(np.empty, filled(lambda x: np.empty(3, x.dtype, like=x)), (normal(3),)),
    Case(np.full, filled(lambda x: np.full((2, 3), 0.5, x.dtype, like=x)), (normal(4),)),
    Case(np.full, lambda x: np.full((2, 3), x, like=x), (normal(3),)),
    Case(np.full, lambda x: np.full(2, x, like=x) * x, (normal(),)),
    Case(np.eye, filled(lambda x: np.eye(2, 3, 1, x.dtype, like=x)), (normal(4),)),
    Case(np.identity, filled(lambda x: np.identity(3, x.dtype, like=x)), (normal(4),)),
    Case(np.tri, filled(lambda x: np.tri(3, dtype=x.dtype, like=x)), (normal(4),)),
    Case(np.arange, filled(lambda x: np.arange(5, dtype=x.dtype, like=x)), (normal(4),)),
    Case(np.arange, lambda x: np.arange(x, 3.0, like=x) * x, (normal(),), single=False, exact=False),
    Case(
        np.arange,
        lambda x, step: np.arange(x, x + 3.5 * step, step, like=x),
        (normal(), away()),
        single=False,
        exact=False,
    ),
    Case(np.array, lambda x: np.array(x, like=x) * x, (normal(2, 3),)),
    Case(np.array, lambda x, y: np.array([[x, 1.0], [y, x * y]], like=x), (normal(), normal(seed=1))),
    Case(np.array, lambda x: np.array([x, x[::-1]], ndmin=3, like=x), (complex_array(3),)),
    Case(np.array, lambda x: np.array(x, np.complex128, like=x), (normal(3),), single=False),
    Case(np.array, lambda x: np.array(x, ndmin=2, copy=False, like=x), (normal(3),)),
    *(
        Case(make, lambda x, y, make=make: make([x, y], like=x), (normal(2), normal(2, seed=1)))
        for make in (np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray)
    ),
    Case(np.asarray, lambda x: np.asarray(x, like=x) ** 2, (normal(2, 3),)),
    Case(np.ascontiguousarray, lambda x: np.ascontiguousarray(x, like=x) ** 2, (normal(),)),
    Case(np.require, lambda x: np.require(x, like=x) ** 2, (normal(2, 3),)),
    Case(
        np.fromfunction,
        filled(lambda x: np.fromfunction(lambda i, j: i + j, (2, 3), dtype=x.dtype, like=x)),
        (normal(4),),
    ),
    Case(np.fromiter, filled(lambda x: np.fromiter(range(4), x.dtype, like=x)), (normal(3),)),
    Case(
        np.frombuffer,
        filled(lambda x: np.array(np.frombuffer(bytes(4 * x.itemsize), x.dtype, like=x), like=x)),
        (normal(3),),
    ),
    Case(np.fromstring, filled(lambda x: np.fromstring("1 2 3", x.dtype, sep=" ", like=x)), (normal(2),)),
    Case(np.fromfile, lambda x: np.append(np.fromfile(os.devnull, x.dtype, like=x), x), (normal(2),)),
    Case(np.loadtxt, filled(lambda x: np.loadtxt(["1 2", "3 4"], x.dtype, like=x)), (normal(3),)),
    Case(np.genfromtxt, filled(lambda x: np.genfromtxt(["1 2", "3 4"], x.dtype, like=x)), (normal(3),)),
    # the calls that are recorded
    Case(view, lambda x: view(x, COLUMN), (normal(2, 3),)),
    Case(view, lambda x: view(x, WINDOWS), (normal(4),)),
    Case(view, lambda x: view(x, Place(1, (2,), (2,), "imag")), (complex_array(4),)),
    Case(write, lambda x, v: write(x, v, None, ...), (normal(2, 3), normal(3))),
    Case(write, lambda x, v: write(x, v, COLUMN, ...), (normal(2, 3), normal(2))),
    Case(write, lambda x, v: write(x, v, COLUMN, [1, 1], True), (normal(2, 3), normal(2))),
    Case(write, lambda x, v: write(x, v, None, MASK), (complex_array(2, 3), complex_array(3))),
]
