"""A Gaussian process maps a valley from some of its points
========================================================

A few hundred heights of the ground are given, and the others are asked for: kriging, for which Gaussian processes were
invented. The scales of the kernel, its direction and the noise are those of the highest likelihood, to which the
gradient leads through the Cholesky factor. The whole of the ground is known here (the fault at Jacksboro, Tennessee,
one of matplotlib's files), so that the map and its error bars can be checked.

Run as ``python examples/science/gaussian_process.py``: prints how far the map is off, and leaves a picture in
``output/``.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wengert import grad, value_and_grad

try:
    from matplotlib import cbook
    from matplotlib import pyplot as plt
    from scipy.optimize import minimize
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    from wengert.scipy import linalg
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error

EAST, SOUTH = 0.446, 0.556  # kilometres between points: 18 seconds of arc, at 36.6 degrees of latitude
START = np.array([np.log(100.0), np.log(2.0), np.log(2.0), 0.3, np.log(10.0)])


class Ground(NamedTuple):
    """Points on the plane, in kilometres, and how high the ground is there, in metres."""

    points: np.ndarray
    heights: np.ndarray


def load(rng: np.random.Generator, given: int) -> tuple[Ground, Ground, tuple[int, int]]:
    """Return the heights that are given, those of a whole grid, and the shape of that grid."""
    file: Any = cbook.get_sample_data("jacksboro_fault_dem.npz")
    with file:
        heights = file["elevation"][::6, ::6].astype(float)
    rows, columns = heights.shape
    across, down = np.meshgrid(EAST * np.arange(columns), SOUTH * np.arange(rows))
    ground = Ground(np.stack([across.ravel(), down.ravel()], axis=1), heights.ravel())
    chosen = rng.choice(len(ground.heights), given, replace=False)
    return Ground(ground.points[chosen], ground.heights[chosen]), ground, (rows, columns)


# %%
# The kernel falls off with the distance, at another scale along the valley than across it (Matérn's, of order 3/2). Its
# square root at a distance of 0 has no derivative, but the kernel has: under the root stands a small number.


def distance(parameters: Any, a: Any, b: Any) -> Any:
    """Return how far apart the points are, each direction by its own scale."""
    along, across, direction = np.exp(parameters[1]), np.exp(parameters[2]), parameters[3]
    c, s = np.cos(direction), np.sin(direction)
    x, y = (a[:, None] - b[None]).transpose(2, 0, 1)
    return np.sqrt(((c * x + s * y) / along) ** 2 + ((c * y - s * x) / across) ** 2 + 1e-12)


def kernel(parameters: Any, a: Any, b: Any) -> Any:
    """Return the covariance of the heights at two sets of points."""
    r = np.sqrt(3) * distance(parameters, a, b)
    return np.exp(2 * parameters[0]) * (1 + r) * np.exp(-r)


# %%
# The likelihood and the prediction share a Cholesky factor.


def factor(parameters: Any, given: Ground) -> tuple[Any, Any]:
    """Return the Cholesky factor of the covariance of what is given, and the heights solved by it."""
    covariance = kernel(parameters, given.points, given.points)
    lower = np.linalg.cholesky(covariance + np.exp(2 * parameters[4]) * np.eye(len(given.heights)))
    return lower, linalg.solve_triangular(lower, given.heights - given.heights.mean(), lower=True)


def negative_log_likelihood(parameters: Any, given: Ground) -> Any:
    """The negative logarithm of the density of the heights that are given."""
    lower, solved = factor(parameters, given)
    return 0.5 * (solved @ solved + len(solved) * np.log(2 * np.pi)) + np.sum(np.log(np.diagonal(lower)))


def predict(parameters: np.ndarray, given: Ground, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected heights at the points, and their standard deviations."""
    lower, solved = factor(parameters, given)
    weights = linalg.solve_triangular(lower, kernel(parameters, given.points, points), lower=True)
    variance = np.exp(2 * parameters[0]) + np.exp(2 * parameters[4]) - np.sum(weights**2, axis=0)
    return given.heights.mean() + weights.T @ solved, np.sqrt(variance)


