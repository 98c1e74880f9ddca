"""Polynomials: what the cases do not say."""

import unittest
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial, chebyshev, hermite, laguerre, legendre, polynomial

from tests.cases import normal
from wengert import Variable, check_grad


class CoefficientsTest(unittest.TestCase):
    def test_lists_of_variables(self) -> None:
        a, b, x = Variable(np.array(2.0)), Variable(np.array(3.0)), Variable(np.array(5.0))
        np.polyval([a, b], x).backward()
        self.assertEqual((a.grad, b.grad, x.grad), (5, 1, 2))
        check_grad(lambda a, b: np.roots([a, b, -1.0]), np.array(2.0), np.array(3.0))
        check_grad(lambda a, b: np.poly([a, b, 1.0]), np.array(2.0), np.array(3.0))

    def test_a_poly1d_is_refused_with_what_to_give(self) -> None:
        p, x = np.poly1d([1.0, 2.0]), Variable(np.array([1.0, 2.0]))
        for function in (np.polyadd, np.polysub, np.polymul, np.polydiv):
            for args in ((p, x), (x, p)):
                with self.assertRaisesRegex(TypeError, rf"np.{function.__name__} of a Variable .*: p.coeffs"):
                    function(*args)

    def test_a_poly1d_may_hold_a_variable(self) -> None:
        a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, -1.0])
        p = np.poly1d
        programs: list[Callable[[Any, Any], Any]] = [
            lambda a, b: p([1.0, 2.0, 3.0])(b),
            lambda a, b: p(a)(b),
            lambda a, b: p(a, True)(b),
            lambda a, b: (p(a) * p(b))(1.5),
            lambda a, b: (p(a) + p(b))(1.5),
            lambda a, b: (p([1.0, 2.0]) - p(b)).coeffs,
            lambda a, b: (p(a) * b[0]).coeffs,
            lambda a, b: (p(a) ** 2).coeffs,
            lambda a, b: p(a)(p(b)).coeffs,
            lambda a, b: p([1.0, 2.0, 3.0])(p(b)).coeffs,
            lambda a, b: p(a).deriv()(b),
            lambda a, b: p(a).integ()(b),
            lambda a, b: p(a).roots,
        ]
        for i, f in enumerate(programs):
            with self.subTest(i):
                np.testing.assert_allclose(f(Variable(a), Variable(b)).data, f(a, b))
                check_grad(f, a, b)

    def test_zeros_that_polymul_cuts_off_get_no_gradient(self) -> None:
        p = Variable(np.array([0.0, 1.0, 2.0]))
        y = np.polymul(p, [3.0, 4.0])
        self.assertEqual(y.shape, (3,))
        np.sum(y).backward()
        np.testing.assert_array_equal(p.grad, [0, 7, 7])
        zeros = Variable(np.zeros(2))
        np.testing.assert_array_equal(np.polymul(zeros, [3.0]).data, np.polymul(zeros.data, [3.0]))

    def test_errors(self) -> None:
        p, matrix = Variable(np.ones(2)), Variable(np.ones((2, 3)))
        for message, call in {
            "np.polymul takes coefficients in one": lambda: np.polymul(matrix, p),
            "np.polyder takes how often": lambda: np.polyder(p, -1),
            "np.polyint takes how often": lambda: np.polyint(p, -1),
            "np.polyint takes one constant k, or as many as .* m=3, but got 2": lambda: np.polyint(p, 3, [1, 2]),
            "np.poly takes roots in one dimension, or a square": lambda: np.poly(matrix),
        }.items():
            with self.assertRaisesRegex(ValueError, message):
                call()


