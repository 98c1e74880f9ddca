"""Forward mode: tangents of every row of the table, nested transforms, and points without a derivative."""

import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from tests.cases import Case
from tests.test_derivatives import MODULES, is_floating, parts, single
from tests.test_transforms import assert_array, rng
from wengert import Function, Variable, grad, hessian, hvp, jacobian, jvp, linearize, vjp
from wengert.checks.refusals import name_of
from wengert.forward.elementwise import Undetermined
from wengert.forward.walk import Tangents
from wengert.transforms.products import pulled_twice
from wengert.transforms.recording import Recorded

# Rows whose tangents need backward passes: see `wengert.forward.calls`.
BY_WHOLE = ("decompositions", "norms", "linalg", "degeneracy", "scipy_linalg", "scipy_special_functions")


def values(y: Any) -> Any:
    return y.data if isinstance(y, Variable) else np.asarray(y)


def direction(like: np.ndarray) -> np.ndarray:
    t = rng.standard_normal(like.shape)
    return np.asarray(t + 1j * rng.standard_normal(like.shape) if like.dtype.kind == "c" else t).astype(like.dtype)


class TableTest(unittest.TestCase):
    def test_tangents_are_those_of_two_walks_backwards(self) -> None:
        for name, module in MODULES.items():
            for i, case in enumerate(module.CASES):
                for args in (case.args, tuple(map(single, case.args)))[: 1 + case.single]:
                    with self.subTest(name, case=i, function=name_of(case.function)):
                        self.check(name, case, args)

    def check(self, name: str, case: Case, args: Any) -> None:
        places = [k for k, a in enumerate(args) if is_floating(a)]

        def f(*xs: Any) -> Any:
            full = list(args)
            for k, x in zip(places, xs, strict=True):
                full[k] = x
            return [y for y in parts(case.call(*full)) if isinstance(y, Variable)]

        if not places:
            return
        primals = [args[k] for k in places]
        run = Recorded("jvp", f, primals, {}, range(len(primals)))
        named = run.outputs()
        directions = [direction(x) for x in primals]
        is_double = args is case.args
        for differentiable in (False, True)[: case.order if is_double else 1]:
            try:
                expected = pulled_twice(run, named, directions, differentiable)
            except TypeError as error:  # no second derivative
                self.assertRegex(str(error), "real numbers only")
                return
            try:
                found = Tangents([y for _, y in named], run.inputs).of(directions, differentiable)
            except (Undetermined, np.linalg.LinAlgError):
                self.assertIn(name, (*BY_WHOLE, "special"))
                continue
            for t, e, (_, y) in zip(found, expected, named, strict=True):
                t, e = np.zeros(y.shape) if t is None else values(t), values(e)
                self.assertEqual(t.shape, y.shape)
                is_precise = all(x.dtype.itemsize == 8 * (1 + (x.dtype.kind == "c")) for x in (*primals, y))
                tolerance = 1e-9 if is_precise else 2e-3
                largest = max(1, np.max(np.abs(e), initial=0))
                np.testing.assert_allclose(t, e, rtol=tolerance, atol=tolerance * largest)


def network(x: Any) -> Any:
    h = np.tanh(x @ np.array([[1.0, 0.5], [-0.3, 2.0]]))
    return np.sum(np.exp(-h * h) * x, axis=-1)


def trajectory(x: Any) -> Any:
    for _ in range(3):
        x = x + 0.1 * np.stack([x[1], -np.sin(x[0])])
    return np.sum(x * x)


