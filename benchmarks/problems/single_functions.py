"""Single functions, forward and with the gradient, at several sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.libraries.library import library

__all__ = ["FUNCTIONS", "SIZES", "make"]


def vector(n: int, rng: Any) -> Any:
    return rng.uniform(0.1, 1.0, n)


def square(n: int, rng: Any) -> Any:
    side = round(n**0.5)
    return rng.uniform(0.1, 1.0, (side, side))


def solvable(n: int, rng: Any) -> Any:
    a = square(n, rng)
    return a + len(a) * np.eye(len(a))


def cube(n: int, rng: Any) -> Any:
    side = round(n ** (1 / 3))
    return rng.uniform(0.1, 1.0, (side, side, side))


class Single(NamedTuple):
    """A function of the arrays that it makes of a size; constants come before the others."""

    call: Callable[..., Any]
    arrays: tuple[Callable[[int, Any], Any], ...]
    constants: tuple[Callable[[int, Any], Any], ...] = ()


def alternating(n: int, rng: Any) -> Any:
    return np.arange(n) % 2 == 0


FUNCTIONS = {
    "add": Single(lambda f, a, b: a + b, (vector, vector)),
    "multiply": Single(lambda f, a, b: a * b, (vector, vector)),
    "exp": Single(lambda f, a: f.exp(a), (vector,)),
    "sin": Single(lambda f, a: f.sin(a), (vector,)),
    "tanh": Single(lambda f, a: f.tanh(a), (vector,)),
    "sum": Single(lambda f, a: f.sum(a, axis=0), (square,)),
    "mean": Single(lambda f, a: f.mean(a), (vector,)),
    "matmul": Single(lambda f, a, b: f.matmul(a, b), (square, square)),
    "where": Single(lambda f, c, a, b: f.where(c, a, b), (vector, vector), (alternating,)),
    "reshape": Single(lambda f, a: f.reshape(a, (-1, 1)), (vector,)),
    "transpose": Single(lambda f, a: f.transpose(a), (square,)),
    "getitem": Single(lambda f, a: a[a.shape[0] // 2 :], (vector,)),
    "concatenate": Single(lambda f, a, b: f.concatenate([a, b]), (vector, vector)),
    "einsum": Single(lambda f, a, b: f.einsum("bij,bjk->bik", a, b), (cube, cube)),
    "cumsum": Single(lambda f, a: f.cumsum(a), (vector,)),
    "sort": Single(lambda f, a: f.sort(a), (vector,)),
    "var": Single(lambda f, a: f.var(a, axis=1), (square,)),
    "max": Single(lambda f, a: f.max(a, axis=1), (square,)),
    "logsumexp": Single(lambda f, a: f.logsumexp(a, axis=1), (square,)),
    "solve": Single(lambda f, a, b: f.solve(a, b), (solvable, square)),
}
SIZES = (1, 1_000, 1_000_000)


def make(peer: str, row: str) -> Callable[[], Any]:
    """Make the step of ``name/size/forward`` or ``name/size/gradient``."""
    name, size, kind = row.split("/")
    lib, single, rng = library(peer), FUNCTIONS[name], np.random.default_rng(0)
    constants = [lib.constant(make(int(size), rng)) for make in single.constants]
    arrays = [make(int(size), rng) for make in single.arrays]

    def program(*xs: Any) -> Any:
        return single.call(lib.functions, *constants, *xs)

    return lib.forward(program, arrays) if kind == "forward" else lib.gradient(program, arrays)
