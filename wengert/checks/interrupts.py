"""What Ctrl-C must not break off half-way, and how its state is kept whole."""

import contextlib
import signal
import threading

# Without the conversions to enumerations, which take ten times as long as all else here.
from _signal import getsignal  # type: ignore[import-not-found]
from _signal import signal as set_handler
from collections.abc import Iterator
from contextvars import ContextVar
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Transaction", "Uninterrupted", "interrupts_blocked"]


class Uninterrupted:
    """Inside the block, Ctrl-C waits; when the block ends, it does what it does outside.

    Only where the block is entered in the main thread, which is the one that Python interrupts; and not
    where the program ignores Ctrl-C. A block inside of another changes nothing.

    Parameters
    ----------
    joins : bool
        Whether it is a part of the running `Transaction`, and lasts to its end.

    Examples
    --------
    >>> import signal
    >>> done = []
    >>> before = signal.signal(signal.SIGINT, signal.default_int_handler)
    >>> try:
    ...     with Uninterrupted():
    ...         signal.raise_signal(signal.SIGINT)
    ...         done.append("the block")
    ... except KeyboardInterrupt:
    ...     done.append("and then the interrupt")
    >>> done
    ['the block', 'and then the interrupt']
    >>> _ = signal.signal(signal.SIGINT, before)
    """

    def __init__(self, joins: bool = False) -> None:
        self.count = 0
        self._joins = joins
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            before = getsignal(signal.SIGINT)
            inside = isinstance(getattr(before, "__self__", None), Uninterrupted)
            if callable(before) and not inside:  # not SIG_IGN, as behind nohup; not None, of another language
                self._before = before
                set_handler(signal.SIGINT, self._on_signal)  # from here on nothing comes in between
        if self._joins and (transaction := running.get()) is not None:
            transaction.began = True
        return self

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is None:
            return
        if self._joins and (transaction := running.get()) is not None:
            transaction.block = self  # and ends it
        else:
            self.end()

    def end(self) -> None:
        """Let Ctrl-C do what it did before, and what it was to do in between."""
        set_handler(signal.SIGINT, self._before)
        for _ in range(self.count):
            self._before(signal.SIGINT, None)


class Transaction:
    """A block that is all or nothing from the first `Uninterrupted` block on that joins it.

    It may be entered again and again. Where a signal may raise as it begins, `__exit__` is to be called once more.

    Attributes
    ----------
    began : bool
        Whether there was one: an exception that leaves the block then leaves its work half done.
    """

    def __init__(self) -> None:
        self.began = False
        self.block: Uninterrupted | None = None

    def __enter__(self) -> Self:
        self.began = False
        running.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running.set(None)
        block, self.block = self.block, None
        if block is not None:
            block.end()


running: ContextVar[Transaction | None] = ContextVar("wengert.transaction", default=None)


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
