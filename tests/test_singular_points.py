"""What the audit says of each function at its singular points is what the function does."""

import unittest
from typing import Any

import numpy as np

import wengert
from tests.cases import fix
from wengert import Variable, check_grad, hessian
from wengert.functions.singular_points import AT_A_POLE, NOTES

EYE = np.eye(2)
QUANTILES = (np.quantile, np.nanquantile, np.percentile, np.nanpercentile)


def gradients(f: Any, *arrays: Any) -> list[Any]:
    xs = [Variable(np.asarray(array, float)) for array in arrays]
    np.sum(f(*xs)).backward()
    return [x.grad for x in xs]


def zero(f: Any, *arrays: Any) -> Any:
    def check(test: unittest.TestCase, function: Any) -> None:
        for g in gradients(lambda *xs: f(function, *xs), *arrays):
            np.testing.assert_array_equal(g, 0)

    return check


def ties(test: unittest.TestCase, f: Any) -> None:
    pair = f in (np.maximum, np.minimum, np.fmax, np.fmin)
    found = gradients(f, 1.0, 1.0) if pair else gradients(f, [1.0, 1.0])[0]
    np.testing.assert_array_equal(found, [0, 0] if f is np.ptp else [0.5, 0.5])


def equal_elements(test: unittest.TestCase, f: Any) -> None:
    """The gradient, and the second derivatives of what does not depend on the order, are those of one permutation."""
    q = np.array([0.0, 50.0, 100.0]) if "percentile" in f.__name__ else np.array([0.0, 0.5, 1.0])
    options = (q,) if f in QUANTILES else (1,) if f is np.partition else ()
    medians = f in (np.median, np.nanmedian)
    weights = 1.0 if medians else np.array([1.0, 2.0, 3.0])
    found = gradients(lambda x: np.real(f(x, *options)) * weights, [2.0, 2.0, 2.0])[0]
    np.testing.assert_array_equal(found, [0, 1, 0] if medians else [1, 2, 3])
    second = hessian(lambda x: np.sum(np.real(f(x, *options)) ** 3))(np.array([2.0, 2.0, 2.0]))
    np.testing.assert_array_equal(second, 12 * np.diag([0, 1, 0]) if medians else 12 * np.eye(3))


def clip(test: unittest.TestCase, f: Any) -> None:
    test.assertEqual(gradients(f, 1.0, 1.0, 2.0), [1, 0, 0])


def powers(test: unittest.TestCase, f: Any) -> None:
    test.assertEqual([float(gradients(f, 0.0, b)[1]) for b in (0.0, 1.0, 2.0)], [0, 0, 0])


def at_zeros(test: unittest.TestCase, f: Any) -> None:
    a = np.array([[0.0, 0.0], [2.0, 3.0]]) if f is np.linalg.det else np.array([2.0, 0.0, 3.0, 0.0])
    check_grad(f, a, order=3)


def far_out(test: unittest.TestCase, f: Any) -> None:
    for dtype, length, rtol in ((float, 1000, 1e-6), (np.float32, 1000, 2e-3), (np.float32, 100, 1e-6)):
        x = Variable(np.linspace(0, 40, length).astype(dtype))
        np.sum(f(x)).backward()
        np.testing.assert_allclose(x.grad, 1 / np.cosh(x.data.astype(float)) ** 2, rtol=rtol)
    x = Variable(np.linspace(0, 5, 1000, dtype=np.float32))
    np.sum(f(x)).backward()
    np.testing.assert_allclose(x.grad, 1 / np.cosh(x.data.astype(float)) ** 2, rtol=2e-3)


def jumps(test: unittest.TestCase, f: Any) -> None:
    calls = {np.modf: lambda x: np.modf(x)[0], np.unwrap: np.unwrap}
    g = gradients(calls.get(f, lambda x: f(x, 1.0)[1] if f is np.divmod else f(x, 1.0)), [0.0, 2.0])[0]
    np.testing.assert_array_equal(g, [1, 1])


def interp(test: unittest.TestCase, f: Any) -> None:
    g = gradients(lambda x: f(x, [0.0, 1.0, 2.0], [1.0, 5.0, 2.0]), [-1.0, 0.0, 1.0, 3.0])[0]
    np.testing.assert_array_equal(g, [0, 4, -3, 0])


def norms(test: unittest.TestCase, f: Any) -> None:
    kinds = (2, 3, 1, np.inf) if f is np.linalg.vector_norm else (None, "fro", "nuc", 2, -2, 1, np.inf)
    for kind in kinds if f is np.linalg.norm else kinds[1:]:
        np.testing.assert_array_equal(gradients(lambda x, kind=kind: f(x, ord=kind), np.zeros((2, 2)))[0], 0)
    if f is not np.linalg.vector_norm:
        np.testing.assert_allclose(gradients(lambda x: f(x, ord=2), EYE)[0], EYE / 2)


def equal_values(test: unittest.TestCase, f: Any) -> None:
    place = 1 if f is np.linalg.svd else 0
    np.testing.assert_allclose(gradients(lambda x: np.real(f(x)[place]), EYE)[0], EYE, atol=1e-12)
    vectors = gradients(lambda x: np.abs(f(x)[1 - place]) ** 2 @ np.ones(2), EYE)[0]
    test.assertTrue(np.all(np.isfinite(vectors)))
    if f is np.linalg.eig:
        with test.assertRaises(np.linalg.LinAlgError):
            gradients(lambda x: np.real(f(x)[place]) * [1.0, 2.0], EYE)
    else:
        found = gradients(lambda x: f(x)[place] * [1.0, 2.0], EYE)[0]
        np.testing.assert_allclose(np.linalg.eigvalsh(found), [1, 2])
    with test.assertRaises(np.linalg.LinAlgError):
        gradients(lambda x: np.real(f(x)[1 - place]) @ [1.0, 2.0], EYE)


