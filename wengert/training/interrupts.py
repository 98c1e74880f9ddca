"""Ctrl-C as a request to stop after the current step."""

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interrupts"]


class Interrupts:
    """Inside the block, the first Ctrl-C sets `asked`; the second calls the previous handler.

    Active only if the block is entered in the main thread, the one that Python interrupts, and if the program does not
    ignore Ctrl-C. The second acts only while `listening` is set, so that it cannot interrupt the clean-up after the
    block; once it has raised, further ones are ignored.
    """

    def __init__(self, note: str) -> None:
        self.asked = self.listening = False
        self._waiting = self._raised = False
        self._note = note
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):  # not SIG_IGN, as under nohup; not None, a handler not set from Python
                self._before = before
                signal.signal(signal.SIGINT, self._on_signal)
        return self

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked = True
            if sys.stderr is not None and sys.stderr.isatty():
                os.write(2, f"\n{self._note}\n".encode())  # (print is not reentrant, so not safe in signal handlers)
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
