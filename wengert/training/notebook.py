"""What is shown in a notebook: a place in the output of a cell that can be written again. No widgets are needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from html import escape
from time import perf_counter
from typing import Any

__all__ = ["NotebookBar", "Place", "in_notebook"]


def in_notebook() -> bool:
    """Whether the program runs in a notebook; IPython is not imported for the question."""
    module = sys.modules.get("IPython")
    if module is None:
        return False
    shell = module.get_ipython()
    return getattr(shell, "kernel", None) is not None


class Place:
    """A place in the output of a cell; the first `show` makes it. Outside of a notebook nothing is shown."""

    def __init__(self) -> None:
        self._handle: Any = None
        self.is_seen = in_notebook()

    def show(self, bundle: Mapping[str, str]) -> None:
        """Show a bundle of MIME types and texts in place of what was shown before."""
        if not self.is_seen:
            return
        if self._handle is None:
            display: Any = sys.modules["IPython"].display.display  # (there, because `in_notebook`)

            self._handle = display(dict(bundle), raw=True, display_id=True)
        else:
            self._handle.update(dict(bundle), raw=True)


class NotebookBar:
    """A progress bar, which takes the calls that `Progress` makes of a bar of tqdm."""

    disable = False

    def __init__(self, desc: str, total: int | None, initial: int, **settings: Any) -> None:
        self.title, self.total, self.done, self.first = desc, total, initial, initial
        self.numbers: Mapping[str, str] = {}
        self.started = perf_counter()
        self.place = Place()
        self._show()

    def set_postfix(self, numbers: Mapping[str, str], refresh: bool = False) -> None:
        self.numbers = dict(numbers)

    def update(self, n: int) -> None:
        self.done += n
        self._show()

    def close(self) -> None:
        self._show()

    def _show(self) -> None:
        seconds = perf_counter() - self.started
        of = f"{self.done}" if self.total is None else f"{self.done}/{self.total}"
        rate = f", {(self.done - self.first) / seconds:.1f} batches/s" if seconds > 0.5 else ""
        numbers = ", ".join(f"{name}={value}" for name, value in self.numbers.items())
        text = f"{of} [{seconds:.1f} s{rate}] {numbers}".strip()
        share = "" if self.total is None else f' value="{min(self.done, self.total)}" max="{max(self.total, 1)}"'
        html = f"<div>{escape(self.title)} <progress{share}></progress> {escape(text)}</div>"
        self.place.show({"text/plain": f"{self.title} {text}", "text/html": html})
