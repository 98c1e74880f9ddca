"""NumPy programs that write into arrays: gradients beside JAX's, forward beside NumPy and Numba, and filling."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from benchmarks.libraries.library import Step
from tests.writing_programs import PROGRAMS, Program, loss_of, random_weights

__all__ = ["FILLED", "GRADIENTS", "PROGRAMS", "fill", "make"]

FILLED = (10_000, 20_000, 40_000, 100_000)
# What has a JAX version: `benchmarks.problems.writes_in_jax`.
GRADIENTS = (
    "jacobi_2d", "heat_3d", "seidel_2d", "fdtd_2d", "adi", "channel", "lu_blocks", "thomas", "gemver", "syrk",
    "floyd_warshall", "exponential_average", "smith_waterman", "lstm", "n_body", "deposition",
)  # fmt: skip


def make(peer: str, row: str) -> Step:
    """Make ``gradient/program``, ``forward/program`` or ``fill/elements``."""
    kind, name = row.split("/")
    if kind == "fill":
        return filling(peer, int(name))
    program = PROGRAMS[name]
    arguments = program.large(np.random.default_rng(0))
    return gradient(peer, program, arguments) if kind == "gradient" else forward(peer, program, arguments)


def gradient(peer: str, program: Program, arguments: Sequence[Any]) -> Step:
    """Make the value and the gradients of a loss of all results, compiled."""
    weights, argnums = random_weights(program, arguments), program.argnums(arguments)
    if peer == "jax":
        in_jax = importlib.import_module("benchmarks.problems.writes_in_jax")
        step: Step = in_jax.gradient(program.name, arguments, weights, argnums)
        return step
    wengert = importlib.import_module("wengert")
    loss = loss_of(program, weights)
    if peer == "wengert-compiled":
        compiled = wengert.compile(wengert.value_and_grad(loss, argnums))
    else:
        compiled = wengert.value_and_grad(loss, argnums, unmodified=True)
    return lambda: compiled(*arguments)


def forward(peer: str, program: Program, arguments: Sequence[Any]) -> Step:
    """Make the program; that arguments which it writes to are as before again, is part of the time of everybody."""
    function = compiled_by(peer)(program.function)
    given = [x.copy() if i in program.written else x for i, x in enumerate(arguments)]

    def step() -> Any:
        for i in program.written:
            np.copyto(given[i], arguments[i])
        returned = function(*given)
        parts = [] if returned is None else list(returned) if isinstance(returned, tuple) else [returned]
        return [*parts, *(given[i] for i in program.written)]

    return step


def compiled_by(peer: str) -> Callable[[Any], Any]:
    """Return what a peer makes of a function."""
    if peer == "numpy":
        return lambda function: function
    if peer == "numba":
        numba = importlib.import_module("numba")
        numba.set_num_threads(min(int(os.environ.get("OMP_NUM_THREADS", "1")), numba.config.NUMBA_NUM_THREADS))
        return lambda function: in_numba(function, numba)
    compiler: Callable[[Any], Any] = importlib.import_module("wengert").compile
    return compiler


def in_numba(function: Any, numba: Any) -> Any:
    """Compile a function, and those of its module that it calls."""
    scope = function.__globals__
    for name in function.__code__.co_names:
        called = scope.get(name)
        if isinstance(called, FunctionType) and called.__module__ == function.__module__:
            scope[name] = in_numba(called, numba)
    return numba.njit(function)


def fill(x: Any) -> Any:
    """Fill an array, element by element."""
    out = np.zeros(len(x))
    for i in range(len(x)):
        out[i] = x[i] * x[i]
    return np.sum(out)


def filling(peer: str, size: int) -> Step:
    """Make the gradient of `fill`, eager."""
    x = np.random.default_rng(0).random(size)
    if peer == "torch":
        torch = importlib.import_module("torch")
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        return filling_in_torch(torch, torch.from_numpy(x).requires_grad_())
    step = importlib.import_module("wengert").value_and_grad(fill, unmodified=True)
    return lambda: step(x)


def filling_in_torch(torch: Any, x: Any) -> Step:
    """Make the same; elements taken by `unbind`, as each ``x[i]`` would make a gradient of all elements."""

    def step() -> Any:
        out = torch.zeros(len(x), dtype=x.dtype)
        elements = x.unbind(0)
        for i in range(len(x)):
            out[i] = elements[i] * elements[i]
        y = out.sum()
        return y.detach(), *torch.autograd.grad(y, x)

    return step
