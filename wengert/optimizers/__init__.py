"""Optimizers: how parameters change by their gradients; schedules: how learning rates change."""

from wengert.optimizers.adafactor import Adafactor
from wengert.optimizers.adam import Adam, AdamW
from wengert.optimizers.adaptive import AdaDelta, AdaGrad, RMSprop
from wengert.optimizers.clipping import clip_gradients_by_norm, clip_gradients_by_value
from wengert.optimizers.lion import Lion
from wengert.optimizers.optimizer import Optimizer
from wengert.optimizers.sgd import SGD, Momentum, Nesterov

__all__ = [
    "SGD",
    "AdaDelta",
    "AdaGrad",
    "Adafactor",
    "Adam",
    "AdamW",
    "Lion",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "clip_gradients_by_norm",
    "clip_gradients_by_value",
]
