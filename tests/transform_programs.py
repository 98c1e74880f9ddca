"""Random programs under random stacks of transforms, compared with gradients and loops over the examples.

A stack is applied from its first transform on: ``("grad", "vmap")`` is ``vmap(grad(f))``. Each is there twice:
as users write it, and by `grad` of one number and Python's loops alone, which do not know what is around them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import wengert
from tests.random_programs import Program, generate, random_pick

__all__ = ["TRANSFORMS", "Skipped", "check_stack", "failure", "random_stack"]

Function = Callable[..., Any]
ORDERS = {"grad": 1, "jvp": 1, "jacobian": 1, "hvp": 2, "hessian": 2, "vmap": 0, "compile": 0}
TRANSFORMS = tuple(ORDERS)
HIGHEST = 3  # order of the derivatives of a stack
MOST = 160  # elements of a result


class Skipped(Exception):
    """A program's results are not finite, or have too many elements."""


class Step(NamedTuple):
    """A transform with its settings."""

    kind: str
    seed: int

    def __repr__(self) -> str:
        return f"{self.kind}:{self.seed}"


def random_stack(seed: int, deepest: int = 3) -> tuple[Step, ...]:
    """Choose transforms, whose derivatives are of no more than the third order."""
    pick = random_pick(seed)
    steps: list[Step] = []
    order = 0
    for _ in range(pick(range(1, deepest + 1))):
        kind = pick(TRANSFORMS)
        if order + ORDERS[kind] <= HIGHEST:
            order += ORDERS[kind]
            steps.append(Step(kind, pick(range(1000))))
    return tuple(steps)


def weights(shape: tuple[int, ...], seed: int) -> Any:
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


def total(f: Function, seed: int) -> Function:
    """The sum of the results, each with a weight of its own: a number."""

    def summed(*args: Any) -> Any:
        y = f(*args)
        return np.sum(y * weights(np.shape(y), seed))

    return summed


def at(f: Function, args: Sequence[Any], place: int) -> Function:
    """The function of one argument."""
    return lambda x: f(*args[:place], x, *args[place + 1 :])


class Stacked(NamedTuple):
    """A function by transforms, the same by loops, and arguments of both."""

    fast: Function
    slow: Function
    args: tuple[Any, ...]

    def with_step(self, step: Step) -> Stacked:
        """Apply one more transform."""
        made: Stacked = globals()[f"by_{step.kind}"](self, step.seed)
        return made


def by_grad(s: Stacked, seed: int) -> Stacked:
    place = seed % len(s.args)
    return Stacked(wengert.grad(total(s.fast, seed), place), wengert.grad(total(s.slow, seed), place), s.args)


def by_jvp(s: Stacked, seed: int) -> Stacked:
    place = seed % len(s.args)
    v = weights(np.shape(s.args[place]), seed)

    def fast(*args: Any) -> Any:
        return wengert.jvp(at(s.fast, args, place), (args[place],), (v,))[1]

    def slow(*args: Any) -> Any:
        return pushed(at(s.slow, args, place), args[place], v)

    return Stacked(fast, slow, s.args)


def pushed(f: Function, x: Any, v: Any) -> Any:
    """The derivative in a direction: the pullback is linear, and its own pullback gives it."""
    u = np.zeros(np.shape(f(x)))
    return wengert.grad(lambda u: np.sum(wengert.grad(lambda x: np.sum(f(x) * u))(x) * v))(u)


def by_jacobian(s: Stacked, seed: int) -> Stacked:
    place, mode = seed % len(s.args), (None, "forward", "reverse")[seed % 3]

    def fast(*args: Any) -> Any:
        return wengert.jacobian(at(s.fast, args, place), mode=mode)(args[place])

    return Stacked(fast, lambda *args: rows(at(s.slow, args, place), args[place]), s.args)


def rows(f: Function, x: Any) -> Any:
    """The gradient of each element of the result."""
    shape = np.shape(f(x))
    found = [wengert.grad(lambda x, i=i: np.ravel(f(x))[i])(x) for i in range(int(np.prod(shape)))]
    return np.reshape(np.stack(found), shape + np.shape(x)) if found else np.zeros(shape + np.shape(x))


def by_hessian(s: Stacked, seed: int) -> Stacked:
    place = seed % len(s.args)

    def fast(*args: Any) -> Any:
        return wengert.hessian(at(total(s.fast, seed), args, place))(args[place])

    def slow(*args: Any) -> Any:
        return rows(wengert.grad(at(total(s.slow, seed), args, place)), args[place])

    return Stacked(fast, slow, s.args)


def by_hvp(s: Stacked, seed: int) -> Stacked:
    place = seed % len(s.args)
    v = weights(np.shape(s.args[place]), seed)

    def fast(*args: Any) -> Any:
        return wengert.hvp(at(total(s.fast, seed), args, place), (args[place],), (v,))[0]

    def slow(*args: Any) -> Any:
        inner = wengert.grad(at(total(s.slow, seed), args, place))
        return wengert.grad(lambda x: np.sum(inner(x) * v))(args[place])

    return Stacked(fast, slow, s.args)


def by_vmap(s: Stacked, seed: int) -> Stacked:
    """Two or three examples of some of the arguments, along one of their axes."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 4))
    mapped = rng.random(len(s.args)) < 0.6
    mapped[rng.integers(len(s.args))] = True
    axes = tuple(int(rng.integers(x.ndim + 1)) if m else None for x, m in zip(s.args, mapped, strict=True))
    out = -1 if rng.random() < 0.3 else 0
    factors = 1.0 - 0.07 * np.arange(size)
    args = tuple(
        x if axis is None else np.stack([x * factor for factor in factors], axis)
        for x, axis in zip(s.args, axes, strict=True)
    )

    def slow(*args: Any) -> Any:
        examples = [
            s.slow(*[x if a is None else np.take(x, i, axis=a) for x, a in zip(args, axes, strict=True)])
            for i in range(size)
        ]
        return np.stack(examples, out)

    return Stacked(wengert.vmap(s.fast, axes, out), slow, args)


def by_compile(s: Stacked, seed: int) -> Stacked:
    return Stacked(wengert.compile(s.fast), s.slow, s.args)


def check_stack(program: Program, stack: Sequence[Step]) -> None:
    """Compare a stack of transforms of a program with the same by loops; raise AssertionError where they differ."""
    f = program.function()
    s = Stacked(f, f, tuple(map(np.asarray, program.inputs)))
    for step in stack:
        s = s.with_step(step)
        if np.size(expected := s.slow(*s.args)) > MOST:
            raise Skipped
    if not stack or not np.all(np.isfinite(expected)) or np.max(np.abs(expected), initial=0.0) > 1e6:
        raise Skipped
    found = s.fast(*s.args)
    what = f"the stack {stack!r} of\n{program.text}"
    if (np.shape(found), found.dtype) != (np.shape(expected), expected.dtype):
        raise AssertionError(f"{np.shape(found)} {found.dtype}, not {np.shape(expected)} {expected.dtype}: {what}")
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    if not np.all(np.abs(found - expected) <= 1e-8 * scale):
        raise AssertionError(f"{found}, not {expected}: {what}")


def failure(seed: int, longest: int = 8) -> str | None:
    """Check the program and the stack of a number; return what failed. Skipped ones raise `Skipped`."""
    program, stack = generate(random_pick(seed), longest), random_stack(seed)
    try:
        with np.errstate(all="ignore"):
            check_stack(program, stack)
    except Skipped:
        raise
    except Exception as error:  # noqa: BLE001  (each is told)
        return f"{seed}: {stack!r}: {type(error).__name__}: {error}\n{program.text}"
    return None
