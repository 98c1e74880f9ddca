"""Zeros of both signs, infinities, NaN, the smallest and the largest numbers: compiled as eagerly, gradients included.

NaN must be NaN and zeros must have their signs, with these exceptions, where NumPy itself has two answers:

- `np.fmax` and `np.fmin` of 0.0 and -0.0: NumPy's vectors take one of them, the elements that are left over another;
- `np.maximum` and `np.minimum` of them, and what is made of these, on machines other than x86-64, where NumPy asks the
  machine for the larger one. On x86-64 it is always the second;
- gradients of infinity minus infinity: NaN in compiled code; eagerly the limit, which may be infinite.
"""

import platform
import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert.functions as F
from tests.cases import elementwise
from tests.installed import needs_llvm
from wengert import Variable, grad
from wengert.compiler.compiled import CompileWarning, compile
from wengert.functions import activation

TOLERANCE: dict[Any, float] = {np.float32: 2e-6, np.float64: 1e-13}
ON_X86 = platform.machine().lower() in ("x86_64", "amd64")

UFUNCS = {case.function for case in elementwise.CASES if isinstance(case.function, np.ufunc)}
UFUNCS = {f for f in UFUNCS if f.nout == 1 and f is not np.ldexp}
UNARY: dict[str, Callable[..., Any]] = {
    **{f.__name__: f for f in UFUNCS if f.nin == 1},
    **{name: getattr(F, name) for name in activation.__all__},
    "gelu, approximate": lambda x: F.gelu(x, approximate=True),
    "maximum(x, 0)": lambda x: np.maximum(x, 0),
    "maximum(0, x)": lambda x: np.maximum(0, x),
    "maximum(x, -0.0)": lambda x: np.maximum(x, -0.0),
    "maximum(x, nan)": lambda x: np.maximum(x, np.nan),
    "minimum(x, 0)": lambda x: np.minimum(x, 0),
    "minimum(0, x)": lambda x: np.minimum(0, x),
    "minimum(nan, x)": lambda x: np.minimum(np.nan, x),
    "maximum(x, -x)": lambda x: np.maximum(x, -x),
    "clip": lambda x: np.clip(x, 0, 1),
    "clip below": lambda x: np.clip(x, 0, None),
    "clip above": lambda x: np.clip(x, None, 0),
    "clip to zeros": lambda x: np.clip(x, -0.0, 0.0),
    "where": lambda x: np.where(x > 0, x, 0 * x),
    "powers": lambda x: x**2 + x**3,
    "root": lambda x: x**0.5,
    "reciprocal power": lambda x: x**-1,
    "nan_to_num": np.nan_to_num,
    "round": np.round,
}
BINARY: dict[str, Callable[..., Any]] = {
    **{f.__name__: f for f in UFUNCS if f.nin == 2},
    "leaky_relu": F.leaky_relu,
    "where": lambda a, b: np.where(a > b, a, b),
    "remainder of divmod": lambda a, b: np.divmod(a, b)[1],
}
TWO_ANSWERS = ("fmax", "fmin")
OF_EXTREMES = ("maximum", "minimum", "clip", "relu", "elu", "hard")
ASKS = ("heaviside",)  # the gradient asks whether any element is 0: the answer is part of a plan


def special_values(dtype: Any) -> Any:
    limits = np.finfo(dtype)
    small, large = limits.smallest_subnormal, limits.max
    sizes = [0.0, small, limits.tiny, 0.5, 1.0, 100.0, 2.0**53, 1e15, large, np.inf]
    return np.array([*sizes, *(-size for size in sizes), np.nan], dtype)


def with_gradients(functions: dict[str, Callable[..., Any]], places: tuple[int, ...]) -> Callable[..., Any]:
    """All the functions and their gradients in one: it is compiled once."""

    def every(*xs: Any) -> Any:
        return [
            (f(*xs), *(() if name in ASKS else grad(lambda *z, f=f: np.sum(f(*z)), places)(*xs)))
            for name, f in functions.items()
        ]

    return every


def differences(name: str, found: Any, expected: Any, tolerance: float) -> Any:
    """Where two arrays differ."""
    either = name in TWO_ANSWERS
    either |= not ON_X86 and any(part in name for part in OF_EXTREMES)
    same_sign = (np.signbit(found) == np.signbit(expected)) | (either & (expected == 0))
    near = (found == expected) | (np.abs(found - expected) <= tolerance * np.abs(expected))
    return np.flatnonzero(~((same_sign & near) | (np.isnan(found) & ~np.isfinite(expected))))


@needs_llvm
class SpecialValuesTest(unittest.TestCase):
    def check(self, functions: dict[str, Callable[..., Any]], arrays: list[Any], step: int) -> None:
        every = with_gradients(functions, tuple(range(len(arrays))))
        compiled = compile(every)
        dtype = arrays[0].dtype.type
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", CompileWarning)
            expected = every(*arrays)
            wrong = set()
            # Rolled, so that each value is in the body of the loops and in what is left over.
            for shift in (0, 0, *range(0, arrays[0].size, step)):
                found = compiled(*(np.roll(x, shift) for x in arrays))
                for name, ours, eager in zip(functions, found, expected, strict=True):
                    for what, a, b in zip(("value", "gradient", "gradient"), ours, eager, strict=False):
                        self.assertEqual((a.dtype, a.shape), (b.dtype, b.shape), name)
                        a = np.roll(a, -shift)
                        for i in differences(name, a, b, TOLERANCE[dtype]):
                            wrong.add(f"{what} of {name} at {[x[i] for x in arrays]}: {a[i]!r}, but eager {b[i]!r}")
        self.assertEqual(sorted(wrong), [])
        self.assertIsNotNone(compiled.plans[0].run)

    def test_of_one(self) -> None:
        for dtype in (np.float64, np.float32):
            with self.subTest(dtype=dtype):
                self.check(UNARY, [np.tile(special_values(dtype), 3)], 3)

    def test_of_two(self) -> None:
        for dtype in (np.float64, np.float32):
            with self.subTest(dtype=dtype):
                values = special_values(dtype)
                self.check(BINARY, [np.repeat(values, values.size), np.tile(values, values.size)], 41)

    def test_zeros_that_are_rectified_behind_a_convolution(self) -> None:
        # Products too small for a float are -0.0, and so are their sums.
        x, w = np.full((2, 3, 11, 13), 1e-30, np.float32), Variable(np.full((5, 3, 3, 3), -1e-30, np.float32))
        b = Variable(np.full(5, -0.0, np.float32))

        def f(x: Any) -> Any:
            return F.relu(F.conv2d(x, w, b)).data

        compiled = compile(f)
        for _ in range(4):
            np.testing.assert_array_equal(np.signbit(compiled(x)), np.signbit(f(x)))
        self.assertIn("1 kernel,", str(compiled.plan))  # (both are one)


if __name__ == "__main__":
    unittest.main()