def slogdet(test: unittest.TestCase, f: Any) -> None:
    singular = np.ones((2, 2))
    np.testing.assert_array_equal(gradients(lambda x: np.where(False, f(x)[1], 0), singular)[0], 0)
    with test.assertRaises(np.linalg.LinAlgError):
        gradients(lambda x: f(x)[1], singular)


def probabilities(test: unittest.TestCase, f: Any) -> None:
    a, half = np.array([4.0, 1.0, 2.0]), 50.0 if f in (np.percentile, np.nanpercentile) else 0.5
    slopes = (2.0 - 1.0) * 1 / half, (4.0 - 2.0) * 1 / half
    test.assertAlmostEqual(float(gradients(lambda q: f(a, q), half)[0]), sum(slopes) / 2)
    test.assertEqual(gradients(lambda q: f(a, q, method="lower"), half), [0])
    weighted = gradients(lambda w: f(a, half, method="inverted_cdf", weights=w), np.ones(3))[0]
    np.testing.assert_array_equal(weighted, np.zeros(3))


def fixed_rank(test: unittest.TestCase, f: Any) -> None:
    low = np.array([[1.0, 2.0], [2.0, 4.0]])
    call = f if f is np.linalg.pinv else lambda x: f(x, np.ones(2))[0]
    g = gradients(call, low)[0]
    # along a change that keeps the rank
    along = (np.sum(np.real(call(1.001 * low))) - np.sum(np.real(call(0.999 * low)))) / 0.002
    test.assertAlmostEqual(float(np.sum(g * low)), float(along), places=5)


def one_triangle(test: unittest.TestCase, f: Any) -> None:
    options = {"hermitian": True} if f in (np.linalg.pinv, np.linalg.svd) else {}

    def read(x: Any) -> Any:
        found = f(x, **options)
        return found[{np.linalg.svd: 1, np.linalg.eigh: 0}[f]] if isinstance(found, tuple) else found

    g = gradients(read, [[2.0, 5.0], [0.5, 3.0]])[0]
    test.assertEqual(g[0, 1], 0)
    check_grad(read, np.array([[2.0, 5.0], [0.5, 3.0]]))


def infinite(test: unittest.TestCase, f: Any) -> None:
    with np.errstate(divide="ignore"):
        test.assertTrue(np.all(np.isnan(gradients(f, [[1.0, 2.0], [2.0, 4.0]])[0])))


CHECKS: dict[str, Any] = {
    "0 at 0": lambda test, f: zero(lambda f, *x: f(*x), *[0.0] * (2 if f in (np.hypot, np.arctan2) else 1))(test, f),
    "equal inputs share evenly": ties,
    "equal extremes share evenly": ties,
    "equal elements in the order of a stable sort": equal_elements,
    "also with respect to q: on an element the mean of its two slopes, 0 where the method steps; and to weights: 0": (
        probabilities
    ),
    "at a bound the gradient goes to the array": clip,
    "0 with respect to the exponent where the base is 0": powers,
    "exact at zeros, to any order": at_zeros,
    "0 everywhere": zero(lambda f, x: fix(x) if f is np.fix else f(x), [0.0, 0.4, 1.0, 1.5]),
    "far out: to 1e-6; in float32 arrays of more than 128 elements to 2e-3": far_out,
    "jumps are ignored": jumps,
    "0 where all elements are equal": zero(lambda f, x: f(x), [2.0, 2.0]),
    "at a given point the slope to its right; 0 beyond the ends": interp,
    "0 at a multiple root": zero(lambda f, x: np.real(f(x)), [1.0, 0.0, 0.0]),
    "0 at 0; equal extremes and singular values share evenly": norms,
    "equal values: along the returned vectors; LinAlgError for a loss that the matrix does not determine": equal_values,
    "equal values: LinAlgError for a loss that the matrix does not determine": equal_values,
    "LinAlgError at a singular matrix that receives a gradient": slogdet,
    "at fixed rank": fixed_rank,
    "the gradient lies in the triangle that is read": one_triangle,
    "hermitian=True: the gradient lies in the lower triangle": one_triangle,
    "NaN at a singular matrix": infinite,
}


class SingularPointsTest(unittest.TestCase):
    def test_each_function_does_what_its_note_says(self) -> None:
        self.assertEqual(set(CHECKS), set(NOTES))
        for note, functions in NOTES.items():
            for f in functions:
                with self.subTest(note, function=f.__name__):
                    CHECKS[note](self, f)

    def test_the_audit_shows_them(self) -> None:
        rows = {row.name: row for row in wengert.audit()}
        self.assertEqual(rows["np.abs"].note, "0 at 0")
        self.assertEqual(rows["np.sqrt"].note, AT_A_POLE)
        self.assertEqual(rows["np.exp"].note, AT_A_POLE)
        self.assertEqual(rows["np.sin"].note, "")
        self.assertEqual(rows["np.ptp"].note, "as a composition of other functions; equal extremes share evenly")
        noted = {row.name for row in rows.values() if row.note}
        for functions in NOTES.values():
            for f in functions:
                self.assertTrue({f"np.{f.__name__}", f"np.linalg.{f.__name__}"} & noted, f)


if __name__ == "__main__":
    unittest.main()
