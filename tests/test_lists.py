"""Lists and tuples of Variables stand for arrays, wherever NumPy dispatches to us."""

import os
import traceback
import unittest
from typing import Any, NamedTuple

import numpy as np

import wengert
import wengert.functions as F
from tests.cases import Case
from tests.test_derivatives import MODULES, is_floating, parts
from wengert import Variable, check_grad, compile, grad
from wengert.arrays.newer_numpy import unstack
from wengert.checks.refusals import name_of
from wengert.writes.calls import view, write

PACKAGE = os.path.dirname(os.path.abspath(wengert.__file__)) + os.sep
A, B, C = np.array([1.0, -2.0, 0.5]), np.array([0.3, 2.0, -1.5]), np.array([0.7, 1.1, 2.0])
M = np.array([[1.5, 0.2, -0.3], [0.1, 2.0, 0.4], [0.0, -0.6, 1.2]])

# Calls of x, an array of three numbers, of which some are taken into lists.
CALLS: dict[str, Any] = {
    "np.append": lambda x: np.append([x[0], x[1] * x[2]], x),
    "np.append to a number": lambda x: np.append(x[0], [x[1], 2.0]),
    "np.add": lambda x: x * np.add(x, [x[0], x[1] * x[2], 1.0]),
    "list * x": lambda x: [x[2], 2.0, x[1]] * x,
    "tuple - x": lambda x: (x[2], 2, x[1]) - x * x,
    "x / list": lambda x: x / [x[0] ** 2, 2.0, x[1] * x[1]],
    "x ** list": lambda x: np.abs(x) ** [2.0, x[0], 1],
    "x @ list": lambda x: x @ [x[2], x[0], 1.0],
    "list @ x": lambda x: [[x[0], x[1], 1.0], x * x] @ x,
    "nested list * x": lambda x: [[x[0], 1.0, 2.0], [3.0, x[1], x[2]]] * x,
    "np.dot": lambda x: np.dot(x, [x[1], x[0], 3.0]),
    "np.add.outer": lambda x: np.add.outer(x * x, [x[0], x[1]]) * x[2],
    "np.divmod": lambda x: np.divmod(x + 10.3, [x[0] + 2.1, 1.7, x[1] + 5.2])[1],
    "np.vecdot": lambda x: np.vecdot(x, [x[1], x[0], 3.0]),
    "np.vecdot by rows": lambda x: np.vecdot([x, x * x], x),
    "np.hstack": lambda x: np.hstack([x, [x[0], 1.0], x[1]]) ** 2,
    "np.hstack of tuples": lambda x: np.hstack((x, (x[0], 1.0))) ** 2,
    "np.vstack": lambda x: np.vstack([x, [x[0], x[1] * x[2], 2.0]]) ** 2,
    "np.column_stack": lambda x: np.column_stack([x, [x[0], x[1] * x[2], 2.0]]) ** 2,
    "np.concatenate": lambda x: np.concatenate(([[x[0], 1.0], (x[1], x[2])], np.reshape(x[:2] ** 2, (1, 2)))),
    "np.block": lambda x: np.block([[x[:2], x[2]], [x[1], x[:2] ** 2]]),
    "np.inner": lambda x: np.inner([x, x * x], x),
    "np.outer": lambda x: np.outer(x, [x[0], x[2]]),
    "np.kron": lambda x: np.kron([x[0], 2.0], x),
    "np.cross": lambda x: np.cross(x, [x[1], 1.0, x[0]]),
    "np.convolve": lambda x: np.convolve(x, [x[0], 1.0]),
    "np.tensordot": lambda x: np.tensordot([x, x * x], x, 1),
    "np.einsum": lambda x: np.einsum("ij,j,i", [x, [1.0, x[0], x[1]]], x, [x[2], 2.0]),
    "np.einsum by labels": lambda x: np.einsum([x, x * x], [0, 1], x, [1], [0]),
    "np.interp": lambda x: np.interp(0.3 * x[0], [-1.0, 0.0, x[2] + 3.0], [x[0], x[1], 1.0]),
    "np.average": lambda x: np.average(x, weights=[x[0] ** 2, 1.0, x[2] ** 2]),
    "np.where": lambda x: np.where(A > 0, [x[1], x[2], 1.0], x * x),
    "np.where of a list": lambda x: np.where([True, False, True], x, (x[1], x[2] ** 2, 1.0)),
    "np.choose": lambda x: np.choose([0, 1, 1], [[x[1], x[2], 1.0], x * x]),
    "np.select": lambda x: np.select([A > 0.7, A > 0], [x, [x[1] ** 2, 2.0, x[0] ** 2]], 0.5),
    "np.clip": lambda x: np.clip(x, [-3.0, x[1] + 3.0, -3.0], [9.0, 9.0, x[0] - 2.0]) ** 2,
    "np.maximum": lambda x: np.maximum(x, [x[1] + 0.5, x[0], 1.0]) ** 2,
    "np.hypot": lambda x: np.hypot(x, [x[1], 1.0, x[0]]),
    "np.linspace": lambda x: np.linspace([x[0], x[1]], x[2], 4) ** 2,
    "np.insert": lambda x: np.insert(x, 1, [x[2], 1.0]) ** 2,
    "np.diff": lambda x: np.diff(x, prepend=[x[2], 2.0]) ** 2,
    "np.polyval": lambda x: np.polyval([x[0], 2.0, x[1]], x),
    "np.polyval at a list": lambda x: np.polyval(x, [x[0], 2.0]),
    "np.trapezoid": lambda x: np.trapezoid(x, [0.0, x[0] ** 2, 3.0 + x[1]]),
    "np.cov": lambda x: np.cov(x, [x[1], 1.0, x[0] ** 2]),
    "np.pad": lambda x: np.pad(x, 1, constant_values=(x[0], x[1] * x[2])) ** 2,
    "np.linalg.solve": lambda x: np.linalg.solve(M + x, [x[0], 1.0, x[1]]),
    "np.linalg.multi_dot": lambda x: np.linalg.multi_dot([x, [[x[0], 1.0], [x[1], 2.0], [0.0, x[2]]], np.ones(2)]),
    "np.meshgrid": lambda x: np.meshgrid([x[0], 1.0], x)[0] ** 2,
    "np.full_like": lambda x: np.full_like(x, [x[1], x[0], 1.0]) ** 2,
    "mse": lambda x: F.mse(x, [x[1], 2.0, x[0] ** 2]),
    "leaky_relu": lambda x: F.leaky_relu(x, [x[0], 2.0, x[2]]),
    "linear": lambda x: F.linear(x, [[x[0], 1.0, 2.0], [0.5, x[1], x[2]]], [x[0] ** 2, 1.0]),
}


