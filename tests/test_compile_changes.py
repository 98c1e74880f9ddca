"""What a program changes between two calls in ways that are not plain assignments: compiled is as eager."""

import array
import collections
import contextvars
import functools
import sys
import threading
import types
import unittest
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.compile_program_case import Holder, ProgramCase, Wrap, X, calls


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


if __name__ == "__main__":
    unittest.main()
