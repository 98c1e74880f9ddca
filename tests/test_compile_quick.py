"""The quick way of short plans: whatever is changed between two calls, it is seen, and the next call is as eager."""

import contextlib
import ctypes
import gc
import sys
import threading
import unittest
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock
from weakref import ref

import numpy as np

try:
    import llvmlite.binding  # noqa: F401
    import scipy.linalg.cython_blas  # noqa: F401
except ImportError:
    raise unittest.SkipTest("llvmlite and SciPy are not installed") from None

import wengert
from wengert import Variable
from wengert.compiler.compiled import CompileWarning
from wengert.compiler.guards import fast_path
from wengert.compiler.targets.cpu import native_guard, object_layout, program

if not native_guard.is_possible():
    raise unittest.SkipTest("Python or NumPy keep their objects in another way here")

LEVEL = np.array([0.5, 0.25, 0.125])
POWER = 2


class Other(Variable):
    __slots__ = ()


class Box:
    """What the functions below reach, in every kind of place."""

    bias = 0.5

    def __init__(self) -> None:
        self.scale = 2.0
        self.flags: Any = [1, 2.0, None]
        self.table: dict[str, Any] = {"a": np.array([1.0, 2.0, 3.0]), "b": 3, "c": np.array(0.5)}
        self.w = Variable(np.array([0.1, 0.2, 0.3]))
        self.total = np.zeros(3)
        self.pair = (np.ones(3), 4.0)
        self.order = OrderedDict(x=1.0, y=2.0)
        self.v = [Variable(np.array([1.0, 1.0, 1.0])), Variable(np.array([2.0, 1.0, 0.0]))]


def make() -> tuple[Box, Callable[..., Any]]:
    box = Box()
    factor = np.array([0.3, 0.2, 0.1])
    box.__dict__["set_factor"] = None

    def set_factor(value: Any) -> None:
        nonlocal factor
        factor = value

    def f(x: Any, y: Any = None) -> Any:
        z = np.tanh(x * box.w * box.scale + factor) * box.table["b"] + box.bias
        if box.flags[0] is True:
            z = z * 2
        for i, flag in enumerate(box.flags):
            z = z + i * (0 if flag is None else flag)
        for i, key in enumerate(box.table):
            z = z + i * box.table[key]
        for i, value in enumerate(box.order.values()):
            z = z * (i + 1) + value
        z = z * box.pair[0] / box.pair[1] + LEVEL**POWER + box.v[0] * box.v[1]
        if y is not None:
            z = z + y
        loss = np.sum(z * z)
        box.w.cleargrad()
        for v in box.v:
            v.cleargrad()
        loss.backward()
        box.w.data -= 0.001 * box.w.grad
        box.total += z.data
        return loss.data

    box.__dict__.pop("set_factor")
    return box, (f, set_factor)  # type: ignore[return-value]


def shown(box: Any) -> list[Any]:
    return [
        *(np.array(getattr(a, "_data", a)) for a in (box.w, box.total, box.table["a"], box.table["c"])),
        *(np.array(getattr(g, "_data", g)) for g in (box.w.grad, box.v[0].grad, box.v[1].grad) if g is not None),
    ]


@contextlib.contextmanager
def nothing() -> Iterator[None]:
    yield


class QuickCase(unittest.TestCase):
    def setUp(self) -> None:
        self.sides = [make(), make()]
        self.eager, self.compiled = self.sides[0][1][0], wengert.compile(self.sides[1][1][0])  # type: ignore[index]
        for _ in range(5):
            self.call()
        self.assertTrue(self.was_quick(), "it is no short plan")

    @property
    def boxes(self) -> list[Any]:
        return [side[0] for side in self.sides]

    def runs(self) -> int:
        found = self.compiled.plans[0].fast_path if self.compiled.plans else None
        return 0 if found is None else int(found.table[native_guard.RUNS])

    def was_quick(self) -> bool:
        before = self.runs()
        self.call()
        return self.runs() == before + 1

    def call(self, *arguments: Any) -> None:
        """One call of both, and a comparison of all they leave."""
        arguments = arguments or (np.array([1.0, 2.0, 3.0]),)
        outcomes: list[Any] = []
        for f, box in zip((self.eager, self.compiled), self.boxes, strict=True):
            mine = [a[len(outcomes)] if type(a) is tuple else a for a in arguments]
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    warnings.simplefilter("ignore", CompileWarning)
                    outcomes.append([f(*mine), *shown(box)])
            except Exception as error:  # noqa: BLE001  (it is compared)
                outcomes.append(error)
        expected, found = outcomes
        if isinstance(expected, Exception):
            self.assertEqual((type(found), str(found)), (type(expected), str(expected)))
            return
        if isinstance(found, Exception):
            raise found
        self.assertEqual([a.dtype for a in found], [a.dtype for a in expected])
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5 if a.dtype == np.float32 else 1e-7, atol=1e-10)


