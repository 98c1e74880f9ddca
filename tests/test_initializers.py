"""Initial values of weights."""

import pickle
import unittest

import numpy as np

import wengert
from wengert.layers import (
    Conv2d,
    Embedding,
    Linear,
    MultiHeadAttention,
    initializers,
)


class InitializersTest(unittest.TestCase):
    def test_standard_deviations_are_those_of_the_papers(self) -> None:
        wengert.seed(0)
        shape = (64, 32, 3, 3)
        fan_in, fan_out = 32 * 9, 64 * 9
        for name, variance in {
            "uniform_fan_in": 1 / 3 / fan_in,
            "lecun_normal": 1 / fan_in,
            "lecun_uniform": 1 / fan_in,
            "he_normal": 2 / fan_in,
            "he_uniform": 2 / fan_in,
            "glorot_normal": 2 / (fan_in + fan_out),
            "glorot_uniform": 2 / (fan_in + fan_out),
        }.items():
            for dtype in (np.float32, np.float64, np.float16):
                values = getattr(initializers, name)(shape, dtype)
                self.assertEqual((values.shape, values.dtype), (shape, dtype), name)
                values = values.astype(np.float64)
                self.assertAlmostEqual(values.var() / variance, 1, delta=0.05, msg=name)
                self.assertLess(abs(values.mean()), 0.03 * variance**0.5, name)
                if "uniform" in name:
                    self.assertLessEqual(np.max(np.abs(values)), (3 * variance) ** 0.5 * 1.001, name)

    def test_those_with_a_number(self) -> None:
        wengert.seed(0)
        values = initializers.truncated_normal(0.5)((200, 200), np.float64)
        self.assertLessEqual(np.max(np.abs(values)), 1)
        self.assertAlmostEqual(values.std(), 0.5 * 0.8796, delta=0.01)
        self.assertAlmostEqual(float(initializers.normal(0.02)(100_000).std()), 0.02, delta=0.001)
        self.assertLessEqual(np.max(np.abs(initializers.uniform(0.3)(1000))), 0.3)
        self.assertEqual(initializers.constant(3)((2,)).tolist(), [3, 3])
        self.assertEqual((initializers.ones(2).tolist(), initializers.zeros(2).dtype), ([1, 1], np.float32))

    def test_orthogonal(self) -> None:
        for shape in ((3, 5), (5, 3), (4, 2, 3, 1)):
            q = initializers.orthogonal(shape, np.float64).reshape(shape[0], -1)
            small = q @ q.T if len(q) <= q.shape[1] else q.T @ q
            np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-12)
        self.assertEqual(initializers.orthogonal((2, 2)).dtype, np.float32)

    def test_the_seed(self) -> None:
        for name in ("he_normal", "glorot_uniform", "orthogonal"):
            wengert.seed(5)
            first = getattr(initializers, name)((3, 4))
            wengert.seed(5)
            np.testing.assert_array_equal(getattr(initializers, name)((3, 4)), first)

    def test_refusals(self) -> None:
        with self.assertRaisesRegex(ValueError, r"a weight \(out, in, \*kernel\), but got the shape \(3,\)"):
            initializers.he_normal(3)
        with self.assertRaisesRegex(ValueError, "each size in the shape of a weight must be an integer of at least 0"):
            initializers.fans((2, -1))
        with self.assertRaisesRegex(TypeError, r"std of normal must be a real number at least 0, but got \(2, 3\)"):
            initializers.normal((2, 3))
        with self.assertRaisesRegex(ValueError, "std of normal must be a real number at least 0, but got int -1"):
            initializers.normal(-1)
        with self.assertRaisesRegex(ValueError, "value of constant must be a finite number, but got float inf"):
            initializers.constant(float("inf"))


class PickledInitializersTest(unittest.TestCase):
    def test_they_are_pickled_and_copied_with_their_layers(self) -> None:
        for name in ("normal", "uniform", "constant", "truncated_normal"):
            initializer = getattr(initializers, name)(0.1)
            layer = pickle.loads(pickle.dumps(Linear(4, initializer=initializer)))
            wengert.seed(0)
            y = layer(np.ones((1, 3), np.float32))
            wengert.seed(0)
            np.testing.assert_array_equal(layer.weight.data, initializer((4, 3), np.float32))
            self.assertEqual((y.dtype, initializer((4, 3)).dtype), (np.float32, np.float32))


class OwnInitializersTest(unittest.TestCase):
    MAKERS = (
        lambda **options: Linear(3, 4, **options),
        lambda **options: Conv2d(3, 4, 3, **options),
        lambda **options: Embedding(3, 4, **options),
        lambda **options: MultiHeadAttention(4, 2, **options),
    )

    def test_numbers_of_another_dtype_are_converted(self) -> None:
        for make in self.MAKERS:
            layer = make(initializer=lambda shape, dtype: np.ones(shape))
            self.assertEqual({p.dtype for p in layer.params().values()}, {np.dtype(np.float32)})

    def test_refusals(self) -> None:
        for make in self.MAKERS:
            with self.assertRaisesRegex(TypeError, "initializer of .* must be a function, but got str 'he_normal'"):
                make(initializer="he_normal")
            with self.assertRaisesRegex(ValueError, r"initializer of .* must return .*but got .*\(3,\)"):
                make(initializer=lambda shape, dtype: np.zeros(3))
        with self.assertRaisesRegex(TypeError, "initializer of Linear must be a function"):
            Linear(4, initializer="he_normal")  # at once, and not at the first call
