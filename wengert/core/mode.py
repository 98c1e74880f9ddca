"""The state that a block of code sets: whether calls are recorded, or debugged.

The state is context-local (`contextvars`): threads and asyncio tasks do not see each other's, and
leaving a block restores what was before, also when it is left by an exception.
"""

import functools
from contextvars import ContextVar
from typing import NamedTuple

__all__ = ["RECORDING", "Mode", "changed", "current_mode"]


class Mode(NamedTuple):
    """What the engine does with the calls it sees."""

    record: bool = True
    debug: bool = False


# The hot path asks one question, `current_mode.get() is RECORDING`, and all else is its slow side.
RECORDING = Mode()
current_mode: ContextVar[Mode] = ContextVar("wengert.mode", default=RECORDING)


@functools.cache
def changed(mode: Mode, **settings: bool) -> Mode:
    """Return `mode` with other settings; of two equal to `RECORDING`, that one."""
    mode = mode._replace(**settings)
    return RECORDING if mode == RECORDING else mode
