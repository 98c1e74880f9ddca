"""Linear algebra at the points where its derivatives are special, and products of many kinds."""

import unittest
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import complex_array, normal
from wengert import Variable, check_grad

LinAlgError = np.linalg.LinAlgError


def gradient(f: Any, *arrays: Any) -> Any:
    xs = [Variable(np.array(a)) for a in arrays]
    np.sum(f(*xs)).backward()
    return xs[0].grad if len(xs) == 1 else [x.grad for x in xs]


def second(f: Any, a: Any, c: Any) -> Any:
    """The second derivative of `f` along `c`."""
    x = Variable(np.array(a))
    np.sum(f(x)).backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    np.sum(gx * c).backward()
    return x.grad


SYMMETRIC = np.array([[1.0, 2.0, 0.5], [2.0, 5.0, -1.0], [0.5, -1.0, 3.0]])


class EigenvectorTest(unittest.TestCase):
    def test_results_keep_their_kind(self) -> None:
        x = Variable(SYMMETRIC)
        for name, f in (("EighResult", np.linalg.eigh), ("EigResult", np.linalg.eig), ("SVDResult", np.linalg.svd)):
            self.assertEqual(type(f(x)).__name__, name)
        self.assertEqual(type(np.linalg.qr(x)).__name__, "QRResult")
        self.assertIsInstance(np.linalg.slogdet(x).logabsdet, Variable)
        self.assertIsInstance(np.linalg.svd(x).S, Variable)

    def test_equal_eigenvalues_alone(self) -> None:
        np.testing.assert_allclose(gradient(lambda x: np.linalg.eigvalsh(x) ** 3, 2 * np.eye(3)), 12 * np.eye(3))
        nothing = second(np.linalg.eigvalsh, np.eye(3), SYMMETRIC)  # of the trace
        np.testing.assert_allclose(nothing, np.zeros((3, 3)), atol=1e-12)
        turning = second(np.linalg.svdvals, np.eye(2), np.array([[1.0, 2.0], [4.0, 5.0]]))  # of the nuclear norm
        np.testing.assert_allclose(turning, [[0, -1], [1, 0]], atol=1e-12)
        first = gradient(lambda x: np.linalg.eigvalsh(x)[0], np.eye(3))  # no derivative: one of the directions
        self.assertAlmostEqual(float(np.trace(first)), 1.0)
        np.testing.assert_allclose(gradient(lambda x: np.real(np.linalg.eigvals(x) ** 2), 2 * np.eye(2)), 4 * np.eye(2))

    def test_the_projector_on_equal_eigenvalues_to_rounding(self) -> None:
        q = np.linalg.qr(normal(4, 4)).Q
        a = q @ np.diag([1.0, 3.0, 3.0, 3.0]) @ q.T
        check_grad(lambda x: (lambda v: v @ v.T)(np.linalg.eigh(x + x.T)[1][:, 1:]), a, order=3, rtol=1e-4)
        check_grad(lambda x: (lambda v: v @ v.T)(np.linalg.svd(x)[0][:, :3]), a, order=3, rtol=1e-4)

    def test_singular_vectors_beside_a_null_space(self) -> None:
        a = np.outer([1.0, 2.0, 3.0], [2.0, -1.0, 0.5])

        def first(x: Any) -> Any:
            u, s, vh = np.linalg.svd(x)
            return (u[:, :1] * s[:1]) @ vh[:1], vh[:1].T @ vh[:1]

        check_grad(first, a)
        check_grad(first, a[:, :2], order=1)
        check_grad(first, a[:2], order=1)

    def test_what_is_put_together_again_at_equal_values(self) -> None:
        def rebuilt(x: Any) -> Any:
            w, v = np.linalg.eigh(x)
            return (v * w) @ v.T * SYMMETRIC

        def rebuilt_by_svd(x: Any) -> Any:
            u, s, vh = np.linalg.svd(x)
            return (u * s) @ vh * SYMMETRIC

        def rebuilt_by_eig(x: Any) -> Any:
            w, v = np.linalg.eig(x)
            return np.real((v * w) @ np.linalg.inv(v)) * SYMMETRIC  # complex from NumPy 2.5 on

        triangle = np.tril(SYMMETRIC) + np.tril(SYMMETRIC, -1)
        for f, right in ((rebuilt, triangle), (rebuilt_by_svd, SYMMETRIC), (rebuilt_by_eig, SYMMETRIC)):
            with self.subTest(f.__name__):
                np.testing.assert_allclose(gradient(f, np.diag([1.0, 2.0, 4.0])), right, atol=1e-9)
                if f is rebuilt_by_eig:
                    with self.assertRaisesRegex(LinAlgError, "at equal .*values.*do not determine.*matrix_function"):
                        gradient(f, np.eye(3))
                else:
                    found = gradient(lambda x, f=f: f((x + x.T) / 2), np.eye(3))
                    np.testing.assert_allclose(found, SYMMETRIC, atol=1e-9)
        for f in (np.linalg.eigvalsh, lambda x: np.linalg.svd(x, compute_uv=False, hermitian=True)):
            found = second(lambda x, f=f: f((x + x.T) / 2) ** 3, np.eye(3), SYMMETRIC)  # that of the trace of x^3
            np.testing.assert_allclose(found, 6 * SYMMETRIC, atol=1e-9)

    def test_what_depends_on_the_choice_is_refused(self) -> None:
        a = complex_array(3, 3) + 2 * np.diag(np.arange(3))
        for f in (
            lambda x: np.linalg.eig(x)[1],
            lambda x: np.linalg.eigh(x + np.conj(x).T)[1],
            lambda x: np.linalg.svd(x)[0],
        ):
            with self.assertRaisesRegex(LinAlgError, "the phase of the vectors"):
                gradient(lambda x, f=f: np.real(f(x)), a)
        with self.assertRaisesRegex(LinAlgError, "the turn among the vectors"):
            gradient(lambda x: np.linalg.eigh(x)[1] * normal(3, 3), np.eye(3))
        with self.assertRaisesRegex(LinAlgError, "complete q"):
            gradient(lambda x: np.linalg.qr(x, "complete").Q * normal(4, 4), normal(4, 2))
        with self.assertRaisesRegex(LinAlgError, "complete q"):
            gradient(lambda x: np.linalg.svd(x)[2] * normal(4, 4), normal(2, 4))

    def test_only_one_triangle_is_read_and_has_the_gradient(self) -> None:
        garbage = np.tril(SYMMETRIC) + np.triu(normal(3, 3), 1)

        def f(x: Any) -> Any:
            w, v = np.linalg.eigh(x)
            return np.sin(w) + np.sum((v[:, 0] * np.arange(3.0)) ** 2)

        np.testing.assert_allclose(gradient(f, garbage), gradient(f, SYMMETRIC))
        np.testing.assert_allclose(second(f, garbage, np.ones((3, 3))), second(f, SYMMETRIC, np.ones((3, 3))))
        for g in (f, lambda x: np.linalg.cholesky(x + 3 * np.eye(3))):
            np.testing.assert_array_equal(np.triu(gradient(g, SYMMETRIC), 1), 0)
            check_grad(g, SYMMETRIC)


