"""Arrays that change between the calls of a compiled function, and objects that stay as they are."""

import gc
import subprocess
import sys
import unittest
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.compile_program_case import RUNNERS, Holder, ProgramCase, Wrap, X, calls, plain
from wengert import Variable
from wengert.compiler.compiled import compile


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
            for i in range(40):
                yield f(Holder(x=X + i))

        self.follow(program, warned="batch is another Holder at each call; pass its contents")


if __name__ == "__main__":
    unittest.main()
