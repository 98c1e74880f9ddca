"""check_grad: derivatives against finite differences, in a random direction, to any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.backprop import mark_inputs, propagate
from wengert.core.errors import describe
from wengert.core.mode import enable_grad, no_grad
from wengert.core.variable import Variable, gradient_dtype

__all__ = ["GradientError", "check_grad"]


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
    """Check the derivatives of a function against finite differences, or raise with the place.

    The function is made a number by a random weighting of its results. The derivative of that in a
    random direction is compared with a central difference of fourth order; then the gradient, as a
    function, is checked in the same way for the next order.

    Parameters
    ----------
    f : callable
        Takes the arrays, as Variables, and returns an array or a tuple or list of them.
    *args : ndarray
        Where to check. Real and complex floating arrays are differentiated by, of any shape, empty
        and 0-d ones too; all else is given to `f` as it is. `f` must be smooth within 2 eps.
    order : int
        Up to which derivative, at least 1.
    eps : float
        The step. Differences are taken in double precision also for single-precision arguments.
    rtol, atol : float, optional
        By default 1e-6 and 1e-7, or 1e-3 and 1e-4 where an argument is in single precision.
    seed : int
        Of the random weighting and direction.

    Raises
    ------
    GradientError
        If they differ: with the order, the argument and the position where they differ most, both
        values, the error and the tolerance.
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
    wengert.transforms.check.GradientError: derivative 1 by argument 0 at () is 3.0 by backward but ...
    """
    if order < 1:
        raise ValueError(f"check_grad checks derivatives from the first on, but got order={order}")
    arrays = [a.data if isinstance(a, Variable) else a for a in args]
    places = [i for i, a in enumerate(arrays) if isinstance(a, np.ndarray) and a.dtype.kind in "fc"]
    if not places:
        raise TypeError(
            f"check_grad needs a floating array to differentiate by, but got {', '.join(map(describe, args)) or 'none'}"
        )
    single = any(arrays[i].dtype.itemsize // (2 if arrays[i].dtype.kind == "c" else 1) < 8 for i in places)
    rtol = (1e-3 if single else 1e-6) if rtol is None else rtol
    atol = (1e-4 if single else 1e-7) if atol is None else atol
    rng = np.random.default_rng(seed)

    def of_floats(*xs: Any) -> list[Any]:
        full = list(arrays)
        for i, x in zip(places, xs, strict=True):
            full[i] = x
        y = f(*full)
        return list(y) if isinstance(y, (tuple, list)) else [y]

    function = of_floats
    points = [arrays[i] for i in places]
    for n in range(1, order + 1):
        _check_once(function, points, places, n, eps, rtol, atol, rng)
        function = _gradient_of(function, rng)


def _check_once(
    f: Callable[..., list[Any]],
    points: list[Any],
    places: list[int],
    order: int,
    eps: float,
    rtol: float,
    atol: float,
    rng: np.random.Generator,
) -> None:
    xs, total = _weighted(f, points, weights := {}, rng)
    gradients = _gradients(total, xs, live=False)
    _finite("backward", order, gradients)
    wide = [x.astype(np.complex128 if x.dtype.kind == "c" else np.float64) for x in points]
    scale = max([1.0, *(float(np.max(np.abs(g), initial=0)) for g in gradients)])

    def difference(directions: Sequence[Any]) -> float:
        def at(step: float) -> float:
            with no_grad():
                moved = [x + step * eps * v for x, v in zip(wide, directions, strict=True)]
                return float(np.real(_weighted(f, moved, weights, rng)[1].data))

        return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * eps)

    directions = [_random_like(x, rng) for x in wide]
    for v in directions:
        v /= max(1.0, float(np.sqrt(np.sum(np.abs(v) ** 2))))
    expected = difference(directions)
    _finite("a finite difference", order, [expected])
    found = sum(_along(g, v) for g, v in zip(gradients, directions, strict=True))
    tolerance = atol + rtol * max(abs(expected), scale)
    if abs(found - expected) <= tolerance:
        return
    worst = _worst(wide, gradients, difference)
    argument, position, one, other = worst
    raise GradientError(
        f"derivative {order} by argument {places[argument]} at {position} is {one} by backward but {other} by finite "
        f"differences: an error of {abs(one - other):.3g}, where {tolerance:.3g} is allowed "
        f"(in a random direction {found} and {expected}); the backward of a function in it is wrong"
    )


def _weighted(f: Any, points: list[Any], weights: dict[int, Any], rng: np.random.Generator) -> Any:
    """Make the results of `f` one real number, by random weights that stay the same."""
    xs = mark_inputs([x if isinstance(x, Variable) else Variable(np.asarray(x)) for x in points])
    total = Variable(np.array(0.0))
    for i, y in enumerate(f(*xs)):
        if not isinstance(y, Variable):
            y = Variable(np.asarray(y, dtype=float))
        if i not in weights:
            weights[i] = _random_like(y.data.astype(gradient_dtype(y.data.dtype)), rng)
        total = total + np.sum(np.real(y * weights[i]))
    return xs, total


def _gradients(total: Any, xs: list[Any], live: bool) -> list[Any]:
    start = np.ones((), total.dtype)
    found = propagate([total], [Variable(start) if live else start], live, inputs=xs)
    return [found.get(x, np.zeros(x.shape, gradient_dtype(x.dtype))) for x in xs]


def _gradient_of(f: Callable[..., list[Any]], rng: np.random.Generator) -> Callable[..., list[Any]]:
    weights: dict[int, Any] = {}

    def gradient(*points: Any) -> list[Any]:
        with enable_grad():
            xs, total = _weighted(f, list(points), weights, rng)
            return _gradients(total, xs, live=True)

    return gradient


def _random_like(x: Any, rng: np.random.Generator) -> Any:
    v = rng.standard_normal(x.shape)
    return np.asarray(v + 1j * rng.standard_normal(x.shape) if x.dtype.kind == "c" else v)


def _along(g: Any, v: Any) -> float:
    return float(np.sum(np.real(np.conjugate(g) * v)))


def _finite(what: str, order: int, values: Sequence[Any]) -> None:
    for value in values:
        if not np.all(np.isfinite(value)):
            raise ValueError(
                f"check_grad needs finite numbers, but {what} of derivative {order} gave nan or infinity; "
                "check at a point inside the domain, further from its edge than 2 eps"
            )


def _worst(points: list[Any], gradients: list[Any], difference: Callable[..., float]) -> tuple[int, Any, Any, Any]:
    """Find the element where the two differ most."""
    worst: tuple[float, Any] = (-1.0, None)
    for i, (x, g) in enumerate(zip(points, gradients, strict=True)):
        for position in np.ndindex(x.shape):
            other: Any = 0
            for unit in (1, 1j) if x.dtype.kind == "c" else (1,):
                directions = [np.zeros_like(p) for p in points]
                directions[i][position] = unit
                other = other + unit * difference(directions)
            error = float(abs(g[position] - other))
            if error > worst[0] or np.isnan(error):
                worst = (error, (i, tuple(position), g[position].item(), other))
    return worst[1]  # type: ignore[no-any-return]
