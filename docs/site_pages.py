"""What the configuration of the site asks for: pages that are made from the code, and how the gallery is run."""

import importlib
import inspect
from pathlib import Path
from typing import Any

from validate_docstrings import listed

import wengert.scipy

PAGE = Path(__file__).resolve().parent / "reference" / "scipy.md"
THEIRS = "https://docs.scipy.org/doc/scipy/reference/generated/{name}.html"
HEAD = """# `wengert.scipy`

SciPy's functions for Variables, under SciPy's names: `from wengert.scipy import linalg`. They have SciPy's parameters
and give SciPy's results; each name links to SciPy's page. The ufuncs of `scipy.special` take Variables as they are.
What each differentiates with respect to, and which are refused: [What each function does](../functions.md).
"""


def short(gallery: Any, script: Any) -> list[str]:
    """Give the arguments that every example is run with."""
    return ["--short"]


def modules() -> list[str]:
    """Name the modules of `wengert.scipy`."""
    inner = {"sparse": ["sparse.linalg"], "spatial": ["spatial.distance"]}
    return [name for module in wengert.scipy.MODULES for name in (module, *inner.get(module, ()))]


def scipy_page() -> str:
    """List the names of `wengert.scipy`, module by module."""
    lines = [HEAD]
    for module in modules():
        ours = importlib.import_module(f"wengert.scipy.{module}")
        theirs = importlib.import_module(f"scipy.{module}")
        lines += [f"## `wengert.scipy.{module}`", "", "| name | what it is |", "| --- | --- |"]
        for name in sorted(ours.__all__, key=str.lower):
            public = getattr(ours, name)
            if inspect.ismodule(public):
                continue
            first = (inspect.getdoc(public) or "").strip().partition("\n")[0].replace("|", "\\|")
            link = (
                f"[`{name}`]({THEIRS.format(name=f'scipy.{module}.{name}')})" if hasattr(theirs, name) else f"`{name}`"
            )
            lines.append(f"| {link} | {first} |")
        lines.append("")
    return "\n".join(lines)


def write() -> None:
    """Write the page, if it differs: Sphinx reads again what has changed. Pages of names that are gone, go."""
    text = scipy_page()
    if not PAGE.exists() or PAGE.read_text("utf-8") != text:
        PAGE.write_text(text, "utf-8")
    names = set(listed())
    for page in PAGE.parent.glob("generated/*.rst"):
        if page.stem not in names:
            page.unlink()
