"""A product in which zero wins: gradients times derivatives that may be infinite."""

from typing import Any

import numpy as np

from wengert.arrays.decisions import has_finite_sum
from wengert.arrays.protocol import through_protocol

__all__ = ["strong_zero_multiply"]


@through_protocol
def strong_zero_multiply(a: Any, b: Any) -> Any:
    """Multiply, with 0 times infinity (or NaN) as 0.

    Where no gradient arrives, none leaves: in ``np.where(x > 0, np.sqrt(x), 0)`` the root's
    derivative at 0 is infinite, and the gradient that the mask lets through there is 0.

    Examples
    --------
    >>> import numpy as np
    >>> with np.errstate(invalid="ignore"):
    ...     strong_zero_multiply(np.array([0.0, 2.0]), np.array([np.inf, 3.0]))
    array([0., 6.])
    """
    product = a * b
    if not has_finite_sum(product):
        product = np.where((a == 0) | (b == 0), 0, product)
    return product
