"""Particles, sparse matrices and spectra: writes at integer arrays and masks, and into complex arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.writing_programs.program import Program

__all__ = ["PROGRAMS"]


def accelerations(pos: Any, mass: Any) -> Any:
    acc = np.zeros(pos.shape)
    for i in range(pos.shape[0]):
        d = pos - pos[i]
        r2 = np.sum(d * d, axis=1) + 0.1
        acc[i] = np.sum(d * (mass * r2**-1.5)[:, None], axis=0)
    return acc


def n_body(pos: Any, vel: Any, mass: Any, steps: int) -> Any:
    """Leapfrog; energies are recorded."""
    energy = np.zeros(steps)
    acc = accelerations(pos, mass)
    for t in range(steps):
        vel += 0.005 * acc
        pos += 0.01 * vel
        acc = accelerations(pos, mass)
        vel += 0.005 * acc
        energy[t] = 0.5 * np.sum(mass[:, None] * vel**2)
    return energy


def forces_by_pairs(pos: Any) -> Any:
    """Each pair writes to both."""
    n = pos.shape[0]
    force = np.zeros_like(pos)
    for i in range(n):
        for j in range(i + 1, n):
            d = pos[i] - pos[j]
            f = d / (0.5 + d @ d) ** 2
            force[i] += f
            force[j] -= f
    return force


def deposition(x: Any, charge: Any, cells: int) -> Any:
    """Charges of particles on a grid, by linear weights."""
    density = np.zeros(cells + 1)
    left = np.floor(x).astype(int)
    part = x - left
    np.add.at(density, left, charge * (1.0 - part))
    np.add.at(density, left + 1, charge * part)
    density[0] += density[-1]
    return density[:-1]


def particle_in_cell(x: Any, v: Any, cells: int, steps: int) -> None:
    """The field of the charges moves them."""
    for _ in range(steps):
        density = np.zeros(cells + 1)
        left = np.floor(x).astype(int)
        part = x - left
        np.add.at(density, left, 1.0 - part)
        np.add.at(density, left + 1, part)
        field = np.zeros(cells + 1)
        field[1:-1] = density[2:] - density[:-2]
        v -= 0.001 * (field[left] * (1.0 - part) + field[left + 1] * part)
        x += 0.001 * v


def spmv(values: Any, columns: Any, starts: Any, x: Any) -> Any:
    y = np.empty(len(starts) - 1)
    for i in range(len(starts) - 1):
        c = columns[starts[i] : starts[i + 1]]
        y[i] = values[starts[i] : starts[i + 1]] @ x[c]
    return y


def spmv_by_elements(values: Any, rows: Any, columns: Any, x: Any) -> Any:
    y = np.zeros(len(x))
    for k in range(len(values)):
        y[rows[k]] += values[k] * x[columns[k]]
    return y


def assembly(stiffness: Any, nodes: Any, n: int) -> Any:
    """A finite element matrix from those of the elements."""
    k = np.zeros((n, n))
    for e in range(len(nodes)):
        k[np.ix_(nodes[e], nodes[e])] += stiffness[e]
    return k


def graph_messages(h: Any, w: Any, sources: Any, targets: Any, steps: int) -> Any:
    """Messages along edges, added up; the largest of each node kept too."""
    for _ in range(steps):
        total = np.zeros(h.shape)
        np.add.at(total, targets, np.tanh(h[sources] @ w))
        h = h + 0.1 * total
    largest = np.full(h.shape, -9.0)
    np.maximum.at(largest, targets, h[sources])
    return largest


def clipped_walk(x: Any, noise: Any) -> None:
    """Masks: what leaves is put back, in several ways."""
    for t in range(noise.shape[0]):
        x += noise[t]
        over = x > 1.0
        x[over] = 2.0 - x[over]
        x[x < -1.0] *= -0.5
        np.putmask(x, np.abs(x) < 0.05, 0.05)
        np.copyto(x, 0.5 * noise[t], where=x > 0.9)


def permuted(x: Any, order: Any, inverse: Any) -> Any:
    out = np.empty_like(x)
    out[order] = x * np.arange(1.0, len(x) + 1.0)
    y = out.copy()
    y[inverse[::2]] = out[::2] ** 2
    y[[0, 0, 1]] = x[[2, 1, 0]]
    np.put(y, [3, -1], x[:2])
    return y


def escape(c_re: Any, c_im: Any, steps: int) -> Any:
    """Iterates of points of a plane, kept from where they have gone far."""
    z_re, z_im = np.zeros(c_re.shape), np.zeros(c_re.shape)
    for _ in range(steps):
        inside = z_re**2 + z_im**2 < 4.0
        a, b = z_re[inside], z_im[inside]
        z_re[inside] = a * a - b * b + c_re[inside]
        z_im[inside] = 2 * a * b + c_im[inside]
    return z_re, z_im


def fft(x: Any) -> Any:
    """Radix 2, in place in a complex array."""
    n = len(x)
    out = np.zeros(n, dtype=complex)
    out[:] = x
    size = n
    while size > 1:
        half = size // 2
        turn = np.exp(-2j * np.pi * np.arange(half) / size)
        for start in range(0, n, size):
            a = out[start : start + half].copy()
            b = out[start + half : start + size].copy()
            out[start : start + half] = a + b
            out[start + half : start + size] = (a - b) * turn
        size = half
    result = np.empty(n, dtype=np.complex128)
    bits = n.bit_length() - 1
    for i in range(n):
        result[int(format(i, f"0{bits}b")[::-1], 2)] = out[i]
    return result.real, result.imag


def fft_by_matrices(x: Any) -> Any:
    angles = 2 * np.pi * np.outer(np.arange(len(x)), np.arange(len(x))) / len(x)
    return np.cos(angles) @ x, -np.sin(angles) @ x


def split_step(re: Any, im: Any, potential: Any, steps: int) -> None:
    """Schroedinger's equation by leaps of the two parts."""
    for _ in range(steps):
        re[1:-1] += 0.05 * (-0.5 * (im[2:] - 2 * im[1:-1] + im[:-2]) + potential[1:-1] * im[1:-1])
        im[1:-1] -= 0.05 * (-0.5 * (re[2:] - 2 * re[1:-1] + re[:-2]) + potential[1:-1] * re[1:-1])


