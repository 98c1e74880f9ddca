"""Dropout."""

import math
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.refusals import is_operand, plain_array
from wengert.functions.contraction import array
from wengert.functions.randomness import generator
from wengert.functions.training_mode import is_training

__all__ = ["dropout"]


def dropout(x: Any, rate: float = 0.5) -> Any:
    """Set each element to 0 with the probability `rate`, and divide the others by 1 - rate.

    In test mode (`wengert.test_mode`) `x` itself is returned.

    Parameters
    ----------
    x : array
        Integers become float64.
    rate : float
        From 0 to 1.

    Returns
    -------
    array
        Of the shape of `x`: a Variable of a Variable, an ndarray of an ndarray. The mask is drawn from
        `wengert.generator`, and is the same in the derivatives of all orders.

    Raises
    ------
    ValueError, TypeError
        If the rate is not a number from 0 to 1.

    References
    ----------
    Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting, 2014,
    https://jmlr.org/papers/v15/srivastava14a.html

    Examples
    --------
    >>> import numpy as np, wengert
    >>> y = dropout(np.ones(1000))
    >>> sorted(set(y.tolist()))
    [0.0, 2.0]
    """
    rate = options.real(rate, "rate", "dropout", 0, 1)
    if isinstance(x, np.ndarray):
        x = plain_array("dropout", x)
    if rate == 0 or not is_training():
        return x
    x = array(x)
    is_operand("dropout", x)  # raises unless it holds numbers
    dtype = x.dtype if x.dtype.kind in "fc" else np.dtype(np.float64)
    return x * noise(x.shape, rate, np.empty(0, dtype).real.dtype)


def noise(shape: tuple[int, ...], rate: float, dtype: Any) -> Any:
    """Draw the factors of `dropout`: 0, or 1 / (1 - rate)."""
    size = math.prod(shape)
    # compares 32 random bits: the rate is accurate to 1e-9, in half the time of a float64 draw
    bound = round(rate * 2.0**32)
    if bound >= 2**32:
        return np.zeros(shape, dtype)
    drawn = generator().integers(0, 2**32, size, np.uint32).reshape(shape)
    return np.multiply(drawn >= bound, dtype.type(1 / (1 - rate)), dtype=dtype)
