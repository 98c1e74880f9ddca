"""Decompositions where values are equal or 0: each derivative is right, NaN or refused, to first and second order.

Every loss here is a smooth function of the matrix, and stands beside the same one written without the
decomposition, which gives what is right.
"""

import unittest
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import wengert
from tests.cases import complex_array, normal
from wengert import Variable, check_grad, checkpoint, grad, hessian, jvp
from wengert.functions import matrix_function

LinAlgError = np.linalg.LinAlgError
RIGHT, REFUSED, NAN = "right", "refused", "nan"


def adjoint(a: Any) -> Any:
    return np.conj(np.swapaxes(a, -1, -2))


def hermitian(x: Any) -> Any:
    return (x + adjoint(x)) / 2


def weighted(y: Any) -> Any:
    """A sum of elements in which none counts like another, and off-diagonal ones count most."""
    n, m = y.shape[-2:]
    numbers = np.sin(np.arange(1.0, n * m + 1)).reshape(n, m) + 3 * (1 - np.eye(n, m))
    return np.sum(np.real(y * (numbers + (1j * numbers**2 if y.dtype.kind == "c" else 0))))


def corner(y: Any) -> Any:
    """The last element of the first row: its gradient has zeros on the diagonal."""
    return np.sum(np.real(y[..., 0, -1]))


def of_eigh(f: Callable[[Any], Any], x: Any) -> Any:
    w, v = np.linalg.eigh(hermitian(x))
    return (v * f(w)[..., None, :]) @ adjoint(v)


def of_eig(f: Callable[[Any], Any], x: Any) -> Any:
    w, v = np.linalg.eig(x)
    return (v * f(w)[..., None, :]) @ np.linalg.inv(v)


def of_svd(f: Callable[[Any], Any], x: Any, **options: Any) -> Any:
    u, s, vh = np.linalg.svd(x, **options)
    k = s.shape[-1]
    return (u[..., :k] * f(s)[..., None, :]) @ vh[..., :k, :]


def gram(x: Any) -> Any:
    """The product x x^H by the left singular vectors."""
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    return (u * (s**2)[..., None, :]) @ adjoint(u)


def sum_of(f: Callable[[Any], Any], x: Any) -> Any:
    return np.sum(np.trace(matrix_function(f, x), axis1=-2, axis2=-1).real)


def spectrum(*values: float, complex_ones: bool = False) -> Any:
    """A Hermitian matrix with these eigenvalues, in a basis of no special kind."""
    n = len(values)
    q = np.linalg.qr(complex_array(n, n) if complex_ones else normal(n, n)).Q
    return hermitian((q * np.array(values)) @ adjoint(q))


class Row(NamedTuple):
    """A loss, the same without the decomposition, where, and what the derivatives of two orders are there."""

    name: str
    loss: Callable[[Any], Any]
    same: Callable[[Any], Any]
    places: tuple[Any, ...]
    first: str
    second: str


EQUAL = (
    np.eye(3),
    spectrum(1.0, 1.0, 1.0),
    spectrum(2.0, 2.0, 1.0),
    spectrum(2.0, 2.0, 1.0, complex_ones=True),
    np.eye(2),
    np.stack([np.eye(2), normal(2, 2) + np.diag([3.0, 0.0])]),
)
CLOSE = (spectrum(1.0, 1.0 + 1e-13, 1.0 - 2e-12), np.diag([1.0, 1.0 + 1e-12]))
NULL = (
    np.zeros((2, 2)),
    np.zeros((2, 3)),
    np.diag([2.0, 0.0, 0.0]),
    np.outer([1.0, 2.0, 3.0], [2.0, -1.0]),
    np.outer([1.0, 1j], [2.0, -1.0, 1j]),
    np.arange(9.0).reshape(3, 3),
    np.stack([np.zeros((2, 2)), normal(2, 2)]),
    np.eye(3)[:2],
)
SMALL = (np.zeros((0, 0)), np.full((1, 1), 2.0))


