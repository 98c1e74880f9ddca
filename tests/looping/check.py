"""Run programs with loops, eagerly and compiled with rolled loops and without, and compare."""

from __future__ import annotations

import collections
import importlib.util
import random
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

import wengert
from tests.looping.programs import Program, generate, inputs_of
from tests.looping.rolling import Comparison
from tests.looping.shrink import shrink
from wengert import Variable, hvp, value_and_grad
from wengert.compiler import compiled

__all__ = ["MODES", "Outcome", "attempt", "failure", "generate"]

HAS_COMPILER = all(map(importlib.util.find_spec, ("llvmlite", "scipy")))
PLACES = (0, 1, 2, 3, 4)


class Outcome(NamedTuple):
    """What is told of a program: how it fails, if it does; and counts of its graphs."""

    told: str
    counts: collections.Counter[str]


def value(program: Program) -> Callable[..., Any]:
    """The program itself, on arrays: it writes to the caller's, as NumPy does."""
    f = program.function()

    def called(*xs: Any) -> Any:
        result, arrays = f(*xs)
        return [result, *arrays]

    return called


def gradient(program: Program) -> Callable[..., Any]:
    derivative = value_and_grad(program.function(), PLACES, has_aux=True)

    def called(*xs: Any) -> Any:
        (result, arrays), gradients = derivative(*xs)
        return [result, *arrays, *gradients]

    return called


def second(program: Program) -> Callable[..., Any]:
    """The derivative of the gradient in a direction."""
    f = program.function()

    def called(*xs: Any) -> Any:
        directions = [np.cos(np.arange(1.0, 1.0 + np.size(x))).reshape(np.shape(x)).astype(x.dtype) for x in xs]
        return list(hvp(lambda *vs: f(*vs)[0], xs, tuple(directions)))

    return called


MODES: dict[str, Callable[[Program], Callable[..., Any]]] = {"value": value, "gradient": gradient, "second": second}


def calls_of(program: Program) -> list[list[Any]]:
    """The arguments of calls: a plan is made of two traced calls with like values, and runs from the third call on."""
    pick = random.Random(len(program.text()))
    n, k = program.inputs[2].shape
    dtype, is_float = program.inputs[0].dtype.str, isinstance(program.inputs[4], float)
    other = inputs_of(pick, n, k, dtype, is_float)
    nearby = [x + 1e-3 * y for x, y in zip(program.inputs, other, strict=True)]
    nearby = [x if isinstance(x, float) else np.array(x, dtype) for x in nearby]
    longer = inputs_of(pick, n + pick.choice([1, 3, 4]), k, dtype, is_float)
    more = pick.choice([[], [other] * 2, [longer] * 3])
    return [*[program.inputs] * 3, nearby, other, *more, program.inputs]


def plain(x: Any) -> Any:
    return np.asarray(x.data if isinstance(x, Variable) else x)


def called(f: Callable[..., Any], inputs: list[Any]) -> Any:
    """The results, and the arguments after the call; or the kind of exception."""
    xs = [x if isinstance(x, float) else x.copy() for x in inputs]
    try:
        found = f(*xs)
    except (ArithmeticError, IndexError, ValueError, UnboundLocalError) as error:
        return type(error)
    return [*map(plain, found), *map(plain, xs)]


def difference(known: Any, found: Any, close: float) -> str:
    if isinstance(known, type) or isinstance(found, type):
        return "" if known is found else f"{found} instead of {known}"
    for i, (a, b) in enumerate(zip(known, found, strict=True)):
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"result {i} has shape {b.shape} and dtype {b.dtype}, not {a.shape} and {a.dtype}"
        if not np.allclose(a, b, close, close, equal_nan=True):
            return f"result {i} is {b.tolist()}, not {a.tolist()}"
    return ""


def attempt(program: Program, mode: str, with_native: bool = HAS_COMPILER) -> Outcome:
    """Run a program in a mode."""
    close = 2e-3 if program.single else 1e-9
    comparison = Comparison(close, with_native)
    as_lowered = mock.patch.object(compiled, "optimize", lambda graph: graph)  # (the comparison does that)
    with warnings.catch_warnings(), np.errstate(all="ignore"), as_lowered:
        warnings.simplefilter("ignore")
        f = MODES[mode](program)
        if mode != "value":  # (a float that is differentiated is a constant of a plan)
            program = program._replace(inputs=[np.asarray(x) for x in program.inputs])
        made = wengert.compile(f, runner=comparison.run)
        for i, inputs in enumerate(calls_of(program)):
            known = called(f, inputs)
            try:
                told = difference(known, called(made, inputs), close)
            except Exception as error:  # noqa: BLE001  (each is told)
                told = f"{type(error).__name__}: {error}"
            if comparison.failures or told:
                told = comparison.failures[0] if comparison.failures else f"call {i}: {told}"
                return Outcome(told, comparison.counts)
    return Outcome("", comparison.counts)


def failure(seed: int, mode: str, with_native: bool = HAS_COMPILER) -> Outcome:
    """Say how the program of a number fails in a mode, made as short as it can be."""
    program = generate(seed)
    told, counts = attempt(program, mode, with_native)
    if not told:
        return Outcome("", counts)
    kind = told.split(":", 1)[0]
    if not kind.startswith("native"):
        with_native = False

    def fails(trial: Program) -> bool:
        return attempt(trial, mode, with_native).told.split(":", 1)[0] == kind

    short = shrink(program, fails)
    told = attempt(short, mode, with_native).told
    return Outcome(f"program {seed} ({', '.join(short.kinds)}), {mode}: {told}\n{short.described}", counts)