def check(parameters: np.ndarray, given: Ground) -> float:
    """Compare with scikit-learn's process of the same kernel; return by how much the likelihoods differ."""
    c, s = np.cos(parameters[3]), np.sin(parameters[3])
    turned = given.points @ np.array([[c, -s], [s, c]])
    theirs = ConstantKernel(np.exp(2 * parameters[0])) * Matern(np.exp(parameters[1:3]), nu=1.5)
    process = GaussianProcessRegressor(theirs + WhiteKernel(np.exp(2 * parameters[4])), optimizer=None)
    process.fit(turned, given.heights - given.heights.mean())
    return float(abs(process.log_marginal_likelihood_value_ + negative_log_likelihood(parameters, given)))


def draw(given: Ground, ground: Ground, shape: tuple[int, int], mean: np.ndarray, spread: np.ndarray) -> Any:
    """Draw the map with the points that it was made of, the ground as it is, and the errors against their bars."""
    from matplotlib.colors import LightSource

    figure, axes = plt.subplots(2, 2, figsize=(12, 10), layout="constrained")
    extent = (0, EAST * shape[1], SOUTH * shape[0], 0)
    light = LightSource(azdeg=315, altdeg=45)
    low, high = ground.heights.min(), ground.heights.max()
    for each, heights, title in (
        (axes[0, 0], mean, f"expected height, of {len(given.heights)} points"),
        (axes[0, 1], ground.heights, "the ground as it is"),
    ):
        shaded = light.shade(heights.reshape(shape), plt.cm.gist_earth, vmin=low, vmax=high, vert_exag=0.02, dx=1, dy=1)
        each.imshow(shaded, extent=extent)
        each.set_title(title)
    axes[0, 0].plot(*given.points.T, ".", color="black", markersize=1.5)
    picture = axes[1, 0].imshow(spread.reshape(shape), extent=extent, cmap="magma")
    figure.colorbar(picture, ax=axes[1, 0], label="m")
    axes[1, 0].set_title("standard deviation of the expectation")
    for each in (axes[0, 0], axes[0, 1], axes[1, 0]):
        each.set(xlabel="km", ylabel="km")
    errors = (ground.heights - mean) / spread
    bins = np.linspace(-4, 4, 41)
    axes[1, 1].hist(errors, bins, density=True, color="tab:blue", alpha=0.5, label="errors of the map")
    line = np.linspace(-4, 4, 200)
    axes[1, 1].plot(line, np.exp(-(line**2) / 2) / np.sqrt(2 * np.pi), color="black", label="what the process says")
    axes[1, 1].set(xlabel="error / standard deviation", yticks=[], title="are the error bars right?")
    axes[1, 1].legend(fontsize=9)
    axes[1, 1].spines[["top", "right", "left"]].set_visible(False)
    return figure


# %%
# The fit, the map, and what is to be thought of it.


def main(arguments: list[str] | None = None) -> tuple[float, float]:
    """Run the example; return the error of the map over the spread of the heights, and how much its bands hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", "--quick", action="store_true", help="200 points instead of 600")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)

    given, ground, shape = load(np.random.default_rng(options.seed), 200 if options.short else 600)
    run = minimize(value_and_grad(negative_log_likelihood), START, (given,), jac=True, method="L-BFGS-B")
    assert np.max(np.abs(grad(negative_log_likelihood)(run.x, given))) < 0.1, "a maximum of the likelihood"
    height, along, across, _, noise = np.exp(run.x)
    print(f"log-likelihood {-negative_log_likelihood(START, given):.1f} at the start, {-run.fun:.1f} at the maximum")
    print(f"heights vary by {height:.0f} m; scales {along:.2f} and {across:.2f} km; noise {noise:.1f} m")
    print(f"the long axis lies at {np.degrees(run.x[3]) % 180:.0f} degrees")
    print(f"scikit-learn's likelihood of the same kernel differs by {check(run.x, given):.0e}")

    mean, spread = predict(run.x, given, ground.points)
    off = float(np.sqrt(np.mean((mean - ground.heights) ** 2)))
    inside = float(np.mean(np.abs(mean - ground.heights) < 1.645 * spread))
    print(f"The map is off by {off:.0f} m, where the heights vary by {ground.heights.std():.0f} m;")
    print(f"{inside:.1%} of the ground lies within the 90% bands.")

    figure = draw(given, ground, shape, mean, spread)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "gaussian_process.png", dpi=120)
        print(f"Picture: {(folder / 'gaussian_process.png').resolve()}")
    return off / float(ground.heights.std()), inside


if __name__ == "__main__":
    main()
