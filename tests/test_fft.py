"""Discrete Fourier transforms: what the cases do not say."""

import unittest
import warnings

import numpy as np

from tests.cases import complex_array, normal
from wengert import Variable, check_grad


class TransposeTest(unittest.TestCase):
    def test_the_gradient_is_the_product_with_the_conjugate_transposed_matrix(self) -> None:
        matrix = np.fft.fft(np.eye(5), 7, axis=0)
        x, gy = Variable(complex_array(5)), complex_array(7)
        y = np.fft.fft(x, 7)
        y.grad = gy
        y.backward()
        np.testing.assert_allclose(x.grad, matrix.conj().T @ gy)

    def test_a_convolution_by_transforms_has_the_gradients_of_np_convolve(self) -> None:
        a, v, gy = normal(6), normal(3), normal(8, seed=2)
        gradients = []
        for convolve in (
            lambda a, v: np.fft.irfft(np.fft.rfft(a, 8) * np.fft.rfft(v, 8), 8),
            np.convolve,
        ):
            x, w = Variable(a), Variable(v)
            np.sum(convolve(x, w) * gy).backward()
            gradients.append((x.grad, w.grad))
        for one, other in zip(*gradients, strict=True):
            np.testing.assert_allclose(one, other)

    def test_parseval(self) -> None:
        x = Variable(normal(4, 6))
        np.sum(np.abs(np.fft.fft2(x, norm="ortho")) ** 2).backward()
        np.testing.assert_allclose(x.grad, 2 * x.data)

    def test_single_precision_stays_single(self) -> None:
        for transform in (np.fft.rfft, np.fft.fft, np.fft.irfft, np.fft.hfft, np.fft.rfftn, np.fft.irfft2):
            x = Variable(normal(4, 6).astype(np.float32))
            y = transform(x)
            np.sum(np.abs(y)).backward()
            self.assertEqual((y.data.real.dtype, x.grad.dtype), (np.float32, np.float32))


class DeprecatedLengthsTest(unittest.TestCase):
    def test_s_without_axes_and_none_in_s_as_numpy_still_takes_them(self) -> None:
        transforms = (np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for transform in transforms:
                for s, axes in (((2, 5), None), ((None, 3), (0, 1)), ((3, None), (0, 1)), ((5, None), (2, 2))):
                    with self.subTest(transform=transform.__name__, s=s, axes=axes):
                        check_grad(lambda a, f=transform, s=s, axes=axes: f(a, s, axes), normal(3, 4, 3))


class ErrorTest(unittest.TestCase):
    def test_out_is_refused(self) -> None:
        x = Variable(normal(4))
        with self.assertRaisesRegex(TypeError, "np.fft.fft of a Variable into a plain array"):
            np.fft.fft(x, out=np.zeros(4, complex))
        with self.assertRaisesRegex(TypeError, "np.fft.fft of a Variable into a plain array"):
            np.fft.fft(x, None, -1, None, np.zeros(4, complex))
        out = np.zeros(4, complex, like=x)
        self.assertIs(np.fft.fft(x, None, -1, None, out), out)
        np.testing.assert_array_equal(out.data, np.fft.fft(x.data))

    def test_what_numpy_refuses_is_refused(self) -> None:
        x = Variable(normal(4))
        for transform in (np.fft.fft, np.fft.hfft, np.fft.ihfft, np.fft.fftn):
            with self.assertRaisesRegex(ValueError, "norm"):
                transform(x, norm="orthogonal")
        with self.assertRaisesRegex(ValueError, "data points"):
            np.fft.fft(x, 0)
        with self.assertRaises(TypeError):
            np.fft.rfft(Variable(complex_array(4)))


if __name__ == "__main__":
    unittest.main()
