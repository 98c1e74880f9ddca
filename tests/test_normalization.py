"""Layers of normalization: running averages, modes, lazy sizes, and what they refuse."""

import unittest
from typing import Any

import numpy as np

import wengert
from wengert import Variable
from wengert.functions.normalization import batch_norm, group_norm, layer_norm, rms_norm
from wengert.layers import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm

RNG = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return np.asarray(RNG.normal(size=shape))


class BatchNormTest(unittest.TestCase):
    def test_running_averages_are_written_in_place_and_only_in_training(self) -> None:
        layer = BatchNorm(2, dtype=np.float64)
        mean, variance, x = layer.running_mean, layer.running_var, normal(8, 2) * 3 + 5
        layer(x)
        np.testing.assert_allclose(mean, 0.1 * x.mean(0))
        np.testing.assert_allclose(variance, 0.9 + 0.1 * x.var(0, ddof=1))
        before = mean.copy()
        with wengert.test_mode():
            y = layer(x)
        layer.eval()
        np.testing.assert_array_equal(layer(x).data, y.data)
        layer.train()
        np.testing.assert_array_equal(mean, before)
        self.assertEqual(layer.num_batches_tracked, 1)
        np.testing.assert_allclose(y.data, (x - mean) / np.sqrt(variance + 1e-5))
        self.assertIs(layer.running_mean, mean)
        layer.reset()
        self.assertEqual((mean.tolist(), variance.tolist()), ([0, 0], [1, 1]))
        self.assertEqual(layer.num_batches_tracked, 0)

    def test_training_does_not_reach_a_graph_recorded_in_test_mode(self) -> None:
        layer, x = BatchNorm(2, dtype=np.float64), Variable(normal(4, 2))
        with wengert.test_mode():
            y = np.sum(layer(x) ** 2)
        expected = 4 * np.sum(x.data) / np.sqrt(1 + 1e-5) ** 2 * 0 + 2 * x.data / (1 + 1e-5)
        for _ in range(5):
            layer(normal(4, 2) + 100)
        y.backward(create_graph=True)
        np.testing.assert_allclose(x.grad.data, expected)

    def test_lazy_channels(self) -> None:
        layer = BatchNorm(dtype=np.float64)
        self.assertEqual(repr(layer), "BatchNorm(None)")
        with self.assertRaisesRegex(ValueError, "no values yet for weight, bias"):
            layer.state_dict()
        made = BatchNorm(3, dtype=np.float64)
        made(normal(4, 3) + 2)
        layer.load_state_dict(made.state_dict())
        self.assertEqual(layer.channels, 3)
        np.testing.assert_array_equal(layer.running_mean, made.running_mean)
        self.assertIsNot(layer.running_mean, made.running_mean)
        plain = BatchNorm(affine=False)
        plain.load_state_dict(BatchNorm(3, affine=False).state_dict())
        self.assertEqual((plain.channels, plain.running_var.shape), (3, (3,)))
        with self.assertRaisesRegex(
            ValueError, r"BatchNorm\(3\) takes x of shape \(batch, 3, ...\), but got.*\(2, 4\)"
        ):
            plain(normal(2, 4))

    def test_loading_sizes_that_disagree_changes_nothing(self) -> None:
        layer = BatchNorm()
        state = {**BatchNorm(3).state_dict(), "running_var": np.ones(4, np.float32)}
        with self.assertRaisesRegex(ValueError, r"BatchNorm\(3\) takes a parameter of shape \(3\), .*\(4,\)"):
            layer.load_state_dict(state)
        self.assertEqual((layer.channels, layer.weight.data, layer.running_mean.size), (None, None, 0))
        self.assertEqual(layer(np.ones((2, 5), np.float32)).shape, (2, 5))

    def test_refusals(self) -> None:
        layer = BatchNorm(2)
        with self.assertRaisesRegex(ValueError, r"BatchNorm\(2\) in training takes at least two numbers.*drop_last"):
            layer(np.ones((1, 2)))
        self.assertEqual(layer(np.ones((1, 2, 3))).shape, (1, 2, 3))
        with wengert.test_mode():
            self.assertEqual(layer(np.ones((1, 2))).shape, (1, 2))
        with self.assertRaisesRegex(ValueError, r"takes x of shape \(batch, 2, ...\)"):
            layer(np.ones(2))
        with self.assertRaisesRegex(ValueError, "momentum of BatchNorm must be a real number from 0 to 1"):
            BatchNorm(2, momentum=2)
        with self.assertRaisesRegex(ValueError, "epsilon of BatchNorm must be a real number at least 0"):
            BatchNorm(2, epsilon=-1)
        with self.assertRaisesRegex(TypeError, "epsilon of BatchNorm must be a real number at least 0"):
            BatchNorm(2, epsilon="small")
        with self.assertRaisesRegex(ValueError, "channels of BatchNorm must be an integer of at least 1"):
            BatchNorm(0)
        with self.assertRaisesRegex(TypeError, "channels of BatchNorm must be an integer of at least 1"):
            BatchNorm(2.0)
        with self.assertRaisesRegex(TypeError, "dtype of BatchNorm must be a floating or complex dtype, as np.float32"):
            BatchNorm(2, dtype=int)


