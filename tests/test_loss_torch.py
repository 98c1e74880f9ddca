"""Losses beside PyTorch's."""

import importlib.util
import unittest
import warnings
from typing import Any

import numpy as np

from tests.loss_cases import IMAGES, LABELS, RNG, WEIGHT, P, Q, T, Y, gradients
from wengert.functions.binary_loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    sigmoid_cross_entropy,
)
from wengert.functions.classification_loss import nll_loss, softmax_cross_entropy
from wengert.functions.exponential_sums import log_softmax, softmax
from wengert.functions.regression_loss import gaussian_nll, huber, kl_div, mae, mse
from wengert.functions.similarity import cosine_embedding_loss, cosine_similarity

HAS_TORCH = importlib.util.find_spec("torch") is not None


REDUCTIONS = ("mean", "sum", "none")


REAL = RNG.normal(size=(6, 4))


@unittest.skipUnless(HAS_TORCH, "needs torch: pip install torch==2.13.0")
class PyTorchTest(unittest.TestCase):
    """Values and gradients are PyTorch's."""

    def assert_same(self, ours: Any, theirs: Any, *args: Any) -> None:
        import torch

        for dtype, tolerance in ((np.float64, 1e-10), (np.float32, 1e-5)):
            xs = [a.astype(dtype) for a in args]
            value, found = gradients(ours, *xs)
            tensors = [torch.tensor(x, requires_grad=True) for x in xs]
            expected = theirs(*tensors)
            expected.backward(torch.arange(1, expected.numel() + 1, dtype=expected.dtype).reshape(expected.shape))
            self.assertEqual(value.dtype, dtype)
            np.testing.assert_allclose(value, expected.detach().numpy(), rtol=tolerance, atol=tolerance)
            for gx, x in zip(found, tensors, strict=True):
                self.assertEqual(gx.dtype, dtype)
                np.testing.assert_allclose(gx, x.grad.numpy(), rtol=tolerance, atol=tolerance)

    def test_softmax_cross_entropy_of_indices(self) -> None:
        import torch
        from torch.nn import functional

        for reduction in REDUCTIONS:
            for smoothing in (0.0, 0.1, 1.0):
                for ignored in (None, 1):
                    for weight in (None, WEIGHT):
                        with self.subTest(reduction=reduction, smoothing=smoothing, ignored=ignored, weight=weight):
                            options: Any = {"reduction": reduction, "label_smoothing": smoothing}
                            for y, t, axis in ((Y, T, -1), (IMAGES, LABELS, 1)):
                                self.assert_same(
                                    lambda y, t=t, axis=axis, weight=weight, ignored=ignored, options=options: (
                                        softmax_cross_entropy(
                                            y, t, weight=weight, ignore_index=ignored, axis=axis, **options
                                        )
                                    ),
                                    lambda y, t=t, weight=weight, ignored=ignored, options=options: (
                                        functional.cross_entropy(
                                            y,
                                            torch.tensor(t),
                                            weight=None if weight is None else torch.tensor(weight, dtype=y.dtype),
                                            ignore_index=-100 if ignored is None else ignored,
                                            **options,
                                        )
                                    ),
                                    y,
                                )

    def test_softmax_cross_entropy_of_probabilities(self) -> None:
        import torch
        from torch.nn import functional

        images = softmax(RNG.normal(size=IMAGES.shape), 1)
        for reduction in REDUCTIONS:
            for smoothing in (0.0, 0.3):
                for weight in (None, WEIGHT):
                    for y, q, axis in ((Y, Q, -1), (IMAGES, images, 1)):
                        with self.subTest(reduction=reduction, smoothing=smoothing, weight=weight, axis=axis):
                            options: Any = {"reduction": reduction, "label_smoothing": smoothing}
                            self.assert_same(
                                lambda y, q, axis=axis, weight=weight, options=options: softmax_cross_entropy(
                                    y, q, weight=weight, axis=axis, **options
                                ),
                                lambda y, q, weight=weight, options=options: functional.cross_entropy(
                                    y, q, None if weight is None else torch.tensor(weight, dtype=y.dtype), **options
                                ),
                                y,
                                q,
                            )

    def test_nll_loss(self) -> None:
        import torch
        from torch.nn import functional

        for reduction in REDUCTIONS:
            for ignored in (None, 1):
                for weight in (None, WEIGHT):
                    with self.subTest(reduction=reduction, ignored=ignored, weight=weight):
                        self.assert_same(
                            lambda y, w=weight, i=ignored, r=reduction: nll_loss(
                                y, LABELS, weight=w, ignore_index=i, reduction=r, axis=1
                            ),
                            lambda y, w=weight, i=ignored, r=reduction: functional.nll_loss(
                                y,
                                torch.tensor(LABELS),
                                None if w is None else torch.tensor(w, dtype=y.dtype),
                                ignore_index=-100 if i is None else i,
                                reduction=r,
                            ),
                            log_softmax(IMAGES, 1),
                        )

    def test_elementwise(self) -> None:
        from torch.nn import functional

        scores, variances = 5 * REAL, 2 * P
        # a warning of PyTorch's about its own kl_div
        self.enterContext(warnings.catch_warnings())
        warnings.filterwarnings("ignore", "reduction: 'mean' divides")
        for r in REDUCTIONS:
            for name, ours, theirs, args in (
                ("mse", mse, functional.mse_loss, (Y, REAL)),
                ("mae", mae, functional.l1_loss, (Y, REAL)),
                ("huber", huber, functional.huber_loss, (2 * Y, REAL)),
                (
                    "smooth_l1",
                    lambda y, t, reduction: huber(y, t, delta=0.5, reduction=reduction) / 0.5,
                    lambda y, t, reduction: functional.smooth_l1_loss(y, t, beta=0.5, reduction=reduction),
                    (2 * Y, REAL),
                ),
                ("bce", binary_cross_entropy, functional.binary_cross_entropy, (P, Q)),
                ("logits", sigmoid_cross_entropy, functional.binary_cross_entropy_with_logits, (scores, Q)),
                (
                    "gaussian",
                    gaussian_nll,
                    lambda y, t, v, reduction: functional.gaussian_nll_loss(y, t, v, reduction=reduction),
                    (Y, REAL, variances),
                ),
                (
                    "gaussian, full",
                    lambda y, t, v, reduction: gaussian_nll(y, t, v, full=True, epsilon=0.5, reduction=reduction),
                    lambda y, t, v, reduction: functional.gaussian_nll_loss(
                        y, t, v, full=True, eps=0.5, reduction=reduction
                    ),
                    (Y, REAL, variances),
                ),
                ("kl", kl_div, functional.kl_div, (log_softmax(Y), Q)),
                (
                    "kl of logarithms",
                    lambda p, q, reduction: kl_div(p, q, log_target=True, reduction=reduction),
                    lambda p, q, reduction: functional.kl_div(p, q, log_target=True, reduction=reduction),
                    (log_softmax(Y), np.log(Q)),
                ),
            ):  # fmt: skip
                with self.subTest(name, reduction=r):
                    self.assert_same(
                        lambda *a, ours=ours, r=r: ours(*a, reduction=r),
                        lambda *a, theirs=theirs, r=r: theirs(*a, reduction=r),
                        *args,
                    )

    def test_kl_div_batchmean(self) -> None:
        from torch.nn import functional

        self.assert_same(
            lambda p, q: kl_div(p, q, reduction="batchmean"),
            lambda p, q: functional.kl_div(p, q, reduction="batchmean"),
            log_softmax(Y),
            Q,
        )

    def test_binary_weights(self) -> None:
        from torch.nn import functional

        for r in REDUCTIONS:
            with self.subTest(r):
                self.assert_same(
                    lambda y, t, r=r: binary_cross_entropy_with_logits(
                        y, t, weight=WEIGHT, pos_weight=WEIGHT[::-1], reduction=r
                    ),
                    lambda y, t, r=r: functional.binary_cross_entropy_with_logits(
                        y, t, weight=_tensor(WEIGHT, y), pos_weight=_tensor(WEIGHT[::-1], y), reduction=r
                    ),
                    3 * Y,
                    Q,
                )
                self.assert_same(
                    lambda p, t, r=r: binary_cross_entropy(p, t, weight=WEIGHT, reduction=r),
                    lambda p, t, r=r: functional.binary_cross_entropy(p, t, weight=_tensor(WEIGHT, p), reduction=r),
                    P,
                    Q,
                )

    def test_cosines(self) -> None:
        import torch
        from torch.nn import functional

        signs = np.array([1, -1, -1, 1, -1, -1])
        zero = np.where(np.arange(6)[:, None] == 2, 0, Y)
        for axis in (0, -1):
            self.assert_same(
                lambda a, b, axis=axis: cosine_similarity(a, b, axis),
                lambda a, b, axis=axis: functional.cosine_similarity(a, b, axis),
                Y,
                REAL,
            )
        self.assert_same(
            lambda a: cosine_similarity(a, REAL.astype(a.dtype), epsilon=1e-3),
            lambda a: functional.cosine_similarity(a, _tensor(REAL, a), -1, 1e-3),
            zero,
        )
        for r in REDUCTIONS:
            self.assert_same(
                lambda a, b, r=r: cosine_embedding_loss(a, b, signs, margin=0.2, reduction=r),
                lambda a, b, r=r: functional.cosine_embedding_loss(a, b, torch.tensor(signs), margin=0.2, reduction=r),
                Y,
                REAL,
            )


def _tensor(a: Any, like: Any) -> Any:
    import torch

    return torch.tensor(a.copy(), dtype=like.dtype)
