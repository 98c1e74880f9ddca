"""Factorizations and solvers, by loops, in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.writing_programs.program import Program

__all__ = ["PROGRAMS"]


def lu(a: Any) -> None:
    """In place, element by element."""
    n = a.shape[0]
    for i in range(n):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[:j, j]
            a[i, j] /= a[j, j]
        for j in range(i, n):
            a[i, j] -= a[i, :i] @ a[:i, j]


def lu_blocks(a: Any) -> None:
    """In place, by columns and updates of the rest."""
    n = a.shape[0]
    for k in range(n - 1):
        a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])


def lu_solve(a: Any, b: Any) -> Any:
    """Factor and solve: a triangle forward, the other one backward."""
    n = a.shape[0]
    x, y = np.zeros_like(b), np.zeros_like(b)
    for i in range(n):
        for j in range(i):
            w = a[i, j]
            for k in range(j):
                w -= a[i, k] * a[k, j]
            a[i, j] = w / a[j, j]
        for j in range(i, n):
            w = a[i, j]
            for k in range(i):
                w -= a[i, k] * a[k, j]
            a[i, j] = w
    for i in range(n):
        y[i] = b[i] - a[i, :i] @ y[:i]
    for i in range(n - 1, -1, -1):
        x[i] = (y[i] - a[i, i + 1 :] @ x[i + 1 :]) / a[i, i]
    return x


def cholesky(a: Any) -> None:
    """In place, in the lower triangle."""
    n = a.shape[0]
    a[0, 0] = np.sqrt(a[0, 0])
    for i in range(1, n):
        for j in range(i):
            a[i, j] -= np.dot(a[i, :j], a[j, :j])
            a[i, j] /= a[j, j]
        a[i, i] -= np.dot(a[i, :i], a[i, :i])
        a[i, i] = np.sqrt(a[i, i])


def cholesky_columns(a: Any) -> Any:
    n = a.shape[0]
    factor = np.zeros((n, n))
    for j in range(n):
        column = a[j:, j] - factor[j:, :j] @ factor[j, :j]
        factor[j:, j] = column / np.sqrt(column[0])
    return factor


def gram_schmidt(a: Any) -> Any:
    """Modified: the columns to come are updated in place."""
    m, n = a.shape
    q, r = np.zeros((m, n)), np.zeros((n, n))
    for k in range(n):
        r[k, k] = np.sqrt(np.dot(a[:, k], a[:, k]))
        q[:, k] = a[:, k] / r[k, k]
        for j in range(k + 1, n):
            r[k, j] = np.dot(q[:, k], a[:, j])
            a[:, j] -= q[:, k] * r[k, j]
    return q, r


def givens(a: Any) -> None:
    """Triangular by rotations of pairs of rows."""
    m, n = a.shape
    for j in range(n):
        for i in range(m - 1, j, -1):
            x, y = a[i - 1, j], a[i, j]
            r = np.sqrt(x * x + y * y)
            c, s = x / r, y / r
            upper, lower = a[i - 1].copy(), a[i].copy()
            a[i - 1] = c * upper + s * lower
            a[i] = c * lower - s * upper


def triangular_solve(l: Any, b: Any) -> Any:  # noqa: E741
    x = np.zeros(b.shape[0])
    for i in range(b.shape[0]):
        x[i] = (b[i] - l[i, :i] @ x[:i]) / l[i, i]
    return x


def triangular_solve_by_elements(l: Any, x: Any) -> None:  # noqa: E741
    n = x.shape[0]
    for i in range(n):
        for j in range(i):
            x[i] -= l[i, j] * x[j]
        x[i] /= l[i, i]


def thomas(lower: Any, diagonal: Any, upper: Any, right: Any) -> Any:
    """Tridiagonal systems, element by element."""
    n = right.shape[0]
    c, d = np.zeros(n), np.zeros(n)
    c[0] = upper[0] / diagonal[0]
    d[0] = right[0] / diagonal[0]
    for i in range(1, n):
        m = diagonal[i] - lower[i] * c[i - 1]
        c[i] = upper[i] / m
        d[i] = (right[i] - lower[i] * d[i - 1]) / m
    for i in range(n - 2, -1, -1):
        d[i] -= c[i] * d[i + 1]
    return d


def thomas_many(lower: Any, diagonal: Any, upper: Any, right: Any) -> None:
    """Many systems beside each other, in place in the diagonal and the right side."""
    n = right.shape[0]
    for i in range(1, n):
        w = lower[i] / diagonal[i - 1]
        diagonal[i] -= w * upper[i - 1]
        right[i] -= w * right[i - 1]
    right[-1] /= diagonal[-1]
    for i in range(n - 2, -1, -1):
        right[i] = (right[i] - upper[i] * right[i + 1]) / diagonal[i]


def durbin(r: Any) -> Any:
    """Levinson's recursion; the part solved so far is overwritten by itself, reversed."""
    y = np.empty_like(r)
    alpha, beta = -r[0], 1.0
    y[0] = -r[0]
    for k in range(1, r.shape[0]):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + np.dot(np.flip(r[:k]), y[:k])) / beta
        y[:k] += alpha * np.flip(y[:k])
        y[k] = alpha
    return y


