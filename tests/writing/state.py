"""What the random statements are made from: the values that names have, and random choices."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.writing.indices import basic_index

__all__ = ["LIKE", "PAIRS", "SMOOTH", "Family", "State"]

LIKE = ", like=v0"  # of the calls that make arrays; left out where the library takes them as they are

SMOOTH = [
    *("np.sin({0})", "np.cos({0})", "np.tanh(0.5 * {0})", "0.7 * {0} + 0.3", "-{0}", "0.3 * {0} ** 2", "0.5 - {0}"),
    *("{0} / (2 + 0.5 * np.sin({0}))", "np.sin({0}) * 0.9", "np.conj({0})"),
]
PAIRS = [
    *("{0} + {1}", "{0} - {1}", "0.5 * {0} * {1}", "{0} / (2 + 0.5 * np.sin({1}))", "np.sin({0}) * {1}"),
    *("np.multiply({0}, np.cos({1}))", "np.add({0}, 0.5 * {1})"),
]


class State:
    """The names and values at a point of a program, while it is made."""

    def __init__(self, pick: random.Random, values: dict[str, Any]) -> None:
        self.pick, self.values = pick, values

    def any_of(self, wanted: Callable[[Any], bool] = lambda v: True) -> str:
        """Pick a name whose value is wanted, rather a late one; an empty text if there is none."""
        names = [name for name, v in self.values.items() if wanted(v)]
        return self.pick.choice(names[-5:] + names[:2]) if names else ""

    def writeable(self, wanted: Callable[[Any], bool] = lambda v: True) -> str:
        """Pick an array that can be written to."""
        return self.any_of(lambda v: isinstance(v, np.ndarray) and v.flags.writeable and wanted(v))

    def new(self) -> str:
        """A name that is free."""
        return f"v{max(int(name[1:]) for name in self.values) + 1}"

    def evaluate(self, expression: str) -> Any:
        return eval(expression, {"np": np, **self.values})

    def number(self, dtype: Any = None) -> str:
        """A number, as text; at times a complex one for complex arrays."""
        x = self.pick.choice(["0.4", "-0.7", "1.1", "0.25", "-0.15", "2.0"])
        complex_one = dtype is not None and np.dtype(dtype).kind == "c" and self.pick.random() < 0.5
        return f"({x} + 0.2j)" if complex_one else x

    def source(self) -> str:
        """An expression that reads a value, without a copy in between."""
        name = self.any_of()
        v = self.values[name]
        choices = [name, name, f"np.sum({name})"]
        if np.ndim(v):
            choices += [
                f"{name}[{basic_index(self.pick, v.shape)}]",
                f"{name}[::-1]",
                f"{name}.T",
                f"{name}.reshape(-1)",
            ]
            choices += [f"{name}[:-1]", f"{name}[1:]"] + [f"{name}[0]"] * (len(v) > 0)
        return self.pick.choice(choices)

    def computed(self, source: str) -> str:
        """An expression of what a source gives: itself, or a smooth function."""
        return source if self.pick.random() < 0.4 else self.pick.choice(SMOOTH).format(source)

    def value(self, shape: Any, dtype: Any = None, exact: bool = False) -> str:
        """An expression that can be written into a region of that shape and dtype; `exact`: that has this shape."""
        for _ in range(12):
            expression = self.computed(self.source())
            try:
                v = np.asarray(self.evaluate(expression))
                fits = v.shape == shape if exact else np.broadcast_shapes(v.shape, shape) == shape
            except (IndexError, ValueError):
                continue
            if fits and (dtype is None or np.can_cast(v.dtype, dtype, "same_kind")):
                return expression
        if self.pick.random() < 0.3 and len(shape) and 0 < shape[-1] < 5:
            return str([round(0.3 * i - 0.4, 1) for i in range(shape[-1])])
        return self.number(dtype)


Family = Callable[[State], "str | None"]  # what makes a statement