class SingularMatrixTest(unittest.TestCase):
    def test_second_derivatives_of_det_at_rank_deficient_matrices(self) -> None:
        def by_hand(x: Any) -> Any:
            return np.sum(x[0] * np.cross(x[1], x[2]))

        for seed in range(20):
            a = normal(3, 2, seed=seed) @ normal(2, 3, seed=seed + 100)  # singular but for rounding
            c = normal(3, 3, seed=seed + 200)
            np.testing.assert_allclose(second(np.linalg.det, a, c), second(by_hand, a, c), rtol=1e-9, atol=1e-9)

    def test_the_error_is_numpys(self) -> None:
        x = Variable(np.zeros((2, 2)))
        for f in (np.linalg.inv, lambda x: np.linalg.solve(x, np.ones(2)), np.linalg.cholesky):
            with self.assertRaises(LinAlgError):
                f(x)

    def test_the_determinant_of_a_singular_matrix_has_its_cofactors(self) -> None:
        np.testing.assert_array_equal(gradient(np.linalg.det, np.zeros((2, 2))), np.zeros((2, 2)))
        np.testing.assert_allclose(gradient(np.linalg.det, np.ones((2, 2))), [[1, -1], [-1, 1]])
        c = np.array([[1.0, 2.0], [3.0, 4.0]])
        np.testing.assert_allclose(second(np.linalg.det, np.zeros((2, 2)), c), [[4, -3], [-2, 1]])

    def test_a_cut_that_is_not_rounding_is_refused(self) -> None:
        with self.assertRaisesRegex(LinAlgError, "choose it smaller"):
            gradient(lambda x: np.linalg.pinv(x, rcond=0.5), np.diag([1.0, 0.3]))

    def test_norms_at_zero_have_the_derivative_zero(self) -> None:
        for ord in (None, 1, 2, 3, 0.5, np.inf, -np.inf, 0):
            for f in (np.linalg.norm, lambda x, ord: np.linalg.norm(x, ord, axis=0, keepdims=True)):
                with self.subTest(ord=ord):
                    zeros = np.zeros(3)
                    np.testing.assert_array_equal(gradient(lambda x, f=f, p=ord: f(x, ord=p), zeros), zeros)
                    found = second(lambda x, f=f, p=ord: f(x, ord=p) ** 2, zeros, np.ones(3))
                    if ord in (None, 2):
                        np.testing.assert_allclose(found, 2)
                    elif ord in (3, 0.5):
                        self.assertTrue(np.isnan(found).all())  # there is none
        for ord in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
            with self.subTest(ord=ord):
                zeros = np.zeros((2, 3))
                np.testing.assert_array_equal(gradient(lambda x, p=ord: np.linalg.norm(x, p), zeros), zeros)
        np.testing.assert_array_equal(gradient(lambda x: np.linalg.norm(x, 3), np.array([0.0, 2.0])), [0, 1])

    def test_equal_extremes_share_evenly(self) -> None:
        equal = np.array([2.0, -2.0, 1.0])
        np.testing.assert_array_equal(gradient(lambda x: np.linalg.norm(x, np.inf), equal), [0.5, -0.5, 0])
        np.testing.assert_allclose(gradient(lambda x: np.linalg.norm(x, 2), np.eye(2)), np.eye(2) / 2)
        np.testing.assert_allclose(gradient(lambda x: np.linalg.norm(x, 1), np.eye(2)), np.eye(2) / 2)


