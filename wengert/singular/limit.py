"""The limit of a gradient at a point where computing it gives 0 times infinity.

The recorded calls after a value are made again at neighbouring points, in extended precision, and differentiated there.
Where the gradients from several directions and at two distances agree, or all vanish or grow as the points come closer,
that is the gradient at the point.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.core.backprop import propagate
from wengert.core.mode import RECORDING, current_mode
from wengert.core.variable import Variable
from wengert.custom.marks import mark_inputs
from wengert.singular.replay import NotReplayed, Replay

__all__ = ["filling", "limits"]

# Distances, as powers of 2: relative to a value, and absolute at 0. The first lie where a program that computes with
# numbers around 1 shows what it does at the point, and rounding does not hide it yet. (At 2^-60 the derivative of
# (1 + r) exp(-r) is rounded to 0.) Others follow in both directions.
DISTANCES = [(26, 33, 45), (33, 45, 60), (20, 26, 33), (45, 60, 75), (60, 75, 90), (14, 20, 26), (75, 90, 300)]
TOLERANCE = 1e-6
ROUNDING = 2.0**12  # times the smallest difference of two numbers
filling: ContextVar[Any] = ContextVar("wengert.filling", default=None)  # at neighbouring points, see `Fill`
VANISHING = 0.2  # by what factor gradients are smaller from one distance to the next, at least, where the limit is 0


def limits(
    starts: Sequence[Any], moved: Sequence[Any], elements: Sequence[Any], targets: Sequence[Any] = ()
) -> list[Any]:
    """Return the limits of the gradients with respect to the values at some edges.

    Parameters
    ----------
    starts : sequence of pairs
        The roots of the walk, and the gradients with respect to them.
    moved : sequence of Node or Variable
        Edges whose values are moved.
    elements : sequence of ndarray of bool
        Which elements of each.
    targets : sequence of Node or Variable
        Edges whose values are not moved. None of `moved` depends on them.

    Returns
    -------
    list of ndarray
        One for each edge, moved or not; NaN where there is no limit, or none was found.
    """
    edges = [*moved, *targets]
    found: list[Any] = [np.full(edge.shape, np.nan) for edge in edges]
    gradients = [getattr(gy, "_data", gy) for _, gy in starts]
    token = current_mode.set(RECORDING)
    try:
        replay = Replay([root for root, _ in starts], edges)
        values = [np.asarray(replay.value_at(edge)) for edge in edges]
        if not all(np.isfinite(value).all() for value in values):  # an infinite value has no neighbours
            return found
        move = [*elements, *[np.zeros(value.shape, bool) for value in values[len(elements) :]]]
        for kind in (np.longdouble, np.float64):
            points = [value.astype(np.result_type(kind, value.dtype)) for value in values]
            try:
                return search(replay, gradients, points, move, whole=bool(targets))
            except TypeError:  # a function that takes no extended precision
                continue
    except (NotReplayed, ValueError, ArithmeticError, np.linalg.LinAlgError, MemoryError):
        pass
    finally:
        current_mode.reset(token)
    return found


def search(replay: Replay, gradients: Sequence[Any], points: list[Any], move: Sequence[Any], whole: bool) -> list[Any]:
    """Look for limits at one distance after the other: of all elements if `whole`, else of those that move."""
    random = np.random.default_rng(0)
    found = [np.full(point.shape, np.nan, point.dtype) for point in points]
    wanted = [np.ones(point.shape, bool) for point in points] if whole else move
    at_distance = functools.cache(lambda power: sampled(replay, gradients, points, move, power, random))
    digits = (np.finfo(points[0].dtype).nmant + 1) / 64
    for powers in DISTANCES:
        samples = [at_distance(2.0 ** (-power * digits)) for power in powers]
        for i, better in enumerate(map(agreed, *samples)):
            found[i] = np.where(np.isnan(found[i]), better, found[i])
        if not any(np.isnan(f[m]).any() for f, m in zip(found, wanted, strict=True)):
            break
    return found


def sampled(
    replay: Replay,
    gradients: Sequence[Any],
    points: Sequence[Any],
    elements: Sequence[Any],
    distance: float,
    random: Any,
) -> list[Any]:
    """Return the gradients at a distance in several directions, stacked: up, down, and with mixed signs."""
    found = []
    # Where something is sorted, equal elements keep the order that a stable sort gives them.
    for direction in ("up", "down", "up", "down", *(() if replay.orders else ("alternating", "mixed"))):
        there = []
        for i, (point, moved) in enumerate(zip(points, elements, strict=True)):
            step = random.uniform(1, 2, point.shape)
            if replay.orders:
                step = np.sort(step, axis=None)[:: -1 if direction == "down" else 1].reshape(point.shape)
            if point.dtype.kind == "c":
                step = step * np.exp(2j * np.pi * random.uniform(size=point.shape))
            if direction == "alternating":  # (of two numbers, one up and one down, in one argument or two)
                step = step * (-1.0) ** (np.arange(i, i + point.size).reshape(point.shape))
            elif direction == "mixed":
                step = step * random.choice([-1, 1], point.shape)
            step = -step if direction == "down" else step
            there.append(moved_by(point, np.where(moved, step, 0).astype(point.dtype), distance))
        found.append(gradients_at(replay, gradients, there))
    return [np.stack(parts) for parts in zip(*found, strict=True)]


def moved_by(point: Any, step: Any, distance: float) -> Any:
    """Move the elements of a point."""
    return point + step * np.where(point == 0, 1, np.abs(point)) * point.dtype.type(distance)


def gradients_at(replay: Replay, gradients: Sequence[Any], points: Sequence[Any]) -> list[Any]:
    """Return the gradients at a point; NaN where they depend on what is singular there as well."""
    found, used = filled_at(replay, gradients, points, 0.0)
    if not used:
        return found
    other, _ = filled_at(replay, gradients, points, 1.0)
    return [np.where(a == b, a, np.nan) for a, b in zip(found, other, strict=True)]


def filled_at(replay: Replay, gradients: Sequence[Any], points: Sequence[Any], value: float) -> tuple[list[Any], bool]:
    """Return the gradients at a point, with a value for those of 0 times infinity; and whether there were any."""
    inputs = mark_inputs([Variable(np.asarray(point)) for point in points])
    fill = Fill(value)
    token = filling.set(fill)
    try:
        pairs = [(y, g) for y, g in zip(replay.again(inputs), gradients, strict=True) if isinstance(y, Variable)]
        starts = [np.asarray(g).astype(y.dtype) for y, g in pairs]
        found = propagate([y for y, _ in pairs], starts, False, inputs=inputs)
    finally:
        filling.reset(token)
    return [np.asarray(found.get(x, np.zeros(x.shape, x.dtype))) for x in inputs], fill.used


class Fill:
    """What stands for a gradient of 0 times infinity at a neighbouring point, and whether it was used."""

    def __init__(self, value: float) -> None:
        self.value, self.used = value, False


def agreed(far: Any, nearer: Any, nearest: Any) -> Any:
    """Return what the gradients at three distances tend to, each in several directions; NaN where they do not agree."""
    with np.errstate(all="ignore"):
        samples = np.stack([far, nearer, nearest])
        finite = np.isfinite(samples).all(axis=0)  # (NaN is outside of the domain)
        overflows = np.isinf(samples).any(axis=(0, 1))
        far, nearer, nearest = np.where(finite, samples, 0)
        count = np.sum(finite, axis=0)
        means = np.sum(np.where(finite, samples, 0), axis=1) / np.maximum(count, 1)
        spreads = np.max(np.where(finite, np.abs(samples - means[:, None]), 0), axis=1)
        middle = np.where(spreads[2] <= spreads[1], means[2], means[1])  # (rounding spreads them, and curvature)
        apart = np.abs(means[2] - means[1]) + spreads[1] + spreads[2]
        agrees = apart <= TOLERANCE * np.abs(middle)
        size = np.abs(nearest).max(axis=0)
        vanishes = is_steady(nearest, nearer, far)
        before = np.abs(nearer).max(axis=0)
        others = np.max(np.where(agrees | vanishes, size, 0), initial=0)
        rounding = ROUNDING * np.finfo(nearest.dtype).eps * others
        vanishes |= ~agrees & (np.maximum(size, before) <= rounding) & (size <= 8 * before)
        grows = is_steady(far, nearer, nearest) & (np.abs(np.sum(np.sign(nearest), axis=0)) == count)
        grows &= size > 0
        limit = np.where(vanishes, 0, np.where(grows, np.inf * np.sign(np.real(middle)), middle))
        return np.where((count >= 2) & ~overflows & (vanishes | agrees | grows), limit, np.nan)


def is_steady(small: Any, between: Any, large: Any) -> Any:
    """Whether gradients fall by a factor from one distance to the next, in each direction; or all are 0."""
    falls = (np.abs(small) <= VANISHING * np.abs(between)) & (np.abs(between) <= VANISHING * np.abs(large))
    zero = (small == 0) & (between == 0)
    return np.all(np.where(small == 0, zero, falls), axis=0)
