"""The engine: graphs of every shape, accumulation, modes, hooks, lifetimes."""

import copy
import gc
import pickle
import threading
import tracemalloc
import unittest
import weakref
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import wengert
from tests.engine_cases import array
from wengert import Function, GraphError, Parameter, Variable, check_grad, enable_grad, no_grad


class Twice(Function):
    """Two outputs of two inputs."""

    def forward(self, a: Any, b: Any) -> Any:
        return a * b, a + b

    def backward(self, g_product: Any, g_sum: Any) -> Any:
        a, b = (x.data for x in self.inputs)
        return g_product * b + g_sum, g_product * a + g_sum


class GraphTest(unittest.TestCase):
    def test_a_variable_used_many_times(self) -> None:
        x = Variable(np.array(3.0))
        y = x + x + x * x
        y.backward()
        self.assertEqual(x.grad, 8.0)

    def test_branches_are_walked_in_the_right_order(self) -> None:
        x = Variable(np.array(2.0))
        a = wengert.square(x)
        y = wengert.square(a) + wengert.square(a)
        y.backward()
        self.assertEqual((y.data, x.grad), (32.0, 64.0))

    def test_a_short_and_a_long_branch(self) -> None:
        x = Variable(np.array(0.3))
        a = np.sin(x)
        long = np.exp(np.cos(np.tanh(a * 2.0)))
        y = long * a + a
        y.backward()
        check_grad(lambda x: (lambda a: np.exp(np.cos(np.tanh(a * 2.0))) * a + a)(np.sin(x)), x.data)
        step = 1e-6

        def plain(v: float) -> float:
            a = np.sin(v)
            return float(np.exp(np.cos(np.tanh(a * 2.0))) * a + a)

        self.assertAlmostEqual(float(x.grad), (plain(0.3 + step) - plain(0.3 - step)) / (2 * step), 6)

    def test_several_outputs(self) -> None:
        a, b = Variable(array(2.0, 3.0)), Variable(array(5.0, 7.0))
        product, total = Twice()(a, b)
        self.assertIs(product.creator, total.creator)
        self.assertIs(product.creator.outputs[1], total)
        np.sum(product * 10.0 + total).backward()
        np.testing.assert_array_equal(a.grad, [51.0, 71.0])
        np.testing.assert_array_equal(b.grad, [21.0, 31.0])

    def test_several_outputs_of_which_one_is_used(self) -> None:
        for i in range(2):
            a, b = Variable(array(2.0, 3.0)), Variable(array(5.0, 7.0))
            np.sum(Twice()(a, b)[i]).backward()
            np.testing.assert_array_equal(a.grad, ([5.0, 7.0], [1.0, 1.0])[i])

    def test_several_outputs_to_second_order(self) -> None:
        check_grad(lambda a, b: Twice()(a, b), array(2.0, 3.0), array(5.0, 7.0), order=3)
        check_grad(lambda a, b: Twice()(a, b)[0], array(2.0, 3.0), array(5.0, 7.0), order=3)

    def test_only_one_function_of_several_outputs_is_named_in_one(self) -> None:
        product, _ = Twice()(array(1.0), array(2.0))
        with self.assertRaisesRegex(GraphError, "has 2 inputs, not one; see its `inputs`"):
            _ = product.creator.input
        with self.assertRaisesRegex(GraphError, "has 2 outputs, not one"):
            _ = product.creator.output

    def test_a_function_that_was_not_called_has_no_graph(self) -> None:
        with self.assertRaisesRegex(GraphError, "has no inputs, because no call"):
            _ = Twice().inputs
        with self.assertRaisesRegex(GraphError, "has no outputs, because no call"):
            _ = Twice().outputs

    def test_constants_get_no_gradient(self) -> None:
        x = Variable(array(1.0, 2.0))
        w = array(3.0, 4.0)
        y = np.sum(w * x)
        self.assertEqual(y.creator.input.creator.inputs, (x,))
        y.backward()
        np.testing.assert_array_equal(x.grad, w)

    def test_constants_of_every_kind(self) -> None:
        x = Variable(array(1.0, 2.0))
        for constant in (2, 2.5, np.float32(2), array(3.0, 4.0), [3.0, 4.0], (3, 4), np.array(2)):
            for op in (np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum, np.hypot):
                check_grad(lambda x, op=op, c=constant: op(x, c), x.data + 0.1)
                check_grad(lambda x, op=op, c=constant: op(c, x), x.data + 0.1)

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from("+-*s"), st.integers(0, 50), st.integers(0, 50)), max_size=25))
    def test_random_graphs_against_forward_mode(self, program: list[tuple[str, int, int]]) -> None:
        """Dual numbers, carried forward, are the naive reference."""
        x = Variable(np.array(0.4))
        values, duals = [x], [(0.4, 1.0)]
        for op, i, j in program:
            a, b = values[i % len(values)], values[j % len(values)]
            (u, du), (v, dv) = duals[i % len(duals)], duals[j % len(duals)]
            if op == "+":
                values.append(a + b)
                duals.append((u + v, du + dv))
            elif op == "-":
                values.append(a - b)
                duals.append((u - v, du - dv))
            elif op == "*":
                values.append(np.sin(a) * b)
                duals.append((np.sin(u) * v, np.cos(u) * du * v + np.sin(u) * dv))
            else:
                values.append(np.sin(a))
                duals.append((np.sin(u), np.cos(u) * du))
        if values[-1] is not x:
            values[-1].backward()
            np.testing.assert_allclose(x.grad if x.grad is not None else 0.0, duals[-1][1], rtol=1e-9, atol=1e-9)


