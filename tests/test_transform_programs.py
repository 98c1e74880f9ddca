"""Transforms inside of transforms: all pairs, random stacks, and singular points of single examples."""

import itertools
import unittest
from typing import Any

import numpy as np

import wengert
from tests.random_programs import Program, generate, random_pick
from tests.transform_programs import TRANSFORMS, Skipped, Step, check_stack, failure
from wengert import Variable, grad, hessian, hvp, jacobian, jvp, vmap

PROGRAM = Program(
    [np.array([[0.3, -1.2, 0.8], [1.1, 0.4, -0.5]]), np.array([0.7, -0.2, 1.3])],
    ["v2 = np.tanh(v0 * v1) @ v1", "v3 = np.sort(v0, axis=1)[:, ::2] - v2[:, None]",
     "y = np.sum(np.exp(-v3 ** 2)) + v2[0] * v1[1] ** 3"],
)  # fmt: skip


class StacksTest(unittest.TestCase):
    def test_all_pairs_in_both_orders(self) -> None:
        for first, second in itertools.product(TRANSFORMS, repeat=2):
            for seed in (0, 1) if {first, second} != {"hessian"} else (1,):
                with self.subTest(first=first, second=second, seed=seed):
                    try:
                        check_stack(PROGRAM, [Step(first, seed), Step(second, seed + 2)])
                    except Skipped:
                        check_stack(generate(random_pick(4), 3), [Step(first, 1), Step(second, 1)])

    def test_random_programs_and_stacks(self) -> None:
        checked = 0
        for seed in range(150):
            try:
                self.assertIsNone(failure(seed))
                checked += 1
            except Skipped:
                pass
        self.assertGreater(checked, 120)


PROGRAMS = {
    "cube": lambda x: np.cbrt(x) ** 3,
    "square of a norm": lambda x: np.linalg.norm(np.array([1.0, 2.0]) * x) ** 2,
    "square of an absolute value": lambda x: np.abs(x) ** 2,
    "root of a square": lambda x: np.sqrt(x * x) * x,
    "root": lambda x: np.sqrt(x + 2),
    "logarithm": lambda x: x * np.log(np.abs(x)),
}
POINTS = np.array([0.0, 1.0, -2.0])


def tangent(f: Any) -> Any:
    return lambda x: jvp(f, (x,), (np.array(1.0),))[1]


class SingularExamplesTest(unittest.TestCase):
    """One example is at a point where a derivative is a limit or a convention: as in a loop over the examples."""

    def test_as_in_a_loop(self) -> None:
        for (name, f), transform in itertools.product(
            PROGRAMS.items(), (grad, lambda f: grad(grad(f)), hessian, jacobian, tangent)
        ):
            with self.subTest(name), np.errstate(all="ignore"):
                d = transform(f)
                expected = np.array([d(x) for x in POINTS])
                for run in (
                    vmap(d),
                    vmap(wengert.compile(d)),
                    wengert.compile(vmap(d)),
                    lambda x, d=d: vmap(vmap(d))(np.stack([x + 3, x]))[1],
                    lambda x, d=d: vmap(lambda i: vmap(d, 0)(x) + 0 * i)(np.zeros(2))[1],
                ):
                    np.testing.assert_allclose(run(POINTS), expected, rtol=1e-7, atol=1e-9)

    def test_differentiated_from_outside(self) -> None:
        for name, f in PROGRAMS.items():
            with self.subTest(name), np.errstate(all="ignore"):
                x = np.array([0.0, 1.0])
                whole, one_by_one = (lambda x, f=f: np.sum(vmap(f)(x))), (lambda x, f=f: np.sum(np.stack([*map(f, x)])))
                np.testing.assert_allclose(grad(whole)(x), grad(one_by_one)(x), rtol=1e-7)
                np.testing.assert_allclose(wengert.compile(grad(whole))(x), grad(one_by_one)(x), rtol=1e-7)
                v = np.array([1.0, 2.0])
                for found, expected in (
                    (jvp(whole, (x,), (v,))[1], jvp(one_by_one, (x,), (v,))[1]),
                    (hvp(whole, (x,), (v,))[0], hvp(one_by_one, (x,), (v,))[0]),
                ):
                    same = np.isclose(found, expected, rtol=1e-7) | np.isnan(found) | np.isnan(expected)
                    self.assertTrue(np.all(same), (found, expected))

    def test_draws_and_containers(self) -> None:
        def f(p: Any) -> Any:
            noise = wengert.generator().standard_normal()
            return {"g": grad(lambda x: np.cbrt(x) ** 3 * noise)(p["x"]), "n": [noise, None]}

        wengert.seed(3)
        expected = [f({"x": x}) for x in POINTS]
        wengert.seed(3)
        found = vmap(f)({"x": POINTS})
        np.testing.assert_allclose(found["g"], [e["g"] for e in expected])
        np.testing.assert_allclose(found["n"][0], [e["n"][0] for e in expected])
        self.assertIsNone(found["n"][1])

    def test_without_a_transform_it_raises(self) -> None:
        x = Variable(np.array([0.0, 1.0]))
        y = np.sum(vmap(lambda z: np.cbrt(z) ** 3)(x))
        with self.assertRaisesRegex(TypeError, "singular point of one of the examples"), np.errstate(all="ignore"):
            y.backward()

    def test_branches_of_the_program_are_still_refused(self) -> None:
        with self.assertRaisesRegex(TypeError, "write np.where"):
            vmap(lambda x: x if x > 0 else -x)(POINTS)


if __name__ == "__main__":
    unittest.main()
