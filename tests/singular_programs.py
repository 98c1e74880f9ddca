"""Random programs at singular points, on purpose: ties, zeros, -0.0, ones, repeated rows, rarely an infinity.

Whether a program is smooth at its inputs is not known from its text. So its derivatives are compared with what the
values near the inputs say (`tests.limits`): where these have a limit, the derivative is that limit, or NaN, or refused.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.limits import INFINITE, JUMP, SMOOTH, lines_of, product, wrong
from tests.random_programs import FAMILIES, Pick, Program, arrangement, contraction, element, grow
from wengert import grad, hvp, value_and_grad

__all__ = ["Outcome", "check_singular", "shrink", "singular_program"]

POINTS = [
    *("np.abs({0})", "np.sqrt({0})", "np.sqrt(np.abs({0}))", "np.cbrt({0})", "1 / {0}", "np.log({0})", "np.exp({0})"),
    *("np.arccos({0})", "np.arcsin({0})", "np.arctanh({0})", "np.sign({0})", "{0} ** 0", "{0} ** 1.0", "{0} ** 2.0"),
    *("{0} ** 3", "{0} ** -1", "np.abs({0}) ** 1.5", "np.maximum({0}, 0)", "np.log(np.abs({0}))", "np.arccosh({0})"),
    *("np.where({0} > 0, np.sqrt({0}), 0)", "np.where({0} < 0, 0, np.log({0}))", "np.sinc({0})", "np.nan_to_num({0})"),
    *("np.fabs({0})", "np.reciprocal({0})", "np.square({0})", "np.log1p({0})", "np.expm1({0})", "np.tanh({0})"),
]
WHOLE = [  # smooth compositions of what is not smooth
    *("np.cbrt({0}) ** 3", "1 / (1 / {0})", "np.exp(np.log({0}))", "np.sqrt({0}) ** 4", "np.abs({0}) ** 2"),
    *("np.abs({0}) ** 3", "np.cos(np.arccos({0}))", "np.sqrt({0} ** 2) ** 2", "np.cosh(np.sqrt({0} ** 2))"),
    *("np.sin(np.cbrt({0}) ** 3)", "np.exp(-1 / {0} ** 2)", "np.sqrt(np.sqrt({0})) ** 8", "np.sin(np.arcsin({0}))"),
    *("{0} * np.abs({0}) ** 2", "np.expm1(np.log1p({0}))", "np.tanh(np.arctanh({0}))", "np.power(np.abs({0}), 4)"),
    *("np.log(np.exp({0}))", "(1 / {0}) ** -2", "np.arctan2({0}, 1)", "np.hypot({0}, 0) ** 2", "np.cos(np.abs({0}))"),
]
PAIRS = [
    *("np.hypot({0}, {1})", "np.hypot({0}, {1}) ** 2", "np.cos(np.hypot({0}, {1}))", "np.arctan2({0}, {1})"),
    *("np.maximum({0}, {1})", "np.minimum({0}, {1})", "np.fmax({0}, {1})", "np.abs({0} - {1})", "{0} / {1}"),
    *("np.abs({0} - {1}) ** 2", "np.power(np.abs({0}), {1})", "{0} * {1}", "np.sqrt({0} ** 2 + {1} ** 2)"),
    *("np.logaddexp({0}, {1})", "np.maximum({0}, {1}) * np.minimum({0}, {1})", "{0} * np.log({1})", "{0} / (1 / {1})"),
    *(
        "np.maximum({0}, {1}) + np.minimum({0}, {1})",
        "np.exp(-np.abs({0} - {1}) ** 2)",
    ),
    *("np.logaddexp2({0}, {1})", "np.exp(np.log({0}) + np.log({1}))", "np.sqrt({0} * {1})", "np.fmin({0}, {1}) ** 2"),
]
REDUCTIONS = [
    *("np.linalg.norm({0}, axis={a})", "np.linalg.norm({0}, axis={a}) ** 2", "np.cos(np.linalg.norm({0}, axis={a}))"),
    *("np.std({0}, axis={a})", "np.std({0}, axis={a}) ** 2", "np.sqrt(np.sum({0} ** 2, axis={a}))", "np.var({0}, {a})"),
    *("np.cosh(np.sqrt(np.sum({0} ** 2, axis={a})))", "np.prod({0}, axis={a})", "np.max({0}, axis={a})"),
    *("np.exp(np.sum(np.log({0}), axis={a}))", "np.min({0}, axis={a})", "np.median({0}, axis={a})", "np.ptp({0}, {a})"),
    *(
        "np.sort({0}, axis={a})",
        "np.sort({0}, axis={a}) ** 2",
        "np.partition({0}, 0, axis={a})",
        "np.cumprod({0}, {a})",
    ),
    *(
        "np.quantile({0}, 0.3, axis={a})",
        "np.linalg.norm({0}, 3, axis={a}) ** 3",
        "np.linalg.norm({0}, np.inf, axis={a})",
    ),
    *(
        "np.log(np.sum(np.exp({0}), axis={a}))",
        "np.mean({0}, axis={a})",
        "np.cumsum({0}, axis={a})",
        "np.diff({0}, axis={a})",
    ),
    *(
        "np.linalg.norm({0}, 1, axis={a})",
        "np.linalg.norm({0}, 4, axis={a}) ** 4",
        "np.sum(np.sort({0}, {a}) ** 3, {a})",
    ),
]
DISTANCES = [
    *("d ** 2", "np.cos(d)", "(1 + d) * np.exp(-d)", "(1 + d + d ** 2 / 3) * np.exp(-d)", "np.exp(-d ** 2)", "d"),
    *("1 / (1 + d ** 2)", "np.sqrt(d)", "d ** 3"),
]
MATRICES = [
    *(
        "np.linalg.det({0})",
        "np.sum(np.linalg.svdvals({0}) ** 2)",
        "np.linalg.norm({0}, 'nuc')",
        "np.linalg.norm({0}, 2)",
    ),
    *(
        "np.sum(np.linalg.eigvalsh({0} + {0}.T) ** 3)",
        "np.linalg.eigvalsh({0} @ {0}.T)",
        "np.linalg.matrix_power({0}, 3)",
    ),
    *(
        "np.linalg.inv({0})",
        "np.linalg.inv(1 + {0}.T @ {0} + np.eye(3))",
        "np.linalg.cholesky({0}.T @ {0} + np.eye(3))",
    ),
    *("np.linalg.pinv({0})", "np.linalg.slogdet({0})[1]", "np.linalg.solve({0} + 3 * np.eye(3), {0})"),
    *("np.linalg.eigvalsh({0})", "np.linalg.svdvals({0})"),
]
FUNCTIONS_OF_MATRICES = [
    "(v * np.exp(w)) @ v.T",
    "(v * w**2) @ v.T",
    "(v * np.expm1(w)) @ v.T",
    "(v * np.sin(w)) @ v.T",
]


# A kink may hide at the edge of the domain, where it has one side only.
KINKS = (
    "abs(",
    "max",
    "min",
    "sort",
    "ptp",
    "median",
    "quantile",
    "partition",
    "clip",
    "where",
    "norm",
    "std",
    "hypot",
)


def points(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    # What a mask selects away is 0, also where the whole is smooth by chance (a mask of x**4). Of an input, it is not.
    expression = pick(POINTS)
    return expression.format("v0" if "where" in expression else name), None


def compositions(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    return pick(WHOLE).format(name), None


def pairs(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    return pick(PAIRS).format(*pick([(name, other(x.shape)[0]), (other(x.shape)[0], name)])), None


def reductions(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    if x.ndim == 0:
        return points(pick, name, x, other)
    return pick(REDUCTIONS).format(name, a=pick(range(-x.ndim, x.ndim))), None


def distances(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    if x.ndim != 2:
        return points(pick, name, x, other)
    d = f"np.linalg.norm({name}[:, None] - {name}[None], axis=-1)"
    return f"(lambda d: {pick(DISTANCES)})({d})", None


def matrices(pick: Pick, name: str, x: Any, other: Callable[..., Any]) -> Any:
    if name != "v0" or x.shape != (3, 3) or not np.isfinite(x).all():  # (LAPACK may not return from what is not finite)
        return points(pick, name, x, other)
    if pick(range(4)):
        return pick(MATRICES).format(name), None
    f, symmetric = pick(FUNCTIONS_OF_MATRICES), f"{name} + {name}.T"
    if pick([True, False]):
        return f"(lambda w, v: {f})(*np.linalg.eigh({symmetric}))", None
    return f"(lambda u, s, vh: (u * s) @ vh)(*np.linalg.svd({name}))", None


SINGULAR = [points, points, compositions, compositions, pairs, pairs, reductions, reductions, distances, matrices]
SINGULAR += [FAMILIES[0], FAMILIES[3], arrangement, element, contraction]


def special_array(pick: Pick, rng: Any, shape: Any) -> Any:
    """Numbers among which there are equal ones, zeros of both signs, ones, and rarely an infinity."""
    x = np.asarray(rng.uniform(-2, 2, shape))
    kind = pick(["grid", "grid", "zeros", "ones", "constant", "rows", "some zeros", "positive", "eye", "infinity"])
    if kind == "grid":
        x = np.asarray(rng.choice([-1.0, 0.0, -0.0, 1.0, 1.0, 0.5], shape))
    elif kind in ("zeros", "ones", "constant"):
        x = np.full(shape, {"zeros": pick([0.0, -0.0]), "ones": 1.0, "constant": float(np.round(x.flat[0], 2))}[kind])
    elif kind == "rows" and x.ndim:
        x = np.broadcast_to(x[:1], shape).copy()
    elif kind == "some zeros":
        x = np.where(rng.random(shape) < 0.5, 0.0, x)
    elif kind == "positive":
        x = np.asarray(rng.choice([0.0, 0.25, 1.0, 1.0, 2.0], shape))
    elif kind == "eye" and x.ndim == 2:
        x = np.eye(*shape) * pick([1.0, 0.5])
    elif kind == "infinity" and x.size and pick(range(4)) == 0:
        x.reshape(-1)[0] = pick([np.inf, -np.inf])
    return np.asarray(x)


def singular_program(pick: Pick, longest: int = 6) -> Program:
    """Make a program at singular points; a value in it may be infinite."""
    return grow(pick, longest, SINGULAR, special_array, at_kinks=True)


class Outcome(collections.Counter[str]):
    """How many derivatives were compared with a limit, how many were NaN or refused instead."""


def check_singular(program: Program) -> Outcome:
    """Compare the first and the second derivative with limits; raise AssertionError for a finite wrong number."""
    f, xs = program.function(), program.inputs
    places = tuple(range(len(xs)))
    ws = [np.cos(1.0 + np.arange(x.size)).reshape(x.shape) for x in xs]
    counts = Outcome()
    gradients = grad(f, places)

    def slope(*vs: Any) -> float:
        return product(gradients(*vs), ws)

    with np.errstate(all="ignore"):
        try:
            y, gs = value_and_grad(f, places)(*xs)
        except np.linalg.LinAlgError:
            return Outcome(refused=1)
        if np.isnan(y):
            return Outcome({"without a value": 1})
        first = lines_of(lambda *vs: float(f(*vs)), xs)
        judge(program, "first", first, gs, counts)
        if first.kind == JUMP:
            return counts
        try:
            hs = hvp(f, xs, ws)
            lines = lines_of(slope, xs, has_value=False)
        except np.linalg.LinAlgError:
            counts["refused"] += 1
            return counts
        judge(program, "second", lines, hs, counts)
    return counts


def judge(program: Program, order: str, lines: Any, gs: Any, counts: Outcome) -> None:
    if lines.one_sided and any(name in line for name in KINKS for line in program.lines):
        counts[f"{order}: a kink at the edge of the domain"] += 1
        return
    if lines.kind == INFINITE and any("where" in line for line in program.lines):
        counts[f"{order}: infinite, behind a mask"] += 1  # 0 by convention
        return
    finite = all(np.isfinite(g).all() for g in gs)
    if lines.kind == SMOOTH:
        counts[f"{order}: smooth" if finite else f"{order}: smooth, but not finite"] += 1
    else:
        counts[f"{order}: {lines.kind}"] += 1
    if wrong(lines, gs):
        found = [product(gs, v) for v in lines.directions]
        expected = "infinite" if lines.kind == INFINITE else list(lines.slopes)
        raise AssertionError(f"the {order} derivative is {found}, but its limit {expected}:\n{program.text}")


def shrink(program: Program, fails: Callable[[Program], object]) -> Program:
    """Leave out lines while the program still fails."""
    *lines, last = program.lines
    terms = last.removeprefix("y = ").split(" + np.sum")
    terms = [terms[0], *("np.sum" + term for term in terms[1:])]
    for term in terms:
        trial = program._replace(lines=[*lines, f"y = {term}"])
        if fails(trial):
            program = trial
            break
    i = len(program.lines) - 2
    while i >= 0:
        trial = program._replace(lines=[*program.lines[:i], *program.lines[i + 1 :]])
        if fails(trial):
            program = trial
        i = min(i - 1, len(program.lines) - 2)
    return program
