"""wengert.scipy: with arrays SciPy itself, with Variables the table, and what is refused, by name."""

import importlib
import importlib.util
import os
import pickle
import subprocess
import sys
import unittest
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from wengert import Variable, check_grad

HAS_SCIPY = importlib.util.find_spec("scipy") is not None
ROOT = Path(wengert.__file__).resolve().parent.parent

if HAS_SCIPY:
    import scipy.fft
    import scipy.linalg
    import scipy.signal
    import scipy.sparse
    import scipy.sparse.linalg
    import scipy.special

    from wengert.scipy import fft, linalg, signal, sparse, special

A, B = np.array([[4.0, 1.0, 0.5], [0.3, 3.0, -1.0], [0.2, 0.1, 2.0]]), np.array([1.0, -2.0, 0.5])
LinAlgError = np.linalg.LinAlgError


@unittest.skipUnless(HAS_SCIPY, "needs SciPy")
class ArraysTest(unittest.TestCase):
    def test_arrays_get_what_scipy_gives(self) -> None:
        for ours, theirs, args, options in (
            (linalg.solve, scipy.linalg.solve, (A, B), {"assume_a": "gen", "transposed": True}),
            (linalg.lu_factor, scipy.linalg.lu_factor, (A,), {}),
            (linalg.null_space, scipy.linalg.null_space, (A[:2],), {"rcond": 0.1}),
            (linalg.hilbert, scipy.linalg.hilbert, (3,), {}),
            (special.logsumexp, scipy.special.logsumexp, (A + 1j,), {"axis": 0}),
            (special.expit, scipy.special.expit, (A,), {}),
            (special.comb, scipy.special.comb, (10, 3), {"exact": True}),
            (fft.dct, scipy.fft.dct, (A,), {"type": 1, "workers": 1}),
            (signal.lfilter, scipy.signal.lfilter, ([1.0, 2.0], [2.0, 1.0], B), {}),
            (sparse.csr_array, scipy.sparse.csr_array, (A,), {}),
            (sparse.linalg.spsolve, scipy.sparse.linalg.spsolve, (scipy.sparse.csc_array(A), B), {}),
        ):
            with self.subTest(theirs.__name__):
                found, expected = ours(*args, **options), theirs(*args, **options)
                self.assertIs(type(found), type(expected))
                for y, e in zip(*(v if isinstance(v, tuple) else (v,) for v in (found, expected)), strict=True):
                    if scipy.sparse.issparse(e):
                        y, e = y.toarray(), e.toarray()
                    np.testing.assert_array_equal(y, e)

    def test_errors_are_scipys(self) -> None:
        with self.assertRaisesRegex(ValueError, "must not contain infs or NaNs"):
            linalg.solve(A, B * np.nan)
        with self.assertRaisesRegex(TypeError, "unexpected keyword argument 'absent'"):
            linalg.expm(A, absent=1)

    def test_other_names_are_scipys_own(self) -> None:
        self.assertIs(linalg.LinAlgError, scipy.linalg.LinAlgError)
        self.assertIs(special.gamma, scipy.special.gamma)
        self.assertIs(sparse.issparse.__wrapped__, scipy.sparse.issparse)
        self.assertIs(linalg.subspace_angles, linalg.subspace_angles)
        self.assertIn("subspace_angles", dir(linalg))
        with self.assertRaisesRegex(AttributeError, "module 'wengert.scipy.linalg' has no attribute 'absent'"):
            linalg.absent  # noqa: B018
        with self.assertRaisesRegex(
            AttributeError, "no attribute 'datasets'; it has cluster,.* use scipy.datasets itself"
        ):
            wengert.scipy.datasets  # noqa: B018

    def test_they_are_pickled_by_name(self) -> None:
        for function in (linalg.solve, linalg.expm, linalg.null_space, special.softmax, signal.stft, sparse.csr_array):
            self.assertIs(pickle.loads(pickle.dumps(function)), function)

    def test_without_scipy(self) -> None:
        hidden = "import sys; sys.modules['scipy'] = None; import wengert"
        script = f"{hidden}\ntry: wengert.scipy\nexcept ImportError as e: print(e)"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        self.assertEqual(run.stdout, "wengert.scipy needs scipy; install it with: pip install wengert[scipy]\n")


