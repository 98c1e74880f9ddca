"""Ctrl-C as a question: shall we stop after this step?"""

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interrupts"]


class Interrupts:
    """Inside the block, the first Ctrl-C sets `asked`; the second does what it did outside.

    Only where the block is entered in the main thread, which is the one that Python interrupts; and not
    where the program ignores Ctrl-C. The second acts while `listening` is set, so that it cannot come between the
    block and what tidies up after it; where it raises, it is the last one that is heard.
    """

    def __init__(self, note: str) -> None:
        self.asked = self.listening = False
        self._waiting = self._raised = False
        self._note = note
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):  # not SIG_IGN, as behind nohup; not None, of another language
                self._before = before
                signal.signal(signal.SIGINT, self._on_signal)
        return self

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked = True
            if sys.stderr is not None and sys.stderr.isatty():
                os.write(2, f"\n{self._note}\n".encode())  # (print is not for signal handlers)
        elif not self.listening:
            self._waiting = True
        elif not self._raised:
            try:
                self._before(number, frame)
            except BaseException:
                self._raised = True
                raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listening = False
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            if self._waiting and not self._raised:
                self._before(signal.SIGINT, None)
