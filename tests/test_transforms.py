"""grad, value_and_grad, vjp, jvp, jacobian, hessian, hvp: values, structures, nesting, errors."""

import unittest
from typing import Any, NamedTuple

import numpy as np

import wengert
from wengert import Function, Parameter, Variable, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from wengert.checks.errors import GraphError

rng = np.random.default_rng(0)
x3 = np.array([0.5, -1.0, 2.0])


class Pair(NamedTuple):
    u: Any
    v: Any


def loss(x: Any) -> Any:
    return np.sum(np.sin(x) * x)


def assert_array(test: unittest.TestCase, found: Any, expected: Any) -> None:
    """The same numbers, in a plain array of the same shape and dtype."""
    test.assertIs(type(found), np.ndarray)
    expected = np.asarray(expected)
    test.assertEqual((found.shape, found.dtype), (expected.shape, expected.dtype))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


class GradTest(unittest.TestCase):
    def test_values_dtypes_and_plain_arrays(self) -> None:
        assert_array(self, grad(loss)(x3), np.cos(x3) * x3 + np.sin(x3))
        y, gx = value_and_grad(loss)(x3)
        assert_array(self, y, np.sum(np.sin(x3) * x3))
        assert_array(self, gx, grad(loss)(x3))
        self.assertEqual(grad(loss)(x3.astype(np.float32)).dtype, np.float32)
        assert_array(self, grad(loss)(0.5), np.cos(0.5) * 0.5 + np.sin(0.5))
        assert_array(self, grad(loss)(np.float32(0.5)), np.float32(np.cos(0.5) * 0.5 + np.sin(0.5)).reshape(()))

    def test_complex(self) -> None:
        z = np.array([1.0 + 2j, -0.5j])
        assert_array(self, grad(lambda z: np.sum(np.abs(z) ** 2))(z), 2 * z)

    def test_results_may_be_written_to_and_do_not_share_memory(self) -> None:
        x = np.ones(3)
        ga, gb = grad(lambda a, b: np.sum(a + b), argnums=(0, 1))(x, x)
        ga *= 5
        np.testing.assert_array_equal(gb, 1)
        y, gx = value_and_grad(lambda x: x)(np.array(2.0))
        y += 1
        gx += 1
        self.assertEqual((y, gx), (3.0, 2.0))

    def test_argnums(self) -> None:
        def f(a: Any, b: Any, c: Any = 1.0) -> Any:
            return a * b**2 * c

        assert_array(self, grad(f, 1)(2.0, 3.0), 12.0)
        assert_array(self, grad(f, -1)(2.0, 3.0), 12.0)
        assert_array(self, grad(f)(2.0, 3.0, c=2.0), 18.0)
        gb, ga = grad(f, (1, 0))(2.0, 3.0)
        assert_array(self, gb, 12.0)
        assert_array(self, ga, 9.0)
        assert_array(self, grad(f, [0])(2.0, 3)[0], 9.0)

    def test_containers(self) -> None:
        p = {"w": [x3, 2.0], "p": Pair(np.ones((2, 1)), None), "e": (), "unused": np.ones(2)}
        g = grad(lambda p: np.sum(p["w"][0]) * p["w"][1] + np.sum(p["p"].u ** 2))(p)
        self.assertEqual(list(g), ["w", "p", "e", "unused"])
        assert_array(self, g["w"][0], np.full(3, 2.0))
        assert_array(self, g["w"][1], np.sum(x3))
        self.assertIsInstance(g["p"], Pair)
        assert_array(self, g["p"].u, np.full((2, 1), 2.0))
        self.assertIsNone(g["p"].v)
        self.assertEqual(g["e"], ())
        assert_array(self, g["unused"], np.zeros(2))
        self.assertEqual(grad(lambda p, x: x * 2.0)({}, 1.0), {})
        self.assertIsNone(grad(lambda p, x: x * 2.0)(None, 1.0))

    def test_aux(self) -> None:
        def f(x: Any) -> Any:
            return np.sum(x**2), {"half": x / 2, "note": "text"}

        gx, aux = grad(f, has_aux=True)(x3)
        assert_array(self, gx, 2 * x3)
        assert_array(self, aux["half"], x3 / 2)
        self.assertEqual(aux["note"], "text")
        (y, aux), gx = value_and_grad(f, has_aux=True)(x3)
        assert_array(self, y, np.sum(x3**2))
        assert_array(self, gx, 2 * x3)

    def test_constants_have_gradient_zero(self) -> None:
        assert_array(self, grad(lambda x: 3.0)(x3), np.zeros(3))
        assert_array(self, grad(lambda x: np.array(3.0))(x3), np.zeros(3))
        assert_array(self, grad(lambda x, y: np.sum(y), 0)(x3, Variable(x3).data), np.zeros(3))

    def test_the_function_gets_variables_by_argnums_only(self) -> None:
        seen = []
        grad(lambda x, y, z: seen.extend((x, y, z)) or np.sum(x["a"]) * y)({"a": x3}, 2.0, 3)  # type: ignore[func-returns-value]
        self.assertIsInstance(seen[0]["a"], Variable)
        self.assertEqual(seen[1:], [2.0, 3])

    def test_names(self) -> None:
        self.assertEqual(grad(loss).__name__, "grad(loss)")
        self.assertEqual(hessian(loss).__name__, "hessian(loss)")


