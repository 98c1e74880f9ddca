"""Calls of compiled functions that are recorded: captured Variables, state, modes, changes, memory."""

import gc
import weakref
from typing import Any

import numpy as np

import wengert
from tests.differentiable_case import CALLS, RNG, A, DifferentiableCase, X, compiled, model_of
from wengert import Parameter, Variable
from wengert.compiler.compiled import compile
from wengert.functions import dropout
from wengert.layers import BatchNorm
from wengert.optimizers import SGD


class CapturedTest(DifferentiableCase):
    def test_parameters(self) -> None:
        model, x = model_of(), A.astype(np.float32)
        f = compiled(lambda x: model(x))
        for _ in range(CALLS):
            model.cleargrads()
            np.sum(np.sin(model(x))).backward()
            expected = [p.grad for p in model.params().values()]
            model.cleargrads()
            np.sum(np.sin(f(x))).backward()
            self.same([p.grad for p in model.params().values()], expected, 1e-5)
            for p in model.params().values():
                p.data -= 0.1 * p.grad
        self.assertTrue(self.used(f))

    def test_parameters_and_arguments(self) -> None:
        w = Parameter(X.copy())
        f = compiled(lambda x: np.tanh(x * w) * w)

        def both(f: Any) -> Any:
            w.cleargrad()
            x = Variable(A.copy())
            np.sum(f(x * 2)).backward(create_graph=True)
            first = [x.grad, w.grad]
            x.cleargrad()
            w.cleargrad()
            np.sum(first[0] ** 2 + np.sum(first[1] ** 3)).backward()
            return [*first, x.grad, w.grad]

        for _ in range(CALLS):
            self.same(both(f), both(lambda x: np.tanh(x * w) * w))
        self.assertTrue(f.recorded.plans)

    def test_a_parameter_is_replaced(self) -> None:
        held = {"w": Parameter(X.copy())}
        f = compiled(lambda x: x * held["w"] ** 2)
        for i in range(2 * CALLS):
            held["w"] = Parameter(X + i)
            x = Variable(A.copy())
            np.sum(f(x * 2)).backward()
            self.same(
                [held["w"].grad, x.grad], [np.sum(2 * (X + i) * 2 * A, axis=0), 2 * np.ones_like(A) * (X + i) ** 2]
            )

    def test_an_outer_variable(self) -> None:
        held: dict[str, Any] = {}
        f = compiled(lambda x: np.sin(x * held["w"]))

        def outer(f: Any) -> Any:
            def of(w: Any) -> Any:
                held["w"] = w * w
                return np.sum(f(A)) + np.sum(f(A * w))

            return wengert.grad(of)(X), wengert.grad(lambda w: np.sum(wengert.grad(of)(w) ** 2))(X)

        for _ in range(CALLS):
            self.same(outer(f), outer(f.function))

    def test_a_variable_that_it_makes(self) -> None:
        def f(x: Any) -> Any:
            w = Variable(X.copy())
            return x * w, w

        c = compiled(f)
        for _ in range(CALLS):
            y, w = c(Variable(A.copy()) * 2)
            np.sum(y).backward()
            self.same(w.grad, np.sum(2 * A, axis=0))


