"""Convolution and pooling in plans: they agree with the eager functions, and call no Python."""

import unittest
import warnings
from typing import Any

import numpy as np

import wengert
from tests.installed import needs_llvm
from wengert import Variable
from wengert.compiler.compiled import compile
from wengert.compiler.targets.cpu.runner import interpreted
from wengert.functions import (
    adaptive_average_pool2d,
    average_pool1d,
    average_pool2d,
    average_pool3d,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    relu,
    softmax_cross_entropy,
)
from wengert.layers import Conv2d, Flatten, Linear, MaxPool2d, Sequential
from wengert.optimizers import Adam

# (function, shape of the input, shape of the weight, settings)
CONVOLUTIONS: list[tuple[Any, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    (conv2d, (5, 1, 28, 28), (16, 1, 3, 3), {}),
    (conv2d, (3, 16, 13, 13), (32, 16, 3, 3), {}),
    (conv2d, (3, 5, 9, 12), (7, 5, 3, 2), {"padding": (1, 0)}),
    (conv2d, (9, 3, 4, 4), (10, 3, 3, 3), {"padding": 1}),
    (conv2d, (2, 3, 17, 15), (6, 3, 3, 3), {"stride": 2, "padding": 1}),
    (conv2d, (2, 2, 14, 11), (3, 2, 2, 3), {"stride": (3, 2), "dilation": (2, 1), "padding": 2}),
    (conv2d, (2, 4, 10, 9), (6, 2, 3, 3), {"groups": 2, "padding": "same"}),
    (conv2d, (3, 6, 9, 21), (6, 1, 3, 3), {"groups": 6, "padding": 1}),
    (conv2d, (2, 3, 6, 6), (4, 3, 1, 1), {"stride": 3}),
    (conv2d, (1, 3, 20, 20), (37, 3, 7, 7), {"stride": 2, "padding": 3}),
    (conv2d, (2, 3, 6, 6), (4, 3, 6, 6), {}),
    (conv2d, (2, 20, 5, 30), (40, 20, 1, 1), {}),
    (conv1d, (4, 3, 50), (8, 3, 5), {"padding": 2}),
    (conv1d, (4, 2, 7), (3, 2, 2), {"stride": 5}),
    (conv3d, (2, 2, 5, 6, 7), (3, 2, 2, 3, 2), {"stride": (1, 2, 1), "padding": 1}),
    (conv_transpose1d, (2, 3, 9), (3, 4, 4), {"stride": 2, "padding": 1}),
    (conv_transpose2d, (2, 4, 6, 7), (4, 5, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    (conv_transpose2d, (2, 4, 5, 5), (4, 3, 2, 2), {"groups": 2, "dilation": 2}),
    (conv_transpose3d, (1, 2, 3, 3, 4), (2, 3, 2, 2, 2), {"stride": 2}),
]
# (function, shape of the input, settings)
POOLINGS: list[tuple[Any, tuple[int, ...], dict[str, Any]]] = [
    (max_pool2d, (3, 4, 26, 26), {"kernel": 2}),
    (max_pool2d, (3, 4, 11, 11), {"kernel": 2}),
    (max_pool2d, (2, 3, 15, 20), {"kernel": 3, "stride": 2, "padding": 1}),
    (max_pool2d, (2, 3, 15, 20), {"kernel": (3, 2), "stride": 1, "dilation": (2, 3)}),
    (max_pool2d, (2, 3, 13, 14), {"kernel": 3, "stride": 4, "ceil_mode": True}),
    (max_pool2d, (2, 2, 12, 35), {"kernel": (1, 3)}),
    (max_pool1d, (2, 3, 33), {"kernel": 4, "padding": 2}),
    (max_pool3d, (2, 2, 5, 6, 9), {"kernel": 2}),
    (average_pool2d, (2, 3, 13, 14), {"kernel": 2}),
    (average_pool2d, (2, 3, 13, 14), {"kernel": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
    (average_pool2d, (2, 3, 7, 6), {"kernel": (7, 6)}),
    (average_pool1d, (2, 3, 19), {"kernel": 4, "stride": 3, "ceil_mode": True}),
    (average_pool3d, (2, 2, 5, 6, 7), {"kernel": (2, 3, 2), "padding": (1, 1, 1)}),
]


class ConvolutionCase(unittest.TestCase):
    def setUp(self) -> None:
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("error")
        self.random = np.random.default_rng(7)
        self.plans: list[Any] = []

    def numbers(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self.random.standard_normal(shape).astype(dtype)

    def native(self, graph: Any) -> Any:
        from wengert.compiler.targets.cpu.program import Plan

        self.plans.append(Plan(graph, threads=len(self.plans) % 2 + 1))
        return self.plans[-1].run

    def calls(self) -> list[str]:
        """The calls of Python in the plans."""
        return [str(line) for plan in self.plans for line in plan.descriptions if line.kind == "call"]

    def compare(self, f: Any, *calls: tuple[Any, ...], runner: Any = None) -> None:
        """Compare the results of a function, compiled, with its own, on several calls."""
        c = compile(f, runner=self.native if runner is None else runner)
        for args in calls:
            for found, wanted in zip(c(*args), f(*args), strict=True):
                self.assertEqual((found.shape, found.dtype), (wanted.shape, wanted.dtype))
                bound = 2e-4 if wanted.dtype == np.float32 else 1e-10
                scale = max(1.0, float(np.max(np.abs(wanted), initial=0, where=np.isfinite(wanted))))
                np.testing.assert_allclose(found, wanted, rtol=0, atol=bound * scale)
        self.assertIsNone(c.given_up)
        self.assertTrue(any(p.confirmed for p in c.plans), "no plan was used")
        self.assertEqual(self.calls(), [])


def with_gradients(f: Any, *values: Any, which: Any = None) -> tuple[Any, ...]:
    """The result of a function, and the gradients of a weighted sum of it."""
    chosen = (True,) * len(values) if which is None else which
    given = [Variable(v) if c else v for v, c in zip(values, chosen, strict=True)]
    y = f(*given)
    scale = np.linspace(-1, 1, y.size).reshape(y.shape).astype(y.dtype)
    np.sum(y * scale).backward()
    return (y.data, *(v.grad for v in given if isinstance(v, Variable)))


class TestConvolution(ConvolutionCase):
    def each(self, runner: Any, every: int) -> None:
        for i, (function, shape, weight, settings) in enumerate(CONVOLUTIONS[::every]):
            dtype = (np.float32, np.float64)[i % 2]
            outputs = weight[0] if "transpose" not in function.__name__ else weight[1] * settings.get("groups", 1)
            with self.subTest(function=function.__name__, shape=shape, weight=weight, **settings):

                def f(x: Any, w: Any, b: Any, function: Any = function, settings: Any = settings) -> Any:
                    return with_gradients(lambda x, w, b: function(x, w, b, **settings), x, w, b)

                calls = [
                    (self.numbers(shape, dtype), self.numbers(weight, dtype), self.numbers((outputs,), dtype))
                    for _ in range(3)
                ]
                self.compare(f, *calls, runner=runner)

    def test_interpreted(self) -> None:
        self.each(interpreted, 2)

    @needs_llvm
    def test_native(self) -> None:
        self.each(None, 1)

    @needs_llvm
    def test_other_dtype_of_each_case(self) -> None:
        for function, shape, weight, settings in (CONVOLUTIONS[1], CONVOLUTIONS[4], CONVOLUTIONS[7]):
            for dtype in (np.float32, np.float64):
                x, w = self.numbers(shape, dtype), self.numbers(weight, dtype)

                def f(x: Any, w: Any, function: Any = function, settings: Any = settings) -> Any:
                    return with_gradients(lambda x, w: function(x, w, **settings), x, w)

                self.compare(f, *[(x, w)] * 3)

    @needs_llvm
    def test_no_bias_and_inputs_without_gradient(self) -> None:
        x, w, b = (self.numbers(s, np.float32) for s in ((2, 3, 8, 9), (5, 3, 3, 3), (5,)))
        for which in ((False, True, True), (True, False, False), (False, False, True), (False, True, False)):

            def f(x: Any, w: Any, b: Any, which: Any = which) -> Any:
                return with_gradients(conv2d, x, w, b, which=which)

            self.compare(f, *[(x, w, b)] * 3)
            names = "\n".join(str(line) for line in self.plans[-1].descriptions)
            self.assertEqual("input gradient" in names, which[0])
            self.assertEqual("weight gradient" in names, which[1])
        self.compare(lambda x, w: with_gradients(conv2d, x, w), *[(x, w)] * 3)
        self.compare(lambda x, w: (conv2d(x, w),), *[(x, w)] * 3)

    @needs_llvm
    def test_batches_of_other_sizes(self) -> None:
        w, b = self.numbers((6, 2, 3, 3), np.float32), self.numbers((6,), np.float32)
        batches = [self.numbers((n, 2, 5, 5), np.float32) for n in (4, 4, 7, 7, 1, 1, 4, 13, 13)]
        self.compare(lambda x: with_gradients(lambda *a: max_pool2d(conv2d(*a), 2), x, w, b), *[(x,) for x in batches])

    @needs_llvm
    def test_mixed_dtypes_and_views(self) -> None:
        x, w = self.numbers((2, 9, 8, 3), np.float32), self.numbers((4, 3, 3, 3), np.float64)
        self.compare(lambda x, w: with_gradients(lambda x, w: conv2d(np.moveaxis(x, 3, 1), w), x, w), *[(x, w)] * 3)
        whole = np.arange(2 * 3 * 8 * 9).reshape(2, 3, 8, 9)
        self.compare(lambda w: with_gradients(lambda w: conv2d(whole, w), w), *[(w,)] * 3)

    @needs_llvm
    def test_not_a_number(self) -> None:
        for value in (np.nan, np.inf):
            x, w = self.numbers((3, 2, 9, 9), np.float64), self.numbers((5, 2, 3, 3), np.float64)
            finite = x.copy()
            x[1, 0, 4, 4] = value
            x[2, 1, 0, 8] = value
            self.compare_masks(lambda x, w: (conv2d(Variable(x), w).data,), x, w)
            gy = self.numbers((3, 5, 7, 7), np.float64)
            gy[0, 3, 2, 2] = value

            def f(x: Any, w: Any, gy: Any) -> Any:
                x, w = Variable(x), Variable(w)
                np.sum(conv2d(x, w) * gy).backward()
                return x.grad, w.grad

            self.compare_masks(f, finite, w, gy)

    def compare_masks(self, f: Any, *args: Any) -> None:
        """Compare where the results of a function, compiled, are finite."""
        c = compile(f, runner=self.native)
        for _ in range(3):
            with np.errstate(all="ignore"):
                wanted = f(*args)
            for a, b in zip(c(*args), wanted, strict=True):
                np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))

    @needs_llvm
    def test_gradient_of_a_gradient(self) -> None:
        x, w = self.numbers((2, 2, 6, 6), np.float64), self.numbers((3, 2, 3, 3), np.float64)

        def f(x: Any, w: Any) -> Any:
            x, w = Variable(x), Variable(w)
            np.sum(conv2d(x, w) ** 3).backward(create_graph=True)
            gx = x.grad
            x.cleargrad()
            w.cleargrad()
            np.sum(gx**2).backward()
            return x.grad, w.grad

        c = compile(f)
        for _ in range(3):
            for found, wanted in zip(c(x, w), f(x, w), strict=True):
                np.testing.assert_allclose(found, wanted, rtol=1e-9)

    @needs_llvm
    def test_sums_do_not_depend_on_threads(self) -> None:
        from wengert.compiler.targets.cpu.program import Plan

        x, w = self.numbers((37, 3, 12, 12), np.float32), self.numbers((9, 3, 3, 3), np.float32)
        found = []
        for threads in (1, 2):
            c = compile(
                lambda w: with_gradients(conv2d, x, w, which=(False, True))[1],
                runner=lambda graph, threads=threads: Plan(graph, threads=threads).run,
            )
            c(w)
            c(w)
            found.append(c(w))
        np.testing.assert_array_equal(*found)


class TestPooling(ConvolutionCase):
    def each(self, runner: Any, every: int) -> None:
        for i, (function, shape, settings) in enumerate(POOLINGS[::every]):
            dtype = (np.float32, np.float64)[i % 2]
            with self.subTest(function=function.__name__, shape=shape, **settings):

                def f(x: Any, function: Any = function, settings: Any = settings) -> Any:
                    return with_gradients(lambda x: function(relu(x), **settings), x)  # (with equal elements)

                self.compare(f, *[(self.numbers(shape, dtype),) for _ in range(3)], runner=runner)

    def test_interpreted(self) -> None:
        self.each(interpreted, 2)

    @needs_llvm
    def test_native(self) -> None:
        self.each(None, 1)

    @needs_llvm
    def test_adaptive(self) -> None:
        x = self.numbers((2, 3, 8, 9), np.float32)
        self.compare(lambda x: with_gradients(lambda x: adaptive_average_pool2d(x, 1), x), *[(x,)] * 3)
        self.compare(lambda x: with_gradients(lambda x: adaptive_average_pool2d(x, (4, 3)), x), *[(x,)] * 3)

    @needs_llvm
    def test_not_a_number(self) -> None:
        x = self.numbers((2, 2, 9, 12), np.float64)
        x[0, 1, 3, 3] = x[1, 0, 0, 0] = x[1, 1, 8, 11] = np.nan
        x[0, 0, :2, :2] = -np.inf
        for settings in ({"kernel": 2}, {"kernel": 3, "stride": 2, "padding": 1}):

            def f(x: Any, settings: Any = settings) -> Any:
                return with_gradients(lambda x: max_pool2d(x, **settings), x)

            self.compare(f, *[(x,)] * 3)

    @needs_llvm
    def test_others_stay_calls(self) -> None:
        for x, kernel in ((self.numbers((2, 3, 8, 8), np.float16), 2), (self.numbers((1, 2, 20, 20), np.float32), 20)):

            def f(x: Any, kernel: int = kernel) -> Any:
                return with_gradients(lambda x: max_pool2d(x, kernel), x)

            self.plans = []
            c = compile(f, runner=self.native)
            for _ in range(3):
                for found, wanted in zip(c(x), f(x), strict=True):
                    np.testing.assert_array_equal(found, wanted)
            self.assertEqual(len(self.calls()), 3)  # forward, backward, and the gradients of that


@needs_llvm
class TestFusedRelu(ConvolutionCase):
    """A relu after a convolution, and its mask after the gradient of a pooling, are fused into these kernels."""

    def names(self) -> list[str]:
        return [line for plan in self.plans for line in str(plan).splitlines() if "of 2x2" in line or "+ bias" in line]

    def gradients(self, f: Any, x: Any) -> None:
        w, b = self.numbers((5, 2, 3, 3), x.dtype), self.numbers((5,), x.dtype)
        self.compare(lambda x, w, b: with_gradients(f, x, w, b), *[(x, w, b)] * 3)

    def test_it_is_fused(self) -> None:
        for dtype in (np.float32, np.float64):
            self.plans = []
            self.gradients(lambda x, w, b: max_pool2d(relu(conv2d(x, w, b)), 2), self.numbers((3, 2, 11, 13), dtype))
            self.assertEqual(sum("relu" in name for name in self.names()), 2, self.names())

    def test_overlapping_windows(self) -> None:
        x = self.numbers((3, 2, 11, 13), np.float64)
        self.gradients(lambda x, w, b: max_pool2d(relu(conv2d(x, w, b)), 2, 1), x)
        self.assertEqual(sum("relu" in name for name in self.names()), 1, self.names())

    def test_other_users_of_the_convolution(self) -> None:
        def f(x: Any, w: Any, b: Any) -> Any:
            y = conv2d(x, w, b)
            z = relu(y)
            return max_pool2d(z, 2) + max_pool2d(y, 2) + np.mean(z)

        self.gradients(f, self.numbers((3, 2, 11, 13), np.float64))
        self.assertEqual([name for name in self.names() if "+ bias, relu" in name], [])

    def test_the_convolution_is_a_result(self) -> None:
        w, b = self.numbers((5, 2, 3, 3), np.float64), self.numbers((5,), np.float64)

        def f(x: Any) -> Any:
            y = conv2d(x, Variable(w), b)
            return y.data, relu(y).data

        self.compare(f, *[(self.numbers((3, 2, 11, 13), np.float64),) for _ in range(3)])

    def test_not_a_number(self) -> None:
        x = self.numbers((3, 2, 11, 13), np.float64)
        x[1, 1, 5, 5] = x[0, 0, 0, 0] = np.nan
        w, b = self.numbers((5, 2, 3, 3), np.float64), self.numbers((5,), np.float64)
        with np.errstate(all="ignore"):
            self.compare(
                lambda x: with_gradients(lambda x: max_pool2d(relu(conv2d(x, w, b)), 2), x), *[(x,) for _ in range(3)]
            )


@needs_llvm
class TestNetwork(ConvolutionCase):
    def step(self) -> Any:
        wengert.seed(0)
        steps: list[Any] = [Conv2d(1, 8, 3), relu, MaxPool2d(2), Conv2d(8, 16, 3), relu, MaxPool2d(2), Flatten()]
        model = Sequential(*steps, Linear(16 * 2 * 2, 10))
        optimizer = Adam(model, 1e-3)

        def step(x: Any, t: Any) -> float:
            loss = softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            return float(loss)

        return step

    def test_step_calls_no_python(self) -> None:
        images = [self.numbers((n, 1, 14, 14), np.float32) for n in (16, 16, 16, 5, 16, 5, 5, 16)]
        labels = [self.random.integers(0, 10, len(x)) for x in images]
        eager, fast = self.step(), compile(self.step(), runner=self.native)
        for x, t in zip(images, labels, strict=True):
            self.assertAlmostEqual(fast(x, t), eager(x, t), places=5)
        self.assertIsNone(fast.given_up)
        self.assertEqual(len(self.plans), 2)
        self.assertEqual(self.calls(), [])


if __name__ == "__main__":
    unittest.main()
