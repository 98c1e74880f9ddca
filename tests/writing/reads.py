"""Random statements that make arrays, views and aliases.

Each function takes a state and returns the text of a statement, or None where there is nothing that it fits. What it
returns may be refused by NumPy, or lead too far: whoever calls it tries it first.
"""

from __future__ import annotations

import numpy as np

from tests.writing.indices import basic_index, index
from tests.writing.state import LIKE, PAIRS, SMOOTH, Family, State

__all__ = ["PARTS", "READS"]


def elementwise(s: State) -> str:
    return f"{s.new()} = {s.pick.choice(SMOOTH).format(s.source())}"


def pair(s: State) -> str:
    a = s.source()
    shape = np.shape(s.evaluate(a))
    operands = [a, s.value(shape)]
    s.pick.shuffle(operands)
    return f"{s.new()} = {s.pick.choice(PAIRS).format(*operands)}"


def reduction(s: State) -> str:
    name = s.any_of()
    axis = s.pick.choice(["", "", ", axis=0", ", axis=-1", ", axis=-1, keepdims=True"])
    call = s.pick.choice(["np.sum({0}{1})", "np.mean({0}{1})", "0.5 * np.prod({0}{1})", "np.cumsum({0})"])
    return f"{s.new()} = {call.format(name, axis)}"


def fresh(s: State) -> str:
    """An array of its own, made from another or from nothing."""
    name, x = s.any_of(), s.new()
    shape = s.pick.choice([np.shape(s.values[name]), (3,), (2, 3), ()])
    single = s.pick.choice(["", "", "", ", dtype=np.float32", ", dtype=np.complex128"])
    scalar = s.any_of(lambda v: np.ndim(v) == 0) or "0.5"
    choices = [
        *(f"{x} = np.copy({name})", f"{x} = np.zeros_like({name})", f"{x} = np.zeros_like({name}{single})"),
        *(f"{x} = np.full_like({name}, {scalar})", f"{x} = np.ones_like({name})", f"{x} = {name} * 1.0"),
        *(f"{x} = np.zeros({shape}{LIKE})", f"{x} = np.zeros({shape}, dtype=np.float32{LIKE})"),
        *(f"{x} = np.ones({shape}{LIKE})", f"{x} = np.full({shape}, {scalar}{LIKE})"),
        f"{x} = np.empty({shape}{LIKE})\n{x}[...] = {s.value(shape)}",
        f"{x} = np.empty_like({name})\n{x}[...] = {s.value(np.shape(s.values[name]))}",
        f"{x} = np.array([{scalar}, 0.5 * {scalar}, 0.3]{LIKE})",
        f"{x} = np.array([{name}, -{name}]{LIKE})",
        f"{x} = np.array({scalar}{LIKE})",
        f"{x} = np.zeros(3{LIKE})\nfor i in range(3):\n    {x}[i] = 0.1 * i + {s.pick.choice(SMOOTH).format(scalar)}",
    ]
    if isinstance(s.values[name], np.ndarray):
        choices += [f"{x} = {name}.copy()"] * 3
    return s.pick.choice(choices)


def view(s: State) -> str:
    """A view, a view of a view, or a copy where NumPy makes one."""
    name, x = s.any_of(), s.new()
    v = s.values[name]
    if not isinstance(v, np.ndarray):  # of a scalar: NumPy makes an array of its own
        texts = [
            "np.reshape({0}, (1,))",
            "{0}[...]",
            "{0}[None]",
            "np.copy({0})",
            "np.expand_dims({0}, 0)",
            "np.ravel({0})",
        ]
        return f"{x} = {s.pick.choice(texts).format(name)}"
    choices = [
        "{0}[...]",
        "{0}[None]",
        "{0}.T",
        "{0}.reshape(-1)",
        "{0}.ravel()",
        "np.expand_dims({0}, 0)",
        "{0}.squeeze()",
    ]
    choices += ["np.atleast_2d({0})", "np.broadcast_to({0}, (2, *{0}.shape))", "{0}[()]", "np.reshape({0}, (-1, 1))"]
    if v.ndim == 0:
        choices += ["{0}.reshape(())", "{0}.reshape(1)"]
    else:
        choices += [
            "{0}[1:]",
            "{0}[::-1]",
            "{0}[::-2]",
            "{0}[..., 0]",
            "{0}[0]",
            "{0}[0, ...]",
            "{0}[-1]",
            "{0}[-1, ..., None]",
        ]
        choices += ["np.swapaxes({0}, 0, -1)", "np.flip({0}, 0)", "np.split({0}, [1])[1]", "np.moveaxis({0}, 0, -1)"]
        choices += [f"{{0}}[{basic_index(s.pick, v.shape)}]"] * 4
        choices += [f"{{0}}.reshape({v.shape[::-1]})", f"np.transpose({{0}}).reshape({v.shape})", "{0}.T[1:].T"]
    return f"{x} = {s.pick.choice(choices).format(name)}"


def alias(s: State) -> str:
    """Another name of an array, or two names exchanged (v0 stays an array, which others are made like)."""
    a, b = (s.any_of(lambda v: v is not s.values["v0"]) for _ in range(2))
    exchange = s.pick.random() < 0.3 and a and b and "v0" not in (a, b)
    return f"{a}, {b} = {b}, {a}" if exchange else f"{s.new()} = {s.any_of()}"


def read(s: State) -> str | None:
    name = s.any_of(lambda v: isinstance(v, np.ndarray))
    return f"{s.new()} = {name}[{index(s.pick, s.values[name].shape)}]" if name else None


def part(s: State) -> str | None:
    """The real or the imaginary part, a view of a complex array."""
    name = s.any_of(lambda v: isinstance(v, np.ndarray) and v.dtype.kind == "c")
    texts = ["{0}.real", "{0}.imag", "np.real({0})", "np.imag({0})", "{0}.real.T", "{0}.T.imag[..., ::-1]"]
    return f"{s.new()} = {s.pick.choice(texts).format(name)}" if name else None


READS: list[Family] = [*[elementwise, pair, fresh, fresh, reduction, alias, read], *[view] * 5]
PARTS: list[Family] = [part]
