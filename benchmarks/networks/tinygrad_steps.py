"""The workloads in tinygrad, every step under TinyJit: perceptrons, and the CNN."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from tinygrad import Context, Tensor, TinyJit, nn

from benchmarks.networks.data import MLPS, RATE, batch, weights

__all__ = ["make"]


class Network:
    """A chain of layers and functions."""

    def __init__(self, steps: list[Any]) -> None:
        self.steps = steps

    def __call__(self, x: Any) -> Any:
        return x.sequential(self.steps)


def pool(x: Any) -> Any:
    return x.max_pool2d((2, 2))


def flat(x: Any) -> Any:
    return x.flatten(1)


def network(work: str) -> Network:
    if work in MLPS:
        sizes = MLPS[work][0]
        return Network([step for pair in pairwise(sizes) for step in (nn.Linear(*pair), Tensor.relu)][:-1])
    if work != "cnn":
        raise NotImplementedError("no such model is written for tinygrad")
    first = [nn.Conv2d(1, 16, 3), Tensor.relu, pool, nn.Conv2d(16, 32, 3), Tensor.relu, pool, flat]
    return Network([*first, nn.Linear(800, 128), Tensor.relu, nn.Linear(128, 10)])


def make(work: str) -> Callable[[], float]:
    """Return a step of training: forward, backward and Adam; it returns the loss."""
    model = network(work)
    given = nn.state.get_state_dict(model)
    arrays = weights((name.removeprefix("steps."), tuple(p.shape)) for name, p in given.items())
    for name, p in given.items():
        p.assign(Tensor(arrays[name.removeprefix("steps.")])).realize()
    optimizer = nn.optim.Adam(list(given.values()), lr=RATE)
    x, t = (Tensor(array).realize() for array in batch(work))

    def train() -> Any:
        optimizer.zero_grad()
        loss = model(x).sparse_categorical_crossentropy(t)
        loss.backward()
        return loss.realize(*optimizer.schedule_step())  # (the loss with the weights before)

    jitted = TinyJit(train)

    def step() -> float:
        with Context(TRAINING=1):
            return float(jitted().item())

    return step
