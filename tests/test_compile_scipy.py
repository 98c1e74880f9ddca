"""wengert.scipy compiled: one case of each function, with its gradient, as eager."""

import importlib.util
import unittest
import warnings
from typing import Any

import numpy as np

import wengert
from tests.cases import Case
from tests.test_derivatives import MODULES, is_floating, parts
from wengert.checks.refusals import name_of

NAMES = ("scipy_fft", "scipy_linalg", "scipy_signal", "scipy_sparse", "scipy_special_functions")
# What SciPy does there cannot be traced: it draws from np.random, or converts what the program builds.
EAGER = ("logm", "fractional_matrix_power", "coo_array", "coo_matrix")


def first_cases(name: str) -> list[Case]:
    """The first case of each function of a module."""
    found: dict[Any, Case] = {}
    for case in MODULES[name].CASES:
        found.setdefault(case.function, case)
    return list(found.values())


@unittest.skipIf(importlib.util.find_spec("scipy") is None, "needs SciPy")
class CompiledTest(unittest.TestCase):
    def check(self, case: Case) -> None:
        places = [i for i, a in enumerate(case.args) if is_floating(a)]

        def loss(*xs: Any) -> Any:
            args = list(case.args)
            for i, x in zip(places, xs, strict=True):
                args[i] = x
            return sum(np.sum(np.real(y * np.conjugate(y))) for y in parts(case.call(*args)))

        both = wengert.value_and_grad(loss, argnums=tuple(range(len(places))))
        compiled = wengert.compile(both)
        for factor in (1.0, 1.01):  # the second by the plan
            xs = [factor * case.args[i] for i in places]
            (value, gradients), (expected, slopes) = compiled(*xs), both(*xs)
            np.testing.assert_allclose(value, expected, rtol=1e-10)
            for g, e in zip(gradients, slopes, strict=True):
                np.testing.assert_allclose(g, e, rtol=1e-7, atol=1e-9 * (1 + np.max(np.abs(e), initial=0)))

    def test_one_case_of_each_function(self) -> None:
        for name in NAMES:
            for case in first_cases(name):
                function = name_of(case.function)
                with self.subTest(function), warnings.catch_warnings():
                    if function.rpartition(".")[2] in EAGER:
                        warnings.simplefilter("ignore", wengert.CompileWarning)
                    self.check(case)


if __name__ == "__main__":
    unittest.main()