def replaced(key: str) -> Callable[[Any], None]:
    """Another array of the same form in a dict."""

    def change(box: Any) -> None:
        box.table[key] = box.table[key] + 1

    return change


def reordered(box: Any) -> None:
    box.table["a"] = box.table.pop("a")


def reordered_with_the_same_last(box: Any) -> None:
    items = [box.table.pop(key) for key in ("b", "c")]
    box.table["a"] = box.table.pop("a")
    box.table["b"], box.table["c"] = items
    box.table["b"] = box.table.pop("b")
    box.table["c"] = box.table.pop("c")


def read_only(box: Any) -> None:
    box.total.setflags(write=False)


def recorded(box: Any) -> None:
    box.w = box.w * 1.0


def of_another_class(box: Any) -> None:
    box.v[0].__class__ = Other


def reshaped_in_place(box: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        box.table["a"].shape = (1, 3)


CHANGES: dict[str, Callable[[Any], None]] = {
    "a number": lambda box: setattr(box, "scale", 3.0),
    "the same number, another object": lambda box: setattr(box, "scale", float("2.0")),
    "another kind of number": lambda box: setattr(box, "scale", np.float32(2.0)),
    "0 and -0": lambda box: box.flags.__setitem__(1, -0.0),
    "True for 1": lambda box: box.flags.__setitem__(0, True),
    "a longer list": lambda box: box.flags.append(7.0),
    "a shorter list": lambda box: box.flags.pop(),
    "another list": lambda box: setattr(box, "flags", [1, 2.0, 5.0]),
    "a list in the place of a tuple": lambda box: setattr(box, "pair", list(box.pair)),
    "another tuple": lambda box: setattr(box, "pair", (np.array([3.0, 2.0, 1.0]), 4.0)),
    "an array": replaced("a"),
    "an array of none": replaced("c"),
    "another shape": lambda box: box.table.__setitem__("a", np.ones((2, 3))),
    "another dtype": lambda box: box.table.__setitem__("a", np.arange(3)),
    "another byte order": lambda box: box.table.__setitem__("a", np.array([1.0, 2.0, 3.0], ">f8")),
    "other strides": lambda box: box.table.__setitem__("a", np.arange(6.0)[::2]),
    "strides backwards": lambda box: box.table.__setitem__("a", np.arange(3.0)[::-1]),
    "a number for an array": lambda box: box.table.__setitem__("a", 2.0),
    "a Variable for an array": lambda box: box.table.__setitem__("a", Variable(np.ones(3))),
    "in place": lambda box: box.table["a"].__imul__(2),
    "a shape in place": reshaped_in_place,
    "another order": reordered,
    "another order, with the same last": reordered_with_the_same_last,
    "another key": lambda box: box.table.__setitem__("d", 2.0),
    "a key less": lambda box: box.table.__delitem__("b") or box.table.__setitem__("bb", 3),  # type: ignore[func-returns-value]
    "another dict": lambda box: setattr(box, "table", {**box.table, "b": 4}),
    "an ordered dict": lambda box: box.order.move_to_end("x"),
    "an attribute of the instance that hides the class's": lambda box: setattr(box, "bias", 1.5),
    "data": lambda box: setattr(box.w, "data", box.w.data * 2),
    "data of another shape": lambda box: setattr(box.w, "data", np.ones((2, 3))),
    "data of another dtype": lambda box: setattr(box.w, "data", box.w.data.astype(np.float32)),
    "data in place": lambda box: box.w.data.__imul__(3),
    "another Variable": lambda box: setattr(box, "w", Variable(np.array([3.0, 2.0, 1.0]))),
    "another Variable in a list": lambda box: box.v.__setitem__(0, Variable(np.array([3.0, 2.0, 1.0]))),
    "one Variable twice": lambda box: box.v.__setitem__(0, box.v[1]),
    "two Variables change places": lambda box: box.v.reverse(),
    "one array in two places": lambda box: setattr(box.v[0], "data", box.v[1].data),
    "memory that is written to, seen from elsewhere": lambda box: box.table.__setitem__("a", box.total),
    "a view of memory that is written to": lambda box: box.table.__setitem__("a", box.w.data[::-1]),
    "a recorded Variable": recorded,
    "another class": of_another_class,
    "read-only": read_only,
    "no gradient": lambda box: box.v[0].cleargrad(),
    "a gradient of another kind": lambda box: setattr(box.v[0], "grad", Variable(np.ones(3))),
    "an attribute less": lambda box: delattr(box, "scale"),
    "an attribute more": lambda box: setattr(box, "another", 1),
}


class ChangesTest(QuickCase):
    def test_each_change(self) -> None:
        for what, change in CHANGES.items():
            with self.subTest(what):
                self.setUp()
                for box in self.boxes:
                    change(box)
                for _ in range(5):
                    self.call()

    def test_changes_one_after_the_other(self) -> None:
        left_out = ("an attribute less", "read-only", "a key less", "a shorter list")
        rng = np.random.default_rng(0)
        names = [n for n in CHANGES if n not in left_out]
        for _ in range(40):
            what = names[rng.integers(len(names))]
            for box in self.boxes:
                with contextlib.suppress(Exception):
                    CHANGES[what](box)
            for _ in range(int(rng.integers(1, 4))):
                self.call()

    def test_it_is_quick_again(self) -> None:
        for what in ("a number", "an array", "data", "another Variable", "another dict", "one Variable twice"):
            with self.subTest(what):
                self.setUp()
                for box in self.boxes:
                    CHANGES[what](box)
                for _ in range(5):
                    self.call()
                self.assertTrue(self.was_quick())

    def test_a_closure(self) -> None:
        for side in self.sides:
            side[1][1](np.array([9.0, 8.0, 7.0]))  # type: ignore[index]
        for _ in range(3):
            self.call()
        self.assertTrue(self.was_quick())

    def test_globals(self) -> None:
        with mock.patch.dict(globals(), LEVEL=np.array([5.0, 6.0, 7.0])):
            for _ in range(4):
                self.call()
            with mock.patch.dict(globals(), POWER=3):
                for _ in range(4):
                    self.call()
        for _ in range(4):
            self.call()
        with mock.patch.object(Box, "bias", -4.0):
            for _ in range(4):
                self.call()

    def test_modes(self) -> None:
        modes: list[Any] = [
            wengert.test_mode, wengert.debug, lambda: np.errstate(all="raise"), lambda: np.errstate(over="ignore"),
            nothing,
        ]  # fmt: skip
        for each in modes * 2:
            with each():
                for _ in range(3):
                    self.call()
        self.assertTrue(self.was_quick())

    def test_a_changed_state_after_each_call(self) -> None:
        """It is not looked at again and again."""
        known = self.compiled.plans[0].fast_path
        with mock.patch.object(known, "learn", wraps=known.learn) as learn:
            for i in range(200):
                for box in self.boxes:
                    box.w.data = box.w.data * (1 + i % 3)
                self.call()
            self.assertLess(learn.call_count, 12)
            self.call()


class ArgumentsTest(QuickCase):
    def test_arguments(self) -> None:
        x = np.array([1.0, 2.0, 3.0])
        wide = np.arange(6.0)
        given: list[Any] = [
            (x + 1,), (x.astype(np.float32),), (np.arange(3),), (wide[::2],), (wide[::-2],), (np.ones((2, 3)),), (2.0,),
            (3.0,), (np.array(2.0),), (np.float32(1.5),), (Variable(x),), (x, x), (x, wide[:3]), (x, 2.0), (x, 3.5),
            (x, None), (x.astype(">f8"),), (x, np.ones((2, 1))),
            (tuple(box.total for box in self.boxes),), (tuple(box.w.data for box in self.boxes),),
            (tuple(box.w.data[::-1] for box in self.boxes),), (tuple(box.table["a"] for box in self.boxes),),
            (tuple(box.w for box in self.boxes),),
        ]  # fmt: skip
        for arguments in given:
            with self.subTest(str(arguments)):
                for _ in range(4):
                    self.call(*arguments)
                self.call()
        fixed = np.array([1.0, 2.0, 3.0])
        fixed.setflags(write=False)
        self.call(fixed)

    def test_arguments_by_name(self) -> None:
        x = np.ones(3)
        for _ in range(3):
            np.testing.assert_allclose(self.compiled(x=x), self.eager(x=x), rtol=1e-7)
            np.testing.assert_allclose(self.compiled(y=x, x=x), self.eager(y=x, x=x), rtol=1e-7)
        for bad in ({"z": x}, {}):
            with self.assertRaises(TypeError):
                self.compiled(**bad)

    def test_what_is_returned_is_nobody_elses(self) -> None:
        c = wengert.compile(lambda x: x + 1)
        x = np.ones(3)
        found = [c(x) for _ in range(10)]
        for i, a in enumerate(found):
            a += i
        for i, a in enumerate(found):
            np.testing.assert_array_equal(a, 2.0 + i)

    def test_floats(self) -> None:
        c = wengert.compile(lambda x, a: x * a)
        x = np.ones(2)
        for a in (1.0, 2.0, 3.5, -0.0, np.inf, 4.0):
            np.testing.assert_array_equal(c(x, a), x * a)
        self.assertGreater(int(c.plans[0].fast_path.table[native_guard.RUNS]), 1)


class GuardsTest(unittest.TestCase):
    def test_a_branch(self) -> None:
        """A way that is left halfway has changed nothing."""
        total = np.zeros(())

        def f(x: Any) -> Any:
            y = np.sum(x)
            total[...] += 1
            return y * 2 if y > 0 else y - 1

        c = wengert.compile(f)
        for sign in (1, 1, 1, 1, -1, -1, -1, 1, -1, 1, 1, -1, -1):
            x = np.array([1.0, 2.0]) * sign
            self.assertEqual(c(x), 6.0 if sign > 0 else -4.0)
        self.assertEqual(total, 13)
        self.assertEqual(len(c.plans), 2)

    def test_random_numbers(self) -> None:
        generators = [np.random.default_rng(3) for _ in range(2)]
        functions = [lambda x, g=g: x + g.normal(size=3) for g in generators]
        c = wengert.compile(functions[1])
        for _ in range(6):
            np.testing.assert_array_equal(c(np.ones(3)), functions[0](np.ones(3)))

    def test_graphs_are_told(self) -> None:
        """A graph that was recorded before the plan wrote may not go backward through what it wrote to."""
        w = Variable(np.array([1.0, 2.0]))

        def step() -> None:
            w.data -= 0.5

        c = wengert.compile(step)
        for _ in range(4):
            c()
        y = np.sum(w * w)
        c()
        with self.assertRaises(wengert.GraphError):
            y.backward()

    def test_threads(self) -> None:
        """Several call one plan: one in its quick way, and one that has to look."""
        a = np.linspace(0, 1, 50)
        f = wengert.compile(lambda x: np.tanh(x * a) + x)
        inputs = [np.full(50, float(i)) for i in range(4)]
        inputs.append(np.arange(100.0)[::2])
        expected = [np.tanh(x * a) + x for x in inputs]
        for x in inputs * 4:
            f(x)
        wrong: list[Any] = []

        def work(i: int) -> None:
            found = [f(inputs[i]) for _ in range(400)]
            wrong.extend(i for a in found if not np.allclose(a, expected[i], rtol=1e-12))

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        self.addCleanup(sys.setswitchinterval, interval)
        threads = [threading.Thread(target=work, args=(i,)) for i in range(5)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])


