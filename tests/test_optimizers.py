"""Optimizers: groups, states, clipping, layers that grow, and what they refuse."""

import copy
import importlib.util
import pickle
import unittest
from typing import Any

import numpy as np

from wengert import GraphError, Parameter, Variable
from wengert import optimizers as ours
from wengert.layers.linear import Linear
from wengert.layers.sequential import Sequential
from wengert.optimizers import LBFGS, SGD, Adafactor, Adam, AdamW, Lion, Momentum, Optimizer
from wengert.optimizers.elementwise import BLOCK_BYTES, SMALL

needs_scipy = unittest.skipIf(importlib.util.find_spec("scipy") is None, "needs scipy: pip install wengert[scipy]")

EACH: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"learning_rate": 0.02}),
    ("Momentum", {"learning_rate": 0.01}),
    ("Nesterov", {"learning_rate": 0.01}),
    ("AdaGrad", {"learning_rate": 1.0}),
    ("AdaDelta", {"learning_rate": 0.1, "eps": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "momentum": 0.5}),
    ("RMSprop", {"learning_rate": 0.01, "centered": True}),
    ("Adam", {"learning_rate": 0.1}),
    ("Adam", {"learning_rate": 0.1, "amsgrad": True}),
    ("AdamW", {"learning_rate": 0.1, "weight_decay": 1e-4}),
    ("Lion", {"learning_rate": 0.01}),
    ("Adafactor", {"learning_rate": 0.1}),
]


class GrowingLayer:
    """A layer that makes its parameters at its first call, and one more later."""

    def __init__(self) -> None:
        self.found: dict[str, Parameter] = {}

    def params(self) -> dict[str, Parameter]:
        return dict(self.found)

    def grow(self, name: str, value: Any) -> Parameter:
        self.found[name] = Parameter(np.array(value, dtype=float))
        return self.found[name]