@unittest.skipUnless(HAS_SCIPY, "needs SciPy")
class RefusedTest(unittest.TestCase):
    def test_options_are_refused_by_name(self) -> None:
        x, v = Variable(A), Variable(B)
        with self.assertRaisesRegex(TypeError, "too many positional arguments"):
            linalg.eigh(x, None, True)
        with self.assertRaisesRegex(TypeError, "multiple values for argument 'a'"):
            linalg.svd(x, True, a=x)
        for call, name in (
            (lambda: linalg.svd(x, lapack_driver="gesvd"), "lapack_driver"),
            (lambda: linalg.eigh(x, subset_by_index=[0, 1]), "subset_by_index"),
            (lambda: linalg.pinv(x, atol=0.1), "atol"),
            (lambda: linalg.qr(x, lwork=100), "lwork"),
            (lambda: special.comb(v, 2, exact=True), "exact"),
            (lambda: signal.filtfilt(v, [1.0], np.ones(30), method="gust"), "method"),
            (lambda: sparse.linalg.gmres(A, v, restart=2), "restart"),
        ):
            with (
                self.subTest(name),
                self.assertRaisesRegex(TypeError, f"of a Variable does not take {name}=; it takes"),
            ):
                call()

    def test_what_changes_no_value_is_taken(self) -> None:
        x = Variable(A)
        y = linalg.svd(x, True, True, True, True, "gesdd")[1]  # by place: overwrite_a, check_finite, lapack_driver
        np.testing.assert_allclose(y.data, scipy.linalg.svdvals(A))
        linalg.lu_factor(x, overwrite_a=True)
        fft.fft(x, overwrite_x=True, workers=1)
        np.testing.assert_array_equal(x.data, [[4.0, 1.0, 0.5], [0.3, 3.0, -1.0], [0.2, 0.1, 2.0]])

    def test_functions_without_a_row(self) -> None:
        for function in (linalg.null_space, linalg.schur, special.factorial2, signal.medfilt, sparse.linalg.eigs):
            name = f"{function.__module__}.{function.__name__} has no derivative here"
            with self.subTest(function.__name__), self.assertRaisesRegex(TypeError, name):
                function(Variable(A))

    def test_scipys_own_functions_name_those_here(self) -> None:
        for theirs, args in (
            (scipy.linalg.solve_triangular, (Variable(A), B)),
            (scipy.linalg.expm, (Variable(A),)),
            (scipy.special.logsumexp, (Variable(A),)),
            (scipy.special.polygamma, (1, Variable(A))),
            (scipy.signal.fftconvolve, (Variable(B), B)),
            (scipy.sparse.linalg.spsolve, (scipy.sparse.csc_array(A), Variable(B))),
        ):
            name = f"scipy.*{theirs.__name__} takes no Variables; write wengert.scipy.*{theirs.__name__}"
            with self.subTest(theirs.__name__), self.assertRaisesRegex(TypeError, name):
                theirs(*args)

    def test_not_finite(self) -> None:
        with self.assertRaisesRegex(ValueError, "must not contain infs or NaNs"):
            linalg.solve(Variable(A), B * np.nan)
        self.assertTrue(np.isnan(linalg.solve(Variable(A), B * np.nan, check_finite=False).data).all())


@unittest.skipUnless(HAS_SCIPY, "needs SciPy")
class SingularTest(unittest.TestCase):
    """Where there is no derivative, it is refused."""

    def assert_refused(self, message: str, f: Any, *args: Any) -> None:
        with warnings.catch_warnings(), self.assertRaisesRegex(LinAlgError, message):
            warnings.simplefilter("ignore")  # SciPy's own
            wengert.grad(lambda *xs: np.sum(f(*xs)))(*args)

    def test_matrices(self) -> None:
        singular = np.ones((2, 2))
        self.assert_refused("an LU factorisation is not known where", lambda a: linalg.lu_factor(a)[0], singular)
        self.assert_refused("not full rank", lambda a: linalg.polar(a)[0], singular)
        self.assert_refused("take the other side", lambda a: linalg.polar(a)[0], np.ones((2, 3)))
        for function in (linalg.logm, linalg.sqrtm):
            cut = np.diag([-1.0, 2.0])
            self.assert_refused("between two branches", lambda a, f=function: np.real(f(a)), cut)
        with self.assertRaises(LinAlgError):
            linalg.solve(Variable(singular), B[:2])
        with self.assertRaisesRegex(LinAlgError, "near singular circulant"):
            linalg.solve_circulant(Variable(np.ones(2)), B[:2])

    def test_equal_eigenvalues_of_functions_of_matrices(self) -> None:
        for function in (linalg.expm, linalg.sqrtm, linalg.logm, linalg.cosm):
            check_grad(function, 2 * np.eye(2))
            check_grad(function, np.array([[2.0, 1.0], [0.0, 2.0]]), rtol=1e-5)  # (no full set of eigenvectors)

    def test_equal_singular_values_of_polar(self) -> None:
        check_grad(linalg.polar, 2 * np.eye(2))

    def test_solvers_that_do_not_converge(self) -> None:
        with self.assertRaisesRegex(LinAlgError, r"cg did not converge \(info=1\)"):
            sparse.linalg.cg(A + A.T, Variable(B), maxiter=1)

    def test_singular_sparse_matrices(self) -> None:
        a = scipy.sparse.csc_array(np.diag([1.0, 0.0, 1.0]))
        with self.assertWarns(scipy.sparse.linalg.MatrixRankWarning):
            self.assertTrue(np.isnan(sparse.linalg.spsolve(a, Variable(B)).data).all())


