"""Pooling by maximum and average, fixed and adaptive: PyTorch's numbers, ties, infinities, errors, and the layers."""

import importlib.util
import itertools
import unittest
from typing import Any

import numpy as np

import wengert
from wengert import Variable, check_grad
from wengert import layers as L
from wengert.functions.adaptive_pooling import (
    adaptive_average_pool1d,
    adaptive_average_pool2d,
    adaptive_average_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
)
from wengert.functions.average_pooling import average_pool1d, average_pool2d, average_pool3d
from wengert.functions.max_pooling import max_pool1d, max_pool2d, max_pool3d

HAS_TORCH = importlib.util.find_spec("torch") is not None
MAX = (max_pool1d, max_pool2d, max_pool3d)
AVERAGE = (average_pool1d, average_pool2d, average_pool3d)
ADAPTIVE_MAX = (adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d)
ADAPTIVE_AVERAGE = (adaptive_average_pool1d, adaptive_average_pool2d, adaptive_average_pool3d)


@unittest.skipIf(not HAS_TORCH, "needs torch: pip install torch==2.13.0")
class PyTorchTest(unittest.TestCase):
    def compare(self, ours: Any, theirs: Any, x: Any, settings: dict[str, Any], rename: dict[str, str]) -> None:
        import torch

        v, t = Variable(x), torch.tensor(x, requires_grad=True)
        y, expected = ours(v, **settings), theirs(t, **{rename.get(k, k): s for k, s in settings.items()})
        self.assertEqual((y.shape, y.dtype), (tuple(expected.shape), x.dtype))
        gy = np.random.default_rng(1).standard_normal(y.shape).astype(x.dtype)
        np.sum(y * gy).backward()
        expected.backward(torch.tensor(gy))
        tolerance = 1e-12 if x.dtype == np.float64 else 1e-5
        for found, wanted in (
            (y.data, expected.detach().numpy()),
            (ours(x, **settings), expected.detach().numpy()),
            (v.grad, t.grad.numpy()),
        ):
            self.assertEqual(found.dtype, x.dtype)
            np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
        fast = v.grad.copy()
        v.cleargrad()
        np.sum(ours(v, **settings) * gy).backward(create_graph=True)  # the gradient of the definition
        np.testing.assert_allclose(v.grad.data, fast, rtol=tolerance, atol=tolerance)

    def inputs(self, ndim: int) -> list[Any]:
        x = np.random.default_rng(ndim).standard_normal((2, 2, *(8, 7, 6)[:ndim]))
        return [x, np.round(np.maximum(x, 0)).astype(np.float32)]  # the second is full of ties

    def test_windows(self) -> None:
        import torch.nn.functional as reference

        for ndim in (1, 2, 3):
            kernels = (1, 2, 3, (2, 3, 1)[:ndim])
            strides = (None, 1, (3, 1, 2)[:ndim])
            for x, kernel, stride, padding, ceil in itertools.product(
                self.inputs(ndim), kernels, strides, (0, 1), (False, True)
            ):
                if padding and np.min(kernel) < 2:
                    continue
                settings = {"kernel": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil}
                names = {"kernel": "kernel_size"}
                with self.subTest(ndim=ndim, dtype=x.dtype, **settings):
                    self.compare(MAX[ndim - 1], getattr(reference, f"max_pool{ndim}d"), x, settings, names)
                    if kernel != 1:
                        dilated = {**settings, "dilation": 2}
                        self.compare(MAX[ndim - 1], getattr(reference, f"max_pool{ndim}d"), x, dilated, names)
                    for counted in (True, False):
                        average = {**settings, "stride": stride or kernel, "count_include_pad": counted}
                        self.compare(AVERAGE[ndim - 1], getattr(reference, f"avg_pool{ndim}d"), x, average, names)

    def test_adaptive(self) -> None:
        import torch.nn.functional as reference

        for ndim in (1, 2, 3):
            for x, size in itertools.product(self.inputs(ndim), (1, 2, 3, 5, 9, (2, None, 3)[:ndim])):
                with self.subTest(ndim=ndim, dtype=x.dtype, size=size):
                    settings, names = {"size": size}, {"size": "output_size"}
                    for ours, theirs in (
                        (ADAPTIVE_MAX[ndim - 1], getattr(reference, f"adaptive_max_pool{ndim}d")),
                        (ADAPTIVE_AVERAGE[ndim - 1], getattr(reference, f"adaptive_avg_pool{ndim}d")),
                    ):
                        self.compare(ours, theirs, x, settings, names)


