"""A line of progress where tracing or compiling takes long: on a terminal, if tqdm is installed."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

__all__ = ["announced"]

AFTER = 1.0  # seconds: what takes less is not announced
EVERY = 0.5  # seconds, between updates


@contextlib.contextmanager
def announced(what: str) -> Iterator[None]:
    """Show a line with what is being done, and for how long, from the first second on; remove it afterwards.

    The environment variable WENGERT_PROGRESS=0 turns it off.
    """
    stream = sys.stderr
    if os.environ.get("WENGERT_PROGRESS") == "0" or stream is None or not stream.isatty():
        yield
        return
    done = threading.Event()
    shown = threading.Thread(target=show, args=(what, done), name="wengert-progress", daemon=True)
    shown.start()
    try:
        yield
    finally:
        done.set()
        shown.join()


def show(what: str, done: threading.Event) -> None:
    """Show the line until it is done. (It is called in a thread of its own.)"""
    if done.wait(AFTER):
        return
    try:
        from tqdm import tqdm
    except ImportError:
        return
    with tqdm(desc=what, bar_format="{desc}: {elapsed}", leave=False, file=sys.stderr) as line:
        while not done.wait(EVERY):
            line.refresh()