class NestedTest(unittest.TestCase):
    def test_the_order_of_transforms_does_not_matter(self) -> None:
        for f in (
            lambda x: np.sum(network(x)),
            trajectory,
            lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), x**3)),
        ):
            x, u, v = rng.standard_normal((3, 2))
            expected = u @ hessian(f)(x) @ v

            def along(g: Any, v: Any) -> Any:
                return lambda z, g=g, v=v: jvp(g, (z,), (v,))[1]

            found = [
                along(along(f, u), v)(x),
                u @ grad(along(f, v))(x),
                u @ along(grad(f), v)(x),
                u @ hvp(f, (x,), (v,))[0],
                grad(lambda x, f=f, v=v: grad(f)(x) @ v)(x) @ u,
                u @ jacobian(grad(f), mode="forward")(x) @ v,
                u @ jacobian(grad(f), mode="reverse")(x) @ v,
                linearize(grad(f), x)[1](u) @ v,
            ]
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
            step = 1e-5
            central = (grad(f)(x + step * v) - grad(f)(x - step * v)) @ u / (2 * step)
            np.testing.assert_allclose(expected, central, rtol=1e-5, atol=1e-7)

    def test_third_derivatives(self) -> None:
        def along(g: Any) -> Any:
            return lambda x: jvp(g, (x,), (1.0,))[1]

        for transforms in ((grad, along, grad), (along, along, along), (along, grad, along), (grad, grad, along)):
            g: Any = np.sin
            for transform in transforms:
                g = transform(g)
            np.testing.assert_allclose(g(0.3), -np.cos(0.3))

    def test_perturbations_are_not_confused(self) -> None:
        found = jvp(lambda x: x * jvp(lambda y: x + y, (1.0,), (1.0,))[1], (2.0,), (1.0,))[1]
        assert_array(self, found, 1.0)
        found = grad(lambda x: x * jvp(lambda y: x * y, (1.0,), (1.0,))[1])(2.0)
        assert_array(self, found, 4.0)

    def test_parameters_in_the_closure_and_tangents_that_are_variables(self) -> None:
        w = Variable(np.array([2.0, 3.0]))
        _, t = jvp(lambda x: w * x * x, (np.array([1.0, 2.0]),), (np.ones(2),))
        np.sum(t).backward()
        assert_array(self, w.grad, np.array([2.0, 4.0]))
        v = Variable(np.array([1.0, -1.0]))
        _, t = jvp(lambda x: x**3, (np.array([1.0, 2.0]),), (v,))
        np.sum(t).backward()
        assert_array(self, v.grad, np.array([3.0, 12.0]))

    def test_writes_checkpoints_fused_and_compiled_calls(self) -> None:
        def writes(x: Any) -> Any:
            y = np.zeros(3, like=x)
            y[:2] = x * x
            y[1] *= x[0]
            return y

        compiled = [wengert.compile(network)] if wengert_has_compiler() else []
        parts_of = [writes, network, wengert.checkpoint(network), *compiled, wengert.functions.gelu]
        for f in parts_of:
            x, v = rng.standard_normal((2, 2))
            expected = jacobian(f, mode="reverse")(x) @ v
            np.testing.assert_allclose(jvp(f, (x,), (v,))[1], expected, rtol=1e-9)
            np.testing.assert_allclose(jacobian(f, mode="forward")(x) @ v, expected, rtol=1e-9)
            second = grad(lambda x, f=f, v=v: np.sum(jvp(f, (x,), (v,))[1]))(x)
            np.testing.assert_allclose(second, hessian(lambda x, f=f: np.sum(f(x)))(x) @ v, rtol=1e-8, atol=1e-12)

    @unittest.skipUnless(hasattr(wengert, "compile"), "no compiler")
    def test_compiled(self) -> None:
        x, v = rng.standard_normal((2, 2))
        f = wengert.compile(lambda x, v: jvp(network, (x,), (v,))[1])
        for _ in range(3):
            np.testing.assert_allclose(f(x, v), jvp(network, (x,), (v,))[1], rtol=1e-12)
        h = wengert.compile(lambda x, v: hvp(lambda x: np.sum(network(x)), (x,), (v,))[0])
        for _ in range(3):
            np.testing.assert_allclose(h(x, v), hvp(lambda x: np.sum(network(x)), (x,), (v,))[0], rtol=1e-12)


def wengert_has_compiler() -> bool:
    return hasattr(wengert, "compile")


class Cube(Function):
    def forward(self, x: Any) -> Any:
        return x**3

    def backward(self, gy: Any) -> Any:
        return 3 * self.input.data**2 * gy


class CubeWithTangent(Cube):
    calls = 0

    def jvp(self, t: Any) -> Any:
        CubeWithTangent.calls += 1
        return 3 * self.input.data**2 * t


