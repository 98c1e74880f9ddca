"""checkpoint and flatten."""

import gc
import tracemalloc
import unittest
from typing import Any, NamedTuple

import numpy as np

import wengert
from wengert import Parameter, Variable, check_grad, checkpoint, flatten, grad, hessian, hvp, no_grad
from wengert.checks.errors import GraphError

x3 = np.array([0.5, -1.0, 2.0])


class Pair(NamedTuple):
    u: Any
    v: Any


def deep(x: Any) -> Any:
    return np.tanh(np.exp(np.sin(x)) * x)


class CheckpointTest(unittest.TestCase):
    def test_dropout_is_drawn_again_as_it_was(self) -> None:
        x = Variable(np.arange(1.0, 101.0))
        wengert.seed(3)
        np.sum(wengert.functions.dropout(x * x)).backward()
        expected, after = x.grad, wengert.generator().random()
        x.cleargrad()
        wengert.seed(3)
        y = np.sum(wengert.checkpoint(lambda x: wengert.functions.dropout(x * x))(x))
        with wengert.test_mode():  # a block that has ended, or begun, since the call
            y.backward()
        np.testing.assert_array_equal(x.grad, expected)
        self.assertEqual(wengert.generator().random(), after)

    def test_gradients_to_third_order(self) -> None:
        check_grad(checkpoint(deep), x3, order=3)
        check_grad(lambda x, y: checkpoint(lambda a, b: (a * b, np.sin(a) + b, 3.0))(x, y * x)[:2], x3, x3 + 1)
        check_grad(lambda x: checkpoint(checkpoint(deep))(checkpoint(deep)(x)), x3)
        check_grad(checkpoint(lambda z: z * np.abs(z)), x3 + 1j)

    def test_by_what_it_closes_over(self) -> None:
        w = Parameter(np.array([1.0, 2.0, 3.0]))
        v = w * w
        x = Variable(x3)
        np.sum(checkpoint(lambda x: np.sin(w * x) * v)(x)).backward()
        found = w.grad, x.grad
        w.cleargrad()
        x.cleargrad()
        np.sum(np.sin(w * x) * (w * w)).backward()
        np.testing.assert_allclose(found[0], w.grad)
        np.testing.assert_allclose(found[1], x.grad)
        w.cleargrad()
        checkpoint(lambda: np.sum(w**2))().backward(create_graph=True)
        gw = w.grad
        w.cleargrad()
        np.sum(gw**2).backward()
        np.testing.assert_allclose(w.grad, 8 * w.data)

    def test_inside_transforms(self) -> None:
        f = checkpoint(lambda p: np.sum(deep(p["w"]) ** 2))
        g = lambda p: np.sum(deep(p["w"]) ** 2)  # noqa: E731
        p = {"w": x3}
        np.testing.assert_allclose(grad(f)(p)["w"], grad(g)(p)["w"])
        np.testing.assert_allclose(hessian(f)(p)["w"]["w"], hessian(g)(p)["w"]["w"])
        np.testing.assert_allclose(hvp(f, (p,), (p,))[0]["w"], hvp(g, (p,), (p,))[0]["w"])
        inner = grad(lambda x: x * grad(checkpoint(lambda y: x * y))(1.0))(2.0)
        self.assertEqual(inner, 4.0)

    def test_structures_identity_and_constants(self) -> None:
        x = Variable(x3)
        result = checkpoint(lambda x: {"same": x, "p": Pair(2 * x, None), "n": 3})(x)
        self.assertEqual((result["n"], result["p"].v), (3, None))
        np.sum(result["same"] + result["p"].u).backward()
        np.testing.assert_array_equal(x.grad, 3)
        self.assertEqual(checkpoint(lambda: 3.0)(), 3.0)
        with no_grad():
            self.assertIsNone(checkpoint(deep)(x).creator)
        self.assertEqual(checkpoint(deep).__name__, "deep")

    def test_several_uses_of_one_output(self) -> None:
        x = Variable(x3)
        a, _ = checkpoint(lambda x: (np.sin(x), np.cos(x)))(x)
        np.sum(a * a).backward()
        np.testing.assert_allclose(x.grad, 2 * np.sin(x3) * np.cos(x3))

    def test_it_keeps_less(self) -> None:
        def chain(x: Any) -> Any:
            for _ in range(20):
                x = np.sin(x) * 1.01
            return x

        def kept(f: Any) -> int:
            x = Variable(np.ones(10_000))
            gc.collect()
            tracemalloc.start()
            y = f(f(x))
            size, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            y.backward()
            return size

        self.assertLess(kept(checkpoint(chain)) * 5, kept(chain))

    def test_a_function_that_computes_something_else_when_it_runs_again(self) -> None:
        rng = np.random.default_rng(0)
        x = Variable(x3)
        y = np.sum(checkpoint(lambda x: x * rng.standard_normal(3))(x))
        with self.assertRaisesRegex(GraphError, "same when backward runs it again.*draw random numbers before"):
            y.backward()

    def test_a_parameter_assigned_between(self) -> None:
        w = Parameter(np.array(2.0))
        y = checkpoint(lambda x: np.sum(x) * w)(Variable(x3))
        w.data = np.array(3.0)
        with self.assertRaisesRegex(GraphError, "was assigned since"):
            y.backward()


