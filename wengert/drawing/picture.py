"""Drawing: a diagram as a picture, by the layout of this package (SVG) or of Graphviz (PNG, PDF), and as text."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.drawing.diagram import Diagram, dot_text
from wengert.drawing.page import page_of
from wengert.drawing.svg import scrolled, svg_of

__all__ = ["Drawing"]

FORMATS = ("png", "pdf")  # that Graphviz makes
TEXTS = ("dot", "gv")
SHOWN = 2000  # boxes: a page with more is slow


class Drawing:
    """A computational graph, drawn by `draw`.

    A notebook displays the picture. ``str(drawing)`` is its text in DOT, the language of Graphviz.

    Attributes
    ----------
    diagram : Diagram
        The boxes and arrows.
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

    def __init__(self, diagram: Diagram, functions: int, values: int) -> None:
        if not isinstance(diagram, Diagram):
            raise TypeError(f"a Drawing is made of a Diagram, but got {describe(diagram)}; draw(y) makes one")
        self.diagram = diagram
        self.functions = functions
        self.values = values
        self._sheet: Any = None  # what knows the Variables of the boxes: `draw` sets it

    def __str__(self) -> str:
        return self.dot

    @property
    def dot(self) -> str:
        """The text in DOT."""
        return dot_text(self.diagram)

    @property
    def svg(self) -> str:
        """The picture as SVG. It needs no program beside."""
        return svg_of(self.diagram, self.title())

    def page(self) -> str:
        """The interactive page: HTML that loads nothing.

        One steps forward and backward through the graph, and sees values and gradients appear: those of this moment.
        The gradients are those of ``y.backward()`` in the order of its walk; no `grad` is written.
        """
        if self._sheet is None:
            return page_of(self.diagram, self.title(), [])
        return str(self._sheet.page(self.diagram, self.title()))

    def title(self) -> str:
        """Say what is drawn."""
        return f"a graph of {count(self.functions, 'function')} and {count(self.values, 'value')}"

    def __repr__(self) -> str:
        return (
            f"<Drawing of {count(self.functions, 'function')} and {count(self.values, 'value')}; "
            'save("graph.svg") makes a picture, str() the text of it>'
        )

    def save(self, path: str | os.PathLike[str], timeout: float = 120.0) -> Path:
        """Save a picture (.svg; .png and .pdf by Graphviz), the interactive page (.html), or the text (.dot, .gv).

        Parameters
        ----------
        path : str or path
            Its suffix says what is saved.
        timeout : float
            Seconds allowed for Graphviz.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        ValueError
            If the name has another suffix.
        RuntimeError
            If a .png or .pdf is to be saved, and Graphviz is not installed or fails.
        TimeoutError
            If Graphviz takes longer.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"a drawing is saved to a path, but got {options.received(path)}")
        timeout = options.real(timeout, "timeout", "Drawing.save", above=0)
        path = Path(path)
        form = path.suffix[1:].lower()
        if form in TEXTS:
            path.write_text(self.dot + "\n", "utf-8")
        elif form == "svg":
            path.write_text(self.svg + "\n", "utf-8")
        elif form == "html":
            path.write_text(self.page(), "utf-8")
        elif form in FORMATS:
            path.write_bytes(self.render(form, timeout, str(path)))
        else:
            known = ", ".join(f".{name}" for name in ("svg", "html", *FORMATS, *TEXTS))
            raise ValueError(f"a drawing is saved to a name that ends in one of {known}, but got {str(path)!r}")
        return path

    def render(self, form: str, timeout: float, purpose: str) -> bytes:
        """Run Graphviz to make a picture of format `form`; `purpose` is for messages."""
        timeout = options.real(timeout, "timeout", "Drawing.render", above=0)
        program = shutil.which("dot")
        if program is None:
            raise RuntimeError(
                f"{purpose} needs Graphviz, but its program `dot` is not on the PATH; install it (apt install "
                "graphviz, brew install graphviz, winget install graphviz, or https://graphviz.org/download), or "
                "save as SVG, which needs nothing: save('graph.svg')"
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

    def _repr_html_(self) -> str | None:
        """Show the picture on a page; None where it is too large."""
        return None if self.functions + self.values > SHOWN else scrolled(self.svg)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the picture in a notebook."""
        if self.functions + self.values > SHOWN:
            return {"text/plain": f"{self!r}; it is too large to be shown here"}
        svg = self.svg
        return {"text/plain": repr(self), "image/svg+xml": svg, "text/html": scrolled(svg)}


def count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
