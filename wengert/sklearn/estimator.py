"""What all estimators share: checked data, training, classes and targets."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from wengert.checks import options
from wengert.functions.classification_loss import softmax_cross_entropy
from wengert.functions.exponential_sums import log_softmax, softmax
from wengert.functions.regression_loss import huber, mae, mse
from wengert.sklearn.descent import Descent, Stopping, is_compiled, optimizer_of, output_of, random_numbers

__all__ = ["Classifier", "Estimator", "Regressor"]

LOSSES = {"squared_error": mse, "absolute_error": mae, "huber": huber}
FLOATS = (np.float64, np.float32)


class Estimator(BaseEstimator):  # type: ignore[misc]
    """Training by gradients, as scikit-learn's estimators are trained.

    A subclass defines `_make_model`, which makes a Layer for the data; `Classifier` and `Regressor` are mixed in.
    """

    # Parameters that every subclass has in its __init__.
    optimizer: Any
    learning_rate: float
    alpha: float
    batch_size: Any
    epochs: int
    tol: float
    n_iter_no_change: int
    shuffle: bool
    early_stopping: bool
    validation_fraction: float
    warm_start: bool
    compile: Any
    random_state: Any
    # What fitting makes.
    n_features_in_: int
    model_: Any
    loss_curve_: list[float]
    n_iter_: int

    def _make_model(self, x: Any, outputs: int) -> Any:
        """Make the model for examples `x` and a number of outputs."""
        raise NotImplementedError

    def _loss(self, y: Any, t: Any) -> Any:
        """Compute the loss of each example."""
        raise NotImplementedError

    def _outputs(self) -> int:
        """The number of outputs that the model needs."""
        raise NotImplementedError

    def _target(self, y: Any, first: bool) -> Any:
        """Return the targets of the loss; those of a first fit define classes or outputs."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on examples.

        Parameters
        ----------
        X : array (examples, features)
        y : array (examples,) or (examples, outputs)
        sample_weight : array (examples,), optional
            What each example counts. 2 is the same as giving the example twice, 0 as leaving it out.

        Returns
        -------
        self
        """
        again = self.warm_start and hasattr(self, "model_")
        x, y = self._checked(X, y, not again)
        t = self._target(y, not again)
        w = self._weights(sample_weight, x)
        random = check_random_state(self.random_state)
        with random_numbers(random.randint(2**31 - 1)):
            if not again:
                self._start(x)
            self._train(x, t, w, random)
        return self

    def _checked(self, x: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        return validate_data(self, x, y, dtype=FLOATS, multi_output=True, y_numeric=False, reset=reset)  # type: ignore[no-any-return]

    def _weights(self, sample_weight: Any, x: Any) -> Any:
        found = _check_sample_weight(sample_weight, x, dtype=x.dtype)
        if (found < 0).any():
            raise ValueError("Negative values in data passed to `sample_weight`: a weight must be 0 or more")
        if not found.sum() > 0:
            raise ValueError("sample_weight must have a sum above 0, but all weights are zero; leave it out")
        return found

    def _start(self, x: Any) -> None:
        """Make the model and the optimizer."""
        name = type(self).__name__
        self.model_ = self._make_model(x, self._outputs())
        output_of(self.model_, x[:1])  # which makes lazy parameters
        self._optimizer = optimizer_of(
            self.optimizer, self.model_, options.real(self.learning_rate, "learning_rate", name, 0), name
        )
        self.loss_curve_ = []
        self.n_iter_ = 0

    def _descent(self, steps: int) -> Descent:
        name = type(self).__name__
        alpha = options.real(self.alpha, "alpha", name, 0)
        compiled = is_compiled(self.compile, steps, name)
        return Descent(self.model_, self._optimizer, self._loss, alpha, compiled and steps > 0)

    def _batch(self, n: int) -> int:
        if isinstance(self.batch_size, str):
            options.choice(self.batch_size, "batch_size", type(self).__name__, ("auto",))
            return min(200, n)
        return options.size(self.batch_size, "batch_size", type(self).__name__)

    def _train(self, x: Any, t: Any, w: Any, random: Any) -> None:
        """Train until the loss stops improving: that of the examples, or of those held out with `early_stopping`."""
        name = type(self).__name__
        epochs = options.size(self.epochs, "epochs", name)
        held_out = None
        if options.flag(self.early_stopping, "early_stopping", name):
            x, t, w, *held_out = self._split(x, t, w, random)
        patience = options.size(self.n_iter_no_change, "n_iter_no_change", name)
        stopping = Stopping(options.real(self.tol, "tol", name, 0), patience)
        batch = self._batch(len(x))
        descent = self._descent(epochs * -(-len(x) // batch))
        best = None
        for _ in range(epochs):
            self._epoch(descent, x, t, w, batch, random)
            loss = descent.evaluate(*held_out) if held_out else self.loss_curve_[-1]
            if not np.isfinite(loss):
                raise ValueError(
                    f"the loss of {name} is {loss} in epoch {self.n_iter_}; scale the features (StandardScaler), or "
                    f"choose a learning_rate below {self.learning_rate}"
                )
            if stopping.is_best(loss) and held_out:
                best = self.model_.state_dict()
            if stopping.is_over and self.tol > 0:
                break
        else:
            if self.tol > 0:
                warnings.warn(
                    f"{name} has not converged in {epochs} epochs: the loss still falls by more than tol={self.tol:g} "
                    f"within {patience} epochs; raise epochs or learning_rate, or set tol=0 to train for all epochs",
                    ConvergenceWarning,
                    stacklevel=3,
                )
        if best is not None:
            self.model_.load_state_dict(best)

    def _epoch(self, descent: Descent, x: Any, t: Any, w: Any, batch: int, random: Any) -> None:
        shuffled = options.flag(self.shuffle, "shuffle", type(self).__name__)
        order = random.permutation(len(x)) if shuffled else np.arange(len(x))
        self.loss_curve_.append(descent.epoch(x, t, w, batch, order))
        self.n_iter_ += 1

    def _split(self, x: Any, t: Any, w: Any, random: Any) -> Any:
        """Hold out examples for early stopping."""
        part = options.real(self.validation_fraction, "validation_fraction", type(self).__name__, above=0, below=1)
        stratify = t if isinstance(self, Classifier) else None
        xs, xv, ts, tv, ws, wv = train_test_split(x, t, w, test_size=part, random_state=random, stratify=stratify)
        return (xs, ts, ws, xv, tv, wv) if ws.sum() > 0 and wv.sum() > 0 else (x, t, w, x, t, w)

    def _partial_fit(self, x: Any, t: Any, sample_weight: Any, first: bool) -> None:
        """Make one epoch over the examples."""
        w = self._weights(sample_weight, x)
        random = check_random_state(self.random_state)
        with random_numbers(random.randint(2**31 - 1)):
            if first:
                self._start(x)
            self._epoch(self._descent(0), x, t, w, self._batch(len(x)), random)  # (eager: each call would compile)

    def _output(self, x: Any) -> Any:
        """Compute the output of the model for examples."""
        check_is_fitted(self, "model_")
        return output_of(self.model_, validate_data(self, x, dtype=FLOATS, reset=False))


class Classifier(ClassifierMixin):  # type: ignore[misc]
    """What classifiers share: the classes, and probabilities from scores by the softmax."""

    classes_: Any

    def _target(self, y: Any, first: bool) -> Any:
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        classes = np.unique(y)
        if first:
            self.classes_ = classes
        unknown = np.setdiff1d(classes, self.classes_)
        if unknown.size:
            raise ValueError(
                f"the classes of y must be those of the first fit, {list(self.classes_)}, but got {list(unknown)}; "
                "fit anew, or name all classes in the first call of partial_fit"
            )
        return np.searchsorted(self.classes_, y)

    def _outputs(self) -> int:
        return len(self.classes_)

    def _loss(self, y: Any, t: Any) -> Any:
        return softmax_cross_entropy(self._scores(y), t, reduction="none")

    def _scores(self, y: Any) -> Any:
        """The scores of all classes: of two, the first may be left out."""
        classes = len(self.classes_)
        if classes == 2 and (y.ndim == 1 or y.shape[1:] == (1,)):
            y = y.reshape(-1, 1)
            return np.concatenate((np.zeros_like(y), y), axis=1)
        if y.ndim != 2 or y.shape[1] != classes:
            raise ValueError(
                f"the model of a classifier of {classes} classes must give scores (examples, {classes}), but gave an "
                f"array of shape {y.shape}; a last layer Linear({classes}) does"
            )
        return y

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on some of the examples; the first call names all classes."""
        estimator: Any = self
        first = not hasattr(self, "model_")
        if first:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit: all that y will ever have")
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes must be those of the first call of partial_fit, {list(self.classes_)}")
        x, y = estimator._checked(X, y, first)
        estimator._partial_fit(x, self._target(y, False), sample_weight, first)
        return self

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, in the order of `classes_`: (examples, classes)."""
        estimator: Any = self
        y = estimator._output(X)
        return softmax(self._scores(y))

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of `predict_proba`."""
        estimator: Any = self
        y = estimator._output(X)
        return log_softmax(self._scores(y))

    def predict(self, X: Any) -> Any:
        """Return the most probable class of each example."""
        estimator: Any = self
        y = estimator._output(X)
        return self.classes_[np.argmax(self._scores(y), axis=1)]


