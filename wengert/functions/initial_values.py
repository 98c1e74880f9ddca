"""Derivatives of reductions with respect to their ``initial`` value: one more element of each slice.

Like the elements, it shares the gradient of an extreme evenly with those that are equal to it, and has the gradient 0
where an extreme is NaN.
"""

from typing import Any

import numpy as np

from wengert.custom.registration import pullback
from wengert.functions.reduction import NONE, converted, is_given, no_gradient, not_nan, spread


def is_rounded(a: Any, dtype: Any) -> bool:
    """Whether a sum or product is one of integers, so that `initial` is rounded to one."""
    return (a.dtype if dtype is None else np.dtype(dtype)).kind in "biu"


def initial_of_sum(
    gy: Any,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NONE,
    initial: Any = NONE,
    where: Any = NONE,
) -> Any:
    return no_gradient(gy, initial) if is_rounded(a, dtype) else gy  # the engine sums it


pullback(np.sum, "initial", reads="", linear=True)(initial_of_sum)
pullback(np.nansum, "initial", reads="")(initial_of_sum)


def initial_of_product(skips_nan: bool) -> Any:
    """Make the pullback of a product with respect to `initial`: the product of the elements."""

    def pull(
        gy: Any,
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = NONE,
        initial: Any = NONE,
        where: Any = NONE,
        *,
        y: Any,
    ) -> Any:
        if is_rounded(a, dtype):
            return no_gradient(gy, initial)
        taken = not_nan(a, where) if skips_nan else where
        factors = converted(np.where(taken, a, 1) if is_given(taken) else a, dtype)
        return gy * np.conjugate(np.prod(factors, axis=axis, keepdims=keepdims))

    return pull


pullback(np.prod, "initial")(initial_of_product(False))
pullback(np.nanprod, "initial")(initial_of_product(True))


def initial_of_extreme(
    gy: Any,
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = NONE,
    initial: Any = NONE,
    where: Any = NONE,
    *,
    y: Any,
) -> Any:
    equal = a == spread(y, a, axis, keepdims)
    count = np.sum(equal & where if is_given(where) else equal, axis=axis, keepdims=keepdims)
    chosen = y == initial
    return gy * (chosen / np.maximum(count + chosen, 1)).astype(gy.dtype)


for extreme in (np.max, np.amax, np.nanmax, np.min, np.amin, np.nanmin):
    pullback(extreme, "initial")(initial_of_extreme)
