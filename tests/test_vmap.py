"""vmap: axes, nesting, every pair with the other transforms, per-example gradients, and what is refused."""

import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from wengert import (
    Function,
    Variable,
    checkpoint,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    layers,
    value_and_grad,
    vjp,
    vmap,
)
from wengert.functions import dropout
from wengert.layers import functional_call

RNG = np.random.default_rng(0)
X, Y, W = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2)), RNG.normal(size=(3, 2))


def values(y: Any) -> Any:
    return y.data if isinstance(y, Variable) else y


def loop(f: Callable[..., Any], *args: Any) -> Any:
    return np.stack([values(f(*each)) for each in zip(*args, strict=True)])


def loss(w: Any, x: Any, y: Any) -> Any:
    return np.sum((np.tanh(x @ w) - y) ** 2)


def scalar(x: Any) -> Any:
    """A function of a vector with second derivatives everywhere, by calls of many kinds."""
    z = np.concatenate([np.sin(x), x[::-1] * x[0]])
    return np.sum(np.cumsum(z) * np.max(z)) + np.linalg.norm(np.outer(x, x) + np.eye(3)) * np.prod(x)


class Cube(Function):
    """A Function of a user, in plain NumPy, with a branch on values."""

    def forward(self, x: Any) -> Any:
        self.kept = x * x
        return self.kept * x if np.sum(x) > 0 else x * self.kept

    def backward(self, gy: Any) -> Any:
        return 3 * self.kept * gy


class VmapCase(unittest.TestCase):
    def assert_close(self, found: Any, expected: Any, rtol: float = 1e-10) -> None:
        found, expected = values(found), values(expected)
        self.assertEqual(np.shape(found), np.shape(expected))
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12)


class AxesTest(VmapCase):
    def test_axes_in_and_out(self) -> None:
        self.assert_close(vmap(np.sum)(X), X.sum(1))
        self.assert_close(vmap(np.sum, in_axes=1)(X), X.sum(0))
        self.assert_close(vmap(np.sum, in_axes=(-1,))(X), X.sum(0))
        self.assert_close(vmap(lambda x, w: x @ w, in_axes=(0, None))(X, W), X @ W)
        self.assert_close(vmap(lambda x: x * 2, out_axes=1)(X), 2 * X.T)
        self.assert_close(vmap(lambda x: x * 2, out_axes=-1)(X), 2 * X.T)
        self.assert_close(vmap(lambda x: 1.0)(X), np.ones(4))

    def test_containers(self) -> None:
        def f(d: Any, s: Any = 1.0) -> Any:
            return {"product": d["a"] * d["b"][0] * s, "pair": (np.sum(d["a"]), d["b"][1], None)}

        axes = ({"a": 1, "b": [0, None]},)
        given = {"a": X.T, "b": [Y[:, 0], 2.0]}
        found = vmap(f, in_axes=axes, out_axes={"product": -1, "pair": (0, None, 0)})(given, s=np.full(4, 3.0))
        self.assert_close(found["product"], 3 * X.T * Y[:, 0])
        self.assert_close(found["pair"][0], X.sum(1))
        self.assertEqual(found["pair"][1:], (2.0, None))
        self.assert_close(vmap(lambda p: p[0] + p[1], in_axes=((0, 1),))((X, X.T)), 2 * X)

    def test_sizes_of_0_and_1(self) -> None:
        for n in (0, 1):
            for f, shape in (
                (lambda x: np.sum(np.tanh(x @ W)), ()),
                (grad(lambda x: np.sum(np.tanh(x @ W))), (3,)),
                (hessian(lambda x: np.sum(np.tanh(x @ W))), (3, 3)),
                (lambda x: np.linalg.inv(np.outer(x, x) + np.eye(3)), (3, 3)),
                (lambda x: np.convolve(x, x), (5,)),
                (lambda x: np.reshape(x, (-1, 1)), (3, 1)),
                (lambda x: values(Cube()(x)), (3,)),
            ):
                self.assertEqual(vmap(f)(X[:n]).shape, (n, *shape))
            self.assertEqual(grad(lambda x: np.sum(vmap(scalar)(x)))(X[:n]).shape, (n, 3))

    def test_dtypes(self) -> None:
        for dtype in (np.float32, np.float64, np.complex128, np.int32, bool):
            x = X.astype(dtype)
            self.assertEqual(vmap(lambda x: x + x[0])(x).dtype, (x + x).dtype)
        single = vmap(grad(loss), (None, 0, 0))(*(a.astype(np.float32) for a in (W, X, Y)))
        self.assertEqual(single.dtype, np.float32)
        self.assert_close(single, vmap(grad(loss), (None, 0, 0))(W, X, Y), 1e-4)

    def test_refusals(self) -> None:
        for message, call in (
            ("vmap takes a function, but got int", lambda: vmap(3)),
            ("in_axes of vmap is an int, None, or nested", lambda: vmap(np.sum, in_axes="a")),
            ("out_axes of vmap is an int, None, or nested", lambda: vmap(np.sum, out_axes=1.5)),
            ("one axis for each argument, but got 2 for 1", lambda: vmap(np.sum, in_axes=(0, 0))(X)),
            ("has 4 along the axis 0, and argument 1 has 3", lambda: vmap(np.add)(X, X[:3])),
            ("takes argument 0 along the axis 2, but it is ndarray of shape", lambda: vmap(np.sum, in_axes=2)(X)),
            ("at least one array, but got none", lambda: vmap(np.sum, in_axes=None)(X)),
            ("maps over arrays, .* but argument 0 is str", lambda: vmap(np.sum)("text")),
            ("must have the structure", lambda: vmap(lambda d: d["a"], in_axes=({"b": 0},))({"a": X})),
            ("function that returns arrays, .* but the result is str", lambda: vmap(lambda x: "text")(X)),
            ("gives the result the axis 2 .* but for each it is", lambda: vmap(np.sum, out_axes=2)(X)),
            ("out_axes of vmap has None for the result, but it differs", lambda: vmap(np.sum, out_axes=None)(X)),
        ):
            with self.assertRaisesRegex((TypeError, ValueError), message):
                call()


