"""Estimators of scikit-learn that are trained by gradients: networks, and functions of a program's own.

>>> import numpy as np
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> from wengert.sklearn import NeuralClassifier
>>> x = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]] * 10)
>>> labels = np.where(x[:, 0] > 0.5, "right", "left")
>>> model = make_pipeline(StandardScaler(), NeuralClassifier((8,), learning_rate=0.1, epochs=20, tol=0, random_state=0))
>>> print(model.fit(x, labels).predict([[0.9, 0.1], [0.2, 0.7]]))
['right' 'left']
"""

from wengert.checks.extras import needed

needed("sklearn", "train", "wengert.sklearn")

from wengert.sklearn.gradient_descent import GradientDescentClassifier, GradientDescentRegressor  # noqa: E402
from wengert.sklearn.neural import NeuralClassifier, NeuralRegressor  # noqa: E402

__all__ = ["GradientDescentClassifier", "GradientDescentRegressor", "NeuralClassifier", "NeuralRegressor"]