class ArgumentTest(unittest.TestCase):
    def test_what_is_not_supported_says_so(self) -> None:
        x = Variable(SYMMETRIC)
        for message, call in (
            ("does not take axes=", lambda: np.matmul(x, x, axes=[(0, 1), (0, 1), (0, 1)])),
            ("'reduced', 'complete' or 'r'", lambda: gradient(lambda x: np.linalg.qr(x, "raw")[0], SYMMETRIC)),
            ("into a plain array", lambda: np.einsum("ij->ji", x, out=np.zeros((3, 3)))),
            ("does not take keepdims=", lambda: np.vecdot(x, x, keepdims=True)),
        ):
            with self.assertRaisesRegex(TypeError, message):
                call()
        for message, call in (
            ("three components", lambda: np.cross(x[:, :2], x[:, :2])),
            ("the same lengths", lambda: np.tensordot(x, np.ones((2, 2)), 1)),
            ("each axis once", lambda: np.tensordot(x, x, ((0, 0), (0, 1)))),
            ("at least two arrays", lambda: np.linalg.multi_dot([x])),
            ("np.outer flattens", lambda: np.linalg.outer(x, x)),
            ("Invalid norm order", lambda: np.linalg.norm(x, 7)),
            ("Improper number of dimensions", lambda: np.linalg.norm(np.stack([x, x]), 2)),
            ("square", lambda: np.linalg.matrix_power(x[:2], 2)),
        ):
            with self.assertRaisesRegex(ValueError, message):
                call()

    def test_counts_are_constants(self) -> None:
        x = Variable(SYMMETRIC)
        self.assertEqual(np.linalg.matrix_rank(x), 3)
        self.assertIsInstance(np.linalg.matrix_rank(x), np.integer)
        self.assertEqual(np.einsum_path("ij,jk->ik", x, x)[0], ["einsum_path", (0, 1)])
        self.assertEqual(np.linalg.lstsq(x, np.ones(3))[2], 3)

    def test_integers(self) -> None:
        a = np.array([[-128, 3], [4, 7]], np.int8)
        for f in (np.linalg.inv, np.linalg.det, np.linalg.pinv, np.linalg.norm, np.linalg.svdvals, np.linalg.cond):
            np.testing.assert_allclose(gradient(f, a), gradient(f, a.astype(float)), rtol=1e-9)
        for ord in (1, np.inf, 2, 3):
            y = np.linalg.norm(Variable(a[:, 0]), ord)
            self.assertEqual(float(y), np.linalg.norm(a[:, 0], ord))
            np.testing.assert_allclose(
                gradient(lambda x, p=ord: np.linalg.norm(x, p), a[:, 0]),
                gradient(lambda x, p=ord: np.linalg.norm(x, p), a[:, 0].astype(float)),
            )
        found = gradient(lambda x: x @ a.astype(float), a)
        np.testing.assert_array_equal(found, np.ones((2, 2)) @ a.T.astype(float))


