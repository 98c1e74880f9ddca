"""Replay: a plan with its guards, which runs instead of the function where they hold.

The guards are evaluated, and the arrays are fetched, by straight-line code that is generated for the plan: a loop
over the guards would take longer than the plan of a small network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.compiler.capture.streams import stream_state
from wengert.compiler.capture.trace import Trace
from wengert.compiler.forking import RenewedLock
from wengert.compiler.graph.graph import Graph
from wengert.compiler.guards.array_checks import ArrayChecks
from wengert.compiler.guards.conditions import guards_of
from wengert.compiler.guards.fast_path import fast_path_of
from wengert.compiler.guards.guard_printer import GuardPrinter
from wengert.compiler.guards.output_printer import OutputPrinter
from wengert.compiler.guards.python_source import GONE, MISS, PythonSource
from wengert.compiler.targets.cpu.runner import Runner

__all__ = ["MISS", "Replay"]


LONG = 10_000  # values of a trace


def as_it_is(graph: Graph) -> Graph:
    """Compile a graph as it was traced."""
    return graph


class Replay:
    """A plan and its guards.

    Parameters
    ----------
    trace : Trace
    settings
        The modes of the traced call.
    runner : callable
        Compiles a graph, when the plan is first needed, to what takes the arrays of its inputs, writes assigned values
        into them, and returns the results.

    Attributes
    ----------
    guards : list of Guard
        The conditions under which the plan holds, apart from those on values that it computes.
    replay : callable
        ``replay(args, kwargs, run)``: what the function would do, or MISS where a guard fails. With None as `run` only
        the guards are evaluated, and True means that they hold.
    fast_path : FastPath or None
    prepared : Graph or None
        The graph that was compiled, where it is kept instead of the trace: that of a long loop takes much memory.
    """

    def __init__(
        self, trace: Trace, settings: Any, runner: Callable[[Any], Runner], prepare: Callable[[Graph], Graph] = as_it_is
    ) -> None:
        self.trace, self.settings, self.runner, self.prepare = trace, settings, runner, prepare
        self.prepared: Graph | None = None
        self.run: Runner | None = None
        self.making = RenewedLock()
        self.confirmed = False
        self.has_failed = False  # whether a guard on a value has failed, when it ran last
        self.to_check = 0  # of a plan compiled ahead of time: its uses up to that which is compared with the function
        self.fast_path: Any = None
        # (no reference cycle: the memory of a plan that is not used any more is freed at once)
        self.guards = guards_of(trace)
        self.checks = ArrayChecks(self.guards)
        source = PythonSource(trace)
        self.code = replay_code(source, self)
        exec(compile(self.code, "<wengert replay>", "exec"), source.names)
        self.replay: Callable[..., Any] = source.names.pop("replay")

    def make(self) -> None:
        """Compile the graph, if that is still to be done."""
        with self.making.lock:
            if self.run is None:
                traced = self.trace.graph
                assert traced is not None
                graph = self.prepare(traced)
                self.run = self.runner(graph)
                if len(traced.nodes) > LONG and not self.to_check:
                    inputs_alone = Graph(traced.inputs, [], [(into, into) for into, _ in traced.assignments])
                    self.trace, self.prepared = self.trace._replace(graph=inputs_alone), graph

    def enable_fast_path(self) -> None:
        """From now on take the fast path. (Calls that are compared with the function do not.)"""
        with self.making.lock:
            if self.fast_path is None and self.run is not None:
                self.fast_path = fast_path_of(self)

    def call(self, args: Any, kwargs: Any, tried: bool = False) -> Any:
        """Do what the function would do; MISS where a guard fails. `tried`: the fast path has been, in vain."""
        fast_path, run = self.fast_path, self.run
        if fast_path is None or run is None:
            return self.replay(args, kwargs, run)
        found = MISS if tried else fast_path.run(args, kwargs)
        if found is not MISS:
            return found
        taken = []

        def run_and_note(arrays: list[Any]) -> list[Any]:
            taken.append(arrays)
            return run(arrays)

        found = self.replay(args, kwargs, run_and_note)
        if found is not MISS:
            fast_path.missed(self, taken[0], args, kwargs)
        return found

    def fits(self, args: Any, kwargs: Any) -> bool:
        """Whether the guards hold, apart from those on values that the plan computes."""
        return self.replay(args, kwargs, None) is True

    def streams(self) -> list[tuple[Any, Any]]:
        """The states of the random generators that it draws from: a guard may fail after a draw."""
        return [(generator, stream_state(generator)) for generator in self.trace.streams]


def replay_code(source: PythonSource, replay: Replay) -> str:
    """The source of ``replay(args, kwargs, run)``."""
    graph = replay.trace.graph
    assert graph is not None
    printer = GuardPrinter(source, replay.checks)
    for guard in replay.guards:
        printer.print(guard)
    arrays = [source.array(node.settings["place"]) for node in graph.inputs]
    checks = source.take_lines(8)
    returned = OutputPrinter(source, "R[{}]".format).print()
    return (
        f"def replay(args, kwargs, run):\n    try:\n{checks}    except {GONE}:\n        return MISS\n"
        f"    if run is None:\n        return True\n    R = run([{', '.join(arrays)}])\n"
        f"{source.take_lines(4)}    return {returned}\n"
    )
