"""Functions of a program's own as estimators: their parameters are fitted by gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Parameter, array_of
from wengert.layers.layer import Layer
from wengert.sklearn.estimator import Classifier, Estimator, Regressor

__all__ = ["GradientDescentClassifier", "GradientDescentRegressor"]


def linear(parameters: Any, x: Any) -> Any:
    """The function that is fitted where none is given: a linear one."""
    return x @ parameters["coef"] + parameters["intercept"]


class Fitted(Layer):
    """A function of parameters and examples, as a layer."""

    def __init__(self, function: Any, parameters: Any) -> None:
        self.function, self.parameters = function, parameters

    def forward(self, x: Any) -> Any:
        """Call the function on the parameters and on examples."""
        return self.function(self.parameters, x)


class GradientDescent(Estimator):
    """What these estimators share: a function, and where its parameters start."""

    function: Any
    initial: Any

    def _make_model(self, x: Any, outputs: int) -> Any:
        name = type(self).__name__
        if self.function is None:
            function: Any = linear
            zeros = {"coef": np.zeros((x.shape[1], outputs)), "intercept": np.zeros(outputs)}
            initial = zeros if self.initial is None else self.initial
        else:
            function, initial = options.function(self.function, "function", name), self.initial
            if initial is None:
                raise TypeError(
                    f"{name} needs the initial values of the parameters of its function: initial=, an array, a dict or "
                    "list of them, or a function (features, outputs) that returns one"
                )
        if callable(initial):
            initial = initial(x.shape[1], outputs)
        return Fitted(function, self._parameters(initial, x.dtype))

    def _parameters(self, initial: Any, dtype: Any) -> Any:
        """Copy initial values as Parameters, in dicts and lists as they were."""
        if isinstance(initial, dict):
            return {key: self._parameters(value, dtype) for key, value in initial.items()}
        if isinstance(initial, (list, tuple)) and not all(isinstance(value, (int, float)) for value in initial):
            return [self._parameters(value, dtype) for value in initial]
        array = np.asarray(getattr(initial, "data", initial) if isinstance(initial, Parameter) else initial)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"initial of {type(self).__name__} must hold real numbers, but got {describe(initial)}")
        return Parameter(np.array(array, dtype))

    @property
    def parameters_(self) -> Any:
        """The fitted parameters, as arrays, in dicts and lists as `initial` has them."""
        if not hasattr(self, "model_"):
            raise AttributeError(f"{type(self).__name__} has no parameters_ before it is fitted")
        return arrays_in(self.model_.parameters)


def arrays_in(parameters: Any) -> Any:
    """Copy the arrays of nested Parameters."""
    if isinstance(parameters, dict):
        return {key: arrays_in(value) for key, value in parameters.items()}
    if isinstance(parameters, list):
        return [arrays_in(value) for value in parameters]
    return np.array(array_of(parameters))


class GradientDescentRegressor(Regressor, GradientDescent):
    """Fits the parameters of a differentiable function to examples, as an estimator of scikit-learn.

    Parameters
    ----------
    function : function, optional
        ``(parameters, X) -> predictions``, in NumPy: (examples,), or (examples, outputs). The default is linear, of
        parameters "coef" and "intercept".
    initial : array, dict, list or function
        The initial values of the parameters; a function of the numbers of features and outputs returns them.
    loss : "squared_error", "absolute_error", "huber", or function
        As in `NeuralRegressor`.
    optimizer, learning_rate, alpha, batch_size, epochs, tol, n_iter_no_change
        As in `NeuralClassifier`.
    shuffle, early_stopping, validation_fraction, warm_start, compile, random_state
        As in `NeuralClassifier`.

    Attributes
    ----------
    parameters_
        The fitted parameters, arranged as `initial` is.
    loss_curve_, n_iter_, n_outputs_, n_features_in_, feature_names_in_
        As in `NeuralRegressor`.

    Examples
    --------
    >>> import numpy as np
    >>> def decay(p, X):
    ...     return p["level"] * np.exp(-p["rate"] * X[:, 0])
    >>> t = np.linspace(0, 4, 40)[:, None]
    >>> start = {"level": 1.0, "rate": 1.0}
    >>> model = GradientDescentRegressor(decay, start, learning_rate=0.1, epochs=300, tol=0, random_state=0)
    >>> found = model.fit(t, 3 * np.exp(-0.5 * t[:, 0])).parameters_
    >>> print(np.round(found["level"], 2), np.round(found["rate"], 2))
    3.0 0.5
    """

    def __init__(
        self,
        function: Any = None,
        initial: Any = None,
        *,
        loss: Any = "squared_error",
        optimizer: Any = "adam",
        learning_rate: float = 1e-2,
        alpha: float = 0.0,
        batch_size: Any = "auto",
        epochs: int = 1000,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        compile: Any = "auto",
        random_state: Any = None,
    ) -> None:
        self.function, self.initial, self.loss = function, initial, loss
        self.optimizer, self.learning_rate, self.alpha = optimizer, learning_rate, alpha
        self.batch_size, self.epochs, self.shuffle = batch_size, epochs, shuffle
        self.tol, self.n_iter_no_change = tol, n_iter_no_change
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.warm_start, self.compile, self.random_state = warm_start, compile, random_state


class GradientDescentClassifier(Classifier, GradientDescent):
    """Fits the parameters of a differentiable function that scores classes, as an estimator of scikit-learn.

    Parameters
    ----------
    function : function, optional
        ``(parameters, X) -> scores``, in NumPy: (examples, classes), before the softmax; of two classes also
        (examples,), before the sigmoid. The default is linear: a logistic regression.
    initial, optimizer, learning_rate, alpha, batch_size, epochs, tol, n_iter_no_change
        As in `GradientDescentRegressor`.
    shuffle, early_stopping, validation_fraction, warm_start, compile, random_state
        As in `NeuralClassifier`.

    Attributes
    ----------
    parameters_, loss_curve_, n_iter_, n_features_in_, feature_names_in_
        As in `GradientDescentRegressor`.
    classes_ : array

    Examples
    --------
    >>> import numpy as np
    >>> def inside(p, X):
    ...     return p[1] * (p[0] - np.sum(X**2, axis=1))
    >>> x = np.random.default_rng(0).uniform(-2, 2, (200, 2))
    >>> y = np.where(np.sum(x**2, axis=1) < 2, "in", "out")
    >>> model = GradientDescentClassifier(inside, [1.0, -1.0], learning_rate=0.1, epochs=200, tol=0, random_state=0)
    >>> bool(model.fit(x, y).score(x, y) > 0.95)
    True
    """

    def __init__(
        self,
        function: Any = None,
        initial: Any = None,
        *,
        optimizer: Any = "adam",
        learning_rate: float = 1e-2,
        alpha: float = 0.0,
        batch_size: Any = "auto",
        epochs: int = 1000,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        compile: Any = "auto",
        random_state: Any = None,
    ) -> None:
        self.function, self.initial = function, initial
        self.optimizer, self.learning_rate, self.alpha = optimizer, learning_rate, alpha
        self.batch_size, self.epochs, self.shuffle = batch_size, epochs, shuffle
        self.tol, self.n_iter_no_change = tol, n_iter_no_change
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.warm_start, self.compile, self.random_state = warm_start, compile, random_state