@st.composite
def contractions(draw: Any) -> tuple[str, list[tuple[int, ...]]]:
    """Subscripts of up to three operands, with repeated labels, ellipses and lengths of 1; and their shapes."""
    lengths = {x: draw(st.integers(1, 3)) for x in "abcd"}
    dots = [draw(st.integers(1, 2)) for _ in range(draw(st.integers(0, 2)))]
    terms, shapes = [], []
    for _ in range(draw(st.integers(1, 3))):
        labels = draw(st.lists(st.sampled_from("abcd"), max_size=3))
        shape = [lengths[x] for x in labels]
        single = [i for i, x in enumerate(labels) if labels.count(x) == 1]
        if single and draw(st.booleans()):
            shape[draw(st.sampled_from(single))] = 1
        term = "".join(labels)
        if dots and draw(st.booleans()):
            place = draw(st.integers(0, len(labels)))
            kept = dots[draw(st.integers(0, len(dots) - 1)) :]
            shape[place:place] = kept
            term = term[:place] + "..." + term[place:]
        terms.append(term)
        shapes.append(tuple(shape))
    subscripts = ",".join(terms)
    if draw(st.booleans()):
        named = sorted(set(subscripts) & set("abcd"))
        output = draw(st.permutations(named))[: draw(st.integers(0, len(named)))]
        subscripts += "->" + ("..." if "..." in subscripts else "") + "".join(output)
    return subscripts, shapes


class SlogdetTest(unittest.TestCase):
    def test_singular_matrices_behind_a_mask(self) -> None:
        a = np.array([[[1.0, 2.0], [2.0, 4.0]], [[2.0, 0.0], [0.0, 4.0]]])

        def masked(x: Any) -> Any:
            sign, log = np.linalg.slogdet(x)
            return np.where(sign.data != 0, log, 0)

        expected = np.array([[[0, 0], [0, 0]], [[0.5, 0], [0, 0.25]]])
        np.testing.assert_allclose(gradient(masked, a), expected)
        np.testing.assert_allclose(
            second(masked, a, np.ones((2, 2))), -np.einsum("bij,kj,bkl->bil", *[expected, np.ones((2, 2)), expected])
        )
        np.testing.assert_array_equal(gradient(lambda x: np.linalg.slogdet(x)[0], a), np.zeros((2, 2, 2)))
        with self.assertRaisesRegex(LinAlgError, "Singular matrix"):
            gradient(lambda x: np.linalg.slogdet(x)[1], a)