class GradTest(unittest.TestCase):
    def test_gradients_add_over_calls(self) -> None:
        x = Variable(np.array(3.0))
        (x * x).backward()
        (x * x).backward()
        self.assertEqual(x.grad, 12.0)
        x.cleargrad()
        self.assertIsNone(x.grad)
        (x * x).backward()
        self.assertEqual(x.grad, 6.0)

    def test_adding_leaves_the_earlier_array_alone(self) -> None:
        x = Variable(np.array(3.0))
        (x * x).backward()
        first = x.grad
        (x * x).backward()
        self.assertEqual(first, 6.0)

    def test_backward_twice_through_one_graph(self) -> None:
        x = Variable(np.array(3.0))
        y = np.exp(x)
        y.backward()
        y.backward()
        self.assertEqual(x.grad, 2 * np.exp(3.0))

    def test_ones_for_a_non_scalar(self) -> None:
        x = Variable(array(1.0, 2.0))
        y = x * x
        y.backward()
        np.testing.assert_array_equal(x.grad, [2.0, 4.0])
        np.testing.assert_array_equal(y.grad, [1.0, 1.0])

    def test_a_gradient_of_ones_own(self) -> None:
        x = Variable(array(1.0, 2.0))
        y = x * x
        y.grad = array(10.0, 100.0)
        y.backward()
        np.testing.assert_array_equal(x.grad, [20.0, 400.0])

    def test_retain_grad(self) -> None:
        x = Variable(np.array(2.0))
        a = x * 3.0
        b = a + 1.0
        y = b * b
        y.backward()
        self.assertIsNone(a.grad)
        x.cleargrad()
        y.backward(retain_grad=True)
        self.assertEqual((y.grad, b.grad, a.grad, x.grad), (1.0, 14.0, 14.0, 42.0))

    def test_no_two_gradients_share_memory(self) -> None:
        a, b = Variable(np.ones(3)), Variable(np.ones(3))
        y = a + b
        y.backward(retain_grad=True)
        a.grad *= 5.0
        np.testing.assert_array_equal(b.grad, np.ones(3))
        np.testing.assert_array_equal(y.grad, np.ones(3))
        a.cleargrad()
        kept = np.full(3, 7.0)

        class Constant(Function):
            def forward(self, x: Any) -> Any:
                return x

            def backward(self, gy: Any) -> Any:
                return kept

        Constant()(a).backward()
        a.grad *= 2.0
        np.testing.assert_array_equal(kept, np.full(3, 7.0))
        a.cleargrad()
        np.sum(a).backward()  # a broadcast view
        a.grad[0] = 9.0
        np.testing.assert_array_equal(a.grad, [9.0, 1.0, 1.0])

    def test_the_start_given_is_not_changed(self) -> None:
        x = Variable(np.ones(3))
        y = x + 0.0
        start = np.ones(3)
        y.grad = start
        y.backward()
        x.grad *= 3.0
        np.testing.assert_array_equal(start, np.ones(3))

    def test_integers_have_real_gradients(self) -> None:
        for dtype in (np.int32, np.uint8, np.bool_):
            x = Variable(np.array([1, 0], dtype))
            y = x * 2.5
            y.backward()
            self.assertEqual(x.grad.dtype, np.float64)
            np.testing.assert_array_equal(x.grad, [2.5, 2.5])
        x = Variable(np.array(10))
        y = x**2
        y.backward()
        self.assertEqual((y.dtype, x.grad), (np.int64, 20.0))

    def test_gradients_have_their_variables_dtype(self) -> None:
        x, w = Variable(np.ones(2, np.float32)), Variable(np.ones(2))
        y = x * w
        y.backward()
        self.assertEqual((y.dtype, x.grad.dtype, w.grad.dtype), (np.float64, np.float32, np.float64))

    def test_python_scalars_are_weak(self) -> None:
        for dtype in (np.float16, np.float32, np.complex64):
            x = Variable(np.ones(2, dtype))
            y = np.exp(2 * x / 3.0 - 1) ** 2 + x**3 + 1 / (x + 2)
            y.backward() if dtype is not np.complex64 else np.sum(np.abs(y)).backward()
            self.assertEqual((y.dtype, x.grad.dtype), (dtype, dtype))


