"""The conditions of a plan as typed guards: what is derived from a trace, what is well formed, what is looked at."""

from __future__ import annotations

import unittest
from types import SimpleNamespace
from typing import Any

import numpy as np

import wengert
from wengert import Variable
from wengert.compiler.capture.locations import Location
from wengert.compiler.capture.trace import trace
from wengert.compiler.guards.conditions import (
    ArrayForm,
    Equal,
    Form,
    Guard,
    NoOverlap,
    OfType,
    SameAs,
    SameObject,
    guards_of,
    verify_guards,
)
from wengert.compiler.guards.replay import Replay
from wengert.compiler.targets.cpu.runner import interpreted

WEIGHT = Variable(np.ones(3))
TABLE = {"weight": np.ones(3)}


class SharedObjectTest(unittest.TestCase):
    """An object that is found in two locations: a plan is for the same object in both."""

    def check(self, function: Any, same: Any, other: Any) -> None:
        for runner in ({}, {"runner": interpreted}):
            with self.subTest(**runner):
                compiled = wengert.compile(function, **runner)
                for argument in (*[same] * 6, other, same, other, other, other, same, other, same):
                    np.testing.assert_array_equal(compiled(argument), function(argument))

    def test_a_variable_is_an_argument_and_a_global(self) -> None:
        self.check(lambda v: np.sum(v.data * WEIGHT.data), WEIGHT, Variable(np.full(3, 2.0)))

    def test_a_variable_in_a_slot_and_in_a_list(self) -> None:
        class Slots:
            __slots__ = ("v",)

        held, other, slots = [WEIGHT], Variable(np.full(3, 2.0)), Slots()

        def f(x: Any) -> Any:
            return x * slots.v.data + held[0].data

        compiled = wengert.compile(f)
        for variable in (*[WEIGHT] * 6, other, WEIGHT, other, other, other, other, WEIGHT):
            slots.v = variable
            np.testing.assert_array_equal(compiled(np.ones(3)), f(np.ones(3)))

    def test_a_dict_inside_of_an_argument_is_a_global(self) -> None:
        self.check(lambda a: a[0][0]["weight"] * TABLE["weight"], [[TABLE]], [[{"weight": np.full(3, 5.0)}]])

    def test_a_variable_inside_of_an_argument_is_an_attribute(self) -> None:
        holder = SimpleNamespace(v=WEIGHT)
        self.check(lambda a: a[0][0][0].data * holder.v.data, [[[WEIGHT]]], [[[Variable(np.full(3, 5.0))]]])


class SharedMemoryTest(unittest.TestCase):
    def test_an_argument_that_overlaps_a_state_which_is_used_again(self) -> None:
        """The fast path knows the memory of the state that it compares, not that of the last call."""
        buffers = [np.random.default_rng(i).normal(size=65) for i in range(12)]
        views = [buffer[1:] for buffer in buffers]
        holder = SimpleNamespace(total=views[0])

        def f(x: Any) -> Any:
            holder.total += x
            return holder.total * 2

        compiled = wengert.compile(f)
        for holder.total in (*[views[0]] * 6, *views):  # so many that not each is learnt
            compiled(np.ones(64))
        for buffer, holder.total in zip(buffers, views, strict=True):
            expected = holder.total + buffer[:-1]
            np.testing.assert_allclose(compiled(buffer[:-1]), expected * 2)
            np.testing.assert_allclose(holder.total, expected)


class DerivedTest(unittest.TestCase):
    def test_the_guards_of_a_function(self) -> None:
        holder = SimpleNamespace(scale=2.0, total=np.zeros(3), items=[1])

        def f(x: Any, pair: Any) -> Any:
            holder.total += x
            return x * holder.scale + pair[0] + len(holder.items)

        guards = list(map(str, guards_of(trace(f, (np.ones(3), (1.5, "a")), {}))))
        for expected in (
            "2 positional arguments, keywords ()",
            "type(pair) is tuple",
            "pair contains 2",
            "type(pair[0]) is float",
            "pair[1] == 'a'",
            "holder is the same SimpleNamespace",
            "holder.scale == 2.0",
            "holder.items is the same list",
            "list contains 1",
            "the dict of a SimpleNamespace",
            "x float64[3]",
            "holder.total float64[3]",
            "no array that is written to overlaps another one",
        ):
            self.assertIn(expected, guards)
        self.assertEqual(len(guards), len(set(guards)))

    def test_the_form_of_an_array_that_is_not_used_is_no_guard(self) -> None:
        found = guards_of(trace(lambda x, y: x + 1, (np.ones(3), np.ones(2)), {}))
        self.assertEqual([g.location.path for g in found if isinstance(g, ArrayForm)], ["x"])
        c = wengert.compile(lambda x, y: x + 1)
        for i in range(6):
            c(np.ones(3), np.ones(i))
        self.assertEqual(len(c.plans), 1)
        self.assertIn("for x float64[3]; ", str(c.plan))

    def test_each_guard_is_in_the_code_of_a_replay(self) -> None:
        found = trace(lambda x, *, key: x * WEIGHT.data + TABLE[key], (np.ones(3),), {"key": "weight"})
        plan = Replay(found, None, lambda graph: interpreted(graph))
        self.assertGreater(plan.code.count("return MISS"), len(plan.guards))
        for wrong in ({"key": "wei"}, {"kez": "weight"}, {}, {"key": None}):
            self.assertFalse(plan.fits((np.ones(3),), wrong))
        self.assertTrue(plan.fits((np.zeros(3),), {"key": "weight"}))


class VerifyTest(unittest.TestCase):
    def test_lists_that_are_not_well_formed(self) -> None:
        function, x = Location("item", [len], 0, "f", len), Location("item", [1], 0, "x", 1, argument=True)
        part = Location("item", (1,), 0, "x[0]", 1, x)
        y = Location("item", [1], 0, "y", 1)
        form = Form(np.ndarray, (3,), np.dtype(float), (8, 1), False)
        cases: list[tuple[list[Guard], str]] = [
            ([Equal(x, 1), SameObject(x, 1)], "'x is the same int' is wrong: its location has another guard"),
            ([Equal(part, 1), OfType(x, tuple)], r"'x\[0\] == 1' is wrong: what its location lies in has no guard"),
            ([SameAs(x, y), Equal(y, 1)], "'x is y' is wrong: the location that it is compared with has no guard"),
            ([ArrayForm(x, 0, form)], "its form is not that of an array"),
            ([NoOverlap((), (0,), False)], "an argument has no form"),
        ]
        for guards, message in cases:
            with self.subTest(message), self.assertRaisesRegex(RuntimeError, message):
                verify_guards(guards, function)
        verify_guards([OfType(x, tuple), Equal(part, 1), Equal(y, 1)], function)


if __name__ == "__main__":
    unittest.main()