class OtherLayersTest(unittest.TestCase):
    def test_lazy_sizes(self) -> None:
        for make, x in (
            (lambda: GroupNorm(2), normal(3, 4, 5)),
            (lambda: InstanceNorm(affine=True), normal(3, 4, 5)),
            (LayerNorm, normal(3, 4)),
            (RMSNorm, normal(3, 4)),
        ):
            layer, loaded = make(), make()
            layer(x)
            loaded.load_state_dict(layer.state_dict())
            self.assertEqual(repr(loaded), repr(layer))
            self.assertIn("4", repr(loaded))
            np.testing.assert_array_equal(loaded(x).data, layer(x).data)
            self.assertEqual(layer.multiply_adds(x, layer(x)), x.size)

    def test_refusals(self) -> None:
        with self.assertRaisesRegex(ValueError, r"LayerNorm\(4\) takes x of shape \(..., 4\), but got.*\(2, 3\)"):
            LayerNorm(4)(normal(2, 3))
        with self.assertRaisesRegex(ValueError, r"LayerNorm\(\(3, 4\)\) takes x of shape \(..., 3, 4\)"):
            LayerNorm((3, 4))(normal(4))
        with self.assertRaisesRegex(ValueError, r"RMSNorm\(None\) takes x of shape \(..., size\)"):
            RMSNorm()(np.float32(1))
        with self.assertRaisesRegex(ValueError, r"shape of LayerNorm must have at least one axis"):
            LayerNorm(())
        with self.assertRaisesRegex(ValueError, "channels that are a multiple of groups=3, but got 4"):
            GroupNorm(3, 4)
        with self.assertRaisesRegex(ValueError, r"GroupNorm\(3, None\) takes channels that are a multiple of 3"):
            GroupNorm(3)(normal(2, 4))
        with self.assertRaisesRegex(ValueError, r"InstanceNorm\(None\) takes x of shape \(batch, channels, length"):
            InstanceNorm()(normal(2, 4))
        layer = LayerNorm((3, 4))
        with self.assertRaisesRegex(ValueError, r"weight has the shape \(3, 4\), but got \(4,\)"):
            layer.load_state_dict({"weight": np.ones(4), "bias": np.ones((3, 4))})


class SettingsTest(unittest.TestCase):
    def test_refusals(self) -> None:
        for momentum in ("a", True, 1j):
            with self.assertRaisesRegex(TypeError, "momentum of BatchNorm must be a real number from 0 to 1"):
                BatchNorm(3, momentum=momentum)
        for shape in (3.5, None.__class__, 1j):
            with self.assertRaisesRegex(TypeError, "shape of LayerNorm must be an integer of at least 1"):
                LayerNorm(shape)
        for f in (layer_norm, rms_norm, batch_norm):
            with self.assertRaisesRegex(TypeError, f"epsilon of {f.__name__} must be a real number .*but got str"):
                f(np.ones((2, 3)), epsilon="a")


class HalfPrecisionTest(unittest.TestCase):
    """Sums of squares pass 65504, the largest number of half precision, long before their mean does."""

    def check(self, function: Any, *arrays: Any) -> None:
        got, wanted = [Variable(a) for a in arrays], [Variable(a.astype(np.float64)) for a in arrays]
        gy = np.random.default_rng(1).normal(size=function(*got).shape).astype(np.float16)
        for y in (function(*got), function(*arrays)):
            self.assertEqual(y.dtype, np.float16)
            exact = function(*wanted).data
            np.testing.assert_allclose(np.asarray(getattr(y, "data", y), np.float64), exact, rtol=0.002, atol=0.002)
        np.sum(function(*got) * gy).backward()
        np.sum(function(*wanted) * gy).backward()
        for g, w in zip(got, wanted, strict=True):
            self.assertEqual(g.grad.dtype, np.float16)
            np.testing.assert_allclose(g.grad.astype(float), w.grad, rtol=0.01, atol=0.01 * np.abs(w.grad).max())

    def test_large_numbers_and_many(self) -> None:
        rng = np.random.default_rng(0)
        x = (100 + 100 * rng.normal(size=(4, 2000))).astype(np.float16)
        one = np.ones(2000, np.float16)
        self.check(layer_norm, x, one, one)
        self.check(rms_norm, x, one)
        images = (100 + 100 * rng.normal(size=(16, 4, 12, 12))).astype(np.float16)
        four = np.ones(4, np.float16)
        self.check(batch_norm, images, four, four)
        self.check(lambda x, weight, bias: group_norm(x, 2, weight, bias), images, four, four)

    def test_numbers_that_are_equal(self) -> None:
        x = Variable(np.ones((2, 6, 1, 1), np.float16))
        y = group_norm(x, 6)  # a variance of 0, and the inverse of epsilon is beyond half precision
        np.testing.assert_array_equal(y.data, np.zeros(y.shape))
        np.sum(y * y).backward()
        np.testing.assert_array_equal(x.grad, np.zeros(x.shape))

    def test_other_dtypes_are_promoted_as_numpy_does(self) -> None:
        x, weight = Variable(np.ones((4, 3), np.float16)), Variable(np.ones(3, np.float32))
        for function in (layer_norm, rms_norm, batch_norm, lambda x, w: group_norm(x, 3, w)):
            for y in (function(x, weight), function(x.data, weight.data)):
                self.assertEqual(y.dtype, np.float32)


