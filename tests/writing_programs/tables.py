"""Tables that are filled: dynamic programming, recurrences, prefix sums, states of recurrent networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.writing_programs.program import Program

__all__ = ["PROGRAMS"]


def floyd_warshall(path: Any) -> None:
    for k in range(path.shape[0]):
        path[:] = np.minimum(path, np.add.outer(path[:, k], path[k, :]))


def floyd_warshall_by_rows(path: Any) -> None:
    n = path.shape[0]
    for k in range(n):
        for i in range(n):
            path[i, :] = np.minimum(path[i, :], path[i, k] + path[k, :])


def prefix_sums(x: Any) -> Any:
    out = np.empty(len(x))
    out[0] = x[0]
    for i in range(1, len(x)):
        out[i] = out[i - 1] + x[i]
    return out


def prefix_sums_by_doubling(x: Any) -> None:
    """In place: the source and the target of the addition overlap."""
    shift = 1
    while shift < len(x):
        x[shift:] += x[:-shift].copy()
        shift *= 2


def summed_area(image: Any) -> Any:
    h, w = image.shape
    table = np.zeros((h + 1, w + 1))
    for i in range(h):
        for j in range(w):
            table[i + 1, j + 1] = image[i, j] + table[i, j + 1] + table[i + 1, j] - table[i, j]
    return table


def exponential_average(x: Any, decay: Any) -> Any:
    out = np.zeros_like(x)
    out[:, 0] = x[:, 0]
    for j in range(1, x.shape[1]):
        out[:, j] = x[:, j] + decay * out[:, j - 1]
    return out


def smallest(a: Any, b: Any, c: Any, sharpness: float) -> Any:
    return -np.log(np.exp(-sharpness * a) + np.exp(-sharpness * b) + np.exp(-sharpness * c)) / sharpness


def edit_distance(cost: Any, gap: float) -> Any:
    """With a soft minimum."""
    m, n = cost.shape
    table = np.zeros((m + 1, n + 1))
    table[:, 0] = gap * np.arange(m + 1)
    table[0, :] = gap * np.arange(n + 1)
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            table[i, j] = smallest(
                table[i - 1, j] + gap, table[i, j - 1] + gap, table[i - 1, j - 1] + cost[i - 1, j - 1], 3.0
            )
    return table


def smith_waterman(score: Any, gap: Any) -> Any:
    """Local alignment with soft maxima."""
    m, n = score.shape
    h = np.zeros((m + 1, n + 1))
    for i in range(m):
        for j in range(n):
            h[i + 1, j + 1] = np.log(
                1.0 + np.exp(h[i, j] + score[i, j]) + np.exp(h[i, j + 1] - gap[0]) + np.exp(h[i + 1, j] - gap[1])
            )
    return np.log(np.sum(np.exp(h)))


def time_warping(x: Any, y: Any) -> Any:
    """Hard minima; the borders are infinite."""
    m, n = len(x), len(y)
    table = np.full((m + 1, n + 1), np.inf)
    table[0, 0] = 0.0
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            step = (x[i - 1] - y[j - 1]) ** 2
            table[i, j] = step + np.minimum(np.minimum(table[i - 1, j], table[i, j - 1]), table[i - 1, j - 1])
    return table[m, n]


def matrix_chain(sizes: Any) -> Any:
    """Costs of intervals, by their lengths."""
    n = len(sizes) - 1
    cost = np.zeros((n, n))
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            best = np.inf
            for k in range(i, j):
                best = np.minimum(best, cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1])
            cost[i, j] = best
    return cost


def hidden_states(start: Any, moves: Any, emissions: Any) -> Any:
    """Forward probabilities, scaled at each step."""
    steps, n = emissions.shape
    alpha, scale = np.empty((steps, n)), np.empty(steps)
    alpha[0] = start * emissions[0]
    scale[0] = alpha[0].sum()
    alpha[0] /= scale[0]
    for t in range(1, steps):
        np.matmul(alpha[t - 1], moves, out=alpha[t])
        alpha[t] *= emissions[t]
        scale[t] = np.sum(alpha[t])
        alpha[t] /= scale[t]
    return np.log(scale).sum(), alpha


def option_tree(price: Any, steps: int, strike: float) -> Any:
    """A binomial tree, folded back in place."""
    up = np.exp(0.05)
    values = np.empty(steps + 1)
    for i in range(steps + 1):
        values[i] = np.maximum(price[0] * up ** (2 * i - steps) - strike, 0.0)
    for step in range(steps, 0, -1):
        values[:step] = 0.99 * (0.52 * values[1 : step + 1] + 0.48 * values[:step])
    return values[0]


def lstm(x: Any, w: Any, u: Any, b: Any) -> Any:
    steps, n = x.shape[0], u.shape[0]
    h, c, gates = np.zeros((steps + 1, n)), np.zeros((steps + 1, n)), np.empty(4 * n)
    for t in range(steps):
        gates[:] = x[t] @ w + h[t] @ u + b
        gates[: 3 * n] = 1.0 / (1.0 + np.exp(-gates[: 3 * n]))
        gates[3 * n :] = np.tanh(gates[3 * n :])
        c[t + 1] = gates[:n] * c[t] + gates[n : 2 * n] * gates[3 * n :]
        h[t + 1] = gates[2 * n : 3 * n] * np.tanh(c[t + 1])
    return h, c


def runge_kutta(y: Any, rates: Any, steps: int) -> Any:
    """Trajectories in a table; the slopes are written into one array again and again."""
    path, k = np.empty((steps + 1, 2, y.shape[1])), np.empty((4, 2, y.shape[1]))
    path[0] = y
    for t in range(steps):
        for s, (fraction, last) in enumerate(((0.0, 0), (0.5, 0), (0.5, 1), (1.0, 2))):
            z = path[t] + 0.05 * fraction * k[last] if s else path[t]
            k[s, 0] = rates[0] * z[0] - rates[1] * z[0] * z[1]
            k[s, 1] = rates[2] * z[0] * z[1] - rates[3] * z[1]
        path[t + 1] = path[t] + 0.05 / 6 * (k[0] + 2 * k[1] + 2 * k[2] + k[3])
    return path


def polynomials(x: Any, degree: int) -> Any:
    """Chebyshev's, by the recurrence."""
    t = np.ones((degree + 1, len(x)))
    t[1] = x
    for k in range(2, degree + 1):
        t[k] = 2.0 * x * t[k - 1] - t[k - 2]
    return t


