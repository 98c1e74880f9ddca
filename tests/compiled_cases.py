"""The cases of the table of derivatives, compiled: values, first and second derivatives compared with eager ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tests.cases import Case
from tests.compiled_programs import Skipped, check_function
from tests.test_derivatives import MODULES
from wengert import grad
from wengert.checks.refusals import name_of
from wengert.compiler.capture.tape import Untraceable
from wengert.compiler.capture.trace import Failed
from wengert.compiler.targets.cpu.runner import interpreted

__all__ = ["Outcome", "check_cases", "derivatives"]

# SciPy draws from np.random there, which is not traced; for sparse matrices see tests/test_compile_scipy.py.
EAGER = ("fractional_matrix_power", "logm")
NOT_DIFFERENTIABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class Outcome(NamedTuple):
    """How many functions were compared, which run eagerly and why, and which differed."""

    compared: int
    eager: list[str]
    failed: list[str]


def check_cases(
    step: int = 1, runner: Any = interpreted, start: int = 0, dtypes: tuple[Any, ...] = (np.float64,)
) -> Outcome:
    """Compare each `step`-th case with a plan of its value and its derivatives."""
    compared, eager, failed = 0, [], []
    every = [
        (name, i, case)
        for name, module in MODULES.items()
        for i, case in enumerate(module.CASES)
        if name != "scipy_sparse" and name_of(case.function).rpartition(".")[2] not in EAGER
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, i, case in every[start::step]:
            for dtype in dtypes if case.single else [dtype for dtype in dtypes if dtype == np.float64]:
                once = {id(a): cast(a, dtype) for a in case.args}
                args = [once[id(a)] for a in case.args]
                for what, f in functions_of(case, args):
                    label = f"{name} {i} {what} {np.dtype(dtype)}"
                    apart = {id(a): moved(a) for a in args}  # (one that is given twice stays one)
                    others = [apart[id(a)] for a in args]
                    try:
                        compared += check_function(f, args, others, label, runner)
                    except (Skipped, Failed, Untraceable) as reason:
                        eager.append(f"{label}: {str(reason)[-200:]}")
                    except Exception as error:  # noqa: BLE001  (each is told)
                        failed.append(f"{label}: {type(error).__name__}: {error}"[:800])
    return Outcome(compared, eager, failed)


def cast(value: Any, dtype: Any) -> Any:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fc" or dtype == np.float64:
        return value
    return value.astype(np.complex64 if value.dtype.kind == "c" else dtype)


def moved(value: Any) -> Any:
    """An argument that is a little different, where it is of numbers with a fraction."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fc":
        return value
    step = np.random.default_rng(1).uniform(0.5e-3, 1e-3, value.shape)
    found = np.array(value, order="K")
    found[...] = value * (1 + step)
    return found if found.strides == value.strides else value  # (it must lie in memory as the other does)


def functions_of(case: Case, args: list[Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The call, and where they exist its derivatives of the first and the second order, in one function."""
    places = tuple(i for i, a in enumerate(args) if isinstance(a, np.ndarray) and a.dtype.kind in "fc")
    found = [("value", case.call)]
    if places:
        first, both = derivatives(case.call, places)
        found += [("first derivative", first)]
        if case.order > 1:
            found += [("second derivative", both)]
    for what, f in reversed(found):
        try:
            f(*args)
        except NOT_DIFFERENTIABLE:
            continue
        yield what, f
        return


def derivatives(call: Callable[..., Any], places: tuple[int, ...]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Functions that return a call's values and gradients, and second derivatives too."""

    def loss(*args: Any) -> Any:
        ys = call(*args)
        ys = ys if isinstance(ys, (tuple, list)) else (ys,)
        return sum(np.sum(np.sin(part)) for y in ys for part in parts_of(y)) + 0.0

    def slope(*args: Any) -> Any:
        return sum(np.sum(np.cos(part)) for g in grad(loss, places)(*args) for part in parts_of(g))

    def first(*args: Any) -> Any:
        return call(*args), grad(loss, places)(*args)

    def both(*args: Any) -> Any:
        return call(*args), grad(loss, places)(*args), grad(slope, places)(*args)

    return first, both


def parts_of(y: Any) -> Iterator[Any]:
    """The real numbers that a value consists of."""
    kind = np.asarray(y.data if hasattr(y, "_data") else y).dtype.kind if not hasattr(y, "dtype") else y.dtype.kind
    if kind == "c":
        yield np.real(y)
        yield np.imag(y)
    elif kind == "f":
        yield y
