"""Arrays that change between forward and backward: protected, seen, or found in debug mode."""

import unittest
from typing import Any

import numpy as np

import wengert
from wengert import Function, Variable
from wengert.checks.errors import GraphError


class Cube(Function):
    def forward(self, x: Any) -> Any:
        return x**3

    def backward(self, gy: Any) -> Any:
        return 3 * self.input.data**2 * gy


READERS = {
    "np.sin": np.sin,
    "product": lambda x: x * x,
    "matmul": lambda x: x @ x,
    "np.prod": np.prod,
    "user": Cube(),
}


class AssignedTest(unittest.TestCase):
    def test_in_place_and_new_data_are_seen(self) -> None:
        for name, f in READERS.items():
            for change in ("in place", "new"):
                with self.subTest(name, change=change):
                    x = Variable(np.array([1.0, 2.0, 3.0]), name="weights")
                    y = np.sum(f(x))
                    if change == "new":
                        x.data = np.array([4.0, 5.0, 6.0])
                    else:
                        x.data -= 0.5
                    with self.assertRaisesRegex(GraphError, "Variable 'weights'.*its data was assigned since"):
                        y.backward()
                    with self.assertRaisesRegex(GraphError, "its data was assigned since"):
                        y.backward(create_graph=True)
                    self.assertIsNone(x.grad)

    def test_what_is_not_read_may_change(self) -> None:
        x = Variable(np.array([1.0, 2.0]))
        y = np.sum(x * 3.0 + 1.0 - np.exp(x + 0.0))
        x.data -= 0.5
        y.backward()
        np.testing.assert_allclose(x.grad, 3.0 - np.exp([1.0, 2.0]))
        bias = Variable(np.zeros(2))
        y = np.ones((3, 2)) * 2.0 + bias
        bias.data -= 0.5
        y.backward()
        np.testing.assert_array_equal(bias.grad, [3.0, 3.0])

    def test_memory_that_others_share(self) -> None:
        def views(x: Any) -> list[Any]:
            first, _ = np.split(x, [1])
            return [
                x.T, x[:1], x.reshape(2, 1), np.real(x), x.detach(), first, np.broadcast_to(x, (3, 2)), Same()(x),
                wengert.checkpoint(np.transpose)(x),
            ]  # fmt: skip

        class Same(Function):
            def forward(self, x: Any) -> Any:
                return x

            def backward(self, gy: Any) -> Any:
                return gy

        for i in range(len(views(Variable(np.ones(2))))):
            for step in (
                lambda y: y * y,
                lambda y: np.sin(y),
                lambda y: y[..., None] @ y[..., None, :],
                np.prod,
                Cube(),
            ):
                with self.subTest(i):
                    x = Variable(np.array([1.0, 2.0]))
                    y = views(x)[i]
                    z = np.sum(step(y))
                    x.data -= 0.5
                    with self.assertRaisesRegex(GraphError, "a Variable that shares its memory was assigned since"):
                        z.backward()
                    if i < 7:  # of the new values; those that keep their inputs (Same, checkpoint) are strict
                        np.sum(step(y)).backward()

    def test_a_leaf_written_to_through_what_was_detached(self) -> None:
        x = Variable(np.array([1.0, 2.0]))
        z = x * x
        d = x.detach()
        d.data -= 1.0
        with self.assertRaisesRegex(GraphError, "shares its memory"):
            z.backward()

    def test_constants_that_share_memory(self) -> None:
        x = Variable(np.ones((2, 2)))
        for f in (np.multiply, np.matmul, np.dot, lambda a, b: np.einsum("ij,jk", a, b), np.arctan2):
            for swap in (False, True):
                w = Variable(np.ones((2, 2)))
                z = np.sum(f(w.data, x) if swap else f(x, w.data))
                w.data -= 0.5
                with self.assertRaisesRegex(GraphError, "needs the value that ndarray.*shares its memory"):
                    z.backward()

    def test_other_parts_of_the_memory_may_be_written_to(self) -> None:
        flat = np.arange(4.0)
        w, v = Variable(flat[:2]), Variable(flat[2:])
        y = np.sum(w.detach() ** 2) + np.sum(v.detach() * w**2)
        z = np.sum(w[:] ** 2)
        v.data -= 1.0
        z.backward()
        np.testing.assert_array_equal(w.grad, [0.0, 2.0])
        with self.assertRaisesRegex(GraphError, "shares its memory"):
            y.backward()

    def test_the_output_that_a_backward_reads(self) -> None:
        class Exp(Function):
            def forward(self, x: Any) -> Any:
                return np.exp(x)

            def backward(self, gy: Any) -> Any:
                return gy * self.output.data

        x = Variable(np.ones(2))
        y = Exp()(x)
        y.data = y.data * 0
        with self.assertRaisesRegex(GraphError, "its data was assigned since"):
            y.backward()

    def test_lists_that_grow(self) -> None:
        x, index, axes = Variable(np.arange(3.0)), [0], [2, 0, 1]
        y = x[index] * 2.0
        z = np.transpose(x.reshape(1, 3, 1), axes)
        index.append(2)
        index[0] = 1
        axes.reverse()
        y.backward()
        np.testing.assert_array_equal(x.grad, [2.0, 0.0, 0.0])
        (z * 3.0).backward()
        np.testing.assert_array_equal(x.grad, [5.0, 3.0, 3.0])

    def test_another_form(self) -> None:
        for f in (np.mean, lambda x: x + np.ones((2, 2)), lambda x: x @ np.ones(2)):
            x = Variable(np.ones(2))
            y = np.sum(f(x))
            x.data = np.ones((2, 2))
            with self.assertRaisesRegex(GraphError, "its data was assigned since"):
                y.backward()
            self.assertIsNone(x.grad)
        with self.assertRaisesRegex(GraphError, "cannot be taken away"):
            x.data = None

    def test_a_training_loop_goes_on(self) -> None:
        w = Variable(np.array([2.0, -3.0]))
        for _ in range(100):
            loss = np.sum(w * w)
            w.cleargrad()
            loss.backward()
            w.data -= 0.1 * w.grad
        self.assertLess(float(loss), 1e-8)

    def test_a_result_may_be_given_new_data_after_use(self) -> None:
        x = Variable(np.array([1.0, 2.0]))
        y = np.exp(x)
        y.data = y.data * 0.0
        np.sum(y).backward()
        np.testing.assert_allclose(x.grad, np.exp([1.0, 2.0]))
        z = np.sin(y)
        np.sum(z).backward(create_graph=True)

    def test_a_result_keeps_its_form(self) -> None:
        y = np.exp(Variable(np.ones(2)))
        with self.assertRaisesRegex(
            GraphError, r"must keep its shape \(2,\) and dtype float64, but got ndarray of shape \(3,\)"
        ):
            y.data = np.ones(3)

    def test_a_leaf_may_change_its_form_and_forgets_its_gradient(self) -> None:
        x = Variable(np.ones(2))
        y = np.sum(x + 1.0)
        y.backward()
        x.data = np.ones(3)
        self.assertIsNone(x.grad)
        with self.assertRaisesRegex(GraphError, "its data was assigned since"):
            np.sum(y + 0.0).backward()
        with self.assertRaisesRegex(TypeError, "is not supported"):
            x.data = 3.0
        self.assertEqual(x.shape, (3,))


