"""Logistic regression with standard errors
========================================

Tumours, benign or malignant, from 30 measurements of their cells. The loss is written in NumPy; ``value_and_grad``
gives it to ``scipy.optimize.minimize`` with its gradient, ``hvp`` with its curvature along a line, and ``hessian`` at
the minimum says how sure each coefficient is (Wolberg, Street and Mangasarian's data, 1995, from scikit-learn's own
files).

Run as ``python examples/science/logistic_regression.py``: prints how well it tells them apart, and leaves a picture in
``output/``.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wengert import hessian, hvp, value_and_grad

try:
    from matplotlib import pyplot as plt
    from scipy.optimize import minimize
    from sklearn.datasets import load_breast_cancer
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error

PENALTY = 1.0  # half of it times the square of each coefficient is added to the loss: a Gaussian prior


class Tumours(NamedTuple):
    """Measurements, each of mean 0 and standard deviation 1 over the training set, and what they belong to."""

    measurements: np.ndarray
    malignant: np.ndarray


def load(rng: np.random.Generator) -> tuple[Tumours, Tumours, list[str]]:
    """Return three quarters to fit, one quarter to be asked about, and the names of the measurements."""
    data: Any = load_breast_cancer()
    order = rng.permutation(len(data.target))
    held_out, fitted = np.split(order, [len(order) // 4])
    x = (data.data - data.data[fitted].mean(axis=0)) / data.data[fitted].std(axis=0)
    malignant = (data.target == 0).astype(float)
    return Tumours(x[fitted], malignant[fitted]), Tumours(x[held_out], malignant[held_out]), list(data.feature_names)


# %%
# The loss is the negative logarithm of a posterior density, so that the inverse of its Hessian is the covariance of the
# weights.


def logits(weights: Any, x: np.ndarray) -> Any:
    """Return the logarithm of the odds of being malignant; the last of the weights is the level."""
    return x @ weights[:-1] + weights[-1]


def loss(weights: Any, tumours: Tumours) -> Any:
    """Return the negative logarithm of the probability of what was found, and of the weights."""
    z = logits(weights, tumours.measurements)
    return np.sum(np.logaddexp(0, z) - tumours.malignant * z) + PENALTY / 2 * np.sum(weights[:-1] ** 2)


def fit(tumours: Tumours, method: str) -> tuple[np.ndarray, np.ndarray, Any]:
    """Return the best weights, their standard errors, and the report of the minimizer."""
    run: Any = minimize(
        value_and_grad(lambda w: loss(w, tumours)),
        np.zeros(tumours.measurements.shape[1] + 1),
        jac=True,
        hessp=(lambda w, v: hvp(lambda w: loss(w, tumours), (w,), (v,))[0]) if method == "trust-ncg" else None,
        method=method,
    )
    spread = np.linalg.inv(hessian(lambda w: loss(w, tumours))(run.x))
    return run.x, np.sqrt(np.diagonal(spread)), run


# %%
# How well the tumours are told apart, at all thresholds at once.


def true_and_false_alarms(z: np.ndarray, malignant: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the shares of both kinds of tumour that lie above each threshold, and the area under that curve."""
    found = malignant[np.argsort(-z)]
    true = np.concatenate([[0], np.cumsum(found) / found.sum()])
    false = np.concatenate([[0], np.cumsum(1 - found) / (1 - found).sum()])
    return true, false, float(np.trapezoid(true, false))


def draw(held_out: Tumours, names: list[str], weights: np.ndarray, errors: np.ndarray) -> Any:
    """Draw the coefficients, the probabilities of the held-out tumours, and how well they part them."""
    figure = plt.figure(figsize=(14, 6.5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.1])
    axes = left.subplots()
    order = np.argsort(weights[:-1])
    colors = np.where(weights[order] > 0, "tab:red", "tab:blue")
    axes.barh(np.arange(len(order)), weights[order], color=colors, alpha=0.7, xerr=2 * errors[order], ecolor="gray")
    axes.set_yticks(np.arange(len(order)), [names[i] for i in order], fontsize=8)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(
        xlabel="change of the log odds of being malignant, by one standard deviation", ylim=(-0.7, len(order) - 0.3)
    )
    axes.set_title("coefficients, with two standard errors", fontsize=11)

    above, below = right.subplots(2, 1, height_ratios=[1.2, 1])
    z = logits(weights, held_out.measurements)
    ranks = np.argsort(np.argsort(z))
    wrong = (z > 0) != (held_out.malignant > 0)
    line = np.linspace(z.min(), z.max(), 300)
    above.plot(line, 1 / (1 + np.exp(-line)), color="gray", linewidth=1)
    for kind, name, color in [(0, "benign", "tab:blue"), (1, "malignant", "tab:red")]:
        chosen = held_out.malignant == kind
        height = 1 / (1 + np.exp(-z[chosen])) + 0.05 * np.sin(2.4 * ranks[chosen])  # apart, so that all are seen
        above.plot(z[chosen], height, "o", markersize=4, alpha=0.6, color=color, label=f"{name} ({chosen.sum()})")
    height = 1 / (1 + np.exp(-z[wrong])) + 0.05 * np.sin(2.4 * ranks[wrong])
    above.plot(z[wrong], height, "o", markersize=10, fillstyle="none", color="black", label=f"wrong ({wrong.sum()})")
    above.axvline(0, color="black", linewidth=0.8, linestyle=":")
    above.set(xlabel="log odds", ylabel="probability of malignant")
    above.set_title(f"{len(z)} held-out tumours: {1 - wrong.mean():.1%} told right", fontsize=11)
    above.legend(fontsize=9)
    true, false, area = true_and_false_alarms(z, held_out.malignant)
    below.step(false, true, where="post", color="tab:green")
    below.plot([0, 1], [0, 1], color="gray", linewidth=0.8, linestyle=":")
    below.set(xlabel="share of the benign that is alarmed about", ylabel="share of the malignant found", ylim=(0, 1.03))
    below.text(0.55, 0.4, f"area under the curve {area:.4f}", fontsize=10)
    for each in (axes, above, below):
        each.spines[["top", "right"]].set_visible(False)
    return figure


# %%
# Four minimizers find the same weights: the last one uses products with the Hessian.


def main(arguments: list[str] | None = None) -> float:
    """Run the example; return the share of held-out tumours that was told right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", "--quick", action="store_true", help="one method only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)

    fitted, held_out, names = load(np.random.default_rng(options.seed))
    print(
        f"Fitting {len(names) + 1} weights to {len(fitted.malignant)} tumours; {len(held_out.malignant)} are held out."
    )
    for method in ["trust-ncg"] if options.short else ["CG", "BFGS", "L-BFGS-B", "trust-ncg"]:
        weights, errors, run = fit(fitted, method)
        print(f"{method:10} loss {run.fun:.6f}  {run.nit:4} steps  {run.nfev:5} losses and gradients")
    told = float(np.mean((logits(weights, held_out.measurements) > 0) == (held_out.malignant > 0)))
    print(f"Told {told:.1%} of the held-out tumours right.")
    strongest = np.argsort(-np.abs(weights[:-1] / errors[:-1]))[:5]
    print("Surest signs: " + ", ".join(f"{names[i]} ({weights[i]:+.2f} ± {errors[i]:.2f})" for i in strongest))

    figure = draw(held_out, names, weights, errors)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "logistic_regression.png", dpi=120)
        print(f"Picture: {(folder / 'logistic_regression.png').resolve()}")
    return told


if __name__ == "__main__":
    main()