class ModeTest(unittest.TestCase):
    def test_no_grad_records_nothing_and_is_restored(self) -> None:
        x = Variable(np.array(2.0))
        with self.assertRaises(ZeroDivisionError), no_grad():
            self.assertIsNone((x * x).creator)
            self.assertIsNone(wengert.square(x).creator)
            self.assertIsNone(np.sum(x).creator)
            with enable_grad():
                self.assertIsNotNone((x * x).creator)
            self.assertIsNone((x * x).creator)
            raise ZeroDivisionError
        self.assertIsNotNone((x * x).creator)

    def test_as_a_decorator(self) -> None:
        @no_grad()
        def evaluate(x: Any) -> Any:
            return x * x

        x = Variable(np.array(2.0))
        for _ in range(2):
            self.assertIsNone(evaluate(x).creator)
            self.assertIsNotNone((x * x).creator)

    def test_other_threads_go_on_recording(self) -> None:
        seen = []
        x = Variable(np.array(2.0))
        with no_grad():
            thread = threading.Thread(target=lambda: seen.append((x * x).creator))
            thread.start()
            thread.join()
        self.assertIsNotNone(seen[0])

    def test_graphs_in_threads(self) -> None:
        def work(i: int, out: dict[int, Any]) -> None:
            x = Variable(np.array(float(i)))
            y = x
            for _ in range(200):
                y = np.sin(y) * x + y
            y.backward()
            out[i] = float(x.grad)

        one: dict[int, Any] = {}
        many: dict[int, Any] = {}
        for i in range(4):
            work(i, one)
        threads = [threading.Thread(target=work, args=(i, many)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(one, many)

    def test_backward_inside_no_grad(self) -> None:
        x = Variable(np.array(2.0))
        y = x * x
        with no_grad():
            y.backward()
        self.assertEqual(x.grad, 4.0)

    def test_detach(self) -> None:
        x = Variable(np.array(2.0))
        y = x * x
        d = y.detach()
        self.assertIsNone(d.creator)
        self.assertIs(d.data, y.data)
        (d * x).backward()
        self.assertEqual(x.grad, 4.0)


class HookTest(unittest.TestCase):
    def test_hooks_see_and_replace(self) -> None:
        x = Variable(np.array(2.0))
        seen = []
        remove = x.register_hook(lambda g: seen.append(float(g)))
        x.register_hook(lambda g: g * 10)
        (x * x).backward()
        self.assertEqual((seen, x.grad), ([4.0], 40.0))
        remove()
        (x * x).backward()
        self.assertEqual((seen, x.grad), ([4.0], 80.0))

    def test_once_for_the_whole_gradient(self) -> None:
        x = Variable(np.array(2.0))
        seen: list[float] = []
        x.register_hook(lambda g: seen.append(float(g)))
        (x * x + x + np.sin(x) * 0.0).backward()
        self.assertEqual(seen, [5.0])

    def test_on_a_value_without_references(self) -> None:
        def f(x: Any) -> Any:
            a = x * 3.0
            a.register_hook(lambda g: g * 2)
            a.name = "a"
            return a + 1.0

        x = Variable(np.array(1.0))
        y = f(x)
        gc.collect()
        y.backward()
        self.assertEqual(x.grad, 6.0)
        self.assertEqual(y.creator.inputs[0].name, "a")

    def test_on_one_of_several_outputs(self) -> None:
        a, b = Variable(array(2.0)), Variable(array(5.0))
        product, total = Twice()(a, b)
        product.register_hook(lambda g: g * 100)
        np.sum(product + total).backward()
        np.testing.assert_array_equal(a.grad, [501.0])

    def test_on_the_result_itself(self) -> None:
        x = Variable(np.array(2.0))
        y = x * x
        y.register_hook(lambda g: g * 3)
        y.backward()
        self.assertEqual(x.grad, 12.0)

    def test_bad_hooks(self) -> None:
        x = Variable(np.array(2.0))
        with self.assertRaisesRegex(TypeError, "must be callable with a gradient, but got int"):
            x.register_hook(3)  # type: ignore[arg-type]
        x.register_hook(lambda g: np.ones(2))
        with self.assertRaisesRegex(GraphError, r"must return None or a gradient of shape \(\), but returned ndarray"):
            (x * x).backward()
        self.assertIsNone(x.grad)


class LifeTest(unittest.TestCase):
    def test_no_reference_cycles(self) -> None:
        gc.collect()
        gc.disable()
        try:
            x = Variable(np.ones(3))
            alive = []
            for create_graph in (False, True):
                a = np.exp(x)
                y = np.sum(Twice()(a, a * 2.0)[0] + a[1:2] + np.stack([a, a])[0])
                # (A retained gradient that carries a graph is part of that graph: a cycle by nature.)
                y.backward(retain_grad=not create_graph, create_graph=create_graph)
                alive += [weakref.ref(a), weakref.ref(y), weakref.ref(y.creator)]
                del a, y
                x.cleargrad()
            self.assertTrue(all(r() is None for r in alive))
            self.assertEqual(gc.collect(), 0)
        finally:
            gc.enable()

    def test_what_no_derivative_reads_is_freed(self) -> None:
        tracemalloc.start()
        try:
            x = Variable(np.ones(100_000))
            base = tracemalloc.get_traced_memory()[0]
            y = x
            for _ in range(20):
                y = y + y * 1.0
            self.assertLess(tracemalloc.get_traced_memory()[0] - base, 3 * x.nbytes)
            y.backward()
            np.testing.assert_array_equal(x.grad, np.full(100_000, 2.0**20))
        finally:
            tracemalloc.stop()

    def test_many_small_steps_keep_memory_flat(self) -> None:
        def step() -> None:
            x = Variable(np.ones(3))
            np.sum(np.exp(x) * x + Twice()(x, x)[0]).backward()

        tracemalloc.start()
        try:
            for _ in range(500):
                step()  # the interpreter's own free lists fill
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(2000):
                step()
            # A single Variable left behind by each step would be 80,000 and its array more.
            self.assertLess(tracemalloc.get_traced_memory()[0] - before, 60_000)
        finally:
            tracemalloc.stop()

    def test_pickle_and_copies_of_a_leaf(self) -> None:
        for kind in (Variable, Parameter):
            x = kind(array(1.0, 2.0), name="w")
            np.sum(x * x).backward()
            for twin in (pickle.loads(pickle.dumps(x)), copy.copy(x), copy.deepcopy(x)):
                self.assertIs(type(twin), kind)
                self.assertEqual(twin.name, "w")
                np.testing.assert_array_equal(twin.data, x.data)
                np.testing.assert_array_equal(twin.grad, x.grad)
                twin.data[0] = 5.0
                self.assertEqual(x.data[0], 1.0)

    def test_a_result_is_not_pickled(self) -> None:
        y = np.exp(Variable(array(1.0)))
        for leave in (pickle.dumps, copy.deepcopy):
            with self.assertRaisesRegex(TypeError, r"only a leaf can be pickled.*made by Exp.*x.detach\(\)"):
                leave(y)
        twin = copy.copy(y)
        self.assertIsNotNone(twin.creator)
        self.assertEqual(len(pickle.dumps(y.detach())) > 0, True)


if __name__ == "__main__":
    unittest.main()
