"""vjp, jvp, hvp, jacobian and hessian: values, structures and costs."""

import unittest
from typing import Any

import numpy as np

import wengert
from tests.test_transforms import assert_array, rng, x3
from wengert import Variable, grad, hessian, hvp, jacobian, jvp, vjp


class ProductsTest(unittest.TestCase):
    def test_vjp_of_containers(self) -> None:
        a, b = rng.standard_normal((2, 3)), rng.standard_normal((3, 4))
        y, pullback = vjp(lambda p: {"ab": p["a"] @ p["b"], "c": [2.0, p["a"] > 0]}, {"a": a, "b": b})
        assert_array(self, y["ab"], a @ b)
        self.assertEqual(y["c"][0], 2.0)
        gy = rng.standard_normal((2, 4))
        for _ in range(2):
            (g,) = pullback({"ab": gy, "c": None})
            assert_array(self, g["a"], gy @ b.T)
            assert_array(self, g["b"], a.T @ gy)
        (g,) = pullback({"c": [1.0, np.zeros((2, 3))], "ab": None})
        assert_array(self, g["a"], np.zeros((2, 3)))

    def test_vjp_survives_writing_to_its_arguments(self) -> None:
        x = x3.copy()
        y, pullback = vjp(lambda x: x * x, x)
        x *= 0
        assert_array(self, pullback(np.ones(3))[0], 2 * x3)
        assert_array(self, y, x3 * x3)

    def test_vjp_casts_what_it_is_given(self) -> None:
        _, pullback = vjp(np.sin, x3.astype(np.float32))
        self.assertEqual(pullback(np.array([1, 2, 3]))[0].dtype, np.float32)

    def test_the_gradient_given_to_the_identity_is_not_shared(self) -> None:
        gy = np.ones(3)
        (gx,) = vjp(lambda x: x, x3)[1](gy)
        gx *= 2
        np.testing.assert_array_equal(gy, 1)

    def test_jvp_is_the_jacobian_times_the_vector(self) -> None:
        a, da = rng.standard_normal((2, 3, 2))
        b, db = rng.standard_normal((2, 2, 4))

        def f(a: Any, b: Any) -> Any:
            return np.exp(a) @ b, np.sum(a) * 1.0, 4.0, np.sum(a.shape)

        y, dy = jvp(f, (a, b), (da, db))
        assert_array(self, y[0], np.exp(a) @ b)
        assert_array(self, dy[0], (np.exp(a) * da) @ b + np.exp(a) @ db)
        assert_array(self, dy[1], np.sum(da))
        assert_array(self, dy[2], 0.0)
        assert_array(self, dy[3], 0.0)
        np.testing.assert_allclose(jvp(f, (a, b), (None, db))[1][0], np.exp(a) @ db)

    def test_jvp_and_vjp_are_adjoint_for_complex_numbers(self) -> None:
        z, dz = rng.standard_normal((2, 3)) + 1j * rng.standard_normal((2, 3))
        gy = rng.standard_normal(3) + 1j * rng.standard_normal(3)

        def f(z: Any) -> Any:
            return z**2 * np.abs(z) + np.conjugate(z)

        _, dy = jvp(f, (z,), (dz,))
        (gz,) = vjp(f, z)[1](gy)
        self.assertAlmostEqual(np.sum(np.conjugate(gy) * dy).real, np.sum(np.conjugate(gz) * dz).real)
        step = 1e-6
        np.testing.assert_allclose(dy, (f(z + step * dz) - f(z - step * dz)) / (2 * step), rtol=1e-6)
        _, dy = jvp(lambda x: np.exp(1j * x), (x3,), (x3,))
        np.testing.assert_allclose(dy, 1j * x3 * np.exp(1j * x3))

    def test_jvp_at_a_masked_pole(self) -> None:
        x = np.array([0.0, 4.0])
        assert_array(self, jvp(lambda x: np.where(x > 0, np.sqrt(x), 0), (x,), (np.ones(2),))[1], np.array([0, 0.25]))

    def test_hvp(self) -> None:
        a = rng.standard_normal((3, 3))

        def f(x: Any, p: Any) -> Any:
            return np.sum(np.sin(a @ x)) * p["s"] ** 2

        x, s = x3, np.array(1.5)
        v, ds = rng.standard_normal(3), np.array(0.3)
        hx, hp = hvp(f, (x, {"s": s}), (v, {"s": ds}))
        blocks = hessian(f, (0, 1))(x, {"s": s})
        assert_array(self, hx, blocks[0][0] @ v + blocks[0][1]["s"] * ds)
        assert_array(self, hp["s"], blocks[1]["s"][0] @ v + blocks[1]["s"][1]["s"] * ds)

    def test_hvp_of_a_linear_function_and_of_a_complex_argument(self) -> None:
        assert_array(self, hvp(np.sum, (x3,), (x3,))[0], np.zeros(3))
        z = np.array([1 + 2j, -1j])
        assert_array(self, hvp(lambda z: np.sum(np.abs(z) ** 2), (z,), (z * 1j,))[0], 2j * z)

    def test_hvp_costs_less_than_four_gradients(self) -> None:
        calls = []

        @wengert.dispatched
        def product(a: Any, b: Any) -> Any:
            calls.append(1)
            return a @ b

        @wengert.pullback(product, "a", reads="b", linear=True)
        def by_a(gy: Any, a: Any, b: Any) -> Any:
            return product(gy, np.swapaxes(b, 0, 1))

        @wengert.pullback(product, "b", reads="a", linear=True)
        def by_b(gy: Any, a: Any, b: Any) -> Any:
            return product(np.swapaxes(a, 0, 1), gy)

        runs = []

        def f(ws: Any) -> Any:
            runs.append(1)
            h = np.ones((2, 3))
            for w in ws:
                h = np.tanh(product(h, w))
            return np.sum(h)

        ws = [rng.standard_normal((3, 3)) for _ in range(5)]
        grad(f)(ws)
        of_grad, runs_of_grad = len(calls), len(runs)
        hvp(f, (ws,), (ws,))
        self.assertEqual((runs_of_grad, len(runs)), (1, 2))
        self.assertLessEqual(len(calls) - of_grad, 4 * of_grad)