class Regressor(RegressorMixin):  # type: ignore[misc]
    """What regressors share: one target or several, and the choice of the loss."""

    loss: Any
    _one_target: bool
    n_outputs_: int

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _target(self, y: Any, first: bool) -> Any:
        y = np.asarray(y)
        y = y.astype(np.float64 if y.dtype.kind != "f" else y.dtype, copy=False)
        one = y.ndim == 1
        y = y.reshape(len(y), -1)
        if first:
            self._one_target, self.n_outputs_ = one, y.shape[1]
        elif y.shape[1] != self.n_outputs_:
            raise ValueError(f"y must have {self.n_outputs_} outputs, as in the first fit, but has {y.shape[1]}")
        return y

    def _outputs(self) -> int:
        return self.n_outputs_

    def _loss(self, y: Any, t: Any) -> Any:
        y = self._predictions(y)
        if isinstance(self.loss, str):
            losses = LOSSES[options.choice(self.loss, "loss", type(self).__name__, sorted(LOSSES))]
            return np.mean(losses(y, t, reduction="none"), axis=1)
        found = options.function(self.loss, "loss", type(self).__name__)(y, t)
        if found.shape not in (t.shape, t.shape[:1]):
            raise ValueError(
                f"the loss of {type(self).__name__} must give one number for each element of y, or for each example, "
                f"but gave an array of shape {found.shape} for {t.shape}; leave out the mean"
            )
        return np.mean(found, axis=1) if found.ndim == 2 else found

    def _predictions(self, y: Any) -> Any:
        """The predictions (examples, outputs)."""
        if y.ndim == 1 and self.n_outputs_ == 1:
            return y.reshape(-1, 1)
        if y.ndim != 2 or y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"the model of a regressor of {self.n_outputs_} outputs must give (examples, {self.n_outputs_}), but "
                f"gave an array of shape {y.shape}"
            )
        return y

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on some of the examples."""
        estimator: Any = self
        first = not hasattr(self, "model_")
        x, y = estimator._checked(X, y, first)
        estimator._partial_fit(x, self._target(y, first), sample_weight, first)
        return self

    def predict(self, X: Any) -> Any:
        """Return the predictions: (examples,), or (examples, outputs) where y had several."""
        estimator: Any = self
        y = self._predictions(estimator._output(X))
        return y[:, 0] if self._one_target else y
