"""Stencils: in place and double-buffered, in one to three dimensions, by slices and by loops over elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.writing_programs.program import Program

__all__ = ["PROGRAMS"]


def jacobi_1d(steps: int, a: Any, b: Any) -> None:
    for _ in range(steps):
        b[1:-1] = 0.33333 * (a[:-2] + a[1:-1] + a[2:])
        a[1:-1] = 0.33333 * (b[:-2] + b[1:-1] + b[2:])


def jacobi_2d(steps: int, a: Any, b: Any) -> None:
    for _ in range(steps):
        b[1:-1, 1:-1] = 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])
        a[1:-1, 1:-1] = 0.2 * (b[1:-1, 1:-1] + b[1:-1, :-2] + b[1:-1, 2:] + b[2:, 1:-1] + b[:-2, 1:-1])


def heat_rod(steps: int, u: Any, conductivity: Any) -> Any:
    """In place; what leaves through the ends is recorded."""
    lost = np.zeros(steps)
    for t in range(steps):
        flux = conductivity[:-1] * (u[1:] - u[:-1])
        u[1:-1] += 0.2 * (flux[1:] - flux[:-1])
        u[0] += 0.2 * flux[0]
        u[-1] -= 0.1 * u[-1] ** 2
        lost[t] = u[-1]
    return lost


def heat_2d(steps: int, u: Any) -> Any:
    """Two buffers, which change places."""
    new = np.empty_like(u)
    for _ in range(steps):
        new[1:-1, 1:-1] = u[1:-1, 1:-1] + 0.1 * (
            u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
        )
        new[0, :] = u[0, :]
        new[-1, :] = u[-1, :]
        new[:, 0] = 0.0
        new[:, -1] = new[:, -2]
        u, new = new, u
    return u


def heat_3d(steps: int, a: Any, b: Any) -> None:
    def laplacian(u: Any) -> Any:
        middle = u[1:-1, 1:-1, 1:-1]
        return (
            0.125 * (u[2:, 1:-1, 1:-1] - 2.0 * middle + u[:-2, 1:-1, 1:-1])
            + 0.125 * (u[1:-1, 2:, 1:-1] - 2.0 * middle + u[1:-1, :-2, 1:-1])
            + 0.125 * (u[1:-1, 1:-1, 2:] - 2.0 * middle + u[1:-1, 1:-1, :-2])
        )

    for _ in range(steps):
        b[1:-1, 1:-1, 1:-1] = a[1:-1, 1:-1, 1:-1] + laplacian(a)
        a[1:-1, 1:-1, 1:-1] = b[1:-1, 1:-1, 1:-1] + laplacian(b)


def seidel_2d(iterations: int, a: Any) -> None:
    """Element by element: each reads neighbours of this iteration and of the last."""
    n = a.shape[0]
    for _ in range(iterations):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                a[i, j] = (
                    a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1]
                    + a[i, j - 1] + a[i, j] + a[i, j + 1]
                    + a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]
                ) / 9.0  # fmt: skip


def red_black(iterations: int, u: Any, f: Any) -> None:
    """Gauss-Seidel in two colours, by strided slices."""
    for _ in range(iterations):
        for row, column in ((1, 1), (2, 2), (1, 2), (2, 1)):
            inner = (slice(row, -1, 2), slice(column, -1, 2))
            above = (slice(row - 1, -2, 2), slice(column, -1, 2))
            below = (slice(row + 1, None, 2), slice(column, -1, 2))
            before = (slice(row, -1, 2), slice(column - 1, -2, 2))
            after = (slice(row, -1, 2), slice(column + 1, None, 2))
            u[inner] = 0.25 * (u[above] + u[below] + u[before] + u[after] - f[inner])


def fdtd_2d(source: Any, ex: Any, ey: Any, hz: Any) -> None:
    for t in range(source.shape[0]):
        ey[0, :] = source[t]
        ey[1:, :] -= 0.5 * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])


def adi(steps: int, u: Any) -> None:
    """Alternating directions, implicit: tridiagonal systems by columns, then by rows."""
    n = u.shape[0]
    v, p, q = np.empty(u.shape), np.empty(u.shape), np.empty(u.shape)
    a, b, c, d = -0.4, 1.8, 0.3, 0.5
    for _ in range(steps):
        v[0, :] = 1.0
        p[:, 0] = 0.0
        q[:, 0] = v[0, :]
        for j in range(1, n - 1):
            p[1:-1, j] = -a / (a * p[1:-1, j - 1] + b)
            q[1:-1, j] = (
                c * u[j, :-2] + (1.0 - 2.0 * c) * u[j, 1:-1] + c * u[j, 2:] - a * q[1:-1, j - 1]
            ) / (a * p[1:-1, j - 1] + b)  # fmt: skip
        v[-1, :] = 1.0
        for j in range(n - 2, -1, -1):
            v[j, 1:-1] = p[1:-1, j] * v[j + 1, 1:-1] + q[1:-1, j]
        u[:, 0] = 1.0
        p[:, 0] = 0.0
        q[:, 0] = u[:, 0]
        for j in range(1, n - 1):
            p[1:-1, j] = -d / (d * p[1:-1, j - 1] + b)
            q[1:-1, j] = (v[:-2, j] + 0.5 * v[1:-1, j] - d * q[1:-1, j - 1]) / (d * p[1:-1, j - 1] + b)
        u[:, -1] = 1.0
        for j in range(n - 2, -1, -1):
            u[1:-1, j] = p[1:-1, j] * u[1:-1, j + 1] + q[1:-1, j]


def channel(steps: int, iterations: int, u: Any, v: Any, p: Any, force: float) -> None:
    """Flow between walls, periodic along it: pressure by iterations, then velocities, with copies of the old ones."""
    dt, dx, nu = 0.01, 0.1, 0.1
    source = np.zeros_like(u)
    for _ in range(steps):
        un, vn = u.copy(), v.copy()
        across = (np.roll(un, -1, 1) - np.roll(un, 1, 1)) / (2 * dx)
        source[1:-1] = across[1:-1] / dt + (vn[2:] - vn[:-2]) / (2 * dx * dt) - across[1:-1] ** 2
        for _ in range(iterations):
            pn = p.copy()
            p[1:-1] = 0.25 * ((np.roll(pn, -1, 1) + np.roll(pn, 1, 1))[1:-1] + pn[2:] + pn[:-2] - dx**2 * source[1:-1])
            p[0, :] = p[1, :]
            p[-1, :] = p[-2, :]
        for w, wn in ((u, un), (v, vn)):
            east, west = np.roll(wn, -1, 1), np.roll(wn, 1, 1)
            w[1:-1] = (
                wn[1:-1]
                - dt / dx * un[1:-1] * (wn - west)[1:-1]
                - dt / dx * vn[1:-1] * (wn[1:-1] - wn[:-2])
                + nu * dt / dx**2 * ((east + west)[1:-1] + wn[2:] + wn[:-2] - 4 * wn[1:-1])
            )
        u[1:-1] += force * dt - dt / (2 * dx) * (np.roll(p, -1, 1) - np.roll(p, 1, 1))[1:-1]
        v[1:-1] -= dt / (2 * dx) * (p[2:] - p[:-2])
        for w in (u, v):
            w[0, :] = 0.0
            w[-1, :] = 0.0


def limited_diffusion(field: Any, coefficient: Any) -> Any:
    """Diffusion of fourth order, whose fluxes against the slope are set to zero by masks."""
    lap = 4.0 * field[1:-1, 1:-1] - (field[2:, 1:-1] + field[:-2, 1:-1] + field[1:-1, 2:] + field[1:-1, :-2])
    fx = lap[1:, 1:-1] - lap[:-1, 1:-1]
    fx[fx * (field[2:-1, 2:-2] - field[1:-2, 2:-2]) > 0] = 0.0
    fy = lap[1:-1, 1:] - lap[1:-1, :-1]
    fy[fy * (field[2:-2, 2:-1] - field[2:-2, 1:-2]) > 0] = 0.0
    out = np.zeros_like(field)
    out[2:-2, 2:-2] = field[2:-2, 2:-2] - coefficient * (fx[1:] - fx[:-1] + fy[:, 1:] - fy[:, :-1])
    return out


def recursive_filter(image: Any, alpha: float) -> Any:
    """A recursive smoothing along rows, from both sides, then along columns."""
    k = (1.0 - np.exp(-alpha)) ** 2
    decay = np.exp(-alpha)
    left, right = np.empty_like(image), np.empty_like(image)
    left[:, 0] = k * image[:, 0]
    left[:, 1] = k * image[:, 1] + 2 * decay * left[:, 0]
    for j in range(2, image.shape[1]):
        left[:, j] = k * image[:, j] + 2 * decay * left[:, j - 1] - decay**2 * left[:, j - 2]
    right[:, -1] = 0.0
    right[:, -2] = k * image[:, -1]
    for j in range(image.shape[1] - 3, -1, -1):
        right[:, j] = k * image[:, j + 1] + 2 * decay * right[:, j + 1] - decay**2 * right[:, j + 2]
    out = left + right
    for i in range(1, image.shape[0]):
        out[i] += decay * out[i - 1]
    return out


def burgers(steps: int, u: Any) -> Any:
    """Upwind, with every state kept in a table."""
    table = np.zeros((steps + 1, u.size))
    table[0] = u
    for t in range(steps):
        now, nxt = table[t], table[t + 1]
        nxt[1:] = now[1:] - 0.1 * now[1:] * (now[1:] - now[:-1])
        nxt[0] = nxt[-1]
    return table


PROGRAMS = (
    Program(
        jacobi_1d, lambda r: (3, r.random(7), r.random(7)), lambda r: (250, r.random(4000), r.random(4000)), (1, 2)
    ),
    Program(
        jacobi_2d,
        lambda r: (2, r.random((5, 6)), r.random((5, 6))),
        lambda r: (50, r.random((200, 200)), r.random((200, 200))),
        (1, 2),
    ),
    Program(heat_rod, lambda r: (4, r.random(8), r.random(8)), lambda r: (300, r.random(4000), r.random(4000)), (1,)),
    Program(heat_2d, lambda r: (3, r.random((5, 5))), lambda r: (101, r.random((200, 200)))),
    Program(
        heat_3d,
        lambda r: (2, r.random((4, 4, 5)), r.random((4, 4, 5))),
        lambda r: (10, r.random((40, 40, 40)), r.random((40, 40, 40))),
        (1, 2),
    ),
    Program(seidel_2d, lambda r: (2, r.random((5, 5))), lambda r: (2, r.random((90, 90))), (1,)),
    Program(
        red_black,
        lambda r: (2, r.random((7, 7)), r.random((7, 7))),
        lambda r: (30, r.random((201, 201)), r.random((201, 201))),
        (1,),
    ),
    Program(
        fdtd_2d,
        lambda r: (r.random(4), *(r.random((5, 6)) for _ in range(3))),
        lambda r: (r.random(60), *(r.random((200, 220)) for _ in range(3))),
        (1, 2, 3),
    ),
    Program(adi, lambda r: (2, r.random((6, 6))), lambda r: (8, r.random((200, 200))), (1,)),
    Program(
        channel,
        lambda r: (2, 2, *(0.1 * r.random((5, 5)) for _ in range(3)), 1.0),
        lambda r: (5, 20, *(0.1 * r.random((101, 101)) for _ in range(3)), 1.0),
        (2, 3, 4),
    ),
    Program(
        limited_diffusion,
        lambda r: (r.random((8, 8)), r.random((4, 4))),
        lambda r: (r.random((500, 500)), r.random((496, 496))),
    ),
    Program(recursive_filter, lambda r: (r.random((5, 6)), 0.25), lambda r: (r.random((400, 600)), 0.25)),
    Program(burgers, lambda r: (4, r.random(7)), lambda r: (600, r.random(2000))),
)
