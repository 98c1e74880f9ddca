"""Random statements that write to arrays; as in `reads`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.writing.indices import basic_index, index, mask, row_index
from tests.writing.state import Family, State

__all__ = ["WRITES"]

GAP = 0.01  # between values whose order matters


def written(function: Callable[[State, str, Any], str | None]) -> Family:
    """A statement that writes to an array, which is picked."""

    def statement(s: State) -> str | None:
        name = s.writeable()
        return function(s, name, s.values[name]) if name else None

    return statement


@written
def assignment(s: State, w: str, v: Any) -> str:
    i = index(s.pick, v.shape)
    value = s.value(v[eval(f"np.s_[{i}]", {"np": np})].shape, v.dtype)
    if "True" in i and np.shares_memory(s.evaluate(value), v):
        value = f"np.copy({value})"  # (else NumPy may read what it has written)
    return f"{w}[{i}] = {value}"


@written
def augmented(s: State, w: str, v: Any) -> str:
    i = index(s.pick, v.shape)
    return f"{w}[{i}] " + operator(s, v[eval(f"np.s_[{i}]", {"np": np})].shape, v.dtype)


def augmented_name(s: State) -> str:
    """On an array it writes; on a scalar it binds the name to another one."""
    name = s.any_of()
    v = s.values[name]
    return f"{name} " + operator(s, np.shape(v), v.dtype)


def operator(s: State, shape: Any, dtype: Any) -> str:
    value = s.value(shape, dtype)
    kind = s.pick.choice("+-*/")
    if kind == "/":
        value = "1.6" if value.startswith("[") else f"(2 + 0.5 * np.sin({value}))"
    return f"{kind}= {f'np.sin({value})' if kind == '*' and not value.startswith('[') else value}"


@written
def through_a_view(s: State, w: str, v: Any) -> str:
    """A write to a view that has no name."""
    part = s.pick.choice([".T", ".reshape(-1)", "[None]", "[::-1]", "[1:][:1]", ".T[:1]", "[..., None]", "[0]"])
    return f"{w}{part}" + s.pick.choice(["[...] = {0}", "[...] += {0}", "[:1] *= {0}"]).format(
        s.value(v.shape, v.dtype)
    )


@written
def filled(s: State, w: str, v: Any) -> str:
    scalar = s.any_of(lambda x: np.ndim(x) == 0 and np.can_cast(x.dtype, v.dtype, "same_kind"))
    return f"{w}.fill({s.pick.choice([scalar, s.number(v.dtype)]) or '0.5'})"


@written
def everything(s: State, w: str, v: Any) -> str:
    return f"{w}[{s.pick.choice(['...', ':', '()']) if v.ndim else '...'}] = {s.value(v.shape, v.dtype)}"


@written
def copied(s: State, w: str, v: Any) -> str:
    value = s.value(v.shape, v.dtype)
    where = (
        s.pick.choice([f", where={mask(s.pick, v.shape)}", f", where={mask(s.pick, v.shape[-1:])}", ""])
        if v.size
        else ""
    )
    return f"np.copyto({w}, {value}{where})"


@written
def put(s: State, w: str, v: Any) -> str | None:
    if not v.size:
        return None
    i = s.pick.choice([row_index(s.pick, v.size, 3), row_index(s.pick, v.size, 2), str(s.pick.randrange(v.size))])
    return f"np.put({w}, {i}, {s.value(s.pick.choice([(3,), (2,), ()]), v.dtype)})"


@written
def masked(s: State, w: str, v: Any) -> str | None:
    if not v.size:
        return None
    chosen = mask(s.pick, v.shape)
    flat = s.any_of(lambda x: np.ndim(x) == 1 and np.size(x) > 0 and np.can_cast(x.dtype, v.dtype, "same_kind"))
    flat = f"{flat}.copy()" if flat else "[0.4, -0.3]"  # (where they overlap, NumPy reads what it has written)
    same = s.value(v.shape, v.dtype, exact=True)
    choices = [f"np.place({w}, {chosen}, {flat})", f"np.putmask({w}, {chosen}, {same})"]
    return s.pick.choice([*choices, f"np.putmask({w}, {chosen}, {flat})", f"{w}[{chosen}] = {w}[{chosen}][::-1]"])


@written
def compared(s: State, w: str, v: Any) -> str | None:
    """A mask that depends on values; none of them is close to what it is compared with."""
    if v.dtype.kind != "f" or not np.all(np.abs(v - 0.2) > GAP):
        return None
    texts = ["{0}[{0} > 0.2] = {1}", "{0}[{0} < 0.2] *= {1}", "np.putmask({0}, {0} > 0.2, 0.3 * {0})"]
    texts += ["np.copyto({0}, -0.5 * {0}, where={0} > 0.2)", "np.negative({0}, out={0}, where={0} > 0.2)"]
    return s.pick.choice(texts).format(w, s.pick.choice([s.value((), v.dtype), s.number()]))


@written
def along_axis(s: State, w: str, v: Any) -> str | None:
    if not (v.ndim and v.size):
        return None
    axis = s.pick.randrange(v.ndim)
    shape = tuple(2 if i == axis else n for i, n in enumerate(v.shape))
    indices = np.array([s.pick.randrange(v.shape[axis]) for _ in range(int(np.prod(shape)))]).reshape(shape)
    return f"np.put_along_axis({w}, np.array({indices.tolist()}), {s.value(shape, v.dtype)}, axis={axis})"


@written
def diagonal(s: State, w: str, v: Any) -> str | None:
    return f"np.fill_diagonal({w}, {s.value((min(v.shape),), v.dtype)})" if v.ndim > 1 and v.size else None


@written
def accumulated(s: State, w: str, v: Any) -> str | None:
    i = index(s.pick, v.shape)
    shape = v[eval(f"np.s_[{i}]", {"np": np})].shape
    value = s.value(shape, v.dtype)
    # NumPy (2.4) reads outside of values of fewer dimensions than the index has.
    if np.ndim(s.evaluate(value)) not in (0, len(shape)) or value.startswith("["):
        return None
    if np.shares_memory(s.evaluate(value), v):
        value = f"np.copy({value})"  # (else NumPy may read what it has written, which depends on how it computes)
    name = s.pick.choice(["add", "add", "subtract", "multiply"])
    return f"np.{name}.at({w}, np.s_[{i}], {value})"


@written
def into_out(s: State, w: str, v: Any) -> str:
    """A ufunc with `out=`; the result is the array written to, by another name."""
    region, shape = w, v.shape
    if s.pick.random() < 0.5 and v.ndim:
        i = basic_index(s.pick, v.shape)
        if isinstance(v[eval(f"np.s_[{i}]", {"np": np})], np.ndarray):
            region, shape = f"{w}[{i}]", v[eval(f"np.s_[{i}]", {"np": np})].shape
    a, b = s.value(shape), s.value(shape)
    texts = ["np.multiply({0}, {1}, out={2}{3})", "np.add({0}, {1}, out={2}{3})", "np.subtract({0}, {1}, {2}{3})"]
    texts += ["np.sin({0}, out={2}{3})", "np.negative({0}, out=({2},){3})", "np.cos({0}, {2}{3})"]
    masked = s.pick.random() < 0.3 and int(np.prod(shape)) and isinstance(s.evaluate(a), np.ndarray)
    where = f", where={mask(s.pick, shape)}" if masked else ""
    return s.pick.choice(["", "", f"{s.new()} = "]) + s.pick.choice(texts).format(a, b, region, where)


@written
def product(s: State, w: str, v: Any) -> str | None:
    if v.ndim != 2 or v.shape[0] != v.shape[1]:
        return None
    other = s.value(v.shape, v.dtype, exact=True)
    texts = [
        "np.matmul({1}, {0}, out={0})",
        "{0}[...] = 0.4 * ({0} @ {1})",
        "{0}[0] = 0.4 * ({1} @ {0}[0])",
        "{0}[:, 0] -= 0.3 * {0}[0] @ {0}",
    ]
    return s.pick.choice(texts).format(w, f"({other})") if other[:1] not in "[-0123456789" else None


@written
def sorted_array(s: State, w: str, v: Any) -> str | None:
    if not v.ndim or v.dtype.kind == "c":
        return None
    axis = s.pick.choice([-1, 0])
    gaps = np.diff(np.sort(v, axis), axis=axis)
    return f"{w}.sort({s.pick.choice(['', 'axis=-1']) if axis == -1 else 'axis=0'})" if np.all(gaps > GAP) else None


@written
def loop(s: State, w: str, v: Any) -> str | None:
    """Writes in loops, swaps and stencils."""
    if not v.ndim:
        return f"for i in range(3):\n    {w} *= 0.6 + 0.1 * i\n    {w} += np.sin({w})"
    texts = [
        "for i in range(1, len({w})):\n    {w}[i] += 0.5 * {w}[i - 1]",
        "for i in range(len({w}) - 1):\n    {w}[i] = np.sin({w}[i + 1]) + 0.3 * {w}[i]",
        "{w}[1:-1] += 0.3 * ({w}[2:] - 2 * {w}[1:-1] + {w}[:-2])",
        "{w}[1:] = 0.5 * {w}[:-1]",
        "for row in {w}:\n    row *= 0.7",
        "for i, row in enumerate({w}):\n    row += 0.1 * i",
        "{w}[0], {w}[-1] = {w}[-1], {w}[0]",
        "{w}[[0, -1]] = {w}[[-1, 0]]",
        "for i in range(2):\n    s = {w}[0]\n    s *= 0.5\n    {w}[-1] += s",
        "s = t = np.sum({w})\ns += 0.5\n{w}[0] = np.sin(t)\n{w}[-1] = np.cos(s)",
        "a, b = {w}, np.copy({w})\nfor i in range(3):\n    b[1:-1] = 0.4 * (a[2:] + a[:-2])\n    a, b = b, a",
        "def update(a):\n    a *= 0.8\n    a[-1] += 0.2\nupdate({w})",
    ]
    return s.pick.choice(texts).replace("{w}", w)


WRITES: list[Family] = [
    *[assignment] * 4,
    *[augmented] * 3,
    *[augmented_name] * 3,
    *[
        through_a_view,
        filled,
        everything,
        copied,
        put,
        masked,
        compared,
        along_axis,
        diagonal,
        accumulated,
        accumulated,
    ],
    *[into_out] * 3,
    *[product, sorted_array, loop, loop],
]
