"""Run programs that write in every way that the library has, and compare with what they must give."""

from __future__ import annotations

import contextlib
import importlib.util
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import wengert
from tests.writing.expected import Expected, copies, expected, same, slope
from tests.writing.programs import Program, generate, refused
from tests.writing.shrink import shrink
from wengert import Variable, checkpoint, grad, hvp, jvp, value_and_grad
from wengert.compiler.targets.cpu.runner import interpreted, native

__all__ = ["MODES", "attempt", "check_refused", "failure", "failure_of_refused"]

HAS_COMPILER = all(map(importlib.util.find_spec, ("llvmlite", "scipy")))
UNMODIFIED: dict[str, Any] = {"unmodified": True}


def places(program: Program) -> tuple[int, ...]:
    return tuple(range(len(program.inputs)))


def plain(x: Any) -> Any:
    return x.data if isinstance(x, Variable) else x


def compare(program: Program, known: Expected, found: Any) -> None:
    """Compare what ``value_and_grad(f, has_aux=True)`` returned."""
    (value, arrays), gradients = found
    compare_values(program, known, value, arrays)
    compare_gradients(program, "the gradient", gradients, known.gradients, known.close)


def compare_values(program: Program, known: Expected, value: Any, arrays: Sequence[Any]) -> None:
    close = 1e-4 if program.single else 1e-12
    same(program, "the value", plain(value), known.value, close)
    for i, (a, b) in enumerate(zip(arrays, known.arrays, strict=True)):
        same(program, f"array {i} at the end", plain(a), b, close)
        if plain(a).dtype != b.dtype:
            raise AssertionError(f"array {i} has dtype {plain(a).dtype}, not {b.dtype}:\n{program.described}")


def compare_gradients(program: Program, what: str, found: Sequence[Any], known: Sequence[Any], close: float) -> None:
    for i, (g, other, x) in enumerate(zip(found, known, program.inputs, strict=True)):
        same(program, f"{what} with respect to v{i}", plain(g), other, close)
        if plain(g).dtype != x.dtype:
            raise AssertionError(f"{what} with respect to v{i} has dtype {plain(g).dtype}:\n{program.described}")


def called(program: Program, f: Callable[..., Any]) -> Any:
    """Call a derivative, which must leave its arguments as they are."""
    xs = copies(program)
    found = f(*xs)
    for i, (x, before) in enumerate(zip(xs, program.inputs, strict=True)):
        if x.tobytes() != before.tobytes() or not x.flags.writeable:
            raise AssertionError(f"a derivative wrote to the array v{i} of the caller:\n{program.described}")
    return found


def eager(program: Program, known: Expected) -> None:
    found = called(program, value_and_grad(program.function(), places(program), has_aux=True))
    compare(program, known, found)
    (value, arrays), gradients = found
    if any(isinstance(x, Variable) for x in (value, *arrays, *gradients)):
        raise AssertionError(f"value_and_grad must return plain arrays:\n{program.described}")


def unmodified(program: Program, known: Expected) -> None:
    """Arrays are made by ``np.zeros(n)`` as they are in a program for NumPy."""
    f = program.function(like=False)
    compare(program, known, called(program, value_and_grad(f, places(program), has_aux=True, **UNMODIFIED)))
    with wengert.unmodified():
        compare(program, known, called(program, value_and_grad(f, places(program), has_aux=True)))


def second_order(program: Program, known: Expected) -> None:
    f = program.function()
    found = called(program, lambda *xs: hvp(lambda *vs: f(*vs)[0], xs, known.directions))
    compare_gradients(program, "hvp", found, known.seconds, known.close)
    _, tangent = called(program, lambda *xs: jvp(lambda *vs: f(*vs)[0], xs, known.directions))
    same(program, "jvp", plain(tangent), slope(known.gradients, known.directions), known.close)


def grad_of_grad(program: Program, known: Expected) -> None:
    gradients = grad(program.function(), places(program), has_aux=True)

    def directional(*xs: Any) -> Any:
        found, _ = gradients(*xs)
        return sum(np.sum(np.real(np.conj(d) * g)) for d, g in zip(known.directions, found, strict=True))

    found = called(program, grad(directional, places(program)))
    compare_gradients(program, "the gradient of a derivative", found, known.seconds, known.close)


def create_graph(program: Program, known: Expected) -> None:
    """``backward(create_graph=True)`` from leaves, copies of which are written to."""
    xs = [Variable(x) for x in copies(program)]
    value, arrays = program.function()(*map(np.copy, xs))
    if isinstance(value, Variable):  # (it depends on no input where all was overwritten)
        value.backward(create_graph=True)
    gradients = [np.zeros_like(x.data) if x.grad is None else x.grad for x in xs]
    compare(program, known, ((value, arrays), gradients))
    terms = [np.sum(np.real(np.conj(d) * g)) for d, g in zip(known.directions, gradients, strict=True)]
    for x in xs:
        x.cleargrad()
    total = sum(terms)
    if isinstance(total, Variable):
        total.backward()
    seconds = [np.zeros_like(x.data) if x.grad is None else x.grad for x in xs]
    compare_gradients(program, "the second gradient", seconds, known.seconds, known.close)


def under_checkpoint(program: Program, known: Expected) -> None:
    """A function that runs twice; one that writes to its own arguments may be refused."""
    f = program.function()
    copying = checkpoint(lambda *xs: f(*map(np.copy, xs)))
    compare(program, known, called(program, value_and_grad(copying, places(program), has_aux=True)))
    found = called(program, lambda *xs: hvp(lambda *vs: copying(*vs)[0], xs, known.directions))
    compare_gradients(program, "hvp", found, known.seconds, known.close)
    with contextlib.suppress(wengert.GraphError):
        compare(program, known, called(program, value_and_grad(checkpoint(f), places(program), has_aux=True)))


