"""Optimizers: state_dict and load_state_dict."""

import copy
import pickle
import unittest
from typing import Any

import numpy as np

from tests.optimizer_cases import EACH, descend
from wengert import Parameter
from wengert import optimizers as ours
from wengert.optimizers import Adam


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

    def test_what_cannot_be_stacked_is_listed_and_nothing_changed(self) -> None:
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
