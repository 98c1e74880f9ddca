"""Recursive filters: a(z) y = b(z) x, with a and b given by their coefficients or by sections of second order."""

from typing import Any

import numpy as np
import scipy.signal

from wengert.arrays.table import plain
from wengert.custom.registration import pullback
from wengert.functions.contraction import array, conjugate
from wengert.scipy.answers import answered, answers
from wengert.scipy.linalg import companion

__all__ = ["filtfilt", "lfilter", "lfilter_zi", "sosfilt", "sosfilt_zi", "sosfiltfilt"]

at_rest = answered(scipy.signal.lfilter, "signal.filters.at_rest")  # a filter without an initial state


def backward(b: Any, a: Any, gy: Any, axis: int) -> Any:
    """The transpose of a filter: the same, from the last sample to the first."""
    return np.flip(at_rest(conjugate(array(b)), conjugate(array(a)), np.flip(gy, axis), axis), axis)


def with_shifts(g: Any, values: Any, count: int, axis: int) -> Any:
    """For each of `count` delays, the sum of products of `g` with `values` that long before."""
    g, values = np.moveaxis(g, axis, -1), conjugate(np.moveaxis(values, axis, -1))
    n = g.shape[-1]
    sums = [np.sum(g[..., k:] * values[..., : max(n - k, 0)]) for k in range(count)]
    return np.stack(sums)


@pullback(at_rest, "b", reads="a x")
def numerator(gy: Any, b: Any, a: Any, x: Any, axis: Any = -1, *, y: Any) -> Any:
    driven = at_rest(np.ones(1, b.dtype), a, x, axis)
    return np.reshape(with_shifts(gy, driven, b.size, axis), b.shape)


@pullback(at_rest, "a", reads="a")
def denominator(gy: Any, b: Any, a: Any, x: Any, axis: Any = -1, *, y: Any) -> Any:
    g = backward(np.ones(1, a.dtype), a, gy, axis)
    return np.reshape(-with_shifts(g, y, a.size, axis), a.shape)


@pullback(at_rest, "x", reads="a b")
def signal(gy: Any, b: Any, a: Any, x: Any, axis: Any = -1, *, y: Any) -> Any:
    return backward(b, a, gy, axis)


def vectors(b: Any, a: Any) -> tuple[Any, Any]:
    """The coefficients as vectors."""
    b, a = (np.reshape(v, (1,)) if v.ndim == 0 else v for v in (array(b), array(a)))
    if b.ndim != 1 or a.ndim != 1:
        raise ValueError(f"lfilter takes vectors of coefficients, but got the shapes {b.shape} and {a.shape}")
    return b, a


@answers(scipy.signal.lfilter)
def lfilter(b: Any, a: Any, x: Any, axis: Any = -1, zi: Any = None) -> Any:
    b, a = vectors(b, a)
    x = array(x)
    y = at_rest(b, a, x, axis)
    if zi is None:
        return y
    axis, zi = axis % x.ndim, array(zi)
    n, states = x.shape[axis], max(a.size, b.size) - 1
    if zi.ndim != x.ndim or zi.shape[axis] != states:
        raise ValueError(f"zi must have the shape of x, with {states} on axis {axis}, but got {zi.shape} and {x.shape}")
    zi = np.broadcast_to(zi, [*x.shape[:axis], states, *x.shape[axis + 1 :]])
    # An initial state is added to what the recursion begins with.
    start = np.moveaxis(zi, axis, -1)
    rest = np.zeros((*start.shape[:-1], max(n - states, 0)), start.dtype)
    y = y + at_rest(a[:1], a, np.moveaxis(np.concatenate([start, rest], axis=-1)[..., :n], -1, axis), axis)
    return y, last_state(b / a[0], a / a[0], x, y, zi, axis)


def last_state(b: Any, a: Any, x: Any, y: Any, zi: Any, axis: int) -> Any:
    """The state that a filter ends with: what later samples will get from those until now."""
    x, y, zi = (np.moveaxis(v, axis, -1) for v in (x, y, zi))
    n, states, found = x.shape[-1], zi.shape[-1], []
    for k in range(states):
        state = zi[..., k + n] if k + n < states else np.zeros(y.shape[:-1], y.dtype)
        for j in range(k + 1, states + 1):
            if n + k - j >= 0:
                if j < b.size:
                    state = state + b[j] * x[..., n + k - j]
                if j < a.size:
                    state = state - a[j] * y[..., n + k - j]
        found.append(state)
    return np.moveaxis(np.stack(found, axis=-1), -1, axis) if found else np.moveaxis(zi, -1, axis)


