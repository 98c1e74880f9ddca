"""Optimizers: updates in place, groups, hooks, clipping, growing layers."""

import unittest
from typing import Any

import numpy as np

from tests.optimizer_cases import EACH, GrowingLayer, descend
from wengert import GraphError, Parameter
from wengert import optimizers as ours
from wengert.layers.linear import Linear
from wengert.layers.sequential import Sequential
from wengert.optimizers import SGD, Adam, Momentum, Optimizer
from wengert.optimizers.elementwise import BLOCK_BYTES, SMALL


class MinimisingTest(unittest.TestCase):
    def test_every_public_optimizer_is_tried(self) -> None:
        classes = {name: kind for name in ours.__all__ if isinstance(kind := getattr(ours, name), type)}
        public = {name for name, kind in classes.items() if issubclass(kind, Optimizer)}
        own_tests = {"LBFGS", "Optimizer"}  # one asks for the loss several times, the other has no rule
        self.assertEqual(public - own_tests - {name for name, _ in EACH}, set(), "list these in EACH")

    def test_each_finds_the_minimum_of_a_quadratic(self) -> None:
        rng = np.random.default_rng(1)
        target, scales = rng.normal(size=(6, 5)), rng.uniform(0.5, 2, size=(6, 5))
        for name, options in EACH:
            for dtype in (np.float32, np.float64):
                with self.subTest(name, **options, dtype=dtype.__name__):
                    w, b = Parameter(np.zeros((6, 5), dtype)), Parameter(np.zeros(5, dtype))
                    optimizer = getattr(ours, name)([w, b], **options)
                    for _ in range(600):
                        optimizer.cleargrads()
                        loss = np.sum(scales.astype(dtype) * (w + b - target.astype(dtype)) ** 2)
                        loss.backward()
                        optimizer.update()
                    self.assertLess(float(loss), 0.02)
                    self.assertEqual((w.dtype, b.dtype), (dtype, dtype))

    def test_half_precision_is_calculated_in_single(self) -> None:
        # eps would be 0 in float16, and a gradient of 0 give 0 / 0
        for size in (3, 2 * SMALL):
            p = Parameter(np.ones(size, np.float16))
            optimizer = Adam([p], learning_rate=0.25)
            p.grad = np.zeros(size, np.float16)
            p.grad[1] = 1e-3
            optimizer.update()
            self.assertEqual(p.dtype, np.float16)
            np.testing.assert_allclose(p.data[:3], [1, 0.75, 1], rtol=1e-3)

    def test_in_blocks_as_element_by_element(self) -> None:
        size = BLOCK_BYTES // 4 * 2 + 77
        for name, options in EACH[:-1]:
            rng = np.random.default_rng(0)
            start = rng.normal(size=size).astype(np.float32)
            whole = Parameter(start.reshape(1, -1).copy())
            shared = {**options, "weight_decay": 0.1}
            some = [Parameter(start[i : i + 7].copy()) for i in (0, size // 2 - 3, size - 7)]
            a = getattr(ours, name)(
                [whole], weight_decay=0.1, **{k: v for k, v in options.items() if k != "weight_decay"}
            )
            b = getattr(ours, name)(some, **shared)
            for step in range(3):
                g = rng.normal(size=size).astype(np.float32)
                # gradients come in any layout of memory
                whole.grad = g.reshape(1, -1) if step else np.stack([g, g])[::-2]
                for i, p in zip((0, size // 2 - 3, size - 7), some, strict=True):
                    p.grad = g[i : i + 7]
                a.update()
                b.update()
            for i, p in zip((0, size // 2 - 3, size - 7), some, strict=True):
                np.testing.assert_array_equal(whole.data[0, i : i + 7], p.data, err_msg=name)

    def test_any_layout_of_memory(self) -> None:
        rng = np.random.default_rng(0)
        for shape in ((4, 6), (90, 110)):
            value, g = rng.normal(size=shape), rng.normal(size=shape)
            arrays = [value.copy(), np.asfortranarray(value), np.repeat(value, 2, axis=1)[:, ::2], value.astype(">f8")]
            params = [Parameter(array) for array in arrays]
            for dtype, p in zip(("<f8", "<f8", "<f8", ">f8"), params, strict=True):
                p.grad = np.asfortranarray(g.astype(dtype))
            Adam(params).update()
            for p, array in zip(params, arrays, strict=True):
                self.assertIs(p.data, array)
                np.testing.assert_allclose(p.data, params[0].data, rtol=1e-15)
            self.assertFalse(np.array_equal(params[0].data, value))


class InPlaceTest(unittest.TestCase):
    def test_arrays_keep_their_identity(self) -> None:
        for name, options in EACH:
            with self.subTest(name):
                params = [Parameter(np.ones(5)), Parameter(np.ones((100, 100)))]
                optimizer = getattr(ours, name)(params, **options)
                descend(optimizer, params, 1)
                before = [p.data for p in params] + [a for p in params for a in optimizer.states[p].values()]
                rate = optimizer.learning_rate
                optimizer.learning_rate = 0.0123
                descend(optimizer, params, 2)
                after = [p.data for p in params] + [a for p in params for a in optimizer.states[p].values()]
                self.assertTrue(all(a is b for a, b in zip(before, after, strict=True)))
                self.assertIs(optimizer.learning_rate, rate)
                self.assertEqual(rate, 0.0123)
                self.assertEqual([int(optimizer.states[p]["step"]) for p in params], [3, 3])

    def test_gradients_stay_as_they_are(self) -> None:
        for name, options in EACH:
            for size, decay in ((5, 0.1), (2 * SMALL, 0.1), (5, 0.0), (2 * SMALL, 0.0)):  # (a decay makes a copy)
                p = Parameter(np.ones(size))
                g = np.linspace(-1, 1, size)
                p.grad = g
                getattr(ours, name)([p], **{**options, "weight_decay": decay}).update()
                self.assertIs(p.grad, g)
                np.testing.assert_array_equal(g, np.linspace(-1, 1, size), err_msg=name)

    def test_a_graph_recorded_before_is_reported(self) -> None:
        for name, options in EACH:
            for size in (5, 2 * SMALL):
                p = Parameter(np.ones(size))
                loss = np.sum(p * p)
                p.grad = np.ones(size)
                getattr(ours, name)([p], **options).update()
                with self.subTest(name, size=size), self.assertRaises(GraphError):
                    loss.backward()

    def test_read_only_data_is_copied(self) -> None:
        for size in (3, 2 * SMALL):
            for name in ("SGD", "Adafactor"):
                array = np.ones(size)
                array.flags.writeable = False
                p = Parameter(array)
                p.grad = np.ones(size)
                getattr(ours, name)([p], learning_rate=0.5).update()
                self.assertTrue(np.all(array == 1))
                self.assertTrue(np.all(p.data < 1))

    def test_data_given_anew_is_gone_on_with(self) -> None:
        for size in (3, 2 * SMALL):
            p = Parameter(np.ones(size))
            optimizer = SGD([p], learning_rate=0.5)
            descend(optimizer, [p], 1)
            old = p.data
            kept = old.copy()
            p.data = np.zeros(size)
            p.grad = np.ones(size)
            optimizer.update()
            np.testing.assert_array_equal(p.data, -0.5)
            np.testing.assert_array_equal(old, kept)

    def test_parameters_that_look_into_one_memory(self) -> None:
        memory = np.zeros(4)
        p, q = Parameter(memory), Parameter(memory[1:3])
        p.grad, q.grad = np.ones(4), np.ones(2)
        SGD([p, q], learning_rate=1.0).update()
        np.testing.assert_array_equal(memory, [-1, -2, -2, -1])

    def test_neighbours_in_one_memory_are_not_mixed(self) -> None:
        memory = np.zeros(6)
        params = [Parameter(part) for part in np.split(memory, 3)]
        for i, p in enumerate(params):
            p.grad = np.full(2, float(i))
        SGD(params, learning_rate=1.0).update()
        np.testing.assert_array_equal(memory, [0, 0, -1, -1, -2, -2])

    def test_gradients_with_a_graph(self) -> None:
        p = Parameter(np.array([2.0]))
        y = p**3
        y.backward(create_graph=True)
        Adam([p], learning_rate=0.5, clip_norm=1.0).update()
        np.testing.assert_allclose(p.data, [1.5])


class SkippedTest(unittest.TestCase):
    def test_none_is_skipped_and_counts_apart(self) -> None:
        a, b, c = (Parameter(np.ones(3)) for _ in range(3))
        optimizer = Adam([a, b, c])
        descend(optimizer, [a, b], 2)
        b.cleargrad()
        descend(optimizer, [a], 1)
        self.assertEqual([int(optimizer.states[p]["step"]) for p in (a, b)], [3, 2])
        self.assertNotIn(c, optimizer.states)
        np.testing.assert_array_equal(c.data, 1)
        descend(optimizer, [a, b, c], 1)
        self.assertEqual([int(optimizer.states[p]["step"]) for p in (a, b, c)], [4, 3, 1])

    def test_no_gradient_at_all(self) -> None:
        p = Parameter(np.ones(3))
        Adam([p]).update()
        np.testing.assert_array_equal(p.data, 1)

    def test_momentum_switched_on_in_the_run(self) -> None:
        p, q = Parameter(np.zeros(3)), Parameter(np.zeros(3))
        a, b = SGD([p], 0.1), Momentum([q], 0.1, 0.5)
        descend(a, [p], 4)
        kept = p.data.copy()
        a.groups[0].momentum = 0.5
        p.grad = q.grad = np.ones(3)
        a.update()
        b.update()
        np.testing.assert_allclose(p.data - kept, q.data)
        p.grad = q.grad = np.ones(3)
        a.update()
        b.update()
        np.testing.assert_allclose(p.data - kept, q.data)


class LayersTest(unittest.TestCase):
    def test_lazy_parameters(self) -> None:
        p = Parameter(None, name="weight")
        optimizer = Adam([p], learning_rate=0.5)
        optimizer.update()
        p.data = np.ones(3)
        p.grad = np.ones(3)
        optimizer.update()
        np.testing.assert_allclose(p.data, 0.5)

    def test_a_layer_that_grows(self) -> None:
        layer = GrowingLayer()
        optimizer = SGD(layer, learning_rate=0.5)
        with self.assertRaisesRegex(ValueError, "SGD has no parameters to update, because its layer has none; call"):
            optimizer.update()
        w = layer.grow("w", [1.0, 2.0])
        w.grad = np.ones(2)
        optimizer.update()
        b = layer.grow("b", [1.0])
        w.grad, b.grad = np.ones(2), np.ones(1)
        optimizer.update()
        np.testing.assert_array_equal(w.data, [0, 1])
        np.testing.assert_array_equal(b.data, [0.5])
        optimizer.cleargrads()
        self.assertIsNone(w.grad)
        self.assertIsNone(b.grad)

    def test_a_layer_of_the_library(self) -> None:
        model = Sequential(Linear(8), np.tanh, Linear(1))
        optimizer = Adam(model, learning_rate=0.05, clip_norm=1.0)
        x = np.linspace(-2, 2, 40, dtype=np.float32)[:, None]
        first = None
        for _ in range(300):
            optimizer.cleargrads()
            loss = np.mean((model(x) - np.sin(x)) ** 2)
            loss.backward()
            optimizer.update()
            first = float(loss) if first is None else first
        self.assertLess(float(loss), min(0.01, first / 10))
        self.assertEqual(set(optimizer.named_parameters()), set(model.params()))

    def test_what_leaves_the_layer_is_let_go(self) -> None:
        layer = GrowingLayer()
        w, b = layer.grow("w", [1.0]), layer.grow("b", [1.0])
        optimizer = Adam(layer)
        descend(optimizer, [w, b], 2)
        del layer.found["b"]
        kept = b.data.copy()
        descend(optimizer, [w], 1)
        np.testing.assert_array_equal(b.data, kept)
        self.assertEqual(list(optimizer.states), [w])
        self.assertEqual(int(optimizer.states[w]["step"]), 3)

    def test_a_shared_parameter_is_updated_once(self) -> None:
        p = Parameter(np.ones(2))
        for params in ([p, p], {"a": p, "b": p}):
            p.data = np.ones(2)
            p.grad = np.ones(2)
            SGD(params, learning_rate=0.25).update()
            np.testing.assert_array_equal(p.data, 0.75)

    def test_generators_are_taken(self) -> None:
        params = [Parameter(np.ones(2)) for _ in range(3)]
        self.assertEqual(len(SGD(p for p in params).groups[0].params), 3)
        optimizer = SGD([{"params": (p for p in params)}])
        self.assertEqual(len(optimizer.groups[0].params), 3)
        self.assertEqual(len(SGD({"params": params}).groups[0].params), 3)


class GroupsTest(unittest.TestCase):
    def test_options_of_their_own(self) -> None:
        p, q = Parameter(np.ones(2)), Parameter(np.ones(2))
        optimizer = SGD([{"params": [p]}, {"params": {"w": q}, "learning_rate": 0.5}], learning_rate=0.1)
        p.grad = q.grad = np.ones(2)
        optimizer.update()
        np.testing.assert_allclose(p.data, 0.9)
        np.testing.assert_allclose(q.data, 0.5)
        self.assertEqual(list(optimizer.named_parameters()), ["0.0", "1.w"])

    def test_the_learning_rate_of_several(self) -> None:
        p, q = Parameter(np.ones(2)), Parameter(np.ones(2))
        optimizer = SGD([{"params": [p]}, {"params": [q], "learning_rate": 0.5}], learning_rate=0.125)
        self.assertEqual(optimizer.learning_rate, 0.125)
        with self.assertRaisesRegex(ValueError, "read-only"):
            optimizer.learning_rate *= 2
        self.assertEqual([float(group.learning_rate) for group in optimizer.groups], [0.125, 0.5])
        optimizer.learning_rate = 0.25
        self.assertEqual([float(group.learning_rate) for group in optimizer.groups], [0.25, 0.25])

    def test_in_place(self) -> None:
        optimizer = Adam([Parameter(np.ones(2))], learning_rate=0.5)
        optimizer.learning_rate *= 0.5
        optimizer.groups[0].beta1[...] = 0.25
        self.assertEqual((optimizer.learning_rate, optimizer.groups[0].beta1), (0.25, 0.25))
        self.assertRegex(repr(optimizer), r"^Adam\(1 parameters, learning_rate=0.25, beta1=0.25, .*amsgrad=False\)$")


class HooksTest(unittest.TestCase):
    def test_they_see_and_change_gradients(self) -> None:
        p, q = Parameter(np.ones(2)), Parameter(np.ones(2))
        optimizer = SGD([p, q], learning_rate=0.5)
        seen: list[Any] = []

        def hook(params: list[Parameter]) -> None:
            seen.append(params)
            for param in params:
                param.grad *= 0.5

        remove = optimizer.add_hook(hook)
        p.grad = np.ones(2)
        optimizer.update()
        self.assertTrue(len(seen) == 1 and len(seen[0]) == 1 and seen[0][0] is p)
        np.testing.assert_array_equal(p.data, 0.75)
        remove()
        optimizer.update()
        self.assertEqual(len(seen), 1)
        with self.assertRaisesRegex(TypeError, "a hook must be callable with a list of parameters, but got int"):
            optimizer.add_hook(3)  # type: ignore[arg-type]


class OwnOptimizerTest(unittest.TestCase):
    class Heavy(Optimizer):
        def new_state(self, data: Any, group: Any) -> Any:
            return {"velocity": np.zeros_like(data)}

        def update_one(self, param: Any, group: Any, state: Any) -> None:
            state["velocity"] *= 0.5
            state["velocity"] += param.grad
            param.data -= group.learning_rate * state["velocity"]

    def test_equals_the_built_in_one(self) -> None:
        p, q = Parameter(np.ones(3)), Parameter(np.ones(3))
        a, b = self.Heavy([p], {"learning_rate": 0.1}), Momentum([q], 0.1, 0.5)
        descend(a, [p], 5)
        descend(b, [q], 5)
        np.testing.assert_allclose(p.data, q.data)
        self.assertEqual(list(a.state_dict()), ["groups.0.learning_rate", "state.0.step", "state.0.velocity"])

    def test_without_a_rule(self) -> None:
        p = Parameter(np.ones(3))
        p.grad = np.ones(3)
        with self.assertRaisesRegex(NotImplementedError, r"Optimizer has no update_one\(param, group, state\); def"):
            Optimizer([p], {"learning_rate": 0.1}).update()


class ClippingTest(unittest.TestCase):
    def test_overflow_on_the_way_to_the_norm(self) -> None:
        for dtype, big in ((np.float16, 6e4), (np.float32, 3e30), (np.float64, 1e200), (np.float32, 1e-30)):
            p = Parameter(np.zeros(4, dtype))
            p.grad = np.full(4, big, dtype)
            expected = 2 * float(dtype(big))
            self.assertAlmostEqual(ours.clip_gradients_by_norm([p], 1.0) / expected, 1.0, 3)
            if big > 1:
                np.testing.assert_allclose(p.grad, 0.5, rtol=1e-3)

    def test_small_gradients_stay(self) -> None:
        p = Parameter(np.zeros(2))
        p.grad = np.array([0.3, 0.4])
        self.assertAlmostEqual(ours.clip_gradients_by_norm({"p": p}, 1.0), 0.5)
        np.testing.assert_array_equal(p.grad, [0.3, 0.4])
        self.assertEqual(ours.clip_gradients_by_norm([Parameter(np.zeros(2))], 1.0), 0.0)

    def test_one_array_given_to_two_is_scaled_once(self) -> None:
        p, q = Parameter(np.zeros(1)), Parameter(np.zeros(1))
        p.grad = q.grad = np.array([8.0])
        ours.clip_gradients_by_norm([p, q], 2.0)
        np.testing.assert_allclose(p.grad, 2.0, rtol=1e-5)

    def test_read_only_gradients(self) -> None:
        for clip in (ours.clip_gradients_by_norm, ours.clip_gradients_by_value):
            g = np.array([8.0])
            g.flags.writeable = False
            p = Parameter(np.zeros(1))
            p.grad = g
            clip(p, 2.0)
            np.testing.assert_allclose(p.grad, 2.0, rtol=1e-5)

    def test_complex(self) -> None:
        p = Parameter(np.zeros(1, complex))
        p.grad = np.array([3 + 4j])
        self.assertEqual(ours.clip_gradients_by_norm([p], 1.0), 5.0)
        np.testing.assert_allclose(p.grad, [0.6 + 0.8j], rtol=1e-5)
        with self.assertRaisesRegex(TypeError, "complex gradients have no order to be clipped by, .* clip by norm"):
            ours.clip_gradients_by_value([p], 1.0)

    def test_not_finite(self) -> None:
        for bad, word in ((np.nan, "NaN"), (np.inf, "infinity")):
            good, p = Parameter(np.zeros(1)), Parameter(np.zeros(2))
            good.grad, p.grad = np.ones(1), np.array([1.0, bad])
            params = {"good": good, "layer.weight": p}
            message = (
                rf"gradients must be finite, but that of 'layer.weight' \(Parameter of shape \(2,\).*\) has {word}; "
            )
            for clip in (ours.clip_gradients_by_norm, ours.clip_gradients_by_value):
                with self.assertRaisesRegex(ValueError, message):
                    clip(params, 1.0, error_if_nonfinite=True)
            for options in ({"clip_norm": 1.0}, {"clip_value": 1.0}, {}):
                with self.assertRaisesRegex(ValueError, message):
                    Adam(params, error_if_nonfinite=True, **options).update()
            np.testing.assert_array_equal(good.data, 0)
            np.testing.assert_array_equal(good.grad, 1)
        SGD(params, clip_norm=1.0).update()  # as in PyTorch: it shows in the numbers
        self.assertTrue(np.isnan(p.data[1]))

    def test_limits(self) -> None:
        p = Parameter(np.zeros(1))
        with self.assertRaisesRegex(ValueError, "limit of clip_gradients_by_norm must be a real number above 0"):
            ours.clip_gradients_by_norm([p], -1)
        with self.assertRaisesRegex(ValueError, "order of clip_gradients_by_norm must be a real number above 0"):
            ours.clip_gradients_by_norm([p], 1, order=0)
        with self.assertRaisesRegex(TypeError, "limit of clip_gradients_by_value must be a real number above 0"):
            ours.clip_gradients_by_value([p], "one")  # type: ignore[arg-type]
        with self.assertRaisesRegex(ValueError, "clip_norm of Adam must be a finite number above 0, but got float nan"):
            Adam([p], clip_norm=float("nan"))


if __name__ == "__main__":
    unittest.main()
