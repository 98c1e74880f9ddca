"""The line of the program that computes each value of a trace."""

from __future__ import annotations

import sys
from typing import Any
from weakref import ref

from wengert.checks.frames import IS_LIBRARY, user_line_of
from wengert.checks.second_walk import current_walk
from wengert.core.backprop import Walk

__all__ = ["Lines"]

RUN = Walk.run.__code__


class Lines:
    """The lines of a program, as `user_line` names them. All calls of one backward pass are of the line that began it.

    (So the frames around that pass, which are many, are gone through once for it.)
    """

    def __init__(self) -> None:
        self.walk: Any = no_walk  # a weak reference to the last backward pass
        self.walk_line = ""

    def current(self) -> str:
        """Name the line that is being run."""
        frame: Any = sys._getframe(2)
        while frame is not None:
            code = frame.f_code
            if code is RUN:
                return self.of_walk(frame)
            if not IS_LIBRARY[code.co_filename]:
                break
            frame = frame.f_back
        return user_line_of(frame)

    def of_walk(self, frame: Any) -> str:
        """Name the line that began the innermost backward pass, which runs in `frame`."""
        walk = current_walk.get()
        if walk is not self.walk():
            self.walk, self.walk_line = ref(walk), user_line_of(frame)
        return self.walk_line


def no_walk() -> None:
    """Stand for a weak reference whose object was freed."""
