"""Logistic regression in a scikit-learn pipeline
==============================================

An estimator whose loss is a NumPy function: Wengert has its gradient, SciPy its minimum, and scikit-learn does with it
what it does with its own, which is scaling the data before, choosing the penalty by cross-validation, and scoring. It
reads handwritten digits as scikit-learn's ``LogisticRegression`` does, with the same coefficients. Another loss is
another line: the second one here forgives labels that are wrong (generalized cross entropy; Zhang and Sabuncu, 2018),
which scikit-learn has not.

Run as ``python examples/science/sklearn_pipeline.py``: prints the scores, and leaves a picture in ``output/``.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from wengert import flatten, value_and_grad
from wengert.functions import log_softmax

try:
    from matplotlib import pyplot as plt
    from scipy.optimize import minimize
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data

    from wengert.sklearn import NeuralClassifier
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error

# %%
# The estimator. ``forgiving=0`` is the cross entropy, -log p of the right class; more of it approaches 1 - p, which a
# wrong label costs at most 1.


class DifferentiableClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A linear classifier by a loss written in NumPy, with scikit-learn's interface."""

    def __init__(self, C: float = 1.0, forgiving: float = 0.0, max_iter: int = 500, tol: float = 1e-8) -> None:
        self.C, self.forgiving, self.max_iter, self.tol = C, forgiving, max_iter, tol

    def fit(self, X: Any, y: Any) -> Any:
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, t = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"the labels must be of two classes or more, but got one class, {self.classes_[0]}")
        start, unflatten = flatten((np.zeros((X.shape[1], len(self.classes_))), np.zeros(len(self.classes_))))

        def loss(vector: Any) -> Any:
            coefficients, levels = unflatten(vector)
            log = log_softmax(X @ coefficients + levels)[np.arange(len(t)), t]
            q = self.forgiving
            costs = -log if q == 0 else (1 - np.exp(q * log)) / q
            return self.C * np.sum(costs) + np.sum(coefficients**2) / 2

        options = {"maxiter": self.max_iter, "ftol": 1e-14, "gtol": self.tol * self.C * len(t)}
        run = minimize(value_and_grad(loss), start, jac=True, method="L-BFGS-B", options=options)
        coefficients, self.intercept_ = unflatten(run.x)
        self.coef_, self.n_iter_ = coefficients.T, run.nit
        return self

    def scores(self, X: Any) -> Any:
        check_is_fitted(self)
        return validate_data(self, X, reset=False, dtype=np.float64) @ self.coef_.T + self.intercept_

    def decision_function(self, X: Any) -> Any:
        scores = self.scores(X)
        return scores if len(self.classes_) > 2 else scores[:, 1] - scores[:, 0]

    def predict_proba(self, X: Any) -> Any:
        return np.exp(log_softmax(self.scores(X)))

    def predict(self, X: Any) -> Any:
        best = np.argmax(self.scores(X), axis=1)
        return self.classes_[best]


def search(estimator: Any, penalties: Any, folds: int, X: Any, y: Any, parameter: str = "C") -> Any:
    """Choose the penalty of an estimator behind a scaler by cross-validation."""
    pipeline = make_pipeline(StandardScaler(), estimator)
    grid = {f"{type(estimator).__name__.lower()}__{parameter}": penalties}
    return GridSearchCV(pipeline, grid, cv=folds).fit(X, y)


# %%
# Some labels of the training set are replaced at random. Both losses choose their penalty with them, and are asked for
# the right ones.


def with_wrong_labels(share: float, penalties: Any, folds: int, data: Any, rng: Any) -> dict[float, float]:
    """Return the score of both losses on right labels, after a training with some that are wrong."""
    X, X_test, y, y_test = data
    wrong = np.where(rng.random(len(y)) < share, rng.integers(0, 10, len(y)), y)
    return {
        q: search(DifferentiableClassifier(forgiving=q), penalties, folds, X, wrong).score(X_test, y_test)
        for q in (0.0, 0.7)
    }