class FunctionsTest(unittest.TestCase):
    def test_what_is_normalized_has_mean_0_and_variance_1(self) -> None:
        x = 5 * normal(6, 4, 7) + 3
        for y, axes in (
            (batch_norm(Variable(x), epsilon=0), (0, 2)),
            (layer_norm(Variable(x), epsilon=0), -1),
            (layer_norm(Variable(x), epsilon=0, ndim=2), (1, 2)),
            (group_norm(Variable(x), 4, epsilon=0), -1),
            (group_norm(Variable(x), 1, epsilon=0), (1, 2)),
        ):
            np.testing.assert_allclose(y.data.mean(axes), 0, atol=1e-12)
            np.testing.assert_allclose(y.data.var(axes), 1, rtol=1e-12)
        y = rms_norm(Variable(x), epsilon=0)
        np.testing.assert_allclose(np.mean(y.data**2, -1), 1, rtol=1e-12)

    def test_statistics_are_those_of_the_batch(self) -> None:
        x = normal(6, 4, 7)
        for given in (x, Variable(x)):
            _, mean, variance = batch_norm(given, statistics=True)
            np.testing.assert_allclose(getattr(mean, "data", mean), x.mean((0, 2)), atol=1e-15)
            np.testing.assert_allclose(getattr(variance, "data", variance), x.var((0, 2)))

    def test_constant_numbers_become_zero(self) -> None:
        for f in (batch_norm, layer_norm, lambda x: group_norm(x, 1)):
            y = f(Variable(np.full((3, 4), 7.0, np.float32)))
            np.testing.assert_array_equal(y.data, 0)

    def test_mixed_dtypes(self) -> None:
        x, w = normal(3, 4).astype(np.float32), Variable(normal(4))
        for f in (batch_norm, layer_norm, rms_norm, lambda x, w: group_norm(x, 2, w)):
            xv = Variable(x)
            y = f(xv, w)
            self.assertEqual((y.dtype, f(x, w.data).dtype), (np.float64, np.float64))
            y.backward()
            self.assertEqual((xv.grad.dtype, w.grad.dtype), (np.float32, np.float64))
            self.assertEqual(f(np.ones((3, 4), int), w).dtype, np.float64)

    def test_refusals(self) -> None:
        x, four, three = Variable(normal(2, 4)), np.ones(4), np.ones(3)
        for call, error, message in (
            (lambda: batch_norm(Variable(four)), ValueError, r"takes x of shape \(batch, channels, ...\)"),
            (
                lambda: batch_norm(x, three),
                ValueError,
                r"with 4 channels takes a weight of shape \(4,\), but got.*\(3,\)",
            ),
            (lambda: batch_norm(x, four, three), ValueError, r"takes a bias of shape \(4,\)"),
            (lambda: batch_norm(x, mean=four), ValueError, "mean and variance together"),
            (lambda: batch_norm(x, mean=three, variance=four), ValueError, r"takes a mean of shape \(4,\)"),
            (lambda: batch_norm(x[:0]), ValueError, "mean of at least one number.*use test mode"),
            (lambda: batch_norm(x, epsilon=-1), ValueError, "epsilon of batch_norm must be .* 0, but got int -1"),
            (lambda: batch_norm(Variable(np.ones((2, 2), complex))), TypeError, "batch_norm takes real numbers"),
            (lambda: layer_norm(x, three), ValueError, r"of shape \(4,\), takes a weight of that shape.*\(3,\)"),
            (lambda: layer_norm(x, ndim=3), ValueError, "over the last 3 axes takes x of at least as many"),
            (lambda: layer_norm(x[:, :0]), ValueError, "layer_norm takes the mean of at least one number"),
            (lambda: rms_norm(x, epsilon=-1), ValueError, "epsilon of rms_norm must be .* at least 0, but got int -1"),
            (lambda: group_norm(x, 3), ValueError, "in 3 groups takes x.*multiple of 3"),
            (lambda: group_norm(x, 0), ValueError, "groups of group_norm must be .* 1, but got int 0"),
            (lambda: group_norm(x, 2, three), ValueError, r"group_norm of x with 4 channels takes a weight"),
        ):
            with self.subTest(message), self.assertRaisesRegex(error, message):
                call()


if __name__ == "__main__":
    unittest.main()