class StateTest(DifferentiableCase):
    def test_a_step(self) -> None:
        results = []
        for make in (compiled, lambda f: f):
            model = model_of()
            optimizer = SGD(model, 0.1)

            @make
            def step(x: Any, model: Any = model, optimizer: Any = optimizer) -> Any:
                loss = np.sum(np.sin(model(x)))
                model.cleargrads()
                loss.backward()
                optimizer.update()
                return loss

            found = [float(step(Variable(A.astype(np.float32)) * np.float32(0.5 * i)).data) for i in range(CALLS)]
            results.append([np.array(found), [p.data for p in model.params().values()]])
        self.same(results[0], results[1], 1e-5)

    def test_running_means_are_counted_once(self) -> None:
        results = []
        for make in (compiled, lambda f: f):
            layer = BatchNorm()
            f = make(lambda x, layer=layer: layer(x))
            found = []
            for i in range(CALLS):
                x = Variable(A + i)
                np.sum(f(x * 2) ** 3).backward()
                found.append(x.grad)
                with wengert.test_mode():
                    x = Variable(A + i)
                    np.sum(f(x * 2) ** 3).backward()
                    found.append(x.grad)
            results.append([found, [a.copy() for a in layer.buffers().values()]])
        self.same(results[0], results[1], 1e-6)

    def test_random_numbers(self) -> None:
        results = []
        for make in (compiled, lambda f: f):
            wengert.seed(3)
            f = make(lambda x: dropout(x, 0.5) * x)
            found = []
            for _ in range(CALLS):
                x = Variable(A.copy())
                np.sum(f(x * 2)).backward()
                found.append(x.grad)
            results.append([found, wengert.generator().random(3)])
        self.same(results[0], results[1])

    def test_what_is_written_to(self) -> None:
        def into_argument(x: Any, a: Any) -> Any:
            a += 1
            return x * a

        def into_list(x: Any, a: list[Any]) -> Any:
            a.append(len(a))
            return x * len(a)

        def into_variable(x: Any, a: Any) -> Any:
            x[0] = 5.0
            return x * a

        for f, make in ((into_argument, lambda: X.copy()), (into_list, list), (into_variable, lambda: X.copy())):
            c, mine, others = compiled(f), make(), make()
            for i in range(CALLS):
                with self.subTest(f.__name__, i=i):
                    outcome = []
                    for g, held in ((c, mine), (f, others)):
                        x = Variable(A.copy())
                        z = x * 2
                        np.sum(g(z, held) * z).backward()
                        outcome.append([x.grad, z.data, held if f is not into_list else len(held)])
                    self.same(outcome[0][:2], outcome[1][:2])
                    np.testing.assert_array_equal(outcome[0][2], outcome[1][2])

    def test_a_gradient_that_is_read(self) -> None:
        f = compiled(lambda x: x * x if x.grad is None else x * x.grad)
        for i in range(3 * CALLS):
            x = Variable(A.copy())
            if i % 2:
                x.grad = A + i
            y = f(x)
            x.cleargrad()
            np.sum(y).backward()
            self.same(x.grad, A + i if i % 2 else 2 * A)

    def test_hooks_and_retained_gradients(self) -> None:
        w = Parameter(X.copy())
        f = compiled(lambda x: np.sin(x) * w)
        for _ in range(CALLS):
            seen = []
            x = Variable(A.copy())
            z = x * 2
            remove = [z.register_hook(lambda g: 3 * g), w.register_hook(seen.append)]
            y = f(z)
            y.register_hook(lambda g: g + 1)
            np.sum(y).backward(retain_grad=True)
            self.same([y.grad, z.grad], [2 * np.ones_like(A), 6 * np.cos(2 * A) * X])
            self.same([x.grad, seen[0]], [12 * np.cos(2 * A) * X, 2 * np.sum(np.sin(2 * A), axis=0)])
            for each in remove:
                each()
            w.cleargrad()

    def test_modes(self) -> None:
        f = compiled(lambda x: x * x if wengert.is_training() else x * 3)
        for _ in range(CALLS):
            x = Variable(A.copy())
            z = x * 1
            with wengert.no_grad():
                self.assertIsNone(f(z).creator)
            with wengert.test_mode():
                y = f(z)
            np.sum(y).backward()  # in another mode
            self.same(x.grad, 3 * np.ones_like(A))
            self.same(wengert.grad(lambda x: np.sum(f(x)))(A), 2 * A)
            with wengert.debug():
                self.same(wengert.grad(lambda x: np.sum(f(x)))(A), 2 * A)


