"""Updates of parameters: in lists, dictionaries and attributes."""

from typing import Any

import numpy as np

from tests.idioms import Idiom, normal
from wengert import grad


def loss(w: Any, b: Any, x: Any, y: Any) -> Any:
    return np.mean((np.tanh(x @ w + b) - y) ** 2)


def adam_in_dictionaries(params: Any, state: Any, x: Any, y: Any) -> Any:
    grads = dict(zip(params, grad(loss, (0, 1))(params["w"], params["b"], x, y), strict=True))
    state["t"] += 1
    t = state["t"]
    for name, g in grads.items():
        state["m"][name] = 0.9 * state["m"][name] + 0.1 * g
        state["v"][name] = 0.999 * state["v"][name] + 0.001 * g**2
        m, v = state["m"][name] / (1 - 0.9**t), state["v"][name] / (1 - 0.999**t)
        params[name] = params[name] - 0.01 * m / (np.sqrt(v) + 1e-8)
    return params["w"]


def adam_in_lists(params: Any, ms: Any, vs: Any, x: Any, y: Any) -> Any:
    grads = grad(loss, (0, 1))(*params, x, y)
    for p, m, v, g in zip(params, ms, vs, grads, strict=True):
        m *= 0.9
        m += 0.1 * g
        v *= 0.999
        v += 0.001 * g * g
        p -= 0.01 * m / (np.sqrt(v) + 1e-8)
    return params[0]


class Model:
    """Adam in attributes."""

    def __init__(self) -> None:
        self.w, self.b = normal(3, 2), normal(2)
        self.m, self.v = [np.zeros((3, 2)), np.zeros(2)], [np.zeros((3, 2)), np.zeros(2)]
        self.beta, self.rate = 0.9, np.array(0.01)

    def step(self, x: Any, y: Any) -> Any:
        grads = grad(loss, (0, 1))(self.w, self.b, x, y)
        for i, g in enumerate(grads):
            self.m[i] = self.beta * self.m[i] + (1 - self.beta) * g
            self.v[i] = 0.99 * self.v[i] + 0.01 * np.square(g)
        self.w = self.w - self.rate * self.m[0] / (np.sqrt(self.v[0]) + 1e-8)
        self.b = self.b - self.rate * self.m[1] / (np.sqrt(self.v[1]) + 1e-8)
        return self.w


def adam_in_attributes(model: Any, x: Any, y: Any) -> Any:
    return model.step(x, y)


def rmsprop(w: Any, b: Any, cache: Any, x: Any, y: Any) -> Any:
    g, _ = grad(loss, (0, 1))(w, b, x, y)
    cache[...] = 0.9 * cache + 0.1 * g**2
    w -= 0.01 * g / np.sqrt(cache + 1e-8)
    return w


def momentum(w: Any, b: Any, velocity: Any, x: Any, y: Any) -> Any:
    g, h = grad(loss, (0, 1))(w, b, x, y)
    velocity[:] = 0.9 * velocity - 0.1 * g
    w += 0.9 * velocity - 0.1 * g
    b -= 0.1 * h
    return w, b


def clipping_by_norm(w: Any, b: Any, x: Any, y: Any) -> Any:
    grads = grad(loss, (0, 1))(w, b, x, y)
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    scale = np.minimum(1.0, 0.1 / (norm + 1e-6))
    return [p - scale * g for p, g in zip((w, b), grads, strict=True)]


def clipping_by_value(w: Any, b: Any, x: Any, y: Any) -> Any:
    g, _ = grad(loss, (0, 1))(w, b, x, y)
    np.clip(g, -0.01, 0.01, out=g)
    return w - g


def averaged_weights(w: Any, b: Any, average: Any, x: Any, y: Any) -> Any:
    g, _ = grad(loss, (0, 1))(w, b, x, y)
    w = w - 0.1 * g
    average += 0.01 * (w - average)
    return w, average


def step_by_hand(w1: Any, b1: Any, w2: Any, x: Any, y: Any) -> Any:
    """Backpropagation as it is written without a library."""
    z = x @ w1 + b1
    h = np.maximum(z, 0)
    e = h @ w2 - y
    d2 = h.T @ e / len(x)
    dh = e @ w2.T
    dh[z <= 0] = 0
    d1, db = x.T @ dh / len(x), dh.sum(axis=0)
    w1 -= 0.1 * d1
    b1 -= 0.1 * db
    w2 -= 0.1 * d2
    return np.mean(e**2)


def minibatch(w: Any, b: Any, x: Any, y: Any, rng: Any) -> Any:
    order = rng.permutation(len(x))[:4]
    g, _ = grad(loss, (0, 1))(w, b, x[order], y[order])
    return w - 0.1 * g


def noise(w: Any, rng: Any) -> Any:
    return (
        w + 0.1 * rng.standard_normal(w.shape),
        rng.uniform(-1, 1, w.shape),
        rng.integers(0, 5, 3),
        rng.normal(0.0, 0.5, size=w.shape),
        rng.random(4) < 0.5,
    )


def half_precision(w: Any, x: Any) -> Any:
    h = np.maximum(x.astype(np.float16) @ w.astype(np.float16), np.float16(0))
    return np.sum(h.astype(np.float32) ** 2)


W, B, X, Y = normal(3, 2), normal(2), normal(6, 3), normal(6, 2)


def like(names: bool) -> Any:
    return {"w": np.zeros((3, 2)), "b": np.zeros(2)} if names else [np.zeros((3, 2)), np.zeros(2)]


IDIOMS = {
    "adam in dictionaries": Idiom(
        adam_in_dictionaries, ({"w": W, "b": B}, {"t": np.array(0), "m": like(True), "v": like(True)}, X, Y)
    ),
    "adam in lists": Idiom(adam_in_lists, ([W, B], like(False), like(False), X, Y)),
    "adam in attributes": Idiom(adam_in_attributes, (Model(), X, Y)),
    "rmsprop": Idiom(rmsprop, (W, B, np.zeros((3, 2)), X, Y)),
    "momentum": Idiom(momentum, (W, B, np.zeros((3, 2)), X, Y)),
    "clipping by norm": Idiom(clipping_by_norm, (W, B, X, Y)),
    "clipping by value": Idiom(clipping_by_value, (W, B, X, Y)),
    "averaged weights": Idiom(averaged_weights, (W, B, np.zeros((3, 2)), X, Y)),
    "backpropagation by hand": Idiom(step_by_hand, (normal(3, 4), normal(4), normal(4, 2), X, Y)),
    "minibatch": Idiom(minibatch, (W, B, X, Y, np.random.default_rng(0))),
    "draws": Idiom(noise, (W, np.random.default_rng(0))),
    "half precision": Idiom(half_precision, (W, X), (0,)),
}