class MatricesTest(unittest.TestCase):
    def test_shapes_by_rows_and_by_columns(self) -> None:
        for n, m in ((3, 2), (2, 40), (0, 3), (3, 0), (1, 1)):
            a, x = rng.standard_normal((m, n)), rng.standard_normal(n)
            assert_array(self, jacobian(lambda x, a=a: a @ np.sin(x))(x), a * np.cos(x))
            j = jacobian(lambda x, a=a: np.sin(a @ np.sin(x)))(Variable(x))
            self.assertIsInstance(j, Variable)
            np.testing.assert_allclose(j.data, np.cos(a @ np.sin(x))[:, None] * a * np.cos(x))
        j = jacobian(lambda x: np.sum(x, axis=0, keepdims=True))(np.ones((2, 3)))
        self.assertEqual(j.shape, (1, 3, 2, 3))
        self.assertEqual(jacobian(lambda x: np.stack([x] * 100))(np.float32(1)).dtype, np.float32)

    def test_the_function_runs_once(self) -> None:
        runs = []
        jacobian(lambda x: (runs.append(1), np.sin(x))[1])(x3)
        jacobian(lambda x: (runs.append(1), np.sin(x) * np.ones((9, 3)))[1])(x3)
        hessian(lambda x: (runs.append(1), np.sum(x**3))[1])(x3)
        self.assertEqual(len(runs), 3)

    def test_tall_jacobians_take_one_walk_for_each_argument(self) -> None:
        walks = []

        @wengert.dispatched
        def twice(a: Any) -> Any:
            return 2 * a

        @wengert.pullback(twice, "a", reads="")
        def by_a(gy: Any, a: Any) -> Any:
            walks.append(1)
            return twice(gy)

        j = jacobian(lambda x: twice(x) * np.arange(1000.0))(3.0)
        assert_array(self, j, 2 * np.arange(1000.0))
        self.assertLessEqual(len(walks), 2)

    def test_structures(self) -> None:
        def f(p: Any, q: Any) -> Any:
            return {"y": p["a"] * q, "z": (np.sum(p["b"]) * 1.0, 2.0)}

        p = {"a": np.ones(2), "b": np.ones((3, 1))}
        j = jacobian(f, (0, 1))(p, np.array([3.0, 4.0]))
        assert_array(self, j["y"][0]["a"], np.diag([3.0, 4.0]))
        assert_array(self, j["y"][1], np.eye(2))
        assert_array(self, j["z"][0][0]["b"], np.ones((3, 1)))
        assert_array(self, j["z"][1][1], np.zeros(2))
        h = hessian(lambda p: np.sum(p["a"] ** 2) * np.sum(p["b"]))(p)
        assert_array(self, h["a"]["a"], 6 * np.eye(2))
        assert_array(self, h["a"]["b"], np.full((2, 3, 1), 2.0))
        assert_array(self, h["b"]["a"], np.full((3, 1, 2), 2.0))
        assert_array(self, h["b"]["b"], np.zeros((3, 1, 3, 1)))

    def test_hessian_is_the_jacobian_of_the_gradient(self) -> None:
        a = rng.standard_normal((3, 3))

        def f(x: Any) -> Any:
            return np.sum(np.tanh(a @ x)) ** 2

        assert_array(self, hessian(f)(x3), jacobian(jacobian(f))(x3))
        assert_array(self, hessian(lambda x: np.sum(x))(x3), np.zeros((3, 3)))

    def test_by_complex_arguments_the_rows_are_gradients(self) -> None:
        z = np.array([1 + 2j, 3 - 1j])
        j = jacobian(lambda z: np.stack([np.sum(np.abs(z) ** 2)] * 20 + [np.real(z[0])]))(z)
        assert_array(self, j[0], 2 * z)
        assert_array(self, j[-1], np.array([1 + 0j, 0j]))


if __name__ == "__main__":
    unittest.main()
