"""Compiled functions are differentiable: each recorded call is one call of the record, with a compiled pullback."""

import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from tests.differentiable_case import CALLS, DifferentiableCase, array_in
from wengert import Variable
from wengert.compiler.compiled import compile
from wengert.compiler.targets.cpu.runner import interpreted, native
from wengert.functions import relu

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 3)), RNG.normal(size=3)


def nested(tree: Any, *, scale: float) -> Any:
    a, (b, c) = tree["a"], tree["rest"]
    return {"sum": [scale * np.tanh(a @ b), c], "twice": (a * a, None)}


def branching(x: Any) -> Any:
    return x * x if np.sum(array_in(x)) > 0 else np.exp(x)


def with_views(x: Any) -> Any:
    y = np.sin(x)
    return y.T[1:], np.sum(y[:, 0])


def of_choice(x: Any, n: int, flag: bool) -> Any:
    return x**n if flag else np.cumsum(x)


def independent(x: Any) -> Any:
    return np.ones(3), x * 2, 5


def inner_gradient(x: Any) -> Any:
    return wengert.grad(lambda z: np.sum(np.sin(z) * z))(x)


def solved(x: Any) -> Any:
    return np.linalg.solve(x @ x.T + 4 * np.eye(3), C)


# name: (function, arguments)
PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "elementwise": (lambda x, y: np.sin(x) * y + x / (1 + y * y), (A, 2 * A)),
    "broadcast": (lambda x, b: np.tanh(x + b), (A, A[0])),
    "products": (lambda x, w, b: np.tanh(x @ w + b), (A, B, C)),
    "reduction": (lambda x: np.log(np.sum(np.exp(x), axis=1)), (A,)),
    "softmax": (lambda x: np.exp(x - np.max(x, axis=1, keepdims=True)) / 3, (A,)),
    "0-d": (lambda x: np.exp(np.sum(x)) * x[0, 0], (A,)),
    "empty": (lambda x, y: (x * 2, y * y), (np.zeros((0, 3)), A)),
    "the same twice": (lambda x: (x + x, x * 3), (A,)),
    "gradient of a result alone": (lambda x, y: x + y, (A, A)),
    "several results": (lambda x, y: (x * y, np.sum(x), y - 1), (A, A)),
    "one result repeated": (lambda x: (lambda y: [y, y])(x * x), (A,)),
    "argument returned": (lambda x, y: (x, x * y), (A, A)),
    "view of an argument": (lambda x: x[1:].T, (A,)),
    "views of a result": (with_views, (A,)),
    "transposed": (lambda x: (x * 2).T, (A,)),
    "array of a result": (lambda x: (lambda y: (y, array_in(y)))(x * x), (A,)),
    "independent": (independent, (A,)),
    "branches": (branching, (A,)),
    "piecewise": (lambda x: np.where(x > 0, x * x, np.exp(x)) + np.maximum(x, 0.1), (A,)),
    "indexing": (lambda x: x[[0, 2, 0]] * x[1, 1] + x[:, ::-1], (A,)),
    "concatenate": (lambda x, y: np.concatenate([x, np.stack([y, y * 2])]), (A, A[0])),
    "gradient inside": (inner_gradient, (A,)),
    "solve": (solved, (A,)),
    "einsum": (lambda x, y: np.einsum("ij,jk->ik", x, y), (A, B)),
    "relu": (lambda x: relu(x) * x, (A,)),
    "norm": (lambda x: np.linalg.norm(x, axis=0), (A,)),
}


def loss(result: Any) -> Any:
    """One number that depends on all that was computed."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (list, tuple)):
        return sum(((i + 1) * loss(part) for i, part in enumerate(result)), start=np.zeros(()))
    if result is None or isinstance(result, int):
        return np.zeros(())
    return np.sum(np.sin(result) + result * result)


def forms(f: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[str, Any]:
    """The derivatives of a function in all forms, by what they are called."""
    places = tuple(range(len(arguments)))
    x = tuple(np.ones(np.shape(a), a.dtype) for a in arguments)

    def slope(*xs: Any) -> Any:
        found = wengert.grad(lambda *xs: loss(f(*xs)), places)(*xs)
        return sum((np.sum(np.cos(g) * g) for g in found), start=np.zeros(()))

    return {
        "value": wengert.value_and_grad(lambda *xs: loss(f(*xs)), places)(*arguments),
        "second": wengert.grad(slope, places)(*arguments),
        "hvp": wengert.hvp(lambda *xs: loss(f(*xs)), arguments, x),
        "jvp": wengert.jvp(lambda *xs: loss(f(*xs)), arguments, x),
        "backward": by_backward(f, arguments),
    }


def by_backward(f: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    xs = [Variable(a.copy()) for a in arguments]
    y = loss(f(*xs))
    if not isinstance(y, Variable) or y.creator is None:
        return None
    y.backward(create_graph=True)
    first = [x.grad for x in xs]
    for x in xs:
        x.cleargrad()
    total = sum((np.sum(g**3) for g in first if g is not None), start=Variable(np.zeros(())))
    if total.creator is not None:
        total.backward()
    return first, [x.grad for x in xs]


class ProgramsTest(DifferentiableCase):
    def follow(self, runner: Any, dtype: Any, rtol: float) -> None:
        eager_only = {"view of an argument"}
        for name, (f, arguments) in PROGRAMS.items():
            given = tuple(a.astype(dtype) for a in arguments)
            c = compile(f, runner=runner)
            with self.subTest(name), np.errstate(all="ignore"):
                expected = forms(f, given)
                for _ in range(CALLS):
                    self.same(forms(c, given), expected, rtol)
                self.assertIsNone(c.given_up)
                self.assertEqual(self.used(c), name not in eager_only)

    def test_double(self) -> None:
        self.follow(interpreted, np.float64, 1e-9)

    def test_single(self) -> None:
        self.follow(interpreted, np.float32, 2e-3)

    def test_native(self) -> None:
        self.follow(native, np.float64, 1e-8)


if __name__ == "__main__":
    unittest.main()