def of_matrices(f: Callable[[Any], Any], total: Callable[[Any], Any]) -> tuple[Any, Any]:
    return lambda x: total(of_eigh(f, x)), lambda x: total(matrix_function(f, x))


def of_values(f: Callable[[Any], Any]) -> tuple[Any, Any]:
    return lambda x: np.sum(f(np.linalg.eigvalsh(hermitian(x)))), lambda x: sum_of(f, x)


def squares(x: Any) -> Any:
    return np.sum(np.real(x * np.conj(x)))


def hermitian_values(x: Any) -> Any:
    return np.linalg.svd(hermitian(x), compute_uv=False, hermitian=True)


def itself(x: Any) -> Any:
    return x


def cube(x: Any) -> Any:
    return x**3


def square_at_zero(w: Any) -> Any:
    return (w - 1) ** 2


SINGULAR = np.arange(9.0).reshape(3, 3)
ROWS = [
    *(
        Row(f"eigh, {f.__name__}", *of_matrices(f, total), EQUAL, RIGHT, REFUSED)
        for f in (np.log, lambda w: np.expm1(w - 1), square_at_zero, itself)
        for total in (weighted, corner)
    ),
    *(
        Row(f"eigvalsh, {f.__name__}", *of_values(f), EQUAL + CLOSE + SMALL, RIGHT, RIGHT)
        for f in (np.log, cube, square_at_zero)
    ),
    Row("trace", *of_values(itself), EQUAL, RIGHT, RIGHT),
    Row(
        "eigvals",
        lambda x: np.sum(np.real(np.linalg.eigvals(x) ** 2)),
        lambda x: np.sum(np.real(x * np.swapaxes(x, -1, -2))),
        *(EQUAL, RIGHT, REFUSED),
    ),
    Row("eig", lambda x: weighted(of_eig(np.square, x)), lambda x: weighted(x @ x), EQUAL, REFUSED, REFUSED),
    Row("eig, log", lambda x: corner(of_eig(np.log, x)), of_matrices(np.log, corner)[1], EQUAL[:1], REFUSED, REFUSED),
    Row("svd", lambda x: weighted(of_svd(itself, x)), weighted, EQUAL[:3] + NULL, RIGHT, REFUSED),
    Row("svd, thin", lambda x: corner(of_svd(itself, x, full_matrices=False)), corner, NULL, RIGHT, REFUSED),
    Row(
        "svd, cube",
        lambda x: weighted(of_svd(cube, x)),
        lambda x: weighted(x @ adjoint(x) @ x),
        *(EQUAL + NULL, RIGHT, REFUSED),
    ),
    Row("gram", lambda x: weighted(gram(x)), lambda x: weighted(x @ adjoint(x)), EQUAL + NULL, RIGHT, REFUSED),
    Row(
        "svdvals",
        lambda x: np.sum(np.linalg.svdvals(x) ** 2),
        squares,
        *(EQUAL + NULL + CLOSE + SMALL, RIGHT, RIGHT),
    ),
    Row(
        "svdvals, fourth powers",
        lambda x: np.sum(np.linalg.svdvals(x) ** 4),
        lambda x: squares(x @ adjoint(x)),
        *(EQUAL + NULL, RIGHT, RIGHT),
    ),
    Row(
        "svd, hermitian",
        lambda x: np.sum(hermitian_values(x) ** 2),
        lambda x: squares(hermitian(x)),
        *(EQUAL, RIGHT, RIGHT),
    ),
    Row(
        "svd, hermitian, with vectors",
        lambda x: weighted(of_svd(itself, hermitian(x), hermitian=True)),
        lambda x: weighted(hermitian(x)),
        *(EQUAL, RIGHT, REFUSED),
    ),
    Row(
        "svd, hermitian, with vectors, at 0",
        lambda x: weighted(of_svd(itself, hermitian(x), hermitian=True)),
        lambda x: weighted(hermitian(x)),
        *((np.zeros((2, 2)), np.diag([1.0, 0.0])), REFUSED, REFUSED),
    ),
    Row("log det at 0", lambda x: np.sum(np.log(np.linalg.svdvals(x))), squares, (SINGULAR,), NAN, REFUSED),
    Row("cond at 0", np.linalg.cond, squares, (SINGULAR,), NAN, REFUSED),
]