class NestingTest(unittest.TestCase):
    def test_perturbations_are_not_confused(self) -> None:
        self.assertEqual(grad(lambda x: x * grad(lambda y: x + y)(1.0))(2.0), 1.0)
        self.assertEqual(grad(lambda x: x * grad(lambda y: x * y)(1.0))(2.0), 4.0)
        # d/dx [x * d/dy [y * d/dz (x y z)]] = d/dx [x * 2 x y] at y = 3
        nested = grad(lambda x: x * grad(lambda y: y * grad(lambda z: x * y * z)(5.0))(3.0))
        self.assertAlmostEqual(float(nested(2.0)), 4 * 2.0 * 3.0)

    def test_three_deep(self) -> None:
        self.assertAlmostEqual(float(grad(grad(grad(np.sin)))(0.7)), -np.cos(0.7))
        self.assertAlmostEqual(float(grad(grad(grad(lambda x: x**5)))(2.0)), 60 * 4.0)

    def test_an_inner_derivative_at_the_outer_argument(self) -> None:
        f = grad(lambda x: grad(lambda y: x * y**3)(x))  # d/dx 3 x^3
        self.assertAlmostEqual(float(f(2.0)), 36.0)
        g = grad(lambda x: np.sum(jacobian(lambda y: y * y * x)(x)))  # d/dx sum 2 x^2
        np.testing.assert_allclose(g(x3), 4 * x3)

    def test_an_inner_derivative_that_does_not_depend_on_the_outer_argument(self) -> None:
        inner = []
        gx = grad(lambda x: (inner.append(grad(lambda y: 3 * y**2)(1.0)), x * inner[0])[1])(2.0)
        self.assertIs(type(inner[0]), np.ndarray)
        self.assertEqual(gx, 6.0)

    def test_what_depends_on_nothing_is_plain_zeros(self) -> None:
        functions = {
            "hessian": lambda: hessian(lambda x: 1.0)(x3),
            "hessian by another": lambda: hessian(lambda x, y: np.sum(y))(x3, x3),
            "grad": lambda: grad(lambda x: np.sum(grad(lambda y: 1.0)(x)))(x3),
            "jacobian": lambda: jacobian(lambda x: jvp(lambda y: np.ones(3), (x,), (x,))[1])(x3),
        }
        for name, f in functions.items():
            with self.subTest(name):
                found = f()
                self.assertIs(type(found), np.ndarray)
                np.testing.assert_array_equal(found, 0)

    def test_every_transform_inside_every_other(self) -> None:
        def cube(x: Any) -> Any:
            return x**3

        inner = {
            "grad": lambda x: grad(lambda y: np.sum(cube(y)))(x),
            "closure": lambda x: grad(lambda y: np.sum(y * 3 * x**2))(np.ones(3)),
            "value_and_grad": lambda x: value_and_grad(lambda y: np.sum(cube(y)))(x)[1],
            "vjp": lambda x: vjp(cube, x)[1](np.ones(3))[0],
            "vjp by gy": lambda x: vjp(lambda y: 3 * y**2 * np.ones(3), np.ones(3))[1](x * x / 2)[0],
            "jvp": lambda x: jvp(cube, (x,), (np.ones(3),))[1],
            "jvp by tangent": lambda x: jvp(lambda y: 3 * y, (np.ones(3),), (x * x,))[1],
            "jacobian": lambda x: np.sum(jacobian(cube)(x), axis=0),
            "hessian": lambda x: np.sum(hessian(lambda y: np.sum(y**4) / 4)(x), axis=0),
            "hvp": lambda x: hvp(lambda y: np.sum(y**3) / 2, (x,), (x,))[0],
        }
        outer = {
            "grad": lambda f, x: grad(lambda x: np.sum(f(x)))(x),
            "vjp": lambda f, x: vjp(f, x)[1](np.ones(3))[0],
            "jvp": lambda f, x: jvp(f, (x,), (np.ones(3),))[1],
            "jacobian": lambda f, x: np.sum(jacobian(f)(x), axis=0),
            "hvp": lambda f, x: hvp(lambda x: np.sum(f(x) * x) / 3, (x,), (np.ones(3),))[0] / 3,
        }
        for inside, f in inner.items():  # each is x -> 3 x^2
            np.testing.assert_allclose(f(x3), 3 * x3**2)
            for outside, transform in outer.items():
                with self.subTest(inside=inside, outside=outside):
                    expected = 6 * x3 if outside != "hvp" else 2 * x3
                    assert_array(self, transform(f, x3), expected)

    def test_aux_of_an_inner_derivative_is_differentiated_by_the_outer(self) -> None:
        def f(x: Any) -> Any:
            _, aux = grad(lambda y: (y * x, y * x**2), has_aux=True)(3.0)
            return aux

        self.assertEqual(grad(f)(2.0), 12.0)

    def test_no_grad_inside_is_outside_the_outer_derivative(self) -> None:
        def f(x: Any) -> Any:
            with wengert.no_grad():
                slope = grad(lambda y: y * y * x)(x)
            self.assertIs(type(slope), np.ndarray)
            return x * slope

        self.assertEqual(grad(f)(2.0), 8.0)

    def test_in_no_grad_derivatives_are_computed_all_the_same(self) -> None:
        with wengert.no_grad():
            assert_array(self, grad(loss)(x3), np.cos(x3) * x3 + np.sin(x3))
            assert_array(self, jvp(np.sin, (x3,), (x3,))[1], np.cos(x3) * x3)
            assert_array(self, hvp(loss, (x3,), (x3,))[0], hvp(loss, (x3,), (x3,))[0])
            assert_array(self, grad(loss)(Variable(x3)), np.cos(x3) * x3 + np.sin(x3))
            assert_array(self, hessian(np.sin)(0.5), -np.sin(0.5))