class ValuesTest(VmapCase):
    """What a program may not ask of an array that stands for those of all examples."""

    def test_branches_and_numbers_are_refused(self) -> None:
        for f in (
            lambda x: x if x[0] > 0 else -x,
            lambda x: float(x[0]) * x,
            lambda x: x[: int(x[0])],
            lambda x: x.tolist(),
            lambda x: x[0].item(),
            lambda x: list(range(x[0].astype(int))),
            lambda x: 1.0 in x,
        ):
            with self.assertRaisesRegex(TypeError, "write np.where"):
                vmap(f)(X)
            with self.assertRaises(TypeError):
                vmap(grad(lambda x, f=f: np.sum(f(x))))(X)

    def test_arrays_are_refused(self) -> None:
        with self.assertRaisesRegex(TypeError, "cannot be converted to an ndarray .* write np.stack"):
            vmap(np.asarray)(X)
        with self.assertRaisesRegex(TypeError, "different shapes.*np.where\\(mask, x, 0\\)"):
            vmap(lambda x: x[x > 0])(X)
        with self.assertRaisesRegex(TypeError, "of each example into one array"):
            vmap(lambda x, y: np.copyto(y, x), (0, None))(X, np.zeros(3))
        with self.assertRaisesRegex(TypeError, "takes no arrays under vmap; write"):
            vmap(lambda x: np.union1d(x, x))(X)

    def test_what_is_the_same_for_all_has_values(self) -> None:
        def f(x: Any, w: Any) -> Any:
            return x if np.sum(w) > 0 else -x

        self.assert_close(vmap(f, (0, None))(X, np.ones(3)), X)

    def test_text(self) -> None:
        texts: list[str] = []
        vmap(lambda x: texts.extend((repr(x), str(x), f"{x}")) or x)(X)
        self.assertRegex(texts[0], r"4 examples of shape \(3,\), dtype float64")

    def test_arrays_are_written_to(self) -> None:
        def f(x: Any) -> Any:
            y = np.zeros_like(x)
            y[1:] = x[:-1]
            y[0] += x[1]
            y *= 2
            rows = np.zeros((2, 3), like=x)
            rows[1] = y
            np.add(rows, 1.0, out=rows)
            rows[0, [2, 0]] = x[:2]
            return rows

        self.assert_close(vmap(f)(X), loop(f, X))

    def test_indices_of_each_example(self) -> None:
        i, rows = np.array([2, 0, 1, 2]), RNG.integers(3, size=(4, 5))
        a = RNG.normal(size=(4, 3, 2, 3))
        for f in (
            lambda a, i, r: a[i],
            lambda a, i, r: a[:, 1, i],
            lambda a, i, r: a[r],
            lambda a, i, r: a[:, :, r],
            lambda a, i, r: a[r, :, r],
            lambda a, i, r: a[i, ..., r],
            lambda a, i, r: a[:, 0, None, r],
            lambda a, i, r: np.take(a, r, axis=2),
            lambda a, i, r: a[0, :, r[:, None]],
            lambda a, i, r: a[[0, 2], :, [1, 2]],
            lambda a, i, r: a[:, [0, 1], [1, 2]],
        ):
            self.assert_close(vmap(f)(a, i, rows), loop(f, a, i, rows))
            self.assert_close(vmap(f, (None, 0, 0))(a[0], i, rows), loop(lambda i, r, f=f: f(a[0], i, r), i, rows))

            def total(a: Any, i: Any, r: Any, f: Any = f) -> Any:
                return np.sum(f(a, i, r) ** 2)

            self.assert_close(vmap(grad(total))(a, i, rows), loop(grad(total), a, i, rows))


