"""The affine map of a layer: x times a matrix, plus a bias."""

import math
from typing import Any

import numpy as np

from wengert.checks.errors import describe
from wengert.custom.registration import dispatched
from wengert.functions.blas_sums import column_sums
from wengert.functions.contraction import array, conjugate
from wengert.functions.fused import Fused

__all__ = ["linear"]


@dispatched
def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Map the last axis: x @ weight.T + bias.

    Parameters
    ----------
    x : array (..., in)
    weight : array (out, in)
    bias : array (out,), optional

    Returns
    -------
    array (..., out)
        Of the dtype that NumPy's promotion gives.

    Raises
    ------
    ValueError
        If the shapes do not match.

    Examples
    --------
    >>> import numpy as np
    >>> linear(np.array([1.0, 2.0]), np.array([[3.0, 4.0]]), np.array([5.0]))
    array([16.])
    """
    x, weight, bias = check_linear(x, weight, bias)
    y = x @ weight.T
    return y if bias is None else y + bias


def check_linear(x: Any, weight: Any, bias: Any) -> tuple[Any, Any, Any]:
    """Return the arguments as arrays; raise ValueError unless their shapes match."""
    x, weight = array(x), array(weight)
    bias = None if bias is None else array(bias)
    if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
        given = "" if bias is None else f" and bias {describe(bias)}"
        raise ValueError(f"linear takes a weight (out, in) and a bias (out,), but got {describe(weight)}{given}")
    if x.ndim == 0 or x.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear with a weight {describe(weight)} takes x of shape (..., {weight.shape[1]}), but got "
            f"{describe(x)}; reshape x"
        )
    return x, weight, bias


def added(y: Any, bias: Any) -> Any:
    """Add `bias` to the fresh array `y`: in place, unless that would change the dtype of the result."""
    return np.add(y, bias, out=y if np.result_type(y, bias) == y.dtype else None)


class Linear(Fused, function=linear, by="x weight bias"):
    """x @ weight.T + bias, with the axes before the last flattened."""

    x: Any
    rows: Any
    weight: Any

    def forward(self, x: Any, weight: Any, bias: Any) -> Any:
        x, weight, bias = check_linear(x, weight, bias)
        self.weight = weight
        self.shape_of_x = x.shape
        self.rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
        y = self.rows @ weight.T
        if bias is not None:
            y = added(y, bias)
        return y.reshape(*x.shape[:-1], len(weight))

    def backward(self, gy: Any) -> Any:
        rows = gy.reshape(-1 if gy.size else len(self.rows), gy.shape[-1])
        needs_x, needs_weight, needs_bias = self.needs
        return (
            (rows @ conjugate(self.weight)).reshape(self.shape_of_x) if needs_x else None,
            rows.T @ conjugate(self.rows) if needs_weight else None,
            column_sums(rows) if needs_bias else None,
        )
