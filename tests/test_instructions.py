"""The instruction that a frame stands at: the name of the function that is called there, in whichever way."""

import array
import math
import sys
import unittest
from collections.abc import Callable
from typing import Any

from wengert.checks.instructions import Site, named, site

SEEN: list[tuple[Site, Any]] = []


class Number:
    """A number that notes who converts it."""

    def __float__(self) -> float:
        frame = sys._getframe(1)
        where = site(frame.f_code, frame.f_lasti)
        SEEN.append((where, named(frame, where.callee)))
        return 0.5

    def method(self, x: Any) -> Any:
        return math.sin(x)


def nested(x: Any) -> Any:
    convert = float

    def inner() -> float:
        return convert(x)

    return inner()


def in_a_handler(x: Any) -> Any:
    try:
        raise KeyError
    except KeyError:
        return [1, math.sin(x)]
    finally:
        float(1)


class SiteTest(unittest.TestCase):
    def check(self, f: Callable[[Any], Any], callee: tuple[str, ...], function: Any, operation: str = "CALL") -> None:
        SEEN.clear()
        f(Number())
        where, found = SEEN[0]
        self.assertEqual((where.operation, where.callee, found), (operation, callee, function))

    def test_names(self) -> None:
        self.check(lambda x: float(x), ("float",), float)
        self.check(lambda x: 1 + 2 * float(x) - 3, ("float",), float)
        self.check(lambda x: math.sin(x), ("math", "sin"), math.sin)
        self.check(lambda x: math.hypot(*[x, x]), ("math", "hypot"), math.hypot)
        self.check(lambda x: complex(x, float(2)), ("complex",), complex)
        self.check(lambda x: math.sin(x if x is not None else float(2)), ("math", "sin"), math.sin)
        self.check(lambda x: float(-x if x is None else [x][0]), ("float",), float)
        self.check(lambda x: [1, {2: math.cos(x)}], ("math", "cos"), math.cos)
        self.check(lambda x: [math.sin(v) for v in [x]], ("math", "sin"), math.sin)
        self.check(nested, ("convert",), float)
        self.check(in_a_handler, ("math", "sin"), math.sin)
        self.check(lambda x: x.__float__(), ("x", "__float__"), None)
        self.check(lambda x: float.__call__(x), ("float", "__call__"), float.__call__)

    def test_what_is_no_name(self) -> None:
        self.check(lambda x: [math.sin][0](x), (), None)
        self.check(lambda x: [float, math.sin][1](x), (), None)
        self.check(lambda x: 1 + (float if x is None else math.sin)(x), (), None)
        self.check(lambda x: 1 + (math.sin if x is not None else float)(x), (), None)
        self.check(lambda x: 1 + (math.sin or float)(x), (), None)
        self.check(lambda x: (lambda: math.sin)()(x), (), None)
        self.check(lambda x: Number().method(x), ("math", "sin"), math.sin)
        self.check(lambda x: [Number][0]().method.__call__(x), ("math", "sin"), math.sin)
        self.check(lambda x: array.array("d").append(x), ("", "append"), None)

    def test_what_is_no_call(self) -> None:
        def formatted(x: Any) -> str:
            return "%.1f" % x  # noqa: UP031

        self.check(formatted, (), None, "%")
        self.check(lambda x: [*map(float, [x])], (), None, "LIST_EXTEND")
        self.assertEqual(SEEN[0][0].mapped[:1], ("float",))

    def test_maps(self) -> None:
        SEEN.clear()
        list(map(float, [Number()]))
        math.fsum(map(float, [Number()]))
        math.fsum([Number(), float(1)])
        self.assertEqual([where.mapped for where, _ in SEEN], [("float",), ("float",), ()])
        for f in (
            lambda x: math.hypot(x, sum(map(float, [1]))),
            lambda x: math.hypot(sum(map(float, [1])), x),
            lambda x: (1.0).__class__("1") + math.sin(x) + sum(map(float, [1])),
        ):
            SEEN.clear()
            f(Number())
            self.assertEqual([where.mapped for where, _ in SEEN], [()])
        SEEN.clear()
        _, _ = map(float, [Number(), Number()])
        self.assertEqual([where.mapped for where, _ in SEEN], [("float",)] * 2)

    def test_code_of_a_module(self) -> None:
        SEEN.clear()
        lines = (
            "x = Number(); float(x); math.sin(x); list(map(float, [x])); y = 1 + float(x); z = [f(x) for f in [float]]"
        )
        exec(lines, {"Number": Number, "math": math})
        found = [(where.callee, where.mapped) for where, _ in SEEN]
        expected = [(("float",), ()), (("math", "sin"), ()), (("list",), ("float",)), (("float",), ()), (("f",), ())]
        self.assertEqual(found, expected)


if __name__ == "__main__":
    unittest.main()
