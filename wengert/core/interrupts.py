"""Critical sections: what Ctrl-C must not break off half-way."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Uninterrupted", "interrupts_blocked"]


class Uninterrupted:
    """Inside the block, Ctrl-C waits; when the block ends, it does what it does outside.

    Only where the block is entered in the main thread, which is the one that Python interrupts; and not
    where the program ignores Ctrl-C. Blocks may be nested.

    Parameters
    ----------
    deliver : callable, optional
        Called, instead of the program's handler of the signal, when there was a Ctrl-C.

    Examples
    --------
    >>> import signal
    >>> done = []
    >>> try:
    ...     with Uninterrupted():
    ...         signal.raise_signal(signal.SIGINT)
    ...         done.append("the block")
    ... except KeyboardInterrupt:
    ...     done.append("and then the interrupt")
    >>> done
    ['the block', 'and then the interrupt']
    """

    def __init__(self, deliver: Callable[[], Any] | None = None) -> None:
        self.count = 0
        self._deliver = deliver
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):  # not SIG_IGN, as behind nohup; not None, of another language
                self._before = before
                signal.signal(signal.SIGINT, self._on_signal)  # nothing can be interrupted from here on
        return self

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        before = self._before
        if before is None:
            return
        signal.signal(signal.SIGINT, before)
        if self.count and self._deliver is not None:
            self._deliver()
            return
        for _ in range(self.count):
            before(signal.SIGINT, None)


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Inside the block, processes are started that Ctrl-C does not reach before they have chosen to ignore it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