SMOOTH = [row for row in ROWS if row.first != NAN and row.name != "eig, log"]  # the same everywhere


def along(f: Callable[[Any], Any], x: Any) -> Callable[[Any], Any]:
    """The second derivative of `f` in a direction that changes all elements of `x`."""
    direction = np.cos(np.arange(1.0, x.size + 1)).reshape(x.shape)
    direction = direction + (1j * direction**2 if x.dtype.kind == "c" else 0)
    return grad(lambda z: np.sum(np.real(np.conj(direction) * grad(f)(z))))


def outcome(derivative: Callable[[Any], Any], right: Callable[[Any], Any], place: Any, tolerance: float = 1e-6) -> str:
    """What became of a derivative; raises AssertionError where it is a finite wrong number."""
    with np.errstate(all="ignore"):
        try:
            found = derivative(place)
        except LinAlgError:
            return REFUSED
        if np.any(np.isnan(found)):
            return NAN
        expected = right(place)
    close = tolerance * (1 + np.max(np.abs(expected), initial=0))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=close)
    return RIGHT


class TableTest(unittest.TestCase):
    def test_first_and_second_order(self) -> None:
        for row in ROWS:
            for place in row.places:
                with self.subTest(row.name, place=place.tolist()):
                    self.assertEqual(outcome(grad(row.loss), grad(row.same), place), row.first)
                    second = outcome(along(row.loss, place), along(row.same, place), place)
                    self.assertEqual(second, row.second)

    def test_single_precision(self) -> None:
        for row in ROWS:
            for place in row.places:
                with self.subTest(row.name, place=place.tolist()):
                    single = place.astype(np.complex64 if place.dtype.kind == "c" else np.float32)
                    found = outcome(grad(row.loss), grad(row.same), single, 5e-3)
                    self.assertIn(found, (row.first, REFUSED))
                    second = outcome(along(row.loss, single), along(row.same, single), single, 5e-3)
                    self.assertIn(second, (row.second, REFUSED))

    def test_compiled(self) -> None:
        for row in ROWS:
            if row.name not in ("eigh, log", "eigvalsh, cube", "svd", "svdvals"):
                continue
            places = [p for p in row.places if p.shape == (3, 3) and p.dtype.kind == "f"]
            first, second = wengert.compile(grad(row.loss)), wengert.compile(along(row.loss, np.eye(3)))
            elsewhere = normal(3, 3) @ normal(3, 3).T + np.diag([1.0, 2.0, 4.0])
            for place in [elsewhere] * 3 + [*places, elsewhere, *places]:
                with self.subTest(row.name, place=place.tolist()):
                    singled = place is elsewhere
                    self.assertEqual(outcome(first, grad(row.same), place), RIGHT if singled else row.first)
                    found = outcome(second, along(row.same, place), place)
                    self.assertEqual(found, RIGHT if singled else row.second)

    @settings(max_examples=30, deadline=None)
    @given(st.sampled_from(SMOOTH), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e-13, 1e-9, 1e-5, 1e-2]))
    def test_never_a_wrong_number_nearby(self, row: Row, seed: int, distance: float) -> None:
        place = row.places[seed % len(row.places)]
        near = place + distance * np.random.default_rng(seed).normal(size=place.shape)
        outcome(grad(row.loss), grad(row.same), near, 1e-4)
        outcome(along(row.loss, place), along(row.same, place), near, 1e-2)


