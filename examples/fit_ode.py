"""Find the parameters of a differential equation from noisy measurements, through the solver that solves it.

Hares are born and eaten, lynxes eat and die (Lotka, 1925; Volterra, 1926). Both are counted now and then, with
errors. A Runge-Kutta solver written in NumPy predicts the counts, its gradient leads SciPy to the parameters
that made them, and its second derivatives give their standard errors.

Run as ``python examples/fit_ode.py``: prints the parameters, and leaves a picture in ``output/``.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wengert import hessian, value_and_grad

try:
    from matplotlib.figure import Figure
    from scipy.optimize import minimize
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error

NAMES = [
    "births of hares",
    "hares eaten by a lynx",
    "deaths of lynxes",
    "lynxes fed by a hare",
    "first hares",
    "first lynxes",
]
TRUE = np.array([1.1, 0.4, 0.4, 0.1, 10.0, 5.0])
START = np.array([0.7, 0.2, 0.6, 0.2, 8.0, 8.0])
NOISE = 0.15  # the standard deviation of the logarithm of a count
STEP = 0.1


class Counts(NamedTuple):
    """Times as numbers of steps, and how many of both animals were counted: (times, 2)."""

    steps: np.ndarray
    animals: np.ndarray


def solve(parameters: Any, steps: int) -> Any:
    """Follow the logarithms of both numbers by the classical Runge-Kutta method: (steps + 1, 2).

    Births and deaths are in proportion to the animals that there are: the logarithm changes by what one
    animal bears, eats or suffers, and numbers stay positive.
    """
    births, eaten, deaths, fed = parameters[:4]
    alone = np.stack([births, -deaths])
    together = np.stack([-eaten, fed])

    def change(logarithms: Any) -> Any:
        return alone + together * np.exp(logarithms)[::-1]

    now = np.log(parameters[4:])
    course = [now]
    for _ in range(steps):
        k1 = change(now)
        k2 = change(now + STEP / 2 * k1)
        k3 = change(now + STEP / 2 * k2)
        k4 = change(now + STEP * k3)
        now = now + STEP / 6 * (k1 + 2 * (k2 + k3) + k4)
        course.append(now)
    return np.stack(course)


def animals(parameters: Any, steps: int) -> Any:
    """Return the numbers of both animals, as an array (steps + 1, 2)."""
    return np.exp(np.asarray(solve(parameters, steps)))


def count(rng: np.random.Generator, steps: int, every: int) -> Counts:
    """Count the animals of the true parameters, with errors."""
    at = np.arange(0, steps + 1, every)
    right = animals(TRUE, steps)[at]
    return Counts(at, right * np.exp(NOISE * rng.standard_normal(right.shape)))


def negative_log_likelihood(logarithms: Any, counts: Counts) -> Any:
    """The negative log-likelihood of the counts, as a function of the logarithms of the (positive) parameters."""
    course = solve(np.exp(logarithms), int(counts.steps[-1]))
    return np.sum((course[counts.steps] - np.log(counts.animals)) ** 2) / (2 * NOISE**2)


def fit(counts: Counts) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the most likely logarithms, their covariance by the curvature there, and the evaluations it took."""

    def loss(logarithms: Any) -> Any:
        return negative_log_likelihood(logarithms, counts)

    # Far from the true parameters the later cycles are out of phase, which makes local minima: begin with the first
    # cycle.
    found, evaluations = np.log(START), 0
    bounds = [(v - 2, v + 2) for v in found]  # the line search must not step to where everything overflows
    for share in (0.25, 0.5, 1.0):
        part = Counts(*(values[: max(6, int(share * len(counts.steps)))] for values in counts))
        run: Any = minimize(value_and_grad(negative_log_likelihood), found, (part,), jac=True, bounds=bounds)
        found, evaluations = run.x, evaluations + run.nfev
    return found, np.linalg.inv(hessian(loss)(found)), evaluations


def draw(
    path: Path, counts: Counts, found: np.ndarray, spread: np.ndarray, ahead: int, rng: np.random.Generator
) -> None:
    """Save the counts, the course that was fitted to them, and what it foretells."""
    steps = int(counts.steps[-1]) + ahead
    time = STEP * np.arange(steps + 1)
    drawn = rng.multivariate_normal(found, spread, size=200)
    courses = animals(np.exp(drawn.T), steps)  # all of them at once
    low, high = np.quantile(courses, [0.05, 0.95], axis=-1)
    fitted, first, true = (animals(p, steps) for p in (np.exp(found), START, TRUE))

    figure: Any = Figure(figsize=(13, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[2, 1])
    for i, (name, color) in enumerate([("hares", "tab:brown"), ("lynxes", "tab:blue")]):
        left.fill_between(time, low[:, i], high[:, i], color=color, alpha=0.2, linewidth=0)
        left.plot(time, fitted[:, i], color=color, label=name)
        left.plot(time, true[:, i], color="black", linewidth=0.8, linestyle=":", label="true" if i else None)
        left.plot(time, first[:, i], color=color, alpha=0.35, linestyle="--", label="start of the fit" if i else None)
        left.plot(STEP * counts.steps, counts.animals[:, i], "o", markersize=4, color=color)
    seen = STEP * counts.steps[-1]
    left.axvspan(seen, time[-1], color="black", alpha=0.05, linewidth=0)
    left.set(
        xlabel="time", ylabel="animals", xlim=(0, time[-1]), ylim=(0, 1.15 * max(high.max(), counts.animals.max()))
    )
    left.text(seen + 0.2, 0.97 * left.get_ylim()[1], "not counted: foretold, with 90% bands", va="top", fontsize=9)
    left.legend(loc="upper left", fontsize=9)
    left.set_title(f"{counts.animals.size} counts with {NOISE:.0%} errors")
    right.plot(*first.T, color="gray", alpha=0.5, linestyle="--", label="start of the fit")
    right.plot(*true.T, color="black", linewidth=0.8, linestyle=":", label="true")
    right.plot(*fitted.T, color="tab:green", label="fitted")
    right.plot(*counts.animals.T, "o", color="tab:green", markersize=4, alpha=0.6, label="counted")
    right.set(xlabel="hares", ylabel="lynxes", xlim=(0, None), ylim=(0, None))
    right.legend(fontsize=9)
    right.set_title("hares against lynxes")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def main(arguments: list[str] | None = None) -> Any:
    """Run the example; return the parameters that were found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short course")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("output"))
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(options.seed)
    counts = count(rng, steps=50 if options.quick else 200, every=4)
    print(f"Fitting {len(TRUE)} parameters to {counts.animals.size} counts.")
    found, spread, evaluations = fit(counts)
    print(f"{evaluations} solutions of the equation and as many gradients.\n")
    print(f"{'':24}{'true':>8}{'start':>8}{'found':>8}")
    for name, true, start, value, error in zip(
        NAMES, TRUE, START, np.exp(found), np.exp(found) * np.sqrt(np.diagonal(spread)), strict=True
    ):
        print(f"{name:24}{true:8.2f}{start:8.2f}{value:8.3f} ± {error:.3f}")

    path = options.output / "fit_ode.png"
    draw(path, counts, found, spread, ahead=40 if options.quick else 120, rng=rng)
    print(f"\nPicture: {path.resolve()}")
    return np.exp(found)


if __name__ == "__main__":
    main()