class ProtectedTest(unittest.TestCase):
    def test_results_are_read_only(self) -> None:
        x = Variable(np.array([1.0, 2.0]))
        results = [np.exp(x), x + 1.0, x[0], x[:1], np.sum(x), x.reshape(2, 1), Cube()(x), np.stack([x, x]), x * x]
        for y in results:
            with self.subTest(y.creator.name), self.assertRaisesRegex(ValueError, "read-only"):
                y.data[...] = 0.0
            with self.assertRaisesRegex(ValueError, "read-only"):
                y.data += 1.0

    def test_what_a_users_code_is_given_is_read_only(self) -> None:
        class Doubles(Function):
            def forward(self, x: Any) -> Any:
                x *= 2  # the user's own array would change
                return x

            def backward(self, gy: Any) -> Any:
                return 2 * gy

        class Scales(Function):
            def forward(self, x: Any) -> Any:
                return 3 * x

            def backward(self, gy: Any) -> Any:
                gy *= 3  # others have the same array
                return gy

        x, y = Variable(np.ones(2)), Variable(np.ones(2))
        with self.assertRaisesRegex(ValueError, "read-only"):
            Doubles()(x)
        np.testing.assert_array_equal(x.data, [1.0, 1.0])
        with self.assertRaisesRegex(ValueError, "read-only"):
            (Scales()(x) + y).backward()
        z = x + 0.0
        z.register_hook(lambda gz: gz.sort())
        with self.assertRaisesRegex(ValueError, "read-only"):
            (z + y).backward()
        self.assertIsNone(x.grad)
        self.assertIsNone(y.grad)

    def test_the_users_arrays_stay_writable(self) -> None:
        mine = np.ones(3)

        class ReturnsMine(Function):
            def forward(self, x: Any) -> Any:
                return mine

        class ReturnsInput(Function):
            def forward(self, x: Any) -> Any:
                return x

        x = Variable(np.ones(3))
        for f in (ReturnsMine(), ReturnsInput(), np.squeeze, np.ravel, lambda x: x[:]):
            f(x)
            x.data[0] = 2.0
            mine[0] = 2.0

    def test_no_assignment_by_index(self) -> None:
        x = Variable(np.ones(3))
        leaf = (
            r"is a leaf, whose gradient .* not written to where calls are recorded; write into a copy, x = x.copy\(\)"
        )
        with self.assertRaisesRegex(TypeError, leaf):
            x[0] = 1.0
        for name, args in (("fill", (1,)), ("sort", ()), ("partition", (1,)), ("put", (1, 2.0))):
            with self.subTest(name), self.assertRaisesRegex(TypeError, leaf):
                getattr(x, name)(*args)
        with self.assertRaisesRegex(TypeError, r"x\.resize\(\) of a Variable is not differentiated; write np.reshape"):
            x.resize(1)
        np.testing.assert_array_equal(x.data, 1.0)

    def test_augmented_assignment_to_a_leaf(self) -> None:
        x = Variable(np.ones(2))
        y = x
        with self.assertRaisesRegex(TypeError, "is a leaf"):
            y += 1.0
        y = x.copy()
        z = y
        y += 1.0
        y *= x
        self.assertIs(y, z)
        np.sum(z).backward()
        np.testing.assert_array_equal(x.data, [1.0, 1.0])
        np.testing.assert_array_equal(x.grad, [3.0, 3.0])

    def test_nothing_is_written_into_an_array(self) -> None:
        x, a = Variable(np.ones(2)), np.zeros(2)
        with self.assertRaisesRegex(
            TypeError, r"np.add of a Variable into a plain array y would silently leave the graph"
        ):
            a += x
        with self.assertRaisesRegex(TypeError, "of a Variable into a plain array"):
            np.exp(x, out=a)
        with self.assertRaisesRegex(TypeError, "of a Variable into a plain array"):
            np.sum(x, out=np.zeros(()))
        with self.assertRaisesRegex(TypeError, "silently leave the graph"):
            a[:] = x
        np.testing.assert_array_equal(a, [0.0, 0.0])