class RootsTest(unittest.TestCase):
    def test_multiple_roots_have_no_finite_derivative(self) -> None:
        p = Variable(np.array([1.0, 0.0, 0.0]))  # t**2
        np.sum(np.roots(p)).backward()
        self.assertFalse(np.isfinite(p.grad).any())

    def test_coefficients_that_are_0(self) -> None:
        p = Variable(np.array([0.0, 1.0, -2.0, 0.0]))  # t (t - 2), as a cubic
        y = np.roots(p)
        np.testing.assert_array_equal(y.data, np.roots(p.data))
        y.grad = (y.data == np.max(y.data)).astype(float)
        y.backward()
        np.testing.assert_allclose(p.grad, [-4, -2, -1, -0.5])  # -t**k / p'(t) at 2

    def test_a_multiple_eigenvalue_has_a_characteristic_polynomial_to_differentiate(self) -> None:
        a = Variable(np.array([[1.0, 1.0], [0.0, 1.0]]))  # no basis of eigenvectors
        np.poly(a)[2].backward()
        np.testing.assert_allclose(a.grad, [[1, 0], [-1, 1]])  # of the determinant: the cofactors

    def test_roots_in_conjugate_pairs_give_real_coefficients(self) -> None:
        z = Variable(np.array([1 + 2j, 1 - 2j]))
        p = np.poly(z)
        np.testing.assert_array_equal(p.data, np.poly(z.data))
        self.assertEqual(p.dtype, float)
        np.sum(p * [0.0, 1.0, 0.0]).backward()
        np.testing.assert_allclose(z.grad, [-1, -1])


class FitTest(unittest.TestCase):
    def test_everything_it_returns(self) -> None:
        x, y = normal(6), normal(6, seed=1)
        found = np.polyfit(Variable(x), Variable(y), 1, full=True)
        for one, other in zip(found, np.polyfit(x, y, 1, full=True), strict=True):
            np.testing.assert_allclose(getattr(one, "data", one), other)
        check_grad(lambda x, y: np.polyfit(x, y, 1, full=True)[:2], x, y)

    def test_the_line_through_two_points(self) -> None:
        y = Variable(np.array([3.0, 5.0]))
        np.polyfit([1.0, 2.0], y, 1)[1].backward()  # 2 y0 - y1
        np.testing.assert_allclose(y.grad, [2, -1])

    def test_points_that_leave_it_open_are_refused(self) -> None:
        y = Variable(np.array([3.0, 5.0, 4.0]))
        with self.assertRaisesRegex(np.linalg.LinAlgError, r"rank 1 of 2"):
            np.polyfit([1.0, 1.0, 1.0], y, 1)

    def test_errors(self) -> None:
        x = Variable(normal(3))
        with self.assertRaisesRegex(ValueError, "degree of at least 0"):
            np.polyfit(x, x, -1)
        for args in ((np.ones((2, 2)), x, 1), (x, np.ones(2), 1), (np.ones(0), x, 1)):
            with self.assertRaisesRegex(TypeError, "np.polyfit takes one|np.polyfit takes points"):
                np.polyfit(*args)
        with self.assertRaisesRegex(TypeError, "one weight for each of 3 points"):
            np.polyfit(x, x, 1, w=np.ones(2))


class NumPyPolynomialPackageTest(unittest.TestCase):
    """np.polynomial does not ask the protocols: what it computes with arithmetic alone works, the rest raises."""

    def test_a_series_is_evaluated_at_a_variable(self) -> None:
        c = normal(4)
        for value in (polynomial.polyval, chebyshev.chebval, legendre.legval, hermite.hermval, laguerre.lagval):
            with self.subTest(value.__name__):
                x = normal(3)
                np.testing.assert_array_equal(value(Variable(x), c).data, value(x, c))
                check_grad(lambda x, value=value: value(x, c), x)

    def test_nothing_else_leaves_the_graph(self) -> None:
        x, s, q = Variable(normal(4)), Variable(np.array(2.0)), Polynomial([1.0, 2.0])
        calls: list[Callable[[], Any]] = [
            lambda: Polynomial(x),
            lambda: Polynomial([s, s]),
            lambda: Polynomial([1.0], domain=x[:2]),
            lambda: Polynomial.fit(x, x, 1),
            lambda: Polynomial.fromroots(x),
            lambda: Chebyshev([1.0, 2.0])(x),
            lambda: q(x),
            lambda: q * s,
            lambda: s * q,
            lambda: q + x,
            lambda: q.integ(k=s),
            lambda: q.integ(lbnd=s),
            lambda: polynomial.polyadd(x, [1.0]),
            lambda: polynomial.polyval(x, x),
            lambda: polynomial.polyder(x),
            lambda: polynomial.polyvander(x, 2),
            lambda: chebyshev.chebmul([1.0], x),
            lambda: np.poly1d([s, s]),
            lambda: np.polyint(np.ones(2), k=s),
        ]
        for i, call in enumerate(calls):
            with self.subTest(i), self.assertRaises((TypeError, ValueError)):
                call()


if __name__ == "__main__":
    unittest.main()
