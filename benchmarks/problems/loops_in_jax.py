"""The loops as one writes them in JAX: the same steps in a ``lax.scan``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.libraries.library import Step

if TYPE_CHECKING:
    from benchmarks.problems.loops import Loop

__all__ = ["VERSIONS", "gradient"]

jax.config.update("jax_enable_x64", True)


def gradient(loop: Loop, name: str, steps: int, arguments: Sequence[Any]) -> Step:
    """Make the value and the gradients, compiled."""
    version = VERSIONS[name]
    compiled = jax.jit(jax.value_and_grad(lambda *given: version(steps, *given), loop.argnums))
    arrays = jax.block_until_ready([jnp.asarray(x) for x in arguments])
    return lambda: jax.block_until_ready(compiled(*arrays))


def rnn(steps: int, xs: Any, w: Any, u: Any, b: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        return jnp.tanh(x @ w + h @ u + b), None

    return jnp.sum(lax.scan(step, jnp.zeros((xs.shape[1], u.shape[0])), xs)[0] ** 2)


def lstm(steps: int, xs: Any, w: Any, u: Any, b: Any) -> Any:
    def step(state: Any, x: Any) -> Any:
        h, c, total = state
        enter, forget, new, out = jnp.split(x @ w + h @ u + b, 4, axis=1)
        c = jax.nn.sigmoid(forget) * c + jax.nn.sigmoid(enter) * jnp.tanh(new)
        h = jax.nn.sigmoid(out) * jnp.tanh(c)
        return (h, c, total + jnp.mean(h * h)), None

    zero = jnp.zeros((xs.shape[1], u.shape[0]))
    return lax.scan(step, (zero, zero, 0.0), xs)[0][2]


def rk4(steps: int, y: Any, p: Any) -> Any:
    dt = 0.01

    def slope(y: Any) -> Any:
        return jnp.stack([p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]])

    def step(y: Any, _: Any) -> Any:
        k1 = slope(y)
        k2 = slope(y + dt / 2 * k1)
        k3 = slope(y + dt / 2 * k2)
        k4 = slope(y + dt * k3)
        return y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    return jnp.sum(lax.scan(step, y, None, length=steps)[0] ** 2)


def kalman(steps: int, zs: Any, q: Any) -> Any:
    move, see = jnp.eye(4) + jnp.diag(jnp.array([0.1, 0.1]), 2), jnp.eye(2, 4)

    def step(state: Any, z: Any) -> Any:
        x, p, total = state
        x, p = move @ x, move @ p @ move.T + q * jnp.eye(4)
        spread, error = see @ p @ see.T + 0.5 * jnp.eye(2), z - see @ x
        gain = p @ see.T @ jnp.linalg.inv(spread)
        part = error @ jnp.linalg.solve(spread, error) + jnp.log(jnp.linalg.det(spread))
        return (x + gain @ error, p - gain @ see @ p, total + part), None

    return lax.scan(step, (jnp.zeros(4), jnp.eye(4), 0.0), zs)[0][2]


def leapfrog(steps: int, q: Any, k: Any) -> Any:
    dt = 0.05

    def step(state: Any, _: Any) -> Any:
        q, p = state
        p = p - dt / 2 * k * jnp.sin(q)
        q = q + dt * p
        return (q, p - dt / 2 * k * jnp.sin(q)), None

    q, p = lax.scan(step, (q, jnp.zeros(len(q))), None, length=steps)[0]
    return jnp.sum(p * p) + jnp.sum(q * q)


def power(steps: int, a: Any) -> Any:
    def step(v: Any, _: Any) -> Any:
        w = a @ v
        return w / jnp.sqrt(jnp.sum(w * w)), None

    v = lax.scan(step, jnp.ones(len(a)), None, length=steps)[0]
    return v @ a @ v


VERSIONS: dict[str, Callable[..., Any]] = {
    version.__name__: version for version in (rnn, lstm, rk4, kalman, leapfrog, power)
}
