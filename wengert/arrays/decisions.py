"""Decisions that a derivative takes on values, of which a plan is told at its end, once for all of them.

Elsewhere a decision is a guard of its own: nothing after it is computed where it is not taken again. Here what follows
may be computed all the same, and is not used then: it writes nothing, and is at worst wrong, NaN or an exception.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["all_finite", "has_finite_sum", "holds", "is_finite"]


def holds(condition: Any) -> bool:
    """Whether a condition is true, which may be a traced array.

    Examples
    --------
    >>> holds(np.all(np.array([1.0, 2.0]) > 0))
    True
    """
    decide = getattr(condition, "holds", None)
    return bool(condition) if decide is None else decide()


def has_finite_sum(values: Any) -> bool:
    """Whether the sum of an array is finite: one cheap look at its values; an overflow of the sum does no harm.

    Examples
    --------
    >>> has_finite_sum(np.array([1.0, np.inf])), has_finite_sum(np.array([1.0, 2.0]))
    (False, True)
    """
    return is_finite(np.sum(values))


def all_finite(values: Any) -> bool:
    """Whether all elements are finite. Of what decides later (a traced array) the sum is asked, which may overflow.

    Examples
    --------
    >>> all_finite(np.array([1e308, 1e308])), all_finite(np.array([1.0, np.nan]))
    (True, False)
    """
    with np.errstate(over="ignore"):
        if has_finite_sum(values):
            return True
    return isinstance(values, (np.ndarray, np.generic)) and bool(np.isfinite(values).all())


def is_finite(total: Any) -> bool:
    """Whether a sum is finite.

    Examples
    --------
    >>> is_finite(np.inf)
    False
    """
    decide = getattr(total, "is_finite", None)
    return bool(np.isfinite(total)) if decide is None else decide()