def nearby(program: Program) -> Program:
    """The program for other inputs, so close that no comparison changes."""
    rng = np.random.default_rng(3)
    moved = [np.array(x + 1e-4 * rng.uniform(-1, 1, x.shape), x.dtype) for x in program.inputs]
    return program._replace(inputs=moved)


def compiled(program: Program, known: Expected, runner: Any = interpreted) -> None:
    """The gradient of a program, traced by the first call; plans run the others."""
    f = wengert.compile(value_and_grad(program.function(), places(program), has_aux=True), runner=runner)
    other = nearby(program)
    for p, k in ((program, known), (program, known), (other, expected(other)), (program, known)):
        compare(p, k, called(p, f))


def compiled_unmodified(program: Program, known: Expected, runner: Any = interpreted) -> None:
    """A compiled function takes ``np.zeros(n)`` as it is."""
    f = program.function(like=False)
    made = wengert.compile(value_and_grad(f, places(program), has_aux=True), runner=runner)
    for _ in range(2):
        compare(program, known, called(program, made))


def compiled_second_order(program: Program, known: Expected, runner: Any = interpreted) -> None:
    f = program.function()
    made = wengert.compile(lambda *xs: hvp(lambda *vs: f(*vs)[0], xs, known.directions), runner=runner)
    for _ in range(2):
        compare_gradients(program, "hvp, compiled", called(program, made), known.seconds, known.close)


def compiled_forward(program: Program, known: Expected, runner: Any = interpreted) -> None:
    """The program itself, on arrays: it writes to the caller's, as NumPy does."""
    f = program.function(like=False)
    made = wengert.compile(f, runner=runner)
    for _ in range(3):
        xs, others = copies(program), copies(program)
        value, arrays = made(*xs)
        f(*others)
        compare_values(program, known, value, arrays)
        for i, (x, other) in enumerate(zip(xs, others, strict=True)):
            same(program, f"v{i} of the caller after the call", x, other, 1e-5 if program.single else 1e-12)


def natively(program: Program, known: Expected) -> None:
    """As `compiled`, `compiled_second_order` and `compiled_forward`, in native code."""
    if HAS_COMPILER:
        compiled(program, known, native)
        compiled_second_order(program, known, native)
        compiled_forward(program, known, native)


MODES: dict[str, Callable[[Program, Expected], None]] = {
    "eager": eager,
    "unmodified": unmodified,
    "second order": second_order,
    "grad of grad": grad_of_grad,
    "create_graph": create_graph,
    "checkpoint": under_checkpoint,
    "compiled": compiled,
    "compiled, unmodified": compiled_unmodified,
    "compiled, second order": compiled_second_order,
    "compiled, forward": compiled_forward,
    "native": natively,
}


def attempt(program: Program, mode: str) -> str:
    """Say how a program fails in a mode; nothing if it does not."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            known = expected(program)
        except AssertionError as error:
            return str(error)
        try:
            MODES[mode](program, known)
        except AssertionError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  (each is told)
            if "into a plain array" in str(error):
                return ""  # (made of constants alone, by a function that makes no arrays to write into)
            return f"{type(error).__name__}: {error}\n{program.described}"
    return ""


def failure(seed: int, mode: str, parts: bool = False) -> str:
    """Say how the program of a number fails in a mode, without the statements that do not matter for it."""
    program = generate(seed, parts=parts)
    found = attempt(program, mode)
    if not found:
        return ""
    kind = found.split(" ", 1)[0]

    def fails(trial: Program) -> str:
        try:
            told = attempt(trial, mode)
        except Exception:  # noqa: BLE001  (a program that lacks a statement)
            return ""
        return told if told.split(" ", 1)[0] == kind else ""

    return f"program {seed}, {mode}: {attempt(shrink(program, fails), mode)}"


def check_refused(program: Program, kind: type[BaseException]) -> None:
    """The library must raise what NumPy raises; where NumPy has written nothing before it raised, nor must it."""
    gradient = value_and_grad(program.function(), places(program), has_aux=True)
    for what, f in (("eager", gradient), ("compiled", wengert.compile(gradient, runner=interpreted))):
        try:
            called(program, f)
        except kind:
            continue
        except Exception as error:  # noqa: BLE001  (each is told)
            if "into a plain array" in str(error):
                continue  # (which is asked first)
            found = f"{type(error).__name__} ({error})"
        else:
            found = "nothing"
        raise AssertionError(f"{what}: NumPy raises {kind.__name__}, but here {found} is raised:\n{program.described}")
    *before, last = program.statements
    attempted = "try:\n    " + last.replace("\n", "\n    ") + "\nexcept (IndexError, TypeError, ValueError):\n    pass"
    caught = program._replace(statements=[*before, attempted])
    known = expected(program._replace(statements=before))
    if caught.function()(*copies(program))[0] == known.value:
        compare(caught, known, called(caught, value_and_grad(caught.function(), places(program), has_aux=True)))


def failure_of_refused(seed: int) -> str:
    """Say how a program that NumPy refuses is not refused as it must be."""
    program, kind = refused(seed)

    def fails(trial: Program) -> str:
        if not trial.statements or trial.statements[-1] != program.statements[-1]:
            return ""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                trial.function()(*copies(trial))
            except kind:
                pass
            except Exception:  # noqa: BLE001  (a program that lacks a statement)
                return ""
            try:
                check_refused(trial, kind)
            except AssertionError as error:
                return str(error)
        return ""

    return f"program {seed}, refused by NumPy: {fails(shrink(program, fails))}" if fails(program) else ""
