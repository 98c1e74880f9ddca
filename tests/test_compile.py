"""Compiled functions: numbers, guards, errors, nesting, threads, and messages where a function cannot be compiled."""

import unittest
from typing import Any

import numpy as np

import wengert
from tests.compile_case import CompileCase, X, compiled, doubled
from wengert import Function, Parameter, Variable


class NumberTest(CompileCase):
    def test_floats_among_the_arguments_may_change(self) -> None:
        def f(x: Any, rate: Any, options: Any) -> Any:
            y = x * rate + 2 * rate**2 - 1 / rate + (rate - 1) * options["scale"]
            return y * x.astype(np.float32), -rate, np.float32(2) * rate, abs(rate) // 2

        self.both(f, [(X, 0.5 + i, {"scale": 2.0 - i}) for i in range(6)], plans=1)

    def test_they_promote_as_numbers_do(self) -> None:
        def f(x: Any, r: Any) -> Any:
            return x * r, x + r, np.add(x, r), np.where(x > 1, x, r), np.maximum(x, r), r - x, np.clip(x, r, 9)

        for dtype in (np.float32, np.float64, np.float16, np.complex64, np.int64):
            with self.subTest(dtype):
                self.both(f, [(X.astype(dtype), 0.25 * i) for i in range(4)], plans=1)

    def test_comparisons_are_guards(self) -> None:
        def f(x: Any, r: Any) -> Any:
            return x if r > 2 else -x

        self.both(f, [(X, float(i)) for i in (0, 0, 1, 3, 4, 1, 5)], plans=2)

    def test_functions_that_need_the_value_are_kept_by_value(self) -> None:
        import math

        def f(x: Any, r: Any) -> Any:
            return x * math.sqrt(r), f"{r}", {r: 1}, int(r), round(r, 1), r.is_integer(), range(int(r))

        self.both(f, [(X, r) for r in (4.0, 4.0, 4.0, 4.0, 9.5, 9.5, 4.0)])

    def test_functions_that_refuse_the_object_that_represents_it(self) -> None:
        def f(x: Any, r: Any) -> Any:
            if type(r) is not float:
                raise TypeError("a float, please")
            return x * r

        c = self.both(f, [(X, r) for r in (4.0, 4.0, 4.0, 9.5, 9.5, 4.0)], plans=2)
        self.assertFalse(c.number_inputs)

    def test_isinstance_says_what_it_is(self) -> None:
        import numbers

        def f(x: Any, r: Any) -> Any:
            self.assertIsInstance(x, np.ndarray)
            self.assertIsInstance(r, float)
            self.assertIsInstance(r, numbers.Real)
            self.assertNotIsInstance(x, numbers.Number)
            self.assertIsInstance(np.sum(x), np.float64)
            return x * r

        self.both(f, [(X, r) for r in (4.0, 5.0, 6.0)], plans=1)

    def test_what_python_refuses_is_refused(self) -> None:
        def f(x: Any, r: Any) -> Any:
            return x * (1 / r) * r**0.5

        c = self.both(f, [(X, 4.0), (X, 5.0), (X, 6.0)], plans=1)
        with self.assertRaisesRegex(ZeroDivisionError, "float division by zero"):
            c(X, 0.0)
        self.same(c(X, -4.0), f(X, -4.0))

    def test_integers_booleans_and_strings_select_the_plan(self) -> None:
        def f(x: Any, n: Any, word: Any) -> Any:
            return x**n if word == "power" else x * n

        calls = [(X, n, word) for n in (2, 3, True) for word in ("power", "other") for _ in range(2)]
        self.both(f, calls, plans=6)

    def test_numbers_that_are_returned(self) -> None:
        def directly(x: Any) -> Any:
            return float(np.sum(x))

        def among_others(x: Any) -> Any:
            y = np.sum(x * x)
            return x + 1, float(y), {"loss": float(y)}

        def item(x: Any) -> Any:
            loss = np.sum(x * x).item()
            return {"loss": loss, "n": len(x), "text": "ok", "none": None}

        def variable(x: Any) -> Any:
            v = np.sum(Variable(x) ** 2)
            v.backward()
            return float(v)

        for f in (directly, among_others, item, variable):
            with self.subTest(f.__name__):
                self.both(f, [(X * i,) for i in range(6)], plans=1)

    def test_numbers_that_are_used(self) -> None:
        def f(x: Any) -> Any:
            loss = float(np.sum(x))
            return x * max(loss, 1)

        self.gives_up(f, r"line \d+, in f converts an array to Python numbers", [(X * i,) for i in range(12)])

    def test_item_goes_on_as_a_number(self) -> None:
        def f(x: Any) -> Any:
            n = np.sum(x).item()
            i = np.argmax(x)
            return x.astype(np.float32) * n + n / 2, x[i], n > 2

        self.both(f, [(X * i,) for i in (1, 2, 3, 4)], plans=1)

    def test_sums_go_on_by_assignment(self) -> None:
        def f(x: Any) -> Any:
            total = np.sum(x)
            total += 1
            total *= 2
            return total

        self.both(f, [(X * i,) for i in range(4)], plans=1)