class LiveTest(unittest.TestCase):
    """When results are Variables."""

    def test_by_a_variable(self) -> None:
        x = Variable(x3)
        gx = grad(loss)(x)
        self.assertIsInstance(gx, Variable)
        np.sum(gx).backward()
        np.testing.assert_allclose(x.grad, 2 * np.cos(x3) - x3 * np.sin(x3))

    def test_by_a_parameter_in_the_closure(self) -> None:
        w = Parameter(np.array(3.0))
        gx = grad(lambda x: np.sum(w * w * x**2))(x3)
        np.sum(gx**2).backward()  # sum (2 w^2 x)^2: by w, 16 w^3 x^2
        np.testing.assert_allclose(w.grad, np.sum(16 * 27 * x3**2))
        self.assertIsInstance(value_and_grad(lambda x: w + np.sum(x))(x3)[0], Variable)
        y, pullback = vjp(lambda x: w * x, x3)
        self.assertIsInstance(y, Variable)
        w.cleargrad()
        np.sum(pullback(np.ones(3))[0]).backward()
        np.testing.assert_allclose(w.grad, 3)

    def test_by_a_result_in_the_closure(self) -> None:
        w = Variable(np.array(3.0))
        v = w * w
        grad(lambda x: v * x)(2.0).backward()
        self.assertEqual(w.grad, 6.0)

    def test_a_constant_that_a_function_wraps_is_not_held(self) -> None:
        class Product(Function):
            def forward(self, a: Any, b: Any) -> Any:
                return a * b

            def backward(self, gy: Any) -> Any:
                a, b = (x.data for x in self.inputs)
                return gy * b, gy * a

        def f(x: Any) -> Any:
            total = Variable(np.array(0.0))
            for part in (x, x):
                total = total + np.sum(Product()(part, np.array([1.0, 2.0, 3.0])))
            return total

        assert_array(self, grad(f)(x3), np.array([2.0, 4.0, 6.0]))

    def test_inner_gradients_leave_nothing_on_the_outside(self) -> None:
        w, x = Parameter(np.array(3.0)), Variable(x3)
        grad(lambda x: w * np.sum(x))(x)
        self.assertIsNone(w.grad)
        self.assertIsNone(x.grad)


