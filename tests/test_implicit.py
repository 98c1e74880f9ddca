"""Implicit derivatives: decorators around solvers, linear systems, refusals; SciPy's solvers."""

import importlib.util
import unittest
from typing import Any

import numpy as np

from wengert import Variable, grad, hessian, hvp, implicit, jacobian, jvp


def system(x: Any, a: Any) -> Any:
    return np.stack([x[0] ** 2 + x[1] * a[0] - 1 - a[1], np.sin(x[1]) + x[0] * a[1]])


def newton(residual: Any, x: Any) -> Any:
    for _ in range(50):
        x = x - np.linalg.solve(jacobian(residual)(x), residual(x))
    return x


def solver(x0: Any, a: Any) -> Any:
    return newton(lambda x: system(x, a), np.ones(2, np.asarray(a).dtype))


def difference(f: Any, x: Any, step: float = 1e-4) -> Any:
    return (f(x + step) - f(x - step)) / (2 * step)


class DecoratorsTest(unittest.TestCase):
    a = np.array([0.3, 0.4])

    def test_every_order_by_every_linear_solver(self) -> None:
        def loss(solve: Any) -> Any:
            return lambda a: np.sum(solve(None, a) ** 3)

        dense = loss(implicit.root(system)(solver))
        u, step = np.array([0.6, -0.8]), 1e-6
        first = (dense(self.a + step * u) - dense(self.a - step * u)) / (2 * step)
        np.testing.assert_allclose(grad(dense)(self.a) @ u, first, rtol=1e-5)
        second = (grad(dense)(self.a + step * u) - grad(dense)(self.a - step * u)) / (2 * step)
        np.testing.assert_allclose(hessian(dense)(self.a) @ u, second, rtol=1e-5)
        third = (hessian(dense)(self.a + step * u) - hessian(dense)(self.a - step * u)) / (2 * step)
        np.testing.assert_allclose(jacobian(hessian(dense))(self.a) @ u, third, rtol=1e-4)

        def own(product: Any, b: Any) -> Any:
            return np.linalg.solve(np.stack([product(unit) for unit in np.eye(2)], 1), b)

        for method in ("gmres", "bicgstab", own):
            with self.subTest(str(method)):
                f = loss(implicit.root(system, solve=method)(solver))
                np.testing.assert_allclose(hessian(f)(self.a), hessian(dense)(self.a), rtol=1e-8)

    def test_products_and_dtypes(self) -> None:
        solve = implicit.root(system)(solver)
        slopes = jacobian(lambda a: solve(None, a))(self.a)
        np.testing.assert_allclose(jvp(lambda a: solve(None, a), (self.a,), (np.ones(2),))[1], slopes @ np.ones(2))
        loss = lambda a: np.sum(solve(None, a))  # noqa: E731
        np.testing.assert_allclose(hvp(loss, (self.a,), (np.ones(2),))[0], hessian(loss)(self.a) @ np.ones(2))
        single = grad(loss)(self.a.astype(np.float32))
        self.assertEqual(single.dtype, np.float32)
        np.testing.assert_allclose(single, grad(loss)(self.a), rtol=1e-4)

    def test_trees_closures_and_constraints(self) -> None:
        w = Variable(np.array([[2.0, 0.3], [0.3, 1.0]]))

        def reference(a: Any, w: Any) -> Any:
            k = np.concatenate([np.concatenate([w, np.ones((2, 1))], 1), np.array([[1.0, 1.0, 0.0]])], 0)
            return {"u": np.linalg.solve(k, np.concatenate([a, a[1:]]))[:2], "v": np.cbrt(a[0])}

        def f(x: Any, a: Any) -> Any:
            return x["u"] @ w @ x["u"] / 2 - a @ x["u"] + np.sum(x["v"] ** 4) / 4 - a[0] * np.sum(x["v"])

        @implicit.minimum(f, equality=lambda x, a: np.sum(x["u"]) - a[1])
        def solve(x0: Any, a: Any) -> Any:
            return reference(a, w.data)

        def loss(x: Any) -> Any:
            return np.sum(x["u"] ** 3) * x["v"]

        self.assertIsInstance(solve(None, self.a)["u"], Variable)  # because of w
        expected = hessian(lambda a: loss(reference(a, w.data)))(self.a)
        np.testing.assert_allclose(hessian(lambda a: loss(solve(None, a)))(self.a).data, expected, rtol=1e-8)
        loss(solve(None, self.a)).backward()
        by_w = grad(lambda w: loss(reference(self.a, w)))(w.data)
        np.testing.assert_allclose(w.grad, (by_w + by_w.T) / 2, rtol=1e-8)

    def test_fixed_points_and_least_squares(self) -> None:
        heron = implicit.fixed_point(lambda x, a: (x + a / x) / 2)(lambda x0, a: np.sqrt(a))
        a = np.array([4.0, 9.0])
        np.testing.assert_allclose(grad(lambda a: np.sum(heron(None, a)))(a), 0.5 / np.sqrt(a))
        t = np.linspace(0, 1, 5)
        line = implicit.least_squares(lambda x, y: x[0] + x[1] * t - y)(lambda x0, y: np.polyfit(t, y, 1)[::-1])
        expected = np.linalg.pinv(np.stack([np.ones(5), t], 1))
        np.testing.assert_allclose(jacobian(lambda y: line(None, y))(np.sin(t)), expected, atol=1e-12)

    def test_large_and_elementwise(self) -> None:
        a = np.linspace(1, 2, 200)
        for method in ("auto", "diagonal"):
            cube = implicit.root(lambda x, a: x**3 - a, solve=method)(lambda x0, a: np.cbrt(a))
            np.testing.assert_allclose(grad(lambda a, f=cube: np.sum(f(None, a)))(a), a ** (-2 / 3) / 3, rtol=1e-8)

    def test_nothing_to_differentiate(self) -> None:
        cube = implicit.root(lambda x, a: x**3 - a, has_aux=True)(lambda x0, a: (np.cbrt(a), "steps"))
        x, aux = cube(None, np.array([8.0]))
        self.assertIs(type(x), np.ndarray)
        self.assertEqual(aux, "steps")

    def test_refusals(self) -> None:
        def at(residual: Any, found: Any, **options: Any) -> Any:
            f = implicit.root(residual, **options)(lambda x0, a: found)
            return grad(lambda a: np.sum(f(None, a)))(np.array([2.0]))

        square = lambda x, a: x * x - a  # noqa: E731
        with self.assertRaisesRegex(implicit.ConvergenceError, "a Newton step from what the solver returned is"):
            at(square, np.array([1.3]))
        at(square, np.array([1.3]), rtol=1.0)
        with self.assertRaisesRegex(implicit.ConvergenceError, "not finite"):
            at(square, np.array([np.nan]))
        with self.assertRaisesRegex(np.linalg.LinAlgError, "is singular at the solution"):
            at(lambda x, a: x * x - a + 2, np.array([0.0]))
        with self.assertRaisesRegex(np.linalg.LinAlgError, "singular"):
            at(lambda x, a: (x - 1) ** 2 - a + 2, np.array([1 + 1e-9]))
        with self.assertRaisesRegex(np.linalg.LinAlgError, "singular"):
            at(lambda x, a: np.sum(x) - a + np.zeros(2), np.array([1.0, 1.0]))
        with self.assertRaisesRegex(ValueError, "as many equations as unknowns"):
            at(lambda x, a: np.sum(x) - np.sum(a), np.array([1.0, 1.0]))
        with self.assertRaisesRegex(TypeError, "real floating arrays"):
            at(square, np.array([1j]))
        with self.assertRaisesRegex(ValueError, "solve of implicit.root is"):
            implicit.root(square, solve="lu")
        with self.assertRaisesRegex(TypeError, "takes a function"):
            implicit.root(3)  # type: ignore[arg-type]


