"""Interpolation at the given points and beyond them, where the slope jumps."""

import unittest

import numpy as np

from wengert import Variable, check_grad

XP, FP = np.array([0.0, 1.0, 3.0]), np.array([1.0, 3.0, 2.0])


class InterpTest(unittest.TestCase):
    def test_slopes_at_the_points_are_those_to_the_right(self) -> None:
        x = Variable(np.array([-0.1, 0.0, 1.0, 3.0, 3.1]))
        np.sum(np.interp(x, XP, FP)).backward()
        np.testing.assert_array_equal(x.grad, [0.0, 2.0, -0.5, -0.5, 0.0])

    def test_beyond_the_ends_the_end_has_the_gradient(self) -> None:
        fp = Variable(FP)
        np.sum(np.interp(np.array([-5.0, 0.0, 3.0, 9.0]), XP, fp)).backward()
        np.testing.assert_array_equal(fp.grad, [2.0, 0.0, 2.0])

    def test_values_beyond_the_ends_may_be_variables(self) -> None:
        x, fp, ends = Variable(np.array([-5.0, 0.5, 9.0, 9.0])), Variable(FP), Variable(np.array([7.0, 8.0]))
        y = np.interp(x, XP, fp, ends[0], ends[1])
        np.testing.assert_array_equal(y.data, [7.0, 2.0, 8.0, 8.0])
        y.backward()
        np.testing.assert_array_equal(ends.grad, [1.0, 2.0])
        np.testing.assert_array_equal(fp.grad, [0.5, 0.5, 0.0])
        np.testing.assert_array_equal(x.grad, [0.0, 2.0, 0.0, 0.0])

    def test_the_same_point_twice(self) -> None:
        x, xp, fp = (
            Variable(np.array([0.5, 1.0, 2.0])),
            Variable(np.array([0.0, 1.0, 1.0, 2.0, 2.0])),
            Variable(np.ones(5)),
        )
        np.sum(np.interp(x, xp, fp)).backward()
        for gradient in (x.grad, xp.grad, fp.grad):
            self.assertTrue(np.all(np.isfinite(gradient)))
        self.assertEqual(np.sum(fp.grad), 3.0)
        self.assertEqual(fp.grad[-1], 1.0)

    def test_one_point_is_a_constant(self) -> None:
        x, fp = Variable(np.array([0.0, 1.0, 2.0])), Variable(np.array([4.0]))
        y = np.interp(x, np.array([1.0]), fp)
        y.backward()
        np.testing.assert_array_equal(y.data, 4.0)
        np.testing.assert_array_equal(x.grad, 0.0)
        np.testing.assert_array_equal(fp.grad, [3.0])

    def test_the_period_has_a_gradient(self) -> None:
        check_grad(
            lambda x, xp, fp, period: np.interp(x, xp, fp, period=period),
            np.array([-0.3, 0.7, 5.3]),
            np.array([3.5, 0.2, 1.1]),
            np.array([1.0, -2.0, 0.5]),
            np.array(4.0),
        )

    def test_single_precision_points_are_interpolated_in_double(self) -> None:
        x = Variable(np.array([0.1, 0.2], np.float32))
        y = np.interp(x, XP.astype(np.float32), Variable(FP.astype(np.float32)))
        self.assertEqual(y.dtype, np.float64)
        y.backward()
        self.assertEqual(x.grad.dtype, np.float32)

    def test_wrong_arguments(self) -> None:
        x = Variable(np.ones(2))
        with self.assertRaisesRegex(ValueError, "period must not be zero"):
            np.interp(x, XP, FP, period=0)
        with self.assertRaisesRegex(ValueError, "same length"):
            np.interp(x, XP, FP[:2], period=1)
        with self.assertRaises(ValueError):
            np.interp(x, XP, FP[:2])
        with self.assertRaisesRegex(ValueError, "cannot include zero"):
            np.geomspace(0 * x, x)


class LinspaceTest(unittest.TestCase):
    def test_one_sample_has_no_step(self) -> None:
        x = Variable(np.array(2.0))
        y, step = np.linspace(x, 3.0, 1, retstep=True)
        self.assertTrue(np.isnan(step))
        np.sum(y).backward()
        np.testing.assert_array_equal(x.grad, 1.0)


if __name__ == "__main__":
    unittest.main()
