"""The rows of the benchmarks: what is measured, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

from benchmarks.networks.data import TITLES
from benchmarks.peers import COMPILED, OURS
from benchmarks.problems.chain import OPERATIONS
from benchmarks.problems.growth import BATCHES, LENGTHS, WIDTHS
from benchmarks.problems.loops import CALLED, FIRST, LONG, LOOPS, STEPS
from benchmarks.problems.memory import SMALL_STEPS
from benchmarks.problems.plain import IN_TORCH
from benchmarks.problems.plain import PROGRAMS as PLAIN
from benchmarks.problems.rosenbrock import SIZES
from benchmarks.problems.single_functions import FUNCTIONS
from benchmarks.problems.single_functions import SIZES as FUNCTION_SIZES
from benchmarks.problems.transforms import MODES
from benchmarks.problems.writes import FILLED, GRADIENTS, PROGRAMS

__all__ = ["QUICK", "ROWS", "Row", "chosen"]


@dataclass(frozen=True)
class Row:
    """One workload for all peers.

    A figure is the seconds of a step, divided by `per`; or what the step returns, where `returned`. A peer has
    `limit` seconds for its first call; `rounds` rounds of about `seconds` each are measured. What the first
    `checks` calls compute is compared, to `tolerance`; none, where peers return figures of their own. The peers
    of rows `together` keep their processes from one to the next. `only` these take part; those in `without` do
    not, for the reason given.
    """

    name: str
    title: str
    unit: str = "s"
    returned: bool = False
    per: int = 1
    limit: float = 30.0
    rounds: int = 9
    seconds: float = 0.2
    checks: int = 2
    tolerance: float = 1e-9
    together: bool = False
    only: tuple[str, ...] = ()
    without: dict[str, str] = field(default_factory=dict, hash=False)
    quick: bool = False

    @property
    def topic(self) -> str:
        return self.name.split("/")[0]

    @property
    def group(self) -> str:
        """The rows that share processes. (Memory left over by one row counts in the next.)"""
        if self.topic == "writes":
            return self.name.rpartition("/")[0]
        return self.topic if self.topic == "function" else self.family

    @property
    def family(self) -> str:
        """The rows that are skipped for a peer that has timed out in one of them."""
        parts = self.name.split("/")
        if self.topic in ("network", "likelihood", "loops", "plain") or self.name.startswith(
            ("writes/gradient", "writes/forward")
        ):
            return self.name
        return "/".join(parts[:2] if self.topic == "function" else parts[:-1])


ONE_BY_ONE = "each program would take torch.compile seconds to minutes"
UNROLLED = "its graph is compiled whole: no figure of growth"
NO_NUMPY = dict.fromkeys(("torch", "jax", "tinygrad", "dezero"), "does not take NumPy's functions")


def networks() -> list[Row]:
    rounds = {"large mlp": 7, "gpt": 7}
    return [
        Row(
            f"network/{work.replace(' ', '-')}",
            f"{title}: a step with Adam",
            limit=100.0,
            rounds=rounds.get(work, 9),
            seconds=0.2,
            checks=3,
            tolerance=2e-4,  # float32, and eight digits of three steps
            quick=work in ("small mlp", "mlp"),
        )
        for work, title in TITLES.items()
    ]


def chains() -> list[Row]:
    title = f"chain of {OPERATIONS} operations and its gradient"
    return [
        Row("chain/1", f"{title}, size 1, each", per=OPERATIONS, limit=25.0, quick=True),
        Row("chain/100000", f"{title}, size 100,000, each", per=OPERATIONS, limit=25.0, rounds=7),
    ]


def memories() -> list[Row]:
    return [
        Row(
            "memory/chain",
            "chain of 90 operations and its gradient, size 1,000,000",
            rounds=3,
            without=dict.fromkeys(("torch-compiled", "tinygrad"), "their first calls are in the other chains"),
        ),
        alone("memory/leak", f"what {SMALL_STEPS:,} small steps leave", "MB", only=(OURS,), limit=100.0),
    ]


def starts() -> list[Row]:
    names = (OURS, "numpy", "torch", "jax", "autograd", "mygrad", "tinygrad", "dezero")
    return [
        Row("start/import", "import", returned=True, rounds=3, checks=0, only=(*names, COMPILED), quick=True),
        Row(
            "start/size",
            "installed beside NumPy",
            "MB",
            returned=True,
            rounds=1,
            checks=0,
            only=(*names, COMPILED),
            quick=True,
        ),
        Row(
            "start/core",
            "installed of what derivatives need",
            "MB",
            returned=True,
            rounds=1,
            checks=0,
            only=(OURS,),
            quick=True,
        ),
    ]


def functions() -> list[Row]:
    return [
        Row(
            f"function/{name}/{size}/{kind}",
            f"{name}, size {size:,}, {kind}",
            rounds=5,
            seconds=0.01,
            limit=15.0,
            together=True,
            without={
                "torch-compiled": ONE_BY_ONE,
                **({"tinygrad": "compiled for seconds each: in the gradients alone"} if kind == "forward" else {}),
            },
            quick=size == 1 and name in ("add", "sum", "matmul"),
        )
        for size in FUNCTION_SIZES
        for kind in ("forward", "gradient")
        for name in FUNCTIONS
    ]


def derivatives() -> list[Row]:
    whole = dict.fromkeys(("mygrad", "tinygrad", "dezero"), "has no Jacobian or Hessian of its own")
    return [
        Row(
            f"rosenbrock/{kind}/{size}",
            f"{kind.capitalize()} of Rosenbrock's function of {size:,}",
            rounds=5,
            seconds=0.1,
            limit=20.0,
            together=True,
            without=whole,
            quick=size == 10,
        )
        for kind in ("jacobian", "hessian")
        for size in SIZES
    ]


def statistics() -> list[Row]:
    return [
        Row("likelihood/logistic", "log-likelihood of logistic regression, 10,000 x 100: gradient", quick=True),
        Row("likelihood/mixture", "log-likelihood of 8 Gaussians, 1,000 points in 10 dimensions: gradient"),
        Row("ode/runge-kutta", "80 Runge-Kutta steps of Lotka-Volterra, 64 at once: gradient with respect to 4 rates"),
    ]


def growths() -> list[Row]:
    whole = {"torch-compiled": UNROLLED, "jax": UNROLLED, "tinygrad": UNROLLED}
    slow = dict.fromkeys(("autograd", "mygrad", "dezero"), "a step takes a minute")
    lengths = [
        Row(
            f"growth/length/{n}",
            f"chain of {n:,} operations, size 1: gradient",
            rounds=3,
            seconds=0.1,
            checks=1 if n > 10_000 else 2,
            tolerance=1e-7,
            limit=40.0,
            without={**whole, **({COMPILED: UNROLLED} if n > 10_000 else {}), **(slow if n > 100_000 else {})},
        )
        for n in LENGTHS
    ]
    others = [
        Row(
            f"growth/{kind}/{n}",
            f"perceptron of two hidden layers, {kind} {n:,}: gradient",
            rounds=3,
            seconds=0.1,
            limit=20.0,
            together=True,
            without={"torch-compiled": ONE_BY_ONE, "tinygrad": "measured in the networks"},
        )
        for kind, sizes in (("batch", BATCHES), ("width", WIDTHS))
        for n in sizes
    ]
    return lengths + others


def properties() -> list[Row]:
    what = "of NumPy's calls, differentiated rightly"
    everyone = (OURS, "torch", "jax", "autograd", "mygrad", "tinygrad", "dezero")
    return [
        alone(
            "coverage/unchanged", f"{what}: the program as it is", "calls", only=everyone, without=NO_NUMPY, limit=120.0
        ),
        alone("coverage/own", f"{what}: in a namespace of its own", "calls", only=("jax", "autograd"), limit=120.0),
        alone("protection/chain", "the chain with results that are read-only, to that without", "ratio", only=(OURS,)),
    ]


def writes() -> list[Row]:
    """Programs that write into arrays. (The forward ones are many: they come last.)"""
    gradients = [
        Row(
            f"writes/gradient/{name}",
            f"{name}, and the gradient of a loss of its results",
            rounds=7,
            seconds=0.15,
            limit=60.0,
            only=(COMPILED, "jax"),
            quick=name == "jacobi_2d",
        )
        for name in GRADIENTS
    ]
    fills = [
        Row(
            f"writes/fill/{n}",
            f"{n:,} elements filled one by one, eager: gradient",
            rounds=3,
            limit=60.0,
            checks=1,
            only=(OURS, "torch"),
            quick=n == min(FILLED),
        )
        for n in FILLED
    ]
    forwards = [
        Row(
            f"writes/forward/{name}",
            f"{name}, not differentiated",
            rounds=5,
            seconds=0.05,
            limit=20.0,
            together=True,
            only=(COMPILED, "numpy", "numba"),
            quick=name == "jacobi_2d",
        )
        for name in PROGRAMS
    ]
    return [*gradients, *fills, *forwards]


def loops() -> list[Row]:
    """Loops of Python with their gradients. (Those of many steps take minutes, and come last of all rows.)"""
    both = (COMPILED, "jax")
    steady = [
        Row(f"loops/steady/{name}", f"{name}, {STEPS} steps: gradient", rounds=7, limit=60.0, checks=4, only=both)
        for name in LOOPS
    ]
    first = [
        Row(
            f"loops/first/{name}/{n}",
            f"{name}, {n:,} steps: CPU seconds of first calls",
            returned=True,
            rounds=1 if n == LONG else 3,
            limit=600.0,
            checks=0,
            only=both,
        )
        for n in FIRST
        for name in LOOPS
    ]
    calls = [
        Row(
            f"loops/calls/{name}",
            f"{name}, {CALLED} steps: gradient; steps compiled, beside the loop compiled whole",
            rounds=7,
            limit=60.0,
            checks=4,
            only=(OURS, COMPILED),
        )
        for name in LOOPS
    ]
    memory = [
        Row(
            f"loops/memory/{name}",
            f"{name}, {LONG:,} steps: gradient",
            rounds=3,
            limit=600.0,
            checks=4,
            tolerance=1e-6,  # rounding errors of so many steps
            only=both,
        )
        for name in LOOPS
    ]
    return [*steady, *calls, *first, *memory]


def plain() -> list[Row]:
    """Programs in plain NumPy, as people write them without a library of layers."""
    return [
        Row(
            f"plain/{name}",
            f"{program.title}, in plain NumPy: {'a step with Adam' if program.trained else 'gradient'}",
            rounds=7,
            limit=100.0,
            checks=3,
            tolerance=2e-4 if name in IN_TORCH or program.trained else 1e-7,
            only=(COMPILED, "jax", *(("torch",) if name in IN_TORCH else ())),
            quick=name == "small-mlp",
        )
        for name, program in PLAIN.items()
    ]


def transforms() -> list[Row]:
    """Transforms of functions, and transforms inside transforms."""
    both, autograd = (OURS, COMPILED), (OURS, "autograd")
    rows: list[tuple[str, str, tuple[str, ...]]] = [
        ("per-example", "gradients of a perceptron for each of 64 examples", (*both, "torch", "jax")),
        ("jvp-sum", "derivative of a sum of squares in a direction, size 100", autograd),
        ("jvp-network", "derivative of a network in the direction of its input", (OURS, "jax")),
        ("call-network", "the network, not differentiated", (OURS,)),
        ("hvp", "Hessian of a perceptron's loss by a vector", (*both, "jax")),
        ("gradient", "gradient of the perceptron's loss", both),
        ("k-means", "k-means: gradient over the diagonal of the Hessian", (*both, "autograd")),
        *(
            (f"nested/{mode}", f"a path whose force is a derivative, differentiated: {mode}", autograd)
            for mode in MODES
        ),
        *(
            (f"rosenbrock-{name}/{size}", f"{name} of Rosenbrock's function, size {size}", (*both, "torch", "jax"))
            for name in ("jacobian", "hessian")
            for size in (100, 1000)
        ),
        ("bundle", "bundle adjustment: dense Jacobian, 800 by 198", (COMPILED, "jax")),
    ]
    return [
        Row(f"transforms/{name}", title, rounds=7, seconds=0.15, limit=60.0, tolerance=2e-4, only=only)
        for name, title, only in rows
    ]


def alone(name: str, title: str, unit: str, **rules: Any) -> Row:
    """A row whose figure is a value that each peer returns once."""
    return Row(name, title, unit, returned=True, rounds=1, checks=0, **rules)


ROWS = (
    *chains(),
    *networks(),
    *memories(),
    *statistics(),
    *derivatives(),
    *starts(),
    *properties(),
    *growths(),
    *functions(),
    *plain(),
    *transforms(),
    *writes(),
    *loops(),
)
QUICK = tuple(row for row in ROWS if row.quick)


def chosen(patterns: list[str], rows: tuple[Row, ...] = ROWS) -> list[Row]:
    """Return the rows whose names match one of the patterns; the name of a topic selects all of its rows.

    >>> [row.name for row in chosen(["likelihood"])]
    ['likelihood/logistic', 'likelihood/mixture']
    """
    found = {
        pattern: [row for row in rows if fnmatch(row.name, pattern) or row.name.startswith(f"{pattern}/")]
        for pattern in patterns
    }
    unknown = [pattern for pattern, matched in found.items() if not matched]
    if unknown:
        topics = dict.fromkeys(row.topic for row in rows)
        raise ValueError(f"no row is called {', '.join(unknown)}; there are {', '.join(topics)}, and more by --list")
    wanted = {row.name for matched in found.values() for row in matched}
    return [row for row in rows if row.name in wanted]