class MaximumTest(unittest.TestCase):
    def test_the_first_of_equals_has_the_gradient(self) -> None:
        x = np.zeros((1, 1, 4, 4))
        x[0, 0, 0, 1] = x[0, 0, 1, 0] = 1.0  # the order is that of rows
        v = Variable(x)
        max_pool2d(v, 2).backward()
        expected = np.zeros((4, 4))
        expected[0, 1] = expected[0, 2] = expected[2, 0] = expected[2, 2] = 1
        np.testing.assert_array_equal(v.grad[0, 0], expected)

    def test_infinite_gradients_leave_the_others_alone(self) -> None:
        for dtype in (np.float16, np.float32, np.float64, np.longdouble):
            v = Variable(np.array([[[1.0, 3.0, 2.0, 5.0]]], dtype))
            (max_pool1d(v, 2) * np.array([2, 1], dtype)).backward()
            np.testing.assert_array_equal(v.grad, [[[0, 2, 0, 1]]])
            if dtype is not np.longdouble:
                v.cleargrad()
                y = max_pool1d(v, 2)
                y.creator.backward(np.array([[[np.inf, 1]]], dtype))
                np.testing.assert_array_equal(
                    y.creator.backward(np.array([[[np.inf, 1]]], dtype))[0], [[[0, np.inf, 0, 1]]]
                )

    def test_not_a_number_and_infinity(self) -> None:
        x = np.array([[[np.nan, 1.0, 2.0, np.nan, -np.inf, -np.inf]]])
        for y in (max_pool1d(x, 2), max_pool1d(Variable(x), 2).data):
            np.testing.assert_array_equal(y, [[[np.nan, np.nan, -np.inf]]])
        for y in (max_pool1d(x, 3, 1, 1), max_pool1d(Variable(x), 3, 1, 1).data):
            np.testing.assert_array_equal(y, [[[np.nan, np.nan, np.nan, np.nan, np.nan, -np.inf]]])

    def test_integers_and_booleans_of_plain_arrays(self) -> None:
        x = np.array([[[-7, -3, -5]]])
        np.testing.assert_array_equal(max_pool1d(x, 2, 1, 1), [[[-7, -3, -3, -5]]])
        self.assertEqual(max_pool1d(x > -4, 3).dtype, bool)
        self.assertEqual(average_pool1d(x, 3).dtype, np.float64)

    def test_result_is_no_view_of_the_input(self) -> None:
        x = Variable(np.arange(3.0).reshape(1, 1, 3))
        for f in (max_pool1d, average_pool1d):
            for settings in ({"kernel": 1}, {"kernel": 1, "stride": 2}):
                self.assertFalse(np.may_share_memory(f(x, **settings).data, x.data))
        x.data[...] = 1.0

    def test_no_grad(self) -> None:
        x = np.random.default_rng(0).standard_normal((2, 3, 5, 5))
        with wengert.no_grad():
            y = max_pool2d(Variable(x), 3, 2, 1)
        np.testing.assert_array_equal(y.data, max_pool2d(x, 3, 2, 1))


class HalfPrecisionTest(unittest.TestCase):
    def test_averages_of_sums_beyond_it(self) -> None:
        x = np.random.default_rng(0).uniform(900, 1100, (2, 3, 30, 300)).astype(np.float16)
        for kernel in ((15, 10), (30, 300)):
            v = Variable(x)
            y = average_pool2d(v, kernel)
            for each in (y.data, average_pool2d(x, kernel)):
                self.assertEqual(each.dtype, np.float16)
                exact = average_pool2d(x.astype(np.float64), kernel)
                np.testing.assert_allclose(each.astype(np.float64), exact, rtol=1e-3)
            y.backward()
            share = 1 / (kernel[0] * kernel[1])
            np.testing.assert_allclose(v.grad.astype(float), np.full(x.shape, share), rtol=1e-3)


class AdaptiveTest(unittest.TestCase):
    def test_second_order(self) -> None:
        x = np.random.default_rng(0).permutation(np.linspace(-1, 1, 70)).reshape(1, 2, 5, 7)
        check_grad(lambda x: adaptive_average_pool2d(x, (2, 3)), x)
        check_grad(lambda x: adaptive_max_pool2d(x, (2, 3)), x)

    def test_empty_batch(self) -> None:
        x = Variable(np.ones((0, 2, 5, 7), np.float32))
        for f in (adaptive_average_pool2d, adaptive_max_pool2d):
            for size in (1, 2, None):
                y = f(x, size)
                np.sum(y).backward()
                self.assertEqual((y.shape[:2], x.grad.shape), ((0, 2), x.shape))


