"""Solutions of matrix equations: Sylvester's and Lyapunov's."""

from typing import Any

import scipy.linalg

from wengert.custom.registration import pullback
from wengert.functions.contraction import adjoint, array
from wengert.scipy.answers import answered, answers

__all__ = ["solve_continuous_lyapunov", "solve_discrete_lyapunov", "solve_lyapunov", "solve_sylvester"]

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
