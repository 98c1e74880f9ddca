"""Programs as people write them: counters, schedules, optimizers by hand, places that were computed, draws.

Each makes a function with its state anew, and the arguments of its calls.
"""

# ruff: noqa: NPY002

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert

X = np.random.default_rng(0).normal(size=(12, 3))
W = np.array([0.8, -0.3, 0.5])
Y = X @ np.array([1.0, -2.0, 0.5])
PROGRAMS: dict[str, Callable[[], Any]] = {}


def program(make: Any) -> Any:
    PROGRAMS[make.__name__] = make
    return make


def loss(w: Any) -> Any:
    return np.mean((X @ w - Y) ** 2)


@program
def self_counter():
    class Opt:
        def __init__(self):
            self.t = 0
            self.w = W.copy()

        def step(self, x):
            self.t += 1
            g = wengert.grad(loss)(self.w)
            self.w = self.w - 0.1 / self.t * g
            return np.sum(self.w * x)

    o = Opt()
    return o.step, lambda k: (X[k % 12],)


@program
def dict_counter():
    state = {"t": 0, "m": np.zeros(3), "v": np.zeros(3), "w": W.copy()}

    def step(x):
        state["t"] = state["t"] + 1
        g = wengert.grad(loss)(state["w"])
        state["m"] = 0.9 * state["m"] + 0.1 * g
        state["v"] = 0.99 * state["v"] + 0.01 * g**2
        mh = state["m"] / (1 - 0.9 ** state["t"])
        vh = state["v"] / (1 - 0.99 ** state["t"])
        state["w"] = state["w"] - 0.1 * mh / (np.sqrt(vh) + 1e-8)
        return np.sum(state["w"] * x)

    return step, lambda k: (X[k % 12],)


@program
def adam_arg():
    def step(w, m, v, i):
        g = wengert.grad(loss)(w)
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g**2
        return w - 0.1 * (m / (1 - 0.9 ** (i + 1))) / (np.sqrt(v / (1 - 0.99 ** (i + 1))) + 1e-8), m, v

    return step, lambda k: (W + k / 9, W * 0.1, W**2, k)


@program
def decayed_rate():
    def step(w, k):
        return w - 0.5 / (1 + k) * wengert.grad(loss)(w)

    return step, lambda k: (W + k, k)


@program
def iteration_unused():
    return wengert.grad(lambda p, iteration: loss(p)), lambda k: (W + k / 7, k)


@program
def iteration_batches():
    n = 4

    def objective(p, it):
        idx = it % 3
        batch, y = X[idx * n : (idx + 1) * n], Y[idx * n : (idx + 1) * n]
        return np.mean((batch @ p - y) ** 2)

    return wengert.grad(objective), lambda k: (W + k / 7, k)


@program
def batch_indices_helper():
    def batch_indices(it):
        idx = it % 3
        return slice(idx * 4, (idx + 1) * 4)

    def objective(p, it):
        idx = batch_indices(it)
        return np.mean((X[idx] @ p - Y[idx]) ** 2)

    return wengert.grad(objective), lambda k: (W + k / 7, k)


@program
def closure_counter():
    t = 0

    def f(w):
        nonlocal t
        t += 1
        return w / t

    return f, lambda k: (W + k,)


@program
def lr_attribute():
    class Opt:
        def __init__(self):
            self.lr = 0.5
            self.lr0 = 0.5
            self.k = 0
            self.w = W.copy()

        def step(self, x):
            self.k += 1
            self.lr = self.lr0 / (1 + self.k)
            self.w = self.w - self.lr * wengert.grad(loss)(self.w)
            return np.sum(self.w * x)

    return Opt().step, lambda k: (X[k % 12],)


@program
def lr_times():
    class Opt:
        lr = 0.5

        def step(self, w):
            w = w - self.lr * wengert.grad(loss)(w)
            self.lr *= 0.99
            return w

    return Opt().step, lambda k: (W + k,)


@program
def every_ten():
    class Opt:
        def __init__(self):
            self.k = 0
            self.w = W.copy()

        def step(self, x):
            if self.k % 10 == 0:
                self.w = self.w * 0.5
            self.k += 1
            return np.sum(self.w * x)

    return Opt().step, lambda k: (X[k % 12],)


@program
def dataclass_state():
    @dataclasses.dataclass
    class State:
        w: object
        step: int = 0
        lr: float = 0.1

    s = State(W.copy())

    def update(x):
        s.step += 1
        s.w = s.w - s.lr / np.sqrt(s.step) * wengert.grad(loss)(s.w)
        return np.sum(s.w * x)

    return update, lambda k: (X[k % 12],)


@program
def math_sqrt_step():
    def f(w, k):
        return w / math.sqrt(k + 1)

    return f, lambda k: (W, k)


@program
def math_exp_schedule():
    def f(w, k):
        return w * math.exp(-0.1 * k) + 0.5 * math.cos(math.pi * k / 20)

    return f, lambda k: (W, k)


