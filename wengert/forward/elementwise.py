"""Tangents through ufuncs: the text of `push`, filled and compiled for a structure as that of `pull` is.

The tangent of the result is the sum of the tangents of the inputs, each times its partial derivative. What a partial
derivative reads is what `pull` reads of the call, and so is kept.
"""

from __future__ import annotations

import functools
import linecache
from types import CodeType
from typing import Any

import numpy as np

from wengert.arrays.decisions import is_finite
from wengert.arrays.table import plain
from wengert.arrays.values import FLOAT64, floating
from wengert.checks.signature import is_identity
from wengert.core.elementwise import FLOATING, READ_RESULT, RESULT, Elementwise, names_of
from wengert.core.variable import Variable, attach

__all__ = ["Undetermined", "elementwise_push"]


class Undetermined(Exception):
    """Raised where a tangent is 0 times infinity, or follows a convention: a backward pass finds what it is."""


# `x` stands for each input in turn, t_x for its tangent: None where it has none.

PUSH = """
def make(partials, Undetermined):
    {partials}, = partials

    def push(self, tangents, differentiable, like):
        {names}, = self._edges
        {tangents}, = tangents
        t = None
{reading}
{terms}
        return t

    return push
"""

READ = """\
        if {read}:
            value_{x} = {x}
            if type({x}) is not float and type({x}) is not int:
                value_{x} = (
                    self.value_at({x}, True, differentiable) if isinstance({x}, Variable) else self.constant_at({x})
                )
                {prepare}"""

CONVERT = """if getattr(value_{x}, "dtype", FLOAT64) not in FLOATING:
                    value_{x} = floating(value_{x}, first(tangents).dtype)"""

TERM = """\
        if t_{x} is not None:
            {term}
            t = {first} if t is None else {sum}"""


def first(tangents: Any) -> Any:
    """Return the first tangent that is not absent."""
    return next(t for t in tangents if t is not None)


def elementwise_push(cls: type[Elementwise]) -> Any:
    """Return the function ``push(f, tangents, differentiable, like)`` of the calls of a ufunc."""
    structure = tuple((reads, is_identity(function) if reads else function) for function, reads in cls.partials)
    simple = tuple((reads, of if reads or of in (0, 1, -1) else None) for reads, of in structure)
    namespace: dict[str, Any] = {}
    exec(compiled(simple, tuple(names_of(cls.ufunc)), cls.has_poles), globals(), namespace)
    return namespace["make"]([p.function for p in cls.partials], Undetermined)


@functools.cache
def compiled(structure: tuple[Any, ...], names: tuple[str, ...], has_poles: bool) -> CodeType:
    """Fill the gaps of the text for a structure."""
    reading, terms = [], []
    for place in dict.fromkeys(place for reads, _ in structure for place in reads):
        x = "y" if place == RESULT else names[place]
        read = " or ".join(
            f"t_{name} is not None" for name, (reads, _) in zip(names, structure, strict=True) if place in reads
        )
        is_itself = all(of for reads, of in structure if place in reads)
        prepare = "pass" if is_itself else CONVERT.format(x=x)
        reading.append((READ_RESULT if place == RESULT else READ).format(x=x, read=read, prepare=prepare))
    for x, (reads, of) in zip(names, structure, strict=True):
        if not reads and of == 0:
            continue
        term, one, total = "", f"t_{x}", f"t + t_{x}"
        if not reads and of == -1:
            one, total = f"-t_{x}", f"t - t_{x}"
        elif reads or of != 1:
            values = ", ".join("value_y" if place == RESULT else f"value_{names[place]}" for place in reads)
            slope = (values if of else f"partial_{x}({values})") if reads else f"partial_{x}"
            term = f"slope = {slope}; t_{x} = t_{x} * slope"
            if has_poles:
                term += f"; differentiable and check(t_{x})"
        terms.append(TERM.format(x=x, term=term or "pass", first=one, sum=total))
    text = PUSH.format(
        names=", ".join(names),
        partials=", ".join(f"partial_{x}" for x in names),
        tangents=", ".join(f"t_{x}" for x in names),
        reading="\n".join(reading),
        terms="\n".join(terms),
    )
    file = f"{__file__}: push, {structure}, {has_poles}"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file  # for tracebacks
    return compile(text, file, "exec")


def check(t: Any) -> None:
    """Raise unless a tangent that is recorded is finite: behind a mask its own derivative would not be."""
    if not is_finite(np.sum(plain(t))):  # (an overflow of the sum does no harm)
        raise Undetermined


_ = (FLOAT64, FLOATING, Variable, attach, floating)  # (the compiled text reads the names of this module)
