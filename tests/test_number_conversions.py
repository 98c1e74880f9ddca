"""Conversions to Python numbers: which raise inside a transform, and which outside, and what goes on working."""

import array
import cmath
import ctypes
import importlib.util
import io
import itertools
import json
import logging
import math
import operator
import random
import statistics
import threading
import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from wengert import Variable, grad
from wengert.checks.conversions import RUNNING
from wengert.checks.errors import ConversionError

WITH_SCIPY = importlib.util.find_spec("scipy") is not None


def filled(x: Any) -> Any:
    y = np.zeros(2)
    y.fill(x)
    return y


def assigned(x: Any) -> Any:
    y = np.zeros(2)
    y[0] = x
    return y


def taken_from_a_table(x: Any) -> Any:
    return [float, math.sin][1](x)


# What a program asks for: allowed outside a transform.
EXPLICIT: dict[str, Callable[[Any], Any]] = {
    "float": lambda x: float(x),
    "int": lambda x: int(x),
    "complex": lambda x: complex(x),
    "complex of two": lambda x: complex(x, 1.0),
    "range": lambda x: range(int(x)),
    "item": lambda x: x.item(),
    "tolist": lambda x: x.tolist(),
    "tobytes": lambda x: x.tobytes(),
    "__float__": lambda x: x.__float__(),
    "map": lambda x: list(map(float, [x, x])),
    "unpacked map": lambda x: [*map(float, [x, x])],
    "sum of map": lambda x: sum(map(float, [x, x])),
    "of a part": lambda x: 1 + float(x if x > 0 else -x) * 2,
    "comprehension": lambda x: [float(v) for v in (x, 2 * x)],
}
# What the program has not asked for.
BY_OTHERS: dict[str, Callable[[Any], Any]] = {
    "math.sin": lambda x: math.sin(x),
    "math.hypot": lambda x: math.hypot(*[x, x]),
    "math.fsum": lambda x: math.fsum([x, x]),
    "math.floor": lambda x: math.floor(x),
    "math of a condition": lambda x: math.exp(x if x > 0 else float("nan")),
    "cmath": lambda x: cmath.exp(x),
    "np.float64": lambda x: np.float64(x),
    "np.float32": lambda x: np.float32(x),
    "np.fromiter": lambda x: np.fromiter((v for v in [x]), float),
    "np.array": lambda x: np.array([x]),
    "record": lambda x: np.array([(x,)], dtype=[("a", float)]),
    "fill": filled,
    "assignment": assigned,
    "operator.setitem": lambda x: operator.setitem(np.zeros(2), 0, x),
    "array.array": lambda x: array.array("d", [x]),
    "ctypes": lambda x: ctypes.c_double(x),
    "map of math": lambda x: list(map(math.sin, [x])),
    "accumulate": lambda x: list(itertools.accumulate([x, x], math.hypot)),
    "statistics": lambda x: statistics.NormalDist(x, 1).pdf(0.0),
    "statistics.fmean": lambda x: statistics.fmean([x, x]),
    "random": lambda x: random.gammavariate(x, 1),
    "of a table": taken_from_a_table,
}
# What makes no number of the value, or none with a derivative.
ALLOWED: dict[str, Callable[[Any], Any]] = {
    "format": lambda x: f"{x:.3f} {x!r} {x}",
    "percent": lambda x: "%.3f, %d" % (x, x),  # noqa: UP031
    "print": lambda x: print(x, file=io.StringIO()),
    "str.format": lambda x: "{:.3f}".format(x),  # noqa: UP032
    "logging": lambda x: logging.makeLogRecord({"msg": "loss %f", "args": (x,)}).getMessage(),
    "json": lambda x: json.dumps({"loss": x}, default=float),
    "bool": lambda x: 1 if x else 2,
    "comparison": lambda x: x > 0 and x != 1,
    "int of floor": lambda x: int(np.floor(x)),
    "int of round": lambda x: [1, 2, 3][int(np.round(x)) % 3],
    "int of a sign": lambda x: int(np.sign(x)) + int(np.fix(x)) + int(x // 1) + int(np.heaviside(x, 0.5)),
    "integers": lambda x: x.astype(int).item(),
    "data": lambda x: float(x.data) + math.sin(x.data),
    "detached": lambda x: float(x.detach()) + math.sin(x.detach()),
    "a sum": lambda x: sum([x, x]) + max([x, 2 * x]) + math.prod([x, x]),
    "random.gauss": lambda x: random.gauss(x, 1),
    "a constant": lambda x: float(Variable(np.array(2.0)) * 3),
}


def without_recording(x: Any) -> Any:
    with wengert.no_grad():
        return math.sin(x) + float(2 * x)


def raised_by(call: Callable[[], Any]) -> BaseException | None:
    """Return the error of a call; NumPy may put one of its own in front of ours."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  (which it is, the tests say)
        return error.__cause__ or error
    return None


class InsideTest(unittest.TestCase):
    """Inside a transform."""

    def test_every_conversion_of_what_depends_on_the_inputs_raises(self) -> None:
        for name, convert in (EXPLICIT | BY_OTHERS).items():
            for of in (lambda x: x, lambda x: np.sin(3 * x) + 1):
                with self.subTest(name), self.assertRaisesRegex(ConversionError, r"silently leave the graph.*x\.data"):
                    grad(lambda x, convert=convert, of=of: (convert(of(x)), x)[1])(0.5)
        self.assertEqual(RUNNING, set())

    def test_what_makes_no_number_works(self) -> None:
        for name, convert in {**ALLOWED, "no_grad": without_recording}.items():
            with self.subTest(name):
                self.assertEqual(grad(lambda x, convert=convert: (convert(2 * x), x)[1])(0.5), 1.0)

    def test_every_transform(self) -> None:
        def f(x: Any) -> Any:
            return np.sum(x) * float(x[0])

        x = np.array([1.0, 2.0])
        calls: dict[str, Callable[[], Any]] = {
            "grad": lambda: grad(f)(x),
            "value_and_grad": lambda: wengert.value_and_grad(f)(x),
            "vjp": lambda: wengert.vjp(f, x),
            "jvp": lambda: wengert.jvp(f, (x,), (x,)),
            "jacobian": lambda: wengert.jacobian(f)(x),
            "hessian": lambda: wengert.hessian(f)(x),
            "hvp": lambda: wengert.hvp(f, (x,), (x,)),
            "check_grad": lambda: wengert.check_grad(f, x),
            "a checkpoint inside": lambda: grad(wengert.checkpoint(f))(x),
            "compiled": lambda: wengert.compile(grad(f))(x),
            "a compiled function inside": lambda: grad(wengert.compile(f))(x),
            "an outer one": lambda: grad(lambda x: grad(lambda t: t * float(x[1]))(1.0) * x[0])(x),
            "an inner one": lambda: grad(lambda x: x[0] * grad(lambda t: t * math.sin(t))(x[1]))(x),
        }
        for name, call in calls.items():
            with self.subTest(name):
                self.assertRegex(str(raised_by(call)), "silently leave the graph.*x.data")
                self.assertEqual(RUNNING, set())

    def test_a_value_of_another_dtype_or_shape(self) -> None:
        for x in (np.float32(0.5), np.array([[0.5]]), np.array(0.5 + 1j), np.array(0.5, np.float16)):
            with self.subTest(x=x), self.assertRaisesRegex(ConversionError, "x.data.item"):
                grad(lambda x: np.real(np.sum(x)) * abs(x.item()))(x)

    def test_through_functions_of_a_program(self) -> None:
        class Twice(wengert.Function):
            partials, function, ufunc = 3, np.zeros(2), "none"  # (names that the engine's own classes have)

            def forward(self, x: Any) -> Any:
                return 2 * x

            def backward(self, gy: Any) -> Any:
                return 2 * gy

        with self.assertRaises(ConversionError):
            grad(lambda x: x * float(Twice()(x)))(1.0)
        with self.assertRaises(ConversionError):
            grad(lambda v: v[0] * float(np.linalg.eigh(np.outer(v, v))[0][1]))(np.array([1.0, 2.0]))

    def test_in_another_thread(self) -> None:
        errors: list[Any] = []

        def f(x: Any) -> Any:
            thread = threading.Thread(target=lambda: errors.append(raised_by(lambda: float(x))))
            thread.start()
            thread.join()
            return x

        grad(f)(1.0)
        self.assertIsInstance(errors[0], ConversionError)

    def test_after_the_transform(self) -> None:
        p = wengert.Parameter(np.array(2.0))
        g = grad(lambda x: x * x * p)(3.0)
        self.assertEqual(float(g), 12.0)
        value, _ = wengert.value_and_grad(lambda x: x * x)(3.0)
        self.assertEqual((math.sqrt(value), float(value)), (3.0, 9.0))

    def test_messages_name_what_to_write(self) -> None:
        cases: list[tuple[Callable[[Any], Any], str]] = [
            (
                lambda x: float(x),
                r"^float\(x\) of a value that depends on the inputs of a transform.*: float\(x.data\)$",
            ),
            (lambda x: int(x), r"^int\(x\) of a value .*: int\(x.data\)$"),
            (lambda x: complex(x, 1.0), r"^complex\(x, y\) of a value .*; write x \+ 1j \* y, or leave the graph: "),
            (lambda x: x.tolist(), r"^x.tolist\(\) of a value .*: x.data.tolist\(\)$"),
            (lambda x: math.sin(x), r"^math.sin makes a number .*; write np.sin\(x\), or leave the graph: x.data$"),
            (lambda x: math.fsum([x]), r"^math.fsum .*; write np.sum\(x\), or"),
            (lambda x: cmath.sqrt(x), r"^cmath.sqrt .*; write np.sqrt\(x\), or"),
            (lambda x: np.float64(x), r"^np.float64 .*; write x.astype\(np.float64\), or"),
            (
                lambda x: np.zeros(2).fill(x),
                r"^y.fill .*; make y an array that takes Variables, y = np.zeros\(n, like=x\), or",
            ),
            (filled, r"^y.fill .*; make y an array that takes Variables, y = np.zeros\(n, like=x\), or"),
            (
                assigned,
                r"^y\[i\] = x .*; make y an array that takes Variables, .*: y\[i\] = x.data$",
            ),
            (
                lambda x: operator.setitem(np.zeros(2), 0, x),
                "^operator.setitem .*; make y an array that takes Variables",
            ),
            (lambda x: np.fromiter([x], float), r"^np.fromiter .*; write np.stack\(list\(values\)\), or"),
            (lambda x: statistics.fmean([x]), "^statistics.fmean .*; give it x.data where no derivative is wanted$"),
            (lambda x: list(map(math.sin, [x])), "^a function that list calls makes a number"),
            (lambda x: np.tri(3, k=x), r"^NumPy's tri makes a number .*; give it as a number: float\(x.data\)$"),
            (lambda x: [math.sin][0](x), "^a function makes a number of a Variable"),
            (lambda x: [float, math.sin][1](x), "^a function makes a number of a Variable"),
        ]
        for i, (convert, text) in enumerate(cases):
            with self.subTest(i), self.assertRaisesRegex(ConversionError, text):
                grad(lambda x, convert=convert: (convert(x), x)[1])(0.5)


class OutsideTest(unittest.TestCase):
    """Elsewhere, where backward may be called of what was recorded."""

    def setUp(self) -> None:
        leaf = Variable(np.array(0.5))
        self.values = {"leaf": leaf, "result": np.sin(leaf), "under no_grad's edge": leaf.copy()}

    def test_what_a_program_asks_for_works(self) -> None:
        for name, convert in (EXPLICIT | ALLOWED).items():
            for kind, x in self.values.items():
                with self.subTest(name, x=kind):
                    convert(x)

    def test_conversions_by_others_raise(self) -> None:
        for name, convert in BY_OTHERS.items():
            for kind, x in self.values.items():
                with self.subTest(name, x=kind):
                    self.assertIsInstance(raised_by(lambda convert=convert, x=x: convert(x)), ConversionError)

    def test_what_has_no_graph_converts(self) -> None:
        with wengert.no_grad():
            unrecorded = np.sin(self.values["leaf"])
        for x in (unrecorded, self.values["result"].detach(), self.values["leaf"].detach() * 2):
            self.assertIsInstance(math.sin(x), float)
            self.assertEqual(filled(x).tolist(), [x.item()] * 2)
        y = np.zeros(1)
        with wengert.no_grad():
            y[0] = self.values["leaf"]
        self.assertEqual(y[0], 0.5)

    def test_a_step_has_no_derivative(self) -> None:
        x = self.values["leaf"]
        self.assertEqual((math.sin(np.floor(x)), math.comb(3, int(np.round(x + 1)))), (0.0, 3))

    def test_integers_choose_and_count(self) -> None:
        n = Variable(np.array(3))
        self.assertEqual((list(range(int(n))), [1, 2, 3, 4][n], np.zeros(n).shape), ([0, 1, 2], 4, (3,)))

    def test_a_variable_of_no_value(self) -> None:
        with self.assertRaises(TypeError):
            float(Variable(None))

    def test_a_compiled_function_converts_as_the_function_does(self) -> None:
        def step(x: Any) -> float:
            loss = np.sum(x * x)
            loss.backward()
            return float(loss)

        compiled = wengert.compile(step)
        for n in range(4):
            self.assertEqual(compiled(Variable(np.array([1.0, float(n)]))), 1.0 + n * n)
        sine = wengert.compile(lambda x: x * math.sin(x))
        for _ in range(3):
            with self.assertRaisesRegex(TypeError, r"math.sin makes a number .*np.sin\(x\)"):
                sine(Variable(np.array(0.5)))


@unittest.skipUnless(WITH_SCIPY, "needs SciPy")
class SciPyTest(unittest.TestCase):
    def test_callbacks(self) -> None:
        from scipy import integrate, optimize

        cases: dict[str, tuple[Callable[[Any], Any], str]] = {
            "quad": (lambda a: integrate.quad(lambda t: a * t, 0, 1)[0], "SciPy's quad .*leggauss"),
            "its limits": (lambda a: integrate.quad(lambda t: t, 0, a)[0], "SciPy's quad .*leggauss"),
            "dblquad": (
                lambda a: integrate.dblquad(lambda y, x: a * x * y, 0, 1, 0, 1)[0],
                "SciPy's dblquad .*leggauss",
            ),
            "brentq": (lambda a: optimize.brentq(lambda x: x * x - a, 0, 9), "SciPy's brentq .*Newton's method"),
            "bisect": (lambda a: optimize.bisect(lambda x: x * x - a, 0, 9), "SciPy's bisect .*Newton's method"),
            "solve_ivp": (
                lambda a: integrate.solve_ivp(lambda t, y: -a * y, (0, 1), [1.0]).y[0, -1],
                "write wengert.scipy.integrate.solve_ivp, or",
            ),
            "minimize": (
                lambda a: optimize.minimize(lambda x: (x - a) ** 2, [0.0]).x[0],
                "write wengert.scipy.optimize.minimize, or",
            ),
        }
        for name, (call, text) in cases.items():
            with self.subTest(name), self.assertRaisesRegex(ConversionError, f"(?s){text}"):
                grad(lambda a, call=call: a * call(a))(2.0)

    def test_the_advice_for_callbacks(self) -> None:
        from scipy import integrate, optimize

        def root(a: Any) -> Any:
            x0 = optimize.brentq(lambda x: x**3 + a.data * x - 1, 0, 9)
            return x0 - (x0**3 + a * x0 - 1) / (3 * x0**2 + float(a.data))

        eps = 1e-6
        moved = [optimize.brentq(lambda x, a=a: x**3 + a * x - 1, 0, 9, xtol=1e-14) for a in (2 - eps, 2 + eps)]
        np.testing.assert_allclose(grad(root)(2.0), (moved[1] - moved[0]) / (2 * eps), rtol=1e-6)

        def integral(a: Any, b: Any) -> Any:
            nodes, weights = np.polynomial.legendre.leggauss(20)
            h = (b - a) / 2
            return h * np.sum(weights * np.exp(b * (a + h * (1 + nodes))))

        def by_quad(a: float, b: float) -> float:
            return integrate.quad(lambda t: math.exp(b * t), a, b)[0]  # type: ignore[no-any-return]

        found = grad(integral, argnums=(0, 1))(0.5, 1.5)
        differences = (
            (by_quad(0.5 + eps, 1.5) - by_quad(0.5 - eps, 1.5)) / (2 * eps),
            (by_quad(0.5, 1.5 + eps) - by_quad(0.5, 1.5 - eps)) / (2 * eps),
        )
        np.testing.assert_allclose(found, differences, rtol=1e-6)


if __name__ == "__main__":
    unittest.main()
