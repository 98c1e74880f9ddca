"""Drawing: a graph as DOT text, and as a picture where Graphviz is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from wengert.checks import options

__all__ = ["Drawing"]

FORMATS = ("svg", "png", "pdf")
TEXTS = ("dot", "gv")
SHOWN = 2000  # nodes: the layout of more takes minutes
PATIENCE = 20.0  # seconds that a notebook waits at most


class Drawing:
    """A computational graph, drawn by `draw`.

    ``str(drawing)`` is its text in DOT, the language of Graphviz. In a notebook it is displayed as a picture where
    Graphviz is installed.

    Attributes
    ----------
    dot : str
        The text.
    functions, values : int
        How many nodes there are of each.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.drawing import draw
    >>> x = wengert.Variable(np.array(2.0), name="x")
    >>> drawing = draw(x * x)
    >>> drawing
    <Drawing of 1 function and 2 values; save("graph.svg") makes a picture, str() the text of it>
    >>> drawing.dot.splitlines()[-2]
    '  f1 -> v1;'
    """

    def __init__(self, dot: str, functions: int, values: int) -> None:
        self.dot = dot
        self.functions = functions
        self.values = values

    def __str__(self) -> str:
        return self.dot

    def __repr__(self) -> str:
        return (
            f"<Drawing of {count(self.functions, 'function')} and {count(self.values, 'value')}; "
            'save("graph.svg") makes a picture, str() the text of it>'
        )

    def save(self, path: str | os.PathLike[str], timeout: float = 120.0) -> Path:
        """Save a picture (.svg, .png, .pdf) or the text (.dot, .gv), by the suffix of the name.

        Parameters
        ----------
        path : str or path
        timeout : float
            Seconds allowed for the layout of a picture.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        ValueError
            If the name has another suffix.
        RuntimeError
            If a picture is to be saved, and Graphviz is not installed or fails.
        TimeoutError
            If the layout takes longer.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"a drawing is saved to a path, but got {options.received(path)}")
        timeout = options.real(timeout, "timeout", "Drawing.save", above=0)
        path = Path(path)
        form = path.suffix[1:].lower()
        if form in TEXTS:
            path.write_text(self.dot + "\n", "utf-8")
        elif form in FORMATS:
            path.write_bytes(self.render(form, timeout, str(path)))
        else:
            known = ", ".join(f".{name}" for name in FORMATS + TEXTS)
            raise ValueError(f"a drawing is saved to a name that ends in one of {known}, but got {str(path)!r}")
        return path

    def render(self, form: str, timeout: float, purpose: str) -> bytes:
        """Run Graphviz to make a picture of format `form`; `purpose` is for messages."""
        program = shutil.which("dot")
        if program is None:
            raise RuntimeError(
                f"{purpose} needs Graphviz, but its program `dot` is not on the PATH; install it (apt install "
                "graphviz, brew install graphviz, winget install graphviz, or https://graphviz.org/download), or "
                "save the text, which needs nothing: save('graph.dot')"
            )
        try:
            run = subprocess.run([program, f"-T{form}"], input=self.dot.encode(), capture_output=True, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(
                f"{purpose}: Graphviz did not finish the layout of {self.functions + self.values} nodes in "
                f"{timeout} s; allow more (timeout=), draw less (verbose=False, or a part of the graph), or "
                "save the text (.dot)"
            ) from error
        if run.returncode:
            said = run.stderr.decode(errors="replace").strip() or "nothing"
            raise RuntimeError(
                f"{purpose}: Graphviz ({program}) failed with status {run.returncode} and said: {said}; "
                "save the text (.dot) to inspect it"
            )
        return run.stdout

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the picture in a notebook, without raising or waiting long."""
        shown = {"text/plain": repr(self)}
        if self.functions + self.values <= SHOWN:
            try:
                shown["image/svg+xml"] = self.render("svg", PATIENCE, "the picture").decode()
            except (OSError, RuntimeError):
                shown["text/plain"] = self.dot
        return shown


def count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
