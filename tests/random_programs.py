"""Random programs: compositions of NumPy calls with reuse, broadcasting and indexing, and their check.

A program is text, so that one that fails can be read and run. What chooses its parts is a function
``pick(options)``: hypothesis, which can shrink, or a random number generator.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from wengert import grad, hvp, jvp, value_and_grad

__all__ = ["Program", "check", "check_against_jax", "generate", "grow", "random_pick"]

Pick = Callable[[Sequence[Any]], Any]

SHAPES = [(), (1,), (3,), (2, 3), (3, 2), (1, 3), (2, 1), (3, 3), (2, 1, 3), (2, 3, 2)]
LARGEST = 20.0  # of a value; beyond it tanh follows
MOST = 100  # elements
MARGIN = 0.02  # how far from a kink a function of it is taken


class Program(NamedTuple):
    """Lines of NumPy from inputs ``v0, v1, ...`` to the number ``y``."""

    inputs: list[Any]
    lines: list[str]

    @property
    def text(self) -> str:
        """The program as one can run it."""
        names = ", ".join(f"v{i}" for i in range(len(self.inputs)))
        values = "".join(f"v{i} = np.array({x.tolist()})\n" for i, x in enumerate(self.inputs))
        body = "".join(f"    {line}\n" for line in self.lines)
        values = "inf = np.inf\n" + values if any(np.isinf(x).any() for x in self.inputs) else values
        return f"{values}def f({names}):\n{body}    return y\n"

    def function(self, numpy: Any = np) -> Callable[..., Any]:
        """Make it a function that calls `numpy`."""
        namespace: dict[str, Any] = {"np": numpy}
        exec(self.text if numpy is np else self.text[self.text.index("def f") :], namespace)
        return namespace["f"]  # type: ignore[no-any-return]


def random_pick(seed: int) -> Pick:
    """Choose by a random number generator."""
    return random.Random(seed).choice


# Each family below takes `pick`, the name and the value of an operand, and a function that picks
# another; it returns an expression, and one that must be above MARGIN (away from kinks), or None.

SMOOTH = [
    *("np.sin({0})", "np.cos({0})", "np.tanh({0})", "np.square({0})", "-{0}", "np.exp(-({0} ** 2))", "{0} ** 3 / 10"),
    *("np.exp({0} / 8)", "np.log(1 + {0} ** 2)", "np.sqrt(1 + {0} ** 2)", "1 / (1 + {0} ** 2)", "np.log1p({0} ** 2)"),
    *("np.arctan({0})", "np.sinh({0} / 8)", "np.expm1({0} / 8)", "0.5 * {0} + 1", "2.0 - {0}", "1.5 ** ({0} / 4)"),
]
PAIRS = [
    *("{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} / (1 + {1} ** 2)", "np.arctan2({0}, 1 + {1} ** 2)"),
    *("np.hypot({0}, 1 + {1} ** 2)", "np.logaddexp({0}, {1})", "(1 + {0} ** 2) ** np.tanh({1})"),
]


def elementwise(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    return pick(SMOOTH).format(name), None


def kinked(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    b, _ = other(x.shape)
    apart = f"np.min(np.abs({name} - {b}))"
    near = f"np.min(np.abs({name}))"
    return pick(
        [
            (f"np.abs({name})", near),
            (f"np.maximum({name}, {b})", apart),
            (f"np.minimum({name}, {b})", apart),
            (f"np.where({name} > 0, {name}, {b})", near),
            (f"np.where({name} > {b}, np.sin({name}), {b} ** 2 / 4)", apart),
            (f"np.maximum({name}, 0)", near),
            (f"np.clip({name}, -0.7, 1.1)", f"np.min(np.minimum(np.abs({name} + 0.7), np.abs({name} - 1.1)))"),
        ]
    )


def pair(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    b, _ = other(x.shape)
    return pick(PAIRS).format(*pick([(name, b), (b, name)])), None


def reduction(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    axes = [None, *range(-x.ndim, x.ndim)]
    if x.ndim > 1:
        axes += [(0, -1), tuple(range(x.ndim))]
    axis = pick(axes)
    settings = f"axis={axis}, keepdims={pick([True, False])}"
    smooth = f"np.{pick(['sum', 'mean', 'var', 'prod'])}({name}, {settings})"
    if axis is None or isinstance(axis, tuple):
        return smooth, None
    ordered = np.sort(x, axis)
    gaps = np.diff(ordered, axis=axis)
    gap = float(np.min(gaps, initial=1.0))
    running = f"np.cumsum({name}, axis={axis})"
    return pick(
        [
            (smooth, None),
            (running, None),
            (f"np.sort({name}, axis={axis})", str(gap)),
            *((f"np.{f}({name}, {settings})", str(gap)) for f in ("max", "min")),
        ]
    )


def arrangement(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    last = x.ndim - 1
    choices = [f"np.ravel({name})", f"{name}.T", f"np.expand_dims({name}, {pick([0, -1])})", f"np.squeeze({name})"]
    choices += [f"np.reshape({name}, (-1, 1))", f"np.broadcast_to({name}, {(2, *x.shape)})"]
    if x.ndim:
        axis = pick(range(-x.ndim, x.ndim))
        choices += [f"np.flip({name}, {axis})", f"np.roll({name}, 1, axis={axis})", f"np.swapaxes({name}, 0, {axis})"]
        choices += [f"np.moveaxis({name}, {axis}, {last})", f"np.concatenate([{name}, 2 * {name}], axis={axis})"]
        choices += [f"np.stack([{name}, np.sin({name})], axis={axis})", f"np.repeat({name}, 2, axis={axis})"]
    return pick(choices), None


def element(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    if x.ndim == 0:
        return f"{name}[..., None]", None
    n = len(x)
    rows = [pick(range(-n, n)) for _ in range(pick([1, 2, 4]))]
    mask = [bool(i % 2 == 0) for i in range(n)]
    choices = [f"{name}[{pick(range(-n, n))}]", f"{name}[::-1]", f"{name}[..., ::2]", f"{name}[None, 1:]"]
    choices += [f"{name}[np.array({rows})]", f"{name}[np.array({mask})]", f"{name}[..., np.array([0, -1, 0])]"]
    choices += [f"np.take({name}, np.array({[r % n for r in rows]}), axis=0)"]
    if x.ndim > 1:
        choices += [f"{name}[:, -1]", f"{name}[np.array({rows}), 0]"]
        choices += [f"{name}[np.array({rows})[:, None], np.array([0])]"]
    return pick(choices), None


def contraction(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    choices = [f"np.outer({name}, {name}) / 3", f"np.dot(np.ravel({name}), np.cos(np.ravel({name})))"]
    if x.ndim == 1:
        choices += [f"{name} @ np.sin({name})"]
    if x.ndim > 1:
        choices += [f"{name} @ np.swapaxes({name}, -1, -2) / 2", f"np.einsum('...ij,...ij->...i', {name}, {name}) / 2"]
        choices += [f"np.tensordot({name}, {name}, axes=([-1], [-1])) / 2", f"np.sin({name}) @ {name}[..., 0, :]"]
    return pick(choices), None


FAMILIES = [elementwise, elementwise, kinked, pair, pair, pair, reduction, arrangement, element, contraction]


def uniform_array(pick: Pick, rng: Any, shape: Any) -> Any:
    return np.asarray(rng.uniform(-2, 2, shape))


def generate(pick: Pick, longest: int = 12) -> Program:
    """Make a program that is finite and moderate at its inputs, and away from kinks."""
    return grow(pick, longest, FAMILIES, uniform_array)


def grow(pick: Pick, longest: int, families: Any, array: Callable[..., Any], at_kinks: bool = False) -> Program:
    """Make a program of lines of these families; `at_kinks`: anywhere, and values in it may be infinite."""
    rng = np.random.default_rng(pick(range(1000)) * 1000 + pick(range(1000)))
    inputs = [array(pick, rng, pick(SHAPES)) for _ in range(pick([1, 2, 3]))]
    values: dict[str, Any] = {f"v{i}": x for i, x in enumerate(inputs)}
    lines: list[str] = []

    def any_of(shape: Any = None) -> tuple[str, Any]:
        """Pick a value; one that broadcasts against `shape`, if given."""
        names = [n for n, v in values.items() if shape is None or _broadcasts(v.shape, shape)]
        name = pick(names[-6:] + names[:3])
        return name, values[name]

    for _ in range(pick(range(2, longest + 1))):
        name, x = any_of()
        expression, guard = pick(families)(pick, name, x, any_of)
        known = {"np": np, **values}
        with np.errstate(all="ignore"):
            if guard is not None and not at_kinks and not eval(guard, known) > MARGIN:
                continue
            try:
                y = np.asarray(eval(expression, known))
            except (ValueError, IndexError):
                continue  # shapes that do not fit, or a singular matrix
            if not 0 < y.size <= MOST or y.ndim > 4:
                continue
            if not np.all(np.abs(y, where=~(at_kinks & np.isinf(y)), out=np.zeros(y.shape)) < LARGEST):
                expression = f"np.tanh(({expression}) / 10)"
                y = np.asarray(eval(expression, known))
        if not np.any(np.isnan(y)) and (at_kinks or np.all(np.isfinite(y))):
            made = f"v{len(values)}"
            values[made] = y
            lines.append(f"{made} = {expression}")
    ends = [name for name, value in values.items() if np.all(np.isfinite(value))][-3:] or ["v0"]
    terms = [f"np.sum(np.sin({name} + {0.1 * (i + 1):.1f}))" for i, name in enumerate(ends)]
    return Program(inputs, [*lines, f"y = {' + '.join(terms)}"])


def _broadcasts(a: Any, b: Any) -> bool:
    try:
        return int(np.prod(np.broadcast_shapes(a, b))) <= MOST
    except ValueError:
        return False


def check(program: Program, second_order: bool = True) -> None:
    """Compare the derivatives of a program with differences, and with one another."""
    f = program.function()
    xs = program.inputs
    places = tuple(range(len(xs)))
    rng = np.random.default_rng(0)
    vs = [np.asarray(rng.standard_normal(x.shape)) for x in xs]
    size = np.sqrt(sum(float(np.sum(v * v)) for v in vs))
    vs = [v / max(size, 1.0) for v in vs]

    y, gs = value_and_grad(f, places)(*xs)
    expect(program, "the value", float(y), float(f(*xs)), 1e-12)
    for g, x in zip(gs, xs, strict=True):
        if type(g) is not np.ndarray or (g.shape, g.dtype) != (x.shape, x.dtype):
            raise AssertionError(f"a gradient must be a plain array like its argument:\n{program.text}")
    slope = dot(gs, vs)
    expect(program, "the derivative by jvp", float(jvp(f, xs, vs)[1]), slope, 1e-9)
    against_differences(program, "the derivative", slope, lambda h: float(f(*moved(xs, vs, h))))
    if second_order:
        curvature = dot(hvp(f, xs, vs), vs)
        slopes = grad(f, places)
        against_differences(program, "hvp", curvature, lambda h: dot(slopes(*moved(xs, vs, h)), vs))


def against_differences(program: Program, what: str, found: float, at: Callable[[float], float]) -> None:
    """Compare with a difference; with one of a smaller step if there may be a kink next to the point."""
    for step, tolerance in ((1e-3, 1e-7), (1e-5, 1e-5)):
        expected = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
        if abs(found - expected) <= tolerance * max(1.0, abs(expected)):
            return
    expect(program, what + " by differences", expected, found, tolerance)


def check_against_jax(program: Program) -> None:
    """Compare the gradient with that of JAX."""
    import jax

    jax.config.update("jax_enable_x64", True)
    # The arrays written in a program are indices and masks, which JAX wants as constants.
    f, g = program.function(), program.function(SimpleNamespace(**{**vars(jax.numpy), "array": np.array}))
    places = tuple(range(len(program.inputs)))
    found = grad(f, places)(*program.inputs)
    inputs = [jax.numpy.asarray(x) for x in program.inputs]

    def first_difference(expected: Any) -> str | None:
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            if not np.allclose(a, b, rtol=1e-8, atol=1e-8):
                return f"the gradient with respect to v{i} is {a}, but {b} in JAX:\n{program.text}"
        return None

    # Compiled is faster, but XLA has been seen to rewrite a program wrongly: what JAX runs step by step decides.
    if first_difference(jax.jit(jax.grad(g, places))(*inputs)):
        difference = first_difference(jax.grad(g, places)(*inputs))
        if difference:
            raise AssertionError(difference)


def moved(xs: Sequence[Any], vs: Sequence[Any], step: float) -> list[Any]:
    return [np.asarray(x + step * v) for x, v in zip(xs, vs, strict=True)]


def dot(a: Sequence[Any], b: Sequence[Any]) -> float:
    return sum(float(np.sum(x * y)) for x, y in zip(a, b, strict=True))


def expect(program: Program, what: str, other: float, found: float, tolerance: float) -> None:
    if not abs(found - other) <= tolerance * max(1.0, abs(other)):
        raise AssertionError(f"wengert found {found}, but {what} is {other}:\n{program.text}")
