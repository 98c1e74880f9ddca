"""The programs that write into arrays, as one would write them in JAX: scans, ``at[].set``, whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.libraries.library import Step

__all__ = ["VERSIONS", "gradient"]

jax.config.update("jax_enable_x64", True)


def gradient(name: str, arguments: Sequence[Any], weights: Sequence[Any], argnums: Sequence[int]) -> Step:
    """Make the value and the gradients; arguments that are no arrays are constants of the program."""
    version = VERSIONS[name]
    arrays = {i: jnp.asarray(x) for i, x in enumerate(arguments) if isinstance(x, np.ndarray)}
    factors = [jnp.asarray(w) for w in weights]

    def loss(given: Any) -> Any:
        results = version(*(given.get(i, x) for i, x in enumerate(arguments)))
        return sum(jnp.sum(w * y * (1.0 + 0.1 * y)) for w, y in zip(factors, results, strict=True))

    def both(given: Any) -> Any:
        fixed = {i: x for i, x in given.items() if i not in argnums}
        value, gradients = jax.value_and_grad(lambda some: loss(some | fixed))({i: given[i] for i in argnums})
        return value, tuple(gradients[i] for i in argnums)

    compiled = jax.jit(both)
    return lambda: jax.block_until_ready(compiled(arrays))


def repeated(step: Callable[[Any], Any], state: Any, times: int) -> Any:
    return lax.scan(lambda s, _: (step(s), None), state, None, length=times)[0]


def jacobi_2d(steps: int, a: Any, b: Any) -> Any:
    def half(a: Any, b: Any) -> Any:
        return b.at[1:-1, 1:-1].set(0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1]))

    def step(state: Any) -> Any:
        b = half(*state)
        return half(b, state[0]), b

    return repeated(step, (a, b), steps)


def heat_3d(steps: int, a: Any, b: Any) -> Any:
    def half(u: Any, into: Any) -> Any:
        c = u[1:-1, 1:-1, 1:-1]
        new = c + 0.125 * (
            u[2:, 1:-1, 1:-1] + u[:-2, 1:-1, 1:-1] + u[1:-1, 2:, 1:-1] + u[1:-1, :-2, 1:-1]
            + u[1:-1, 1:-1, 2:] + u[1:-1, 1:-1, :-2] - 6.0 * c
        )  # fmt: skip
        return into.at[1:-1, 1:-1, 1:-1].set(new)

    def step(state: Any) -> Any:
        b = half(*state)
        return half(b, state[0]), b

    return repeated(step, (a, b), steps)


def seidel_2d(iterations: int, a: Any) -> Any:
    """Rows by a scan; in a row, a linear recurrence of the elements."""

    def row(above: Any, rows: Any) -> Any:
        here, below = rows
        known = above[:-2] + above[1:-1] + above[2:] + here[1:-1] + here[2:] + below[:-2] + below[1:-1] + below[2:]

        def element(left: Any, rest: Any) -> Any:
            new = (left + rest) / 9.0
            return new, new

        inner = lax.scan(element, here[0], known)[1]
        new = here.at[1:-1].set(inner)
        return new, new

    def once(a: Any) -> Any:
        return a.at[1:-1].set(lax.scan(row, a[0], (a[1:-1], a[2:]))[1])

    return [repeated(once, a, iterations)]


def fdtd_2d(source: Any, ex: Any, ey: Any, hz: Any) -> Any:
    def step(state: Any, now: Any) -> Any:
        ex, ey, hz = state
        ey = ey.at[0, :].set(now).at[1:, :].add(-0.5 * (hz[1:, :] - hz[:-1, :]))
        ex = ex.at[:, 1:].add(-0.5 * (hz[:, 1:] - hz[:, :-1]))
        hz = hz.at[:-1, :-1].add(-0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1]))
        return (ex, ey, hz), None

    return lax.scan(step, (ex, ey, hz), source)[0]


def adi(steps: int, u: Any) -> Any:
    a, b, c, d = -0.4, 1.8, 0.3, 0.5

    def solve(factor: float, right: Any) -> Any:
        """Solve along the first axis of `right`, whose values before and after are one."""
        inner = right.shape[1]

        def forth(state: Any, now: Any) -> Any:
            p, q = state
            below = factor * p + b
            new = (-factor / below, (now - factor * q) / below)
            return new, new

        pq = lax.scan(forth, (jnp.zeros(inner), jnp.ones(inner)), right)[1]

        def back(after: Any, now: Any) -> Any:
            new = now[0] * after + now[1]
            return new, new

        return lax.scan(back, jnp.ones(inner), pq, reverse=True)[1]

    def step(u: Any) -> Any:
        n = u.shape[0]
        right = c * u[1:-1, :-2] + (1.0 - 2.0 * c) * u[1:-1, 1:-1] + c * u[1:-1, 2:]
        inner = solve(a, right)  # rows 1 to n - 2 of v, inner columns
        v = jnp.ones((n, n - 2)).at[1:-1].set(inner)  # (in row 0, p = 0 and q = 1)
        known = v[:-2] + 0.5 * v[1:-1]  # (the rows beside, at inner columns)
        columns = solve(d, known.T)  # columns 1 to n - 2 of u
        return u.at[1:-1, 1:-1].set(columns.T).at[:, 0].set(1.0).at[:, -1].set(1.0)

    return [repeated(step, u, steps)]


def channel(steps: int, iterations: int, u: Any, v: Any, p: Any, force: float) -> Any:
    dt, dx, nu = 0.01, 0.1, 0.1

    def pressure(p: Any, source: Any) -> Any:
        around = (jnp.roll(p, -1, 1) + jnp.roll(p, 1, 1))[1:-1] + p[2:] + p[:-2]
        inner = 0.25 * (around - dx**2 * source)
        return jnp.concatenate([inner[:1], inner, inner[-1:]])

    def moved(w: Any, u: Any, v: Any) -> Any:
        west, east, here = jnp.roll(w, 1, 1)[1:-1], jnp.roll(w, -1, 1)[1:-1], w[1:-1]
        flow = u[1:-1] * (here - west) + v[1:-1] * (here - w[:-2])
        return here - dt / dx * flow + nu * dt / dx**2 * (east + west + w[2:] + w[:-2] - 4 * here)

    def step(state: Any) -> Any:
        u, v, p = state
        across = ((jnp.roll(u, -1, 1) - jnp.roll(u, 1, 1)) / (2 * dx))[1:-1]
        source = across / dt + (v[2:] - v[:-2]) / (2 * dx * dt) - across**2
        p = repeated(partial(pressure, source=source), p, iterations)
        new_u = moved(u, u, v) + force * dt - dt / (2 * dx) * (jnp.roll(p, -1, 1) - jnp.roll(p, 1, 1))[1:-1]
        new_v = moved(v, u, v) - dt / (2 * dx) * (p[2:] - p[:-2])
        wall = jnp.zeros((1, u.shape[1]))
        return jnp.concatenate([wall, new_u, wall]), jnp.concatenate([wall, new_v, wall]), p

    return repeated(step, (u, v, p), steps)


def lu_blocks(a: Any) -> Any:
    """Masks in the place of the shrinking slices: shapes are fixed in a scan."""
    places = jnp.arange(a.shape[0])

    def step(a: Any, k: Any) -> Any:
        after = places > k
        column = jnp.where(after, a[:, k] / a[k, k], 0.0)
        a = a.at[:, k].set(jnp.where(after, column, a[:, k]))
        return a - jnp.outer(column, jnp.where(after, a[k], 0.0)), None

    return [lax.scan(step, a, places[:-1])[0]]


def thomas(lower: Any, diagonal: Any, upper: Any, right: Any) -> Any:
    def forth(state: Any, now: Any) -> Any:
        c, d = state
        low, middle, up, b = now
        m = middle - low * c
        new = (up / m, (b - low * d) / m)
        return new, new

    zero = jnp.zeros(())
    c, d = lax.scan(forth, (zero, zero), (lower, diagonal, upper, right), unroll=4)[1]

    def back(after: Any, now: Any) -> Any:
        new = now[1] - now[0] * after
        return new, new

    return [lax.scan(back, zero, (c, d), reverse=True, unroll=4)[1]]


def gemver(
    alpha: float, beta: float, a: Any, u1: Any, v1: Any, u2: Any, v2: Any, w: Any, x: Any, y: Any, z: Any
) -> Any:
    a = a + jnp.outer(u1, v1) + jnp.outer(u2, v2)
    x = x + beta * y @ a + z
    return a, w + alpha * a @ x, x


def syrk(alpha: float, beta: float, c: Any, a: Any) -> Any:
    lower = jnp.tril(jnp.ones(c.shape, bool))
    return [jnp.where(lower, beta * c + alpha * a @ a.T, c)]


def floyd_warshall(path: Any) -> Any:
    def step(path: Any, k: Any) -> Any:
        return jnp.minimum(path, path[:, k][:, None] + path[k, :]), None

    return [lax.scan(step, path, jnp.arange(path.shape[0]))[0]]


def exponential_average(x: Any, decay: Any) -> Any:
    def step(before: Any, now: Any) -> Any:
        new = now + decay * before
        return new, new

    rest = lax.scan(step, x[:, 0], x[:, 1:].T)[1]
    return [jnp.concatenate([x[:, :1], rest.T], axis=1)]


def smith_waterman(score: Any, gap: Any) -> Any:
    """By antidiagonals, of which each depends on the two before."""
    m, n = score.shape
    rows = jnp.arange(m)
    columns = jnp.arange(m + n - 1)[:, None] - rows
    inside = (columns >= 0) & (columns < n)
    skewed = score[rows, jnp.clip(columns, 0, n - 1)]

    def step(state: Any, now: Any) -> Any:
        """Of row i, the last value and the one before; above row 0 all is zero."""
        last, before = state
        scores, here = now
        above, corner = (jnp.concatenate([jnp.zeros(1), x[:-1]]) for x in (last, before))
        new = jnp.log(1.0 + jnp.exp(corner + scores) + jnp.exp(above - gap[0]) + jnp.exp(last - gap[1]))
        new = jnp.where(here, new, 0.0)
        return (new, last), new

    values = lax.scan(step, (jnp.zeros(m), jnp.zeros(m)), (skewed, inside))[1]
    border = m + n + 1.0  # elements that are zero
    return [jnp.log(border + jnp.sum(jnp.where(inside, jnp.exp(values), 0.0)))]


def lstm(x: Any, w: Any, u: Any, b: Any) -> Any:
    n = u.shape[0]
    inputs = x @ w + b

    def step(state: Any, now: Any) -> Any:
        h, c = state
        gates = now + h @ u
        forget, enter, out = jnp.split(jax.nn.sigmoid(gates[: 3 * n]), 3)
        c = forget * c + enter * jnp.tanh(gates[3 * n :])
        h = out * jnp.tanh(c)
        return (h, c), (h, c)

    h, c = lax.scan(step, (jnp.zeros(n), jnp.zeros(n)), inputs)[1]
    first = jnp.zeros((1, n))
    return jnp.concatenate([first, h]), jnp.concatenate([first, c])


def n_body(pos: Any, vel: Any, mass: Any, steps: int) -> Any:
    def accelerations(pos: Any) -> Any:
        d = pos[None] - pos[:, None]
        r2 = jnp.sum(d * d, axis=2) + 0.1
        return jnp.sum(d * (mass * r2**-1.5)[:, :, None], axis=1)

    def step(state: Any, _: Any) -> Any:
        pos, vel, acc = state
        vel = vel + 0.005 * acc
        pos = pos + 0.01 * vel
        acc = accelerations(pos)
        vel = vel + 0.005 * acc
        return (pos, vel, acc), 0.5 * jnp.sum(mass[:, None] * vel**2)

    (pos, vel, _), energy = lax.scan(step, (pos, vel, accelerations(pos)), None, length=steps)
    return energy, pos, vel


def deposition(x: Any, charge: Any, cells: int) -> Any:
    left = jnp.floor(x).astype(int)
    part = x - left
    density = jnp.zeros(cells + 1).at[left].add(charge * (1.0 - part)).at[left + 1].add(charge * part)
    return [density.at[0].add(density[-1])[:-1]]


VERSIONS: dict[str, Callable[..., Any]] = {
    version.__name__: version
    for version in (
        jacobi_2d, heat_3d, seidel_2d, fdtd_2d, adi, channel, lu_blocks, thomas, gemver, syrk, floyd_warshall,
        exponential_average, smith_waterman, lstm, n_body, deposition,
    )
}  # fmt: skip
