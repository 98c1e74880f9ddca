"""Misuse of every public name: ``python -m tests.misuse --calls 2000 --seed 0``.

The tables of `tests.misuse_calls` hold a valid call of each public function, class and method. Each argument of it in
turn is replaced by bad values, left out, or joined by one too many. What follows is judged:

- "raw": an error that no check of ours raised (an AttributeError, or one of a line that has no ``raise``);
- "accepted": the call succeeds with what the kind of the argument excludes, such as a flag given as text;
- "hung": the call takes longer than LIMIT seconds, or ends its process.

The calls run in a child process. An error that NumPy itself raises for the same call on ndarrays is NumPy's to word.
"""

import argparse
import ast
import collections
import contextlib
import functools
import importlib
import io
import json
import linecache
import os
import random
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import wengert
from tests.misuse_kinds import BAD_VALUES, Call, Kind
from wengert import Variable

__all__ = ["Finding", "Trial", "cases", "counts", "judge", "make", "prepared", "report", "trials"]

LIMIT = 10.0  # seconds that a call may take
MEMORY = 8 << 30  # bytes that the child may have
OURS = str(Path(wengert.__file__).parent) + os.sep
THEIRS = str(Path(__file__).parent) + os.sep  # what users write
ALLOWED = (ValueError, TypeError, IndexError)
BINDING = re.compile(r"^(?P<name>[\w.<>]+)\(\) (missing|got an unexpected|got multiple|takes|got some positional)")
TABLES = (
    "functions", "core", "layers", "models", "optimizers", "datasets", "training", "used_layers", "used_optimizers",
    "used_data",
)  # fmt: skip


class Trial(NamedTuple):
    """What is changed in a valid call: one argument, by the name of its bad value."""

    case: str
    argument: str  # "" for one too many, or for none
    value: str  # a name of BAD_VALUES; "" for an argument that is left out, or for the valid call


class Finding(NamedTuple):
    """What a trial brought to light."""

    trial: Trial
    verdict: str  # "raw", "accepted", "hung"; "invalid" where the valid call fails
    place: str
    text: str


@functools.cache
def cases(table: str = "") -> dict[str, Callable[[], Call]]:
    """Return what makes a valid call, by the name of what is called."""
    found: dict[str, Callable[[], Call]] = {}
    for name in [table] if table else TABLES:
        found.update(importlib.import_module(f"tests.misuse_calls.{name}").CALLS)
    return found


def trials(names: Any = None) -> Iterator[Trial]:
    """Every trial of the cases of these names, or of all."""
    for name, make in cases().items():
        if names is None or name in names:
            call = prepared(make)
            for argument in call.arguments:
                yield Trial(name, argument, "")
                for value in BAD_VALUES:
                    yield Trial(name, argument, value)
            yield Trial(name, "", "")
            yield Trial(name, "", "surprise")
            yield Trial(name, "", "positional")


