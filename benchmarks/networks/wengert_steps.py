"""The workloads in Wengert, eager; with the prefix "compiled ", compiled."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.networks.data import GPT, MLPS, RATE, batch, weights
from wengert import Model
from wengert.compiler.compiled import compile
from wengert.functions import relu, softmax_cross_entropy
from wengert.layers import LSTM, Conv2d, Flatten, Linear, MaxPool2d, Sequential
from wengert.models import GPT as Transformer
from wengert.optimizers import Adam


class Recurrent(Model):
    """The last output of an LSTM, and a linear layer."""

    def __init__(self) -> None:
        self.lstm = LSTM(32, 128)
        self.head = Linear(128, 10)

    def forward(self, x: Any) -> Any:
        outputs, _ = self.lstm(x)
        return self.head(outputs[:, -1])


def network(work: str) -> Any:
    if work in MLPS:
        sizes = MLPS[work][0]
        steps: list[Any] = [step for pair in pairwise(sizes) for step in (Linear(*pair), relu)]
        return Sequential(*steps[:-1])
    if work == "cnn":
        first: list[Any] = [Conv2d(1, 16, 3), relu, MaxPool2d(2), Conv2d(16, 32, 3), relu, MaxPool2d(2)]
        return Sequential(*first, Flatten(), Linear(800, 128), relu, Linear(128, 10))
    if work == "lstm":
        return Recurrent()
    return Transformer(**GPT, dropout=0.0)


def shapes(work: str) -> list[tuple[str, tuple[int, ...]]]:
    """Name the parameters, with their shapes."""
    return [(name, p.shape) for name, p in network(work).params().items()]


def make(work: str) -> Callable[[], float]:
    """Return a step of training: forward, backward and Adam; it returns the loss."""
    compiled, work = work.startswith("compiled "), work.removeprefix("compiled ")
    model = network(work)
    model.load_state_dict(weights(shapes(work)))
    optimizer = Adam(model, RATE)
    x, t = batch(work)
    t = t.reshape(-1)

    def step() -> float:
        y = model(x)
        loss = softmax_cross_entropy(np.reshape(y, (len(t), -1)), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        return float(loss)

    return compile(step) if compiled else step