class MatrixProductTest(unittest.TestCase):
    def test_beside_a_constant_its_own_value_is_not_read(self) -> None:
        x, c = Variable(np.ones((2, 2))), np.array([[1.0, 2.0], [3.0, 4.0]])
        y, z = x @ c, c @ x
        x.data = 2 * x.data
        y.backward()
        z.backward()
        np.testing.assert_array_equal(x.grad, np.ones((2, 2)) @ c.T + c.T @ np.ones((2, 2)))
        w = x @ x
        x.data = 2 * x.data
        with self.assertRaisesRegex(ValueError, "its data was assigned since"):
            w.backward()

    def test_backward_by_hand(self) -> None:
        x, c = Variable(np.ones((2, 3))), np.arange(6.0).reshape(3, 2)
        f = (x @ c).creator
        self.assertEqual(f.name, "Matmul")
        np.testing.assert_array_equal(f.backward(np.ones((2, 2))), np.ones((2, 2)) @ c.T)
        g = (x @ Variable(c)).creator
        self.assertEqual([gx.shape for gx in g.backward(np.ones((2, 2)))], [(2, 3), (3, 2)])
        with self.assertRaisesRegex(ValueError, "mismatch"):
            x @ np.ones((2, 2))

    def test_an_eigenvalue_of_several_equal_ones_is_refused_by_eig(self) -> None:
        with self.assertRaisesRegex(LinAlgError, "at equal values"):
            gradient(lambda x: np.real(np.linalg.eigvals(x)[0]), np.eye(2))


class EinsumTest(unittest.TestCase):
    @settings(max_examples=60, deadline=None)
    @given(contractions(), st.booleans(), st.booleans())
    def test_random_subscripts(self, contraction: Any, optimize: bool, is_complex: bool) -> None:
        subscripts, shapes = contraction
        make = complex_array if is_complex else normal
        arrays = [make(*shape, seed=i) for i, shape in enumerate(shapes)]
        expected = np.einsum(subscripts, *arrays, optimize=optimize)
        found = np.einsum(subscripts, *map(Variable, arrays), optimize=optimize)
        np.testing.assert_allclose(found.data, expected)
        check_grad(lambda *xs: np.einsum(subscripts, *xs, optimize=optimize), *arrays)

    def test_constants_cost_nothing(self) -> None:
        x = Variable(normal(2, 3))
        y = np.einsum("ij,jk->ik", x, normal(3, 2))
        y.backward()
        np.testing.assert_allclose(x.grad, np.ones((2, 2)) @ normal(3, 2).T)


class LargeEinsumTest(unittest.TestCase):
    """Large sums of products go through products of matrices: the same numbers as NumPy's own loop gives."""

    CASES = (
        ("bij,bjk->bik", (20, 30, 40), (20, 40, 30)),
        ("bij,bjk->bik", (1, 60, 40), (20, 40, 30)),
        ("ij,jk", (60, 1), (70, 90)),
        ("...ij,jk->...k", (5, 60, 40), (40, 50)),
        ("iij,jk->ik", (40, 40, 50), (50, 30)),
        ("ij,kj,kl->il", (60, 60), (60, 60), (60, 60)),
    )

    def test_as_the_loop(self) -> None:
        rng = np.random.default_rng(0)
        for subscripts, *shapes in self.CASES:
            with self.subTest(subscripts, shapes=shapes):
                arrays = [rng.normal(size=shape) for shape in shapes]
                xs, others = ([Variable(a) for a in arrays] for _ in range(2))
                y = np.einsum(subscripts, *xs)
                np.testing.assert_allclose(y.data, np.einsum(subscripts, *arrays), atol=1e-9)
                weights = rng.normal(size=y.shape)
                y.grad = weights
                y.backward()
                with mock.patch("wengert.functions.einsum.LARGE", 10**12):
                    z = np.einsum(subscripts, *others)
                    z.grad = weights
                    z.backward()
                for x, other in zip(xs, others, strict=True):
                    np.testing.assert_allclose(x.grad, other.grad, atol=1e-9)

    def test_wrong_subscripts_are_numpys_errors(self) -> None:
        x = Variable(np.ones((100, 100)))
        for subscripts, message in (("ijk,jk", "too many subscripts"), ("ij,jk,kl", "more operands")):
            with self.assertRaisesRegex(ValueError, message):
                np.einsum(subscripts, x, x)


if __name__ == "__main__":
    unittest.main()