def draw(ours: Any, theirs: Any, robust: dict[float, dict[float, float]]) -> Any:
    """Draw the coefficients as images, the scores by the penalty, and those after training with wrong labels."""
    figure = plt.figure(figsize=(13, 6.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1, 1.4])
    coefficients = ours.best_estimator_[-1].coef_.reshape(10, 8, 8)
    bound = np.abs(coefficients).max()
    for axes, image, digit in zip(above.subplots(1, 10), coefficients, range(10), strict=True):
        axes.imshow(image, cmap="RdBu_r", vmin=-bound, vmax=bound)
        axes.set(xticks=[], yticks=[], title=str(digit))
    above.suptitle("what speaks for (red) and against (blue) each digit")
    left, right = below.subplots(1, 2)
    for run, name, style in ((theirs, "LogisticRegression", "s"), (ours, "DifferentiableClassifier", "o")):
        penalties = next(iter(run.param_grid.values()))
        mean, spread = run.cv_results_["mean_test_score"], run.cv_results_["std_test_score"]
        color = "tab:gray" if style == "s" else "tab:blue"
        size = 10 if style == "s" else 5
        left.errorbar(penalties, mean, spread, fmt=style, color=color, markersize=size, capsize=3, label=name)
    left.set(xscale="log", xlabel="C, the inverse of the penalty", ylabel="accuracy in cross-validation")
    left.legend(fontsize=9)
    for q, name in ((0.0, "cross entropy"), (0.7, "forgiving")):
        right.plot([100 * s for s in robust], [found[q] for found in robust.values()], "o-", label=name)
    right.set(xlabel="wrong labels in training, %", ylabel="accuracy on right ones")
    right.legend(fontsize=9)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main(arguments: list[str] | None = None) -> tuple[float, float]:
    """Run the example; return the accuracy on held-out digits, and how far the coefficients are from scikit-learn's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", "--quick", action="store_true", help="800 digits, fewer penalties")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)

    X, y = load_digits(return_X_y=True)
    if options.short:
        X, y = X[:800], y[:800]
    data = train_test_split(X, y, test_size=0.25, random_state=options.seed, stratify=y)
    X, X_test, y, y_test = data
    penalties, folds = (np.logspace(-4, 0, 3), 3) if options.short else (np.logspace(-4, 1, 6), 5)
    ours = search(DifferentiableClassifier(), penalties, folds, X, y)
    theirs = search(LogisticRegression(max_iter=2000, tol=1e-6), penalties, folds, X, y)
    # A network of wengert.sklearn stands in the same place.
    network = NeuralClassifier((64,), learning_rate=0.01, epochs=40, tol=0, random_state=options.seed)
    networks = search(network, [1e-4, 1e-2], folds, X, y, "alpha")
    for run in (theirs, ours, networks):
        ((parameter, penalty),) = run.best_params_.items()
        name, told = type(run.best_estimator_[-1]).__name__, run.score(X_test, y_test)
        print(f"{name:26} {parameter.rpartition('__')[2]:5} = {penalty:<6.4g} {told:.2%} of {len(y_test)} right")
    difference = float(np.abs(ours.best_estimator_[-1].coef_ - theirs.best_estimator_[-1].coef_).max())
    print(f"The coefficients differ by {difference:.0e} at most.")
    assert difference < 1e-3

    rng = np.random.default_rng(options.seed)
    shares = (0.0, 0.3) if options.short else (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    robust = {share: with_wrong_labels(share, penalties, folds, data, rng) for share in shares}
    for share, found in robust.items():
        print(f"{share:.0%} wrong labels: cross entropy {found[0.0]:.3f}, forgiving {found[0.7]:.3f}")

    figure = draw(ours, theirs, robust)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "sklearn_pipeline.png", dpi=120)
        print(f"Picture: {(folder / 'sklearn_pipeline.png').resolve()}")
    return float(ours.score(X_test, y_test)), difference


if __name__ == "__main__":
    main()