class FlattenTest(unittest.TestCase):
    def test_round_trip(self) -> None:
        tree = {"w": [np.ones((2, 2)), np.zeros(0)], "p": Pair(np.array(2.0), None), "b": 3.0}
        vector, unflatten = flatten(tree)
        np.testing.assert_array_equal(vector, [1, 1, 1, 1, 2, 3])
        back = unflatten(vector)
        self.assertEqual(back["p"], Pair(np.array(2.0), None))
        np.testing.assert_array_equal(back["w"][0], np.ones((2, 2)))
        self.assertEqual(back["w"][1].shape, (0,))
        self.assertEqual(back["b"], 3.0)
        back["w"][0][:] = 7
        np.testing.assert_array_equal(vector, [1, 1, 1, 1, 2, 3])

    def test_dtypes(self) -> None:
        single = np.ones(2, np.float32)
        self.assertEqual(flatten([single, single])[0].dtype, np.float32)
        vector, unflatten = flatten({"a": single, "b": np.ones(1), "c": np.array(1j)})
        self.assertEqual(vector.dtype, np.complex128)
        back = unflatten(vector)
        self.assertEqual([back[k].dtype for k in "abc"], [np.float32, np.float64, np.complex128])
        self.assertEqual(flatten({})[0].shape, (0,))
        self.assertEqual(flatten({})[1](np.zeros(0)), {})

    def test_derivatives_both_ways(self) -> None:
        tree = {"a": np.array([[1.0, 2.0]]), "b": np.array(3.0, np.float32)}
        vector, unflatten = flatten(tree)

        def f(t: Any) -> Any:
            return np.sum(t["a"] ** 2) * t["b"]

        gv = grad(lambda v: f(unflatten(v)))(vector)
        np.testing.assert_allclose(gv, [6, 12, 5])
        self.assertEqual(gv.dtype, np.float64)
        gt = grad(lambda t: np.sum(flatten(t)[0] ** 2))(tree)
        np.testing.assert_allclose(gt["a"], [[2, 4]])
        np.testing.assert_allclose(gt["b"], 6)
        self.assertIsInstance(flatten({"a": Variable(x3)})[0], Variable)
        np.testing.assert_allclose(hessian(lambda v: f(unflatten(v)))(vector)[0], [6, 0, 2])

    def test_errors(self) -> None:
        with self.assertRaisesRegex(TypeError, r"the tree\['n'\] is int; convert it"):
            flatten({"n": 3})
        with self.assertRaisesRegex(TypeError, r"the tree\[0\] is object"):
            flatten([object()])
        with self.assertRaisesRegex(ValueError, r"a vector of shape \(3,\).*but got .*\(2,\)"):
            flatten(x3)[1](x3[:2])


if __name__ == "__main__":
    unittest.main()