def rotor(x: Any, angles: Any) -> Any:
    """A complex state, multiplied in place and written element by element."""
    z = np.empty((len(angles) + 1, len(x)), dtype=complex)
    z[0] = x
    for t in range(len(angles)):
        z[t + 1] = z[t]
        z[t + 1] *= np.exp(1j * angles[t])
        z[t + 1, 0] = z[t, -1] * 1j
    return z.real, z.imag


def rotor_by_parts(x: Any, angles: Any) -> Any:
    re, im = np.zeros((len(angles) + 1, len(x))), np.zeros((len(angles) + 1, len(x)))
    re[0] = x
    for t in range(len(angles)):
        c, s = np.cos(angles[t]), np.sin(angles[t])
        re[t + 1], im[t + 1] = c * re[t] - s * im[t], s * re[t] + c * im[t]
        re[t + 1, 0], im[t + 1, 0] = -im[t, -1], re[t, -1]
    return re, im


def sparse(r: Any, rows: int, each: int) -> tuple[Any, ...]:
    starts = each * np.arange(rows + 1)
    return r.random(rows * each), r.integers(0, rows, rows * each), starts, r.random(rows)


def edges(r: Any, nodes: int, width: int, count: int) -> tuple[Any, ...]:
    ends = r.integers(0, nodes, (2, count))
    return r.normal(size=(nodes, width)), r.normal(size=(width, width)), ends[0], ends[1], 3


def orders(r: Any, n: int) -> tuple[Any, ...]:
    order = r.permutation(n)
    return r.random(n), order, np.argsort(order)


PROGRAMS = (
    Program(
        n_body,
        lambda r: (r.normal(size=(3, 3)), r.normal(size=(3, 3)), r.random(3), 2),
        lambda r: (r.normal(size=(40, 3)), r.normal(size=(40, 3)), r.random(40), 20),
        (0, 1),
    ),
    Program(forces_by_pairs, lambda r: (r.normal(size=(4, 2)),), lambda r: (r.normal(size=(60, 3)),)),
    Program(
        deposition,
        lambda r: (r.uniform(0, 4, 9), r.random(9), 4),
        lambda r: (r.uniform(0, 1000, 400_000), r.random(400_000), 1000),
    ),
    Program(
        particle_in_cell,
        lambda r: (r.uniform(1, 3, 6), r.normal(size=6), 4, 2),
        lambda r: (r.uniform(10, 90, 20_000), r.normal(size=20_000), 100, 10),
        (0, 1),
    ),
    Program(spmv, lambda r: sparse(r, 5, 2), lambda r: sparse(r, 3000, 30)),
    Program(
        spmv_by_elements,
        lambda r: (r.random(8), r.integers(0, 4, 8), r.integers(0, 4, 8), r.random(4)),
        lambda r: (r.random(30_000), r.integers(0, 3000, 30_000), r.integers(0, 3000, 30_000), r.random(3000)),
    ),
    Program(
        assembly,
        lambda r: (r.random((3, 2, 2)), np.array([[0, 1], [1, 2], [3, 1]]), 4),
        lambda r: (r.random((1000, 4, 4)), np.argsort(r.random((1000, 300)), axis=1)[:, :4], 300),
    ),
    Program(graph_messages, lambda r: edges(r, 4, 2, 6), lambda r: edges(r, 1000, 16, 10_000)),
    Program(
        clipped_walk,
        lambda r: (r.uniform(-1, 1, 8), r.normal(size=(4, 8))),
        lambda r: (r.uniform(-1, 1, 20_000), r.normal(size=(50, 20_000))),
        (0,),
    ),
    Program(permuted, lambda r: orders(r, 8), lambda r: orders(r, 300_000)),
    Program(
        escape,
        lambda r: (r.uniform(-1.5, 0.5, (3, 3)), r.uniform(-1, 1, (3, 3)), 5),
        lambda r: (r.uniform(-1.5, 0.5, (150, 150)), r.uniform(-1, 1, (150, 150)), 30),
    ),
    Program(fft, lambda r: (r.random(8),), lambda r: (r.random(4096),), reference=fft_by_matrices),
    Program(
        split_step,
        lambda r: (r.random(6), r.random(6), r.random(6), 3),
        lambda r: (r.random(2000), r.random(2000), r.random(2000), 500),
        (0, 1),
    ),
    Program(
        rotor,
        lambda r: (r.random(4), r.random(3)),
        lambda r: (r.random(500), r.random(1000)),
        reference=rotor_by_parts,
    ),
)
