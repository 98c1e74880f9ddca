"""Random programs of arrays of all kinds: views, writes, indices, branches on values, empty arrays and numbers.

Each is text, so that one that fails can be read and run. Nothing is differentiated here: `tests.random_programs` does.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["ArrayProgram", "array_program"]

MOST = 300  # elements
SHAPES = [(), (1,), (4,), (2, 3), (3, 2), (1, 3), (3, 1), (2, 3, 4), (4, 1, 3), (0,), (0, 3), (17,), (5, 13), (2, 33)]
DTYPES = ["f8", "f8", "f4", "f4", "i8", "i4", "u1", "?", "i2"]

# {a}, {b}: any values; {f}: one with a fraction; {i}: small integers; {m}: booleans; {n}: a number
LINES = [
    *("{a} + {b}", "{a} - {b}", "{a} * {b}", "{f} / (1 + {b} * {b})", "np.maximum({a}, {b})", "np.minimum({a}, {n})"),
    *("np.where({m}, {a}, {b})", "np.where({a} > {n}, {f}, 0)", "{a} < {b}", "({a} > 0) & ({b} < {n})", "~({a} > {n})"),
    *("np.sin({f})", "np.exp(-{f} * {f})", "np.tanh({f})", "np.sqrt(np.abs({f}))", "np.log1p({f} * {f})", "{f} ** 2"),
    *("np.floor({f})", "np.sign({a} * 1.0)", "np.clip({a}, -1, {n})", "np.isnan({f})", "np.abs({f})", "-{f}"),
    *("{a} * {n}", "{i} > -1"),
    *("np.hypot({f}, {f})", "np.arctan2({f}, {b} + 0.5)", "np.copysign({f}, {b} - 0.5)", "{i} % 3", "{i} ^ 1"),
    *("{a}.sum()", "np.sum({a}, axis=0)", "{a}.sum(-1, keepdims=True)", "np.mean({f})", "{f}.max(axis=0)"),
    *("{i} // 2", "np.min({a})", "{a}[np.argmax(np.ravel({a})[:1])]", "{a}[: np.sum({m}) % 3]"),
    *("np.prod({f}, axis=-1)", "np.any({m})", "np.all({m}, axis=0)", "np.var({f}, axis=-1)", "np.argmax({a}, axis=-1)"),
    *("np.std({f})", "np.linalg.norm({f}, axis=-1)", "np.count_nonzero({a})", "np.argmin({a})", "np.ptp({f}, axis=0)"),
    *("{a}.T", "{a}[::-1]", "{a}[..., ::2]", "{a}[1:]", "{a}[-1]", "{a}[:, 0]", "{a}[None]", "np.ravel({a})"),
    *("{a}[..., 1:-1]", "{a}.reshape(-1)", "np.reshape({a}, (-1, 1))", "np.swapaxes({a}, 0, -1)"),
    *("np.broadcast_to({a}, (2, *{a}.shape))", "np.expand_dims({a}, 0)", "np.clip({i}, -1, 9)"),
    *("np.concatenate([{a}, {a}], axis=-1)", "np.stack([{a}, {a} * 2])", "np.hstack([{a}, {b}])", "np.tile({a}, 2)"),
    *("np.repeat({a}, 2, axis=0)", "np.roll({a}, 1, axis=-1)", "np.pad({a}, 1)", "np.flip({a})", "np.diff({f})"),
    *("{a}[{i} % max(len({a}), 1)]", "np.take({a}, {i} % max({a}.size, 1))", "{a}[[0, -1]]", "{a}[..., [0, 0]]"),
    *("{a} @ {b}", "np.dot({f}, np.swapaxes({f}, 0, -1))", "np.outer({f}, {b})", "np.tensordot({f}, {f}, 0)"),
    *("np.einsum('...i,...i->...', {f}, {f})", "{a}.astype('f4')", "{a}.astype('f8')", "{a}.astype(bool)", "{a} * 1"),
    *("np.zeros_like({a})", "np.full_like({f}, 0.5)", "{a}.copy()", "np.triu({f})", "np.cumsum({a})", "np.sort({f})"),
    *("np.add.outer({f}, {b})", "np.float32({n}) * {a}", "np.array({n}) + {a}", "{a} == {a}", "np.add.reduce({a})"),
]  # fmt: skip
WRITES = [
    *("{w}[...] = {b}", "{w} += {b}", "{w} *= 2", "{w}[0] = {n}", "{w}[::2] -= 1", "{w}[1:] = {w}[:-1] * 1"),
    *("np.add({w}, {b}, out={w})", "{w}[{w} > {n}] = 0", "{w}[[0, -1]] = {n}", "np.copyto({w}, {b}, where={m})"),
    *("np.add.at({w}, {i} % max(len({w}), 1), {n})", "{w}.T[...] = {b}", "{w}.reshape(-1)[-1] = {n}"),
    *("{w}[..., -1] = {b}", "{w}[..., ::-1] += {b}", "{w}.fill(1)"),
    *("np.maximum({w}, {b}, out={w}, where={m})", "{w}[{i} % max(len({w}), 1)] = {n}"),
    *("np.multiply({w}, {b}, out={w})", "np.negative({w}, out={w})"),
]  # fmt: skip
CONDITIONS = [
    "np.sum({a}) > {n}",
    "np.any({m})",
    "{f}.size and {f}.max() > 0.5",
    "len({a}) > 2",
    "bool(np.all({a} == {b}))",
]


class ArrayProgram(NamedTuple):
    """A function of arrays as text, and what it is called with."""

    inputs: list[Any]
    text: str

    def function(self) -> Callable[..., Any]:
        """Make it a function."""
        namespace: dict[str, Any] = {"np": np}
        exec(self.text, namespace)
        return namespace["f"]  # type: ignore[no-any-return]

    def arguments(self, seed: int = 0) -> list[Any]:
        """The inputs again; with another seed, others of the same kinds."""
        if not seed:
            return [x.copy() for x in self.inputs]
        rng = np.random.default_rng(seed)
        return [made(rng, x.shape, x.dtype) for x in self.inputs]


def made(rng: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """An array of small numbers; in one of three there are equal ones, zeros of both signs, or repeated rows."""
    if np.dtype(dtype).kind == "f":
        x = np.asarray(np.round(rng.normal(size=shape) * 2, 3))
        kind = rng.integers(12)
        if kind == 0:
            x = np.asarray(rng.choice([-1.0, -0.0, 0.0, 0.0, 0.5, 1.0], shape))
        elif kind == 1:
            x = np.where(rng.random(shape) < 0.5, 0.0, x)
        elif kind == 2 and x.ndim:
            x = np.broadcast_to(x[:1], shape).copy() if x.size else x
        elif kind == 3:
            x = np.full(shape, rng.choice([0.0, -0.0, 1.0]))
        return x.astype(dtype)
    return np.asarray(rng.integers(0, 2 if np.dtype(dtype).kind == "b" else 6, size=shape)).astype(dtype)


def array_program(seed: int, longest: int = 8) -> ArrayProgram:
    """Make a program that runs."""
    pick, rng = random.Random(seed), np.random.default_rng(seed)
    inputs = [made(rng, pick.choice(SHAPES), pick.choice(DTYPES)) for _ in range(pick.choice([1, 2, 3]))]
    names = [f"v{i}" for i in range(len(inputs))]
    values: dict[str, Any] = {"np": np, **{name: x.copy() for name, x in zip(names, inputs, strict=True)}}
    lines: list[str] = []
    count = len(names)
    for _ in range(pick.randint(2, longest) * 3):
        if len(lines) > longest:
            break
        kind = pick.random()
        if kind < 0.25:
            new = [pick_operands(pick, values, pick.choice(WRITES))]
        else:
            name, condition = f"v{count}", pick.choice(CONDITIONS)
            new = [f"{name} = " + pick_operands(pick, values, pick.choice(LINES))]
            if kind > 0.93:
                other = f"{name} = " + pick_operands(pick, values, pick.choice(LINES))
                new = [f"if {pick_operands(pick, values, condition)}:", "    " + new[0], "else:", "    " + other]
        if runs(new, values):
            lines += new
            count += f"v{count}" in values
    ends = [n for n in values if n.startswith("v")][-4:]
    body = "".join(f"    {line}\n" for line in lines)
    return ArrayProgram(inputs, f"def f({', '.join(names)}):\n{body}    return {', '.join(ends)},\n")


def pick_operands(pick: random.Random, values: dict[str, Any], line: str) -> str:
    """Put names of values in the places of a line."""
    arrays = {n: v for n, v in values.items() if n.startswith("v") and isinstance(v, (np.ndarray, np.generic))}

    def any_of(wanted: Callable[[Any], bool], instead: str) -> str:
        found = [n for n, v in arrays.items() if wanted(v)]
        return pick.choice(found[-5:]) if found else instead

    every = any_of(lambda v: True, "v0")
    return (
        line.replace("{f}", any_of(lambda v: v.dtype.kind == "f", f"({every} * 0.5)"))
        .replace("{i}", any_of(lambda v: v.dtype.kind in "iu", f"({every} > 0).astype(int)"))
        .replace("{m}", any_of(lambda v: v.dtype.kind == "b", f"({every} > 0)"))
        .replace("{w}", any_of(lambda v: isinstance(v, np.ndarray) and v.flags.writeable and v.base is None, "v0"))
        .replace("{a}", every)
        .replace("{b}", any_of(lambda v: True, "v0"))
        .replace("{n}", pick.choice(["1", "2", "0.5", "-0.25", "1.5", "3"]))
    )


def runs(new: list[str], values: dict[str, Any]) -> bool:
    """Run lines on copies that share memory as the values do; keep what they make if they can be run."""
    trial = dict(values)
    before = {n: v.copy() for n, v in values.items() if isinstance(v, np.ndarray)}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error")
            exec("\n".join(new), trial)
    except Exception:  # noqa: BLE001  (whatever does not fit is no program)
        ok = False
    else:
        made_now = [v for n, v in trial.items() if n.startswith("v") and n not in values]
        ok = all(isinstance(v, (np.ndarray, np.generic)) and np.size(v) <= MOST and np.ndim(v) < 5 for v in made_now)
        ok = ok and all(is_moderate(v) for n, v in trial.items() if n.startswith("v"))
    if ok:
        values.update({n: v for n, v in trial.items() if n.startswith("v")})
        return True
    for n, old in before.items():
        if values[n].flags.writeable and values[n].base is None:
            values[n][...] = old
    return False


def is_moderate(value: Any) -> bool:
    """Whether nothing overflows or is no number, where rounding would decide."""
    return value.dtype.kind != "f" or bool(np.all(np.abs(value) < 1e4))
