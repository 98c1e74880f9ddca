"""Options of NumPy's functions that are lowered by compositions: they agree with NumPy, and call no Python."""

import pathlib
import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from tests.compiled_programs import same
from tests.installed import INSTALLED
from wengert.compiler.lowering.compositions import COMPOSITIONS
from wengert.compiler.targets.cpu.runner import interpreted, native

RANDOM = np.random.default_rng(0)
X, V = RANDOM.normal(size=(3, 4)), RANDOM.normal(size=5)
M = RANDOM.random((3, 4)) > 0.4
M[1], M[0] = False, True
HOLES = np.where(M, X, np.nan)
PHASES = np.cumsum(3 * RANDOM.normal(size=(2, 7)), 1)
# Functions of an array, a mask, a vector, an array with NaN, and one of angles.
CASES: dict[str, Callable[..., Any]] = {
    "mean": lambda x, m, v, h, p: (np.mean(x, where=m), np.mean(x, 1, where=m, keepdims=1), np.mean(x, 0, keepdims=1)),
    "var": lambda x, m, v, h, p: (np.var(x, where=m, axis=1), np.var(x, where=m, ddof=1), np.var(1j * x, 1, where=m)),
    "std": lambda x, m, v, h, p: (np.std(x, axis=1, correction=1), np.std(x, 0, mean=np.mean(x, 0, keepdims=True))),
    "nansum": lambda x, m, v, h, p: (np.nansum(h, initial=2.0), np.nansum(h, 1, where=m), np.nanprod(h, initial=1.5)),
    "nanmean": lambda x, m, v, h, p: (np.nanmean(h, 1, where=m), np.nanmean(h, where=x > 0, keepdims=True)),
    "nanmax": lambda x, m, v, h, p: (np.nanmax(h, initial=0.1), np.nanmin(h, 1, initial=v[0], where=m)),
    "fix": lambda x, m, v, h, p: (np.fix(x), np.fix(v * 0), np.fix(h - 0.5)),
    "isclose": lambda x, m, v, h, p: (np.isclose(x, x + 1e-9), np.isclose(h, h, equal_nan=True), np.isclose(x, 0)),
    "allclose": lambda x, m, v, h, p: (x if np.allclose(x, x[:1]) else v, v if np.allclose(v, v * 1.0) else x),
    "array_equal": lambda x, m, v, h, p: (x if np.array_equal(x, x + 1) else v, v if np.array_equal(v, v * 1.0) else x),
    "isin": lambda x, m, v, h, p: (np.isin(x, x[0]), np.isin(v, [v[1], 0.5], invert=True), np.isin(h, h[0])),
    "nanargmax": lambda x, m, v, h, p: (np.nanargmax(h), np.nanargmin(h, 0), np.nanargmax(x, 1, keepdims=True)),
    "nanargmin": lambda x, m, v, h, p: (np.nanargmin(h, axis=0), np.nanargmin(v)),
    "digitize": lambda x, m, v, h, p: (np.digitize(x, [-1.0, 0.0, 0.5]), np.digitize(h, [0.0, 1.0], right=True)),
    "vander": lambda x, m, v, h, p: (np.vander(v), np.vander(v, 3), np.vander(v, 1), np.vander(v, 2, increasing=True)),
    "diff": lambda x, m, v, h, p: (np.diff(x, prepend=0), np.diff(x, append=x[:, :2]), np.diff(x, 2, 0, x[0, 0], 1.0)),
    "insert": lambda x, m, v, h, p: (np.insert(v, 0, 9.0), np.insert(v, -1, v[:2]), np.insert(x, 1, v[:3], axis=1)),
    "insert a row": lambda x, m, v, h, p: (np.insert(x, 2, 7.0, axis=0), np.insert(x, 5, 2.0)),
    "vecdot": lambda x, m, v, h, p: (np.vecdot(x, x, axis=0), np.vecdot(x * 1j, x, axis=0)),
    "median": lambda x, m, v, h, p: (np.median(x, axis=(0, 1)), np.median(x, axis=(1,), keepdims=True)),
    "unwrap": lambda x, m, v, h, p: (np.unwrap(p), np.unwrap(p, axis=0, discont=4.0), np.unwrap(p, period=3.0)),
    "histogram": lambda x, m, v, h, p: (np.histogram(x, 4, (-1, 1)), np.histogram(p, bins=7, range=(-3, 2.5))),
    "histogram, of edges": lambda x, m, v, h, p: (np.histogram(x, [-1, 0, 0.5, 2]), np.histogram(x * 0, 3, (0, 1))),
    "order": lambda x, m, v, h, p: (np.reshape(x, (2, 6), order="F"), np.ravel(x, "F"), np.concatenate(x)),
    "a list": lambda x, m, v, h, p: (np.add([1.0, 2, 3, 4], x), np.maximum(x, [v[0], v[1], 0.0, 1.0])),
    "reduce": lambda x, m, v, h, p: (np.logaddexp.reduce(x, 1), np.logaddexp.reduce(x, axis=0, keepdims=True)),
    "reduce, of bits": lambda x, m, v, h, p: (np.fmax.reduce(h, 1), np.bitwise_or.reduce((x * 9).astype(int), 0)),
}  # fmt: skip
RUNNERS = (interpreted, native) if INSTALLED else (interpreted,)


class CompositionsTest(unittest.TestCase):
    def test_they_agree_with_numpy(self) -> None:
        for dtype in (np.float64, np.float32):
            arguments = [a if a.dtype == bool else a.astype(dtype) for a in (X, M, V, HOLES, PHASES)]
            for name, f in CASES.items():
                for runner in RUNNERS:
                    with self.subTest(name, dtype=dtype):
                        self.check(f, arguments, runner, dtype is np.float64)

    def check(self, f: Callable[..., Any], arguments: list[Any], runner: Any, all_native: bool) -> None:
        compiled = wengert.compile(f, runner=runner)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            expected = f(*arguments)
            for _ in range(4):
                same(compiled(*arguments), expected, "")
        if runner is native and all_native:
            self.assertEqual(compiled.plan.python_calls, (), str(compiled.plan))

    def test_comparisons_decide(self) -> None:
        for runner in RUNNERS:
            for compare in (np.allclose, np.array_equal):
                compiled = wengert.compile(lambda x, y, c=compare: x * 2 if c(x, y) else x + y, runner=runner)
                for y in (X, X, X, X + 1, X + 1, X + 1, X, np.where(M, X, np.nan), X + 2):
                    same(compiled(X, y), compiled.function(X, y), "")
                self.assertEqual(len(compiled.plans), 2)

    def test_what_numpy_refuses_raises(self) -> None:
        for runner in RUNNERS:
            compiled = wengert.compile(lambda h: np.nanargmax(h, axis=1), runner=runner)
            for _ in range(4):
                same(compiled(X), np.nanargmax(X, axis=1), "")
            with self.assertRaisesRegex(ValueError, "All-NaN"):
                compiled(HOLES)

    def test_every_composition_has_a_case(self) -> None:
        text = pathlib.Path(__file__).read_text()
        missing = [f.__name__ for f in COMPOSITIONS if f"{f.__name__}(" not in text]
        self.assertEqual(missing, [])


if __name__ == "__main__":
    unittest.main()
