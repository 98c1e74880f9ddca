"""The number of NumPy's differentiable functions that each library differentiates correctly.

Every call of `benchmarks.problems.numpy_calls` is made on the library's own kind of array, and its gradient
is compared with finite differences of the same call on plain arrays. Some libraries support NumPy's own functions ("raw
NumPy": the program is unchanged), some have a namespace of their own.
"""

import importlib
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import wengert
from benchmarks.problems.numpy_calls import ARRAYS, CALLS

__all__ = ["OURS", "Call", "make"]

STEP = 1e-4
TOLERANCE = 1e-6  # of the greatest element of the gradient

# Maps the scalar function of a call and its arrays to the gradients with respect to them.
Gradients = Callable[[Callable[..., Any], list[Any]], Any]


class Way(NamedTuple):
    """A library, and the namespace that its calls are written in."""

    name: str
    namespace: str
    gradients: Gradients


def with_wengert(f: Callable[..., Any], arrays: list[Any]) -> Any:
    xs = [wengert.Variable(array) for array in arrays]
    f(*xs).backward()
    return [x.grad for x in xs]


def with_mygrad(f: Callable[..., Any], arrays: list[Any]) -> Any:
    import mygrad

    xs = [mygrad.tensor(array) for array in arrays]
    f(*xs).backward()
    return [x.grad for x in xs]


def with_autograd(f: Callable[..., Any], arrays: list[Any]) -> Any:
    import autograd

    return autograd.grad(f, argnum=tuple(range(len(arrays))))(*arrays)


def with_jax(f: Callable[..., Any], arrays: list[Any]) -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax.grad(f, argnums=tuple(range(len(arrays))))(*map(jax.numpy.asarray, arrays))


OURS = Way("wengert", "numpy", with_wengert)
WAYS = {
    "wengert": [OURS],
    "mygrad": [Way("mygrad", "numpy", with_mygrad)],
    "autograd": [Way("autograd", "numpy", with_autograd), Way("autograd", "autograd.numpy", with_autograd)],
    "jax": [Way("jax", "jax.numpy", with_jax)],
}


class Call:
    """One call: its text, the arrays in it, and how it is made a number."""

    def __init__(self, text: str) -> None:
        self.code = compile(text, text, "eval")
        self.names = [name for name in ARRAYS if name in self.code.co_names]
        self.arrays = [ARRAYS[name] for name in self.names]

    def total(self, namespace: Any) -> Callable[..., Any]:
        """Make the function that adds up the results of the call, each element with a weight of its own."""

        def total(*xs: Any) -> Any:
            known = {"np": namespace, **dict(zip(self.names, xs, strict=True))}
            return sum(weighted(part, i, namespace) for i, part in enumerate(parts(eval(self.code, known))))

        return total

    def differences(self) -> list[Any]:
        """Differentiate by central differences of fourth order."""
        f = self.total(np)
        gradients = []
        for i, x in enumerate(self.arrays):
            gradient = np.zeros(x.shape)
            for position in np.ndindex(x.shape):
                values = []
                for step in (1, -1, 2, -2):
                    moved = x.copy()
                    moved[position] += step * STEP
                    values.append(f(*self.arrays[:i], moved, *self.arrays[i + 1 :]))
                gradient[position] = (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * STEP)
            gradients.append(gradient)
        return gradients

    def is_right(self, way: Way, expected: list[Any]) -> bool:
        """Whether a library computes the expected gradients."""
        try:
            namespace = importlib.import_module(way.namespace)
            found = way.gradients(self.total(namespace), [array.copy() for array in self.arrays])
            return all(is_near(gx, g) for gx, g in zip(found, expected, strict=True))
        except Exception:  # noqa: BLE001  (a library may fail in any way)
            return False


def parts(result: Any) -> list[Any]:
    return [part for r in result for part in parts(r)] if isinstance(result, (tuple, list)) else [result]


def weighted(part: Any, number: int, namespace: Any) -> Any:
    weights = np.cos(np.arange(part.size) + number).reshape(part.shape)
    if part.dtype.kind == "c":
        return namespace.sum(namespace.real(part) * weights) + namespace.sum(namespace.imag(part) * weights[::-1])
    return namespace.sum(part * weights)


def is_near(found: Any, expected: Any) -> bool:
    found = np.zeros(expected.shape) if found is None else np.asarray(found)
    size = 1 + np.max(np.abs(expected))
    return found.shape == expected.shape and bool(np.all(np.abs(found - expected) <= TOLERANCE * size))


def make(peer: str, row: str) -> Callable[[], float]:
    """Make the count of the calls that a library differentiates rightly: ``unchanged``, of NumPy's own
    functions; ``own``, of its namespace's."""
    way = next(way for way in WAYS[peer] if (way.namespace == "numpy") == (row == "unchanged"))

    def count() -> float:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            calls = [Call(text) for text in CALLS]
            return float(sum(call.is_right(way, call.differences()) for call in calls))

    return count
