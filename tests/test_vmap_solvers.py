"""Solvers under vmap: the function is called for each example."""

import importlib.util
import unittest
import warnings
from typing import Any

import numpy as np

import wengert
from wengert import grad, vmap

POINTS = np.array([1.5, 2.0, 2.5])


@unittest.skipUnless(importlib.util.find_spec("scipy"), "needs SciPy")
class SolversUnderVmapTest(unittest.TestCase):
    def test_as_in_a_loop(self) -> None:
        from wengert.scipy.integrate import quad, solve_ivp
        from wengert.scipy.optimize import brentq, fixed_point, minimize, root

        programs: dict[str, Any] = {
            "brentq": lambda a: brentq(lambda x: x * x - a, 0, 3) * np.sin(a),
            "root": lambda a: np.sum(root(lambda x: x**3 + x - a, np.ones(1)).x),
            "fixed_point": lambda a: np.sum(fixed_point(lambda x: np.cos(x) * a * 0.5, np.ones(1))),
            "minimize": lambda a: np.sum(minimize(lambda x: np.sum((x - a) ** 2), np.ones(1)).x),
            "quad": lambda a: quad(lambda x: np.exp(-a * x * x), 0, 1)[0],
            "solve_ivp": lambda k: solve_ivp(lambda t, y: -k * y, (0, 1), [1.0], rtol=1e-8).y[0, -1],
        }
        for name, f in programs.items():
            for d in (grad(f), wengert.compile(grad(f))):
                with self.subTest(name), warnings.catch_warnings():
                    warnings.simplefilter("ignore", wengert.CompileWarning)  # (it runs eagerly)
                    expected = [np.asarray(grad(f)(np.array(x))) for x in POINTS]
                    np.testing.assert_allclose(vmap(d)(POINTS), expected, rtol=1e-6)
                    np.testing.assert_allclose(vmap(vmap(d))(POINTS[None])[0], expected, rtol=1e-6)
                    outside = grad(lambda xs, f=f: np.sum(vmap(f)(xs)))(POINTS)
                    np.testing.assert_allclose(outside, expected, rtol=1e-6)


if __name__ == "__main__":
    unittest.main()
