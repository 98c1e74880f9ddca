"""What a program changes between two calls in ways that are not plain assignments: compiled is as eager.

Each program is a generator of what is to be seen after each call. It runs eagerly, by interpreted plans, and in native
code, and yields the same.
"""

import array
import collections
import contextvars
import functools
import gc
import importlib.util
import subprocess
import sys
import threading
import types
import unittest
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from wengert import Variable
from wengert.compiler.compiled import CompileWarning, compile
from wengert.compiler.targets.cpu.runner import interpreted, native

X = np.arange(3.0)
LEVEL = 2.0
Wrap = Callable[[Any], Any]
Program = Callable[[Wrap], Iterator[Any]]
RUNNERS = [interpreted]
if all(map(importlib.util.find_spec, ("llvmlite", "scipy"))):
    RUNNERS.append(native)


def plain(value: Any) -> Any:
    """A copy of what is to be seen at this moment."""
    if isinstance(value, Variable):
        return "Variable", plain(value.data), plain(value.grad)
    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(plain, value)]
    return {key: plain(part) for key, part in value.items()} if isinstance(value, dict) else value


def calls(f: Any, n: int = 5) -> Iterator[Any]:
    for i in range(n):
        yield f(X + i)


class Holder:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class ProgramCase(unittest.TestCase):
    def follow(self, program: Program, plans: int | None = None, warned: str | None = None) -> None:
        expected = [plain(value) for value in program(lambda f: f)]
        for runner in RUNNERS:
            made: list[Any] = []

            def wrap(f: Any, runner: Any = runner, made: list[Any] = made) -> Any:
                made.append(compile(f, runner=runner))
                return made[-1]

            with self.subTest(runner=runner.__name__), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", CompileWarning)
                for i, value in enumerate(program(wrap)):
                    self.equal(plain(value), expected[i], f"after call {i + 1}")
                if warned is not None:
                    self.assertRegex(str(caught[0].message), warned)
                    continue
                self.assertEqual([str(each.message) for each in caught], [])
                self.assertTrue(all(any(plan.run for plan in c.plans) for c in made), "no plan was used")
                if plans is not None:
                    self.assertEqual(sum(len(c.plans) for c in made), plans)

    def equal(self, a: Any, b: Any, where: str) -> None:
        self.assertIs(type(a), type(b), where)
        if isinstance(a, np.ndarray):
            self.assertEqual(a.dtype, b.dtype, where)
            np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=where)
        elif isinstance(a, (list, tuple)):
            self.assertEqual(len(a), len(b), where)
            for x, y in zip(a, b, strict=True):
                self.equal(x, y, where)
        elif isinstance(a, dict):
            self.assertEqual(list(a), list(b), where)
            self.equal(list(a.values()), list(b.values()), where)
        elif isinstance(a, float):
            self.assertTrue(a == b or np.isclose(a, b, rtol=1e-12, equal_nan=True), f"{where}: {a} is not {b}")
        else:
            self.assertEqual(a, b, where)


