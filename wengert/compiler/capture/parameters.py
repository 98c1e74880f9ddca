"""Ints that say what a function of NumPy does: an axis, a shift, how often, how many. A plan is for these values.

As operands they would decide about shapes, which are those of the trace.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.calls import Method, Mutation, get_item, power

__all__ = ["is_parameter", "with_parameters"]

# Functions that compute with numbers among their arguments, or take elements at them.
OF_VALUES: frozenset[Any] = frozenset(
    (
        *(get_item, power, np.where, np.clip, np.full_like, np.stack, np.concatenate, np.hstack, np.vstack, np.append),
        *(np.dot, np.outer, np.inner, np.vdot, np.interp, np.searchsorted, np.polyval, np.isclose, np.choose),
        *(np.select, np.take, np.nan_to_num, np.roll, np.percentile, np.quantile, np.linspace, np.copyto),
        *(np.column_stack, np.unravel_index, np.ravel_multi_index, np.fill_diagonal, np.put, np.einsum, np.sum),
        *(np.delete, np.insert, np.trapezoid, np.tensordot, np.cross, np.ldexp, np.digitize, np.allclose),
        *(Method("take"), Method("clip"), Method("searchsorted"), Method("dot"), Method("fill"), Method("item")),
    )
)
# Names of arguments that decide about shapes in any function, and draws whose other arguments are numbers.
SHAPING = frozenset(("axis", "axes", "size", "shape", "num", "keepdims", "dtype"))
DRAWS = frozenset(("integers", "randint", "uniform", "normal", "poisson", "exponential", "gamma", "beta", "binomial"))


def is_parameter(function: Any, name: Any) -> bool:
    """Whether an int is no operand of a function; `name` is that of the argument, or its position."""
    if name in SHAPING or (function is np.sum and name != 0) or (function is np.linspace and name == 2):
        return True
    is_draw = hasattr(function, "generator")
    if isinstance(function, (np.ufunc, Mutation)) or (name == 0 and not is_draw):
        return False
    try:
        if function in OF_VALUES:
            return function is np.take and name == 2
    except TypeError:  # (it is not hashable)
        pass
    return not is_draw or function.name not in DRAWS


def with_parameters(number: Any, value: Any) -> Any:
    """Nested arguments with ints in place of traced ones, which have guards; `number` is the type of these."""
    if type(value) is number:
        return value.__index__() if type(value.value) is int else value
    if type(value) in (list, tuple):
        return type(value)([with_parameters(number, part) for part in value])
    return value
