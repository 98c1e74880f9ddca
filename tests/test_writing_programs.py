"""NumPy programs that write into arrays, unmodified: gradients, second order, compiled, beside the complex step."""

from __future__ import annotations

import contextlib
import unittest
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

import wengert
from tests.writing_programs import PROGRAMS, Program, complex_gradient, loss_of, random_weights

COMPLEX_STEP = 1e-10


def copied(arguments: Any) -> list[Any]:
    return [x.copy() if isinstance(x, np.ndarray) else x for x in arguments]


class Known:
    """A program with small inputs, its value and its gradient by the complex step."""

    def __init__(self, program: Program, seed: int) -> None:
        self.program = program
        self.arguments = program.small(np.random.default_rng(seed))
        self.argnums = program.argnums(self.arguments)
        self.weights = random_weights(program, self.arguments)
        self.loss = loss_of(program, self.weights)
        self.value = float(self.loss(*copied(self.arguments)))
        self.gradient = complex_gradient(program, self.arguments, self.weights)

    def moved(self, amount: float, direction: Any) -> list[Any]:
        """Return the arguments, moved."""
        given = copied(self.arguments)
        for place, d in zip(self.argnums, direction, strict=True):
            given[place] = given[place] + amount * d
        return given

    def directions(self, seed: int, count: int) -> list[list[Any]]:
        rng = np.random.default_rng(seed)
        return [[rng.normal(size=self.arguments[i].shape) for i in self.argnums] for _ in range(count)]


@cache
def known(name: str, seed: int = 0) -> Known:
    return Known(PROGRAMS[name], seed)


class ProgramCase(unittest.TestCase):
    def close(self, found: Any, right: Any, tolerance: float = COMPLEX_STEP) -> None:
        """Compare gradients, relative to the largest element of each."""
        self.assertEqual(len(found), len(right))
        for x, y in zip(found, right, strict=True):
            self.assertEqual(np.shape(x), np.shape(y))
            size = float(np.max(np.abs(y), initial=1e-3))
            np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance * size)


class ReferenceTest(ProgramCase):
    """The references themselves, by differences of NumPy's own results."""

    def check(self, name: str) -> None:
        case = known(name)
        for direction in case.directions(1, 2):
            ends = [float(case.loss(*case.moved(h, direction))) for h in (1e-5, -1e-5)]
            slope = sum(np.sum(g * d) for g, d in zip(case.gradient, direction, strict=True))
            self.assertAlmostEqual((ends[0] - ends[1]) / 2e-5, slope, delta=1e-7 * max(1.0, abs(slope)))


class GradientTest(ProgramCase):
    def check(self, name: str) -> None:
        for seed in (0, 1):
            case = known(name, seed)
            given = copied(case.arguments)
            value, gradients = wengert.value_and_grad(case.loss, case.argnums, unmodified=True)(*given)
            np.testing.assert_allclose(float(value), case.value, rtol=1e-13)
            self.close(gradients, case.gradient)
            for x, before in zip(given, case.arguments, strict=True):
                np.testing.assert_array_equal(x, before)  # the caller's arrays are as they were


class SinglePrecisionTest(ProgramCase):
    def check(self, name: str) -> None:
        case = known(name)
        given = [x.astype(np.float32) if i in case.argnums else x for i, x in enumerate(copied(case.arguments))]
        loss = loss_of(case.program, [np.asarray(w, np.float32) for w in case.weights])
        expected = loss(*copied(given))
        value, gradients = wengert.value_and_grad(loss, case.argnums, unmodified=True)(*given)
        self.assertEqual(np.asarray(value).dtype, np.asarray(expected).dtype)
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        for gradient, right in zip(gradients, case.gradient, strict=True):
            self.assertEqual(gradient.dtype, np.float32)
            np.testing.assert_allclose(gradient, right, rtol=1e-3, atol=1e-3 * np.max(np.abs(right), initial=1e-3))


