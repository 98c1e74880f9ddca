"""Transforms: derivatives for each example, forward mode, whole matrices, and one derivative inside another.

The programs know their arrays' library as `np` alone, as those of `benchmarks.problems.plain`; autograd and JAX run the
same code.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries.library import Step
from benchmarks.peers import COMPILED, OURS
from benchmarks.problems.plain import layers, single, with_numpy

__all__ = ["MODES", "make"]

MODES = ("forward-forward", "forward-reverse", "reverse-forward", "reverse-reverse")


def make(peer: str, row: str) -> Step:
    """Make the step of a row: its function is called as the row, with underscores."""
    name, _, rest = row.partition("/")
    step: Step = globals()[name.replace("-", "_")](Toolbox(peer), *([rest] if rest else []))
    return step


class Toolbox:
    """The transforms of a peer."""

    def __init__(self, peer: str) -> None:
        self.peer, self.compiled = peer, peer in (COMPILED, "jax")
        self.library = importlib.import_module(
            {OURS: "wengert", COMPILED: "wengert", "torch": "torch.func"}.get(peer, peer)
        )
        if peer == "jax":
            self.library.config.update("jax_enable_x64", True)
        namespace = {"jax": "jax.numpy", "autograd": "autograd.numpy"}.get(peer, "numpy")
        self.numpy = importlib.import_module(namespace)

    def of(self, function: Any) -> Any:
        """The function, on the arrays of the peer."""
        return with_numpy(function, self.numpy)

    def array(self, x: Any) -> Any:
        return importlib.import_module("torch").tensor(x) if self.peer == "torch" else self.numpy.asarray(x)

    def grad(self, function: Any, argnum: int | tuple[int, ...] = 0) -> Any:
        return self.library.grad(function, argnum)

    def jvp(self, function: Any, x: Any, v: Any) -> Any:
        """The derivative of a function of one array in a direction."""
        if self.peer == "autograd":
            made = importlib.import_module("autograd.differential_operators").make_jvp(function)
            return made(x)(v)[1]
        return self.library.jvp(function, (x,), (v,))[1]

    def step(self, function: Any, *arguments: Any) -> Step:
        """A call, compiled where the peer compiles."""
        arguments = tuple(self.array(x) for x in arguments)
        if not self.compiled:
            return lambda: function(*arguments)
        called = self.library.jit(function) if self.peer == "jax" else self.library.compile(function)
        if self.peer == "jax":
            return lambda: self.library.block_until_ready(called(*arguments))
        return lambda: called(*arguments)


# Each example


def network(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    return np.tanh(x @ w1 + b1) @ w2 + b2


def loss(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    return np.sum((np.tanh(x @ w1 + b1) @ w2 + b2 - y) ** 2)


def weights() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    return *layers(rng, 128, 64, 10), single(rng, 64, 128), single(rng, 64, 10)


def per_example(tools: Toolbox) -> Step:
    """The gradients of a perceptron's loss for each of 64 examples."""
    *parameters, x, y = weights()
    axes = (None,) * 4 + (0, 0)
    gradient = tools.grad(in_torch(loss) if tools.peer == "torch" else tools.of(loss), (0, 1, 2, 3))
    return tools.step(tools.library.vmap(gradient, axes), *parameters, x, y)


def in_torch(function: Any) -> Any:
    return with_numpy(function, importlib.import_module("torch"))


# Forward mode


def squares(x: Any) -> Any:
    return np.sum(x * x)


def jvp_sum(tools: Toolbox) -> Step:
    x = np.linspace(0.0, 1.0, 100)
    f = tools.of(squares)
    return tools.step(lambda x, v: tools.jvp(f, x, v), x, np.ones(100))


def jvp_network(tools: Toolbox) -> Step:
    """The derivative of a network in the direction of its input."""
    *parameters, x, _ = weights()
    f = tools.of(network)
    given = [tools.array(p) for p in parameters]
    return tools.step(lambda x, v: tools.jvp(lambda x: f(x, *given), x, v), x, np.ones_like(x))


def call_network(tools: Toolbox) -> Step:
    """The same network, not differentiated."""
    *parameters, x, _ = weights()
    return lambda: network(x, *parameters)


def hvp(tools: Toolbox) -> Step:
    """A Hessian of a loss, by a vector."""
    w1, *rest = weights()
    f, v = tools.of(loss), np.ones_like(w1)
    if tools.peer == OURS:
        return lambda: tools.library.hvp(lambda w: f(w, *rest), (w1,), (v,))[0]
    return tools.step(lambda w, v: tools.jvp(tools.grad(lambda w: f(w, *rest)), w, v), w1, v)


