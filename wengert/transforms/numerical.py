"""Derivatives by finite differences."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Variable, gradient_dtype
from wengert.custom.modes import no_grad

__all__ = ["numerical_diff"]


def numerical_diff(f: Callable[[Variable], Any], x: Variable, eps: float = 1e-4) -> Any:
    """Differentiate by a central difference, (f(x + eps) - f(x - eps)) / (2 eps), elementwise.

    Parameters
    ----------
    f : callable
        Takes a Variable and returns one.
    x : Variable
        Of any shape; not modified. Integers are converted to float64.
    eps : float
        The step, above 0.

    Returns
    -------
    ndarray
        For an elementwise `f` the derivative of each element; in general the derivative in the
        direction of ones. In float32 about three digits are right: compute in float64.

    Raises
    ------
    TypeError
        If `x` is not a Variable.
    ValueError
        If `eps` is not above 0, or `f` gives NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Variable, numerical_diff, square
    >>> x = Variable(np.array(0.5))
    >>> print("{:.6f}".format(numerical_diff(square, x)))
    1.000000
    """
    if not isinstance(x, Variable):
        raise TypeError(f"numerical_diff takes a Variable, but got {describe(x)}; wrap it: Variable(np.array(x))")
    if x.data is None:
        raise TypeError(f"numerical_diff takes a Variable that holds an array, but the data of {describe(x)} is None")
    options.function(f, "f", "numerical_diff")
    eps = options.real(eps, "eps", "numerical_diff", above=0)
    data = x.data.astype(gradient_dtype(x.data.dtype))
    with no_grad():
        y0, y1 = (_value(f(Variable(np.asarray(data + step)))) for step in (-eps, eps))
    difference = np.asarray((y1 - y0) / (2 * eps))
    if np.isnan(difference).any():
        raise ValueError(
            f"numerical_diff needs numbers, but f gave nan or infinite values near {describe(x)}; "
            "check that x lies inside the domain of f"
        )
    return difference


def _value(y: Any) -> Any:
    y = y.data if isinstance(y, Variable) else np.asarray(y)
    if y.dtype.kind not in "biufc":
        raise TypeError(f"numerical_diff takes a function that returns numbers, but got {describe(y)}")
    return y
