"""Functions with a removable singularity at 0, accurate to any order of derivative."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["near_zero"]


def near_zero(x: Any, radius: float, coefficients: Sequence[float], elsewhere: Callable[[Any], Any]) -> Any:
    """Compute ``elsewhere(x)``, but within `radius` of 0 the power series with `coefficients`.

    (sin(x) - x cos(x)) / x^2 is 0 / 0 at 0, and loses digits near it, more with every derivative;
    its power series does not.

    Examples
    --------
    >>> import numpy as np
    >>> near_zero(np.array([0.0, 1.0]), 0.5, [1, -1 / 6, 1 / 120], lambda x: np.sin(x) / x)
    array([1.        , 0.84147098])
    """
    near = np.abs(x) < radius
    small = np.where(near, x, 0.0)
    series = coefficients[-1] + 0.0 * small
    for coefficient in reversed(coefficients[:-1]):
        series = series * small + coefficient
    return np.where(near, series, elsewhere(np.where(near, 1.0, x)))