@answers(scipy.signal.lfilter_zi)
def lfilter_zi(b: Any, a: Any) -> Any:
    b, a = vectors(b, a)
    while a.size > 1 and plain(a)[0] == 0:
        a = a[1:]
    b, a = b / a[0], a / a[0]
    n = max(a.size, b.size)
    a, b = (np.concatenate([v, np.zeros(n - v.size, v.dtype)]) for v in (a, b))
    if n < 2:
        return np.zeros(0, b.dtype)
    return np.linalg.solve(np.eye(n - 1, dtype=a.dtype) - companion(a).T, b[1:] - a[1:] * b[0])


def sections_of(sos: Any) -> Any:
    """Sections of second order, as an array."""
    sos = array(sos)
    if sos.ndim != 2 or sos.shape[1] != 6:
        raise ValueError(f"sos array must be shape (n_sections, 6), but got {sos.shape}")
    if not np.all(plain(sos)[:, 3] == 1):
        raise ValueError("sos[:, 3] should be all ones")
    return sos


@answers(scipy.signal.sosfilt)
def sosfilt(sos: Any, x: Any, axis: Any = -1, zi: Any = None) -> Any:
    sos, x = sections_of(sos), array(x)
    ends = []
    for i in range(sos.shape[0]):
        if zi is None:
            x = lfilter(sos[i, :3], sos[i, 3:], x, axis)
        else:
            x, end = lfilter(sos[i, :3], sos[i, 3:], x, axis, array(zi)[i])
            ends.append(end)
    return x if zi is None else (x, np.stack(ends))


@answers(scipy.signal.sosfilt_zi)
def sosfilt_zi(sos: Any) -> Any:
    sos = sections_of(sos)
    scale, found = 1.0, []
    for i in range(sos.shape[0]):
        b, a = sos[i, :3], sos[i, 3:]
        found.append(scale * lfilter_zi(b, a))
        scale = scale * np.sum(b) / np.sum(a)
    return np.stack(found)


def extended(x: Any, padtype: Any, padlen: Any, taps: int, axis: int) -> tuple[int, Any]:
    """A signal that is continued on both sides, and by how much."""
    if padtype not in ("even", "odd", "constant", None):
        raise ValueError(
            f"Unknown value '{padtype}' given to padtype. padtype must be 'even', 'odd', 'constant', or None."
        )
    edge = 0 if padtype is None else 3 * taps if padlen is None else padlen
    if x.shape[axis] <= edge:
        raise ValueError(f"The length of the input vector x must be greater than padlen, which is {edge}.")
    return edge, continued(x, padtype, edge, axis)


def continued(x: Any, padtype: Any, edge: int, axis: int) -> Any:
    """Continue a signal by `edge` samples on both sides: as even, odd or constant."""
    if not edge or padtype is None:
        return x
    x = np.moveaxis(x, axis, -1)
    first, last = x[..., :1], x[..., -1:]
    before, after = x[..., edge:0:-1], x[..., -2 : -edge - 2 : -1]
    if padtype == "odd":
        before, after = 2 * first - before, 2 * last - after
    elif padtype == "constant":
        before, after = (np.broadcast_to(v, (*x.shape[:-1], edge)) for v in (first, last))
    return np.moveaxis(np.concatenate([before, x, after], axis=-1), -1, axis)


def both_ways(run: Any, x: Any, edge: int, axis: int) -> Any:
    """Filter forward and backward, each begun as if the first sample had been there for ever."""
    n = x.shape[axis]
    y = run(x, np.take(x, [0], axis))
    y = np.flip(run(np.flip(y, axis), np.take(y, [n - 1], axis)), axis)
    return np.take(y, np.arange(edge, n - edge), axis) if edge else y


@answers(scipy.signal.filtfilt)
def filtfilt(b: Any, a: Any, x: Any, axis: Any = -1, padtype: Any = "odd", padlen: Any = None) -> Any:
    b, a = vectors(b, a)
    x = array(x)
    edge, wide = extended(x, padtype, padlen, max(a.size, b.size), axis)
    shape = [1] * x.ndim
    shape[axis] = -1
    state = np.reshape(lfilter_zi(b, a), shape)
    return both_ways(lambda x, first: lfilter(b, a, x, axis, state * first)[0], wide, edge, axis)


@answers(scipy.signal.sosfiltfilt)
def sosfiltfilt(sos: Any, x: Any, axis: Any = -1, padtype: Any = "odd", padlen: Any = None) -> Any:
    sos, x = sections_of(sos), array(x)
    count, known = sos.shape[0], plain(sos)
    taps = 2 * count + 1 - min(int(np.sum(known[:, 2] == 0)), int(np.sum(known[:, 5] == 0)))
    edge, wide = extended(x, padtype, padlen, taps, axis)
    shape = [1] * x.ndim
    shape[axis] = 2
    state = np.reshape(sosfilt_zi(sos), (count, *shape))
    return both_ways(lambda x, first: sosfilt(sos, x, axis, state * first)[0], wide, edge, axis)