class MemoryTest(unittest.TestCase):
    def test_nothing_is_lost(self) -> None:
        """What a plan's quick way knows goes with the plan, and calls leave nothing behind."""
        w = Variable(np.ones(3))
        box = {"w": w}

        def f(x: Any) -> Any:
            y = np.sum(box["w"] * x)
            box["w"].cleargrad()
            y.backward()
            return y.data

        c = wengert.compile(f)
        x = np.ones(3)
        for _ in range(6):
            c(x)
        counted = [box, w, w.data, x, w.data.dtype, None, np.ndarray, -1, 0]
        before = [sys.getrefcount(each) for each in counted]
        for _ in range(500):
            c(x)
        after = [sys.getrefcount(each) for each in counted]
        self.assertTrue(all(abs(a - b) < 50 for a, b in zip(after, before, strict=True)), (before, after))
        watched = ref(w)
        counted.clear()
        del c, f, w
        box.clear()
        gc.collect()
        self.assertIsNone(watched())

    def test_where_the_layout_is_another(self) -> None:
        with mock.patch.object(program, "is_possible", lambda: False):
            c = wengert.compile(lambda x: x + 1)
            for i in range(5):
                np.testing.assert_array_equal(c(np.full(3, float(i))), i + 1.0)
        self.assertIsNone(c.plans[0].fast_path)
        moved = mock.patch.object(object_layout, "ARRAY_FLAGS", object_layout.ARRAY_FLAGS - 8)
        with moved:
            self.assertFalse(object_layout.layout_is_known.__wrapped__())
        self.assertTrue(object_layout.layout_is_known.__wrapped__())
        with mock.patch.object(sys, "_is_gil_enabled", lambda: False, create=True):
            self.assertFalse(native_guard.is_possible.__wrapped__())

    def test_long_plans_let_other_threads_run(self) -> None:
        with mock.patch.object(program, "SHORT", 0):
            c = wengert.compile(lambda x: x + 1)
            for _ in range(4):
                c(np.ones(3))
        self.assertFalse(c.plans[0].run.__self__.short)
        self.assertIsNone(fast_path.fast_path_of(c.plans[0]))

    def test_pointers_are_words(self) -> None:
        self.assertEqual(ctypes.sizeof(ctypes.c_void_p), native_guard.words([1]).itemsize)


if __name__ == "__main__":
    unittest.main()
