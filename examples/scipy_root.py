"""Solve the heat equation with a source that grows with the temperature, -u'' = exp(u), as a root.

Newton's method needs the Jacobian of the residual at every step; here it is exact.
"""

from typing import Any

import numpy as np
from scipy.optimize import root

from wengert import jacobian

n = 40
h = 1 / (n + 1)


def residual(u: Any) -> Any:
    """Compute -u'' - exp(u) on a grid, with u = 0 at both ends."""
    padded = np.concatenate([np.zeros(1), u, np.zeros(1)])
    return (2 * padded[1:-1] - padded[:-2] - padded[2:]) / h**2 - np.exp(u)


def main() -> None:
    start = np.zeros(n)
    by_differences = root(residual, start)
    exact = root(residual, start, jac=jacobian(residual))
    for name, run in (("by differences", by_differences), ("by wengert", exact)):
        print(f"Jacobian {name:15} {run.nfev:4} evaluations, residual {np.max(np.abs(residual(run.x))):.1e}")
    print(f"highest temperature {np.max(exact.x):.4f} (0.1405 in the literature)")
    assert exact.success


if __name__ == "__main__":
    main()
