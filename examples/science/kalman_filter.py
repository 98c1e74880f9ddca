"""The Nile: a Kalman filter fitted by its likelihood
==================================================

The volume of the Nile at Aswan, year by year from 1871 to 1970, is a level that drifts, measured with noise. A Kalman
filter, written as a loop in NumPy, gives the likelihood of the two variances. Its gradient leads to the likeliest ones,
which are those of the literature (Durbin and Koopman, 2012: 15099 and 1469.1).

A derivative does the rest as well. The gradient of the log-likelihood with respect to the measurements is the smoothed
noise divided by its variance, and the Hessian says how sure it is. So the smoother is ``grad`` of the filter.

Run as ``python examples/science/kalman_filter.py``: prints the variances, and leaves a picture in ``output/``.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from wengert import grad, hessian, value_and_grad, vmap

try:
    from matplotlib import pyplot as plt
    from scipy.optimize import minimize
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error

# %%
# The data, in 10⁸ m³ (Cobb, 1978).

YEARS = np.arange(1871, 1971)
# fmt: off
FLOW = np.array([
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
    1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969,
    831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781, 865,
    845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050,
    918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
], dtype=float)
# fmt: on
PUBLISHED = np.array([15099.0, 1469.1])


# %%
# The filter. Nothing is known of the level before the first measurement: its likelihood begins with the second.


def filtered(variances: Any, flow: Any) -> tuple[Any, Any, list[Any], list[Any]]:
    """Return the prediction errors and their variances; the filtered levels, and theirs."""
    noise, drift = variances
    level, variance = flow[0], noise
    errors, spreads, levels, uncertainties = [], [], [level], [variance]
    for y in flow[1:]:
        variance = variance + drift
        error, spread = y - level, variance + noise
        gain = variance / spread
        level, variance = level + gain * error, (1 - gain) * variance
        errors.append(error)
        spreads.append(spread)
        levels.append(level)
        uncertainties.append(variance)
    return np.stack(errors), np.stack(spreads), levels, uncertainties


def log_likelihood(variances: Any, flow: Any) -> Any:
    """The diffuse log-likelihood of the measurements."""
    errors, spreads, _, _ = filtered(variances, flow)
    return -0.5 * (len(errors) * np.log(2 * np.pi) + np.sum(np.log(spreads) + errors**2 / spreads))


def fit(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return the likeliest variances, the standard errors of their logarithms, and the course of the search."""

    def loss(logarithms: Any) -> Any:
        return -log_likelihood(np.exp(logarithms), flow)

    start = np.log(np.array([1e4, 1e4]))
    course = [start]
    run = minimize(value_and_grad(loss), start, jac=True, callback=course.append, options={"gtol": 1e-4})
    return np.exp(run.x), np.sqrt(np.diag(np.linalg.inv(hessian(loss)(run.x)))), course


# %%
# The smoother. The measurements are y = level + noise with a covariance matrix Ω, so that the gradient of their
# log-likelihood is -Ω⁻¹(y - mean) and its Hessian -Ω⁻¹: the expected noise is -noise·gradient.


