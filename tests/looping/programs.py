"""Random programs with loops."""

from __future__ import annotations

import functools
import random
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.looping.kinds import KINDS
from tests.looping.maker import INPUTS, LIKE, Maker
from wengert import checkpoint

__all__ = ["Program", "copies", "generate"]

LARGEST = 6.0  # of a value
# The part of the result that depends on an array: on each element in another way.
TOTAL = """\
def total(a):
    return np.sum(np.sin(a + 0.3 * np.arange(1, 1 + np.size(a)).reshape(np.shape(a))))
"""


class Program(NamedTuple):
    """Blocks of lines, each with a loop, of the inputs `x`, `y` (n), `m` (n, k), `w` (k, k) and the number `s`."""

    inputs: list[Any]
    blocks: list[str]
    kinds: list[str]
    name: str = ""

    def text(self, like: bool = True) -> str:
        """The program as one can run it; `like`: arrays that it makes are like an input."""
        body = "".join(f"    {line}\n" for block in self.blocks for line in block.split("\n"))
        names = [*INPUTS, *results_of(self)]
        terms = " + ".join(f"{0.5 + 0.1 * i:.1f} * total({name})" for i, name in enumerate(names))
        text = f"{TOTAL}def f({', '.join(INPUTS)}):\n    n, k = len(x), len(w)\n{body}    result = {terms}\n"
        text += f"    return result, [{', '.join(names)}]\n"
        return text if like else text.replace(LIKE, "")

    @property
    def described(self) -> str:
        """The text with the inputs, to be run by hand."""
        made = [
            f"{name} = {value!r}"
            if isinstance(value, float)
            else f"{name} = np.array({value.tolist()}, {value.dtype.str!r}).reshape({value.shape})"
            for name, value in zip(INPUTS, self.inputs, strict=True)
        ]
        arguments = ", ".join(INPUTS)
        head = "import functools\nimport numpy as np\nfrom wengert import checkpoint\n"
        return head + "\n".join(made) + f"\n{self.text()}print(f({arguments}))\n"

    def function(self, like: bool = True) -> Callable[..., Any]:
        """Make it a function, which returns a number and a list of arrays."""
        namespace: dict[str, Any] = {"np": np, "checkpoint": checkpoint, "functools": functools}
        exec(compile(self.text(like), f"<{self.name or 'program'}>", "exec"), namespace)
        return namespace["f"]  # type: ignore[no-any-return]

    @property
    def single(self) -> bool:
        """Whether a part of it is computed in single precision."""
        return any(getattr(x, "dtype", None) == np.float32 for x in self.inputs) or "float32" in self.text()


def results_of(program: Program) -> list[str]:
    """The names that a program binds outside of loops."""
    found: dict[str, None] = {}
    for block in program.blocks:
        found |= dict.fromkeys(re.findall(r"^(r\d+) = ", block, re.MULTILINE))
    return list(found)


def copies(program: Program) -> list[Any]:
    return [x if isinstance(x, float) else x.copy() for x in program.inputs]


def moderate(value: Any) -> bool:
    a = np.asarray(value)
    return a.dtype.kind in "fiub" and bool(np.all(np.isfinite(a)) and np.all(np.abs(a) < LARGEST))


def distinct(pick: random.Random, shape: tuple[int, ...], dtype: str) -> Any:
    """Numbers between -0.9 and 0.9 of which no two are close."""
    size = int(np.prod(shape))
    places = pick.sample(range(-90, 90), size)
    return np.array([p / 100 + 0.003 * pick.random() for p in places], dtype).reshape(shape)


def inputs_of(pick: random.Random, n: int, k: int, dtype: str, is_float: bool) -> list[Any]:
    s = distinct(pick, (), dtype)
    shapes = [(n,), (n,), (n, k), (k, k)]
    return [*(distinct(pick, shape, dtype) for shape in shapes), float(s) if is_float else s]


def runs(program: Program) -> bool:
    """Whether NumPy runs a program, without a warning and with moderate values."""
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        try:
            value, arrays = program.function()(*copies(program))
        except (ArithmeticError, LookupError, NameError, SyntaxError, TypeError, ValueError, Warning):
            return False
        return all(map(moderate, arrays)) and bool(np.isfinite(value))


def generate(seed: int) -> Program:
    """Make a program that NumPy runs: of one kind of loop if the number is even, else of several."""
    pick = random.Random(seed)
    names = list(KINDS)
    n = pick.choice([4, 6, 7, 8, 8, 9, 10, 11, 12, 13])
    if pick.random() < 0.05:
        n = pick.choice([0, 1, 2])
    k = pick.choice([3, 2, 2, 1, 4])
    dtype = pick.choice(["f8", "f8", "f8", "f8", "f4"])
    inputs = inputs_of(pick, n, k, dtype, pick.random() < 0.3)
    wanted = [names[seed // 2 % len(names)]] if seed % 2 == 0 else pick.choices(names, k=pick.choice([2, 2, 3]))
    maker, program = Maker(pick), Program(inputs, [], [], f"loops {seed}")
    for name in wanted:
        for _ in range(40):
            shapes, made = dict(maker.shapes), maker.made
            block = KINDS[name](maker)
            trial = program._replace(blocks=[*program.blocks, block], kinds=[*program.kinds, name])
            if runs(trial):
                program = trial
                break
            maker.shapes, maker.made = shapes, made
    return program