class TransformsTest(VmapCase):
    def test_per_example_gradients(self) -> None:
        expected = loop(lambda x, y: grad(loss)(W, x, y), X, Y)
        self.assert_close(vmap(grad(loss), (None, 0, 0))(W, X, Y), expected)
        found = vmap(grad(lambda p, x, y: loss(p["w"], x, y) + p["b"] * x[0]), (None, 0, 0))({"w": W, "b": 2.0}, X, Y)
        self.assert_close(found["w"], expected)
        self.assert_close(found["b"], X[:, 0])
        value, gradient = vmap(value_and_grad(loss), (None, 0, 0))(W, X, Y)
        self.assert_close(value, loop(lambda x, y: loss(W, x, y), X, Y))
        self.assert_close(gradient, expected)

    def test_gradients_of_what_is_shared_are_sums(self) -> None:
        expected = grad(lambda w: sum(loss(w, x, y) for x, y in zip(X, Y, strict=True)))(W)
        self.assert_close(grad(lambda w: np.sum(vmap(loss, (None, 0, 0))(w, X, Y)))(W), expected)
        self.assert_close(grad(lambda w: np.sum(vmap(lambda x, y: loss(w, x, y))(X, Y)))(W), expected)
        w = Variable(W)
        np.sum(vmap(lambda x, y: loss(w, x, y))(X, Y)).backward()
        self.assert_close(w.grad, expected)

    def test_variables_that_are_made_inside_belong_to_the_example(self) -> None:
        def f(x: Any) -> Any:
            w = Variable(np.ones(3))
            np.sum(w**2 * x).backward()
            return w.grad

        self.assert_close(vmap(f)(X), 2 * X)

    def test_pairs_in_any_order(self) -> None:
        u = np.array([0.3, -1.0, 2.0])

        def second(x: Any) -> Any:
            return np.sum(grad(scalar)(x) * u)

        for f in (
            grad(scalar),
            jacobian(lambda x: np.tanh(x @ W) * x[0]),
            jacobian(lambda x: np.outer(x, x)[:, :2]),
            hessian(scalar),
            grad(second),
            lambda x: vjp(lambda x: np.tanh(x @ W), x)[1](np.ones(2))[0],
            lambda x: jvp(lambda x: np.tanh(x @ W), (x,), (u,))[1],
            lambda x: hvp(scalar, (x,), (u,))[0],
            lambda x: value_and_grad(scalar)(x)[1],
            lambda x: grad(checkpoint(scalar))(x),
            lambda x: hessian(lambda x: np.sum(checkpoint(np.sin)(x) ** 2))(x),
            lambda x: grad(lambda x: np.sum(Cube()(x) * x))(x),
            lambda x: hessian(lambda x: np.sum(Cube()(x) * x))(x),
        ):
            self.assert_close(vmap(f)(X), loop(f, X), 1e-8)
            self.assert_close(vmap(vmap(f))(np.stack([X, 2 * X])), np.stack([loop(f, X), loop(f, 2 * X)]), 1e-8)

    def test_of_vmap(self) -> None:
        def f(x: Any) -> Any:
            return np.tanh(x @ W) * x[..., :1]

        def batch_sum(x: Any) -> Any:
            return np.sum(vmap(scalar)(x))

        each = vmap(lambda x: np.tanh(x @ W) * x[0])
        self.assert_close(jacobian(each)(X), jacobian(f)(X))
        self.assert_close(jvp(each, (X,), (2 * X,))[1], jvp(f, (X,), (2 * X,))[1])
        self.assert_close(vjp(each, X)[1](Y)[0], vjp(f, X)[1](Y)[0])
        self.assert_close(grad(batch_sum)(X), loop(grad(scalar), X))
        blocks = hessian(batch_sum)(X)
        self.assert_close(np.stack([blocks[i, :, i] for i in range(4)]), loop(hessian(scalar), X), 1e-8)
        squares = grad(lambda w: np.sum(vmap(grad(loss), (None, 0, 0))(w, X, Y) ** 2))(W)
        expected = grad(lambda w: sum(np.sum(grad(loss)(w, x, y) ** 2) for x, y in zip(X, Y, strict=True)))(W)
        self.assert_close(squares, expected)

    def test_a_pullback_that_was_recorded_before(self) -> None:
        _, pullback = vjp(vmap(lambda x: np.tanh(x @ W)), X)
        gys = RNG.normal(size=(5, 4, 2))
        self.assert_close(vmap(lambda gy: pullback(gy)[0])(gys), np.stack([pullback(gy)[0] for gy in gys]))

    def test_nesting(self) -> None:
        self.assert_close(vmap(lambda x: vmap(lambda y: np.sum(x) * y)(Y))(X), X.sum(1)[:, None, None] * Y)
        found = vmap(lambda x: grad(lambda w: np.sum(vmap(lambda y: w * y)(Y) * x[0]))(x[1]))(X)
        self.assert_close(found, X[:, 0] * Y.sum())
        self.assert_close(vmap(vmap(np.multiply, (None, 0)), (0, None))(X[:, 0], Y[:, 0]), np.outer(X[:, 0], Y[:, 0]))
        w = Variable(np.array(2.0))
        np.sum(vmap(lambda x: vmap(lambda y: (w * np.sum(y)) * np.sum(x))(Y))(X)).backward()
        self.assert_close(w.grad, X.sum() * Y.sum())

    def test_compiled(self) -> None:
        for f in (
            vmap(lambda x: np.tanh(x @ W)),
            vmap(grad(lambda x: loss(W, x, x[:2]))),
            lambda x: grad(lambda w: np.sum(vmap(lambda x: loss(w, x, x[:2]))(x)))(W),
            lambda x: vmap(hessian(scalar))(x),
        ):
            compiled = wengert.compile(f)
            for _ in range(3):
                self.assert_close(compiled(X), f(X), 1e-8)
        inner = wengert.compile(lambda x: np.sum(np.tanh(x @ W)))
        for _ in range(2):
            self.assert_close(vmap(inner)(X), np.tanh(X @ W).sum(1))
            self.assert_close(vmap(grad(inner))(X), loop(grad(inner), X))

    def test_no_grad(self) -> None:
        with wengert.no_grad():
            y = vmap(lambda x: np.sin(x) * 2)(Variable(X))
        self.assertIsNone(y.creator)
        self.assert_close(y, 2 * np.sin(X))