class DebugTest(unittest.TestCase):
    def test_where_nan_is_first_made(self) -> None:
        x = Variable(np.array([-1.0, 1.0]), name="x")
        with np.errstate(all="ignore"), wengert.debug():
            with self.assertRaisesRegex(
                FloatingPointError, r"forward of Log made nan .*test_mutation.py, line \d+, in"
            ):
                np.log(x)
            with self.assertRaisesRegex(FloatingPointError, "forward of Divide made inf"):
                1.0 / (x + 1.0)
            with self.assertRaisesRegex(FloatingPointError, "forward of Sqrt made nan"):
                np.sum(np.sqrt(x))
        with np.errstate(all="ignore"):
            self.assertTrue(np.isnan(np.log(x).data[0]))

    def test_what_was_not_finite_before_is_not_reported(self) -> None:
        with wengert.debug():
            y = np.exp(Variable(np.array([np.inf, 1.0])))
        self.assertEqual(y.data[0], np.inf)

    def test_backward_names_the_line_of_the_call(self) -> None:
        x = Variable(np.array([0.0, 1.0]))
        with wengert.debug():
            y = np.sum(np.sqrt(x))
            with self.assertRaisesRegex(
                FloatingPointError, r"backward of Sqrt, called at .*test_mutation.py, line \d+.*made inf"
            ):
                y.backward()
        self.assertIsNone(x.grad)

    def test_users_functions(self) -> None:
        class Bad(Function):
            def forward(self, x: Any) -> Any:
                return x

            def backward(self, gy: Any) -> Any:
                return gy * np.nan

        x = Variable(np.ones(2))
        with wengert.debug():
            y = Bad()(x)
            with self.assertRaisesRegex(FloatingPointError, "backward of Bad, called at .*made nan"):
                y.backward()

    def test_arrays_changed_since_they_were_recorded(self) -> None:
        batch = np.ones(3)
        x = Variable(np.arange(3.0))
        for f in (lambda: x * batch, lambda: x @ batch, lambda: np.where([True, False, True], x * batch, 0.0)):
            batch[:] = 1.0
            with wengert.debug():
                y = np.sum(f())
                batch[0] = 7.0
                with self.assertRaisesRegex(GraphError, r"called with at .*test_mutation.py.*was changed since"):
                    y.backward()
        with wengert.debug():
            y = np.sum(np.sin(x))
            x.data[0] = 9.0
            with self.assertRaisesRegex(GraphError, "backward of Sin .*was changed since"):
                y.backward()

    def test_results_are_the_same_and_the_mode_is_restored(self) -> None:
        x = Variable(np.array([0.5, 2.0]))
        np.sum(np.exp(x) * x).backward()
        expected = x.grad
        x.cleargrad()
        with wengert.debug():
            np.sum(np.exp(x) * x).backward()
        np.testing.assert_array_equal(x.grad, expected)
        with wengert.debug(), wengert.no_grad():
            self.assertIsNone(np.exp(x).creator)
        with np.errstate(all="ignore"):
            np.log(x - 1.0)


if __name__ == "__main__":
    unittest.main()
