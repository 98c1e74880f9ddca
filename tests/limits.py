"""What a derivative must be at a point, from values near the point alone.

A function is taken along straight lines through the point, from both sides, at two distances. Where its slopes agree,
it is smooth there, and they are its derivative. Where they grow with the distance going to 0, it is infinite. All else
(a kink, a jump, what rounding hides) is unclear, and nothing is asserted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["INFINITE", "JUMP", "SMOOTH", "UNCLEAR", "Lines", "lines_of", "product", "wrong"]

SMOOTH, INFINITE, UNCLEAR, JUMP, OUTSIDE = "smooth", "infinite", "unclear", "a jump", "outside"
DISTANCES = 1e-3, 2e-4
CLOSE, WRONG = 2e-4, 2e-3  # how far slopes that agree are apart, and how far one that is wrong is from them


class Lines(NamedTuple):
    """Whether a function is smooth at a point, and its slopes along some directions where it is."""

    kind: str
    directions: Sequence[Sequence[Any]] = ()
    slopes: tuple[float, ...] = ()
    size: float = 1.0  # what rounding and truncation are measured by
    one_sided: bool = False  # at the edge of its domain


class Side(NamedTuple):
    """The limits of a function of one number and of its slope at 0, from one side."""

    value: float
    slope: float
    size: float  # the largest of the slopes that the limit was found from


def one_side(at: Callable[[float], float], h: float, sign: int) -> Side:
    near, middle, far = (at(sign * k * h) for k in (1, 2, 4))
    inner, outer = sign * (middle - near) / h, sign * (far - middle) / (2 * h)
    slope = 2 * inner - outer
    return Side(near - sign * h * inner, slope, max(abs(inner), abs(outer)))


def agree(a: float, b: float, size: float = 1.0) -> bool:
    return abs(a - b) <= CLOSE * max(1.0, abs(a), abs(b), size)


class Line(NamedTuple):
    """Whether a function of one number is smooth at 0, and its slope."""

    kind: str
    slope: float = np.nan
    size: float = 1.0
    one_sided: bool = False


def along(at: Callable[[float], float], has_value: bool) -> Line:
    """Judge a function of one number at 0, without its value there unless it `has_value`."""
    with np.errstate(all="ignore"):
        here = at(0.0) if has_value else np.nan
        sides = [[one_side(at, h, sign) for h in DISTANCES] for sign in (1, -1)]
    # Beyond the edge of its domain a function is NaN: then the other side decides.
    sides = [side for side in sides if all(np.isfinite([*s]).all() for s in side)]
    if not sides:
        return Line(OUTSIDE)
    if np.isfinite(here) and any(abs(s.value - here) > 0.1 * max(1.0, abs(here)) for side in sides for s in side):
        return Line(JUMP)
    if all(abs(b.slope) > 1.3 * abs(a.slope) and abs(b.slope) > 10 * max(1.0, abs(b.value)) for a, b in sides):
        return Line(INFINITE)
    for far, near in sides:
        if not agree(far.slope, near.slope) or not agree(far.value, near.value):
            return Line(UNCLEAR)
        if np.isfinite(here) and not agree(near.value, here):
            return Line(JUMP)
    slopes, values = [near.slope for _, near in sides], [near.value for _, near in sides]
    if not agree(slopes[0], slopes[-1]) or not agree(values[0], values[-1]):
        return Line(UNCLEAR)
    return Line(SMOOTH, float(np.mean(slopes)), max(1.0, *(near.size for _, near in sides)), len(sides) == 1)


def directions(xs: Sequence[Any], signs: Sequence[int], seed: int = 0) -> list[list[Any]]:
    """Two directions, their sum and difference: the first of positive numbers, the second of those with these signs."""
    rng = np.random.default_rng(seed)
    first = [rng.uniform(0.3, 1.0, np.shape(x)) for x in xs]
    second = [rng.uniform(0.3, 1.0, np.shape(x)) * rng.choice(signs, np.shape(x)) for x in xs]
    vs = [first, second]
    vs += [[a + sign * b for a, b in zip(first, second, strict=True)] for sign in ((1, -1) if -1 in signs else (1,))]
    if any(np.iscomplexobj(x) for x in xs):
        turn = [1j ** rng.uniform(0, 4, np.shape(x)) if np.iscomplexobj(x) else 1.0 for x in xs]
        vs = [[a * t for a, t in zip(v, turn, strict=True)] for v in vs]
    size = np.sqrt(max(1, sum(np.size(x) for x in xs)))
    return [[np.asarray(a / size) for a in v] for v in vs]


def lines_of(f: Callable[..., float], xs: Sequence[Any], has_value: bool = True) -> Lines:
    """Whether a function is smooth at `xs`: along each direction, and its slopes are linear in the direction.

    Where it is defined on one side alone (the root of x at 0), along directions to that side.
    """
    for signs in ((-1, 1), (1, 1)):
        vs = directions(xs, signs)
        found = [along(lambda t, v=v: float(f(*moved(xs, v, t))), has_value) for v in vs]  # type: ignore[misc]
        kinds = {line.kind for line in found}
        if OUTSIDE not in kinds:
            break
    if kinds == {INFINITE}:
        return Lines(INFINITE, vs)
    if kinds != {SMOOTH}:
        return Lines(JUMP if JUMP in kinds else UNCLEAR, vs)
    slopes, size = tuple(line.slope for line in found), max(line.size for line in found)
    sums = (slopes[0] + slopes[1], slopes[0] - slopes[1])
    kind = SMOOTH if all(agree(a, b, size) for a, b in zip(sums, slopes[2:], strict=False)) else UNCLEAR
    return Lines(kind, vs, slopes, size, any(line.one_sided for line in found))


def moved(xs: Sequence[Any], v: Sequence[Any], t: float) -> list[Any]:
    return [np.asarray(x + t * a, np.asarray(x).dtype) if t else x for x, a in zip(xs, v, strict=True)]


def product(gs: Sequence[Any], vs: Sequence[Any]) -> float:
    """The derivative along a direction from gradients: dL/dx + i dL/dy for a complex x."""
    with np.errstate(all="ignore"):
        return float(sum(np.sum(np.real(np.conjugate(g) * v)) for g, v in zip(gs, vs, strict=True)))


def wrong(lines: Lines, gs: Sequence[Any]) -> bool:
    """Whether gradients are finite and not what they must be."""
    found = [product(gs, v) for v in lines.directions]
    if lines.kind == INFINITE:
        return all(np.isfinite(found)) and max(map(abs, found)) < 1e6  # (where rounding hides a zero, it is only large)
    return lines.kind == SMOOTH and any(
        np.isfinite(a) and abs(a - b) > WRONG * max(1.0, abs(b), lines.size)
        for a, b in zip(found, lines.slopes, strict=True)
    )
