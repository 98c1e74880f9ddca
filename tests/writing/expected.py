"""What programs that write must give: NumPy and the reference run them, and must agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tests.writing.programs import Program
from tests.writing.reference import derivatives, reference_numpy

__all__ = ["Expected", "check_reference", "copies", "expected", "same", "slope"]


STEP = 5e-4


class Expected(NamedTuple):
    """What NumPy and the reference find for a program."""

    value: Any
    arrays: list[Any]
    gradients: list[Any]
    directions: list[Any]
    seconds: list[Any]  # the derivatives of the gradients in the directions
    close: float  # how close derivatives must be


def directions_of(program: Program) -> list[Any]:
    rng = np.random.default_rng(7)
    return [
        (rng.standard_normal(x.shape) + (1j * rng.standard_normal(x.shape) if x.dtype.kind == "c" else 0)).astype(
            x.dtype
        )
        for x in program.inputs
    ]


def copies(program: Program) -> list[Any]:
    return [x.copy() for x in program.inputs]


def expected(program: Program) -> Expected:
    """Run a program by NumPy and by the reference, which must agree."""
    if program.parts:
        return expected_by_differences(program)
    directions = directions_of(program)
    value, arrays = program.function()(*copies(program))
    known, gradients, seconds, objects = derivatives(program.function(reference_numpy), program.inputs, directions)
    tolerance = 1e-4 if program.single else 1e-11
    same(program, "the reference's value", known, value, tolerance)
    for i, (a, b) in enumerate(zip(objects, arrays, strict=True)):
        same(program, f"the reference's array {i}", a, b, tolerance)
    return Expected(value, arrays, gradients, directions, seconds, 2e-3 if program.single else 1e-10)


def expected_by_differences(program: Program) -> Expected:
    """The same for a program in double precision that the reference cannot run; nothing of second order."""
    f = program.function()
    value, arrays = f(*copies(program))
    gradients = []
    for i, x in enumerate(program.inputs):
        gradient = np.zeros_like(x)
        for at in np.ndindex(x.shape):
            for unit in (1.0, 1j) if x.dtype.kind == "c" else (1.0,):
                values = []
                for h in (STEP, -STEP, 2 * STEP, -2 * STEP):
                    moved = copies(program)
                    moved[i][at] += h * unit
                    values.append(f(*moved)[0])
                gradient[at] += unit * (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * STEP)
        gradients.append(gradient)
    return Expected(value, arrays, gradients, directions_of(program), [], 2e-6)


def same(program: Program, what: str, found: Any, other: Any, tolerance: float) -> None:
    """Compare shapes and values."""
    found, other = np.asarray(found), np.asarray(other)
    if found.shape != other.shape:
        raise AssertionError(f"{what} has the shape {found.shape}, but must have {other.shape}:\n{program.described}")
    if not np.allclose(found, other, rtol=tolerance, atol=tolerance):
        raise AssertionError(f"{what} is {found.tolist()}, but must be {other.tolist()}:\n{program.described}")


def slope(gradients: Sequence[Any], directions: Sequence[Any]) -> float:
    """The derivative in a direction."""
    return sum(float(np.sum(np.real(np.conj(g) * d))) for g, d in zip(gradients, directions, strict=True))


def check_reference(program: Program) -> None:
    """Compare the reference with differences. (Meant for programs in double precision.)"""
    known = expected(program)
    f, reference = program.function(), program.function(reference_numpy)

    def moved(h: float) -> list[Any]:
        return [np.asarray(x + h * d) for x, d in zip(program.inputs, known.directions, strict=True)]

    def gradient_slope(h: float) -> float:
        return slope(derivatives(reference, moved(h), known.directions)[1], known.directions)

    for what, found, at in (
        ("the derivative", slope(known.gradients, known.directions), lambda h: f(*moved(h))[0]),
        ("the second derivative", slope(known.seconds, known.directions), gradient_slope),
    ):
        for h, tolerance in ((2e-4, 1e-7), (1e-5, 1e-6)):
            by_difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
            if abs(found - by_difference) <= tolerance * max(1.0, abs(found)):
                break
        else:
            same(program, f"{what} of the reference", found, by_difference, tolerance)