@unittest.skipUnless(importlib.util.find_spec("scipy"), "needs SciPy")
class SciPyTest(unittest.TestCase):
    def check(self, f: Any, x: float, places: int = 5) -> None:
        """Compare two derivatives with differences."""

        def value(y: Any) -> Any:
            return y.data if isinstance(y, Variable) else y

        first = difference(lambda v: value(f(v)), x)
        self.assertAlmostEqual(float(value(grad(f)(x))), float(first), places)
        second = difference(lambda v: value(grad(f)(v)), x)
        self.assertAlmostEqual(float(value(grad(grad(f))(x))), float(second), places)

    def test_roots(self) -> None:
        from wengert.scipy import optimize

        self.check(lambda a: np.sum(optimize.root(lambda x, b: x**3 + b * x - 2, [1.0, 1.0], args=(a,)).x), 1.3)
        for name in ("brentq", "brenth", "ridder", "bisect", "toms748"):
            with self.subTest(name):
                solve = getattr(optimize, name)
                self.assertAlmostEqual(grad(lambda a, s=solve: a * s(lambda x: x * x - a, 0, 3))(2.0), 1.5 * 2**0.5, 8)
        self.check(lambda a: np.sum(optimize.newton(lambda x: x**3 - a, np.ones(2))), 2.0)
        self.check(lambda a: optimize.root_scalar(lambda x: x * x - a, bracket=(0, 3)).root, 2.0)
        with self.assertRaisesRegex(implicit.ConvergenceError, "the solver reported: The iteration is not making"):
            grad(lambda a: optimize.root(lambda x: x * x + a, 1.0).x[0])(2.0)

    def test_minima(self) -> None:
        from wengert.scipy.optimize import minimize

        self.check(lambda a: minimize(lambda x: np.sum((x - a) ** 2 + x**4), [1.0], tol=1e-12).x[0], 1.3)

        def bounded(a: Any) -> Any:
            f = lambda x: (x[0] - a) ** 2 + (x[1] - a * x[0]) ** 4 + x[1] ** 2  # noqa: E731
            return minimize(f, [0.0, 0.1], bounds=[(None, 0.4), (None, None)], tol=1e-14).x[1]

        self.check(bounded, 1.3, 3)

        def constrained(a: Any) -> Any:
            f = lambda x: (x[0] - 2) ** 2 * a + (x[1] - 1) ** 2  # noqa: E731
            disc = {"type": "ineq", "fun": lambda x: 2 - np.sum(x**2)}
            return minimize(f, [0.1, 0.1], constraints=disc, options={"ftol": 1e-12}).x[0]

        self.check(constrained, 1.3, 3)
        with self.assertRaisesRegex(np.linalg.LinAlgError, "a bound with a multiplier of 0"):
            grad(lambda a: minimize(lambda x: np.sum((x - a) ** 2), [0.5], bounds=[(1.3, 2)]).x[0])(1.3)

    def test_fits(self) -> None:
        from wengert.scipy import optimize

        t = np.linspace(0, 1, 9)
        y = np.exp(t / 2) + 0.05 * np.sin(9 * t)
        tight = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}
        for loss in ("linear", "soft_l1", "cauchy"):
            options = {"loss": loss, **tight}

            def fit(s: Any, options: Any = options) -> Any:
                f = lambda p: p[0] * np.exp(p[1] * t) - y * s  # noqa: E731
                return optimize.least_squares(f, [1.0, 0.1], **options).x[0]

            self.check(fit, 1.1, 3)
        for k in (0, 1):
            self.check(
                lambda s, k=k: np.sum(optimize.curve_fit(lambda t, a, b: a * np.exp(b * t), t, y * s)[k]), 1.1, 3
            )

    def test_integrals(self) -> None:
        from wengert.scipy import integrate

        self.check(lambda a: integrate.quad(lambda t, b: np.exp(-a * t * t) * b, a * a, 2 * a, args=(a,))[0], 0.7)
        self.check(lambda a: integrate.quad(lambda t: np.exp(-a * t * t), -np.inf, a)[0], 0.7)
        self.check(lambda a: integrate.dblquad(lambda y, x: a * x * y * y, 0, a, 0, lambda x: x * a)[0], 0.7)
        with self.assertRaisesRegex(TypeError, "does not take weight="):
            grad(lambda a: integrate.quad(lambda t: a * t, 0, 1, weight="cos", wvar=2)[0])(0.7)
        with self.assertRaisesRegex(implicit.ConvergenceError, "SciPy reported"):
            grad(lambda a: integrate.quad(lambda t: t ** (-2 * a), 0, 1)[0])(1.0)

    def test_differential_equations(self) -> None:
        from wengert.scipy import integrate

        def lotka(t: Any, y: Any, a: Any) -> Any:
            return [a * y[0] - 0.5 * y[0] * y[1], -y[1] + 0.3 * y[0] * y[1]]

        def hit(t: Any, y: Any) -> Any:
            return y[0]

        hit.terminal = True  # type: ignore[attr-defined]
        tight = {"rtol": 1e-9, "atol": 1e-9}
        methods = (("RK45", "discrete"), ("DOP853", "discrete"), ("RK45", "continuous"), ("LSODA", "continuous"))
        for method, adjoint in methods:
            options = {"method": method, "adjoint": adjoint, **tight}
            with self.subTest(options):

                def solve(f: Any, span: Any, y0: Any, o: Any = options, **more: Any) -> Any:
                    return integrate.solve_ivp(f, span, y0, **o, **more)

                self.check(
                    lambda a, s=solve: np.sum(s(lotka, (0, 1), np.stack([1 + a, a]), args=(a,)).y[:, -1]), 0.8, 4
                )
                self.check(lambda a, s=solve: s(lambda t, y: np.cos(t * y), (a / 2, 1 + a), [0.3]).y[0, -1], 0.8, 4)
                fall = lambda a, s=solve: s(lambda t, y: [y[1], -9.8 * a], (0, 5), [1.0, 3.0], events=hit)  # noqa: E731
                self.check(lambda a, f=fall: f(a).t[-1], 0.8, 4)
        with self.assertRaisesRegex(ValueError, "take adjoint='continuous'"):
            grad(lambda a: integrate.solve_ivp(lotka, (0, 1), [a, a], "BDF", args=(a,), adjoint="discrete").y[0, -1])(
                1.0
            )


if __name__ == "__main__":
    unittest.main()