class ObjectTest(ProgramCase):
    def test_the_dict_of_an_object_is_replaced(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            m = Holder(w=np.ones(3), k=2)
            f = wrap(lambda x: x * m.w + m.k)
            yield from calls(f)
            m.__dict__ = {"w": np.full(3, 7.0), "k": 3}
            yield from calls(f)
            m.__dict__ = later = {"w": np.full(3, 8.0), "k": 3}
            yield from calls(f)
            later["k"] = 5
            yield from calls(f)

        self.follow(program)

    def test_slots_that_are_set_later(self) -> None:
        class Slots:
            __slots__ = ("mask", "w")

        def program(wrap: Wrap) -> Iterator[Any]:
            s = Slots()
            s.w = np.ones(3)
            f = wrap(lambda x: x * s.w * (s.mask if hasattr(s, "mask") else 1.0))
            yield from calls(f)
            s.mask = np.array([0.0, 1.0, 0.0])
            yield from calls(f)
            del s.mask
            yield from calls(f)

        self.follow(program, 2)

    def test_containers_that_answer_themselves(self) -> None:
        class Scaled(list[Any]):
            scale = 2.0

            def __getitem__(self, i: Any) -> Any:
                return super().__getitem__(i) * self.scale

        class Lower(dict[str, Any]):
            def __getitem__(self, key: str) -> Any:
                return super().__getitem__(key.lower()) + 1.0

            def __setitem__(self, key: str, value: Any) -> None:
                super().__setitem__(key.lower(), value * 3)

        def program(wrap: Wrap) -> Iterator[Any]:
            parts, table = Scaled([np.ones(3)]), Lower(w=X)
            table["W"] = X
            f = wrap(lambda x: x * parts[0] + table["W"])
            yield from calls(f)
            parts.scale = 3.0
            yield from calls(f)
            table["W"] = X + 1
            yield from calls(f)

        self.follow(program)

    def test_what_is_reached_through_the_standard_library(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            inner = {"k": 2.0}
            m = Holder(k=2.0)
            local = threading.local()
            local.k = np.ones(3)
            chain = collections.ChainMap({"k": 2.0}, inner)
            several = collections.UserList([2.0])
            proxy, reference, view = weakref.proxy(m), weakref.ref(m), types.MappingProxyType(inner)
            setting = contextvars.ContextVar("setting", default=2.0)
            unset: contextvars.ContextVar[float] = contextvars.ContextVar("unset")
            numbers, raw = array.array("d", [2.0]), bytearray(b"ab")
            table = functools.lru_cache(lambda n: n * m.k)
            f = wrap(
                lambda x: (
                    (x * chain["k"] + several[0] + proxy.k - view["k"] + setting.get() * local.k)
                    * (reference().k + numbers[0] + raw[0] + unset.get(0.0) + table(3))  # type: ignore[union-attr]
                )
            )
            changes: list[Callable[[], Any]] = [
                lambda: chain.update(k=3.0),
                lambda: inner.update(k=3.0),
                lambda: several.__setitem__(0, 3.0),
                lambda: (vars(m).update(k=3.0), table.cache_clear()),
                lambda: setting.set(3.0),
                lambda: unset.set(3.0),
                lambda: setattr(local, "k", np.full(3, 3.0)),
                lambda: setattr(local, "k", np.full(3, 4.0)),
                lambda: numbers.__setitem__(0, 3.0),
                lambda: raw.__setitem__(0, 3),
            ]
            yield from calls(f)
            for change in changes:
                change()
                yield from calls(f, 4)

        self.follow(program)

    def test_a_thread_has_values_of_its_own(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            class Local(threading.local):
                k = 2.0

            local, setting = Local(), contextvars.ContextVar("setting", default=2.0)
            f = wrap(lambda x: x * local.k + setting.get())
            yield from calls(f)
            found: list[Any] = []

            def work() -> None:
                found.extend(calls(f, 3))
                local.k = 5.0
                setting.set(7.0)
                found.extend(calls(f, 3))

            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            yield found
            yield from calls(f)

        self.follow(program)


class ClassTest(ProgramCase):
    def test_attributes_that_hide_others(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            class Base:
                rate = 2.0

                def scaled(self, x: Any) -> Any:
                    return x * self.rate

            class Model(Base):
                pass

            m = Model()
            f = wrap(lambda x: m.scaled(x) + m.rate)
            yield from calls(f)
            Model.rate = 5.0
            yield from calls(f)
            Model.scaled = lambda self, x: x + self.rate  # type: ignore[method-assign, assignment]
            yield from calls(f)
            del Model.rate
            yield from calls(f)
            Base.rate = 9.0
            yield from calls(f)

        self.follow(program)

    def test_bases_and_metaclasses(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            class Meta(type):
                scale = 2.0

            class A(metaclass=Meta):
                rate = 1.0

            class B(metaclass=Meta):
                rate = 7.0

            class C(A):
                pass

            m = C()
            f = wrap(lambda x: x * m.rate + type(m).scale)
            yield from calls(f)
            C.__bases__ = (B,)
            yield from calls(f)
            Meta.scale = 3.0
            yield from calls(f)

        self.follow(program, 3)


class FunctionTest(ProgramCase):
    def test_attributes_of_functions(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            def inner(x: Any) -> Any:
                return x * inner.scale * getattr(inner, "other", 1.0)  # type: ignore[attr-defined]

            inner.scale = 2.0  # type: ignore[attr-defined]
            f = wrap(lambda x: inner(x) + 1)
            yield from calls(f)
            for scale in (3.0, np.full(3, 4.0), np.full(3, 5.0)):
                inner.scale = scale  # type: ignore[attr-defined]
                yield from calls(f)
            inner.other = 2.0  # type: ignore[attr-defined]
            yield from calls(f)

        self.follow(program, 4)

    def test_code_that_is_replaced_in_place(self) -> None:
        """As reloading does in notebooks."""

        def program(wrap: Wrap) -> Iterator[Any]:
            def g(x: Any) -> Any:
                return x * 2

            def h(x: Any) -> Any:
                return x * 3

            f, whole = wrap(lambda x: g(x) + 1), wrap(g)
            for code in (g.__code__, h.__code__):
                g.__code__ = code
                yield from calls(f)
                yield from calls(whole)

        self.follow(program, 4)

    def test_names_that_come_later(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            def f(x: Any) -> Any:
                try:
                    return max(x[1], x[2]) * LATER  # type: ignore[name-defined]
                except NameError:
                    return max(x[1], x[2])

            f = wrap(f)
            yield from calls(f)
            try:
                for name, value in (("LATER", 3.0), ("max", min)):
                    globals()[name] = value
                    yield from calls(f)
            finally:
                del globals()["LATER"], globals()["max"]
            yield from calls(f)

        self.follow(program, 3)

    def test_names_that_are_words(self) -> None:
        settings = types.ModuleType("settings_of_a_program")
        sys.modules[settings.__name__] = settings
        self.addCleanup(sys.modules.pop, settings.__name__)

        def program(wrap: Wrap) -> Iterator[Any]:
            def by_import(x: Any) -> Any:
                import settings_of_a_program

                return x * settings_of_a_program.RATE + settings_of_a_program.SHIFT

            def by_name(x: Any) -> Any:
                from settings_of_a_program import RATE

                return x * RATE + globals()["LEVEL"] + eval("LEVEL * 2") + getattr(settings, "RATE")  # noqa: B009

            global LEVEL
            LEVEL, settings.RATE, settings.SHIFT = 2.0, 2.0, np.ones(3)  # type: ignore[attr-defined]
            f, g = wrap(by_import), wrap(by_name)
            for name, value in (("RATE", 3.0), ("SHIFT", X), ("SHIFT", X + 1)):
                yield from calls(f)
                yield from calls(g)
                setattr(settings, name, value)
            LEVEL = 3.0
            yield from calls(f)
            yield from calls(g)

        self.follow(program, 5)


class ArrayTest(ProgramCase):
    def test_fields_of_records(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            records = np.zeros(5, [("flag", "i1"), ("value", "f8")])
            records["value"] = np.arange(5)
            f = wrap(lambda x: np.exp(x) * 2)
            for _ in range(5):
                yield f(records["value"])

        self.follow(program, warned="x has strides that are no multiples of its item size, as a field of records has")

    def test_another_byte_order(self) -> None:
        swapped = np.dtype("f8").newbyteorder()

        def reading(wrap: Wrap) -> Iterator[Any]:
            f = wrap(lambda x: np.exp(x) + 1)
            for i in range(5):
                yield f((X + i).astype(swapped))

        def writing(wrap: Wrap) -> Iterator[Any]:
            m = Holder(total=np.ones(3, swapped))

            def f(x: Any) -> Any:
                m.total += x
                return m.total * 2

            yield from calls(wrap(f))
            yield m.total.astype(float)

        self.follow(reading)
        self.follow(writing, warned=f"m.total is written to, and has a byte order that is not native: {swapped}")

    def test_arrays_that_are_none_of_numbers(self) -> None:
        for kind, shown in (
            ("O", "an array of object"),
            ("U3", "an array of <U3"),
            ("M8[s]", r"an array of datetime64"),
        ):

            def program(wrap: Wrap, kind: str = kind) -> Iterator[Any]:
                f = wrap(lambda x: x.shape)
                for _ in range(4):
                    yield f(np.array([1, 2]).astype(kind))

            self.follow(program, warned=f"x is {shown}.*plain arrays of numbers")

    def test_one_buffer_by_several_arrays(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            buffer = bytearray(24)
            m, same = Holder(w=np.frombuffer(buffer)), np.frombuffer(buffer)

            def f(x: Any) -> Any:
                m.w[:] = x[::-1] + 1
                return m.w * 2, x * 3

            f = wrap(f)
            yield from calls(f)
            for _ in range(3):
                yield f(same)
                yield m.w
            owned = np.arange(3.0)
            m.w = np.frombuffer(owned)
            yield from calls(f)
            yield f(owned)
            yield owned

        self.follow(program)

    def test_a_form_that_is_assigned(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            m = Holder(w=np.arange(9.0).reshape(3, 3))
            f = wrap(lambda x: (m.w * x).sum(axis=0) + np.sort(x))
            yield from calls(f)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                m.w.strides = m.w.strides[::-1]
            yield from calls(f)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                m.w.dtype = np.int64  # type: ignore[misc]
            yield from calls(f)

        self.follow(program, 3)

    def test_results_whose_form_is_changed_are_not_given_again(self) -> None:
        def change(r: Any, how: str) -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                if how == "flags":
                    r.flags.writeable = False
                elif how == "shape":
                    r.shape = (-1, 1)
                elif how == "dtype":
                    r.dtype = np.int64
                elif how == "more":
                    r.resize((r.size + 5,), refcheck=False)
                elif how == "less":
                    r.resize((5,), refcheck=False)

        def program(wrap: Wrap) -> Iterator[Any]:
            f = wrap(lambda x: x * 2)
            for how in ("nothing", "flags", "shape", "dtype", "more", "less", "nothing"):
                for i in range(5):
                    r = f(np.full(10_000, float(i)))
                    yield r
                    yield r.flags.writeable
                    r += 1
                    change(r, how)

        self.follow(program)

    def test_arguments_are_not_held(self) -> None:
        for runner in RUNNERS:
            f = compile(lambda x, y: x * 2 + y, runner=runner)
            for size in (3, 1000, 4, 4, 4, 4):
                x, same = np.ones(size), np.ones((2, size))[::-1, ::-1]
                f(x, same)
                f(x, x)
                references = weakref.ref(x), weakref.ref(same.base)
                del x, same
                self.assertEqual([r() is None for r in references], [True, True])

    def test_errors_that_were_to_be_raised_before_anything_was_compiled(self) -> None:
        program = (
            "import numpy as np; np.seterr(all='raise'); import wengert.compiler.compiled as c\n"
            "from wengert.compiler.targets.cpu.runner import interpreted\n"
            "f = c.compile(lambda x: 1 / x, runner=interpreted)\n"
            "for i in range(6): f(np.ones(3))\n"
            "f(np.zeros(3))"
        )
        found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        self.assertIn("FloatingPointError: divide by zero", found.stderr)

    def test_a_plan_that_nobody_has_any_more_is_gone_at_once(self) -> None:
        for runner in RUNNERS:
            m = Holder(w=np.ones(3))
            f = compile(lambda x, m=m: x * m.w + np.sin(x), runner=runner)
            for i in range(6):
                f(X + i)
            references = [weakref.ref(each) for each in (f.plans[0], m, m.w)]
            gc.collect()
            gc.disable()
            self.addCleanup(gc.enable)
            del f, m
            self.assertEqual([r() is None for r in references], [True] * 3)
            gc.enable()

    def test_results_that_somebody_refers_to_weakly(self) -> None:
        f = compile(lambda x: x * 2, runner=RUNNERS[-1])
        for i in range(5):
            f(np.full(10_000, float(i)))
        kept = f(np.ones(10_000))
        reference = weakref.ref(kept)
        del kept
        later = f(np.zeros(10_000))
        self.assertIsNot(later, reference())


class ObjectsAsTheyAreTest(ProgramCase):
    def test_arguments_that_are_returned(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            m = Holder(last=None)

            def f(d: Any, v: Any) -> Any:
                m.last = v
                return d, [v], d["a"] * v.data

            f = wrap(f)
            for i in range(6):
                d, v = {"a": X + i}, Variable(X + i)
                found = f(d, v)
                yield found
                yield found[0] is d, found[1][0] is v, m.last is v

        self.follow(program)

    def test_variables_that_are_replaced_and_returned(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            m = Holder(v=Variable(X), last=None)

            def f(x: Any) -> Any:
                m.last = m.v
                return m.v, x * m.v.data

            f = wrap(f)
            for v in (m.v, Variable(X * 3), Variable(X + 1)):
                m.v = v
                for i in range(4):
                    found = f(X + i)
                    yield found
                    yield found[0] is v, m.last is v

        self.follow(program)

    def test_hooks_that_come_and_go(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            m = Holder(v=Variable(X))

            def f(x: Any) -> Any:
                m.v.cleargrad()
                np.sum(m.v * m.v * x).backward()
                return m.v.grad * 2

            f = wrap(f)
            yield from calls(f)
            remove = m.v.register_hook(lambda g: g * 2)
            yield from calls(f)
            m.v.register_hook(lambda g: g + 1)
            yield from calls(f)
            remove()
            yield from calls(f)
            m.v = Variable(X)
            m.v.register_hook(lambda g: g * 7)
            yield from calls(f)

        self.follow(program)

    def test_class_methods(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            class Scaled:
                scale = 2.0

                @classmethod
                @wrap
                def of(cls, x: Any) -> Any:
                    return x * cls.scale

            for _ in range(5):
                yield Scaled.of(X)
                yield Scaled().of(X)
            Scaled.scale = 3.0
            yield from calls(Scaled.of)

        for runner in RUNNERS:
            with self.subTest(runner=runner.__name__):
                eager = [plain(v) for v in program(lambda f: f)]
                for found, expected in zip(program(compile(runner=runner)), eager, strict=True):
                    self.equal(plain(found), expected, "a class method")

    def test_exceptions_of_its_own_are_no_reason_to_give_up(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            m = Holder(w=np.zeros(3))

            def f(x: Any) -> Any:
                m.w += x
                if m.w[0] > 3:
                    raise FloatingPointError("too large")
                return m.w * 2

            f = wrap(f)
            for i in range(30):
                try:
                    yield f(np.ones(3))
                except FloatingPointError as error:
                    yield str(error)
                yield m.w
                if i % 14 == 13:
                    m.w[:] = 0

        self.follow(program, 1)

    def test_objects_that_are_others_at_each_call(self) -> None:
        def program(wrap: Wrap) -> Iterator[Any]:
            f = wrap(lambda batch: batch.x * 2)
            for i in range(20):
                yield f(Holder(x=X + i))

        self.follow(program, warned="batch is another Holder at each call; pass its contents")


if __name__ == "__main__":
    unittest.main()
