"""Write docs/functions.md: what every function of NumPy does with a Variable.

python docs/make_functions.py          write it
python docs/make_functions.py --check  exit with 1 where it would differ, with 2 where it was
                                       written for other versions of NumPy and SciPy
"""

import inspect
import sys
from pathlib import Path

import numpy as np
import scipy

from wengert import functions
from wengert.auditing import CONSTANT, CREATES, DIFFERENTIABLE, NO_ARRAYS, REFUSES, Audit, Row, audit
from wengert.functions.singular_matrices import LINEAR_ALGEBRA
from wengert.functions.singular_points import EVERYWHERE, SETS, Point

PAGE = Path(__file__).resolve().parent / "functions.md"


def versions() -> str:
    """Say what the page is written from."""
    names = [f"{package.__name__} {'.'.join(package.__version__.split('.')[:2])}" for package in (np, scipy)]
    return f"Written by `python docs/make_functions.py` with {' and '.join(names)}, from the table of derivatives."


def page(found: Audit) -> str:
    """Return the page as text: the same for the same NumPy, SciPy and table of derivatives."""
    counts = [f"| {status} | {count} |" for status, count in found.counts.items()]
    lines = [
        "# What each function does with a Variable",
        "",
        "Every public name of `numpy`, `numpy.linalg` and `numpy.fft`, every ufunc of `scipy.special`, and every",
        "function of the modules of `wengert.scipy`, where SciPy's names are for Variables.",
        versions(),
        "The same in a program: `print(wengert.audit())`.",
        "",
        '<div class="table-filter"></div>',
        "",
        *("| status | names |", "| --- | ---: |", *counts, ""),
        "- *differentiable*: gives Variables; derivatives of any order with respect to the arguments named.",
        "  Where none is named, the function is a composition of differentiable functions.",
        "- *makes arrays*: into which Variables can be written: `np.zeros(n, like=x)` where `x` is one.",
        "- *piecewise constant*: gives plain arrays of integers, booleans or positions.",
        "- *refused*: raises a `TypeError` that says what to write instead. Nothing leaves the graph silently.",
        "- *takes no arrays*: creates arrays, sets options or describes.",
    ]
    for status, columns in {
        DIFFERENTIABLE: "function | with respect to | notes",
        CREATES: "function | how",
        CONSTANT: "function",
        REFUSES: "function | why, or what to write",
        NO_ARRAYS: "function | what it is",
    }.items():
        rows = [row for row in found if row.status == status]
        lines += ["", f"## {status.capitalize()}", ""]
        if status == DIFFERENTIABLE:
            lines += [f"| {columns} |", "| --- | --- | --- |"]
            lines += [f"| `{row.name}` | {', '.join(f'`{a}`' for a in row.arguments)} | {row.note} |" for row in rows]
        elif status == CONSTANT:
            lines += [f"{', '.join(f'`{row.name}`' for row in rows)}"]
        else:
            lines += [f"| {columns} |", "| --- | --- |", *grouped(rows)]
    lines += ["", "## Under `vmap`", "", *under_vmap(found)]
    lines += ["", "## Linear algebra at equal values and zeros", "", *linear_algebra()]
    lines += ["", "## What NumPy lacks: `wengert.functions`", "", *networks()]
    lines += ["", "## Singular sets", "", *singular_sets()]
    return "\n".join(lines) + "\n"


def under_vmap(found: Audit) -> list[str]:
    """Say how functions run under `vmap`."""

    def names(kind: str) -> str:
        return ", ".join(f"`{row.name}`" for row in found if row.batched == kind)

    return [
        "Functions run for all examples at once, but for these.",
        "",
        f"By a composition of others, or as a loop where that depends on values: {names('by composition')}.",
        "",
        f"As a loop over the examples: {names('as a loop')}.",
    ]


def linear_algebra() -> list[str]:
    """Say what functions of matrices do where values are equal or 0, and how triangles are read."""
    return [
        "A derivative is right, NaN where it is infinite, refused by a `LinAlgError`, or a convention that is",
        "written here: of a loss that has none, like the largest of equal eigenvalues. Values are equal where",
        "rounding alone can have made them different. What a loss depends on decides, not the size of a gradient.",
        "",
        "| of | where | first derivative | second derivative |",
        "| --- | --- | --- | --- |",
        *(f"| {' | '.join(row)} |" for row in LINEAR_ALGEBRA),
        "",
        "`eigh`, `eigvalsh`, `cholesky`, and `svd` and `pinv` with `hermitian=True` read one triangle of a matrix, the",
        "lower one by default. The gradient lies in that triangle, and an element there stands for two: it is the",
        "derivative of what NumPy computes, and what `check_grad` finds. For a gradient that is symmetric, make the",
        "matrix from a parameter, as in `np.linalg.eigvalsh((s + s.T) / 2)`: that with respect to `s` is.",
    ]


def networks() -> list[str]:
    """Describe each function of `wengert.functions` by its name and the first line of its documentation."""
    lines = ["| function | what it is |", "| --- | --- |"]
    for name in functions.__all__:
        function = getattr(functions, name)
        first = (inspect.getdoc(function) or "").partition("\n")[0].replace("|", "\\|")
        lines.append(f"| `{name}({', '.join(inspect.signature(function).parameters)})` | {first} |")
    return lines


def singular_sets() -> list[str]:
    """Say where each function has no derivative, and what is done there."""
    lines = [
        "Where a function has no derivative of its own, and what its first and second derivative are there:",
        "",
        "- *right*: the derivative; one that is infinite is infinite or NaN.",
        "- *limit*: what the derivative of the whole program tends to there, from all sides; NaN if it has no limit.",
        "  So `np.cbrt(x) ** 3` and `np.cos(np.linalg.norm(x))` have their derivatives at 0. What a mask selects away",
        "  is 0: `np.where(x > 0, np.sqrt(x), 0)`.",
        "- *NaN*, or *refused* by an exception: it is undefined, and that is seen.",
        "- all else is a convention, a subgradient, in words.",
        "",
        "| functions | where | first order | second order |",
        "| --- | --- | --- | --- |",
        *(line_of("all", point) for point in EVERYWHERE),
    ]
    groups: dict[tuple[Point, ...], list[str]] = {}
    for points, names in SETS:
        groups.setdefault(points, []).extend(name.replace("F.", "functions.") for name in names.split())
    for points, names in groups.items():
        lines += [line_of(", ".join(f"`{name}`" for name in names), point) for point in points]
    return [*lines, "", "Nowhere singular: " + ", ".join(f"`{name}`" for name in groups[()]) + "."]


def line_of(names: str, point: Point) -> str:
    """Write a line of the table of singular sets."""
    return f"| {names} | {point.where} | {point.first} | {point.second} |"


def grouped(rows: list[Row]) -> list[str]:
    """Join the functions that have the same note."""
    notes: dict[str, list[str]] = {}
    for row in rows:
        notes.setdefault(row.note, []).append(f"`{row.name}`")
    return [f"| {', '.join(names)} | {note} |" for note, names in notes.items()]


def main() -> int:
    """Write the page, or check it."""
    text = page(audit())
    if "--check" not in sys.argv:
        PAGE.write_text(text, "utf-8")
        return 0
    written = PAGE.read_text("utf-8")
    if versions() not in written:
        sys.stderr.write(f"{PAGE} was written with other versions than now: {versions()}\n")
        return 2
    if written != text:
        sys.stderr.write(f"{PAGE} is not up to date; write it: python docs/make_functions.py\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