class NetworksTest(VmapCase):
    def setUp(self) -> None:
        wengert.seed(0)
        self.net = layers.Sequential(
            layers.Linear(3, 5, dtype=np.float64), np.tanh, layers.Linear(5, 2, dtype=np.float64)
        )

    def loss(self, x: Any, y: Any) -> Any:
        return np.sum((self.net(x) - y) ** 2)

    def test_layers_as_they_are(self) -> None:
        self.assert_close(vmap(self.net)(X), self.net(X))
        np.mean(vmap(self.loss)(X, Y)).backward()
        found = [p.grad for p in self.net.params().values()]
        self.net.cleargrads()
        (np.sum((self.net(X) - Y) ** 2) / 4).backward()
        for a, p in zip(found, self.net.params().values(), strict=True):
            self.assert_close(a, p.grad)

    def test_gradients_of_examples_and_ensembles(self) -> None:
        own = {name: p.data for name, p in self.net.params().items()}

        def of_params(params: Any, x: Any, y: Any) -> Any:
            return np.sum((functional_call(self.net, params, x) - y) ** 2)

        found = vmap(grad(of_params), (None, 0, 0))(own, X, Y)
        for i in range(4):
            self.net.cleargrads()
            self.loss(X[i], Y[i]).backward()
            for name, p in self.net.params().items():
                self.assert_close(found[name][i], p.grad)
        ensemble = {name: np.stack([a, 2 * a, 3 * a]) for name, a in own.items()}
        ys = vmap(lambda params: functional_call(self.net, params, X))(ensemble)
        gradients = vmap(grad(of_params), (0, None, None))(ensemble, X[0], Y[0])
        for i in range(3):
            one = {name: a[i] for name, a in ensemble.items()}
            self.assert_close(ys[i], functional_call(self.net, one, X))
            self.assert_close(gradients["0.weight"][i], grad(of_params)(one, X[0], Y[0])["0.weight"])
        self.assert_close(self.net.params()["0.weight"], own["0.weight"])

    def test_functional_call_refuses(self) -> None:
        for error, message, arrays in (
            (KeyError, "has no parameter or buffer 'w'; it has 0.weight", {"w": X}),
            (ValueError, r"0.weight of Sequential has shape \(5, 3\), but got", {"0.weight": X}),
        ):
            with self.assertRaisesRegex(error, message):
                functional_call(self.net, arrays, X)
        with self.assertRaisesRegex(TypeError, "takes a Layer, but got"):
            functional_call(np.sin, {}, X)

    def test_random_numbers_are_those_of_a_loop(self) -> None:
        def several(x: Any) -> Any:
            return (
                dropout(dropout(x, 0.5) * 2, 0.3)
                + wengert.generator().normal()
                + wengert.generator().integers(9, size=3)
            )

        def nested(x: Any) -> Any:
            return vmap(lambda y: dropout(x, 0.5) * y)(np.arange(3.0))

        def state() -> Any:
            return wengert.generator().bit_generator.state

        for f in (lambda x: dropout(x, 0.5), several, nested, lambda x: wengert.generator().permutation(3) * x):
            wengert.seed(3)
            found, after = vmap(f)(X), state()
            wengert.seed(3)
            self.assert_close(found, loop(f, X))
            self.assertEqual(after, state())
        with self.assertRaisesRegex(TypeError, "draw standard numbers"):
            vmap(lambda x: wengert.generator().normal(x))(X)


