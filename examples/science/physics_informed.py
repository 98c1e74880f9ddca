"""A physics-informed network for Burgers' equation
================================================

A network u(t, x) is trained without any data: only by how far it is from satisfying

    u_t + u u_x = ν u_xx,   u(0, x) = -sin(πx),   u(t, ±1) = 0,

at random points (Raissi, Perdikaris and Karniadakis, 2019). The derivatives with respect to t and x are those of the
network itself: ``jvp`` carries them forward through it, and the gradient of the residual with respect to the weights
goes back through that. ``compile`` makes native code of all three orders, and SciPy's L-BFGS does the rest. The wave
steepens to a front; what it should be is known in closed form (Hopf, 1950; Cole, 1951).

Run as ``python examples/science/physics_informed.py``: prints the error, and leaves a picture in ``output/``.
"""

import argparse
import itertools
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from wengert import flatten, jvp, value_and_grad

try:
    from matplotlib import pyplot as plt
    from scipy.optimize import minimize
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error

VISCOSITY = 0.02

# %%
# The network. A factor makes it fulfil the conditions at the start and at the ends, whatever its weights.


def initialize(rng: np.random.Generator, sizes: tuple[int, ...]) -> list[tuple[Any, Any]]:
    """Return weights and biases (Glorot and Bengio, 2010)."""
    return [(rng.normal(0, np.sqrt(2 / (m + n)), (m, n)), np.zeros(n)) for m, n in itertools.pairwise(sizes)]


def wave(parameters: Any, t: Any, x: Any) -> Any:
    """Return u at each of the points."""
    values = np.stack([2 * t - 1, x], axis=-1)
    *hidden, (weights, bias) = parameters
    for w, b in hidden:
        values = np.tanh(values @ w + b)
    return t * (1 - x**2) * (values @ weights + bias)[..., 0] - np.sin(np.pi * x)


# %%
# What it leaves of the equation. The value at a point depends on that point alone: a tangent of ones gives the
# derivative at all of them at once.


def residual(parameters: Any, t: Any, x: Any) -> Any:
    """Return u_t + u u_x - ν u_xx at each of the points."""
    one = np.ones_like(x)

    def slope(x: Any) -> Any:
        return jvp(lambda x: wave(parameters, t, x), (x,), (one,))

    (u, u_x), (_, u_xx) = jvp(slope, (x,), (one,))
    _, u_t = jvp(lambda t: wave(parameters, t, x), (t,), (one,))
    return u_t + u * u_x - VISCOSITY * u_xx


def exact(t: Any, x: Any) -> Any:
    """The solution, by the transformation of Cole and Hopf: two integrals, by Gauss and Hermite's quadrature."""
    nodes, weights = np.polynomial.hermite.hermgauss(100)
    y = x[..., None] - 2 * np.sqrt(VISCOSITY * t[..., None]) * nodes
    potential = weights * np.exp(-(np.cos(np.pi * y) + 1) / (2 * np.pi * VISCOSITY))
    return -np.sum(np.sin(np.pi * y) * potential, axis=-1) / np.sum(potential, axis=-1)


def train(start: Any, t: np.ndarray, x: np.ndarray, steps: int) -> tuple[Any, list[float], list[float]]:
    """Return the parameters after so many steps of L-BFGS, and the residual and the error on the way."""
    vector, unflatten = flatten(start)
    loss = wengert.compile(value_and_grad(lambda v: np.mean(residual(unflatten(v), t, x) ** 2)))
    times, places = np.meshgrid(np.linspace(0.02, 1, 25), np.linspace(-1, 1, 101), indexing="ij")
    right = exact(times, places)
    losses, errors = [], []

    def note(intermediate_result: Any) -> None:
        losses.append(intermediate_result.fun)
        errors.append(relative(wave(unflatten(intermediate_result.x), times, places), right))

    run = minimize(
        loss,
        vector,
        jac=True,
        method="L-BFGS-B",
        callback=note,
        options={"maxiter": steps, "maxfun": 2 * steps, "maxcor": 50, "ftol": 0, "gtol": 1e-9},
    )
    return unflatten(run.x), losses, errors


def relative(values: Any, right: Any) -> float:
    """How far values are from the right ones, as a share of their size."""
    return float(np.linalg.norm(values - right) / np.linalg.norm(right))


def draw(parameters: Any, t: np.ndarray, x: np.ndarray, losses: list[float], errors: list[float]) -> Any:
    """Draw the solution with the points of the training, its error, sections at some times, and the training."""
    times, places = np.meshgrid(np.linspace(0, 1, 121), np.linspace(-1, 1, 301), indexing="ij")
    found = wave(parameters, times, places)
    right = np.where(times > 0, exact(np.maximum(times, 1e-9), places), -np.sin(np.pi * places))
    figure, ((above, wrong), (sections, course)) = plt.subplots(2, 2, figsize=(13, 7.5), layout="constrained")
    for axes, values, color, title in (
        (above, found, "RdBu_r", "u, and the points at which the equation was asked for"),
        (wrong, np.abs(found - right), "magma", "how far it is from the solution"),
    ):
        picture = axes.imshow(values.T, origin="lower", extent=(0, 1, -1, 1), aspect="auto", cmap=color)
        figure.colorbar(picture, ax=axes)
        axes.set(xlabel="t", ylabel="x", title=title)
    above.plot(t, x, ".", color="black", markersize=1, alpha=0.5)
    for i, row in enumerate((0, 30, 60, 120)):
        sections.plot(places[row], right[row], color=f"C{i}", linewidth=4, alpha=0.3)
        sections.plot(places[row], found[row], color=f"C{i}", linewidth=1.2, label=f"t = {times[row, 0]:.2f}")
    sections.set(xlabel="x", ylabel="u", title="thin: network; wide: exact")
    sections.legend(fontsize=9)
    course.semilogy(np.sqrt(losses), color="tab:gray", label="residual of the equation")
    course.semilogy(errors, color="tab:blue", label="relative error of u")
    course.set(xlabel="step of L-BFGS")
    course.legend(fontsize=9)
    for axes in (sections, course):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    return figure


def main(arguments: list[str] | None = None) -> float:
    """Run the example; return the relative error of the solution."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", "--quick", action="store_true", help="250 steps instead of 2000, a smaller network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)
    points, width, steps = (500, 16, 250) if options.short else (2000, 24, 2000)

    rng = np.random.default_rng(options.seed)
    t, x = rng.random(points), rng.uniform(-1, 1, points)
    x[::3] *= 0.2  # more of them where the front will be
    start = initialize(rng, (2, width, width, width, 1))
    parameters, losses, errors = train(start, t, x, steps)
    print(f"residual of the equation {np.sqrt(losses[0]):.3f} at the start, {np.sqrt(losses[-1]):.5f} at the end")
    print(f"relative error of u      {errors[0]:.3f} at the start, {errors[-1]:.5f} at the end")

    figure = draw(parameters, t, x, losses, errors)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "physics_informed.png", dpi=120)
        print(f"Picture: {(folder / 'physics_informed.png').resolve()}")
    return errors[-1]


if __name__ == "__main__":
    main()
