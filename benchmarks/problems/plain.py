"""Programs in plain NumPy, as people write them without a library of layers: compiled, beside JAX and PyTorch.

A program is a function of this module that knows its arrays' library as `np` alone. In JAX the same code runs with
`jax.numpy` under that name; networks are written in PyTorch's words in `plain_in_torch`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from itertools import pairwise
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from benchmarks.libraries.library import Step
from benchmarks.networks.data import MLPS, RATE

__all__ = ["IN_TORCH", "PROGRAMS", "Program", "make"]

Arrays = tuple[Any, ...]


class Program(NamedTuple):
    """A loss, and what it is given.

    `arguments` makes the parameters, with respect to which the gradients are, and the data. What is `trained` takes a
    step of Adam, whose state the caller keeps.
    """

    title: str
    loss: Callable[..., Any]
    arguments: Callable[[np.random.Generator], tuple[Arrays, Arrays]]
    trained: bool = False


# Classifiers


def cross_entropy(logits: Any, labels: Any) -> Any:
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    chosen = shifted[np.arange(len(labels)), labels]
    return np.mean(np.log(np.sum(np.exp(shifted), axis=1)) - chosen)


def mlp(parameters: Any, x: Any, labels: Any) -> Any:
    for w, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        x = np.maximum(x @ w + b, 0)
    return cross_entropy(x @ parameters[-2] + parameters[-1], labels)


def layers(rng: np.random.Generator, *sizes: int) -> Arrays:
    made: list[Any] = []
    for n, m in pairwise(sizes):
        made += [single(rng, n, m) / np.float32(np.sqrt(n)), np.zeros(m, np.float32)]
    return tuple(made)


def single(rng: np.random.Generator, *shape: int) -> Any:
    return rng.standard_normal(shape, np.float32)


def perceptron(work: str) -> Callable[[np.random.Generator], tuple[Arrays, Arrays]]:
    sizes, batch = MLPS[work]

    def arguments(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
        return layers(rng, *sizes), (single(rng, batch, sizes[0]), rng.integers(0, 10, batch))

    return arguments


def convolution(x: Any, w: Any) -> Any:
    """A valid convolution by the nine shifts of a 3x3 kernel: (n, h, w, channels) by (3, 3, channels, out)."""
    height, width = x.shape[1] - 2, x.shape[2] - 2
    return sum(x[:, i : i + height, j : j + width] @ w[i, j] for i in range(3) for j in range(3))


def halved(x: Any) -> Any:
    n, height, width, channels = x.shape
    return np.max(np.reshape(x, (n, height // 2, 2, width // 2, 2, channels)), axis=(2, 4))


def cnn(parameters: Any, x: Any, labels: Any) -> Any:
    first, second, w, b = parameters
    x = halved(np.maximum(convolution(x, first), 0))
    x = np.maximum(convolution(x, second), 0)
    return cross_entropy(np.reshape(x, (len(x), -1)) @ w + b, labels)


def images(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    filters = 0.3 * single(rng, 3, 3, 1, 8), 0.1 * single(rng, 3, 3, 8, 16)
    return (*filters, *layers(rng, 5 * 5 * 16, 10)), (single(rng, 32, 16, 16, 1), rng.integers(0, 10, 32))


def rnn(parameters: Any, xs: Any) -> Any:
    w, u, b = parameters
    h = np.zeros((xs.shape[1], len(u)), xs.dtype)
    for x in xs:
        h = np.tanh(x @ w + h @ u + b)
    return np.mean(h**2)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def lstm(parameters: Any, xs: Any) -> Any:
    w, u, b = parameters
    n = len(u)
    h = c = np.zeros((xs.shape[1], n), xs.dtype)
    for x in xs:
        z = x @ w + h @ u + b
        c = sigmoid(z[:, :n]) * c + sigmoid(z[:, n : 2 * n]) * np.tanh(z[:, 2 * n : 3 * n])
        h = sigmoid(z[:, 3 * n :]) * np.tanh(c)
    return np.mean(h**2)


def sequences(gates: int) -> Callable[[np.random.Generator], tuple[Arrays, Arrays]]:
    def arguments(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
        weights = 0.1 * single(rng, 32, gates * 64), 0.1 * single(rng, 64, gates * 64)
        return (*weights, np.zeros(gates * 64, np.float32)), (single(rng, 50, 16, 32),)

    return arguments


def attention(parameters: Any, x: Any) -> Any:
    """A block of a transformer: masked attention of four heads, then two linear layers, each with a norm before it."""
    into, out, first, second = parameters
    n, length, width = x.shape
    q, k, v = np.split(normalized(x) @ into, 3, axis=-1)
    q, k, v = (np.transpose(np.reshape(z, (n, length, 4, -1)), (0, 2, 1, 3)) for z in (q, k, v))
    scores = q @ np.swapaxes(k, -1, -2) / (width // 4) ** 0.5
    scores = np.where(np.tril(np.ones((length, length), bool)), scores, -1e9)
    scores = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    heads = scores / np.sum(scores, axis=-1, keepdims=True) @ v
    x = x + np.reshape(np.transpose(heads, (0, 2, 1, 3)), x.shape) @ out
    hidden = normalized(x) @ first
    x = x + 0.5 * hidden * (1 + np.tanh(0.7978845608 * (hidden + 0.044715 * hidden**3))) @ second
    return np.mean(x**2)


def normalized(x: Any) -> Any:
    centered = x - np.mean(x, axis=-1, keepdims=True)
    return centered / np.sqrt(np.mean(centered**2, axis=-1, keepdims=True) + 1e-5)


def block(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    shapes = (128, 384), (128, 128), (128, 512), (512, 128)
    return tuple(0.1 * single(rng, *shape) for shape in shapes), (single(rng, 8, 64, 128),)


# Statistics


def gaussian_process(parameters: Any, x: Any, y: Any) -> Any:
    """The negative log marginal likelihood; the logarithms of length, height and noise."""
    length, height, noise = np.exp(parameters[0])
    squares = np.sum((x[:, None] - x[None]) ** 2, axis=-1)
    covariance = height * np.exp(-0.5 * squares / length**2) + noise * np.eye(len(x))
    factor = np.linalg.cholesky(covariance)
    alpha = np.linalg.solve(covariance, y)
    return 0.5 * y @ alpha + np.sum(np.log(np.diagonal(factor)))


def kalman(parameters: Any, zs: Any) -> Any:
    """The negative log likelihood of positions in the plane; the logarithms of two noises."""
    q, r = np.exp(parameters[0])
    move, see = np.eye(4) + np.diag(np.array([0.1, 0.1]), 2), np.eye(2, 4)
    x, p, total = np.zeros(4), np.eye(4), 0.0
    for z in zs:
        x, p = move @ x, move @ p @ move.T + q * np.eye(4)
        spread, error = see @ p @ see.T + r * np.eye(2), z - see @ x
        gain = p @ see.T @ np.linalg.inv(spread)
        total = total + error @ np.linalg.solve(spread, error) + np.log(np.linalg.det(spread))
        x, p = x + gain @ error, p - gain @ see @ p
    return total


def log_sum_exp(x: Any, axis: int) -> Any:
    top = np.max(x, axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.sum(np.exp(x - top), axis=axis))


def hidden_markov(parameters: Any, seen: Any) -> Any:
    moves, emits = (z - log_sum_exp(z, 1)[:, None] for z in parameters)
    alpha = emits[:, seen[0]]
    for s in seen[1:]:
        alpha = log_sum_exp(alpha[:, None] + moves, 0) + emits[:, s]
    return -log_sum_exp(alpha, 0)


def mixture(parameters: Any, x: Any) -> Any:
    weights, means, scales = parameters
    z = (x[:, None] - means) / np.exp(scales)
    each = weights - log_sum_exp(weights, 0) - 0.5 * np.sum(z**2, axis=-1) - np.sum(scales, axis=-1)
    return -np.mean(log_sum_exp(each, 1))


def autoencoder(parameters: Any, x: Any, noise: Any) -> Any:
    """The bound of a variational autoencoder, with noise that is drawn outside."""
    w1, b1, w2, b2, w3, b3, w4, b4 = parameters
    mean, log_variance = np.split(np.tanh(x @ w1 + b1) @ w2 + b2, 2, axis=1)
    z = mean + np.exp(0.5 * log_variance) * noise
    logits = np.tanh(z @ w3 + b3) @ w4 + b4
    likelihood = np.sum(x * logits - np.logaddexp(0, logits), axis=1)
    divergence = 0.5 * np.sum(np.exp(log_variance) + mean**2 - 1 - log_variance, axis=1)
    return np.mean(divergence - likelihood)


def digits(rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    encoder, decoder = layers(rng, 256, 128, 32), layers(rng, 16, 128, 256)
    x = (rng.random((64, 256)) < 0.3).astype(np.float32)
    return (*encoder, *decoder), (x, single(rng, 64, 16))


def variational(parameters: Any, x: Any, y: Any, noise: Any) -> Any:
    """The bound of a logistic regression whose weights have a normal posterior."""
    mean, log_scale = parameters
    w = mean + np.exp(log_scale) * noise
    margins = (w @ x.T) * y
    entropy = np.sum(log_scale)
    return np.mean(np.sum(np.logaddexp(0, -margins), axis=1) + 0.5 * np.sum(w**2, axis=1)) - entropy


def diffusion(parameters: Any, u: Any) -> Any:
    """Steps of a reaction and diffusion on a ring, whose neighbours are concatenated."""
    rate, growth = parameters[0]
    for _ in range(20):
        left, right = np.concatenate([u[-1:], u[:-1]]), np.concatenate([u[1:], u[:1]])
        u = u + rate * (left + right - 2 * u) + growth * u * (1 - u)
    return np.sum(u**2)


def ring(size: int) -> Callable[[np.random.Generator], tuple[Arrays, Arrays]]:
    return lambda rng: ((np.array([0.1, 0.02]),), (rng.random(size),))


PROGRAMS = {
    **{
        work.replace(" ", "-"): Program(
            f"perceptron {'-'.join(map(str, sizes))}, batch {n}", mlp, perceptron(work), True
        )
        for work, (sizes, n) in MLPS.items()
    },
    "cnn": Program("convolutional network by shifts, batch 32", cnn, images, True),
    "rnn": Program("recurrent network, 50 steps", rnn, sequences(1)),
    "lstm": Program("LSTM, 50 steps", lstm, sequences(4)),
    "attention": Program("block of a transformer, 8 x 64 x 128", attention, block),
    "gaussian-process": Program(
        "Gaussian process, 200 points",
        gaussian_process,
        lambda rng: ((np.array([0.1, 0.2, -1.0]),), (rng.standard_normal((200, 3)), rng.standard_normal(200))),
    ),
    "kalman": Program(
        "Kalman filter, 200 steps", kalman, lambda rng: ((np.array([-1.0, -0.5]),), (rng.standard_normal((200, 2)),))
    ),
    "hidden-markov": Program(
        "hidden Markov model, 100 steps",
        hidden_markov,
        lambda rng: ((rng.standard_normal((8, 8)), rng.standard_normal((8, 12))), (rng.integers(0, 12, 100),)),
    ),
    "mixture": Program(
        "mixture of 10 Gaussians, 1,000 points",
        mixture,
        lambda rng: (
            (np.zeros(10), rng.standard_normal((10, 4)), np.zeros((10, 4))),
            (rng.standard_normal((1000, 4)),),
        ),
    ),
    "autoencoder": Program("variational autoencoder, batch 64", autoencoder, digits, True),
    "variational": Program(
        "variational logistic regression, 500 points",
        variational,
        lambda rng: (
            (np.zeros(20), -np.ones(20)),
            (rng.standard_normal((500, 20)), rng.choice([-1.0, 1.0], 500), rng.standard_normal((16, 20))),
        ),
    ),
    "ring-1000": Program("steps that concatenate, 1,000 unknowns", diffusion, ring(1_000)),
    "ring-10000": Program("steps that concatenate, 10,000 unknowns", diffusion, ring(10_000)),
}  # fmt: skip
IN_TORCH = ("small-mlp", "mlp", "large-mlp", "cnn", "rnn", "lstm", "attention")


def adam(parameters: Any, gradients: Any, means: Any, squares: Any, t: Any) -> Any:
    """A step of Adam: the parameters, and its state."""
    means = tuple(0.9 * m + 0.1 * g for m, g in zip(means, gradients, strict=True))
    squares = tuple(0.999 * v + 0.001 * g**2 for v, g in zip(squares, gradients, strict=True))
    rate = RATE * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)  # (a float; np.sqrt would make it float64)
    moved = zip(parameters, means, squares, strict=True)
    return tuple(p - rate * m / (np.sqrt(v) + 1e-8) for p, m, v in moved), means, squares


def make(peer: str, row: str) -> Step:
    """Make the value and the gradients of a loss, or a step of Adam with them."""
    program = PROGRAMS[row]
    parameters, data = program.arguments(np.random.default_rng(0))
    if peer == "torch":
        step: Step = importlib.import_module("benchmarks.problems.plain_in_torch").make(
            row, parameters, data, program.trained
        )
        return step
    if peer == "jax":
        return in_jax(program, parameters, data)
    wengert = importlib.import_module("wengert")
    both, compiled = wengert.value_and_grad(program.loss), peer == "wengert-compiled"
    if not program.trained:
        called = wengert.compile(both) if compiled else both
        return lambda: called(parameters, *data)
    training = trained(both, adam)
    return stepping(wengert.compile(training) if compiled else training, parameters, data)


def trained(both: Callable[..., Any], update: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of parameters, Adam's state and data: the loss, and what these are after a step."""

    def step(parameters: Any, means: Any, squares: Any, t: Any, *data: Any) -> Any:
        loss, gradients = both(parameters, *data)
        return loss, update(parameters, gradients, means, squares, t)

    return step