class ChangesTest(DifferentiableCase):
    def test_data_that_change_before_backward(self) -> None:
        w = Parameter(X.copy())
        f = compiled(lambda x: x * w)
        for _ in range(CALLS):
            y = np.sum(f(Variable(A) * 2))
            w.data -= 0.1
            with self.assertRaisesRegex(wengert.GraphError, "assigned since"):
                y.backward()
            y = np.sum(f(Variable(A) * 2))
            w.data = w.data + 1
            with self.assertRaisesRegex(wengert.GraphError, "assigned since"):
                y.backward()

    def test_what_is_not_read_may_change(self) -> None:
        w = Parameter(X.copy())
        f = compiled(lambda x: x + w)
        for _ in range(CALLS):
            w.cleargrad()
            y = np.sum(f(Variable(A) * 2))
            w.data -= 0.1
            y.backward()
            self.same(w.grad, np.full(3, 5.0))

    def test_arrays_that_are_replaced(self) -> None:
        held = {"a": np.array([1.0, 2.0, 3.0])}
        f = compiled(lambda x: np.sin(x) * held["a"])
        for i in range(CALLS):
            x = Variable(A.copy())
            y = np.sum(f(x * 2))
            expected = 2 * np.cos(2 * A) * held["a"]
            held["a"] = held["a"] + 1
            y.backward()
            self.same(x.grad, expected)
            with self.subTest(i=i), self.assertRaisesRegex(wengert.GraphError, "must compute the same|changed"):
                y = np.sum(f(x * 2))
                held["a"] = held["a"] * 100
                if i >= 1:  # (the first call is eager)
                    y.cleargrad()
                    y.backward(create_graph=True)
                else:
                    raise wengert.GraphError("changed")

    def test_results_have_memory_of_their_own(self) -> None:
        f = compiled(lambda x, n: (np.sin(x) * n, x * 2))
        for size in (5, 40_000):
            x = Variable(np.linspace(0, 1, size))
            z = x * 1
            kept = [f(z, float(n)) for n in range(8)]
            for n, (y, twice) in enumerate(kept):
                self.same([y.data, twice.data], [np.sin(x.data) * n, 2 * x.data])
                x.cleargrad()
                np.sum(y * twice).backward()
                self.same(x.grad, 2 * n * (np.sin(x.data) + x.data * np.cos(x.data)))
                first = x.grad
                x.cleargrad()
                np.sum(y + twice).backward()
                self.same(first, 2 * n * (np.sin(x.data) + x.data * np.cos(x.data)))

    def test_branches(self) -> None:
        def f(x: Any) -> Any:
            return x * x if np.sum(x.data) > 0 else np.exp(x)

        c = compiled(f)
        for i in range(4 * CALLS):
            x = A if i % 3 else -A
            self.same(wengert.grad(lambda x: np.sum(c(x)))(x), wengert.grad(lambda x: np.sum(f(x)))(x))
        self.assertEqual(len(c.recorded.plans), 2)

    def test_other_shapes(self) -> None:
        f = compiled(lambda x: np.sum(x * x, axis=0))
        for i in range(5 * CALLS):
            x = RNG.normal(size=(2 + i % 3, 2))
            self.same(wengert.grad(lambda x: np.sum(f(x)))(x), 2 * x)


class MemoryTest(DifferentiableCase):
    def test_buffers_that_are_filled_again(self) -> None:
        def cell(h: Any, x: Any, w: Any) -> Any:
            return np.tanh(h * w + np.sin(2 * x) * h)

        def both(cell: Any) -> Any:
            buffer, w, first = np.empty((5, 3)), Variable(X.copy()), Variable(A.copy())
            h = first
            for i in range(5):
                buffer[...] = A * i
                h = cell(h, buffer, w)
            np.sum(h * h).backward()
            return first.grad, w.grad

        c = compiled(cell)
        for _ in range(CALLS):
            self.same(both(c), both(cell))

    def test_rows_of_an_array_that_takes_variables(self) -> None:
        step = compiled(lambda s: s + 0.1 * np.sin(s))

        def last(step: Any) -> Any:
            def of(x: Any) -> Any:
                states = np.zeros((6, 3))
                states[0] = x
                for i in range(5):
                    states[i + 1] = step(states[i])
                return np.sum(states**2)

            return wengert.grad(of, unmodified=True)(X)

        for _ in range(CALLS):
            self.same(last(step), last(step.function))
        self.assertTrue(self.used(step))

    def test_what_refers_to_plans_is_gone_with_them(self) -> None:
        f = compiled(lambda x: np.sin(x) * x)
        for _ in range(CALLS):
            np.sum(f(Variable(X) * 2)).backward()
        plans = [weakref.ref(plan) for plan in f.recorded.plans]
        self.assertTrue(plans)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        del f
        self.assertEqual([plan() for plan in plans], [None] * len(plans))

    def test_a_report(self) -> None:
        f = compile(lambda x: np.sin(x) * x)
        for _ in range(CALLS):
            y = f(Variable(X) * 2)
        self.assertIn("sin multiply", str(f.plan))
        self.assertIn("sin multiply", str(f.profile(Variable(X) * 2)))
        self.assertIn("<lambda>", str(wengert.draw(y)))
