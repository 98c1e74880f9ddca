"""What type checkers know of the public functions: `assert_type` fails where mypy finds another type."""

from collections.abc import Callable
from typing import Any, assert_type

import numpy as np

import wengert
from wengert.compiler.compiled import Compiled
from wengert.functions import mse
from wengert.layers import Linear, Sequential
from wengert.optimizers import SGD
from wengert.training import EMA, Trainer

Array = np.ndarray[Any, np.dtype[Any]]


def loss(weights: Array, scale: float = 1.0) -> np.float64:
    return np.float64(np.sum(weights**2) * scale)


def pair(a: Array, *, power: int = 2) -> tuple[Array, Array]:
    return a**power, a


def check_transforms(x: Array) -> None:
    gradient = wengert.grad(loss)
    gradient(x, 2.0)
    gradient(x, scale=2.0)
    gradient(x, "a")  # type: ignore[arg-type]
    gradient(x, size=2.0)  # type: ignore[call-arg]
    assert_type(wengert.value_and_grad(loss)(x), tuple[Any, Any])
    wengert.value_and_grad(loss)()  # type: ignore[call-arg]
    assert_type(wengert.vmap(pair)(x, power=3), tuple[Array, Array])
    wengert.vmap(pair)(x, 3)  # type: ignore[call-arg]
    assert_type(wengert.checkpoint(pair)(x), tuple[Array, Array])
    wengert.jacobian(pair)(x, power="a")  # type: ignore[arg-type]
    wengert.hessian(loss)(x, scale="a")  # type: ignore[arg-type]
    wengert.grad(np.sin)(0.5)
    wengert.vmap(np.sin)(x)
    wengert.grad(lambda a, b: a * b)(x, x)
    assert_type(wengert.dispatched(loss)(x), np.float64)


def check_compile(x: Array) -> None:
    assert_type(wengert.compile(loss)(x), np.float64)
    wengert.compile(loss)(x, "a")  # type: ignore[arg-type]
    assert_type(wengert.compile(ahead=True)(pair)(x), tuple[Array, Array])
    assert_type(wengert.compile(np.sin), Compiled[..., Any])
    wengert.compile(wengert.grad(loss))(x, "a")  # type: ignore[arg-type]

    @wengert.compile
    def step(a: Array) -> float:
        return float(a.sum())

    assert_type(step(x), float)


def check_layers() -> None:
    model = Sequential(Linear(2, 1), np.tanh)
    assert_type(model.freeze(), Sequential)
    assert_type(Linear(2, 1).eval(), Linear)
    assert_type(EMA(model).update, Callable[[], None])
    trainer = Trainer(model, SGD(model, 0.1), mse)
    assert_type(trainer.fit(np.ones((4, 2)), np.ones((4, 1))), list[dict[str, Any]])
    wengert.layers.Dense  # type: ignore[attr-defined]  # noqa: B018
    wengert.tensor  # type: ignore[attr-defined]  # noqa: B018
