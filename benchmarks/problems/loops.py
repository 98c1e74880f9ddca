"""Loops of Python with their gradients: compiled as they are, beside ``lax.scan`` in JAX."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from benchmarks.libraries.library import Step, library
from benchmarks.peers import COMPILED, OURS, by_name, environment

__all__ = ["CALLED", "FIRST", "LONG", "LOOPS", "STEPS", "Loop", "gradient", "make"]

STEPS, LONG = 200, 10_000
FIRST = (10, STEPS, LONG)  # the steps of first calls
CALLED = 100  # the steps that are compiled calls
UNTIL_PLAN = 3  # calls of a compiled function: the program is traced twice, then compiled


class Loop(NamedTuple):
    """A loop and its step.

    `loss` takes the step, the number of steps, and the arguments that `arguments` makes for that number.
    """

    loss: Callable[..., Any]
    step: Callable[..., Any]
    arguments: Callable[[np.random.Generator, int], tuple[Any, ...]]
    argnums: tuple[int, ...]


def rnn_step(h: Any, x: Any, w: Any, u: Any, b: Any) -> Any:
    return np.tanh(x @ w + h @ u + b)


def rnn(step: Any, steps: int, xs: Any, w: Any, u: Any, b: Any) -> Any:
    h = np.zeros((xs.shape[1], u.shape[0]))
    for t in range(steps):
        h = step(h, xs[t], w, u, b)
    return np.sum(h**2)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def lstm_step(h: Any, c: Any, x: Any, w: Any, u: Any, b: Any) -> Any:
    """The last result is a part of the loss."""
    n = u.shape[0]
    z = x @ w + h @ u + b
    enter, forget, out = sigmoid(z[:, :n]), sigmoid(z[:, n : 2 * n]), sigmoid(z[:, 3 * n :])
    c = forget * c + enter * np.tanh(z[:, 2 * n : 3 * n])
    h = out * np.tanh(c)
    return h, c, np.mean(h * h)


def lstm(step: Any, steps: int, xs: Any, w: Any, u: Any, b: Any) -> Any:
    h = c = np.zeros((xs.shape[1], u.shape[0]))
    total = 0.0
    for t in range(steps):
        h, c, part = step(h, c, xs[t], w, u, b)
        total = total + part
    return total


def slope(y: Any, p: Any) -> Any:
    return np.stack([p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]])


def rk4_step(y: Any, p: Any) -> Any:
    dt = 0.01
    k1 = slope(y, p)
    k2 = slope(y + dt / 2 * k1, p)
    k3 = slope(y + dt / 2 * k2, p)
    k4 = slope(y + dt * k3, p)
    return y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def rk4(step: Any, steps: int, y: Any, p: Any) -> Any:
    for _ in range(steps):
        y = step(y, p)
    return np.sum(y**2)


def kalman_step(x: Any, p: Any, z: Any, q: Any) -> Any:
    """Predict and correct: positions are seen, velocities are not. The last is a part of the likelihood."""
    move, see = np.eye(4) + np.diag([0.1, 0.1], 2), np.eye(2, 4)
    x, p = move @ x, move @ p @ move.T + q * np.eye(4)
    spread, error = see @ p @ see.T + 0.5 * np.eye(2), z - see @ x
    gain = p @ see.T @ np.linalg.inv(spread)
    part = error @ np.linalg.solve(spread, error) + np.log(np.linalg.det(spread))
    return x + gain @ error, p - gain @ see @ p, part


def kalman(step: Any, steps: int, zs: Any, q: Any) -> Any:
    x, p, total = np.zeros(4), np.eye(4), 0.0
    for t in range(steps):
        x, p, part = step(x, p, zs[t], q)
        total = total + part
    return total


def leapfrog_step(q: Any, p: Any, k: Any) -> Any:
    dt = 0.05
    p = p - dt / 2 * k * np.sin(q)
    q = q + dt * p
    return q, p - dt / 2 * k * np.sin(q)


def leapfrog(step: Any, steps: int, q: Any, k: Any) -> Any:
    p = np.zeros(len(q))
    for _ in range(steps):
        q, p = step(q, p, k)
    return np.sum(p * p) + np.sum(q * q)


def power_step(v: Any, a: Any) -> Any:
    w = a @ v
    return w / np.sqrt(np.sum(w * w))


def power(step: Any, steps: int, a: Any) -> Any:
    v = np.ones(len(a))
    for _ in range(steps):
        v = step(v, a)
    return v @ a @ v


def cells(rng: np.random.Generator, steps: int, gates: int) -> tuple[Any, ...]:
    batch, inputs, hidden = 8, 16, 32
    weights = (0.1 * rng.standard_normal((n, gates * hidden)) for n in (inputs, hidden))
    return rng.standard_normal((steps, batch, inputs)), *weights, np.zeros(gates * hidden)


def symmetric(rng: np.random.Generator, steps: int) -> tuple[Any, ...]:
    a = rng.standard_normal((50, 50))
    return (a @ a.T,)


LOOPS = {
    "rnn": Loop(rnn, rnn_step, lambda rng, steps: cells(rng, steps, 1), (1, 2, 3)),
    "lstm": Loop(lstm, lstm_step, lambda rng, steps: cells(rng, steps, 4), (1, 2, 3)),
    "rk4": Loop(rk4, rk4_step, lambda rng, steps: (np.array([1.0, 0.5, 0.2]), np.array([1.0, 2.0, 3.0])), (1,)),
    "kalman": Loop(kalman, kalman_step, lambda rng, steps: (rng.standard_normal((steps, 2)), np.array(0.3)), (1,)),
    "leapfrog": Loop(
        leapfrog, leapfrog_step, lambda rng, steps: (rng.standard_normal(100), rng.random(100)), (1,)
    ),
    "power": Loop(power, power_step, symmetric, (0,)),
}  # fmt: skip


def make(peer: str, row: str) -> Step:
    """Make ``steady/loop``, ``memory/loop`` (of many steps), ``calls/loop`` or ``first/loop/steps``."""
    kind, name, *rest = row.split("/")
    if kind == "first":
        return lambda: first_calls(peer, name, int(rest[0]))
    return gradient(peer, name, {"steady": STEPS, "memory": LONG, "calls": CALLED}[kind])


def gradient(peer: str, name: str, steps: int) -> Step:
    """Make the value and the gradients of a loop: compiled whole, or eager with a step that is compiled."""
    loop = LOOPS[name]
    arguments = loop.arguments(np.random.default_rng(0), steps)
    if peer == "jax":
        step: Step = importlib.import_module("benchmarks.problems.loops_in_jax").gradient(loop, name, steps, arguments)
        return step
    wengert = importlib.import_module("wengert")
    once = wengert.compile(loop.step) if peer == OURS else loop.step
    both = wengert.value_and_grad(lambda *given: loop.loss(once, steps, *given), loop.argnums)
    called = wengert.compile(both) if peer == COMPILED else both
    return lambda: called(*arguments)


def first_calls(peer: str, name: str, steps: int) -> float:
    """Return the CPU seconds of the calls until the plan runs, in a fresh process without compiled code."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as cache:
        program = [sys.executable, "-m", __name__, peer, name, str(steps)]
        given = environment(by_name(peer), cache)
        done = subprocess.run(program, check=True, env=os.environ | given, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


def main() -> None:
    """Make the calls; the imports, and the start of JAX's backend, are not counted."""
    peer, name, steps = sys.argv[1:]
    library(peer)  # with its compiler
    step = gradient(peer, name, int(steps))
    start = process_time()
    for _ in range(UNTIL_PLAN if peer == COMPILED else 1):
        step()
    print(process_time() - start)


if __name__ == "__main__":
    main()
