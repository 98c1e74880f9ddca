"""Random programs that write into parts of arrays, read others, and add up arrays of zeros with parts written."""

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.compiled import compile

EXPRESSIONS = [
    "{x}", "{x} + {y}", "{x} - {y}", "-{x}", "{x} * 2", "np.maximum({x}, {y})", "{x} * 0.5 + {y}", "0.0", "-0.0",
    "{x} + 0.0", "np.abs({x})", "{x} - np.sum({y})", "{x} - np.sum({x}, axis=-1, keepdims=True)", "{x}.T - 1",
]  # fmt: skip


class Index:
    """Makes an index from brackets."""

    def __getitem__(self, index: Any) -> Any:
        return index


def put(array: Any, index: Any, value: Any) -> None:
    """Write a value, or one element of it where it has another shape."""
    array[index] = fitted(value, array[index])


def add(array: Any, index: Any, value: Any) -> None:
    array[index] += fitted(value, array[index])


def fitted(value: Any, part: Any) -> Any:
    if np.shape(value) in ((), np.shape(part)):
        return value
    return value.reshape(-1)[0] if np.size(value) else 1.0


def index_of(pick: random.Random, n: int) -> str:
    kind = pick.random()
    if kind < 0.4:
        return str(pick.randrange(-n, n))
    first, last = sorted((pick.randrange(n + 1), pick.randrange(n + 1)))
    if kind < 0.9:
        return pick.choice([f"{first}:{last}", f"{first}:{last}:2", f"{first}:", "1:-1", "2:", ":-2"])
    return pick.choice(["::-1", "::2", "1::2", ":", ":-1", "1:"])


def written_program(seed: int) -> tuple[str, tuple[int, ...]]:
    """The text of a function of two arrays, and their shape. All its arithmetic is exact."""
    pick = random.Random(seed)
    shape = pick.choice([(5, 6), (12,), (20, 40), (400,)])
    names, lines = ["a", "b", "g"], ["def f(a, b):"]
    if pick.random() < 0.8:
        lines.append(pick.choice(["    a = a.copy() + 0.0", "    a = a * 2"]))
    lines.append("    g = np.zeros_like(a)")

    def index() -> str:
        if len(shape) == 1 or pick.random() < 0.3:
            return index_of(pick, shape[0])
        return ", ".join(index_of(pick, n) for n in shape)

    def value() -> str:
        return f"{pick.choice(names)}[{index()}]" if pick.random() < 0.8 else pick.choice(names)

    for _ in range(pick.randrange(3, 14)):
        kind, name = pick.random(), pick.choice(names)
        expression = pick.choice(EXPRESSIONS).format(x=value(), y=value())
        if kind < 0.6:
            lines.append(f"    {'put' if kind < 0.35 else 'add'}({name}, I[{index()}], {expression})")
        elif kind < 0.85:
            lines += [f"    z = np.zeros_like({name})", f"    put(z, I[{index()}], {expression})"]
            if pick.random() < 0.3:
                lines.append(f"    put(z, I[{index()}], {value()})")
            lines.append(f"    {name} = " + pick.choice([f"{name} + z", f"z + {name}"]))
        elif kind < 0.93:
            at = index()
            lines.append(f"    put({name}, I[{at}], {pick.choice(names)}[{at}] + {pick.choice(names)}[{at}])")
        else:
            names.append(f"c{len(lines)}")
            lines.append(f"    {names[-1]} = {name}" + pick.choice(["", " * 2"]))
    results = pick.sample(names, pick.randrange(1, len(names) + 1))
    return "\n".join([*lines, f"    return {', '.join(results)},"]), shape


def arguments_of(seed: int, shape: tuple[int, ...]) -> list[Any]:
    """Arrays of small multiples of 1/4, with zeros of both signs, and of some programs NaN and infinity."""
    rng = np.random.default_rng(seed)
    found = [np.round(rng.normal(size=shape) * 4) / 4 for _ in range(2)]
    for x in found:
        x.reshape(-1)[rng.integers(0, x.size, 3)] = [-0.0, 0.0, -0.0]
        if seed % 7 == 0:
            x.reshape(-1)[rng.integers(0, x.size, 2)] = [np.nan, np.inf]
    return found


def bits(x: Any) -> Any:
    """The shape and the bits, with one NaN for all."""
    array = np.asarray(x)
    return array.shape, np.where(np.isnan(array), np.nan, array).tobytes()


def check_written(seed: int, runner: Callable[[Any], Any]) -> int:
    """Compare a program with itself compiled, bit by bit; 1, or 0 if it is no program: shapes that do not fit."""
    text, shape = written_program(seed)
    namespace: dict[str, Any] = {"np": np, "put": put, "add": add, "I": Index()}
    exec(text, namespace)
    f = namespace["f"]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = arguments_of(seed, shape)
        try:
            expected = f(*wanted)
        except ValueError:
            return 0
        c = compile(f, runner=runner)
        for _ in range(4):
            given = arguments_of(seed, shape)
            found = c(*given)
    if c.given_up or not c.plans or not c.plans[0].confirmed:
        raise AssertionError(f"seed {seed} was not compiled: {c.given_up}\n{text}")
    for a, b in zip([*found, *given], [*expected, *wanted], strict=True):
        if bits(a) != bits(b):
            raise AssertionError(f"seed {seed}: compiled gave {a}, eager {b}:\n{text}")
    return 1
