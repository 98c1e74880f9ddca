"""Parts of neural networks, and losses of classifiers."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.idioms import Idiom, integers, normal, positive, uniform


def softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x: Any) -> Any:
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax_loss(x: Any) -> Any:
    return np.sum(softmax(x) ** 2)


def layer_norm(x: Any, gain: Any, bias: Any) -> Any:
    centred = x - np.mean(x, axis=-1, keepdims=True)
    return np.sum((centred / np.sqrt(np.var(x, axis=-1, keepdims=True) + 1e-5) * gain + bias) ** 3)


def rms_norm(x: Any, gain: Any) -> Any:
    return np.sum(np.sin(x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-6) * gain))


def batch_norm(x: Any, gain: Any, bias: Any, state: Any) -> Any:
    mean, variance = x.mean(axis=0), x.var(axis=0)
    state[0] = 0.9 * state[0] + 0.1 * mean
    state[1] = 0.9 * state[1] + 0.1 * variance
    return gain * (x - mean) / np.sqrt(variance + 1e-5) + bias


def mlp(x: Any, w1: Any, b1: Any, w2: Any, b2: Any, y: Any) -> Any:
    hidden = np.maximum(x @ w1 + b1, 0)
    logits = hidden @ w2 + b2
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    logp = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.mean(logp[np.arange(len(y)), y])


def masked_attention(q: Any, k: Any, v: Any, mask: Any) -> Any:
    scores = q @ k.T / np.sqrt(q.shape[-1])
    return np.sum(softmax(np.where(mask, scores, -np.inf)) @ v)


def causal_attention(q: Any, k: Any, v: Any) -> Any:
    scores = np.einsum("id,jd->ij", q, k) / np.sqrt(q.shape[-1])
    scores = scores + np.triu(np.full(scores.shape, -1e9), 1)
    return np.sum(np.einsum("ij,jd->id", softmax(scores), v) ** 2)


def multi_head_attention(x: Any, wq: Any, wk: Any, wv: Any, wo: Any) -> Any:
    b, t, d = x.shape
    heads = 2

    def split(a: Any) -> Any:
        return a.reshape(b, t, heads, d // heads).transpose(0, 2, 1, 3)

    q, k, v = split(x @ wq), split(x @ wk), split(x @ wv)
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(d // heads)
    scores = np.where(np.tril(np.ones((t, t), bool)), scores, -1e30)
    mixed = (softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(b, t, d)
    return np.sum((mixed @ wo) ** 2)


def rotary(q: Any) -> Any:
    t, d = q.shape
    angle = np.outer(np.arange(t), 1e4 ** (-np.arange(0, d, 2) / d))
    even, odd = q[:, ::2], q[:, 1::2]
    turned = np.stack([even * np.cos(angle) - odd * np.sin(angle), even * np.sin(angle) + odd * np.cos(angle)], -1)
    return np.sum(np.tanh(turned.reshape(t, d)))


def positional_encoding(x: Any, table: Any) -> Any:
    t, d = x.shape
    code = np.zeros((t, d))
    angle = np.arange(t)[:, None] / 100 ** (np.arange(0, d, 2) / d)
    code[:, 0::2], code[:, 1::2] = np.sin(angle), np.cos(angle)
    return np.sum((x + code) * table[:t])


def rnn(x: Any, wx: Any, wh: Any, b: Any) -> Any:
    h = np.zeros(wh.shape[0])
    for row in x:
        h = np.tanh(row @ wx + h @ wh + b)
    return np.sum(h**2)


def lstm(x: Any, w: Any, u: Any, b: Any) -> Any:
    size = u.shape[0]
    h, c = np.zeros((x.shape[1], size)), np.zeros((x.shape[1], size))
    for t in range(x.shape[0]):
        gates = x[t] @ w + h @ u + b
        i, f, o, g = np.split(gates, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return np.mean(h**2)


def gru(x: Any, w: Any, u: Any) -> Any:
    size = u.shape[0]
    h, states = np.zeros(size), []
    for t in range(len(x)):
        a, b = x[t] @ w, h @ u
        r, z = sigmoid(a[:size] + b[:size]), sigmoid(a[size : 2 * size] + b[size : 2 * size])
        n = np.tanh(a[2 * size :] + r * b[2 * size :])
        h = (1 - z) * n + z * h
        states.append(h)
    return np.sum(np.stack(states) ** 2)


def convolution_by_windows(x: Any, w: Any) -> Any:
    windows = sliding_window_view(x, (3, 3), axis=(2, 3))
    return np.sum(np.maximum(np.einsum("nchwij,ocij->nohw", windows, w), 0) ** 2)


def im2col(x: Any, w: Any) -> Any:
    n, c, h, wide = x.shape
    columns = np.stack([x[:, :, i : i + h - 2, j : j + wide - 2] for i in range(3) for j in range(3)], 2)
    columns = columns.reshape(n, c * 9, -1)
    return np.sum(np.tanh(w.reshape(w.shape[0], -1) @ columns))


def convolution_same(x: Any, w: Any) -> Any:
    padded = np.pad(x, ((1, 1), (1, 1)))
    return np.sum(
        sum(w[i, j] * padded[i : i + x.shape[0], j : j + x.shape[1]] for i in range(3) for j in range(3)) ** 2
    )


def max_pooling(x: Any) -> Any:
    n, c, h, w = x.shape
    return np.sum(x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5)) ** 2)


def average_pooling(x: Any) -> Any:
    n, c, h, w = x.shape
    return np.sum(np.exp(x.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5))))


def label_smoothing(x: Any, y: Any) -> Any:
    k = x.shape[1]
    target = np.eye(k)[y] * 0.9 + 0.1 / k
    return -np.mean(np.sum(target * log_softmax(x), axis=1))


def one_hot_loss(x: Any, y: Any) -> Any:
    hot = np.zeros(x.shape)
    hot[np.arange(len(y)), y] = 1
    return -np.sum(hot * np.log(softmax(x) + 1e-12)) / len(y)


def focal_loss(x: Any, y: Any) -> Any:
    p = sigmoid(x)
    p = np.clip(np.where(y == 1, p, 1 - p), 1e-7, 1 - 1e-7)
    return np.mean(-0.25 * (1 - p) ** 2 * np.log(p))


def binary_cross_entropy(x: Any, y: Any) -> Any:
    return np.mean(np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x))))


def hinge(w: Any, x: Any, y: Any) -> Any:
    return np.mean(np.maximum(0, 1 - y * (x @ w))) + 0.01 * np.sum(w**2)


def multiclass_hinge(s: Any, y: Any) -> Any:
    right = s[np.arange(len(y)), y][:, None]
    margins = np.maximum(0, s - right + 1)
    margins[np.arange(len(y)), y] = 0
    return np.mean(np.sum(margins, 1))


def huber(p: Any, y: Any) -> Any:
    e = np.abs(p - y)
    return np.mean(np.where(e < 1, 0.5 * e**2, e - 0.5))


def triplet(a: Any, p: Any, n: Any) -> Any:
    near, far = np.linalg.norm(a - p, axis=1), np.linalg.norm(a - n, axis=1)
    return np.mean(np.maximum(near - far + 0.5, 0))


def cosine_similarity(a: Any, b: Any) -> Any:
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    b = b / np.linalg.norm(b, axis=1, keepdims=True)
    return np.mean(np.diag(a @ b.T))


def contrastive(a: Any, b: Any) -> Any:
    a = a / np.sqrt(np.sum(a**2, 1, keepdims=True))
    b = b / np.sqrt(np.sum(b**2, 1, keepdims=True))
    return -np.mean(np.diagonal(log_softmax(a @ b.T / 0.1)))


def embedding(table: Any, tokens: Any, w: Any) -> Any:
    return np.sum(np.tanh(table[tokens].mean(axis=1) @ w))


def gelu(x: Any) -> Any:
    return np.sum(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


def activations(x: Any) -> Any:
    silu, softplus = x / (1 + np.exp(-x)), np.logaddexp(0, x)
    elu, leaky = np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1), np.where(x > 0, x, 0.1 * x)
    return np.sum(silu * softplus + elu * leaky + np.clip(x, -1, 1))


def relu_by_mask(x: Any, w: Any) -> Any:
    h = x @ w
    return np.sum(h * (h > 0)) + np.sum(h[h > 0] ** 2)


def dropout(x: Any, w: Any, rng: Any) -> Any:
    keep = rng.random((x.shape[0], w.shape[1])) < 0.8
    return np.tanh(x @ w) * keep / 0.8


def accuracy(x: Any, y: Any) -> Any:
    return np.mean(np.argmax(x, axis=1) == y)


def top_k_accuracy(x: Any, y: Any) -> Any:
    return np.mean(np.any(np.argsort(-x, axis=1)[:, :3] == y[:, None], axis=1))


def dice(p: Any, t: Any) -> Any:
    p = sigmoid(p)
    return 1 - (2 * np.sum(p * t) + 1) / (np.sum(p) + np.sum(t) + 1)


def graph_convolution(x: Any, a: Any, w: Any) -> Any:
    a = a + np.eye(len(a))
    scale = 1 / np.sqrt(a.sum(1))
    return np.sum(np.maximum(scale[:, None] * a * scale @ x @ w, 0) ** 2)


X, LABELS = normal(6, 5), integers(5, 6)
IMAGE = normal(2, 3, 6, 6)
BOTH = (0, 1)
IDIOMS = {
    "softmax": Idiom(softmax_loss, (X,), (0,), 2),
    "layer norm": Idiom(layer_norm, (X, positive(5), normal(5)), (0, 1, 2), 2),
    "rms norm": Idiom(rms_norm, (X, positive(5)), BOTH),
    "batch norm with running statistics": Idiom(batch_norm, (X, positive(5), normal(5), np.zeros((2, 5)))),
    "mlp": Idiom(mlp, (X, normal(5, 8), normal(8), normal(8, 4), normal(4), integers(4, 6)), (1, 2, 3, 4)),
    "masked attention": Idiom(
        masked_attention, (X, normal(7, 5), normal(7, 3), uniform(6, 7) + np.eye(6, 7) > 0.4), (0, 1, 2)
    ),
    "causal attention": Idiom(causal_attention, (X, normal(6, 5, seed=1), normal(6, 3)), (0, 1, 2)),
    "multi-head attention": Idiom(
        multi_head_attention, (normal(2, 5, 4), *(normal(4, 4, seed=i) for i in range(4))), (0, 1, 2, 3, 4)
    ),
    "rotary embedding": Idiom(rotary, (normal(6, 4),), (0,)),
    "positional encoding": Idiom(positional_encoding, (normal(6, 4), normal(9, 4)), BOTH),
    "rnn": Idiom(rnn, (normal(5, 3), normal(3, 4), normal(4, 4), normal(4)), (1, 2, 3)),
    "lstm": Idiom(lstm, (normal(5, 2, 3), normal(3, 16), normal(4, 16), normal(16)), (1, 2, 3)),
    "gru": Idiom(gru, (normal(5, 3), normal(3, 12), normal(4, 12)), (1, 2)),
    "convolution by windows": Idiom(convolution_by_windows, (IMAGE, normal(4, 3, 3, 3)), BOTH),
    "im2col": Idiom(im2col, (IMAGE, normal(4, 3, 3, 3)), BOTH),
    "convolution by shifts": Idiom(convolution_same, (normal(5, 6), normal(3, 3)), BOTH),
    "max pooling by reshape": Idiom(max_pooling, (IMAGE,), (0,)),
    "average pooling by reshape": Idiom(average_pooling, (IMAGE,), (0,)),
    "label smoothing": Idiom(label_smoothing, (X, LABELS), (0,)),
    "one-hot by writing": Idiom(one_hot_loss, (X, LABELS), (0,)),
    "focal loss": Idiom(focal_loss, (normal(7), integers(2, 7)), (0,)),
    "binary cross entropy": Idiom(binary_cross_entropy, (normal(7), uniform(7)), (0,), 2),
    "hinge": Idiom(hinge, (normal(5), X, np.sign(normal(6))), (0,)),
    "multiclass hinge": Idiom(multiclass_hinge, (X, LABELS), (0,)),
    "huber": Idiom(huber, (2 * normal(7), normal(7, seed=1)), (0,)),
    "triplet": Idiom(triplet, (X, normal(6, 5, seed=1), normal(6, 5, seed=2)), (0, 1, 2)),
    "cosine similarity": Idiom(cosine_similarity, (X, normal(6, 5, seed=1)), BOTH),
    "contrastive loss": Idiom(contrastive, (X, normal(6, 5, seed=1)), BOTH),
    "embedding": Idiom(embedding, (normal(9, 4), integers(9, 5, 3), normal(4, 2)), (0, 2)),
    "gelu": Idiom(gelu, (X,), (0,), 2),
    "activations": Idiom(activations, (X,), (0,)),
    "relu by mask": Idiom(relu_by_mask, (X, normal(5, 3)), BOTH),
    "dropout": Idiom(dropout, (X, normal(5, 4), np.random.default_rng(0))),
    "accuracy": Idiom(accuracy, (X, LABELS)),
    "top-k accuracy": Idiom(top_k_accuracy, (X, LABELS)),
    "dice loss": Idiom(dice, (X, uniform(6, 5)), (0,)),
    "graph convolution": Idiom(graph_convolution, (X, 1.0 * (uniform(6, 6) > 0.6), normal(5, 3)), (0, 2)),
}
