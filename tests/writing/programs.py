"""Random programs of reads, views, aliases and writes, as lists of statements."""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.writing.objects import for_objects, unwrapped
from tests.writing.reads import PARTS, READS
from tests.writing.reference import jet
from tests.writing.refused import REFUSED
from tests.writing.state import LIKE, State
from tests.writing.writes import WRITES

__all__ = ["Program", "generate", "refused"]

SHAPES = [(), (1,), (3,), (4,), (4,), (2, 3), (3, 3), (3, 3), (2, 1), (2, 2, 3), (0,), (0, 3)]
DTYPES = ["f8", "f8", "f8", "f4", "c16"]
LARGEST = 5.0  # of a value
LARGEST_IMAGINARY = 1.4  # (poles of what the statements compute are beyond it)
MOST = 60  # elements
# The part of the result that depends on an array: on each element in another way.
TOTAL = """\
def total(a):
    return np.real(np.sum(np.sin(a + 0.3 * np.arange(1, 1 + np.size(a)).reshape(np.shape(a)))))
"""


class Program(NamedTuple):
    """Statements of NumPy that read and write arrays ``v0, v1, ...``, of which the first are the inputs."""

    inputs: list[Any]
    statements: list[str]

    def text(self, like: bool = True) -> str:
        """The program as one can run it; `like`: arrays that it makes are like an input."""
        body = "".join(f"    {line}\n" for s in self.statements for line in s.split("\n"))
        parameters = ", ".join(f"v{i}" for i in range(len(self.inputs)))
        names = made_by(self)
        terms = " + ".join(f"{0.5 + 0.1 * i:.1f} * total({name})" for i, name in enumerate(names))
        text = f"{TOTAL}def f({parameters}):\n{body}    y = {terms}\n    return y, [{', '.join(names)}]\n"
        return text if like else text.replace(LIKE, "")

    @property
    def described(self) -> str:
        """The text with the inputs, to be run by hand."""
        made = [f"v{i} = np.array({x.tolist()}, {x.dtype.str!r}).reshape({x.shape})" for i, x in enumerate(self.inputs)]
        arguments = ", ".join(f"v{i}" for i in range(len(self.inputs)))
        return "import numpy as np\n" + "\n".join(made) + f"\n{self.text()}print(f({arguments}))\n"

    def function(self, numpy: Any = np, like: bool = True) -> Callable[..., Any]:
        """Make it a function that calls `numpy`; it returns a real number and all arrays."""
        namespace: dict[str, Any] = {"np": numpy, "unwrapped": unwrapped, "jet": jet}
        exec(self.text(like) if numpy is np else for_objects(self.text()), namespace)
        return namespace["f"]  # type: ignore[no-any-return]

    @property
    def single(self) -> bool:
        """Whether a part of it is computed in single precision."""
        return any(x.dtype.char in "fF" for x in self.inputs) or "float32" in self.text()

    @property
    def parts(self) -> bool:
        """Whether there are views of the real or the imaginary part of an array."""
        return any(re.search(r"\b(real|imag)\b", statement) for statement in self.statements)


def made_by(program: Program) -> list[str]:
    """The names that a program binds, its inputs first."""
    found = {f"v{i}": None for i in range(len(program.inputs))}
    for statement in program.statements:
        if bound := re.match(r"(v\d+) = ", statement):
            found[bound[1]] = None
    return list(found)


def moderate(value: Any) -> bool:
    return bool(
        isinstance(value, np.ndarray | np.generic)
        and value.dtype.kind in "fc"
        and value.size <= MOST
        and value.ndim <= 4
        and np.all(np.isfinite(value))
        and np.all(np.abs(value.real) < LARGEST)
        and np.all(np.abs(value.imag) < LARGEST_IMAGINARY)
    )


def executed(inputs: list[Any], statements: list[str]) -> dict[str, Any]:
    """Run statements; return the values of the names."""
    values = {f"v{i}": x.copy() for i, x in enumerate(inputs)}
    namespace: dict[str, Any] = {"np": np, **values}
    for statement in statements:
        exec(statement, namespace)
    return {name: value for name, value in namespace.items() if name.startswith("v")}


def distinct(pick: random.Random, shape: tuple[int, ...], dtype: str) -> Any:
    """Numbers between -1.4 and 1.4 of which no two are close."""
    n = int(np.prod(shape))
    steps = pick.sample(range(-70, 70), n)
    x = np.array([s / 50 + 0.003 for s in steps], float).reshape(shape)
    if dtype == "c16":
        x = x + 1j * np.array([pick.uniform(-0.5, 0.5) for _ in range(n)]).reshape(shape)
    return np.array(x, dtype)


def generate(seed: int, longest: int = 14, parts: bool = False) -> Program:
    """Make a program that NumPy runs without a warning, with moderate values; `parts`: with parts of complex arrays."""
    pick = random.Random(seed)
    kinds = ["c16", "f8"] if parts else pick.choice([["f8"], ["f8"], ["f8"], ["f4"], DTYPES])
    inputs = [distinct(pick, pick.choice(SHAPES), pick.choice(kinds)) for _ in range(pick.choice([1, 2, 2, 3]))]
    statements: list[str] = []
    state = State(pick, executed(inputs, []))
    for _ in range(3 * longest):
        if len(statements) >= longest:
            break
        families = PARTS if parts and pick.random() < 0.15 else READS if pick.random() < 0.4 else WRITES
        statement = pick.choice(families)(state)
        if statement is None:
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error")
            trial = {"np": np, **state.values}
            try:
                exec(statement, trial)
                fits = all(moderate(v) for name, v in trial.items() if name.startswith("v"))
            except (ArithmeticError, IndexError, TypeError, ValueError, Warning):
                fits = False
        if fits:
            statements.append(statement)
            state.values = {name: v for name, v in trial.items() if name.startswith("v")}
        else:
            state.values = executed(inputs, statements)  # (it may have written before it failed)
    return Program(inputs, statements)


def refused(seed: int) -> tuple[Program, type[BaseException]]:
    """Make a program whose last statement NumPy refuses; return the kind of the error too."""
    pick = random.Random(seed)
    while True:
        program = generate(pick.randrange(10**9), longest=6)
        state = State(pick, executed(program.inputs, program.statements))
        if not (name := state.writeable()):
            continue
        v = state.values[name]
        statement = pick.choice(REFUSED).format(w=name, shape=v.shape, n=(v.shape[0] if v.ndim else 1) + 1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                exec(statement, {"np": np, **state.values})
        except (IndexError, TypeError, ValueError) as error:
            kind = next(t for t in type(error).__mro__ if t.__module__ == "builtins")
            return program._replace(statements=[*program.statements, statement]), kind
        except Warning:
            pass
