"""The performance targets, and whether a record meets them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from statistics import geometric_mean

from benchmarks.growing import exponent
from benchmarks.peers import COMPILED, OURS
from benchmarks.problems.loops import CALLED, FIRST, LONG, LOOPS, STEPS
from benchmarks.problems.plain import PROGRAMS as PLAIN
from benchmarks.problems.writes import FILLED
from benchmarks.record import Entry, Record, ratio

__all__ = ["SUMMARIES", "TARGETS", "Target", "Verdict", "verdicts"]

FASTEST = ("torch", "torch-compiled", "jax")
LENGTH = "growth/length"
# Of the ratios of all rows of a series.
SUMMARIES: dict[str, Callable[[list[float]], float]] = {"geometric mean": geometric_mean, "largest": max}


@dataclass(frozen=True)
class Target:
    """A figure of ours, to the least of some peers' (or by itself, where there are none): at most so much.

    The peers' figures are those of the row `base`, where one is named.
    """

    what: str
    row: str
    most: float
    ours: str = OURS
    to: tuple[str, ...] = ()
    # "values", or another number of an `Entry`; or "exponent", "geometric mean" or "largest", of a series of rows
    figure: str = "values"
    base: str = ""

    def found(self, record: Record) -> float:
        """Return what a record says; not a number, where it does not say."""
        if self.figure.startswith("exponent"):
            return exponent(record, self.row, self.ours, self.figure.removeprefix("exponent of "))
        if self.figure in SUMMARIES:
            names = [name for name in record.rows if name.rpartition("/")[0] == self.row or fnmatch(name, self.row)]
            if any(self.failed(record, name) for name in names):
                return math.inf
            each = [Target("", name, 0.0, self.ours, self.to).found(record) for name in names]
            ratios = [value for value in each if value > 0]
            return SUMMARIES[self.figure](ratios) if ratios else math.nan
        result = record.rows.get(self.row)
        if result is None or self.ours not in result.entries:
            return math.nan
        mine = figures(result.entries[self.ours], self.figure)
        if not self.to:
            return mine[0] if mine else math.nan
        base = record.rows.get(self.base) if self.base else result
        theirs = {} if base is None else base.entries
        others = [figures(theirs[name], self.figure) for name in self.to if name in theirs]
        ratios = [ratio(mine, other) for other in others if mine and other]
        return max(ratios, default=math.nan)  # to the least of theirs

    def failed(self, record: Record, row: str) -> bool:
        """Whether one of the others did a row, and we did not."""
        entries = record.rows[row].entries
        ours = entries.get(self.ours)
        others = [entries[name] for name in self.to if name in entries]
        return ours is not None and not figures(ours, "values") and any(figures(other, "values") for other in others)


def figures(entry: Entry, name: str) -> list[float]:
    if entry.failure:
        return []
    if name == "values":
        return entry.values
    value = getattr(entry, name)
    return [] if value is None else [value]


@dataclass(frozen=True)
class Verdict:
    """A target, and what was found."""

    target: Target
    found: float

    @property
    def word(self) -> str:
        if math.isnan(self.found):
            return "not measured"
        return "met" if self.found <= self.target.most else "missed"


def eager() -> list[Target]:
    return [
        Target("chain of scalars, eager, to PyTorch", "chain/1", 0.5, OURS, ("torch",)),
        Target("chain of scalars, eager, to MyGrad", "chain/1", 0.25, OURS, ("mygrad",)),
        Target("chain of scalars, eager, to autograd", "chain/1", 0.25, OURS, ("autograd",)),
        *(
            Target(
                f"single functions with gradients, size {size:,}, the slowest, to autograd",
                f"function/*/{size}/gradient",
                0.8,
                OURS,
                ("autograd",),
                "largest",
            )
            for size in (1, 1_000)
        ),
        Target("peak memory of a chain at 1e6, to PyTorch", "memory/chain", 1.3, OURS, ("torch",), "memory"),
        Target("memory that 100,000 small steps leave, MB", "memory/leak", 1.0),
        Target("import, to NumPy's", "start/import", 1.3, OURS, ("numpy",)),
        Target("installed of what derivatives need, MB", "start/core", 1.0),
        Target("results that are read-only, to writeable ones", "protection/chain", 1.05),
        *(
            Target(f"{title} step, eager, to PyTorch's", f"network/{row}", most, OURS, ("torch",))
            for title, row, most in (("MLP 784-256-10", "mlp", 1.5), ("CNN", "cnn", 3.0), ("LSTM", "lstm", 3.0))
        ),
        Target("GPT step, eager, to PyTorch's", "network/gpt", 3.0, OURS, ("torch",)),
    ]


def compiled() -> list[Target]:
    networks = {
        "small-mlp": ("MLP 64-32-10", 0.25),
        "mlp": ("MLP 784-256-10", 0.8),
        "large-mlp": ("MLP 784-1024-1024-10", 0.95),
        "cnn": ("CNN", 0.8),
        "lstm": ("LSTM", 0.85),
        "gpt": ("GPT", 0.75),
    }
    return [
        Target("chain of scalars, compiled", "chain/1", 0.5, COMPILED, FASTEST),
        Target("chain at 100,000, compiled", "chain/100000", 0.4, COMPILED, FASTEST),
        Target("its first call, to JAX's", "chain/1", 0.2, COMPILED, ("jax",), "beginning"),
        *(
            Target(f"{title} step, compiled", f"network/{row}", most, COMPILED, FASTEST)
            for row, (title, most) in networks.items()
        ),
        *(
            Target(f"{title} step's memory, {how}", f"network/{row}", 1.0, ours, FASTEST, "memory")
            for title, row in (("CNN", "cnn"), ("GPT", "gpt"))
            for how, ours in (("eager", OURS), ("compiled", COMPILED))
        ),
    ]


def growth() -> list[Target]:
    return [
        Target(f"exponent of {what} by the length of a graph", LENGTH, 1.1, OURS, (), f"exponent of {figure}")
        for what, figure in (("time", "values"), ("memory", "memory"))
    ]


def writes() -> list[Target]:
    gradients, forwards, fills = "writes/gradient", "writes/forward", "writes/fill"
    jax, numpy, mean = ("jax",), ("numpy",), "geometric mean"
    return [
        Target("gradient of each program that writes, to JAX's", gradients, 0.5, COMPILED, jax, "largest"),
        Target("gradients of programs that write, to JAX's", gradients, 0.1, COMPILED, jax, mean),
        Target("each program that writes, compiled, to NumPy's", forwards, 0.5, COMPILED, numpy, "largest"),
        Target("programs that write, compiled, to Numba's", forwards, 1.0, COMPILED, ("numba",), mean),
        Target("exponent of time by elements filled", fills, 1.1, OURS, (), "exponent of values"),
        Target("elements filled one by one, to PyTorch's", f"{fills}/{max(FILLED)}", 1.0, OURS, ("torch",)),
    ]


def loops() -> list[Target]:
    jax, least = ("jax",), min(FIRST)
    return [
        *(
            Target(
                f"first calls of {name}, {LONG:,} steps to {least}",
                f"loops/first/{name}/{LONG}",
                2.0,
                COMPILED,
                (COMPILED,),
                base=f"loops/first/{name}/{least}",
            )
            for name in LOOPS
        ),
        Target(
            f"first calls of each loop of {STEPS} steps, to JAX's",
            f"loops/first/*/{STEPS}",
            1.0,
            COMPILED,
            jax,
            "largest",
        ),
        Target(f"each loop of {STEPS} steps, to JAX's", "loops/steady", 0.5, COMPILED, jax, "largest"),
        *(
            Target(f"memory of {name}, {LONG:,} steps, to JAX's", f"loops/memory/{name}", 1.2, COMPILED, jax, "memory")
            for name in LOOPS
        ),
        Target(
            f"each loop of {CALLED} compiled steps, to it compiled whole",
            "loops/calls",
            3.0,
            OURS,
            (COMPILED,),
            "largest",
        ),
    ]


def plain() -> list[Target]:
    """Programs in plain NumPy: at most so much of the fastest peer's time."""
    most = {"small-mlp": 0.25, "mlp": 0.75, "large-mlp": 0.95}
    most |= dict.fromkeys(("rnn", "lstm", "attention", "cnn", "ring-1000", "ring-10000"), 0.8)
    return [
        Target(
            f"{program.title}, in plain NumPy, to the fastest", f"plain/{name}", most.get(name, 0.6), COMPILED, FASTEST
        )
        for name, program in PLAIN.items()
    ]


