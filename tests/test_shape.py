"""Layout in memory, conversions that have no derivative, joining and taking apart where it is not as usual."""

import unittest
import warnings

import numpy as np

from wengert import Variable


class LayoutTest(unittest.TestCase):
    def test_orders_that_depend_on_the_layout(self) -> None:
        base = np.arange(24.0).reshape(2, 3, 4)
        layouts = [base, np.asfortranarray(base), base.transpose(1, 2, 0), base.transpose(2, 0, 1)[:, ::-1]]
        for a in layouts:
            weights = np.arange(24.0) ** 2
            for order in "CFAK":
                with self.subTest(strides=a.strides, order=order):
                    for call in (lambda x, o=order: np.ravel(x, o), lambda x, o=order: x.flatten(o)):
                        x = Variable(a)
                        y = call(x)
                        np.testing.assert_array_equal(y.data, call(a))
                        np.sum(y * weights).backward()
                        expected = np.empty(24)
                        expected[call(a).astype(int)] = weights  # the gradient with respect to element i
                        np.testing.assert_array_equal(x.grad, expected[a.astype(int)])
            x = Variable(a)
            y = np.reshape(x, (6, 4), order="A")
            np.testing.assert_array_equal(y.data, np.reshape(a, (6, 4), order="A"))
            np.sum(y * y).backward()
            np.testing.assert_array_equal(x.grad, 2 * a)

    def test_reshape_without_a_copy_is_a_view_or_an_error(self) -> None:
        x = Variable(np.arange(6.0).reshape(2, 3))
        self.assertTrue(np.shares_memory(np.reshape(x, 6, copy=False).data, x.data))
        with self.assertRaises(ValueError):
            np.reshape(x.T, 6, copy=False)

    def test_conversions_to_another_layout_are_refused(self) -> None:
        for call in (np.ascontiguousarray, np.asfortranarray, np.asarray, np.array, np.require):
            with self.assertRaisesRegex(TypeError, "leave the graph"):
                call(Variable(np.ones((2, 2))))

    def test_axes_that_do_not_exist(self) -> None:
        x = Variable(np.ones((2, 3)))
        for call in (
            lambda: np.rollaxis(x, 2),
            lambda: np.rollaxis(x, 0, 4),
            lambda: np.rollaxis(x, 0, -3),
            lambda: np.transpose(x, (0, 2)),
            lambda: np.squeeze(x, 0),
            lambda: np.apply_along_axis(np.sum, 2, x),
            lambda: np.meshgrid(x, indexing="yx"),
        ):
            with self.assertRaises(ValueError):
                call()


class ConversionTest(unittest.TestCase):
    def test_integers_and_booleans_are_plain(self) -> None:
        x = Variable(np.array([0.0, 1.7]))
        for y in (
            x.astype(int),
            np.astype(x, np.dtype(bool)),
            np.linspace(x, 2 * x, 3, dtype=int),
            np.concatenate([x, x], dtype=int, casting="unsafe"),
            np.stack([x, x], dtype=np.int8, casting="unsafe"),
            np.trace(np.diag(x), dtype=int),
            np.full_like(np.arange(3), 2, shape=2),
            np.full_like(x, x[1], dtype=int),
        ):
            self.assertIs(type(np.atleast_1d(y)), np.ndarray)

    def test_the_imaginary_part_is_dropped_with_numpys_warning(self) -> None:
        x = Variable(np.array([1.0 + 2.0j]))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with self.assertRaises(np.exceptions.ComplexWarning):
                x.astype(float)
            warnings.simplefilter("ignore")
            y = x.astype(float)
        np.sum(3 * y).backward()
        np.testing.assert_array_equal(x.grad, [3.0 + 0.0j])

    def test_a_value_to_fill_with_stays_in_the_graph(self) -> None:
        x = Variable(np.array([1.0, 2.0]))
        y = np.full_like(x, x[0] * x[1])
        y.backward()
        np.testing.assert_array_equal(x.grad, [4.0, 2.0])
        with self.assertRaisesRegex(TypeError, r"np.full_like of a Variable .*np.full\(a.shape, x, a.dtype, like=x\)"):
            np.full_like(np.zeros(2), x[0])


class JoiningTest(unittest.TestCase):
    def test_only_what_arrives_leaves(self) -> None:
        x = Variable(np.arange(4.0))
        first, second = np.split(x, 2)
        np.sum(second * 3).backward()
        np.testing.assert_array_equal(x.grad, [0.0, 0.0, 3.0, 3.0])
        del first

    def test_parts_that_do_not_match(self) -> None:
        x = Variable(np.ones((2, 3)))
        for call in (
            lambda: np.split(x, 4),
            lambda: np.hsplit(x[0, 0], 1),
            lambda: np.vsplit(x[0], 1),
            lambda: np.dsplit(x, 1),
            lambda: np.concatenate([x, x.T]),
            lambda: np.concatenate([]),
            lambda: np.block([[x], x]),
            lambda: np.block([[x, x], []]),
            lambda: np.block([x, []]),
            lambda: np.append(x, x[0], axis=0),
            lambda: np.piecewise(x, [x > 0], [1, 2, 3]),
        ):
            with self.subTest(call), self.assertRaises(ValueError):
                call()
        for outside in (lambda: np.delete(x, 7, 0), lambda: np.insert(x, 4, 0.0, axis=1), lambda: np.insert(x, [9], 0)):
            with self.assertRaises(IndexError):
                outside()

    def test_integers_stay_whole_where_values_are_inserted(self) -> None:
        y = np.insert(np.arange(3), 1, Variable(np.array(2.7)))
        self.assertIs(type(y), np.ndarray)
        np.testing.assert_array_equal(y, [0, 2, 1, 2])


class GradientsOfTheirOwnTest(unittest.TestCase):
    def test_what_is_reshaped_can_be_written_to(self) -> None:
        x, w = Variable(np.ones((2, 3))), Variable(np.ones(6))
        y = np.reshape(x, 6) * 2.0 + w
        y.backward(retain_grad=True)
        for v in (x, w, y):
            self.assertTrue(v.grad.flags.writeable)
            others = [u.grad.copy() for u in (x, w, y) if u is not v]
            v.grad *= 10.0
            for u, before in zip([u for u in (x, w, y) if u is not v], others, strict=True):
                np.testing.assert_array_equal(u.grad, before)

    def test_what_a_hook_keeps_is_not_written_to(self) -> None:
        seen = []
        x = Variable(np.ones((2, 3)))
        x.register_hook(seen.append)
        np.sum(np.reshape(x, 6) * 3.0).backward()
        x.grad *= 10.0
        np.testing.assert_array_equal(seen[0], np.full((2, 3), 3.0))


if __name__ == "__main__":
    unittest.main()
