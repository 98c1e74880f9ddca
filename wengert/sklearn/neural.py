"""Networks as estimators."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from wengert import functions
from wengert.checks import options
from wengert.checks.errors import describe
from wengert.layers.layer import Layer
from wengert.models.mlp import MLP
from wengert.sklearn.estimator import Classifier, Estimator, Regressor

__all__ = ["NeuralClassifier", "NeuralRegressor"]


class Neural(Estimator):
    """What the networks share: the model, by default a multilayer perceptron."""

    hidden: Any
    activation: Any
    dropout: float
    model: Any

    def _make_model(self, x: Any, outputs: int) -> Any:
        name = type(self).__name__
        if isinstance(self.model, Layer):
            return copy.deepcopy(self.model)
        if self.model is not None:
            found = options.function(self.model, "model", name)(outputs)
            if not isinstance(found, Layer):
                raise TypeError(
                    f"model of {name} must return a Layer for a number of outputs, but got {describe(found)}"
                )
            return found
        activation = self.activation
        if isinstance(activation, str):
            activation = getattr(functions, options.choice(activation, "activation", name, ACTIVATIONS))
        if not isinstance(self.hidden, Sequence):
            raise TypeError(f"hidden of {name} must be a tuple of sizes, as (100,), but got {describe(self.hidden)}")
        rate = options.real(self.dropout, "dropout", name, 0, 1)
        hidden = [options.size(size, "each size in hidden", name) for size in self.hidden]
        return MLP(*hidden, outputs, activation=activation, dropout=rate, dtype=x.dtype)


ACTIVATIONS = ("relu", "gelu", "silu", "sigmoid", "elu", "selu", "softplus", "leaky_relu", "mish", "softsign")


class NeuralClassifier(Classifier, Neural):
    """A classifier of scikit-learn: a network, trained on the softmax cross-entropy.

    Parameters
    ----------
    hidden : tuple of int
        The sizes of the hidden layers.
    activation : str or function
        Of the hidden layers: the name of a function in `wengert.functions`, or one of your own.
    dropout : float
        The rate of dropout after each hidden layer, in training.
    model : Layer or function, optional
        A network in the place of hidden layers: a Layer (which is copied, and stays as it is), or a function of the
        number of outputs that makes one. It takes (examples, features) and gives (examples, outputs).
    optimizer : str or function
        The name of an optimizer ("adam", "sgd", "adamw", ...), or ``(model, learning_rate) -> Optimizer``.
    learning_rate : float
    alpha : float
        The coefficient of the L2 penalty on weights (not on biases).
    batch_size : int or "auto"
        "auto" is 200, or all examples where there are fewer.
    epochs : int
        The most passes over the examples.
    tol, n_iter_no_change : float and int
        Training ends when the loss has not fallen by `tol` for so many epochs in turn; with ``tol=0`` after `epochs`.
    shuffle : bool
        Whether each epoch has an order of its own.
    early_stopping : bool
        Whether `validation_fraction` of the examples are held out, to stop by the loss on them, and to keep the
        weights that were best.
    validation_fraction : float
    warm_start : bool
        Whether another `fit` goes on from the weights of the one before.
    compile : bool or "auto"
        Whether the step is compiled (see `wengert.compile`); "auto" compiles where it pays and llvmlite is there.
    random_state : int, RandomState or None
        The same number gives the same weights.

    Attributes
    ----------
    model_ : Layer
        The trained network.
    classes_ : array
    loss_curve_ : list of float
        The mean loss of each epoch.
    n_iter_ : int
        How many epochs were made.
    n_features_in_, feature_names_in_
        As in all estimators of scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> x, y = load_iris(return_X_y=True)
    >>> model = NeuralClassifier((16,), learning_rate=0.05, epochs=60, tol=0, random_state=0).fit(x, y)
    >>> bool(model.score(x, y) > 0.95)
    True
    """

    def __init__(
        self,
        hidden: Any = (100,),
        *,
        activation: Any = "relu",
        dropout: float = 0.0,
        model: Any = None,
        optimizer: Any = "adam",
        learning_rate: float = 1e-3,
        alpha: float = 0.0,
        batch_size: Any = "auto",
        epochs: int = 200,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        compile: Any = "auto",
        random_state: Any = None,
    ) -> None:
        self.hidden, self.activation, self.dropout, self.model = hidden, activation, dropout, model
        self.optimizer, self.learning_rate, self.alpha = optimizer, learning_rate, alpha
        self.batch_size, self.epochs, self.shuffle = batch_size, epochs, shuffle
        self.tol, self.n_iter_no_change = tol, n_iter_no_change
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.warm_start, self.compile, self.random_state = warm_start, compile, random_state


class NeuralRegressor(Regressor, Neural):
    """A regressor of scikit-learn: a network, trained on the squared error or another loss; of one output or several.

    Parameters
    ----------
    hidden, activation, dropout, model
        As in `NeuralClassifier`.
    loss : "squared_error", "absolute_error", "huber", or function
        A function gets predictions and targets, both (examples, outputs), and gives a loss for each of their elements,
        or for each example.
    optimizer, learning_rate, alpha, batch_size, epochs, tol, n_iter_no_change
        As in `NeuralClassifier`.
    shuffle, early_stopping, validation_fraction, warm_start, compile, random_state
        As in `NeuralClassifier`.

    Attributes
    ----------
    model_, loss_curve_, n_iter_, n_features_in_, feature_names_in_
        As in `NeuralClassifier`.
    n_outputs_ : int

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> y = np.sin(3 * x[:, 0])
    >>> model = NeuralRegressor((32,), learning_rate=0.02, epochs=300, tol=0, random_state=0).fit(x, y)
    >>> bool(model.score(x, y) > 0.99)
    True
    """

    def __init__(
        self,
        hidden: Any = (100,),
        *,
        activation: Any = "relu",
        dropout: float = 0.0,
        model: Any = None,
        loss: Any = "squared_error",
        optimizer: Any = "adam",
        learning_rate: float = 1e-3,
        alpha: float = 0.0,
        batch_size: Any = "auto",
        epochs: int = 200,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        compile: Any = "auto",
        random_state: Any = None,
    ) -> None:
        self.hidden, self.activation, self.dropout, self.model, self.loss = hidden, activation, dropout, model, loss
        self.optimizer, self.learning_rate, self.alpha = optimizer, learning_rate, alpha
        self.batch_size, self.epochs, self.shuffle = batch_size, epochs, shuffle
        self.tol, self.n_iter_no_change = tol, n_iter_no_change
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.warm_start, self.compile, self.random_state = warm_start, compile, random_state