def gradient(tools: Toolbox) -> Step:
    """The gradient of the same loss."""
    w1, *rest = weights()
    f = tools.of(loss)
    return tools.step(tools.grad(lambda w: f(w, *rest)), w1)


# One derivative inside another


def distances(centres: Any, points: Any) -> Any:
    return np.sum(np.min(np.sum((points[:, None] - centres) ** 2, axis=2), axis=1))


def k_means(tools: Toolbox) -> Step:
    """A step of Newton's method for centres: the gradient over the diagonal of the Hessian."""
    rng = np.random.default_rng(0)
    points, centres = rng.standard_normal((1000, 4)), rng.standard_normal((10, 4))
    f = tools.of(distances)

    def direction(centres: Any, points: Any, ones: Any) -> Any:
        first = tools.grad(lambda c: f(c, points))
        if tools.peer == "autograd":
            second = tools.grad(lambda c: tools.numpy.sum(first(c) * ones))(centres)
            return first(centres) / second
        if tools.peer in (OURS, COMPILED):
            return first(centres) / tools.library.hvp(lambda c: f(c, points), (centres,), (ones,))[0]
        return first(centres) / tools.jvp(first, centres, ones)

    return tools.step(direction, centres, points, np.ones_like(centres))


def potential(x: Any, w: Any) -> Any:
    return 1 / np.sqrt((x[0] - 10) ** 2 + (x[1] - 10 + w) ** 2) + 1 / np.sqrt((x[0] - 10) ** 2 + x[1] ** 2)


def nested(tools: Toolbox, modes: str) -> Step:
    """A charged particle's path, whose force is a derivative, differentiated with respect to a charge's place."""
    outer, inner = modes.split("-")
    where, xp = tools.of(potential), tools.numpy

    def slope(f: Callable[[Any], Any], x: Any) -> Any:
        if inner == "reverse":
            return tools.grad(f)(x)
        return xp.stack([tools.jvp(f, x, e) for e in np.eye(2)])

    def end(w: Any) -> Any:
        x, v = xp.array([0.0, 8.0]), xp.array([0.75, 0.0])
        for _ in range(20):
            v = v - 0.1 * slope(lambda x: where(x, w), x)
            x = x + 0.1 * v
        return xp.sum(x * x)

    one = np.array(1.0)
    differentiated = tools.grad(end) if outer == "reverse" else (lambda w: tools.jvp(end, w, one))
    return tools.step(differentiated, np.array(0.5))


# Whole matrices


def valley(x: Any) -> Any:
    """Residuals of Rosenbrock's function."""
    return np.concatenate([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_jacobian(tools: Toolbox, size: str) -> Step:
    """The dense Jacobian of the residuals of Rosenbrock's function."""
    f = in_torch(valley) if tools.peer == "torch" else tools.of(valley)
    made = tools.library.jacobian if tools.peer in (OURS, COMPILED) else tools.library.jacfwd
    return tools.step(made(f), np.linspace(-1.0, 1.0, int(size)))


def rosenbrock_hessian(tools: Toolbox, size: str) -> Step:
    """The dense Hessian of Rosenbrock's function."""
    f = in_torch(rosenbrock) if tools.peer == "torch" else tools.of(rosenbrock)
    return tools.step(tools.library.hessian(f), np.linspace(-1.0, 1.0, int(size)))


def bundle(tools: Toolbox) -> Step:
    """The dense Jacobian of 400 observations of 56 points by 5 cameras: 800 by 198."""
    rng = np.random.default_rng(0)
    cameras, points = 5, 56
    x = np.concatenate([0.1 * rng.standard_normal(6 * cameras), rng.standard_normal(3 * points)])
    seen = rng.integers(0, cameras, 400), rng.integers(0, points, 400), rng.standard_normal((400, 2))
    f = tools.of(projected)

    def residuals(x: Any) -> Any:
        return f(x, *seen)

    jacobian = tools.library.jacfwd(residuals) if tools.peer == "jax" else tools.library.jacobian(residuals)
    return tools.step(jacobian, x)


def projected(x: Any, camera: Any, point: Any, seen: Any) -> Any:
    """Errors of the images of points, seen by cameras that are turned by small rotations and moved."""
    cameras = np.reshape(x[:30], (5, 6))[camera]
    points = np.reshape(x[30:], (-1, 3))[point]
    turned = points + np.stack(
        [
            cameras[:, 1] * points[:, 2] - cameras[:, 2] * points[:, 1],
            cameras[:, 2] * points[:, 0] - cameras[:, 0] * points[:, 2],
            cameras[:, 0] * points[:, 1] - cameras[:, 1] * points[:, 0],
        ],
        axis=1,
    )
    moved = turned + cameras[:, 3:]
    return np.ravel(moved[:, :2] / (moved[:, 2:] + 10.0) - seen)