class MatricesTest(VmapCase):
    """jacobian and hessian compute rows as a batch."""

    def test_chunks(self) -> None:
        def f(x: Any) -> Any:
            return np.concatenate([x[1:] * x[:-1] ** 2, np.sin(x)])

        expected = jacobian(f)(X[0])
        for n in (1, 2, 3, 100):
            self.assert_close(jacobian(f, chunk_size=n)(X[0]), expected)
            self.assert_close(hessian(scalar, chunk_size=n)(X[0]), hessian(scalar)(X[0]))
        for wrong in (0, 1.5, True):
            with self.assertRaisesRegex((TypeError, ValueError), "chunk_size"):
                jacobian(f, chunk_size=wrong)

    def test_of_users_functions(self) -> None:
        self.assert_close(jacobian(Cube())(X[0]), np.diag(3 * X[0] ** 2))
        self.assert_close(jacobian(lambda x: Cube()(x)[0])(X[0]), [3 * X[0, 0] ** 2, 0, 0])

    def test_compiled_without_python_calls(self) -> None:
        def rosenbrock(x: Any) -> Any:
            return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

        for f in (hessian(rosenbrock), jacobian(grad(rosenbrock))):
            compiled = wengert.compile(f)
            for _ in range(3):
                self.assert_close(compiled(X[0]), f(X[0]))
            self.assertEqual(compiled.plan.python_calls, ())


if __name__ == "__main__":
    unittest.main()
