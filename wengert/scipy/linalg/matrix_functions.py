"""Functions of square matrices: exponentials, logarithms, powers.

The derivative of f at A in the direction E is a block of f of a larger matrix, f([[A, E], [0, A]]), also where
eigenvalues are equal (Mathias, 1996; Higham, Functions of Matrices, 2008, theorem 3.6). Its adjoint is the derivative
at the adjoint of A, so that the pullback is the function itself, which holds to any order.
"""

from typing import Any

import numpy as np
import scipy.linalg

from wengert.arrays.decisions import holds
from wengert.arrays.table import plain
from wengert.custom.registration import pullback
from wengert.functions.contraction import adjoint
from wengert.scipy.answers import answered, answers
from wengert.scipy.linalg.checked import LinAlgError, finite, promoted
from wengert.scipy.linalg.equations import solve_sylvester

__all__ = [
    "coshm",
    "cosm",
    "expm",
    "expm_frechet",
    "fractional_matrix_power",
    "logm",
    "sinhm",
    "sinm",
    "sqrtm",
    "tanhm",
    "tanm",
]

expm = answered(scipy.linalg.expm)
cosm, sinm, tanm = answered(scipy.linalg.cosm), answered(scipy.linalg.sinm), answered(scipy.linalg.tanm)
coshm, sinhm, tanhm = answered(scipy.linalg.coshm), answered(scipy.linalg.sinhm), answered(scipy.linalg.tanhm)
logm, sqrtm = answered(scipy.linalg.logm), answered(scipy.linalg.sqrtm)
fractional_matrix_power = answered(scipy.linalg.fractional_matrix_power)


def derivative_along(function: Any, a: Any, direction: Any) -> Any:
    """The derivative of a function of matrices in a direction."""
    n = a.shape[-1]
    batch = np.broadcast_shapes(a.shape[:-2], direction.shape[:-2])
    a, direction = (np.broadcast_to(x, batch + x.shape[-2:]) for x in (a, direction))
    whole = np.concatenate(
        [np.concatenate([a, direction], axis=-1), np.concatenate([np.zeros_like(plain(a)), a], axis=-1)], axis=-2
    )
    return function(whole)[..., :n, n:]


def entire(function: Any) -> None:
    """Register the pullback of a function that has no singular points or branches, other than poles."""

    @pullback(function, "A", reads="A")
    def function_pullback(gy: Any, A: Any) -> Any:
        return derivative_along(function, adjoint(A), gy)


for _function in (expm, cosm, sinm, tanm, coshm, sinhm, tanhm):
    entire(_function)


def refuse_cut(a: Any, name: str) -> None:
    """Raise where an eigenvalue lies on the branch cut of a function, the negative numbers and 0."""
    values = np.linalg.eigvals(plain(a))
    rounding = 8 * np.finfo(values.dtype).eps * np.max(np.abs(values), axis=-1, keepdims=True, initial=0)
    on_cut = (np.real(values) <= rounding) & (np.abs(np.imag(values)) <= rounding)
    if holds(np.any(on_cut)):
        raise LinAlgError(
            f"the derivative of {name} is not known where an eigenvalue of the matrix is 0, or negative, on the cut "
            "between two branches"
        )


@pullback(logm, "A", reads="A")
def logm_pullback(gy: Any, A: Any, *, y: Any) -> Any:
    refuse_cut(A, "logm")
    return derivative_along(logm, adjoint(A), gy)


@pullback(sqrtm, "A", reads="A")
def sqrtm_pullback(gy: Any, A: Any, *, y: Any) -> Any:
    refuse_cut(A, "sqrtm")
    return solve_sylvester(adjoint(y), adjoint(y), gy)


@pullback(fractional_matrix_power, "A", reads="A t")
def power_matrix(gy: Any, A: Any, t: Any, *, y: Any) -> Any:
    if plain(t) != int(plain(t)):
        refuse_cut(A, "fractional_matrix_power")
    return derivative_along(lambda a: fractional_matrix_power(a, t), adjoint(A), gy)


@pullback(fractional_matrix_power, "t", reads="A")
def power_exponent(gy: Any, A: Any, t: Any, *, y: Any) -> Any:
    refuse_cut(A, "fractional_matrix_power")
    return np.real(np.sum(gy * np.conjugate(logm(A) @ y)))


@answers(scipy.linalg.expm_frechet)
def expm_frechet(
    A: Any, E: Any, method: Any = None, compute_expm: Any = True, check_finite: Any = True
) -> Any:  # fmt: skip
    if method not in (None, "SPS", "blockEnlarge"):
        raise ValueError(f"Unknown implementation {method}")
    a, e = promoted(finite(A, check_finite), finite(E, check_finite), least=np.float64)
    derivative = derivative_along(expm, a, e)
    return (expm(a), derivative) if compute_expm else derivative