def stepping(step: Callable[..., Any], parameters: Arrays, data: Arrays) -> Step:
    """Keep the state between the steps."""
    state: list[Any] = [parameters, *(tuple(np.zeros_like(p) for p in parameters) for _ in range(2))]
    t = 0.0

    def once() -> Any:
        nonlocal t
        t += 1.0
        loss, state[:] = step(*state, t, *data)
        return loss

    return once


def in_jax(program: Program, parameters: Arrays, data: Arrays) -> Step:
    """Make the same in JAX: the same code, in which `np` is `jax.numpy`."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    both = jax.value_and_grad(with_numpy(program.loss, jax.numpy))
    arrays = jax.tree.map(jax.numpy.asarray, (parameters, data))
    if not program.trained:
        called = jax.jit(both)
        return lambda: jax.block_until_ready(called(arrays[0], *arrays[1]))
    step = jax.jit(trained(both, with_numpy(adam, jax.numpy)))
    return stepping(lambda *given: jax.block_until_ready(step(*given)), *arrays)


def with_numpy(function: Any, namespace: Any) -> Any:
    """Return a function, and those of this module that it calls, with another namespace under the name `np`."""
    others = {
        name: with_numpy(called, namespace)
        for name in function.__code__.co_names
        if isinstance(called := function.__globals__.get(name), FunctionType)
        and called.__module__ == function.__module__
    }
    return FunctionType(function.__code__, function.__globals__ | others | {"np": namespace}, function.__name__)
