"""Linear algebra as it is written by hand: results in the arguments, products by rows, triangles by loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.writing_programs.program import Program

__all__ = ["PROGRAMS"]


def mvt(x1: Any, x2: Any, y1: Any, y2: Any, a: Any) -> None:
    x1 += a @ y1
    x2 += y2 @ a


def atax(a: Any, x: Any, out: Any) -> None:
    out[:] = (a @ x) @ a


def bicg(a: Any, p: Any, r: Any) -> Any:
    return r @ a, a @ p


def bicg_by_rows(a: Any, p: Any, r: Any) -> Any:
    s, q = np.zeros(a.shape[1]), np.zeros(a.shape[0])
    for i in range(a.shape[0]):
        s += r[i] * a[i]
        q[i] = a[i] @ p
    return s, q


def gemver(
    alpha: float, beta: float, a: Any, u1: Any, v1: Any, u2: Any, v2: Any, w: Any, x: Any, y: Any, z: Any
) -> None:
    a += np.outer(u1, v1) + np.outer(u2, v2)
    x += beta * y @ a + z
    w += alpha * a @ x


def gesummv(alpha: float, beta: float, a: Any, b: Any, x: Any) -> Any:
    out = np.multiply(a @ x, alpha)
    np.add(out, beta * (b @ x), out=out)
    return out


def gemm(alpha: float, beta: float, c: Any, a: Any, b: Any) -> None:
    c[:] = alpha * a @ b + beta * c


def three_products(a: Any, b: Any, c: Any, d: Any) -> Any:
    e = np.empty((a.shape[0], b.shape[1]), dtype=a.dtype)
    f = np.empty((c.shape[0], d.shape[1]), c.dtype)
    np.matmul(a, b, out=e)
    np.dot(c, d, out=f)
    return e @ f


def product_by_loops(a: Any, b: Any) -> Any:
    c = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                c[i, j] += a[i, k] * b[k, j]
    return c


def syrk(alpha: float, beta: float, c: Any, a: Any) -> None:
    for i in range(a.shape[0]):
        c[i, : i + 1] *= beta
        for k in range(a.shape[1]):
            c[i, : i + 1] += alpha * a[i, k] * a[: i + 1, k]


def syr2k(alpha: float, beta: float, c: Any, a: Any, b: Any) -> None:
    for i in range(a.shape[0]):
        c[i, : i + 1] *= beta
        for k in range(a.shape[1]):
            c[i, : i + 1] += a[: i + 1, k] * alpha * b[i, k] + b[: i + 1, k] * alpha * a[i, k]


def trmm(alpha: float, a: Any, b: Any) -> None:
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            b[i, j] += np.dot(a[i + 1 :, i], b[i + 1 :, j])
    b *= alpha


def symm(alpha: float, beta: float, c: Any, a: Any, b: Any) -> None:
    """The lower triangle of a stands for all of it."""
    part = np.empty((c.shape[1],))
    c *= beta
    for i in range(c.shape[0]):
        for j in range(c.shape[1]):
            c[:i, j] += alpha * b[i, j] * a[i, :i]
            part[j] = b[:i, j] @ a[i, :i]
        c[i, :] += alpha * b[i, :] * a[i, i] + alpha * part


def doitgen(a: Any, c: Any) -> None:
    for r in range(a.shape[0]):
        for q in range(a.shape[1]):
            a[r, q, :] = a[r, q, :] @ c


def covariance(data: Any) -> Any:
    mean = np.mean(data, axis=0)
    data -= mean
    n = data.shape[1]
    cov = np.zeros((n, n))
    for i in range(n):
        cov[i:, i] = cov[i, i:] = data[:, i] @ data[:, i:] / (data.shape[0] - 1.0)
    return cov


def correlation(data: Any) -> Any:
    spread = np.std(data, axis=0)
    spread[spread <= 0.1] = 1.0
    data -= np.mean(data, axis=0)
    data /= np.sqrt(float(data.shape[0])) * spread
    n = data.shape[1]
    corr = np.eye(n)
    for i in range(n - 1):
        corr[i + 1 :, i] = corr[i, i + 1 :] = data[:, i] @ data[:, i + 1 :]
    return corr


def rank_one_updates(a: Any, u: Any, v: Any) -> Any:
    """A view of the diagonal is read, and a transposed one written to."""
    flipped = a.T
    for k in range(u.shape[0]):
        flipped += np.outer(u[k], v[k])
    return np.diagonal(a) * 2.0


def standardized(x: Any) -> None:
    """All by augmented assignments to views."""
    flat = x.reshape(-1)
    flat -= flat.mean()
    flat /= np.sqrt((flat * flat).mean() + 1e-6)
    x[::2] *= -1.0


def of(r: Any, *shapes: Any) -> tuple[Any, ...]:
    return tuple(r.uniform(0.2, 1.0, shape) for shape in shapes)


PROGRAMS = (
    Program(
        mvt,
        lambda r: of(r, 4, 4, 4, 4, (4, 4)),
        lambda r: of(r, 2000, 2000, 2000, 2000, (2000, 2000)),
        (0, 1),
    ),
    Program(atax, lambda r: of(r, (3, 4), 4, 4), lambda r: of(r, (2000, 2100), 2100, 2100), (2,)),
    Program(bicg, lambda r: of(r, (3, 4), 4, 3), lambda r: of(r, (2000, 2100), 2100, 2000)),
    Program(bicg_by_rows, lambda r: of(r, (3, 4), 4, 3), lambda r: of(r, (1000, 1100), 1100, 1000)),
    Program(
        gemver,
        lambda r: (1.5, 1.2, *of(r, (4, 4), *[4] * 8)),
        lambda r: (1.5e-3, 1.2e-3, *of(r, (1000, 1000), *[1000] * 8)),
        (2, 7, 8),
    ),
    Program(
        gesummv,
        lambda r: (1.5, 1.2, *of(r, (4, 4), (4, 4), 4)),
        lambda r: (1.5, 1.2, *of(r, (2000, 2000), (2000, 2000), 2000)),
    ),
    Program(
        gemm,
        lambda r: (1.5, 1.2, *of(r, (3, 4), (3, 5), (5, 4))),
        lambda r: (1.5, 1.2, *of(r, (500, 500), (500, 500), (500, 500))),
        (2,),
    ),
    Program(
        three_products,
        lambda r: of(r, (2, 3), (3, 4), (4, 2), (2, 3)),
        lambda r: of(r, (400, 450), (450, 500), (500, 300), (300, 350)),
    ),
    Program(product_by_loops, lambda r: of(r, (3, 4), (4, 2)), lambda r: of(r, (40, 40), (40, 40))),
    Program(
        syrk, lambda r: (1.5, 1.2, *of(r, (4, 4), (4, 3))), lambda r: (1.5, 1.2, *of(r, (120, 120), (120, 80))), (2,)
    ),
    Program(
        syr2k,
        lambda r: (1.5, 1.2, *of(r, (4, 4), (4, 3), (4, 3))),
        lambda r: (1.5, 1.2, *of(r, (80, 80), (80, 50), (80, 50))),
        (2,),
    ),
    Program(trmm, lambda r: (1.5, *of(r, (4, 4), (4, 3))), lambda r: (1.5, *of(r, (100, 100), (100, 120))), (2,)),
    Program(
        symm,
        lambda r: (1.5, 1.2, *of(r, (4, 3), (4, 4), (4, 3))),
        lambda r: (1.5, 1.2, *of(r, (70, 80), (70, 70), (70, 80))),
        (2,),
    ),
    Program(doitgen, lambda r: of(r, (2, 3, 4), (4, 4)), lambda r: of(r, (60, 80, 70), (70, 70)), (0,)),
    Program(covariance, lambda r: of(r, (5, 4)), lambda r: of(r, (300, 250)), (0,)),
    Program(correlation, lambda r: of(r, (5, 4)), lambda r: of(r, (300, 250)), (0,)),
    Program(
        rank_one_updates,
        lambda r: of(r, (4, 4), (2, 4), (2, 4)),
        lambda r: of(r, (300, 300), (30, 300), (30, 300)),
        (0,),
    ),
    Program(standardized, lambda r: of(r, (4, 5)), lambda r: of(r, (1000, 1000)), (0,)),
)
