"""Profiling: the time of each kernel of a call, compared with the roofline of the machine."""

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
from wengert.compiler.report.plan_drawing import report
from wengert.compiler.report.plan_report import CompiledFunction, Report, amount, time
from wengert.compiler.report.roofline import matrix_peak, memory_bandwidth
from wengert.compiler.schedule.plan_line import PlanLine
from wengert.compiler.targets.cpu.cycle_counter import seconds_per_tick
from wengert.compiler.targets.cpu.program import Plan
from wengert.core import mode
from wengert.functions.training_mode import is_training

__all__ = ["Profile", "profile"]

PATIENCE = 0.5  # seconds of measured calls
MOST, FEWEST = 200, 5  # measured calls
LARGE = 100_000  # operations: for smaller products the clock is too coarse to correct the measured peak
MOST_CALLS = 6  # until there is a plan


class Profile:
    """The measurements of a plan.

    Attributes
    ----------
    calls : int
        The number of measured calls; all times are medians.
    seconds : float
        The time of a call.
    of_lines : list of float
        The time of each line of the plan, on the calling thread.
    around : float
        The remaining time: collecting and checking the state, waiting for other threads, creating results.
    """

    def __init__(self, plan: Plan, calls: list[float], kernels: list[Any]) -> None:
        self.plan, self.calls = plan, len(calls)
        self.seconds = float(np.median(calls))
        self.of_lines = [float(x) for x in np.median(kernels, axis=0)]
        self.around = max(self.seconds - sum(self.of_lines), 0.0)

    def rate(self, line: PlanLine, seconds: float) -> tuple[str, str]:
        """The rate of a kernel, and its fraction of the roofline: by operations or by bytes, whichever bounds it."""
        if seconds <= 0:
            return "", ""
        moving = line.moved / memory_bandwidth(self.plan.threads)
        computing = 0.0
        if line.kind in ("product", "kernel") and line.flops:
            dtype = line.nodes[-1].dtype
            if dtype.kind == "f" and dtype.itemsize >= 4:
                observed = line.flops / seconds if line.flops > LARGE else 0.0
                computing = line.flops / matrix_peak(dtype.name, self.plan.threads, observed)
        if not max(moving, computing):
            return "", ""
        by_flops = computing >= moving
        rate = amount(line.flops / seconds, "FLOP/s") if by_flops else amount(line.moved / seconds, "B/s")
        return rate, f"{max(moving, computing) / seconds:.0%}"

    def note(self) -> str:
        """The explanation below the table."""
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
            f"collecting and checking the state, creating results, waiting for threads. On {many} this machine "
            f"reached {' and '.join(peaks)}; `of peak` compares with that. More than 100% of the bandwidth means "
            "that the arrays were in the caches; more than 100% of the peak of products, that other threads computed "
            "most of it, because kernels are timed on the calling thread."
        )
        return textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="  ")


class TimedPlan(Plan):
    """A plan with timers: the cycle counter for kernels, Python's clock for calls of Python."""

    def __init__(self, graph: Any) -> None:
        super().__init__(graph, timed=True)
        self.of_python: dict[Node, float] = {}

    def _compute(self, node: Node, *arguments: Any) -> None:
        started = perf_counter()
        try:
            super()._compute(node, *arguments)
        finally:
            self.of_python[node] = perf_counter() - started

    def elapsed(self) -> Any:
        """Return the seconds of each line since the last call, and reset the timers."""
        found = np.zeros(len(self.descriptions))
        np.add.at(found, self.calls, self.times[:-1] * seconds_per_tick())
        for i, line in enumerate(self.descriptions):
            if line.kind in ("call", "guard"):
                found[i] += self.of_python.get(line.nodes[0], 0.0)
        self.times[:] = 0
        self.of_python.clear()
        return found


def profile(compiled: CompiledFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Report:
    """Run a plan several times with timers, and undo the changes of the state."""
    call = Call(compiled.function, args, kwargs)
    streams = [g for p in compiled.plans for g in p.trace.streams]
    before = SavedState(find_locations(call.roots()), streams)
    token = mode.current_mode.set(mode.current_mode.get())  # (see `found_plan`)
    try:
        replay = found_plan(compiled, args, kwargs)
        assert replay.trace.graph is not None
        timed = TimedPlan(replay.prepared or replay.prepare(replay.trace.graph))
        measured = measure(replay, timed, args, kwargs, before)
    finally:
        mode.current_mode.reset(token)
        before.restore()
    compiled.profiles[replay] = measured
    compiled._prefer(replay)
    return report(compiled)


def found_plan(compiled: CompiledFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Replay:
    """The plan for a call; the function is called until there is one."""
    name = name_of(compiled.function)
    settings = (mode.current_mode.get(), is_training())
    for _ in range(MOST_CALLS):
        if compiled.recorded.always:  # (a recorded call has the same kernels, and keeps values for its pullback beside)
            mode.current_mode.set(mode.changed(mode.current_mode.get(), record=False))
            settings = (mode.current_mode.get(), is_training())
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
    why = "each of them took another branch" if compiled.last_failure is None else compiled.last_failure
    raise RuntimeError(f"{name} has no plan to measure after {MOST_CALLS} calls: {why}")


def measure(replay: Replay, timed: TimedPlan, args: Any, kwargs: Any, before: SavedState) -> Profile:
    """Alternate between calls of the plan and of the timed plan."""
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
        elapsed = timed.elapsed()
        if found is MISS:  # with the changed state the call takes another branch: restore the state
            missed += 1
            if missed > MOST or (not calls and missed > FEWEST):
                raise RuntimeError("the call takes another branch each time, so there is no single plan to measure")
            before.restore()
        elif warm:
            calls.append(seconds)
            kernels.append(elapsed)
        warm = True
    return Profile(timed, calls, kernels)
