"""Optimizers, which update parameters by their gradients, and learning rate schedules.

>>> import numpy as np
>>> from wengert import Parameter
>>> from wengert.optimizers import Adam
>>> p = Parameter(np.array([1.0, -1.0]))
>>> optimizer = Adam([p], learning_rate=0.25)
>>> np.sum(p**2).backward()
>>> optimizer.update()
>>> p
Parameter([ 0.75, -0.75])
"""

import importlib
from typing import TYPE_CHECKING, Any

from wengert.optimizers.adafactor import Adafactor
from wengert.optimizers.adam import Adam, AdamW
from wengert.optimizers.adaptive import AdaDelta, AdaGrad, RMSprop
from wengert.optimizers.clipping import clip_gradients_by_norm, clip_gradients_by_value
from wengert.optimizers.lbfgs import LBFGS
from wengert.optimizers.lion import Lion
from wengert.optimizers.optimizer import Optimizer
from wengert.optimizers.plateau import ReduceOnPlateau
from wengert.optimizers.schedule import Schedule, WarmUp
from wengert.optimizers.schedules import (
    CosineDecay,
    ExponentialDecay,
    LinearDecay,
    MultiStepDecay,
    OneCycle,
    PolynomialDecay,
    StepDecay,
)
from wengert.optimizers.sgd import SGD, Momentum, Nesterov

__all__ = [
    "LBFGS",
    "SGD",
    "AdaDelta",
    "AdaGrad",
    "Adafactor",
    "Adam",
    "AdamW",
    "CosineDecay",
    "ExponentialDecay",
    "LinearDecay",
    "Lion",
    "Momentum",
    "MultiStepDecay",
    "Nesterov",
    "OneCycle",
    "Optimizer",
    "PolynomialDecay",
    "RMSprop",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "WarmUp",
    "clip_gradients_by_norm",
    "clip_gradients_by_value",
]

if not TYPE_CHECKING:  # (which would take it for a module that has any name)

    def __getattr__(name: str) -> Any:
        return importlib.import_module("wengert.checks.peer_modules").looked_up(__name__, name)