class GuardTest(CompileCase):
    def test_branches(self) -> None:
        def f(x: Any) -> Any:
            if x.sum() > 3:
                return x * 2
            return -x if x[0] < 0 else x

        self.both(f, [(X * i,) for i in (1, 1, 5, 5, -1, -2, 1, 3, -4)], plans=3)

    def test_loops_with_other_counts(self) -> None:
        def f(x: Any) -> Any:
            n = 0
            while np.linalg.norm(x) > 0.5:
                x, n = x * 0.5, n + 1
            return x, n

        self.both(f, [(X * i,) for i in (1, 1, 2, 2, 4, 4, 1, 2, 8, 8)], plans=4)

    def test_too_many_ways(self) -> None:
        def f(x: Any) -> Any:
            while np.sum(x) > 0.5:
                x = x - 1
            return x

        calls = [(X + i,) for i in range(36)]
        self.pauses(f, r"hardly any .* the plan of another: the outcome of .*line \d+, in f; use np\.where", calls)

    def test_too_many_values(self) -> None:
        def f(x: Any, step: Any) -> Any:
            return [x * i for i in range(step)]

        calls = [(X, i) for i in range(36)]
        self.pauses(f, r"the value of step \(\d+, now \d+\), needed by Python .*line \d+, in f; use few values", calls)

    def test_too_many_shapes(self) -> None:
        calls = [(np.ones(n),) for n in range(1, 37)]
        self.pauses(doubled, r"the plan of another: the shape of x \(\(\d+,\), now \(\d+,\)\); use few shapes", calls)

    def test_nan_is_an_outcome(self) -> None:
        def f(x: Any) -> Any:
            return x if np.isnan(x).any() else -x

        self.both(f, [(X * v,) for v in (1.0, 1.0, np.nan, np.nan, 1.0)], plans=2)


class ModeTest(CompileCase):
    def test_modes_have_plans_of_their_own(self) -> None:
        w = Parameter(np.array([1.0, 2.0]))

        @compiled
        def f(x: Any) -> Any:
            return w * x if wengert.is_training() else w + x

        for _ in range(3):
            y = f(X)
            self.same(y.data, w.data * X)
            with wengert.test_mode():
                self.same(f(X).data, w.data + X)
            with wengert.no_grad():
                self.assertIsNone(f(X).creator)
        self.assertEqual(len(f.plans) + len(f.recorded.plans), 3)

    def test_what_is_returned_carries_its_graph(self) -> None:
        w = Parameter(np.array([1.0, 2.0]))

        @compiled
        def f(x: Any) -> Any:
            return np.sum(w * x)

        for _ in range(6):
            w.cleargrad()
            (2 * f(X)).backward()
            self.same(w.grad, 2 * X)

    def test_what_a_step_returns_carries_no_graph(self) -> None:
        w = Parameter(np.array([1.0, 2.0]))

        @compiled
        def f(x: Any) -> Any:
            y = np.sum(w * x)
            y.backward()
            return y

        for _ in range(3):
            y = f(X)
            with self.assertRaisesRegex(wengert.GraphError, "result of a compiled function"):
                (2 * y).backward()
            with self.assertRaisesRegex(wengert.GraphError, "result of a compiled function"):
                y.backward()

    def test_debug_runs_eagerly(self) -> None:
        @compiled
        def f(x: Any) -> Any:
            return np.sqrt(Variable(x))

        for _ in range(3):
            f(X)
        with np.errstate(invalid="ignore"), wengert.debug(), self.assertRaisesRegex(FloatingPointError, "made nan"):
            f(-X)

    def test_errors_of_numpy_are_raised_where_asked_for(self) -> None:
        c = compiled(lambda x: 1 / x)
        for _ in range(3):
            c(X)
        with np.errstate(divide="raise"), self.assertRaises(FloatingPointError):
            c(X * 0)

        def inside(x: Any) -> Any:
            with np.errstate(divide="raise"):
                return 1 / x

        self.gives_up(inside, "errstate", [(X,)] * 5)

    def test_a_compiled_function_inside_another(self) -> None:
        a = np.array([1.0, 2.0])
        inner = compiled(lambda x: x * a)

        def outer(x: Any) -> Any:
            return inner(inner(x)) + 1

        c = compiled(outer)
        for _i in range(5):
            a += 1
            self.same(c(X), X * a * a + 1)
        self.assertTrue(c.plans[0].confirmed)
        self.assertEqual(inner.plans, [])

    def test_gradients_of_a_compiled_function_are_right(self) -> None:
        c = compiled(lambda x: np.sum(x**3))
        for _ in range(4):
            self.same(wengert.grad(c)(X), 3 * X**2)