@program
def hmm():
    logB = np.log(np.random.default_rng(1).dirichlet(np.ones(4), 3))
    logA = np.log(np.random.default_rng(2).dirichlet(np.ones(3), 3))

    def f(theta, data):
        alpha = theta
        for y in data:
            alpha = np.log(np.sum(np.exp(alpha[:, None] + logA), 0)) + logB[:, y]
        return np.sum(alpha)

    return wengert.grad(f), lambda k: (W, np.random.default_rng(k).integers(0, 4, 9))


@program
def embeddings_loop():
    E = np.random.default_rng(3).normal(size=(6, 3))

    def f(w, words):
        h = np.zeros(3)
        for word in words:
            h = np.tanh(h * w + E[word])
        return np.sum(h)

    return wengert.grad(f), lambda k: (W, np.random.default_rng(k).integers(0, 6, 9))


@program
def one_hot():
    def f(w, y):
        return np.sum(np.eye(3)[y] @ w)

    return wengert.grad(f), lambda k: (W, np.random.default_rng(k).integers(0, 3, 5))


@program
def linspace_at():
    def f(w, t):
        return np.linspace(0, 1, 20)[t] * w

    return f, lambda k: (W, k % 20)


@program
def field_at():
    def f(v):
        field = np.arange(12.0).reshape(3, 4)
        i = np.floor(v).astype(int) % 3
        j = np.floor(2 * v).astype(int) % 4
        return np.sum(field[i, j] * v**2)

    return wengert.grad(f), lambda k: (np.array([0.3, 1.2, 2.7]) + k / 10,)


@program
def int_table_at():
    def f(v, y):
        table = np.arange(12).reshape(3, 4)
        return np.sum(table[y] * v[0])

    return f, lambda k: (W, np.random.default_rng(k).integers(0, 3, 5))


@program
def fill_rows():
    def f(w):
        a = np.empty((4, 3))
        for i in range(4):
            a[i] = np.tanh(X[i] * w)
        return np.sum(a**2)

    return wengert.grad(f), lambda k: (W + k,)


@program
def write_at_count():
    class Rec:
        def __init__(self):
            self.n = 0
            self.hist = np.zeros(40)

        def step(self, w):
            self.hist[self.n] = np.sum(w)
            self.n += 1
            return self.hist * 1

    return Rec().step, lambda k: (W + k,)


@program
def add_at():
    def f(w, i):
        a = np.zeros(5)
        np.add.at(a, i, w)
        return np.sum(a**2)

    return wengert.grad(f), lambda k: (W + k, np.random.default_rng(k).integers(0, 5, 3))


@program
def random_state():
    rs = np.random.RandomState(0)

    def f(w):
        return np.sum(rs.randn(5, 3) * np.exp(w)) + rs.rand() + rs.uniform(0, 1, 2)[0] + rs.normal()

    return wengert.grad(f), lambda k: (W + k / 99,)


@program
def rs_permutation():
    rs = np.random.RandomState(0)

    def f(w):
        p = rs.permutation(12)[:4]
        return np.mean((X[p] @ w - Y[p]) ** 2)

    return wengert.grad(f), lambda k: (W + k / 99,)


@program
def rs_choice():
    rs = np.random.RandomState(0)

    def f(w):
        p = rs.choice(12, 4, replace=False)
        return np.mean((X[p] @ w - Y[p]) ** 2)

    return wengert.grad(f), lambda k: (W + k / 99,)


@program
def list_of_floats():
    f = wengert.value_and_grad(lambda p: p[0] ** 2 * p[1])
    return (lambda a, b: f([a, b])[0]), lambda k: (1.0 + k, 2.0)


@program
def list_of_floats_array():
    def f(p):
        a = np.array(p)
        return np.sum(a**2) * a[0]

    return (lambda a, b: f([a, b])), lambda k: (1.0 + k, 2.0)


@program
def array_of_floats_args():
    return (lambda a, b: np.array([a, b, a * b]) * 2), lambda k: (1.0 + k, 2.0)


@program
def interp_moving():
    def f(w, x):
        return np.sum(np.interp(x + w, np.arange(5.0), np.arange(5.0) ** 2))

    return wengert.grad(f), lambda k: (W + k / 99, np.array([1.1, 2.2, 3.3]) + k / 50)


@program
def strided():
    def f(w):
        a = np.lib.stride_tricks.as_strided(w, (2, 2), (8, 8))
        return np.sum(a**2 * np.arange(2.0))

    return f, lambda k: (W + k,)


@program
def windows():
    def f(w):
        a = np.lib.stride_tricks.sliding_window_view(np.concatenate([w, w]), 3)
        return np.sum(a**2 * np.arange(3.0))

    return wengert.grad(f), lambda k: (W + k,)


count = 0


@program
def global_counter():
    def f(w):
        global count
        count += 1
        return w - 0.1 / count * wengert.grad(loss)(w)

    global count
    count = 0
    return f, lambda k: (W + k,)


@program
def global_draws():
    np.random.seed(0)

    def f(w):
        return np.sum(np.random.randn(5, 3) * np.exp(w))

    return wengert.grad(f), lambda k: (W + k / 99,)
