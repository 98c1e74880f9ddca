"""A NumPy program that writes into arrays, its inputs, and references for its derivatives by the complex step."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Program", "complex_gradient", "loss_of", "random_weights", "rebuilt"]

STEP = 1e-40


@dataclass(frozen=True)
class Program:
    """A function of arrays as people write it: it returns arrays, or writes its results into its arguments, or both.

    `small` and `large` take a random generator and return the arguments; with the large ones a call takes NumPy 1 to
    100 ms. `written` are the positions of the arguments that are written to. `reference` is a function with the same
    results which is right for complex numbers, where `function` is not.
    """

    function: Callable[..., Any]
    small: Callable[[np.random.Generator], tuple[Any, ...]]
    large: Callable[[np.random.Generator], tuple[Any, ...]]
    written: tuple[int, ...] = ()
    reference: Callable[..., Any] | None = None

    @property
    def name(self) -> str:
        return str(self.function.__name__)

    def argnums(self, arguments: Sequence[Any]) -> tuple[int, ...]:
        """Return the positions of the arrays with respect to which it is differentiated."""
        return tuple(i for i, x in enumerate(arguments) if isinstance(x, np.ndarray) and x.dtype.kind == "f")

    def results(self, *arguments: Any) -> list[Any]:
        """Call it; return what it returned, and then the arguments that it wrote to."""
        returned = self.function(*arguments)
        parts = [] if returned is None else list(returned) if isinstance(returned, (tuple, list)) else [returned]
        return [*parts, *(arguments[i] for i in self.written)]


def random_weights(program: Program, arguments: Sequence[Any], seed: int = 7) -> list[Any]:
    """Return weights, one array for each result."""
    rng = np.random.default_rng(seed)
    copies = [x.copy() if isinstance(x, np.ndarray) else x for x in arguments]
    return [rng.uniform(0.5, 1.5, np.shape(result)) for result in program.results(*copies)]


def loss_of(program: Program, weights: Sequence[Any]) -> Callable[..., Any]:
    """Return the function whose gradient is tested: a sum over all results, curved, with a weight for each element."""

    def loss(*arguments: Any) -> Any:
        total = 0.0
        for weight, result in zip(weights, program.results(*arguments), strict=True):
            total = total + np.sum(weight * result * (1.0 + 0.1 * result))
        return total

    return loss


class ComplexNumpy:
    """NumPy, whose arrays are complex where they would be float64: for the complex step."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if name in ("zeros", "empty", "ones", "full", "eye", "identity"):

            def creating(*arguments: Any, **options: Any) -> Any:
                made = found(*arguments, **options)
                return made.astype(complex) if made.dtype.kind == "f" else made

            return creating
        if name == "floor":
            return lambda x: np.floor(x.real)
        if name == "std":  # of complex numbers it is by absolute values
            return lambda x, axis=None: np.sqrt(np.mean((x - np.mean(x, axis)) ** 2, axis))
        return found


def rebuilt(function: Callable[..., Any], namespace: Any) -> Any:
    """Return a program with another namespace in the place of NumPy, also in the functions of its module."""
    scope = dict(function.__globals__)
    for name, value in list(scope.items()):
        if isinstance(value, types.FunctionType) and value.__module__ == function.__module__:
            scope[name] = types.FunctionType(value.__code__, scope, name, value.__defaults__, value.__closure__)
    scope["np"] = namespace
    return scope[function.__name__]


def complex_gradient(
    program: Program, arguments: Sequence[Any], weights: Sequence[Any], directions: Sequence[Sequence[Any]] = ()
) -> list[Any]:
    """Return the gradient of the loss by the complex step; or the derivatives in `directions`, one number for each.

    A direction has an array for each of the arguments that are differentiated.
    """
    other = Program(
        rebuilt(program.reference or program.function, ComplexNumpy()), program.small, program.large, program.written
    )
    loss, places = loss_of(other, weights), program.argnums(arguments)

    def derivative(direction: Sequence[Any]) -> float:
        given = [x.copy() if isinstance(x, np.ndarray) else x for x in arguments]
        for place, d in zip(places, direction, strict=True):
            given[place] = arguments[place] + 1j * STEP * d
        return float(np.imag(loss(*given)) / STEP)

    if directions:
        return [derivative(direction) for direction in directions]
    gradients = [np.zeros(arguments[place].shape) for place in places]
    for gradient in gradients:
        for index in np.ndindex(gradient.shape):
            direction = [np.zeros(each.shape) for each in gradients]
            direction[next(k for k, each in enumerate(gradients) if each is gradient)][index] = 1.0
            gradient[index] = derivative(direction)
    return gradients