def smoothed(variances: np.ndarray, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected level of each year, given all measurements, and its standard deviation."""
    level = flow + variances[0] * grad(log_likelihood, argnums=1)(variances, flow)
    curvature = np.diag(hessian(log_likelihood, argnums=1)(variances, flow))
    return level, np.sqrt(variances[0] + variances[0] ** 2 * curvature)


def smoothed_backward(variances: np.ndarray, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same by the recursion of the textbooks (Rauch, Tung and Striebel, 1965), to compare with."""
    _, _, levels, uncertainties = filtered(variances, flow)
    means, spreads = [levels[-1]], [uncertainties[-1]]
    for level, variance in zip(levels[-2::-1], uncertainties[-2::-1], strict=True):
        gain = variance / (variance + variances[1])
        spreads.append(variance + gain**2 * (spreads[-1] - variance - variances[1]))
        means.append(level + gain * (means[-1] - level))
    return np.array(means[::-1]), np.sqrt(spreads[::-1])


def draw(variances: np.ndarray, course: list[np.ndarray]) -> Any:
    """Draw the measurements and the smoothed level, the likelihood with the way to its maximum, and the residuals."""
    level, spread = smoothed(variances, FLOW)
    figure = plt.figure(figsize=(13, 6.4), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1.15, 1])
    axes = above.subplots()
    axes.plot(YEARS, FLOW, "o", color="black", markersize=3, label="measured")
    axes.plot(YEARS, level, color="tab:blue", label="smoothed level")
    axes.fill_between(YEARS, level - 1.645 * spread, level + 1.645 * spread, color="tab:blue", alpha=0.2, linewidth=0)
    axes.plot(YEARS, filtered(variances, FLOW)[2], color="tab:orange", linewidth=0.8, label="filtered level")
    axes.axvline(1898.5, color="tab:red", linewidth=0.8, linestyle=":", label="the Aswan dam is begun")
    axes.set(ylabel="10⁸ m³ a year", xlim=(1870, 1971), title="the Nile at Aswan; the band holds the level in 90%")
    axes.legend(fontsize=9, ncols=4)

    left, right = below.subplots(1, 2)
    noise, drift = np.linspace(3.7, 4.6, 40), np.linspace(2.0, 4.6, 40)
    grid = 10.0 ** np.stack(np.meshgrid(noise, drift))
    likelihoods = vmap(lambda v: log_likelihood(v, FLOW), in_axes=1)(grid.reshape(2, -1)).reshape(grid[0].shape)
    best = log_likelihood(variances, FLOW)
    contours = left.contour(noise, drift, likelihoods - best, levels=[-12, -8, -5, -3, -2, -1, -0.25], cmap="viridis")
    left.clabel(contours, fontsize=8)
    left.plot(*(np.array(course).T / np.log(10)), "o-", color="tab:red", markersize=3, linewidth=1, label="the search")
    left.plot(*np.log10(PUBLISHED), "x", color="black", markersize=9, label="published")
    left.set(xlabel="log₁₀ variance of the noise", ylabel="log₁₀ variance of the drift", title="log-likelihood")
    left.set(xlim=(3.7, 4.6), ylim=(2.0, 4.6))
    left.legend(fontsize=9)
    errors, spreads, _, _ = filtered(variances, FLOW)
    residuals = errors / np.sqrt(spreads)
    right.plot(YEARS[1:], residuals, ".-", color="tab:gray", linewidth=0.6)
    for bound in (-1.96, 1.96):
        right.axhline(bound, color="black", linewidth=0.8, linestyle=":")
    right.set(xlabel="year", title="prediction errors in standard deviations; 95% within the lines")
    for each in (axes, left, right):
        each.spines[["top", "right"]].set_visible(False)
    return figure


def main(arguments: list[str] | None = None) -> np.ndarray:
    """Run the example; return the likeliest variances."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", "--quick", action="store_true", help="draw the picture, but store it nowhere")
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)

    variances, errors, course = fit(FLOW)
    print(f"log-likelihood {log_likelihood(variances, FLOW):.4f}, after {len(course) - 1} steps; published: -632.5456")
    assert abs(log_likelihood(variances, FLOW) + 632.5456) < 1e-3
    for name, value, error, told in zip(("noise", "drift"), variances, errors, PUBLISHED, strict=True):
        print(f"variance of the {name} {value:8.1f}, within a factor of {np.exp(error):.2f}; published: {told:.1f}")
    np.testing.assert_allclose(variances, PUBLISHED, rtol=2e-3)
    for by_derivative, by_recursion in zip(smoothed(variances, FLOW), smoothed_backward(variances, FLOW), strict=True):
        np.testing.assert_allclose(by_derivative, by_recursion, rtol=1e-8)
    print("The smoother by derivatives is that of the textbooks, to 8 digits.")

    figure = draw(variances, course)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "kalman_filter.png", dpi=120)
        print(f"Picture: {(folder / 'kalman_filter.png').resolve()}")
    return variances


if __name__ == "__main__":
    main()
