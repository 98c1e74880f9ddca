"""SciPy's Newton method fits a network
====================================

``scipy.optimize.minimize`` takes a gradient, and a method of second order takes products with the Hessian:
``value_and_grad`` and ``hvp`` give them. The parameters of the network are nested, and SciPy wants one vector:
``flatten`` goes there and back.

Run as ``python examples/science/scipy_minimize.py``: compares the ways, and leaves a picture in ``output/``.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from wengert import flatten, hvp, value_and_grad

try:
    from matplotlib import pyplot as plt
    from scipy.optimize import minimize
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error

x = np.linspace(-2, 2, 40)[:, None]
y = np.sin(2 * x) + 0.3 * x


def network(parameters: Any, x: Any) -> Any:
    """Two layers, in plain NumPy."""
    hidden = np.tanh(x @ parameters["hidden"]["w"] + parameters["hidden"]["b"])
    return hidden @ parameters["out"]["w"] + parameters["out"]["b"]


def draw(start: Any, fitted: Any, courses: dict[str, list[float]]) -> Any:
    """Draw the data with the network before and after, and the loss after each step of each way."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.4), layout="constrained")
    line = np.linspace(-2.5, 2.5, 200)[:, None]
    left.plot(line, network(start, line), color="tab:gray", linestyle="--", label="start")
    left.plot(line, network(fitted, line), color="tab:blue", label="fitted")
    left.plot(x, y, "o", color="black", markersize=3, label="data")
    left.set(xlabel="x", ylabel="y")
    for name, course in courses.items():
        right.semilogy(
            course, label=name, linestyle="--" if "trust" in name else "-", linewidth=4 if "finite" in name else 1.5
        )
    right.set(xlabel="step of the minimizer", ylabel="loss")
    for axes in (left, right):
        axes.legend(fontsize=9)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


# %%
# Three ways to the same minimum. Differences need an evaluation for each parameter and step.


def main(arguments: list[str] | None = None) -> float:
    """Run the example; return the greatest error of the fit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", "--quick", action="store_true", help="60 steps of each way")
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(0)
    start = {
        "hidden": {"w": rng.standard_normal((1, 8)), "b": rng.standard_normal(8)},
        "out": {"w": rng.standard_normal((8, 1)) / 3, "b": np.zeros(1)},
    }
    vector, unflatten = flatten(start)

    def loss(vector: Any) -> Any:
        parameters = unflatten(vector)
        return np.mean((network(parameters, x) - y) ** 2) + 1e-5 * np.sum(vector**2)

    def product(at: Any, direction: Any) -> Any:
        return hvp(loss, (at,), (direction,))[0]

    gradient: dict[str, Any] = {"fun": value_and_grad(loss), "jac": True}
    ways: dict[str, dict[str, Any]] = {
        "BFGS, finite differences": {"fun": lambda v: float(loss(v)), "method": "BFGS"},
        "BFGS, gradient of wengert": {**gradient, "method": "BFGS"},
        "trust region, Hessian products": {**gradient, "hessp": product, "method": "trust-ncg"},
    }
    print(f"{vector.size} parameters, loss {float(loss(vector)):.3f} at the start")
    courses: dict[str, list[float]] = {}
    for name, way in ways.items():
        course = courses[name] = [float(loss(vector))]
        run = minimize(
            x0=vector,
            callback=lambda at, course=course: course.append(float(loss(at))),
            options={"maxiter": 60} if options.short else {},
            **way,
        )
        print(f"{name:32} loss {run.fun:.6f}  {run.nit:4} steps  {run.nfev:6} evaluations")
    fitted = unflatten(run.x)
    error = float(np.max(np.abs(network(fitted, x) - y)))
    print(f"greatest error of the fit: {error:.3f}")

    figure = draw(start, fitted, courses)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "scipy_minimize.png", dpi=120)
        print(f"Picture: {(folder / 'scipy_minimize.png').resolve()}")
    return error


if __name__ == "__main__":
    main()