@unittest.skipUnless(HAS_SCIPY, "needs SciPy")
class SparseTest(unittest.TestCase):
    def test_operators_of_scipys_matrices(self) -> None:
        for kind in (scipy.sparse.csr_array, scipy.sparse.coo_array, scipy.sparse.lil_array, scipy.sparse.csc_matrix):
            a = kind(A)
            for call in (
                lambda x, a=a: a @ x,
                lambda x, a=a: x @ a,
                lambda x, a=a: a.T @ x,
                lambda x, a=a: np.matmul(x, a),
            ):
                np.testing.assert_allclose(
                    call(Variable(B)).data, call(B) if call.__code__.co_names[:1] != ("np",) else B @ A
                )
                check_grad(call, B)
        a = scipy.sparse.csr_matrix(A)

        def written(x: Any) -> Any:
            y = np.zeros(3, like=x)
            y[1:] = x[1:] ** 2
            return (a @ y) * (y @ a)

        check_grad(written, B)
        check_grad(lambda x: a * x + x * a, B)  # of matrices, `*` is the product

    def test_what_does_not_fit_raises(self) -> None:
        a, x = scipy.sparse.csr_array(A), Variable(B)
        v = sparse.csr_array((Variable(a.data), a.indices, a.indptr), shape=a.shape)
        for call, error, message in (
            (lambda: a @ x[:2], ValueError, r"dimension mismatch of a sparse matrix \(3, 3\) and an array \(2,\)"),
            (lambda: a + x, TypeError, "unsupported operand"),
            (lambda: a * x, TypeError, r"takes Variables in a @ x and x @ a; write a.toarray\(\)"),
            (lambda: sparse.matmul(x, x), TypeError, "has one sparse matrix and one array"),
            (lambda: v @ a, TypeError, "has one sparse matrix and one array"),
            (lambda: v * x, TypeError, r"is multiplied by a number, or by @"),
            (lambda: v + x, TypeError, "is added to a sparse matrix"),
            (lambda: np.asarray(v), TypeError, r"is no array; write a.toarray\(\)"),
            (lambda: sparse.csr_array(Variable(A)), TypeError, "takes their places"),
            (lambda: sparse.linalg.spsolve(v, x[:2]), ValueError, "as many rows"),
            (lambda: sparse.linalg.eigs(v), TypeError, "eigs has no derivative here"),
        ):
            with self.subTest(message), self.assertRaisesRegex(error, message):
                call()

    def test_a_matrix_of_variables(self) -> None:
        a = scipy.sparse.csr_array(A)
        x = Variable(a.data)
        v = sparse.csr_array((x, a.indices, a.indptr), shape=a.shape)
        self.assertEqual((v.shape, v.dtype, v.ndim, v.nnz, v.T.shape), ((3, 3), np.float64, 2, 9, (3, 3)))
        self.assertIn("9 stored values", repr(v))
        np.testing.assert_allclose((v / 2 - a + v.conj().transpose()).toarray().data, A.T - A / 2)
        np.testing.assert_allclose((B @ v).data, B @ A)
        np.testing.assert_allclose((a - v).toarray().data, np.zeros((3, 3)))


if __name__ == "__main__":
    unittest.main()
