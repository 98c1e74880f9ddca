"""Solutions of linear equations."""

from typing import Any

import numpy as np
import scipy.linalg

from wengert.custom.registration import pullback
from wengert.functions.contraction import adjoint, conjugate
from wengert.scipy.answers import answered

__all__ = ["solve_triangular"]

solve_triangular = answered(scipy.linalg.solve_triangular)


def columns(b: Any, a: Any) -> Any:
    """Right sides as the columns of matrices: a vector is one column."""
    return b[..., None] if b.ndim == 1 else b


@pullback(solve_triangular, "a", reads="a")
def solve_triangular_matrix(
    gy: Any,
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: Any = False,
    unit_diagonal: Any = False,
    check_finite: Any = True,
    *,
    y: Any,
) -> Any:
    gb = columns(solve_triangular_right(gy, a, b, trans, lower, unit_diagonal), a)
    y = columns(y, a)
    if trans in (0, "N"):
        gx = -gb @ adjoint(y)
    elif trans in (1, "T"):
        gx = -conjugate(y) @ np.swapaxes(gb, -1, -2)
    else:
        gx = -y @ adjoint(gb)
    gx = np.tril(gx, -1 if unit_diagonal else 0) if lower else np.triu(gx, 1 if unit_diagonal else 0)
    return gx


@pullback(solve_triangular, "b", reads="a")
def solve_triangular_right(
    gy: Any, a: Any, b: Any, trans: Any = 0, lower: Any = False, unit_diagonal: Any = False, check_finite: Any = True
) -> Any:
    if trans in (0, "N"):
        return solve_triangular(a, gy, 2, lower, unit_diagonal, check_finite=False)
    if trans in (1, "T"):
        return conjugate(solve_triangular(a, conjugate(gy), 0, lower, unit_diagonal, check_finite=False))
    return solve_triangular(a, gy, 0, lower, unit_diagonal, check_finite=False)