def prepared(make: Callable[[], Call]) -> Call:
    """Make a valid call, where the files that it writes are gone afterwards."""
    with quiet(), tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return make()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without warnings, messages, or files that stay."""
    unseen = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(unseen), contextlib.redirect_stderr(unseen):
        warnings.simplefilter("ignore")
        yield


def attempt(trial: Trial) -> tuple[Call, Kind | None, Any, BaseException | None]:
    """Make the call of a trial; return it, the kind and value of what was changed, and the error."""
    call = cases()[trial.case]()
    kind = bad = None
    if trial.argument and trial.value:
        kind, bad = call.arguments[trial.argument].kind, BAD_VALUES[trial.value]()
    arguments = changed(call, trial, bad)
    try:
        call.run(*arguments)
    except BaseException as error:  # noqa: BLE001  (it is judged)
        return call, kind, bad, error
    return call, kind, bad, None


def changed(call: Call, trial: Trial, bad: Any) -> tuple[dict[str, Any], tuple[str, ...], dict[str, int]]:
    """The arguments of a call with the change of a trial, and what it is given too many: by position, by name."""
    values = {key: a.value for key, a in call.arguments.items()}
    if trial.argument and trial.value:
        values[trial.argument] = bad
    elif trial.argument:
        del values[trial.argument]
    surplus = "" if trial.argument else trial.value
    return values, ("too many",) if surplus == "positional" else (), {"surprise": 1} if surplus == "surprise" else {}


def judge(trial: Trial) -> Finding | None:
    """Make the call of a trial, and say what is wrong with what it did."""
    with quiet(), alarm():
        call, kind, bad, error = attempt(trial)
    if isinstance(error, Hung):
        return Finding(trial, "hung", place_of(error), f"longer than {LIMIT} seconds")
    if not trial.argument and not trial.value:
        well = error is None or isinstance(error, call.errors)
        return None if well else Finding(trial, "invalid", place_of(error), f"{type(error).__name__}: {error}")
    if error is None:
        if kind is not None and not kind.accepts(bad):
            return Finding(trial, "accepted", trial.case, f"{trial.argument} is {kind.name}, but {trial.value} passed")
        if trial.value == "surprise" and not call.open:
            return Finding(trial, "accepted", trial.case, "an argument of an unknown name passed")
        return None
    if is_clear(error, call, kind) or numpy_says_so(error, trial, call):
        return None
    return Finding(trial, "raw", place_of(error), f"{type(error).__name__}: {str(error)[:150]}")


def is_clear(error: BaseException, call: Call, kind: Kind | None) -> bool:
    """Whether an error comes from a check, or from the user's own code."""
    if kind is not None and isinstance(error, kind.errors):
        return True
    if not isinstance(error, ALLOWED) or type(error).__name__.startswith("Unicode"):
        return isinstance(error, call.errors)
    if isinstance(error, np.exceptions.AxisError):  # "axis 7 is out of bounds for array of dimension 2"
        return True
    binding = BINDING.match(str(error))
    if binding is not None and binding["name"].split(".")[-1] in call.spellings():
        return True
    frames = traceback.extract_tb(error.__traceback__)
    named = [frame for frame in frames if frame.filename.startswith((OURS, THEIRS))]
    if not named or named[-1].filename.startswith(THEIRS):
        return True  # raised by the interpreter for the call itself, or in a function that the user gave
    return frames[-1] is named[-1] and raises(named[-1].filename, named[-1].lineno or 0)


@functools.cache
def raise_lines(filename: str) -> frozenset[int]:
    """The lines of a file that belong to a ``raise``."""
    tree = ast.parse("".join(linecache.getlines(filename)))
    spans = [(n.lineno, n.end_lineno or n.lineno) for n in ast.walk(tree) if isinstance(n, ast.Raise)]
    return frozenset(line for first, last in spans for line in range(first, last + 1))


def raises(filename: str, line: int) -> bool:
    return line in raise_lines(filename)


def numpy_says_so(error: BaseException, trial: Trial, call: Call) -> bool:
    """Whether NumPy too refuses the same call on ndarrays."""
    if call.numpy is None:
        return False
    bad = BAD_VALUES[trial.value]() if trial.argument and trial.value else None
    if isinstance(bad, Variable) and bad.data is not None:
        bad = bad.data
    try:
        with quiet():
            call.run(*changed(call, trial, bad), call.numpy)
    except Exception as plain:  # noqa: BLE001  (it is compared)
        return isinstance(error, (type(plain), *ALLOWED))
    return False