def transforms() -> list[Target]:
    return [
        Target("gradients for each example, eager, to PyTorch's", "transforms/per-example", 1.0, OURS, ("torch",)),
        Target("gradients for each example, compiled, to JAX's", "transforms/per-example", 1.0, COMPILED, ("jax",)),
        Target("jvp of a sum, to autograd's", "transforms/jvp-sum", 1.0, OURS, ("autograd",)),
        Target(
            "jvp of a network, to the network",
            "transforms/jvp-network",
            2.5,
            OURS,
            (OURS,),
            base="transforms/call-network",
        ),
        Target("hvp, to the gradient", "transforms/hvp", 2.5, OURS, (OURS,), base="transforms/gradient"),
        Target("k-means direction, to autograd's", "transforms/k-means", 0.8, OURS, ("autograd",)),
        Target("each of nested derivatives, to autograd's", "transforms/nested", 1.0, OURS, ("autograd",), "largest"),
        Target("matrices of Rosenbrock's, eager", "transforms/rosenbrock", 1.0, OURS, ("torch",), "largest"),
        Target("matrices of Rosenbrock's, compiled", "transforms/rosenbrock", 0.8, COMPILED, ("jax",), "largest"),
        Target("dense Jacobian of bundle adjustment, to JAX's", "transforms/bundle", 0.6, COMPILED, ("jax",)),
    ]


TARGETS = (*eager(), *compiled(), *growth(), *plain(), *transforms(), *writes(), *loops())


def verdicts(record: Record, wanted: Callable[[Target], bool] = lambda target: True) -> list[Verdict]:
    """Evaluate the targets for a record."""
    return [Verdict(target, target.found(record)) for target in TARGETS if wanted(target)]
