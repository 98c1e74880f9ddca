"""Hares and lynxes: the parameters of a differential equation
===========================================================

Hares are born and eaten, lynxes eat and die (Lotka, 1925; Volterra, 1926). The pelts that the Hudson's Bay Company
bought from 1900 to 1920 say how many there were of both, more or less. ``wengert.scipy.integrate.solve_ivp`` is
SciPy's, and differentiable: its gradient leads to the likeliest rates, and its second derivatives give their standard
errors. They are compared with what others found in the same numbers by a Bayesian analysis with other priors
(Carpenter, 2018).

Run as ``python examples/science/fit_ode.py``: prints the rates, and leaves a picture in ``output/``.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from wengert import hessian, value_and_grad

try:
    from matplotlib import pyplot as plt
    from scipy.optimize import minimize

    from wengert.scipy.integrate import solve_ivp
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error

# %%
# The data: thousands of pelts in each year (Hewitt, 1921).

YEARS = np.arange(1900, 1921)
HARES = [
    30,
    47.2,
    70.2,
    77.4,
    36.3,
    20.6,
    18.1,
    21.4,
    22,
    25.4,
    27.1,
    40.3,
    57,
    76.6,
    52.3,
    19.5,
    11.2,
    7.6,
    14.6,
    16.2,
]
LYNXES = [4, 6.1, 9.8, 35.2, 59.4, 41.7, 19, 13, 8.3, 9.1, 7.4, 8, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1]
PELTS = np.array([[*HARES, 24.7], [*LYNXES, 8.6]])

# %%
# Each parameter is positive, and so is fitted by its logarithm. The last one is how far a logarithm of the pelts lies
# from that of the animals.

NAMES = ["births of hares", "hares eaten", "deaths of lynxes", "lynxes fed", "first hares", "first lynxes", "noise"]
START = np.array([0.5, 0.02, 0.6, 0.02, 30.0, 5.0, 0.5])
PUBLISHED = {  # posterior means and standard deviations
    "births of hares": (0.55, 0.06),
    "hares eaten": (0.028, 0.004),
    "deaths of lynxes": (0.80, 0.09),
    "lynxes fed": (0.024, 0.004),
}


def animals(logarithms: Any, times: Any) -> Any:
    """Return the numbers of hares and lynxes at the times, in years since 1900: (2, times)."""
    births, eaten, deaths, fed, *first = np.exp(logarithms)[:6]

    # The logarithm of a number changes by what one animal bears, eats or suffers, and the numbers stay positive.
    def change(t: float, state: Any) -> Any:
        hares, lynxes = np.exp(state)
        return np.stack([births - eaten * lynxes, fed * hares - deaths])

    state = np.log(np.stack(first))
    return np.exp(solve_ivp(change, (0, times[-1]), state, t_eval=times, rtol=1e-6, atol=1e-6).y)


def negative_log_likelihood(logarithms: Any, years: int) -> Any:
    """The negative log-likelihood of the pelts of so many first years."""
    expected = np.log(animals(logarithms, np.arange(float(years))))
    off = (np.log(PELTS[:, :years]) - expected) / np.exp(logarithms[6])
    return np.sum(off**2) / 2 + off.size * logarithms[6]


# %%
# Far from the true rates the later cycles are out of phase, which makes local minima: the fit begins with the first
# cycle, and takes the others in after it.


def fit(stages: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the likeliest logarithms, their covariance by the curvature there, and the evaluations it took."""
    found, evaluations = np.log(START), 0
    for years in stages:
        bounds = [(v - 2, v + 2) for v in np.log(START)]  # no step to where everything overflows
        run = minimize(value_and_grad(negative_log_likelihood), found, (years,), jac=True, bounds=bounds)
        found, evaluations = run.x, evaluations + run.nfev
    return found, np.linalg.inv(hessian(negative_log_likelihood)(found, stages[-1])), evaluations


def draw(found: np.ndarray, covariance: np.ndarray, samples: int, rng: np.random.Generator) -> Any:
    """Draw the pelts with the course that was fitted to them, and the cycle of both kinds."""
    times = np.linspace(0, 30, 301)
    drawn = rng.multivariate_normal(found, covariance, size=samples)
    courses = np.stack([animals(logarithms, times) for logarithms in drawn])
    noise = np.exp(np.exp(drawn[:, 6, None, None]) * rng.standard_normal((samples, 2, 1)))
    low, high = np.quantile(courses, [0.05, 0.95], axis=0)
    lower, higher = np.quantile(courses * noise, [0.05, 0.95], axis=0)
    fitted = animals(found, times)

    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5.2), layout="constrained", width_ratios=[2, 1])
    for i, (name, color) in enumerate([("hares", "tab:brown"), ("lynxes", "tab:blue")]):
        left.fill_between(1900 + times, lower[i], higher[i], color=color, alpha=0.1, linewidth=0)
        left.fill_between(1900 + times, low[i], high[i], color=color, alpha=0.25, linewidth=0)
        left.plot(1900 + times, fitted[i], color=color, label=name)
        left.plot(YEARS, PELTS[i], "o", markersize=5, color=color)
    left.axvspan(1920, 1930, color="black", alpha=0.05, linewidth=0)
    left.text(1920.2, 138, "predicted", va="top", fontsize=9)
    left.set(xlabel="year", ylabel="thousands of pelts", xlim=(1900, 1930), ylim=(0, 140))
    left.legend(loc="upper left", fontsize=9)
    left.set_title("bands: 90% of the courses, and of the pelts")
    right.plot(*fitted[:, :200], color="tab:green", label="fitted")
    right.plot(*animals(np.log(START), times[:200]), color="gray", linestyle="--", label="start of the fit")
    right.plot(*PELTS, "o-", color="black", markersize=4, linewidth=0.4, label="pelts")
    right.set(xlabel="hares", ylabel="lynxes", xlim=(0, None), ylim=(0, None))
    right.legend(fontsize=9)
    right.set_title("hares against lynxes")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main(arguments: list[str] | None = None) -> Any:
    """Run the example; return the parameters that were found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", "--quick", action="store_true", help="fewer courses in the picture")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)

    found, covariance, evaluations = fit((12, len(YEARS)))
    print(
        f"{PELTS.size} numbers, {len(found)} parameters: {evaluations} solutions of the equation, and their gradients."
    )
    print(f"{'':18}{'start':>8}{'found':>10}{'':8}  published")
    values = np.exp(found)
    for name, start, value, error in zip(NAMES, START, values, values * np.sqrt(np.diag(covariance)), strict=True):
        told = "{:.3f} ± {:.3f}".format(*PUBLISHED[name]) if name in PUBLISHED else ""
        print(f"{name:18}{start:8.3f}{value:10.3f} ± {error:5.3f}  {told}")
        if name in PUBLISHED:
            assert abs(value - PUBLISHED[name][0]) < PUBLISHED[name][1], "within a standard deviation"

    figure = draw(found, covariance, 30 if options.short else 300, np.random.default_rng(options.seed))
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "fit_ode.png", dpi=120)
        print(f"Picture: {(folder / 'fit_ode.png').resolve()}")
    return values


if __name__ == "__main__":
    main()