class StructureTest(unittest.TestCase):
    """What a loss depends on decides, and not how large its gradients are."""

    def test_other_values_and_vectors_have_derivatives_of_two_orders(self) -> None:
        def largest(x: Any) -> Any:
            u, s, vh = np.linalg.svd(x, full_matrices=False)
            return (u[:, :1] * s[:1]) @ vh[:1], u[:, :1] @ u[:, :1].T, vh[:1].T @ vh[:1]

        def of_products(x: Any) -> Any:
            w, v = np.linalg.eigh(x.T @ x)
            return (v[:, -1:] * w[-1:]) @ v[:, -1:].T

        a = np.outer([1.0, 2.0, 3.0], [2.0, -1.0, 0.5])
        for place in (a, a[:, :2], a[:2], a[:1], a[:, :1]):
            check_grad(largest, place)
            check_grad(of_products, place)
            check_grad(lambda x: np.linalg.norm(x, 2), place)

    def test_where_no_gradient_arrives_none_leaves(self) -> None:
        batch = np.stack([np.eye(2), np.zeros((2, 2)), np.diag([1.0, 3.0])])
        mask = np.array([False, False, True])[:, None, None]
        found = grad(lambda x: weighted(np.where(mask, of_eigh(np.exp, x), 0)))(batch)
        np.testing.assert_array_equal(found[:2], 0)
        np.testing.assert_allclose(found[2], grad(lambda x: weighted(matrix_function(np.exp, x)))(batch[2]))

    def test_conventions(self) -> None:
        first = grad(lambda x: np.linalg.eigvalsh(x)[0])
        self.assertAlmostEqual(float(np.trace(first(np.eye(3)))), 1.0)
        nuclear = np.diag([2.0, 0.0])
        np.testing.assert_allclose(grad(lambda x: np.linalg.norm(x, "nuc"))(nuclear), np.diag([1.0, 0.0]))
        tied = grad(lambda x: np.linalg.norm(x, 2))
        np.testing.assert_allclose(tied(np.eye(2)), np.eye(2) / 2)
        for f, place in (
            (lambda x: np.linalg.eigvalsh(x)[0], np.eye(3)),
            (lambda x: np.linalg.eigvalsh(x)[0] ** 2, np.zeros((2, 2))),
            (lambda x: np.linalg.norm(x, "nuc"), nuclear),
            (lambda x: np.linalg.norm(x, -2), nuclear),
            (lambda x: np.linalg.norm(x, 2), np.eye(2)),
            (np.linalg.cond, np.eye(2)),
        ):
            with self.assertRaisesRegex(LinAlgError, "no second derivative|do not determine|make it Hermitian"):
                hessian(f)(place)

    def test_vectors_of_another_decomposition(self) -> None:
        def apart(x: Any) -> Any:
            return np.sum(np.linalg.eigvalsh(x) * (np.linalg.eigh(x)[1].T @ np.ones(3)) ** 2)

        def singular(x: Any) -> Any:
            u, _, vh = np.linalg.svd(x)
            return weighted((u * np.linalg.svdvals(x)) @ vh)

        for f, place in ((apart, np.eye(3)), (singular, np.eye(3)), (singular, np.zeros((3, 3)))):
            with self.assertRaisesRegex(LinAlgError, "depend on another decomposition"):
                grad(f)(place)

    def test_under_a_checkpoint(self) -> None:
        def inside(x: Any) -> Any:
            return of_svd(itself, x)

        np.testing.assert_allclose(
            grad(lambda x: weighted(checkpoint(inside)(x)))(np.eye(3)), grad(weighted)(np.eye(3)), atol=1e-12
        )

        def across(x: Any) -> Any:
            u, s, vh = checkpoint(lambda z: tuple(np.linalg.svd(z)))(x)
            return weighted((u * s) @ vh)

        with self.assertRaisesRegex(LinAlgError, "or on a checkpoint"):
            grad(across)(np.eye(3))

    def test_forward_mode(self) -> None:
        tangent = normal(3, 3)
        for place in (np.eye(3), np.zeros((3, 3)), SINGULAR):
            found = jvp(lambda x: of_svd(itself, x), (place,), (tangent,))[1]
            np.testing.assert_allclose(found, tangent, atol=1e-9)
        found = jvp(lambda x: of_eigh(np.log, x), (np.eye(3),), (tangent,))[1]
        np.testing.assert_allclose(found, hermitian(tangent), atol=1e-9)

    def test_the_second_walk_leaves_arrays(self) -> None:
        x = Variable(np.eye(3))
        y = x * 1.0
        weighted(of_svd(itself, y)).backward(retain_grad=True)
        for found in (x.grad, y.grad):
            self.assertIs(type(found), np.ndarray)
            np.testing.assert_allclose(found, grad(weighted)(np.eye(3)), atol=1e-12)

    def test_a_matrix_without_a_full_set_of_eigenvectors(self) -> None:
        for corner_of in (0.0, 1e-18):
            with self.assertRaisesRegex(LinAlgError, "no full set of eigenvectors"):
                grad(lambda x: np.sum(np.real(np.linalg.eigvals(x) ** 2)))(np.array([[1.0, 1.0], [corner_of, 1.0]]))