def descend(optimizer: Any, params: Any, steps: int, seed: int = 0) -> None:
    """Make steps with random gradients that are the same for the same seed."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        for p in params:
            p.grad = np.asarray(rng.normal(size=p.shape)).astype(p.dtype)
        optimizer.update()


class MinimisingTest(unittest.TestCase):
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
            for size in (5, 2 * SMALL):
                p = Parameter(np.ones(size))
                g = np.linspace(-1, 1, size)
                p.grad = g
                getattr(ours, name)([p], **{"weight_decay": 0.1, **options}).update()
                self.assertIs(p.grad, g)
                np.testing.assert_array_equal(g, np.linspace(-1, 1, size), err_msg=name)

    def test_a_graph_recorded_before_is_told(self) -> None:
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


class StateTest(unittest.TestCase):
    def make(self, name: str, options: dict[str, Any]) -> tuple[Any, list[Parameter]]:
        rng = np.random.default_rng(5)
        values = [rng.normal(size=(3, 4)), rng.normal(size=(100, 100)), rng.normal(size=5).astype(np.float32)]
        if name != "Adafactor":
            values.append(rng.normal(size=2) + 1j)
        params = [Parameter(value) for value in values]
        return getattr(ours, name)({f"layer.{i}": p for i, p in enumerate(params)}, **options), params

    def test_a_copy_goes_on_training_its_own_parameters(self) -> None:
        for name, options in EACH:
            for how in (copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))):
                with self.subTest(name, **options):
                    a, ps = self.make(name, options)
                    descend(a, ps, 3)
                    b = how(a)
                    qs = b.groups[0].params
                    for params in (ps, qs[:2], qs[2:]):  # some first: each has a count of steps of its own
                        optimizer = a if params is ps else b
                        optimizer.cleargrads()
                        for _ in range(2):
                            for p in params:
                                p.grad = np.full_like(p.data, 0.5)
                            optimizer.update()
                        if params is ps:
                            for p, q in zip(ps, qs, strict=True):
                                self.assertFalse(np.array_equal(p.data, q.data))
                    for p, q in zip(ps, qs, strict=True):
                        np.testing.assert_allclose(p.data, q.data, rtol=1e-6)

    def test_a_resumed_run_equals_an_uninterrupted_one(self) -> None:
        for name, options in EACH:
            with self.subTest(name, **options):
                a, ps = self.make(name, options)
                descend(a, ps, 3)
                a.learning_rate = 0.0321
                saved = a.state_dict()
                self.assertTrue(all(type(value) is np.ndarray and value.dtype.kind in "if" for value in saved.values()))
                values = [p.data.copy() for p in ps]
                descend(a, ps, 3, seed=1)
                # into a new optimizer, into one in a run, and into the same one
                fresh, running = self.make(name, options), self.make(name, options)
                descend(*running, 2, seed=9)
                descend(running[0], running[1][:2], 1, seed=9)
                expected = [p.data.copy() for p in ps]
                for b, qs in (fresh, running, (a, ps)):
                    for q, value in zip(qs, values, strict=True):
                        q.data = value.copy()
                    b.load_state_dict(saved)
                    self.assertEqual(b.learning_rate, 0.0321)
                    again = b.state_dict()
                    self.assertEqual(list(again), list(saved))
                    for key, value in saved.items():
                        np.testing.assert_array_equal(again[key], value)
                    descend(b, qs, 3, seed=1)
                    for q, value in zip(qs, expected, strict=True):
                        np.testing.assert_array_equal(q.data, value)

    def test_copies_are_given_and_taken(self) -> None:
        a, ps = self.make("Adam", {})
        descend(a, ps, 2)
        saved = a.state_dict()
        kept = {name: value.copy() for name, value in saved.items()}
        descend(a, ps, 1)
        b, qs = self.make("Adam", {})
        b.load_state_dict(saved)
        descend(b, qs, 1)
        for name, value in kept.items():
            np.testing.assert_array_equal(saved[name], value)

    def test_loading_writes_in_place(self) -> None:
        a, ps = self.make("Adam", {})
        descend(a, ps, 2)
        saved = a.state_dict()
        descend(a, ps, 2)
        arrays = [array for p in ps for array in a.states[p].values()]
        a.load_state_dict(saved)
        self.assertTrue(all(x is y for x, y in zip(arrays, [v for p in ps for v in a.states[p].values()], strict=True)))

    def test_parameters_that_had_no_gradient(self) -> None:
        p, q = Parameter(np.ones(2)), Parameter(np.ones(2))
        a = Adam([p, q])
        descend(a, [p], 3)
        saved = a.state_dict()
        descend(a, [p, q], 2)
        a.load_state_dict(saved)
        self.assertEqual(list(a.states), [p])
        descend(a, [p, q], 1)
        self.assertEqual([int(a.states[x]["step"]) for x in (p, q)], [4, 1])

    def test_before_lazy_parameters_have_data(self) -> None:
        p = Parameter(np.ones(2))
        a = Adam([p])
        descend(a, [p], 3)
        saved, value = a.state_dict(), p.data.copy()
        descend(a, [p], 2, seed=1)
        q = Parameter(None)
        b = Adam([q])
        b.load_state_dict(saved)
        self.assertEqual(list(b.state_dict()), list(saved))
        q.data = value
        descend(b, [q], 2, seed=1)
        np.testing.assert_array_equal(q.data, p.data)
        wrong = Parameter(None)
        c = Adam({"weight": wrong})
        c.load_state_dict({name.replace("state.0", "state.weight"): value for name, value in saved.items()})
        wrong.data = np.ones(3)
        wrong.grad = np.ones(3)
        with self.assertRaisesRegex(ValueError, r"state of 'weight' must have the shape \(3,\), but 'mean' has \(2,\)"):
            c.update()

    def test_what_does_not_fit_is_listed_and_nothing_changed(self) -> None:
        a, ps = self.make("Adam", {})
        descend(a, ps, 1)
        saved = a.state_dict()
        before = {name: value.copy() for name, value in saved.items()}
        wrong = {**saved, "state.layer.0.mean": np.zeros(3), "state.other.mean": np.zeros(3)}
        wrong["groups.0.learning_rate"] = np.array(7.0)
        del wrong["state.layer.1.mean_square"]
        message = (
            r"(?s)the state to load must be that of Adam on the same parameters.*but:\n"
            r"  state.layer.0.mean must have the shape \(3, 4\), but has \(3,\)\n"
            r"  missing: state.layer.1.mean_square\n"
            r"  unexpected: state.other.mean$"
        )
        with self.assertRaisesRegex(ValueError, message):
            a.load_state_dict(wrong)
        for name, value in before.items():
            np.testing.assert_array_equal(a.state_dict()[name], value)
        for name, value, error, message in [
            ("groups.0.beta1", np.array(2.0), ValueError, "groups.0.beta1 of Adam must be a real number"),
            ("groups.0.beta1", np.array([0.5]), ValueError, r"groups.0.beta1 must have the shape \(\), but has \(1,\)"),
            ("groups.0.beta1", 0.5, TypeError, "groups.0.beta1 must be a real ndarray, but got float"),
            ("state.layer.0.step", np.array(1.5), TypeError, "state.layer.0.step must be an integer ndarray, but got"),
            ("state.layer.0.step", np.array(-1), ValueError, "state.layer.0.step must be 0 or more, but is -1"),
            ("state.layer.0.mean", np.zeros((3, 4), complex), TypeError, "state.layer.0.mean must be a real ndarray"),
        ]:
            with self.assertRaisesRegex(error, message):
                a.load_state_dict({**saved, name: value})
        with self.assertRaisesRegex(ValueError, "missing: groups.0.learning_rate"):
            a.load_state_dict({})
        with self.assertRaisesRegex(ValueError, "unexpected: groups.0.beta1"):
            self.make("SGD", {})[0].load_state_dict(saved)


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


@needs_scipy
class LBFGSTest(unittest.TestCase):
    def test_rosenbrock(self) -> None:
        p = Parameter(np.array([-1.2, 1.0, -0.5, 2.0]))
        optimizer = LBFGS([p], max_iterations=200)
        loss = optimizer.update(lambda: np.sum(100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2))
        self.assertLess(loss, 1e-12)
        np.testing.assert_allclose(p.data, 1, rtol=1e-5)

    def test_several_parameters_in_place_and_a_closure_with_backward(self) -> None:
        w, b = Parameter(np.zeros((2, 3), np.float32)), Parameter(np.zeros(3, np.float32))
        z = Parameter(np.array([1 + 1j]))
        unused = Parameter(np.ones(2))
        target = np.arange(6, dtype=np.float32).reshape(2, 3)
        arrays = [w.data, b.data, z.data]

        def closure() -> Variable:
            loss = np.sum((w + b - target) ** 2) + np.sum(b**2) + np.sum(np.abs(z - (2 - 3j)) ** 2)
            loss.backward()
            return loss

        optimizer = LBFGS([w, b, z, unused], max_iterations=100)
        self.assertLess(optimizer.update(closure), 1e-8)
        np.testing.assert_allclose(w.data, target, atol=1e-3)
        np.testing.assert_allclose(z.data, 2 - 3j, atol=1e-3)
        np.testing.assert_array_equal(unused.data, 1)
        self.assertTrue(w.data is arrays[0] and b.data is arrays[1] and z.data is arrays[2])
        self.assertEqual(list(optimizer.state_dict())[-1], "state.2.step")

    def test_lazy_parameters(self) -> None:
        layer = GrowingLayer()
        optimizer = LBFGS(layer)

        def closure() -> Variable:
            if not layer.found:
                layer.grow("w", [3.0])
            return np.sum((layer.found["w"] - 1) ** 2)

        optimizer.update(closure)
        np.testing.assert_allclose(layer.found["w"].data, 1)

    def test_ends_at_the_best_point(self) -> None:
        p = Parameter(np.array([4.0]))
        losses: list[float] = []

        def closure() -> Variable:
            loss = np.sum(np.log(p) ** 2)  # NaN below 0, where the line search goes at first
            losses.append(float(loss))
            return loss

        with np.errstate(invalid="ignore"):
            loss = LBFGS([p]).update(closure)
        self.assertEqual(loss, np.nanmin(losses))
        np.testing.assert_allclose(p.data, 1, atol=1e-4)

    def test_refused(self) -> None:
        p = Parameter(np.array([1.0]))
        optimizer = LBFGS([p])
        with self.assertRaisesRegex(TypeError, "so it needs a function that returns it: .*; but got NoneType"):
            optimizer.update()
        with self.assertRaisesRegex(TypeError, "the closure must return the loss as one real number in a Variable"):
            optimizer.update(lambda: 3.0)
        with self.assertRaisesRegex(ValueError, "LBFGS has no parameters that the loss depends on; use them in the"):
            optimizer.update(lambda: Variable(np.array(3.0)))
        with self.assertRaisesRegex(ValueError, "must be finite at the start, but the loss is nan, and 1 elements"):
            optimizer.update(lambda: np.sum(p * np.nan))
        np.testing.assert_array_equal(p.data, 1)
        with self.assertRaisesRegex(ValueError, "LBFGS does not clip gradients"):
            LBFGS([p], clip_norm=1.0)
        with self.assertRaisesRegex(ValueError, "LBFGS takes one group of parameters, but got 2"):
            LBFGS([{"params": [p]}, {"params": [Parameter(np.ones(1))]}])
        with self.assertRaisesRegex(ValueError, "max_iterations of LBFGS must be an integer of at least 1"):
            LBFGS([p], max_iterations=0)
        with self.assertRaisesRegex(AttributeError, "LBFGS has no option 'learning_rate'; it has: max_iterations"):
            optimizer.learning_rate  # noqa: B018


class RefusedTest(unittest.TestCase):
    def test_what_would_change_nothing(self) -> None:
        optimizer = Adam([Parameter(np.ones(2))])
        for name in ("beta1", "weight_decay", "amsgrad"):
            with self.assertRaisesRegex(AttributeError, rf"{name}.* is one of its groups; .*groups\[0\]\.{name} = "):
                setattr(optimizer, name, 0.5)
        with self.assertRaisesRegex(AttributeError, "Adam has no option 'lr'; .*learning_rate"):
            optimizer.lr = 0.5
        optimizer.note = "of one's own"
        with self.assertRaisesRegex(TypeError, "error_if_nonfinite of Adam must be True or False, but got str 'yes'"):
            Adam([Parameter(np.ones(2))], error_if_nonfinite="yes")
        with self.assertRaisesRegex(TypeError, "load_state_dict takes a mapping of names to arrays, but got NoneType"):
            optimizer.load_state_dict(None)

    def test_parameters(self) -> None:
        p = Parameter(np.ones(2))
        for given, error, message in [
            ([], ValueError, "Adam needs parameters to train, but got an empty list"),
            ({}, ValueError, "Adam needs parameters to train, but got an empty dict"),
            (p, TypeError, r"parameters must be given as a Layer, a dict or a list, but got Parameter .*; write \[p\]"),
            (3, TypeError, "parameters must be given as a Layer, a dict or a list, but got int"),
            ([p, 3.0], TypeError, "each of the parameters must be a Parameter, but '1' is float"),
            ({"w": np.ones(2)}, TypeError, r"must be a Parameter, but 'w' is ndarray of shape \(2,\)"),
            ([Variable(np.ones(2))], TypeError, r"but '0' is Variable .*; make it one: Parameter\(x.data\)"),
            ([Parameter(np.arange(3))], TypeError, "must be floating-point or complex, but '0' is Parameter of shape"),
            ([Parameter(np.array([True]))], TypeError, "must be floating-point or complex, .* convert it"),
            (
                [{"params": [p]}, {"params": [p]}],
                ValueError,
                r"must be in one group, but '0' .* is in groups 0 and 1",
            ),
            ([{"params": [p], "rate": 1.0}], ValueError, "Adam has no option 'rate' for a group of parameters; it has"),
            ([{"params": []}], ValueError, "Adam needs parameters to train, but got an empty list"),
        ]:
            with self.subTest(message), self.assertRaisesRegex(error, message):
                Adam(given)

    def test_options(self) -> None:
        p = [Parameter(np.ones(2))]
        for make, error, message in [
            (lambda: Adam(p, -1e-3), ValueError, "learning_rate of Adam must be a real number at least 0"),
            (lambda: Adam(p, float("nan")), ValueError, "learning_rate of Adam must be a finite number at least 0"),
            (lambda: Adam(p, float("inf")), ValueError, "learning_rate of Adam must be a finite number at least 0"),
            (lambda: Adam(p, "fast"), TypeError, "learning_rate of Adam must be a real number at least 0"),
            (lambda: Adam(p, np.ones(2)), TypeError, r"learning_rate of Adam must be a real number at least 0"),
            (lambda: Adam(p, True), TypeError, "learning_rate of Adam must be a real number at least 0"),
            (lambda: Adam(p, None), TypeError, "learning_rate of Adam must be a real number at least 0"),
            (lambda: Adam(p, beta1=1.0), ValueError, "beta1 of Adam must be a real number at least 0 and below 1"),
            (lambda: Adam(p, amsgrad=1), TypeError, "amsgrad of Adam must be True or False, but got int 1"),
            (lambda: Adam(p, weight_decay=-1), ValueError, "weight_decay of Adam must be a real number at least 0"),
            (lambda: Adam(p, clip=1), TypeError, "Adam has no option 'clip'; it has: learning_rate, .*clip_norm"),
            (
                lambda: SGD(p, nesterov=True),
                ValueError,
                "Nesterov's momentum needs a momentum above 0",
            ),
            (lambda: Lion(p, beta2=-0.1), ValueError, "beta2 of Lion must be a real number at least 0 and below 1"),
            (
                lambda: Adafactor(p, clip_threshold=0),
                ValueError,
                "clip_threshold of Adafactor must be a real number above 0, but got int 0",
            ),
            (
                lambda: AdamW([{"params": p, "learning_rate": -1.0}]),
                ValueError,
                "learning_rate of AdamW must be a real number at least 0, but got float -1.0",
            ),
        ]:
            with self.subTest(message), self.assertRaisesRegex(error, message):
                make()

    def test_options_in_the_run(self) -> None:
        p = Parameter(np.ones(2))
        optimizer = Adam([p], learning_rate=0.5)
        with self.assertRaisesRegex(ValueError, "learning_rate of Adam must be a real number at least 0"):
            optimizer.learning_rate = -1
        self.assertEqual(optimizer.learning_rate, 0.5)
        with self.assertRaisesRegex(AttributeError, "Adam has no option 'rate'; it has: learning_rate, beta1"):
            optimizer.groups[0].rate = 1.0
        optimizer.groups[0].learning_rate[...] = -1.0
        p.grad = np.ones(2)
        with self.assertRaisesRegex(ValueError, "learning_rate of Adam must be a real number at least 0"):
            optimizer.update()
        np.testing.assert_array_equal(p.data, 1)

    def test_a_parameter_of_another_shape(self) -> None:
        for kind in (Adam, Adafactor):
            p = Parameter(np.ones(2))
            optimizer = kind({"weight": p})
            descend(optimizer, [p], 1)
            p.data = np.ones(3)
            p.grad = np.ones(3)
            with self.assertRaisesRegex(
                ValueError, r"keep its shape and dtype while it is trained, but 'weight' had \(2,\) and float64 at the"
            ):
                optimizer.update()

    def test_lazy_integers(self) -> None:
        p = Parameter(None)
        optimizer = Adam([p])
        p.data = np.arange(3)
        p.grad = np.ones(3)
        with self.assertRaisesRegex(TypeError, "must be floating-point or complex, but '0' is Parameter of shape"):
            optimizer.update()

    def test_adafactor_is_real(self) -> None:
        p = Parameter(np.ones(2, complex))
        p.grad = np.ones(2, complex)
        with self.assertRaisesRegex(TypeError, "Adafactor takes real parameters, but got ndarray of shape .* as two"):
            Adafactor([p]).update()


class WarningsTest(unittest.TestCase):
    def test_overflow_is_silent(self) -> None:
        for name, options in EACH:
            p = Parameter(np.ones(3, np.float32))
            optimizer = getattr(ours, name)([p], **options)
            for g in (np.full(3, 3e38), np.array([np.nan, np.inf, -np.inf])):
                p.grad = g.astype(np.float32)
                optimizer.update()


if __name__ == "__main__":
    unittest.main()
