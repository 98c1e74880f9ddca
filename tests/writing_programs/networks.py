"""Networks and filters by hand: convolutions by loops, layers with `out`, normalization in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.writing_programs.program import Program

__all__ = ["PROGRAMS"]


def convolution_1d(x: Any, kernel: Any) -> Any:
    n, k = len(x), len(kernel)
    out = np.zeros(n - k + 1)
    for i in range(n - k + 1):
        for j in range(k):
            out[i] += x[i + j] * kernel[j]
    return out


def convolution_full(x: Any, kernel: Any) -> Any:
    """By shifts of the whole signal."""
    out = np.zeros(len(x) + len(kernel) - 1)
    for j in range(len(kernel)):
        out[j : j + len(x)] += kernel[j] * x
    return out


def conv2d(images: Any, weights: Any, bias: Any) -> Any:
    n, h, w, _ = images.shape
    k, _, _, channels = weights.shape
    out = np.empty((n, h - k + 1, w - k + 1, channels))
    for i in range(h - k + 1):
        for j in range(w - k + 1):
            patch = images[:, i : i + k, j : j + k, :, np.newaxis]
            out[:, i, j, :] = np.sum(patch * weights[np.newaxis], axis=(1, 2, 3))
    out += bias
    np.maximum(out, 0.0, out=out)
    return out


def max_pooling(images: Any) -> Any:
    n, h, w, c = images.shape
    out = np.empty((n, h // 2, w // 2, c))
    for i in range(h // 2):
        for j in range(w // 2):
            out[:, i, j] = np.max(images[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(1, 2))
    return out


def softmax(x: Any) -> Any:
    out = np.empty_like(x)
    np.subtract(x, np.max(x, axis=-1, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= np.sum(out, axis=-1, keepdims=True)
    return out


def softmax_in_place(x: Any) -> None:
    for row in x:
        row -= row.max()
        np.exp(row, row)
        row /= row.sum()


def mlp(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    hidden = np.empty((x.shape[0], w1.shape[1]))
    np.matmul(x, w1, out=hidden)
    hidden += b1
    hidden[hidden < 0] = 0.0
    scores = np.zeros((x.shape[0], w2.shape[1]))
    for i in range(x.shape[0]):
        scores[i] = hidden[i] @ w2
    scores += b2
    return softmax(scores)


def batch_normalization(x: Any, gain: Any, offset: Any, mean: Any) -> None:
    """The moving mean is an argument that is written to."""
    now = x.mean(axis=0)
    mean *= 0.9
    mean += 0.1 * now
    x -= now
    x /= np.sqrt((x * x).mean(axis=0) + 1e-5)
    x *= gain
    x += offset


def attention_by_rows(q: Any, k: Any, v: Any) -> Any:
    """Causal: each row of a table of weights is filled up to the diagonal."""
    n = q.shape[0]
    weights = np.zeros((n, n))
    out = np.empty(v.shape)
    for i in range(n):
        row = np.exp(q[i] @ k[: i + 1].T / np.sqrt(float(q.shape[1])))
        weights[i, : i + 1] = row / row.sum()
        out[i] = weights[i, : i + 1] @ v[: i + 1]
    return out


def adam(w: Any, x: Any, t: Any, steps: int) -> None:
    """A regression trained by hand: the moments and the weights are updated in place."""
    m, v = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, steps + 1):
        g = x.T @ (x @ w - t) / len(t)
        m *= 0.9
        m += 0.1 * g
        v[...] = 0.99 * v + 0.01 * g**2
        w -= 0.05 * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-3)


def padded(image: Any) -> Any:
    """Reflected at the borders by hand, then blurred, one channel after the other."""
    h, w = image.shape
    big = np.zeros((h + 2, w + 2))
    big[1:-1, 1:-1] = image
    big[0, 1:-1], big[-1, 1:-1] = image[1], image[-2]
    big[:, 0], big[:, -1] = big[:, 2], big[:, -3]
    out = np.zeros((h, w))
    for i in range(3):
        for j in range(3):
            out += big[i : i + h, j : j + w] / ((1.0 + abs(i - 1)) * (1.0 + abs(j - 1)))
    return out


def haar(x: Any) -> None:
    """A wavelet transform in place, by halves."""
    n = len(x)
    while n > 1:
        half = n // 2
        low = (x[0:n:2] + x[1:n:2]) * 0.5
        high = (x[0:n:2] - x[1:n:2]) * 0.5
        x[:half], x[half:n] = low, high * high
        n = half


PROGRAMS = (
    Program(convolution_1d, lambda r: (r.random(7), r.random(3)), lambda r: (r.random(3000), r.random(9))),
    Program(convolution_full, lambda r: (r.random(6), r.random(3)), lambda r: (r.random(20_000), r.random(200))),
    Program(
        conv2d,
        lambda r: (r.normal(size=(2, 4, 4, 2)), r.normal(size=(2, 2, 2, 2)), r.normal(size=2)),
        lambda r: (r.normal(size=(8, 32, 32, 3)), r.normal(size=(5, 5, 3, 8)), r.normal(size=8)),
    ),
    Program(max_pooling, lambda r: (r.normal(size=(2, 4, 4, 2)),), lambda r: (r.normal(size=(8, 64, 64, 8)),)),
    Program(softmax, lambda r: (r.normal(size=(3, 4)),), lambda r: (r.normal(size=(1000, 500)),)),
    Program(softmax_in_place, lambda r: (r.normal(size=(3, 4)),), lambda r: (r.normal(size=(1000, 200)),), (0,)),
    Program(
        mlp,
        lambda r: tuple(r.normal(size=shape) for shape in ((3, 4), (4, 5), 5, (5, 3), 3)),
        lambda r: tuple(0.3 * r.normal(size=shape) for shape in ((300, 200), (200, 300), 300, (300, 10), 10)),
    ),
    Program(
        batch_normalization,
        lambda r: (r.normal(size=(5, 3)), r.random(3), r.random(3), r.random(3)),
        lambda r: (r.normal(size=(2000, 300)), r.random(300), r.random(300), r.random(300)),
        (0, 3),
    ),
    Program(
        attention_by_rows,
        lambda r: tuple(r.normal(size=(4, 3)) for _ in range(3)),
        lambda r: tuple(r.normal(size=(250, 32)) for _ in range(3)),
    ),
    Program(
        adam,
        lambda r: (r.normal(size=3), r.normal(size=(4, 3)), r.normal(size=4), 3),
        lambda r: (r.normal(size=100), r.normal(size=(500, 100)), r.normal(size=500), 100),
        (0,),
    ),
    Program(padded, lambda r: (r.random((4, 5)),), lambda r: (r.random((600, 600)),)),
    Program(haar, lambda r: (r.random(8),), lambda r: (r.random(2**21),), (0,)),
)
