"""Every case of the table of derivatives again, with zeros, ties, repeated rows and infinities in place of its numbers.

Where the values near these show that a function is smooth, its derivatives are those limits, or not finite, or refused.
"""

from __future__ import annotations

import collections
import unittest
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.cases import Case
from tests.compiled_cases import parts_of
from tests.limits import INFINITE, JUMP, SMOOTH, Lines, lines_of, product, wrong
from tests.singular_cases.not_yet import ARGUMENTS
from tests.test_derivatives import MODULES
from wengert import grad
from wengert.checks.refusals import name_of

REFUSALS = (ArithmeticError, LookupError, TypeError, ValueError)
# Modules whose functions may not return from infinities: LAPACK's, and series of SciPy
FINITE = ("decompositions", "linalg", "norms", "polynomial", "statistics", "scipy")
# What these return depends on values in a way that values near it do not show: what is cut off, a part that is left
# out, a remainder at infinity; a kink that has one side, where other orders end at 0; derivatives that SciPy gives.
BY_VALUE = (
    *("np.polymul", "np.polydiv", "np.trim_zeros", "np.real_if_close", "np.modf", "np.piecewise", "ive"),
    *("obl_rad2", "obl_rad2_cv"),
)

KINDS: dict[str, Callable[[Any], Any]] = {
    "zeros": np.zeros_like,
    "negative zeros": lambda x: np.copysign(np.zeros_like(x), -1) if x.dtype.kind == "f" else -np.zeros_like(x),
    "ones": np.ones_like,
    "equal elements": lambda x: np.full_like(x, x.flat[0]),
    "repeated rows": lambda x: np.broadcast_to(x[:1], x.shape).copy() if x.ndim else x,
    "some zeros": lambda x: np.where(np.arange(x.size).reshape(x.shape) % 2 == 0, x, 0).astype(x.dtype),
    "infinity": lambda x: np.where(np.arange(x.size).reshape(x.shape) == 0, np.inf, x).astype(x.dtype),
    "-infinity": lambda x: np.where(np.arange(x.size).reshape(x.shape) == x.size - 1, -np.inf, x).astype(x.dtype),
}


def loss_of(case: Case, places: list[int]) -> Callable[..., Any]:
    """A smooth function of the results of a call, of the arguments in these places."""

    def loss(*xs: Any) -> Any:
        args = list(case.args)
        for i, x in zip(places, xs, strict=True):
            args[i] = x
        ys = case.call(*args)
        total: Any = 0.0
        for y in ys if isinstance(ys, (tuple, list)) else (ys,):
            for part in parts_of(y):
                weights = np.cos(1.0 + np.arange(part.size)).reshape(part.shape)
                total = total + np.sum(weights * part + 0.1 * part * part)
        return total

    return loss


def chosen(each: int, kinds: int = len(KINDS)) -> Iterator[tuple[str, int, Case, list[str]]]:
    """Some cases of each function, and what each is tried with: of all kinds, these many, in turn."""
    seen: collections.Counter[Any] = collections.Counter()
    count = 0
    for name, module in MODULES.items():
        for i, case in enumerate(module.CASES):
            if not sum(np.size(a) for a in case.args if isinstance(a, np.ndarray)):
                continue
            seen[case.function] += 1
            if seen[case.function] <= each:
                names = [list(KINDS)[(count + k) % len(KINDS)] for k in range(kinds)]
                yield name, i, case, [k for k in names if "infinity" not in k or not name.startswith(FINITE)]
                count += kinds


def judge(case: Case, kind: Callable[[Any], Any]) -> Iterator[tuple[int, Lines, list[Any]]]:
    """Derivatives of both orders with what they must be; none where a call is refused or has no value."""
    places = [i for i, a in enumerate(case.args) if isinstance(a, np.ndarray) and a.dtype.kind in "fc"]
    xs = [kind(case.args[i]) if case.args[i].size else case.args[i] for i in places]
    loss, ws = loss_of(case, places), [np.sin(1.0 + np.arange(x.size)).reshape(x.shape) for x in xs]
    slopes = grad(loss, tuple(range(len(xs))))

    def slope(*vs: Any) -> Any:
        return sum(np.sum(np.real(g) * w) for g, w in zip(slopes(*vs), ws, strict=True))

    if np.isnan(float(loss(*xs))):
        return
    first = lines_of(lambda *vs: float(loss(*vs)), xs)
    yield 1, first, slopes(*xs)
    if first.kind != JUMP and case.order > 1:
        seconds = grad(slope, tuple(range(len(xs))))(*xs)
        yield 2, lines_of(lambda *vs: float(slope(*vs)), xs, has_value=False), seconds


def try_all(report: Callable[[str, str], None], cases: Iterator[Any]) -> collections.Counter[str]:
    """Report every finite derivative that is not what it must be; count what was compared."""
    counts: collections.Counter[str] = collections.Counter()
    for name, i, case, kinds in cases:
        for what in kinds:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                try:
                    for order, lines, gs in judge(case, KINDS[what]):
                        counts[f"{order}: {lines.kind}"] += 1
                        if wrong(lines, gs) and name_of(case.function) not in BY_VALUE:
                            found = [product(gs, v) for v in lines.directions]
                            limit = "infinite" if lines.kind == INFINITE else lines.slopes
                            text = f"{name} {i} with {what}: derivative {order} is {found}, but its limit {limit}"
                            report(name_of(case.function), text)
                except REFUSALS:
                    counts["refused"] += 1
    return counts


class SingularArgumentsTest(unittest.TestCase):
    def test_derivatives_are_limits_or_not_finite(self) -> None:
        found: list[str] = []
        counts = try_all(
            lambda function, text: found.append(f"{function}: {text}"),
            (each for each in chosen(1, 3) if name_of(each[2].function) not in ARGUMENTS.split()),
        )
        self.assertGreater(counts[f"1: {SMOOTH}"], 500)
        self.assertGreater(counts[f"2: {SMOOTH}"], 500)
        self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
