"""Measuring where the time of a call goes: kernel by kernel, beside what the machine could do."""

from __future__ import annotations

import textwrap
from time import perf_counter
from typing import Any

import numpy as np

from wengert.compiler.capture.locations import find_locations
from wengert.compiler.capture.object_graph import name_of
from wengert.compiler.capture.saved_state import SavedState
from wengert.compiler.capture.trace import Call
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.interpreter import GuardFailed
from wengert.compiler.guards.replay import MISS, Replay
from wengert.compiler.lowering.lowering import lower
from wengert.compiler.passes.simplify import simplify
from wengert.compiler.report.plan_report import CompiledFunction, Report, amount, report, time
from wengert.compiler.report.roofline import matrix_peak, memory_bandwidth
from wengert.compiler.schedule.plan_line import PlanLine
from wengert.compiler.targets.cpu.cycle_counter import seconds_per_tick
from wengert.compiler.targets.cpu.program import Plan
from wengert.core import mode

__all__ = ["Profile", "profile"]

PATIENCE = 0.5  # seconds of measured calls
MOST, FEWEST = 200, 5  # measured calls
LARGE = 100_000  # operations: of smaller products the clock is too coarse to set a record by
CALLS = 6  # within which a plan is to be there


class Profile:
    """What was measured of a plan.

    Attributes
    ----------
    calls : int
        How many calls were measured; of all times the median is taken.
    seconds : float
        Of a whole call.
    of_lines : list of float
        Seconds of each line of the plan, on the calling thread.
    around : float
        Of all else: finding and checking the state, waiting for other threads, making results.
    """

    def __init__(self, plan: Plan, calls: list[float], kernels: list[Any]) -> None:
        self.plan, self.calls = plan, len(calls)
        self.seconds = float(np.median(calls))
        self.of_lines = [float(x) for x in np.median(kernels, axis=0)]
        self.around = max(self.seconds - sum(self.of_lines), 0.0)

    def rate(self, line: PlanLine, seconds: float) -> tuple[str, str]:
        """What a kernel reached, and its share of what it could: by operations or by bytes, whichever is nearer."""
        if seconds <= 0:
            return "", ""
        moving = line.moved / memory_bandwidth(self.plan.threads)
        calculating = 0.0
        if line.kind in ("product", "kernel") and line.flops:
            dtype = line.nodes[-1].dtype
            if dtype.kind == "f" and dtype.itemsize >= 4:
                seen = line.flops / seconds if line.flops > LARGE else 0.0
                calculating = line.flops / matrix_peak(dtype.name, self.plan.threads, seen)
        if not max(moving, calculating):
            return "", ""
        by_flops = calculating >= moving
        rate = amount(line.flops / seconds, "FLOP/s") if by_flops else amount(line.moved / seconds, "B/s")
        return rate, f"{max(moving, calculating) / seconds:.0%}"

    def note(self) -> str:
        """What the figures mean, in the words of the table."""
        threads = self.plan.threads
        peaks = [
            f"{amount(matrix_peak(dtype, threads), 'FLOP/s')} in products of {dtype}"
            for dtype in sorted(
                {x.nodes[-1].dtype.name for x in self.plan.descriptions if x.kind in ("product", "kernel")}
            )
            if dtype in ("float32", "float64")
        ]
        peaks.append(f"{amount(memory_bandwidth(threads), 'B/s')} from and to memory")
        many = "1 thread" if threads == 1 else f"{threads} threads"
        text = (
            f"A call took {time(self.seconds)} (median of {self.calls}), {time(self.around)} of it around kernels: "
            f"finding and checking the state, making results, waiting for threads. On {many} this machine reached "
            f"{' and '.join(peaks)}; `of peak` compares with that. More than 100% of memory's means that the arrays "
            "were in the caches; of products', that other threads did most of it: kernels are timed on the calling one."
        )
        return textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="  ")


class TimedPlan(Plan):
    """A plan that measures itself: its kernels by the processor's clock, its calls of Python by Python's."""

    def __init__(self, graph: Any) -> None:
        super().__init__(graph, timed=True)
        self.of_python: dict[Node, float] = {}

    def _compute(self, node: Node, *rest: Any) -> None:
        started = perf_counter()
        try:
            super()._compute(node, *rest)
        finally:
            self.of_python[node] = perf_counter() - started

    def taken(self) -> Any:
        """Seconds of each line since it was asked last."""
        found = np.zeros(len(self.descriptions))
        np.add.at(found, self.calls, self.times[:-1] * seconds_per_tick())
        for i, line in enumerate(self.descriptions):
            if line.kind in ("call", "guard"):
                found[i] += self.of_python.get(line.nodes[0], 0.0)
        self.times[:] = 0
        self.of_python.clear()
        return found


def profile(compiled: CompiledFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Report:
    """Call a plan some times, with clocks, and put back what the calls have changed."""
    call = Call(compiled.function, args, kwargs)
    streams = [g for p in compiled.plans for g in p.trace.streams]
    before = SavedState(find_locations(call.roots()), streams)
    try:
        replay = found_plan(compiled, args, kwargs)
        assert replay.trace.graph is not None
        timed = TimedPlan(simplify(lower(replay.trace.graph)))
        measured = measure(replay, timed, args, kwargs, before)
    finally:
        before.restore()
    compiled.profiles[replay] = measured
    compiled._prefer(replay)
    return report(compiled)


def found_plan(compiled: CompiledFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Replay:
    """The plan for a call; it is called until there is one."""
    name = name_of(compiled.function)
    settings = (mode.current_mode.get(), mode.is_training())
    for _ in range(CALLS):
        if compiled.given_up is None:
            for replay in compiled.plans:
                if replay.confirmed and replay.settings == settings and replay.fits(args, kwargs):
                    if replay.run is None and not compiled._build(replay):
                        break
                    return replay
        if compiled.given_up is not None:
            raise RuntimeError(f"{name} runs eagerly, and has no plan to measure: {compiled.given_up}")
        if settings[0].debug:
            raise RuntimeError(f"{name} runs eagerly inside wengert.debug(); profile it outside")
        compiled(*args, **kwargs)
    why = "each of them took another way" if compiled.trouble is None else compiled.trouble
    raise RuntimeError(f"{name} has no plan to measure after {CALLS} calls: {why}")


def measure(replay: Replay, timed: TimedPlan, args: Any, kwargs: Any, before: SavedState) -> Profile:
    """Take turns: a call as it is, and one with clocks inside."""
    assert replay.run is not None
    calls: list[float] = []
    kernels: list[Any] = []
    until = perf_counter() + PATIENCE
    missed = 0
    warm = False
    while len(calls) < FEWEST or (perf_counter() < until and len(calls) < MOST):
        try:
            started = perf_counter()
            found = replay.call(args, kwargs)
            seconds = perf_counter() - started
            if found is not MISS:
                found = replay.replay(args, kwargs, timed.run)
        except GuardFailed:
            found = MISS
        taken = timed.taken()
        if found is MISS:  # these numbers take another way by now: back to those of the beginning
            missed += 1
            if missed > MOST or (not calls and missed > FEWEST):
                raise RuntimeError("the call takes another way each time, so there is no one plan to measure")
            before.restore()
        elif warm:
            calls.append(seconds)
            kernels.append(taken)
        warm = True
    return Profile(timed, calls, kernels)
