"""check_grad: derivatives against finite differences, in a random direction, to any order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.conversions import Differentiating
from wengert.checks.errors import describe
from wengert.checks.variables import to_array
from wengert.core.backprop import propagate
from wengert.core.variable import Variable, as_variable, gradient_dtype
from wengert.custom.marks import mark_inputs
from wengert.custom.modes import enable_grad, no_grad
from wengert.transforms.containers import leaves, rebuild

__all__ = ["GradientError", "check_grad"]

# By the size of a real number in bytes, for half, single, double precision: rtol, atol.
TOLERANCES = {2: (5e-2, 1e-2), 4: (1e-3, 1e-4), 8: (1e-6, 1e-7)}


class GradientError(ValueError):
    """A derivative differs from its finite difference."""


def check_grad(
    f: Callable[..., Any],
    *args: Any,
    order: int = 2,
    eps: float = 1e-3,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
) -> None:
    """Check the derivatives of a function against finite differences; raise where they differ.

    The results of the function are reduced to a number by a random polynomial (of second degree, so that incoming
    gradients depend on the arguments, as they do in a program). For each argument, the derivative of that in a random
    direction is compared with a central difference of fourth order; then the gradient, as a function, is checked in the
    same way for the next order.

    Parameters
    ----------
    f : callable
        Takes the arrays, as Variables, and returns an array or nested containers of them.
    *args : ndarray, or nested containers (dict, list, tuple) of them
        The point to check at. It is differentiated with respect to real and complex floating arrays of any shape, empty
        and 0-d ones included; everything else is passed to `f` unchanged. Where there is no such array, floats are the
        point. `f` must be smooth within 2 eps.
    order : int
        Up to which derivative, at least 1.
    eps : float
        The step. Differences are taken in double precision also for single-precision arguments.
    rtol, atol : float, optional
        An error may be ``atol + rtol * size``, the size being that of the difference, or of the
        greatest element of the gradient with respect to the same argument. By default 1e-6 and 1e-7; 1e-3 and
        1e-4 where an argument is in single precision, 5e-2 and 1e-2 in half.
    seed : int
        Of the random polynomial and direction.

    Raises
    ------
    GradientError
        If they differ: with the order, the argument and the position where they differ most, both
        values, the error and the tolerance. Also if the gradient under ``create_graph`` differs from the plain one.
    TypeError
        If there is no floating argument.
    ValueError
        If `f` gives NaN or infinity at the point or next to it, or `order` is below 1.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.check_grad(lambda x: np.sin(x) * x, np.array([1.0, 2.0]))
    >>> class Wrong(wengert.Function):
    ...     def forward(self, x):
    ...         return x ** 2
    ...     def backward(self, gy):
    ...         return gy * self.input.data
    >>> wengert.check_grad(Wrong(), np.array(3.0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    wengert.transforms.check.GradientError: derivative 1 with respect to argument 0 at () is ... by backward but ...
    """
    options.function(f, "f", "check_grad")
    order = options.integer(order, "order", "check_grad", 1)
    eps = options.real(eps, "eps", "check_grad", above=0)
    rtol = None if rtol is None else options.real(rtol, "rtol", "check_grad", 0)
    atol = None if atol is None else options.real(atol, "atol", "check_grad", 0)
    named = [leaf for i, arg in enumerate(args) for leaf in leaves(arg, f"{i}")]
    arrays = [a.data if isinstance(a, Variable) else a for _, a in named]
    if not any(map(is_floating, arrays)):
        arrays = [np.array(a) if isinstance(a, (float, complex, np.inexact)) else a for a in arrays]
    places = [i for i, a in enumerate(arrays) if is_floating(a)]
    if not places:
        raise TypeError(
            "check_grad needs a floating array to differentiate with respect to, but got "
            f"{', '.join(map(describe, args)) or 'none'}"
        )
    narrowest = min(arrays[i].dtype.itemsize // (2 if arrays[i].dtype.kind == "c" else 1) for i in places)
    usual = TOLERANCES[min(narrowest, 8)]
    rng = np.random.default_rng(options.seed(seed, "seed", "check_grad"))

    def of_floats(*xs: Any) -> list[Any]:
        full = list(arrays)
        for i, x in zip(places, xs, strict=True):
            full[i] = x
        return [y for _, y in leaves(f(*rebuild(args, full)))]

    rtol, atol = usual[0] if rtol is None else rtol, usual[1] if atol is None else atol
    check = Check([named[i][0] for i in places], eps, rtol, atol)
    points = [arrays[i] for i in places]
    function: Callable[..., list[Any]] = of_floats
    for n in range(1, order + 1):
        weighted = Weighted(function, rng)
        check.once(weighted, points, n, rng)
        if n < order:
            check.compare_with_create_graph(weighted, points, n)
        function = weighted.gradient


def is_floating(value: Any) -> bool:
    """Whether a value is an array of real or complex floating numbers."""
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"


class Weighted:
    """The results of a function reduced to one real number, by a fixed random polynomial."""

    def __init__(self, f: Callable[..., list[Any]], rng: np.random.Generator) -> None:
        self.f = f
        self.rng = rng
        self.weights: dict[int, Any] = {}

    def total(self, points: Sequence[Any]) -> tuple[list[Variable], Any]:
        xs = mark_inputs([x if isinstance(x, Variable) else Variable(to_array(x)) for x in points])
        total = Variable(np.array(0.0))
        with Differentiating(xs):
            ys = self.f(*xs)
        for i, y in enumerate(ys):
            if not isinstance(y, Variable):
                y = Variable(np.asarray(y))  # raises for non-numeric arrays
            if i not in self.weights:
                like = y.data.astype(gradient_dtype(y.dtype))
                size = 1 + float(np.max(np.abs(like), initial=0))
                self.weights[i] = random_like(like, self.rng), random_like(like, self.rng) / size
            linear, square = self.weights[i]
            total = total + np.sum(np.real(y * (linear + square * y)))
        return xs, total

    def gradients(self, points: Sequence[Any], create_graph: bool) -> list[Any]:
        with enable_grad():
            xs, total = self.total(points)
            start = np.ones((), total.dtype)
            found = propagate([total], [Variable(start) if create_graph else start], create_graph, inputs=xs)
        return [found.get(x, np.zeros(x.shape, gradient_dtype(x.dtype))) for x in xs]

    def gradient(self, *points: Any) -> list[Any]:
        return [as_variable(g) for g in self.gradients(points, create_graph=True)]


class Check:
    """The comparison of derivatives with differences, with the settings of one `check_grad`."""

    def __init__(self, names: list[str], eps: float, rtol: float, atol: float) -> None:
        self.names = names
        self.eps = eps
        self.rtol = rtol
        self.atol = atol

    def once(self, f: Weighted, points: list[Any], order: int, rng: np.random.Generator) -> None:
        """Compare the gradient of `f`, the derivative number `order`, along one direction for each argument."""
        gradients = f.gradients(points, create_graph=False)
        finite("backward", order, gradients)
        wide = [x.astype(np.complex128 if x.dtype.kind == "c" else np.float64) for x in points]

        def difference(i: int, direction: Any) -> float:
            def at(step: float) -> float:
                with no_grad():
                    moved = [np.asarray(x + step * self.eps * direction) if i == j else x for j, x in enumerate(wide)]
                    return float(f.total(moved)[1].data)

            return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * self.eps)

        for i, (x, g) in enumerate(zip(wide, gradients, strict=True)):
            direction = random_like(x, rng)
            direction /= max(1.0, float(np.sqrt(np.sum(np.abs(direction) ** 2))))
            expected = difference(i, direction)
            finite("a finite difference", order, [expected])
            found = along(g, direction)
            tolerance = self.tolerance(max(abs(expected), float(np.max(np.abs(g), initial=0))))
            if not abs(found - expected) <= tolerance:
                position, one, other = worst(x, g, functools.partial(difference, i), rng)
                raise GradientError(
                    f"derivative {order} with respect to argument {self.names[i]} at {position} is {one} by backward "
                    f"but {other} by "
                    f"finite differences: an error of {abs(one - other):.3g}, where {tolerance:.3g} is allowed "
                    f"(in a random direction {found} and {expected}); the backward of a function in it is wrong"
                )

    def compare_with_create_graph(self, f: Weighted, points: list[Any], order: int) -> None:
        """Compare the gradient under create_graph, from which the next order is computed, with the plain one."""
        pairs = zip(f.gradients(points, create_graph=False), f.gradients(points, create_graph=True), strict=True)
        for name, (plain, recorded) in zip(self.names, pairs, strict=True):
            recorded = getattr(recorded, "_data", recorded)
            error = np.abs(plain - recorded)
            tolerance = self.tolerance(float(np.max(np.abs(plain), initial=0)))
            if not np.all(error <= tolerance):
                position = tuple(map(int, np.unravel_index(np.argmax(np.nan_to_num(error, nan=np.inf)), error.shape)))
                raise GradientError(
                    f"derivative {order} with respect to argument {name} at {position} is {plain[position]} by "
                    f"backward but {recorded[position]} under create_graph: an error of {error[position]:.3g}, where "
                    f"{tolerance:.3g} is allowed; the backward of a function in it must compute the same from "
                    "Variables as from arrays"
                )

    def tolerance(self, size: float) -> float:
        return self.atol + self.rtol * size


def random_like(x: Any, rng: np.random.Generator) -> Any:
    v = rng.standard_normal(x.shape)
    return np.asarray(v + 1j * rng.standard_normal(x.shape) if x.dtype.kind == "c" else v)


def along(g: Any, v: Any) -> float:
    return float(np.sum(np.real(np.conjugate(g) * v)))


def finite(what: str, order: int, values: Sequence[Any]) -> None:
    for value in values:
        if not np.all(np.isfinite(value)):
            raise ValueError(
                f"check_grad needs finite numbers, but {what} of derivative {order} gave nan or infinity; "
                "check at a point inside the domain, further from its edge than 2 eps"
            )


def worst(x: Any, g: Any, difference: Callable[[Any], float], rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Find the element where the two differ most; in a large array, the first of 64 candidates."""
    positions = np.arange(x.size)
    while len(positions) > 64:
        halves = np.array_split(positions, 2)
        errors = []
        for half in halves:
            direction = np.zeros_like(x)
            direction.reshape(-1)[half] = random_like(x.reshape(-1)[half], rng)
            errors.append(abs(along(g, direction) - difference(direction)))
        positions = halves[int(not errors[0] >= errors[1])]
    found: tuple[float, Any] = (-1.0, None)
    for flat in positions:
        position = tuple(map(int, np.unravel_index(flat, x.shape)))
        other: Any = 0
        for unit in (1, 1j) if x.dtype.kind == "c" else (1,):
            direction = np.zeros_like(x)
            direction[position] = unit
            other = other + unit * difference(direction)
        error = float(abs(g[position] - other))
        if not error <= found[0]:
            found = (error, (position, g[position].item(), other))
    return found[1]  # type: ignore[no-any-return]
