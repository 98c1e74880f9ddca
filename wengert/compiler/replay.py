"""Replay: a plan with what it needs to be run in the place of the function.

What a plan depends on is checked, and the arrays are fetched, by straight-line code that is made for it: a walk over
places would take longer than the plan of a small network.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks.mutation import owner
from wengert.compiler.code.forking import renewed_after_fork
from wengert.compiler.plans.runner import Runner
from wengert.compiler.replay_code import MISS, Writer
from wengert.compiler.watching.tracing import Trace

__all__ = ["MISS", "Replay"]


class Checks:
    """What the code of a replay asks of arrays."""

    def __init__(self) -> None:
        self.forms: list[Any] = []
        self.last: list[Any] = []
        self.written: list[bool] = []  # whether a plan writes to these arrays of the state
        self.owners: set[int] = set()
        self.windows = False  # whether any of them looks into memory that is no array's
        self.settled = False
        self.writes_arguments = False
        self.arrays: list[Any] = []  # of the state, as they were when their memory was looked at

    def has_form(self, i: int, array: Any) -> bool:
        """Whether an array has the form that the plan was made for."""
        kind, shape, dtype, strides, written = self.forms[i]
        if type(array) is not kind or array.shape != shape or array.dtype != dtype:
            return False
        if array.strides != strides and array.size > 1:
            return False
        return not written or bool(array.flags.writeable)

    def met(self, i: int, array: Any) -> bool:
        """The same of an array of the state, which is known the next time."""
        if not self.has_form(i, array):
            return False
        self.last[i] = array
        self.settled = False
        return True

    def settle(self, state: list[Any]) -> bool:
        """Look where the arrays of the state lie: none that is written to may share memory with another."""
        written = [a for a, w in zip(state, self.written, strict=True) if w]
        for w in written:
            if sum(bool(np.may_share_memory(w, a)) for a in state) > 1:
                return False
        owners = [owner(a) for a in (state if self.writes_arguments else written)]
        self.owners, self.windows = set(map(id, owners)), not all(a.flags.owndata for a in owners)
        self.arrays = state
        self.settled = True
        return True

    def apart(self, arguments: list[Any]) -> bool:
        """Whether arguments that look into another array share no memory that is written to."""
        writes = self.writes_arguments
        state = [a for a, w in zip(self.arrays, self.written, strict=True) if w or writes]
        for i, array in enumerate(arguments):
            memory = owner(array)
            near = self.windows or not memory.flags.owndata or id(memory) in self.owners
            if near and any(np.may_share_memory(array, a) for a in state):
                return False
            if writes and any(np.may_share_memory(array, a) for a in arguments[:i]):
                return False
        return True


class Replay:
    """A plan and its conditions.

    Parameters
    ----------
    trace : Trace
    settings
        The mode that it was made under.
    runner : callable
        Makes of a graph what takes the arrays of its inputs, writes what is assigned into them, and returns the
        results. It is made when it is first needed.

    Attributes
    ----------
    replay : callable
        ``replay(args, kwargs, run)``: what the function would do, or MISS where the plan does not fit. With None
        as `run` nothing is done, and True says that it fits.
    """

    def __init__(self, trace: Trace, settings: Any, runner: Callable[[Any], Runner]) -> None:
        self.trace, self.settings, self.runner = trace, settings, runner
        self.run: Runner | None = None
        self.making = threading.RLock()
        renewed_after_fork(self)
        self.confirmed = False
        self.to_check = 0  # made ahead of time: at its last use but so many, it is compared with the function once more
        assert trace.graph is not None
        self.may_leave = bool(trace.streams)
        self.quick: Any = None  # see `wengert.compiler.quick`
        # (no reference cycle: memory of plans that nobody has any more is free at once)
        self.checks = Checks()
        self.code, names = Writer(trace, self.checks).write()
        exec(compile(self.code, "<wengert replay>", "exec"), names)
        self.replay: Callable[..., Any] = names.pop("replay")

    def renew(self) -> None:
        """Another process: nobody holds the lock."""
        self.making = threading.RLock()

    def make(self) -> None:
        """Make what runs the graph, if that is still to be done."""
        with self.making:
            if self.run is None:
                assert self.trace.graph is not None
                self.run = self.runner(self.trace.graph)

    def quicken(self) -> None:
        """From now on take the quick way, where nobody looks at the calls any more."""
        from wengert.compiler.quick import quick_of

        with self.making:
            if self.quick is None and self.run is not None:
                self.quick = quick_of(self)

    def call(self, args: Any, kwargs: Any, tried: bool = False) -> Any:
        """Do what the function would do; MISS where the plan does not fit. The quick way may have been tried."""
        quick, run = self.quick, self.run
        if quick is None or run is None:
            return self.replay(args, kwargs, run)
        found = MISS if tried else quick.run(args, kwargs)
        if found is not MISS:
            return found
        taken = []

        def noting(arrays: list[Any]) -> list[Any]:
            taken.append(arrays)
            return run(arrays)

        found = self.replay(args, kwargs, noting)
        if found is not MISS:
            quick.missed(self, taken[0], args, kwargs)
        return found

    def fits(self, args: Any, kwargs: Any) -> bool:
        """Whether all that the plan depends on is as it was, guards apart."""
        return self.replay(args, kwargs, None) is True

    def streams(self) -> list[tuple[Any, Any]]:
        """The states of the random generators that it draws from, if it may be left after a draw."""
        if not self.may_leave:
            return []
        return [(generator, generator.bit_generator.state) for generator in self.trace.streams]