def conjugate_gradient(a: Any, b: Any, steps: int) -> Any:
    x, r = np.zeros_like(b), b.copy()
    p = r.copy()
    rr = r @ r
    for _ in range(steps):
        ap = a @ p
        alpha = rr / (p @ ap)
        x += alpha * p
        r -= alpha * ap
        new = r @ r
        p *= new / rr
        p += r
        rr = new
    return x


def power_iteration(a: Any, steps: int) -> Any:
    v = np.ones(a.shape[0])
    values = np.empty(steps)
    for i in range(steps):
        w = a @ v
        values[i] = np.sqrt(w @ w)
        v[:] = w / values[i]
    return v, values


def dominant(r: Any, n: int) -> Any:
    return r.uniform(-1, 1, (n, n)) + n * np.eye(n)


def definite(r: Any, n: int) -> Any:
    b = r.uniform(-1, 1, (n, n))
    return b @ b.T / n + 2 * np.eye(n)


def bands(r: Any, *shape: int) -> tuple[Any, ...]:
    return r.uniform(-1, 1, shape), r.uniform(3, 4, shape), r.uniform(-1, 1, shape), r.uniform(-1, 1, shape)


PROGRAMS = (
    Program(lu, lambda r: (dominant(r, 5),), lambda r: (dominant(r, 160),), (0,)),
    Program(lu_blocks, lambda r: (dominant(r, 5),), lambda r: (dominant(r, 300),), (0,)),
    Program(lu_solve, lambda r: (dominant(r, 4), r.random(4)), lambda r: (dominant(r, 50), r.random(50)), (0,)),
    Program(cholesky, lambda r: (definite(r, 5),), lambda r: (definite(r, 150),), (0,)),
    Program(cholesky_columns, lambda r: (definite(r, 5),), lambda r: (definite(r, 300),)),
    Program(gram_schmidt, lambda r: (r.random((5, 4)),), lambda r: (r.random((150, 100)),), (0,)),
    Program(givens, lambda r: (r.uniform(0.5, 1.5, (4, 3)),), lambda r: (r.uniform(0.5, 1.5, (60, 50)),), (0,)),
    Program(
        triangular_solve,
        lambda r: (dominant(r, 6), r.random(6)),
        lambda r: (dominant(r, 1500), r.random(1500)),
    ),
    Program(
        triangular_solve_by_elements,
        lambda r: (dominant(r, 5), r.random(5)),
        lambda r: (dominant(r, 150), r.random(150)),
        (1,),
    ),
    Program(thomas, lambda r: bands(r, 7), lambda r: bands(r, 20_000)),
    Program(thomas_many, lambda r: bands(r, 5, 3), lambda r: bands(r, 300, 3000), (1, 3)),
    Program(
        durbin,
        lambda r: (0.3 ** np.arange(1, 7) * r.uniform(0.8, 1.2, 6),),
        lambda r: (0.9 ** np.arange(1, 1001) * r.uniform(0.0, 0.1, 1000),),
    ),
    Program(
        conjugate_gradient,
        lambda r: (definite(r, 5), r.random(5), 3),
        lambda r: (definite(r, 500), r.random(500), 50),
    ),
    Program(power_iteration, lambda r: (r.random((5, 5)), 3), lambda r: (r.random((500, 500)), 50)),
)
