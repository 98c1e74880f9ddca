"""NumPy's protocols: what is answered, with what dtype and shape, and what is refused."""

import operator
import subprocess
import sys
import unittest
from typing import Any

import numpy as np

import wengert
from tests.cases import normal
from tests.table_snapshot import TableSnapshot
from wengert import Function, Variable, check_grad


class OperatorTest(unittest.TestCase):
    def test_every_operator_is_numpys(self) -> None:
        a, b = np.array([7.0, -3.0]), np.array([2.0, 4.0])
        for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "matmul"):
            op = getattr(operator, name)
            for left, right in ((Variable(a), Variable(b)), (Variable(a), b), (a, Variable(b))):
                y = op(left, right)
                self.assertIsInstance(y, Variable, name)
                np.testing.assert_array_equal(y.data, op(a, b))
        for op in (operator.neg, operator.pos, abs):
            np.testing.assert_array_equal(op(Variable(a)).data, op(a))
        for op in (lambda x: 2 / x, lambda x: 2 - x, lambda x: 2 // x, lambda x: 5 % x, lambda x: 2**x, lambda x: x**2):
            y = op(Variable(b))
            self.assertIsInstance(y, Variable)
            np.testing.assert_array_equal(y.data, op(b))
        for y, e in zip(divmod(Variable(a), b), divmod(a, b), strict=True):
            np.testing.assert_array_equal(y.data, e)

    def test_powers_round_as_ndarrays_do(self) -> None:
        x = normal(50) ** 2
        for power in (2, 0.5, 2.0, 3, -1, 1.5):
            np.testing.assert_array_equal((Variable(x) ** power).data, x**power)
        np.testing.assert_array_equal((Variable(np.arange(5)) ** 2).data, np.arange(5) ** 2)

    def test_comparisons_give_arrays(self) -> None:
        a, b = np.array([1.0, 2.0]), np.array([2.0, 2.0])
        x = Variable(a)
        for name in ("eq", "ne", "lt", "le", "gt", "ge"):
            op = getattr(operator, name)
            for y in (op(x, b), op(x, Variable(b)), op(b, x), getattr(np, FULL[name])(x, b)):
                self.assertIs(type(y), np.ndarray)
                self.assertEqual(y.dtype, bool)
            np.testing.assert_array_equal(op(x, b), op(a, b))
            np.testing.assert_array_equal(op(b, x), op(b, a))
        self.assertFalse(np.any(x == "text"))
        self.assertFalse((x == None).any())  # noqa: E711

    def test_integers(self) -> None:
        a = np.array([6, 3])
        x = Variable(a)
        for op in (operator.and_, operator.or_, operator.xor):
            np.testing.assert_array_equal(op(x, 2), op(a, 2))
            np.testing.assert_array_equal(op(2, x), op(2, a))
        np.testing.assert_array_equal(~x, ~a)
        np.testing.assert_array_equal(x << 1, a << 1)
        np.testing.assert_array_equal(x >> 1, a >> 1)
        self.assertEqual([10, 20, 30][Variable(np.array(1))], 20)

    def test_ways_out(self) -> None:
        x = Variable(np.array(2.5))
        self.assertEqual((float(x), int(x), complex(x), bool(x), x.item(), x.tolist()), (2.5, 2, 2.5, True, 2.5, 2.5))
        self.assertEqual(f"{x:.2f} {x}", "2.50 2.5")
        self.assertEqual(x.tobytes(), x.data.tobytes())
        with self.assertRaisesRegex(ValueError, "ambiguous"):
            bool(Variable(np.ones(2)))

    def test_identity_and_repr(self) -> None:
        x, y = Variable(np.ones(2)), Variable(np.ones(2))
        self.assertEqual(len({x, y, x}), 2)
        self.assertEqual({x: "x", y: "y"}[y], "y")
        self.assertEqual(repr(x), "Variable([1., 1.])")
        self.assertEqual(repr(Variable(np.ones((2, 2), np.float32), name="w")), REPR)
        self.assertEqual(repr(Variable(None)), "Variable(None)")
        self.assertEqual(str(x), "[1. 1.]")

    def test_length_iteration_and_membership(self) -> None:
        x = Variable(np.arange(6.0).reshape(3, 2))
        self.assertEqual(len(x), 3)
        rows = list(x)
        self.assertEqual(len(rows), 3)
        np.sum(rows[0] * rows[2]).backward()
        np.testing.assert_array_equal(x.grad, [[4.0, 5.0], [0.0, 0.0], [0.0, 1.0]])
        self.assertIn(3.0, x)
        self.assertNotIn(9.0, x)
        with self.assertRaisesRegex(TypeError, "0-d"):
            iter(Variable(np.array(1.0)))
        with self.assertRaisesRegex(TypeError, "unsized"):
            len(Variable(np.array(1.0)))

    def test_attributes(self) -> None:
        data = np.ones((2, 3), np.float32)
        x = Variable(data)
        for name in ("shape", "ndim", "size", "dtype", "itemsize", "nbytes", "strides"):
            self.assertEqual(getattr(x, name), getattr(data, name))
        for name in ("T", "mT", "real", "imag"):
            y = getattr(x, name)
            self.assertIsInstance(y, Variable)
            np.testing.assert_array_equal(y.data, getattr(data, name))

    def test_other_types_may_answer(self) -> None:
        class Other:
            def __radd__(self, x: Any) -> str:
                return "other"

        self.assertEqual(Variable(np.ones(1)) + Other(), "other")


FULL = {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}
REPR = """Variable([[1., 1.],
          [1., 1.]], dtype=float32, name='w')"""


class MethodTest(unittest.TestCase):
    def test_methods_are_their_functions(self) -> None:
        data = normal(3, 4)
        calls: dict[str, tuple[Any, ...]] = {
            "sum": (1,),
            "mean": (0,),
            "max": (-1,),
            "min": (),
            "prod": (0,),
            "cumsum": (1,),
            "cumprod": (1,),
            "var": (),
            "std": (0,),
            "reshape": (2, 6),
            "transpose": (1, 0),
            "ravel": (),
            "flatten": (),
            "squeeze": (),
            "swapaxes": (0, 1),
            "copy": (),
            "conj": (),
            "clip": (-0.5, 0.5),
            "dot": (np.ones(4),),
            "take": ([0, 1],),
            "repeat": (2,),
            "trace": (),
            "diagonal": (),
            "round": (1,),
            "astype": (np.float32,),
            "compress": ([True, False, True], 0),
        }
        for name, args in calls.items():
            with self.subTest(name):
                x = Variable(data.copy())
                y = getattr(x, name)(*args)
                self.assertIsInstance(y, Variable)
                expected = getattr(data, name)(*args)
                np.testing.assert_allclose(y.data, expected, rtol=1e-12)
                self.assertEqual(y.dtype, np.asarray(expected).dtype)
        x = Variable(data)
        for name, args in {"argmax": (), "argmin": (1,), "argsort": (), "any": (), "all": (), "nonzero": ()}.items():
            np.testing.assert_array_equal(getattr(x, name)(*args), getattr(data, name)(*args))
        self.assertIs(type(x.astype(int)), np.ndarray)

    def test_reshape_and_transpose_take_one_tuple_too(self) -> None:
        x = Variable(np.zeros((2, 3)))
        self.assertEqual(x.reshape((3, 2)).shape, (3, 2))
        self.assertEqual(x.reshape(-1).shape, (6,))
        self.assertEqual(x.transpose().shape, (3, 2))
        self.assertEqual(x.transpose((1, 0)).shape, (3, 2))


class UfuncMethodTest(unittest.TestCase):
    def test_reductions_and_running_totals(self) -> None:
        x = normal(3, 4)
        for call in (
            np.add.reduce,
            lambda x: np.multiply.reduce(x, axis=1),
            lambda x: np.maximum.reduce(x, axis=None),
            lambda x: np.minimum.reduce(x, axis=(0, 1), keepdims=True),
            np.add.accumulate,
            lambda x: np.multiply.accumulate(x, axis=1),
        ):
            np.testing.assert_array_equal(call(Variable(x)).data, call(x))
            check_grad(call, x)

    def test_outer(self) -> None:
        a, b = normal(3), normal(2, 2)
        for ufunc in (np.multiply, np.add, np.power, np.arctan2):
            np.testing.assert_array_equal(ufunc.outer(Variable(np.abs(a)), b).data, ufunc.outer(np.abs(a), b))
            check_grad(ufunc.outer, np.abs(a) + 0.5, b)

    def test_refused_methods_name_themselves(self) -> None:
        x = Variable(np.ones(3))
        with self.assertRaisesRegex(TypeError, "np.add.reduceat is not differentiated; write it with"):
            np.add.reduceat(x, [0, 1])
        with self.assertRaisesRegex(TypeError, "np.logaddexp.reduce is not differentiated"):
            np.logaddexp.reduce(x)
        with self.assertRaisesRegex(TypeError, r"np.add.at"):
            np.add.at(np.zeros(3), [0], x)

    def test_options(self) -> None:
        x = Variable(np.ones(3, np.float32))
        y = np.add(x, 1, dtype=np.float64)
        self.assertEqual(y.dtype, np.float64)
        y.backward()
        self.assertEqual(x.grad.dtype, np.float32)
        with self.assertRaisesRegex(TypeError, r"np.exp of a Variable does not take where=.*np.where\(mask, np.exp"):
            np.exp(x, where=np.array([True, False, True]))
        np.testing.assert_array_equal(np.exp(x, where=True).data, np.exp(x.data))

    def test_constant_ufuncs_give_arrays(self) -> None:
        x = Variable(np.array([1.0, np.nan]))
        self.assertIs(type(np.isnan(x)), np.ndarray)
        self.assertTrue(np.logical_or.reduce(x))


class LeavingTest(unittest.TestCase):
    """Nothing leaves the graph silently."""

    def test_conversions(self) -> None:
        x = Variable(np.ones(3))
        for convert in (np.asarray, np.array, lambda x: np.array([x, x]), lambda x: np.array([x[0], x[1]])):
            with self.assertRaisesRegex(
                TypeError,
                r"np\.(as)?array of a Variable.*silently leave the graph; write np.array.* like=a.*x.data",
            ):
                convert(x)

    def test_a_library_function_that_converts_is_named(self) -> None:
        from tests import sample_library

        with self.assertRaisesRegex(TypeError, "in tests.sample_library.total would silently"):
            sample_library.total(Variable(np.ones(3)))

    def test_numpy_takes_no_numbers_behind_ones_back(self) -> None:
        x, points = Variable(np.array(2.0)), np.arange(3.0)
        for call in (lambda: np.interp(points, points, points, left=x), lambda: np.sum(points, initial=x)):
            with self.assertRaises((TypeError, ValueError)) as caught:
                call()
            # NumPy may put an error of its own in front of ours
            ours = caught.exception.__cause__ or caught.exception
            self.assertRegex(str(ours), r"makes a number of a Variable.*silently leave.*float\(x.data\)")
        self.assertEqual(np.sum(points, initial=float(x)), 5.0)

    def test_unknown_functions_and_ufuncs(self) -> None:
        x = Variable(np.ones(3))
        cube = np.frompyfunc(lambda v: v**3, 1, 1)
        with self.assertRaisesRegex(TypeError, r"has no derivative here.*register one \(wengert.derivative"):
            cube(x)

        @wengert.dispatched
        def mystery(a: Any) -> Any:
            return a

        with self.assertRaisesRegex(TypeError, r"mystery has no derivative here.*@wengert.pullback\(.*mystery"):
            mystery(x)
        self.assertEqual(mystery(3), 3)

    def test_arguments_that_are_not_differentiable(self) -> None:
        x = Variable(np.ones(3))
        with self.assertRaisesRegex(TypeError, "does not take nonsense="):
            # the public function checks names first; the table checks them too
            x.__array_function__(np.sum, (), (x,), {"nonsense": 1})
        with self.assertRaises((TypeError, IndexError)):
            x[Variable(np.ones(1))]


class IndexingTest(unittest.TestCase):
    def test_forms(self) -> None:
        data = normal(3, 4, 5)
        mask = data[:, :, 0] > 0
        rows = np.array([2, 0, 2])
        for index in (
            1,
            -1,
            np.int64(2),
            slice(1, None),
            slice(None, None, -2),
            Ellipsis,
            None,
            (1, 2, 3),
            (0, ..., 1),
            (None, 1, None),
            rows,
            [0, 0, 1],
            (rows, rows),
            (slice(None), rows),
            (rows, slice(None), 1),
            (rows[:, None], np.array([0, 3])),
            mask,
            (mask, 1),
            (slice(None), np.array([True, False, True, True])),
            (..., np.newaxis, 2),
            np.array(True),
            np.zeros(0, int),
        ):
            with self.subTest(str(index)):
                np.testing.assert_array_equal(Variable(data)[index].data, data[index])
                check_grad(lambda x, index=index: np.sin(x[index]) * x[index], data)

    def test_variables_of_integers_and_booleans_index(self) -> None:
        x = Variable(np.arange(4.0))
        i, mask = Variable(np.array([0, 0, 3])), Variable(np.array([True, False, False, True]))
        np.sum(x[i] * 2.0).backward()
        np.testing.assert_array_equal(x.grad, [4.0, 0.0, 0.0, 2.0])
        np.testing.assert_array_equal(x[mask].data, [0.0, 3.0])

    def test_errors_are_numpys(self) -> None:
        x = Variable(np.ones(3))
        with self.assertRaises(IndexError):
            x[5]
        with self.assertRaises(IndexError):
            x["a"]


class RegisteringTest(unittest.TestCase):
    def setUp(self) -> None:
        table = TableSnapshot()
        table.save()
        self.addCleanup(table.restore)

    def test_a_ufunc_in_one_line(self) -> None:
        Cube = wengert.derivative(np.signbit, 0)  # any ufunc may be registered again
        self.assertTrue(issubclass(Cube, Function))
        wengert.piecewise_constant(np.signbit)
        with self.assertRaisesRegex(ValueError, "sin needs 1 partial derivatives, but got 2"):
            wengert.derivative(np.sin, 1, 1)
        with self.assertRaisesRegex(ValueError, r"a function of a, b and the result y, by these names.*\(u\)"):
            wengert.derivative(np.multiply, lambda u: u, 0)
        with self.assertRaisesRegex(TypeError, "takes an elementwise ufunc with one output"):
            wengert.derivative(np.matmul, 1, 1)
        with self.assertRaisesRegex(TypeError, "takes an elementwise ufunc"):
            wengert.derivative(abs, 1)  # type: ignore[arg-type]

    def test_rows_of_a_program_hold_though_ours_are_read_late(self) -> None:
        code = """
import numpy as np, wengert

@wengert.pullback(np.flipud, "m")
def flipud(gy, m):
    return 7 * gy

x = wengert.Variable(np.ones(2))
np.sum(np.flipud(x)).backward()
assert (x.grad == 7).all(), x.grad
"""
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_the_audit_reads_the_row_that_holds(self) -> None:
        def note() -> str:
            return next(row.note for row in wengert.audit() if row.name == "np.exp")

        table = TableSnapshot()
        table.save()
        kept = wengert.derivative(np.exp, lambda y: y)  # without poles=True, as ours has it
        self.assertEqual(note(), "")
        table.restore()
        self.assertEqual(note(), "at overflow: limit")
        del kept

    def test_late_rows_may_be_imported_by_name(self) -> None:
        code = "import wengert.functions.decompositions, wengert, numpy as np; np.pad(wengert.Variable(np.ones(2)), 1)"
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_a_function_by_a_decorator(self) -> None:
        @wengert.dispatched
        def weigh(a: Any, b: Any, power: int = 1) -> Any:
            return a * b**power

        @wengert.pullback(weigh, "a", reads="b")
        def weigh_a(gy: Any, a: Any, b: Any, power: int = 1) -> Any:
            return gy * b**power

        x, b = normal(3), normal(3, seed=1)
        check_grad(lambda x: weigh(x, b, power=2), x)
        with self.assertRaisesRegex(
            TypeError, "is differentiable (by|with respect to) a, but its b is a Variable; give it as an array"
        ):
            weigh(Variable(x), Variable(b))
        with self.assertRaisesRegex(ValueError, r"take \(gy, a, b, power\), but this one, for 'b', takes \(gy, b\)"):
            wengert.pullback(weigh, "b")(lambda gy, b: gy)
        with self.assertRaisesRegex(ValueError, "for 'c'"):
            wengert.pullback(weigh, "c")(lambda gy, a, b, power=1: gy)
        with self.assertRaisesRegex(TypeError, "function of pullback must be a function, but got int"):
            wengert.pullback(3, "a")
        y = weigh(Variable(x), b)
        self.assertEqual(y.creator.name, "Weigh")
        np.testing.assert_array_equal(y.creator.backward(np.ones(3)), b)


if __name__ == "__main__":
    unittest.main()
