"""FastPath: a call that finds the state as the last one did, in as few bytecodes as possible.

Native code (`targets.cpu.native_guard`) compares the state by identity: the same dicts with the same keys, the same
objects in them. What follows for a plan from all these being the same is not evaluated again. Where anything differs,
`Replay` evaluates the guards, as at the first call; if they hold, the tables of the native code are made anew.
"""

from __future__ import annotations

import copy
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.compiler.capture.locations import Location
from wengert.compiler.guards.conditions import ArrayForm, Guard, SameAs
from wengert.compiler.guards.guard_printer import GuardPrinter
from wengert.compiler.guards.native_tables import NativeTables
from wengert.compiler.guards.output_printer import OutputPrinter
from wengert.compiler.guards.python_source import GONE, MISS, PythonSource
from wengert.compiler.targets.cpu import native_guard

if TYPE_CHECKING:
    from wengert.compiler.guards.replay import Replay

__all__ = ["FastPath", "fast_path_of"]

FAILURES = 3  # in a row, after each of which the state is learnt anew; then after each of
SELDOM = 64


def fast_path_of(replay: Replay) -> FastPath | None:
    """The fast path of a plan; None where the plan takes long, or its state cannot be known by identity."""
    plan = getattr(replay.run, "__self__", None)
    if not getattr(plan, "short", False) or replay.trace.streams:
        return None
    sources = {id(s.location) for s in replay.trace.sources if s.used and s.kind == "array"}
    if any(id(item.location) in sources for item in replay.trace.stored):
        return None  # (it reads another array at each call)
    return FastPath(replay, plan)


class FastPath:
    """The fast path of a plan.

    Attributes
    ----------
    run : callable
        ``run(args, kwargs)``: what the function would do, or MISS.
    """

    def __init__(self, replay: Replay, plan: Any) -> None:
        self.plan = plan
        self.mode, self.training = replay.settings
        self.failures = 0
        self.table = native_guard.words([0] * native_guard.WORDS)
        self.tables = NativeTables(replay.trace)
        self.checks = replay.checks
        self.source = FastPathSource(replay.trace, self.tables)
        self.printer = FastPathPrinter(self.source, replay)
        self.text = self.printer.function(replay.guards, plan.results)
        exec(compile(self.text, "<wengert fast path>", "exec"), self.source.names)
        self.code = self.source.names.pop("fast_path").__code__
        self.run: Any = unknown

    def missed(self, replay: Replay, arrays: list[Any], args: Any, kwargs: Any) -> None:
        """Learn the state after a call that found another one, if that is worth it; the arrays are those it took."""
        runs = int(self.table[native_guard.RUNS])
        self.table[native_guard.RUNS] = 0
        self.failures = 0 if runs else self.failures + 1
        if self.failures <= FAILURES or self.failures % SELDOM == 0:
            self.learn(arrays)
            if not replay.fits(args, kwargs):  # another thread is changing it, or the call itself
                self.run = unknown

    def learn(self, arrays: list[Any]) -> None:
        """Make the tables of the state as it is now, in which the guards were just found to hold.

        Another thread may be running with the old tables: these are not changed, and live until it is done.
        """
        graph, memory, tables = self.plan.graph, self.plan.memory, self.tables
        inputs = {node.settings["place"]: array for node, array in zip(graph.inputs, arrays, strict=True)}
        held: list[Any] = []  # (not what a call is given)
        try:
            known = {name: location.get() for name, location in self.source.known.items()}
            rows, compared = tables.rows(inputs, held), tables.compared_arrays(inputs, held)
            # (The memory of this state: `checks` has that of the state which the guards were last evaluated for.)
            checks = copy.copy(self.checks)
            if not checks.check_state([tables.array(number, inputs) for number in checks.inputs]):
                return
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return  # (another thread is changing it)
        forms = tables.forms(inputs, held, set(self.printer.arguments), memory.input_slots)
        passed = len(compared) + sum(number in self.printer.arguments for number in inputs)
        for i in range(len(graph.results)):
            forms += native_guard.form(memory.result_slots + i, None, 0, index=passed + i)
        parts = [native_guard.words(rows), native_guard.words(compared), native_guard.words(forms)]
        counts = len(compared), len(graph.inputs) + len(graph.results)
        self.table = native_guard.table(self.plan.pieces[0][1], self.plan.table, parts, *counts)
        enter = native_guard.entrance(self.table, self.plan, held, parts)
        self.run = FunctionType(self.code, {**self.source.names, **known, "S": checks, "enter": enter}, "fast_path")