class FunctionTest(unittest.TestCase):
    def test_functions_of_the_users(self) -> None:
        x, v = np.array([1.0, -2.0]), np.array([0.5, 1.0])
        for kind in (Cube, CubeWithTangent):
            assert_array(self, jvp(lambda x, k=kind: k()(x), (x,), (v,))[1], 3 * x * x * v)
            found = jvp(lambda x, k=kind: jvp(lambda x: k()(x), (x,), (v,))[1], (x,), (v,))[1]
            np.testing.assert_allclose(found, 6 * x * v * v)
            np.testing.assert_allclose(hvp(lambda x, k=kind: np.sum(k()(x)), (x,), (v,))[0], 6 * x * v)
        self.assertGreater(CubeWithTangent.calls, 0)

    def test_a_pullback_in_the_place_of_ours_is_the_derivative(self) -> None:
        @wengert.dispatched
        def straight(a: Any) -> Any:
            return np.round(a)

        @wengert.pullback(straight, "a", reads="")
        def straight_through(gy: Any, a: Any) -> Any:
            return 2 * gy

        assert_array(self, jvp(straight, (np.array([0.4]),), (np.array([3.0]),))[1], np.array([6.0]))

    def test_linear_is_a_flag(self) -> None:
        with self.assertRaisesRegex(TypeError, "linear of pullback must be True or False"):
            wengert.pullback(np.flip, "m", linear="yes")  # type: ignore[arg-type]

    def test_linearize_runs_the_function_once(self) -> None:
        runs = []

        def f(p: Any) -> Any:
            runs.append(1)
            return {"y": p["a"] * p["b"], "n": None}

        y, push = linearize(f, {"a": np.array([1.0, 2.0]), "b": 3.0})
        for t in (1.0, 2.0):
            assert_array(self, push({"a": None, "b": t})["y"], t * np.array([1.0, 2.0]))
        self.assertEqual(len(runs), 1)
        self.assertIsNone(y["n"])
        with self.assertRaisesRegex(TypeError, "no arguments"):
            linearize(f)
        with self.assertRaisesRegex(ValueError, "one vector for each argument"):
            push()

    def test_modes(self) -> None:
        x = np.array([1.0, 2.0])
        for mode in (None, "forward", "reverse"):
            assert_array(self, jacobian(lambda x: x * x, mode=mode)(x), np.diag(2 * x))
        with self.assertRaisesRegex(ValueError, "mode of jacobian must be one of None, 'forward', 'reverse'"):
            jacobian(np.sin, mode="both")
        with self.assertRaisesRegex(TypeError, "has the gradients as rows"):
            jacobian(np.abs, mode="forward")(np.array([1j]))

    def test_the_tangent_is_the_callers_own(self) -> None:
        v = np.ones(2)
        _, t = jvp(lambda x: x, (np.zeros(2),), (v,))
        t[0] = 5
        self.assertEqual(v[0], 1)
        _, (a, b) = jvp(lambda x: (x, x[:1]), (np.zeros(2),), (v,))
        a += 1
        self.assertEqual(b[0], 1)


class SingularTest(unittest.TestCase):
    def test_conventions_are_those_of_gradients(self) -> None:
        functions: list[tuple[Callable[..., Any], np.ndarray]] = [
            (np.abs, np.zeros(2)),
            (lambda x: np.linalg.norm(x), np.zeros(2)),
            (lambda x: np.linalg.norm(x) ** 2, np.zeros(2)),
            (lambda x: np.sqrt(np.sum(x * x)), np.zeros(2)),
            (lambda x: np.where(x > 0, np.sqrt(x), 0), np.array([0.0, 1.0])),
            (lambda x: np.sqrt(x) * np.array([0.0, 1.0]), np.array([0.0, 1.0])),
            (np.sqrt, np.array([0.0, 1.0])),
            (lambda x: np.maximum(x, 0), np.zeros(2)),
            (lambda x: np.max(x), np.ones(2)),
            (lambda x: x**0.5 * x**0.5, np.array([0.0, 1.0])),
            (lambda x: np.exp(-1 / x**2), np.array([0.0, 1.0])),
        ]
        with np.errstate(all="ignore"):
            for i, (f, x) in enumerate(functions):
                with self.subTest(i):
                    v = np.array([1.0, 2.0])
                    run = Recorded("jvp", f, (x,), {}, [0])
                    expected = pulled_twice(run, run.outputs(), [v], False)
                    np.testing.assert_allclose(jvp(f, (x,), (v,))[1], expected[0])

    def test_a_double_root_in_second_derivatives(self) -> None:
        x, v = np.array([0.0, 4.0]), np.ones(2)
        found = hvp(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0)), (x,), (v,))[0]
        np.testing.assert_allclose(found, [0, -1 / 32])
        found = jvp(lambda x: jvp(lambda x: np.where(x > 0, np.sqrt(x), 0), (x,), (v,))[1], (x,), (v,))[1]
        np.testing.assert_allclose(found, [0, -1 / 32])

    def test_decompositions(self) -> None:
        a, v = rng.standard_normal((2, 3, 3))
        for f in (np.linalg.svdvals, np.linalg.eigvalsh, np.linalg.det, np.linalg.inv, lambda a: np.linalg.qr(a)[1]):
            (g,) = vjp(f, a)[1](np.ones(np.shape(f(a))))
            np.testing.assert_allclose(np.sum(jvp(f, (a,), (v,))[1]), np.sum(g * v), rtol=1e-8)

    def test_empty_and_of_no_dimensions(self) -> None:
        assert_array(self, jvp(lambda x: np.sum(x * x), (np.zeros(0),), (np.zeros(0),))[1], np.zeros(()))
        assert_array(self, jvp(lambda x: x * np.ones((2, 1)), (3.0,), (2.0,))[1], np.full((2, 1), 2.0))
        self.assertEqual(jvp(np.sin, (np.float32(0),), (1.0,))[1].dtype, np.float32)


if __name__ == "__main__":
    unittest.main()