class ErrorsTest(unittest.TestCase):
    def refuses(self, kind: Any, match: str, call: Any) -> None:
        with self.subTest(match), self.assertRaisesRegex(kind, match):
            call()

    def test_functions(self) -> None:
        for transform in (grad, value_and_grad, jacobian, hessian):
            match = f"{transform.__name__} takes a function, but got ndarray"
            self.refuses(TypeError, match, lambda t=transform: t(x3))
        self.refuses(TypeError, "vjp takes a function", lambda: vjp(x3, x3))
        self.refuses(TypeError, "jvp takes a function", lambda: jvp(x3, (x3,), (x3,)))
        self.refuses(TypeError, "hvp takes a function", lambda: hvp(x3, (x3,), (x3,)))
        self.refuses(TypeError, "checkpoint takes a function", lambda: wengert.checkpoint(x3))

    def test_results(self) -> None:
        self.refuses(ValueError, r"shape \(\), but got shape \(3,\); .*jacobian", lambda: grad(np.sin)(x3))
        self.refuses(ValueError, r"hessian takes .* got shape \(3,\)", lambda: hessian(np.sin)(x3))
        self.refuses(ValueError, r"hvp takes .* got shape \(1,\)", lambda: hvp(np.sin, (np.ones(1),), (np.ones(1),)))
        self.refuses(TypeError, "returns one number, but got NoneType", lambda: grad(lambda x: None)(x3))
        self.refuses(TypeError, "got tuple; .*has_aux=True", lambda: grad(lambda x: (np.sum(x), 1))(x3))
        self.refuses(TypeError, "pair .* but got Variable", lambda: grad(np.sum, has_aux=True)(x3))
        self.refuses(TypeError, "real floating number, but got .*complex128; take np.real", lambda: grad(np.exp)(1j))
        self.refuses(TypeError, "it has no derivative", lambda: grad(lambda x: np.sum(x > 0))(x3))
        self.refuses(TypeError, "np.real and np.imag", lambda: jacobian(np.exp)(np.ones(2) * 1j))
        self.refuses(TypeError, "convert it", lambda: jacobian(np.argmax)(x3))
        self.refuses(TypeError, "real arguments, .*hvp", lambda: hessian(lambda z: np.sum(np.abs(z)))(np.ones(2) * 1j))
        self.refuses(TypeError, r"the result\['a'\] is str", lambda: vjp(lambda x: {"a": "text"}, x3))
        self.refuses(TypeError, r"the result is object", lambda: jvp(lambda x: object(), (x3,), (x3,)))

    def test_a_result_of_no_grad(self) -> None:
        def f(x: Any) -> Any:
            with wengert.no_grad():
                return np.sum(x)

        self.refuses(GraphError, "computed in a no_grad block", lambda: grad(f)(x3))
        self.refuses(GraphError, "computed in a no_grad block", lambda: vjp(f, x3))

    def test_arguments(self) -> None:
        self.refuses(TypeError, "argument 0 is int; convert it", lambda: grad(np.sum)(1))
        self.refuses(TypeError, "bool", lambda: grad(np.sum)(True))
        self.refuses(TypeError, r"argument 0\['n'\]\[1\] is ndarray", lambda: grad(loss)({"n": [1.0, np.arange(3)]}))
        self.refuses(TypeError, "leave it out by argnums", lambda: grad(np.sum)("text"))
        self.refuses(TypeError, "argument 0 is set", lambda: vjp(np.sum, {1.0}))
        self.refuses(TypeError, "holds None", lambda: grad(np.sum)(Variable(None)))
        self.refuses(TypeError, "not supported", lambda: grad(np.sum)(np.ma.ones(2)))
        self.refuses(TypeError, "argnums=1 .* the call has 1", lambda: grad(loss, 1)(x3))
        self.refuses(TypeError, "by position", lambda: grad(loss)(x=x3))
        self.refuses(TypeError, "an int or a tuple of ints, but got 'x'", lambda: grad(loss, "x"))  # type: ignore[arg-type]
        self.refuses(TypeError, "an int or a tuple of ints, but got True", lambda: grad(loss, True))
        self.refuses(ValueError, "each argument once", lambda: grad(loss, (0, -1))(x3))
        self.refuses(TypeError, "missing 1 required", lambda: grad(lambda x, y: x)(x3))
        self.refuses(TypeError, "no arguments", lambda: vjp(np.sum))

    def test_vectors(self) -> None:
        _, pullback = vjp(lambda x: {"y": x}, x3)
        self.refuses(ValueError, r"must be a dict with the parts \['y'\]", lambda: pullback(x3))
        self.refuses(ValueError, r"must be a dict with .* a dict with \['z'\]", lambda: pullback({"z": x3}))
        match = r"shape of the result\['y'\], \(3,\), but got .*\(2,\)"
        self.refuses(ValueError, match, lambda: pullback({"y": x3[:2]}))
        self.refuses(TypeError, "must be real", lambda: pullback({"y": x3 * 1j}))
        self.refuses(TypeError, "must be numbers", lambda: pullback({"y": "a"}))
        self.refuses(ValueError, r"\['y'\] must be an array", lambda: pullback({"y": [x3]}))
        self.refuses(TypeError, r"a tuple of arguments, .* jvp\(f, \(x,\), \(v,\)\)", lambda: jvp(np.sin, x3, x3))  # type: ignore[arg-type]
        self.refuses(TypeError, "a tuple of vectors", lambda: hvp(loss, (x3,), x3))  # type: ignore[arg-type]
        self.refuses(ValueError, "one vector for each argument, but got 1 arguments", lambda: jvp(np.sin, (x3,), ()))
        self.refuses(ValueError, "shape of argument 0", lambda: jvp(np.sin, (x3,), (np.ones(2),)))


if __name__ == "__main__":
    unittest.main()
