"""Solutions of matrix equations: Sylvester's, Lyapunov's and Riccati's."""

from typing import Any

import numpy as np
import scipy.linalg

from wengert.custom.registration import pullback
from wengert.functions.contraction import adjoint, array
from wengert.scipy.answers import answered, answers

__all__ = [
    "solve_continuous_are",
    "solve_continuous_lyapunov",
    "solve_discrete_are",
    "solve_discrete_lyapunov",
    "solve_lyapunov",
    "solve_sylvester",
]

solve_sylvester = answered(scipy.linalg.solve_sylvester)


@pullback(solve_sylvester, "a", reads="a b")
def sylvester_left(gy: Any, a: Any, b: Any, q: Any, *, y: Any) -> Any:
    return -solve_sylvester(adjoint(array(a)), adjoint(array(b)), gy) @ adjoint(y)


@pullback(solve_sylvester, "b", reads="a b")
def sylvester_right(gy: Any, a: Any, b: Any, q: Any, *, y: Any) -> Any:
    return -adjoint(y) @ solve_sylvester(adjoint(array(a)), adjoint(array(b)), gy)


@pullback(solve_sylvester, "q", reads="a b")
def sylvester_constant(gy: Any, a: Any, b: Any, q: Any, *, y: Any) -> Any:
    return solve_sylvester(adjoint(array(a)), adjoint(array(b)), gy)


@answers(scipy.linalg.solve_continuous_lyapunov)
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    return solve_sylvester(a, adjoint(array(a)), q)


solve_lyapunov = solve_continuous_lyapunov  # (SciPy's older name)
solve_discrete_lyapunov = answered(scipy.linalg.solve_discrete_lyapunov)


@pullback(solve_discrete_lyapunov, "a", reads="a")
def discrete_matrix(gy: Any, a: Any, q: Any, method: Any = None, *, y: Any) -> Any:
    s = solve_discrete_lyapunov(adjoint(a), gy, method)
    return s @ a @ adjoint(y) + adjoint(s) @ a @ y


@pullback(solve_discrete_lyapunov, "q", reads="a")
def discrete_constant(gy: Any, a: Any, q: Any, method: Any = None, *, y: Any) -> Any:
    return solve_discrete_lyapunov(adjoint(array(a)), gy, method)


# Riccati's equations. With the gain K and the closed loop A - B K, the derivative of the solution solves Lyapunov's
# equation (Laub, 1979; Kao and Hennequin, 2020). The gradient is that along Hermitian q and r, which SciPy demands.
solve_continuous_are = answered(scipy.linalg.solve_continuous_are)
solve_discrete_are = answered(scipy.linalg.solve_discrete_are)


def hermitian(g: Any) -> Any:
    return (g + adjoint(g)) / 2


def continuous_loop(gy: Any, a: Any, b: Any, r: Any, x: Any) -> tuple[Any, Any, Any]:
    """The gain, the solution of the adjoint equation, and what the gradient with respect to `a` begins with."""
    gain = np.linalg.solve(array(r), adjoint(b) @ x)
    s = solve_continuous_lyapunov(a - b @ gain, -hermitian(gy))
    return gain, s, x


def discrete_loop(gy: Any, a: Any, b: Any, r: Any, x: Any) -> tuple[Any, Any, Any]:
    """The same of the discrete equation."""
    gain = np.linalg.solve(r + adjoint(b) @ x @ b, adjoint(b) @ x @ a)
    loop = a - b @ gain
    return gain, solve_discrete_lyapunov(loop, hermitian(gy)), x @ loop


def riccati(public: Any, of_loop: Any) -> None:
    """Register the pullbacks of a solution."""

    @pullback(public, "a", reads="a b r")
    def by_system(gy: Any, a: Any, b: Any, q: Any, r: Any, *, y: Any) -> Any:
        _, s, before = of_loop(gy, array(a), array(b), r, y)
        return 2 * before @ s

    @pullback(public, "b", reads="a b r")
    def by_input(gy: Any, a: Any, b: Any, q: Any, r: Any, *, y: Any) -> Any:
        gain, s, before = of_loop(gy, array(a), array(b), r, y)
        return -2 * before @ s @ adjoint(gain)

    @pullback(public, "q", reads="a b r")
    def by_states(gy: Any, a: Any, b: Any, q: Any, r: Any, *, y: Any) -> Any:
        return of_loop(gy, array(a), array(b), r, y)[1]

    @pullback(public, "r", reads="a b r")
    def by_inputs(gy: Any, a: Any, b: Any, q: Any, r: Any, *, y: Any) -> Any:
        gain, s, _ = of_loop(gy, array(a), array(b), r, y)
        return gain @ s @ adjoint(gain)


riccati(solve_continuous_are, continuous_loop)
riccati(solve_discrete_are, discrete_loop)
