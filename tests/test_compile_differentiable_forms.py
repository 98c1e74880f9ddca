"""Calls of compiled functions that are recorded: arguments of all kinds, special values, other functions, threads."""

import threading
from typing import Any

import numpy as np

import wengert
from tests.differentiable_case import CALLS, A, DifferentiableCase, X, compiled, model_of
from wengert import Parameter, Variable
from wengert.compiler.compiled import compile
from wengert.compiler.targets.cpu.runner import interpreted


class SpecialTest(DifferentiableCase):
    def test_arguments_of_all_kinds(self) -> None:
        def f(p: Any, n: int, how: str, *rest: Any, scale: float = 1.0, table: Any = None) -> Any:
            y = p["w"] ** n * scale + p["list"][0]
            return {"y": y if how == "a" else y * 2, "n": n, "rest": [rest[0] * p["w"], how], "table": table}

        c = compiled(f)

        def loss(f: Any, w: Any, b: Any, x: Any) -> Any:
            found = f({"w": w, "list": [b, 3]}, 2, "b", x, scale=1.5, table=(1, None))
            assert found["n"] == 2 and found["rest"][1] == "b" and found["table"] == (1, None)
            return np.sum(np.sin(found["y"])) + np.sum(found["rest"][0])

        for _ in range(CALLS):
            for places in (0, 1, (0, 1, 2)):
                expected = wengert.grad(lambda *a: loss(f, *a), places)(X, X + 1, X * 2)
                self.same(wengert.grad(lambda *a: loss(c, *a), places)(X, X + 1, X * 2), expected)
        self.assertTrue(self.used(c))

    def test_integers_and_floats(self) -> None:
        f = compiled(lambda x, n, s: x * n + s * np.sin(x))
        n = np.arange(3)
        for i in range(CALLS):
            s = 0.5 + i
            self.same(wengert.grad(lambda x, s=s: np.sum(f(x, n, s)))(X), n + s * np.cos(X))
            self.same(wengert.grad(lambda s: np.sum(f(X, n, s)))(s), np.asarray(np.sum(np.sin(X))))
            x, m = Variable(X), Variable(n)
            np.sum(f(x * 2, m, s)).backward()
            self.same(m.grad, 2 * X)

    def test_singular_points(self) -> None:
        def f(x: Any) -> Any:
            return np.sqrt(x)

        c = compiled(f)
        for x in [np.array([1.0, 4.0])] * CALLS + [np.array([0.0, 4.0])] * CALLS:
            for g in (
                lambda f, x: np.sum(np.where(x > 0, f(x), 0)),
                lambda f, x: np.sum(f(x) ** 2),
                lambda f, x: np.sum(f(x)),
                lambda f, x: np.sum(f(x) * np.array([0.0, 1.0])),
            ):
                with np.errstate(all="ignore"):
                    expected = wengert.grad(lambda x, g=g: g(f, x))(x)
                    self.same(wengert.grad(lambda x, g=g: g(c, x))(x), expected)

    def test_exceptions(self) -> None:
        def f(x: Any) -> Any:
            if np.sum(x.data) > 100:
                raise ValueError("too large")
            return x * 2

        c = compiled(f)
        for i in range(2 * CALLS):
            x = A + 1000 if i % 2 else A
            if i % 2:
                with self.assertRaisesRegex(ValueError, "too large"):
                    wengert.grad(lambda x: np.sum(c(x)))(x)
            else:
                self.same(wengert.grad(lambda x: np.sum(c(x)))(x), 2 * np.ones_like(A))

    def test_inside_of_other_functions(self) -> None:
        inner = compiled(lambda x: np.sin(x) * x)
        outer = compiled(lambda x: np.sum(inner(inner(x))))
        whole = compiled(wengert.grad(lambda x: np.sum(inner(inner(x)))))
        kept = wengert.checkpoint(lambda x: inner(inner(x)))
        eager = wengert.grad(lambda x: np.sum(inner.function(inner.function(x))))
        for _ in range(CALLS):
            self.same(wengert.grad(outer)(X), eager(X))
            self.same(whole(X), eager(X))
            self.same(wengert.grad(lambda x: np.sum(kept(x)))(X), eager(X))
            self.same(wengert.hessian(outer)(X), wengert.hessian(lambda x: outer.function(x))(X))
        self.assertTrue(self.used(outer))

    def test_a_third_derivative(self) -> None:
        f = compiled(lambda x: np.sum(np.exp(np.sin(x))))

        def third(f: Any) -> Any:
            second = wengert.grad(lambda x: np.sum(wengert.grad(f)(x) ** 2))
            return wengert.grad(lambda x: np.sum(second(x) ** 2))(X)

        for _ in range(CALLS):
            self.same(third(f), third(f.function))

    def test_threads(self) -> None:
        f = compile(lambda x, n: np.sin(x) * n)
        failures: list[Any] = []

        def work(n: int) -> None:
            try:
                for _ in range(30):
                    x = X + n
                    found = wengert.grad(lambda x: np.sum(f(f(x, n), n)))(x)
                    np.testing.assert_allclose(found, n * n * np.cos(n * np.sin(x)) * np.cos(x))
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_a_layer_as_argument(self) -> None:
        f = compiled(lambda model, x: model(x))
        models = [model_of(0), model_of(1)]
        x = A.astype(np.float32)
        for i in range(3 * CALLS):
            model = models[i % 2]
            found = []
            for g in (f, f.function):
                model.cleargrads()
                np.sum(g(model, Variable(x) * 2)).backward()
                found.append([p.grad for p in model.params().values()])
            self.same(found[0], found[1], 1e-5)

    def test_options_of_compile(self) -> None:
        for settings in ({"verify": 2}, {"ahead": True}, {"unmodified": True}):
            f = compiled(lambda x: x * x, **settings)
            with self.subTest(**settings):
                for _ in range(CALLS):
                    self.same(wengert.grad(lambda x, f=f: np.sum(f(x)))(X), 2 * X)
                    x = Variable(X.copy())
                    if settings != {"verify": 2}:
                        np.sum(f(x)).backward()
                        self.same(x.grad, 2 * X)

    def test_containers_that_are_empty(self) -> None:
        f = compiled(lambda x: ({"a": [], "b": ()}, x * x))
        g = compiled(lambda x: [])
        for _ in range(CALLS):
            z = Variable(X) * 2
            found, y = f(z)
            self.assertEqual((found, g(z)), ({"a": [], "b": ()}, []))
            self.same(y.data, 4 * X * X)

    def test_a_pullback_that_cannot_be_compiled(self) -> None:
        def runner(graph: Any) -> Any:
            if len(graph.inputs) > 1:
                raise ArithmeticError("a defect")
            return interpreted(graph)

        f = compile(lambda x: np.sin(x), runner=runner)
        for _ in range(2 * CALLS):
            self.same(wengert.grad(lambda x: np.sum(f(x)))(X), np.cos(X))
        self.assertTrue(f.recorded.plans)

    def test_methods(self) -> None:
        class Model:
            def __init__(self, w: Any) -> None:
                self.w = w

            @compiled
            def step(self, x: Any) -> Any:
                return np.sin(x * self.w)

        models = [Model(Parameter(X + i)) for i in range(2)]
        for _ in range(CALLS):
            for model in models:
                model.w.cleargrad()
                np.sum(model.step(A)).backward()
                self.same(model.w.grad, np.sum(A * np.cos(A * model.w.data), axis=0))

    def test_many_kinds_of_arguments(self) -> None:
        f = compiled(lambda d: sum(v * v for v in d.values()))
        for n in range(300):
            if n < 140 or n % 7 == 0:
                self.same(wengert.grad(lambda x, n=n: np.sum(f({f"k{n}": x})))(X), 2 * X)