class TransformTest(CompileCase):
    def test_derivatives(self) -> None:
        from wengert.functions import dropout

        w = Parameter(np.array([0.3, -0.2]))

        def f(x: Any) -> Any:
            return np.sum(np.tanh(x * w.data) ** 2 + np.sqrt(x * x + 1))

        def nested(x: Any) -> Any:
            return np.sum(wengert.grad(f)(x) ** 2)

        def kept(x: Any) -> Any:
            return np.sum(wengert.checkpoint(lambda v: np.exp(np.sin(v)))(x))

        def dropped(x: Any) -> Any:
            return np.sum(wengert.checkpoint(lambda v: dropout(np.sin(v) * 3, 0.5))(x))

        for each in (wengert.grad(dropped), wengert.hessian(dropped)):
            c = compiled(each)
            found, expected = [], []
            for g, of in ((c, found), (each, expected)):
                wengert.seed(5)
                of += [g(np.linspace(1, 2, 8)) for _ in range(5)]
            self.same(found, expected)
            self.assertTrue(c.plans[0].confirmed)
        functions: list[Any] = [
            wengert.grad(f), wengert.value_and_grad(f), wengert.hessian(f), wengert.grad(nested),
            wengert.jacobian(np.sin),
            lambda x: wengert.jvp(f, [x], [x]), lambda x: wengert.hvp(f, [x], [x]), wengert.grad(kept),
            lambda x: wengert.vjp(f, x)[1](1.0), wengert.hessian(kept),
        ]  # fmt: skip
        for i, each in enumerate(functions):
            with self.subTest(i):
                self.both(each, [((0.5 + i) * X,) for i in range(4)], plans=1)

    def test_functions_of_the_user(self) -> None:
        class Square(Function):
            def forward(self, x: Any) -> Any:
                self.kept = x * 2
                return x**2

            def backward(self, gy: Any) -> Any:
                return gy * self.kept

        shared = Square()

        def first(x: Any) -> Any:
            v = Variable(x)
            y = np.sum(shared(v) + Square()(v))
            y.backward()
            return v.grad, y

        def second(x: Any) -> Any:
            v = Variable(x)
            np.sum(Square()(v) ** 2).backward(create_graph=True)
            g = v.grad
            v.cleargrad()
            np.sum(g * g).backward()
            return v.grad

        self.both(first, [(X * i,) for i in range(4)], plans=1)
        self.both(second, [(X * i,) for i in range(4)], plans=1)

    def test_a_training_step(self) -> None:
        def make() -> Any:
            wengert.seed(0)
            linear = wengert.layers.Linear
            model = wengert.layers.Sequential(linear(4, 8), np.tanh, linear(8, 3))
            optimizer = wengert.optimizers.Adam(model, learning_rate=0.01)

            def step(x: Any, t: Any) -> Any:
                loss = wengert.functions.softmax_cross_entropy(model(x), t)
                model.cleargrads()
                loss.backward()
                optimizer.update()
                return loss

            return step, model, optimizer

        rng = np.random.default_rng(0)
        (f, m, o), (g, n, p) = make(), make()
        c = compiled(g)
        for i in range(8):
            x, t = rng.normal(size=(5, 4)).astype(np.float32), rng.integers(0, 3, 5)
            np.testing.assert_allclose(c(x, t).data, f(x, t).data, rtol=1e-5)
            if i == 5:
                o.learning_rate = p.learning_rate = 0.1
        for (name, a), b in zip(m.state_dict().items(), n.state_dict().values(), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6, err_msg=name)
        for (name, a), b in zip(o.state_dict().items(), p.state_dict().values(), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6, err_msg=name)
        self.assertIsNone(c.given_up)
        self.assertTrue(c.plans[0].confirmed)


if __name__ == "__main__":
    unittest.main()