def unknown(args: Any, kwargs: Any) -> Any:
    """Stand for the fast path as long as the state is not known."""
    return MISS


class FastPathSource(PythonSource):
    """The source of a fast path: what native code compares is known, and is not fetched.

    Attributes
    ----------
    known : dict
        By the name of a global of the function, the location whose object it is.
    """

    def __init__(self, trace: Any, tables: NativeTables) -> None:
        super().__init__(trace)
        self.tables = tables
        self.known: dict[str, Location] = {}

    def variable(self, location: Location) -> str:
        if id(location) not in self.variables and self.tables.covers(location):
            name = self.variables[id(location)] = f"k{len(self.known)}"
            self.known[name] = location
            self.tables.add(location)
        return super().variable(location)


class FastPathPrinter(GuardPrinter):
    """Prints the guards that native code does not check, and the call of the native code that checks the others.

    Attributes
    ----------
    arguments : dict
        By the number of an input, the expression for the array that native code is given for it.
    """

    def __init__(self, source: FastPathSource, replay: Replay) -> None:
        super().__init__(source, replay.checks, remember=False)
        self.trace, self.tables = replay.trace, source.tables
        self.compared: list[str] = []  # the expressions for `tables.compared`
        self.arguments: dict[int, str] = {}

    def print(self, guard: Guard) -> None:
        tables = self.tables
        match guard:
            case ArrayForm(location, number):
                if location.argument:
                    self.arguments[number] = self.source.variable(location)
                elif tables.covers(location):
                    tables.add(location)
                else:
                    self.compare(self.source.variable(location), number)
                if number not in tables.read:
                    super().print(guard)
            case SameAs(location, first) if self.is_known_array(first) and not tables.covers(location):
                self.compare(self.source.expression(location), tables.number_of[id(first)])
            case _:
                if not tables.take(guard):
                    super().print(guard)

    def is_known_array(self, location: Location) -> bool:
        """Whether a location holds an array that native code knows, and Python does not fetch."""
        return id(location) in self.tables.number_of and self.tables.covers(location)

    def compare(self, expression: str, number: int) -> None:
        """Let native code compare what an expression gives with the known array of an input."""
        self.compared.append(expression)
        self.tables.compared.append(number)

    def function(self, guards: list[Guard], results: list[Any]) -> str:
        """The source of ``fast_path(args, kwargs)``; `results` are the shapes and dtypes of the plan's results."""
        from wengert.compiler.targets.cpu.program import unused

        source, graph = self.source, self.trace.graph
        assert graph is not None
        for guard in guards:
            self.print(guard)
        for number, each in enumerate(self.trace.sources):
            if each.kind == "number":
                self.arguments[number] = source.array(number)
        source.names |= {"empty": np.empty, "unused": unused}
        for i, result in enumerate(results):
            shape, dtype, returned = result
            new = f"empty({source.name(shape)}, {source.name(dtype)})"
            source.lines.append(f"r{i} = {new if returned is None else f'unused({source.name(result)})'}")
        given = [*self.compared]
        given += [self.arguments[n] for x in graph.inputs if (n := x.settings["place"]) in self.arguments]
        given += [f"r{i}" for i in range(len(results))]
        self.fail_if(f"enter({', '.join(given)})")
        checks = source.take_lines(8)
        returned = OutputPrinter(source, "r{}".format).print()
        return (
            f"def fast_path(args, kwargs):\n    try:\n{checks}    except {GONE}:\n        return MISS\n"
            f"{source.take_lines(4)}    return {returned}\n"
        )