class ErrorTest(unittest.TestCase):
    def check(self, message: str, f: Any, x: Any, *args: Any, kind: Any = ValueError, **kw: Any) -> None:
        for wrap in (np.asarray, Variable):
            with self.subTest(message, wrap=wrap.__name__), self.assertRaisesRegex(kind, message):
                f(wrap(x), *args, **kw)

    def test_windows(self) -> None:
        x = np.ones((1, 2, 5, 5))
        for f in (max_pool2d, average_pool2d):
            name = f.__name__
            self.check(rf"{name} takes an input of 4 axes.*\(2, 5, 5\).*newaxis", f, x[0], 2)
            self.check(rf"kernel of {name} must fit.*\(6, 6\).*\(5, 5\)", f, x, 6)
            self.check(rf"kernel of {name} must fit", f, np.ones((1, 2, 0, 5)), 1)
            self.check(rf"kernel size of {name} must be an integer of at least 1, .*but got int 0", f, x, 0)
            self.check(rf"stride of {name} must be an integer of at least 1, .*but got int 0", f, x, 2, 0)
            self.check(rf"padding of {name} must be an integer of at least 0, .*but got int -1", f, x, 2, 1, -1)
            self.check(r"at most half of its kernel.*padding 2 for a kernel of \(3, 3\)", f, x, 3, 1, 2)
            self.check(rf"padding of {name} must be integers, but got str", f, x, 2, 1, "same", kind=TypeError)
            self.check(rf"kernel size of {name} must be an integer .*2.5", f, x, 2.5, kind=TypeError)
            self.check(rf"{name} takes real numbers", f, x + 0j, 2, kind=TypeError)

    def test_adaptive(self) -> None:
        x = np.ones((1, 2, 5, 5))
        for f in (adaptive_max_pool2d, adaptive_average_pool2d):
            name = f.__name__
            self.check(rf"size of {name} must be an integer of at least 1, .*but got int 0", f, x, 0)
            self.check(rf"size of {name} must be .*a tuple of 2 of them, but got \(1, 2, 3\)", f, x, (1, 2, 3))
            self.check(rf"size of {name} must be an integer .*'a'", f, x, "a", kind=TypeError)
            self.check(rf"{name} takes an input of 4 axes", f, x[0], 1)
            self.check(rf"{name} takes an input with elements", f, x[:, :, :0], 1)


class TruthTest(unittest.TestCase):
    def test_a_truth_is_no_number(self) -> None:
        for make in (
            lambda: L.MaxPool2d(True),
            lambda: L.Conv2d(3, 4, 3, stride=True),
            lambda: L.AdaptiveMaxPool1d(True),
        ):
            with self.assertRaisesRegex(TypeError, "must be an integer .*but got .*True"):
                make()


class LayerTest(unittest.TestCase):
    def test_each_calls_its_function(self) -> None:
        for ndim, sizes in ((1, (8,)), (2, (8, 7)), (3, (8, 7, 6))):
            x = np.random.default_rng(0).standard_normal((2, 2, *sizes)).astype(np.float32)
            for layer, y in (
                (getattr(L, f"MaxPool{ndim}d")(3, 2, 1), MAX[ndim - 1](x, 3, 2, 1)),
                (getattr(L, f"MaxPool{ndim}d")(2, dilation=2, ceil_mode=True), MAX[ndim - 1](x, 2, None, 0, 2, True)),
                (getattr(L, f"AveragePool{ndim}d")(2), AVERAGE[ndim - 1](x, 2)),
                (
                    getattr(L, f"AveragePool{ndim}d")(3, 2, 1, ceil_mode=True, count_include_pad=False),
                    AVERAGE[ndim - 1](x, 3, 2, 1, True, False),
                ),
                (getattr(L, f"AdaptiveMaxPool{ndim}d")(3), ADAPTIVE_MAX[ndim - 1](x, 3)),
                (getattr(L, f"AdaptiveAveragePool{ndim}d")(1), ADAPTIVE_AVERAGE[ndim - 1](x, 1)),
            ):
                with self.subTest(layer.label()):
                    found = layer(Variable(x))
                    self.assertEqual(found.dtype, np.float32)
                    np.testing.assert_allclose(found.data, y, rtol=1e-6, atol=1e-6)
                    self.assertEqual(layer.multiply_adds(x, y), 0)
                    self.assertEqual(layer.params(), {})

    def test_labels(self) -> None:
        self.assertEqual(repr(L.MaxPool2d(2)), "MaxPool2d(kernel=2, padding=0)")
        self.assertEqual(
            repr(L.AveragePool1d(3, 2, 1, ceil_mode=True)),
            "AveragePool1d(kernel=3, stride=2, padding=1, ceil_mode=True)",
        )
        self.assertEqual(repr(L.AdaptiveAveragePool2d((1, None))), "AdaptiveAveragePool2d(size=(1, None))")

    def test_errors(self) -> None:
        with self.assertRaisesRegex(ValueError, "kernel of MaxPool2d must be an integer of at least 1"):
            L.MaxPool2d(0)
        with self.assertRaisesRegex(ValueError, "stride of AveragePool1d must be an integer of at least 1"):
            L.AveragePool1d(2, 0)
        with self.assertRaisesRegex(TypeError, "size of AdaptiveMaxPool1d must be an integer"):
            L.AdaptiveMaxPool1d(1.5)
        with self.assertRaisesRegex(ValueError, "must fit") as caught:
            L.MaxPool2d(2)(np.ones((1, 1, 1, 5)))
        self.assertEqual(caught.exception.__notes__, ["in MaxPool2d(kernel=2, padding=0)"])


if __name__ == "__main__":
    unittest.main()
