"""A stiff chemical reaction (Robertson, 1966): implicit solvers need the Jacobian of the right side."""

from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from wengert import jacobian


def reaction(t: float, y: Any) -> Any:
    """Return how fast the three concentrations change."""
    a, b, c = y[0], y[1], y[2]
    made_b = 0.04 * a - 1e4 * b * c
    made_c = 3e7 * b**2
    return np.stack([-made_b, made_b - made_c, made_c])


def main() -> None:
    start = np.array([1.0, 0.0, 0.0])
    jac = jacobian(reaction, argnums=1)
    print("Jacobian at the start:")
    print(jac(0.0, start))
    for method in ("Radau", "BDF"):
        run = solve_ivp(reaction, (0, 1e5), start, method=method, jac=jac, rtol=1e-6, atol=1e-10)
        a, b, c = run.y[:, -1]
        print(f"{method:6} {run.nfev:4} evaluations, {run.njev:3} Jacobians: a = {a:.6f}  b = {b:.3e}  c = {c:.6f}")
        assert run.success
        assert abs(a + b + c - 1) < 1e-6  # nothing is lost


if __name__ == "__main__":
    main()