class ResultsTest(ProgramCase):
    def check(self, name: str) -> None:
        """What a program returns and writes is NumPy's, also where nothing is differentiated."""
        case = known(name)
        expected = case.program.results(*copied(case.arguments))
        given = copied(case.arguments)
        for place in case.argnums:
            given[place] = wengert.Variable(given[place]) * 1.0
        with wengert.unmodified():
            found = case.program.results(*given)
        for x, y in zip(found, expected, strict=True):
            x = x.data if isinstance(x, wengert.Variable) else x
            self.assertEqual((np.shape(x), np.asarray(x).dtype), (np.shape(y), np.asarray(y).dtype))
            np.testing.assert_allclose(x, y, rtol=1e-13, atol=1e-13)


class SecondOrderTest(ProgramCase):
    def check(self, name: str) -> None:
        """The second derivative times a vector, times vectors: beside differences of complex steps."""
        case = known(name)
        others = [x for i, x in enumerate(case.arguments) if i not in case.argnums]

        def loss(*differentiated: Any) -> Any:
            rest, given = iter(others), iter(differentiated)
            return case.loss(*(next(given if i in case.argnums else rest) for i in range(len(case.arguments))))

        vector, *across = case.directions(2, 3)
        with wengert.unmodified():
            found = wengert.hvp(loss, [case.arguments[i] for i in case.argnums], vector)

        def slopes(amount: float) -> Any:
            return np.array(complex_gradient(case.program, case.moved(amount, vector), case.weights, across))

        h = 1e-4
        right = (8 * (slopes(h) - slopes(-h)) - (slopes(2 * h) - slopes(-2 * h))) / (12 * h)
        for direction, number in zip(across, right, strict=True):
            terms = [np.sum(x * d) for x, d in zip(found, direction, strict=True)]
            size = max(1.0, *(float(np.sum(np.abs(x * d))) for x, d in zip(found, direction, strict=True)))
            self.assertAlmostEqual(float(sum(terms)), number, delta=1e-7 * size)


UNCOMPILED = {"fft", "rotor"}  # which write into one part of complex numbers


class CompiledTest(ProgramCase):
    def check(self, name: str) -> None:
        """The gradient, compiled, for the arguments that it was made for, and for others."""
        case = known(name)
        step = wengert.compile(wengert.value_and_grad(case.loss, case.argnums))
        other = case.moved(1e-3, case.directions(3, 1)[0])
        warns = self.assertWarnsRegex(wengert.CompileWarning, "into a view of another dtype")
        with warns if name in UNCOMPILED else contextlib.nullcontext():
            self.compare(case, step, (case.arguments, case.arguments, other))

    def compare(self, case: Any, step: Any, calls: Any) -> None:
        for arguments in calls:
            right = complex_gradient(case.program, arguments, case.weights)
            given = copied(arguments)
            value, gradients = step(*given)
            np.testing.assert_allclose(float(value), float(case.loss(*copied(arguments))), rtol=1e-12)
            self.close(gradients, right)
            for x, before in zip(given, arguments, strict=True):
                np.testing.assert_array_equal(x, before)


class CompiledForwardTest(ProgramCase):
    def check(self, name: str) -> None:
        """The program itself, compiled: plain arrays are written to as by NumPy."""
        case = known(name)
        step = wengert.compile(case.program.function)
        for arguments in (case.arguments, case.arguments, case.moved(1e-3, case.directions(3, 1)[0])):
            given = copied(arguments)
            returned = step(*given)
            found = [] if returned is None else list(returned) if isinstance(returned, tuple) else [returned]
            found += [given[i] for i in case.program.written]
            for x, y in zip(found, case.program.results(*copied(arguments)), strict=True):
                self.assertEqual(np.shape(x), np.shape(y))
                np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)


def test_of(name: str) -> Callable[[Any], None]:
    return lambda self: self.check(name)


for case in (
    ReferenceTest,
    GradientTest,
    SinglePrecisionTest,
    ResultsTest,
    SecondOrderTest,
    CompiledTest,
    CompiledForwardTest,
):
    for name in PROGRAMS:
        setattr(case, f"test_{name}", test_of(name))