PROGRAMS = (
    Program(floyd_warshall, lambda r: (r.uniform(0, 1, (5, 5)),), lambda r: (r.uniform(0, 1, (150, 150)),), (0,)),
    Program(
        floyd_warshall_by_rows, lambda r: (r.uniform(0, 1, (4, 4)),), lambda r: (r.uniform(0, 1, (100, 100)),), (0,)
    ),
    Program(prefix_sums, lambda r: (r.random(7),), lambda r: (r.random(50_000),)),
    Program(prefix_sums_by_doubling, lambda r: (r.random(9),), lambda r: (r.random(200_000),), (0,)),
    Program(summed_area, lambda r: (r.random((3, 4)),), lambda r: (r.random((120, 120)),)),
    Program(
        exponential_average,
        lambda r: (r.random((3, 5)), r.random(3)),
        lambda r: (r.random((800, 600)), r.random(800)),
    ),
    Program(edit_distance, lambda r: (r.random((3, 4)), 0.7), lambda r: (r.random((70, 70)), 0.7)),
    Program(
        smith_waterman, lambda r: (r.normal(size=(3, 4)), r.random(2)), lambda r: (r.normal(size=(70, 70)), r.random(2))
    ),
    Program(
        time_warping, lambda r: (r.normal(size=5), r.normal(size=4)), lambda r: (r.normal(size=90), r.normal(size=100))
    ),
    Program(matrix_chain, lambda r: (r.uniform(1, 4, 6),), lambda r: (r.uniform(1, 4, 45),)),
    Program(
        hidden_states,
        lambda r: (r.random(3), r.random((3, 3)), r.random((4, 3))),
        lambda r: (r.random(40), r.random((40, 40)), r.random((1000, 40))),
    ),
    Program(option_tree, lambda r: (r.uniform(0.9, 1.1, 1), 6, 1.0), lambda r: (r.uniform(0.9, 1.1, 1), 1500, 1.0)),
    Program(
        lstm,
        lambda r: (r.normal(size=(3, 2)), r.normal(size=(2, 12)), r.normal(size=(3, 12)), r.normal(size=12)),
        lambda r: (
            r.normal(size=(400, 32)),
            0.1 * r.normal(size=(32, 256)),
            0.1 * r.normal(size=(64, 256)),
            r.normal(size=256),
        ),
    ),
    Program(
        runge_kutta,
        lambda r: (r.uniform(0.5, 1.5, (2, 3)), np.array([1.1, 0.4, 0.1, 0.4]), 3),
        lambda r: (r.uniform(0.5, 1.5, (2, 64)), np.array([1.1, 0.4, 0.1, 0.4]), 400),
    ),
    Program(polynomials, lambda r: (r.uniform(-1, 1, 4), 5), lambda r: (r.uniform(-1, 1, 5000), 200)),
)
