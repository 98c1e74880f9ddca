"""Fit a small neural network with SciPy's Newton method, which wants a gradient and Hessian products.

The parameters are nested; SciPy wants one vector: `flatten` goes there and back.
"""

from typing import Any

import numpy as np
from scipy.optimize import minimize

from wengert import flatten, hvp, value_and_grad

rng = np.random.default_rng(0)
x = np.linspace(-2, 2, 40)[:, None]
y = np.sin(2 * x) + 0.3 * x


def network(parameters: Any, x: Any) -> Any:
    """Two layers, in plain NumPy."""
    hidden = np.tanh(x @ parameters["hidden"]["w"] + parameters["hidden"]["b"])
    return hidden @ parameters["out"]["w"] + parameters["out"]["b"]


def main() -> None:
    start = {
        "hidden": {"w": rng.standard_normal((1, 8)), "b": rng.standard_normal(8)},
        "out": {"w": rng.standard_normal((8, 1)) / 3, "b": np.zeros(1)},
    }
    vector, unflatten = flatten(start)

    def loss(vector: Any) -> Any:
        parameters = unflatten(vector)
        return np.mean((network(parameters, x) - y) ** 2) + 1e-5 * np.sum(vector**2)

    runs = {
        "BFGS, finite differences": minimize(lambda v: float(loss(v)), vector, method="BFGS"),
        "BFGS, gradient of wengert": minimize(value_and_grad(loss), vector, jac=True, method="BFGS"),
        "trust region, Hessian products": minimize(
            value_and_grad(loss),
            vector,
            jac=True,
            hessp=lambda at, direction: hvp(loss, (at,), (direction,))[0],
            method="trust-ncg",
        ),
    }
    print(f"{vector.size} parameters, loss {float(loss(vector)):.3f} at the start")
    for name, run in runs.items():
        print(f"{name:32} loss {run.fun:.6f}  {run.nit:4} steps  {run.nfev:6} evaluations")
    fitted = unflatten(runs["trust region, Hessian products"].x)
    print(f"greatest error of the fit: {np.max(np.abs(network(fitted, x) - y)):.3f}")


if __name__ == "__main__":
    main()