def place_of(error: BaseException) -> str:
    """The innermost line of ours that an error passed, as file:line."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(OURS)]
    return f"{frames[-1].filename.removeprefix(OURS)}:{frames[-1].lineno}" if frames else "outside"


class Hung(BaseException):
    """A call that took longer than LIMIT."""


@contextlib.contextmanager
def alarm() -> Iterator[None]:
    """Raise Hung in a call that takes too long."""

    def ring(number: int, frame: Any) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# Many trials, in a child process


def counts(calls: int = 0, seed: int = 0, names: Any = None) -> tuple[collections.Counter[str], list[Finding]]:
    """Make all trials, or a random sample of `calls`; return the number of each verdict, and the findings."""
    chosen = list(trials(names))
    rng = random.Random(seed)
    if calls and calls < len(chosen):
        chosen = rng.sample(chosen, calls)
    return make(chosen)


def make(chosen: list[Trial]) -> tuple[collections.Counter[str], list[Finding]]:
    """Make these trials; return how many of each verdict there are, and what they found."""
    found: list[Finding] = []
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        while done < len(chosen):
            made, hung = run_child(chosen[done:], found, folder)
            done += made
            if hung and done < len(chosen):
                found.append(Finding(chosen[done], "hung", "the process", hung))
                done += 1
    totals = collections.Counter(finding.verdict for finding in found)
    totals["calls"] = len(chosen)
    return totals, found


def run_child(chosen: list[Trial], found: list[Finding], folder: str) -> tuple[int, str]:
    """Run trials in one child until it ends or hangs; return how many it made, and why it ended early."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(Path(OURS).parent)}
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.misuse", "--child", os.path.join(folder, "")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=environment, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        json.dump(chosen, child.stdin)
        child.stdin.close()
        made = 0
        while True:
            line = read_line(child)
            if not line or not line.endswith("\n"):
                child.kill()
                return made, "" if made == len(chosen) else f"ended by {child.wait()}"
            answer = json.loads(line)
            made += 1
            if answer:
                trial, *rest = answer
                found.append(Finding(Trial(*trial), *rest))


def read_line(child: Any) -> str:
    ready, _, _ = select.select([child.stdout.fileno()], [], [], 3 * LIMIT)
    return child.stdout.readline() if ready else ""


def answer_trials(folder: str) -> None:
    """The child: judge the trials that standard input names, one line of JSON for each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    chosen = [Trial(*trial) for trial in json.load(sys.stdin)]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.chdir(folder)  # what is saved, is saved here
    socket.socket.connect = refuse  # type: ignore[method-assign, assignment]
    for trial in chosen:
        finding = judge(trial)
        print(json.dumps(finding), file=answers, flush=True)
    answers.flush()


def refuse(*args: Any) -> None:
    raise ConnectionRefusedError("no network here")


def report(totals: collections.Counter[str], found: list[Finding], most: int = 10**6) -> str:
    """Write the counts, then the findings by place."""
    lines = [", ".join(f"{totals[verdict]} {verdict}" for verdict in ("calls", "raw", "accepted", "hung", "invalid"))]
    by_place: dict[tuple[str, str], list[Finding]] = collections.defaultdict(list)
    for finding in found:
        by_place[finding.verdict, finding.place].append(finding)
    for (verdict, place), group in sorted(by_place.items(), key=lambda item: -len(item[1]))[:most]:
        lines.append(f"{len(group):5} {verdict} {place}")
        lines += [f"        {f.trial.case}({f.trial.argument}={f.trial.value}): {f.text}" for f in group[:3]]
    return "\n".join(textwrap.shorten(line, 300, tabsize=0) if len(line) > 300 else line for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Misuse every public name, and judge the errors.")
    parser.add_argument("--calls", type=int, default=0, help="a random sample of so many (0: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--names", default="", help="only cases whose names match this regular expression")
    parser.add_argument("--all", action="store_true", help="write every finding")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        answer_trials(options.child)
        return 0
    names = {name for name in cases() if re.search(options.names, name)} if options.names else None
    totals, found = counts(options.calls, options.seed, names)
    print(report(totals, found))
    if options.all:
        for f in found:
            print(f"{f.verdict} {f.place} {f.trial.case}({f.trial.argument}={f.trial.value}): {f.text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