def nested(x: Any, is_deep: bool) -> Any:
    """A list of the rows of a Variable, or nested lists of its elements."""
    return x if x.ndim == 0 else [nested(row, True) if is_deep else row for row in unstack(x)]


def loss(ys: Any) -> Any:
    """A real number that tells all parts of the results apart."""
    total: Any = 0.0
    for y in parts(ys):
        if isinstance(y, Variable):
            weights = np.cos(np.arange(1.0, y.size + 1).reshape(y.shape))
            total = total + np.sum(np.real(y) * weights)
            if y.dtype.kind == "c":
                total = total + np.sum(np.imag(y) * weights**2)
    return total


def is_numpys_own(error: BaseException) -> bool:
    """Whether NumPy made an array of a list without asking us."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(PACKAGE)]
    return "would silently leave the graph" in str(error) and [f.name for f in frames] == ["__array__", "converted"]


class EveryRowTest(unittest.TestCase):
    """Each array of each case with several is replaced by lists."""

    def check(self, case: Case, place: int, is_deep: bool) -> bool:
        plain = [a.tolist() if i == place else a for i, a in enumerate(case.args)]
        try:
            expected = case.call(*plain)
        except (AttributeError, IndexError, TypeError, ValueError):  # NumPy, or the case itself, takes no list here
            return False
        xs = [Variable(a) if is_floating(a) else a for a in case.args]
        loss(case.call(*xs)).backward()
        gradients = [x.grad for x in xs if isinstance(x, Variable)]
        for x in xs:
            if isinstance(x, Variable):
                x.cleargrad()
        given = [nested(x, is_deep) if i == place else x for i, x in enumerate(xs)]
        try:
            found = case.call(*given)
        except TypeError as error:
            if is_numpys_own(error):
                return False
            raise
        expected = np.asarray(expected) if expected is plain[place] else expected  # (as np.diff(a, 0) is)
        for y, e in zip(parts(found), parts(expected), strict=True):
            np.testing.assert_allclose(y.data if isinstance(y, Variable) else y, e, rtol=1e-10, atol=1e-12)
        loss(found).backward()
        for x, gx in zip((x for x in xs if isinstance(x, Variable)), gradients, strict=True):
            np.testing.assert_allclose(
                np.zeros(x.shape) if x.grad is None else x.grad,
                np.zeros(x.shape) if gx is None else gx,
                rtol=1e-8,
                atol=1e-11,
            )
        return True

    def test_lists_of_variables_are_arrays_in_every_row(self) -> None:
        tried = 0
        with np.errstate(all="ignore"):
            for name, module in MODULES.items():
                for k, case in enumerate(module.CASES):
                    if case.function in (view, write):
                        continue  # which are recorded, and not called by programs
                    arrays = [i for i, a in enumerate(case.args) if is_floating(a)]
                    for place in arrays if len(arrays) > 1 else ():
                        for is_deep in (False, True) if case.args[place].size and case.args[place].ndim else ():
                            with self.subTest(name, case=k, function=name_of(case.function), place=place):
                                tried += self.check(case, place, is_deep)
        self.assertGreater(tried, 2900)


class ListsTest(unittest.TestCase):
    def test_values_are_numpys(self) -> None:
        for name, call in CALLS.items():
            with self.subTest(name):
                found, expected = call(Variable(A)), call(A)
                self.assertEqual(found.dtype, np.asarray(expected).dtype)
                np.testing.assert_allclose(found.data, expected, rtol=1e-14)

    def test_gradients_to_second_order(self) -> None:
        for name, call in CALLS.items():
            with self.subTest(name):
                check_grad(call, A, order=2)
                check_grad(call, A.astype(np.float32), order=2, rtol=5e-3, atol=2e-3)

    def test_compiled_functions(self) -> None:
        for name, call in CALLS.items():
            with self.subTest(name):
                eager = grad(lambda x, call=call: np.sum(call(x)))
                compiled, values = compile(eager), compile(call)
                for x in (A, A, A, B, C):
                    np.testing.assert_allclose(values(x), call(x), rtol=1e-12, atol=1e-13)
                    np.testing.assert_allclose(compiled(x), eager(x), rtol=1e-12, atol=1e-13)

    def test_comparisons_take_lists(self) -> None:
        x = Variable(A)
        for operand in ([x[0], 0.0, x[2] + 1], (x[0], 0.0, x[2] + 1)):
            other = np.array([1.0, 0.0, 1.5])
            np.testing.assert_array_equal(x < operand, other > A)
            np.testing.assert_array_equal(operand >= x, other >= A)
            np.testing.assert_array_equal(x == operand, other == A)
            np.testing.assert_array_equal(np.less(x, operand), other > A)
            np.testing.assert_array_equal(np.isclose(x, operand), other == A)

    def test_empty_lists_and_lists_of_numbers(self) -> None:
        x = Variable(np.zeros(0))
        np.testing.assert_array_equal((x - []).data, np.zeros(0))
        np.testing.assert_array_equal(np.append(x, [[], []]).data, np.zeros(0))
        np.testing.assert_array_equal((Variable(A) * [1, 2, 3]).data, A * [1, 2, 3])

    def test_integers_keep_their_gradient(self) -> None:
        i = Variable(np.array(3))
        np.sum(Variable(A) * [i, 2, i]).backward()
        self.assertEqual(i.grad, A[0] + A[2])

    def test_lengths_that_are_variables_of_integers(self) -> None:
        n = Variable(np.array(2))
        x = Variable(np.arange(4.0))
        self.assertEqual(np.reshape(x, (n, n)).shape, (2, 2))
        self.assertEqual(np.broadcast_to(x, (n, 4)).shape, (2, 4))
        self.assertEqual(np.tile(x, (n, n)).shape, (2, 8))
        self.assertEqual(np.full_like(x, x[0], shape=(n, 3)).shape, (2, 3))
        self.assertEqual(x[(n,)].shape, ())
        np.testing.assert_array_equal(np.take(x, [n, 0]).data, [2.0, 0.0])

    def test_other_kinds_of_tuples_are_stacked_or_refused(self) -> None:
        class Pair(NamedTuple):
            a: Any
            b: Any

        x = Variable(A)
        for call in (lambda v: np.diff(x, append=v), lambda v: np.vecdot(x[:2], v)):
            np.testing.assert_array_equal(call(Pair(x[0], x[1])).data, call([x[0], x[1]]).data)
        for call in (lambda v: np.append(x, v), lambda v: x[:2] + v):
            with self.assertRaisesRegex(TypeError, r"np\.stack"):
                call(Pair(x[0], x[1]))

    def test_rows_of_different_lengths(self) -> None:
        x = Variable(A)
        with self.assertRaisesRegex(ValueError, "same shape"):
            np.dot(x, [[x[0], 1.0], [x[1]]])

    def test_functions_of_ours_take_lists_alone(self) -> None:
        for f in (
            lambda v: F.softmax([v[0], v[1]]) ** 2,
            lambda v: F.gelu([[v[0]], [v[1]]]),
            lambda v: F.softmax_cross_entropy([[v[0], v[1], 1.0]], np.array([0])),
            lambda v: F.mse([v[0], v[1]], [1.0, v[2]]),
        ):
            check_grad(f, A, order=2)

    def test_lists_of_strings_are_refused(self) -> None:
        with self.assertRaisesRegex(TypeError, "takes numbers"):
            Variable(A) * ["a", "b", "c"]

    def test_a_list_alone_does_not_reach_us_and_says_what_to_write(self) -> None:
        a, b = Variable(np.array(1.0)), Variable(np.array(2.0))
        for call in (np.sin, np.sum, np.linalg.norm):
            with self.subTest(call), self.assertRaisesRegex(TypeError, r"np\.stack"):
                call([a, b])
        with self.assertRaisesRegex(TypeError, r"write np.array\(\[a, b\], like=a\)"):
            np.array([a, b])

    def test_functions_of_a_program_get_their_lists_as_they_are(self) -> None:
        @wengert.dispatched
        def total(parts: Any, x: Any) -> Any:
            return sum(np.sum(p) for p in parts) * x

        @wengert.pullback(total, "parts")
        def total_wrt_parts(gy: Any, parts: Any, x: Any) -> Any:
            return [np.broadcast_to(np.sum(gy * x), np.shape(p)) for p in parts]

        x, y = Variable(np.ones(2)), Variable(np.ones(3))
        total([x, y], 2.0).backward()
        np.testing.assert_array_equal(x.grad, [2.0, 2.0])
        np.testing.assert_array_equal(y.grad, [2.0, 2.0, 2.0])


if __name__ == "__main__":
    unittest.main()