class RoundingTest(unittest.TestCase):
    """Values that rounding alone has made different, or that are nearly equal."""

    def test_functions_of_matrices_that_are_nearly_the_identity_or_0(self) -> None:
        for n in (2, 3):
            noise = spectrum(*np.linspace(-1, 1, n))
            for size in (1e-15, 1e-13, 1e-11, 1e-9, 1e-7, 1e-5):
                for f, center in ((np.log, 1), (np.sqrt, 1), (np.expm1, 0), (np.exp, 0), (np.log1p, 0)):
                    place = center * np.eye(n) + size * noise
                    for total in (weighted, corner):
                        loss, same = of_matrices(f, total)
                        with self.subTest(f.__name__, n=n, size=size, total=total.__name__):
                            self.assertEqual(outcome(grad(loss), grad(same), place, 1e-4), RIGHT)
                            self.assertIn(
                                outcome(along(loss, place), along(same, place), place, 1e-2), (RIGHT, REFUSED, NAN)
                            )

    def test_values_and_vectors_of_two_calls(self) -> None:
        def apart(x: Any) -> Any:
            values, vectors = np.linalg.eigvalsh(hermitian(x)), np.linalg.eigh(hermitian(x))[1]
            return weighted((vectors * np.log(values)) @ vectors.T)

        same = of_matrices(np.log, weighted)[1]
        for size in (0.0, 1e-15, 1e-12, 1e-9):
            place = np.eye(3) + size * spectrum(-1.0, 0.0, 1.0)
            self.assertEqual(outcome(grad(apart), grad(same), place), REFUSED)
            self.assertEqual(outcome(along(apart, place), along(same, place), place), REFUSED)
        for place in (np.diag([1.0, 2.0, 4.0]), spectrum(1.0, 2.0, 4.0)):
            self.assertEqual(outcome(grad(apart), grad(same), place), RIGHT)
            self.assertEqual(outcome(along(apart, place), along(same, place), place), RIGHT)

    def test_signs_of_vectors_of_values_0_count(self) -> None:
        for f in (lambda x: np.linalg.norm(x, "nuc") ** 2, lambda x: np.linalg.norm(x, 2) ** 2):
            with self.assertRaises(
                LinAlgError
            ):  # quadratic in each half of the directions, and not twice differentiable
                hessian(f)(np.zeros((2, 2)))
            np.testing.assert_allclose(hessian(f)(np.zeros((3, 1))).reshape(3, 3), 2 * np.eye(3), atol=1e-12)
        with self.assertRaisesRegex(LinAlgError, "singular values that are 0"):
            grad(lambda x: weighted((lambda u, s, vh: (u * np.exp(s)) @ u.T)(*np.linalg.svd(x))))(np.zeros((2, 2)))

    def test_norms_whose_values_are_apart_at_0(self) -> None:
        for ord in (1, -1, np.inf, -np.inf, 2, -2, "nuc", "fro"):
            np.testing.assert_array_equal(grad(lambda x, o=ord: np.linalg.norm(x, o))(np.zeros((3, 2))), 0)
        self.assertEqual(float(np.linalg.norm(Variable(np.zeros((0, 3))), 2)), 0)


if __name__ == "__main__":
    unittest.main()
