"""Half precision: sums and counts of many elements neither overflow nor stop; results keep the dtype."""

import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert.functions as F
from wengert import compile, grad

N = 70_000  # above 65504, the largest float16
ONES = np.ones(N, np.float16)
X = np.random.default_rng(0).normal(size=N).astype(np.float16)
HALF = np.arange(N) % 2 == 0
WITH_NAN = np.where(np.arange(N) == 5, np.nan, X)
FIRST = np.arange(N) < 3


def ones(a: Any, *shape: int) -> Any:
    return np.ones(shape, a.dtype)


# name: (a function of an array, the array); float64 of the same elements is the reference
GRADIENTS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "mean": (np.mean, X),
    "mean of some": (lambda a: np.mean(a, where=HALF), X),
    "nanmean": (np.nanmean, WITH_NAN),
    "average": (np.average, X),
    "var": (np.var, X),
    "var of some": (lambda a: np.var(a, ddof=1, where=HALF), X),
    "nanvar": (np.nanvar, WITH_NAN),
    "std": (np.std, X),
    "nanstd": (np.nanstd, WITH_NAN),
    "max": (np.max, ONES),
    "min": (np.min, ONES),
    "nanmax": (np.nanmax, ONES),
    "max of some": (lambda a: np.max(a, where=HALF, initial=0), ONES),
    "ptp": (np.ptp, ONES),
    "median": (np.median, X),
    "quantile": (lambda a: np.quantile(a, 0.3), X),
    "quantiles of one": (lambda a: np.sum(np.quantile(a, np.full(3000, 0.5))), X[:1]),
    "sort": (lambda a: np.mean(np.sort(a)), X),
    "norm(inf)": (lambda a: np.linalg.norm(a, np.inf), ONES),
    "norm": (np.linalg.norm, ONES),
    "norm(3)": (lambda a: np.linalg.norm(a, 3), ONES),
    "cumsum": (lambda a: np.mean(np.cumsum(a)), X),
    "broadcast": (lambda a: np.mean(a * ones(a, N, 1)), X[:3]),
    "0-d": (lambda a: np.mean(a * ones(a, N)), X[0]),
    "indices": (lambda a: np.mean(a[np.zeros(N, int)]), X[:3]),
    "take": (lambda a: np.sum(np.take(a, np.zeros(40_000, int))), X[:3]),
    "repeat": (lambda a: np.sum(np.repeat(a, 40_000)), X[:3]),
    "tile": (lambda a: np.sum(np.tile(a, (40_000, 1))), X[:3]),
    "pad": (lambda a: np.sum(np.pad(a, 20_000, mode="edge")), X[:3]),
    "trapezoid": (lambda a: np.trapezoid(ones(a, 40_000) * a), X[0]),
    "softmax": (lambda a: F.softmax(a)[3] * 1000, X),
    "log_softmax": (lambda a: F.log_softmax(a)[3], X),
    "logsumexp": (F.logsumexp, X),
    "mse": (lambda a: F.mse(a, 0.0), X),
    "mae": (lambda a: F.mae(a, 0.0), X),
    "huber": (lambda a: F.huber(a, 0.0), X),
    "sigmoid_cross_entropy": (lambda a: F.sigmoid_cross_entropy(a, ones(a, N)), X),
    "binary_cross_entropy": (lambda a: F.binary_cross_entropy(a, ones(a, N)), np.abs(np.tanh(X))),
    "hinge": (lambda a: F.hinge(a, ones(a, N)), X),
    "kl_div": (lambda a: F.kl_div(a, ones(a, N, 1), reduction="batchmean"), X[:, None]),
    "gaussian_nll": (lambda a: F.gaussian_nll(a, ones(a, N), ones(a, N)), X),
    "softmax_cross_entropy": (lambda a: F.softmax_cross_entropy(a, np.zeros(N // 2, int)), X.reshape(-1, 2)),
    "of many classes": (lambda a: F.softmax_cross_entropy(a[None], np.zeros(1, int), label_smoothing=0.5) * 100, X),
    "nll_loss": (lambda a: F.nll_loss(a, np.zeros(N // 2, int)), X.reshape(-1, 2)),
    "cosine_similarity": (lambda a: F.cosine_similarity(a, ones(a, N)) * 100, X),
    "clip_by_norm": (lambda a: np.sum(F.clip_by_norm(a, 1.0)[:2]), X),
    "average pooling": (lambda a: np.sum(F.adaptive_average_pool1d(a.reshape(1, 1, -1), 1)) * 100, X),
    "max pooling": (
        lambda a: np.sum(F.max_pool1d(a.reshape(1, 1, -1), 3000, 1)),
        np.where(np.arange(6001) == 3000, 2, np.tanh(X[:6001])),
    ),
    "layer_norm": (lambda a: np.sum(F.layer_norm(a)[:3]) * 10, X),
    "batch_norm": (lambda a: np.sum(F.batch_norm(a.reshape(-1, 1))[:3]) * 10, X),
    "linear": (lambda a: np.sum(F.linear(ones(a, N // 2, 1), ones(a, 2, 1), a)), X[:2]),
    "conv1d": (lambda a: np.mean(F.conv1d(ones(a, N // 2, 1, 2), ones(a, 2, 1, 1), a)), X[:2]),
    "embedding": (lambda a: np.sum(F.embedding(np.zeros(40_000, int), a.reshape(3, 1))), X[:3]),
}
VALUES: dict[str, Callable[[Any], Any]] = {
    "softmax": F.softmax,
    "softmax over the first axis": lambda a: F.softmax(a[:, None], 0),
    "log_softmax": F.log_softmax,
    "logsumexp": F.logsumexp,
    "softmax_cross_entropy": lambda a: F.softmax_cross_entropy(a[None], np.zeros(1, int)),
    "mse": lambda a: F.mse(a, 3.0),
    "cosine_similarity": lambda a: F.cosine_similarity(a, a),
    "clip_by_norm": lambda a: F.clip_by_norm(a, 100.0),
    "layer_norm": F.layer_norm,
}


class HalfPrecisionTest(unittest.TestCase):
    def setUp(self) -> None:
        silent = np.errstate(all="ignore")  # NumPy's own sums of half precision overflow
        silent.__enter__()
        self.addCleanup(silent.__exit__, None, None, None)

    def test_gradients(self) -> None:
        for name, (f, x) in GRADIENTS.items():
            with self.subTest(name):
                x = x.astype(np.float16)
                found, right = grad(f)(x), grad(f)(x.astype(np.float64))
                self.assertEqual(found.dtype, np.float16)
                self.assertTrue(np.any(right) or name == "ptp")
                np.testing.assert_allclose(found.astype(float), right, rtol=0.02, atol=1.2e-7)

    def test_values(self) -> None:
        for name, f in VALUES.items():
            for x in (ONES, X):
                with self.subTest(name):
                    found, right = f(x), f(x.astype(np.float64))
                    self.assertEqual(found.dtype, np.float16)
                    np.testing.assert_allclose(found.astype(float), right, rtol=0.01, atol=1.2e-7)

    def test_second_order(self) -> None:
        for f in (np.var, np.std, F.logsumexp, np.linalg.norm):
            with self.subTest(f.__name__):
                g = grad(lambda x: np.sum(grad(f)(x)[FIRST] * 100))  # noqa: B023
                found, right = g(X), g(X.astype(np.float64))
                self.assertEqual(found.dtype, np.float16)
                np.testing.assert_allclose(found.astype(float), right, rtol=0.02, atol=1e-6)

    def test_compiled_as_eager(self) -> None:
        for name in ("mean", "var", "max", "norm(inf)", "softmax", "logsumexp", "mse", "broadcast"):
            f, x = GRADIENTS[name]
            g = grad(f)
            with self.subTest(name), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compiled = compile(g)
                for _ in range(3):
                    found = compiled(x)
                    self.assertEqual(found.dtype, np.float16)
                    np.testing.assert_allclose(found.astype(float), g(x).astype(float), rtol=0.01, atol=1.2e-7)


if __name__ == "__main__":
    unittest.main()
