"""Which calls of a plan Python makes, in the cases of the table of derivatives; and which it may make, with reasons."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.compiled_cases import cast, functions_of
from tests.test_derivatives import MODULES as TABLE
from wengert.compiler.capture.tape import Untraceable
from wengert.compiler.capture.trace import Failed, trace
from wengert.compiler.lowering.lowering import lower
from wengert.compiler.passes.optimize import optimize
from wengert.compiler.report.plan_report import called_name
from wengert.compiler.schedule.fusion import OpaqueStep
from wengert.compiler.schedule.loop_plan import with_native_loops
from wengert.compiler.schedule.rematerialize import schedule
from wengert.compiler.targets.cpu.program import is_left_to_python, is_simple_guard

__all__ = ["OPTIONS", "PERMITTED", "calls_of_table", "unexpected_calls"]


def named(names: str, reason: str, form: str = "{}") -> dict[str, str]:
    """A reason for each of some names."""
    return {form.format(name): reason for name in names.split()}


DRAWS = "a draw: NumPy makes it, in its own stream"
PERMITTED = {
    **dict.fromkeys(
        ("random.normal", "random.standard_normal", "random.uniform", "random.random", "random.integers"), DRAWS
    ),
    "random.permutation": DRAWS,
    "partition": "the order beside the k-th element is one of NumPy's own",
}
OF_SCIPY = {
    f"scipy_{name}"
    for name in ("fft", "integrate", "interpolate", "linalg", "ndimage", "signal", "sparse", "spatial", "stats")
} | {"scipy_special_functions"}
VALUES = "of complex or real values, which only the run knows"
RARE = "an option that programs seldom use"
NOTHING = "a layer without examples, steps or channels"
INDEX = "a mask of several axes, or a boolean, beside other indices"
PARTS = "a list of numbers and of arrays that the function computes"
# What Python computes in some cases of the table: with these options, or for these arguments. {call: why}
OPTIONS: dict[str, str] = {
    **named("eig eigvals roots poly real_if_close polymul polydiv", VALUES),
    **named("allclose guard", "a comparison of arrays that decides what is computed"),
    **named("lstsq polyfit pinv cond svd", "a rank that values decide, or matrices of all singular vectors"),
    **named("pad quantile percentile arange linspace logspace geomspace insert delete average", RARE),
    **named("nanquantile nanpercentile nanmedian nanvar nanstd median cov convolve interp vecdot", RARE),
    **named("histogram histogram2d histogramdd unwrap std choose einsum take_along_axis select", RARE),
    **named("sum prod max min amax amin reduce unique sort_complex round frexp i0 full stack nan_to_num", RARE),
    **dict.fromkeys(["sinc", "by_poissons_integral"], "a complex argument, or an integral that is computed by steps"),
    **named("apply_along_axis apply_over_axes piecewise", "a call of the program's own function"),
    **named("isposinf isneginf", "the rule that CONTRIBUTING.md shows how to write"),
    **named("get_item size", INDEX),
    **named("at set_item put place putmask fill_diagonal partition", INDEX, "written by {}"),
    **named("array asarray asanyarray ascontiguousarray asfortranarray", PARTS),
    **named("fromfunction fromiter frombuffer fromstring loadtxt genfromtxt", "no array is read"),
    **named("Rnn Lstm Gru Conv1d Conv2d ConvTranspose1d Embedding", NOTHING),
    **named("Rnn Lstm Gru Conv1d Conv2d ConvTranspose1d Embedding", NOTHING, "{} backward"),
}
HALF = named(
    "norm vector_norm matrix_norm nanmean nansum nanprod nanmax nanmin mean var diff power fft ifft hfft ihfft rfft "
    "irfft fft2 ifft2 rfft2 irfft2 fftn ifftn rfftn irfftn",
    "half precision, which NumPy computes in float32, or in an order of its own",
)


def python_calls(f: Callable[..., Any], args: list[Any]) -> set[str] | None:
    """The names of the calls of a plan that Python makes, without native code; None where there is no plan."""
    with np.errstate(all="ignore"):
        try:
            found = trace(f, tuple(args), {})
        except (Failed, Untraceable):
            return None
    if found.graph is None:
        return None
    _, steps = schedule(with_native_loops(optimize(lower(found.graph)), is_simple_guard))
    nodes = [step.node for step in steps if isinstance(step, OpaqueStep) and is_left_to_python(step)]
    return {called_name(node) for node in nodes if node.op != "tuple_get"}


def calls_of_table(step: int, dtype: Any, start: int = 0, orders: bool = True) -> tuple[int, dict[str, list[str]]]:
    """How many of the cases of the table have a plan, and which calls Python makes in which of them.

    Each `step`-th is compiled, with the derivatives up to its order, or without any.
    """
    found: dict[str, list[str]] = {}
    # (Functions of SciPy that are no ufuncs are SciPy's own calls, in most cases.)
    tables = {name: module for name, module in TABLE.items() if name not in OF_SCIPY}
    every = [(name, i, case) for name, module in tables.items() for i, case in enumerate(module.CASES)]
    count = 0
    for name, i, case in every[start::step]:
        if dtype != np.float64 and not case.single:
            continue
        once = {id(a): cast(a, dtype) for a in case.args}
        args = [once[id(a)] for a in case.args]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for what, f in functions_of(case, args) if orders else [("value", case.call)]:
                calls = python_calls(f, args)
                count += calls is not None
                for call in calls or ():
                    found.setdefault(call, []).append(f"{name} {i} {what} {np.dtype(dtype)}")
    return count, found


def unexpected_calls(step: int, dtype: Any, start: int = 0, orders: bool = True) -> tuple[int, dict[str, list[str]]]:
    """How many cases have a plan, and the calls that Python makes but may not make: those in none of the lists."""
    count, found = calls_of_table(step, dtype, start, orders)
    allowed = OPTIONS | PERMITTED | (HALF if dtype is np.float16 else {})
    return count, {call: cases for call, cases in found.items() if call not in allowed}
