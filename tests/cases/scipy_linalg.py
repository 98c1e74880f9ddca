"""Cases for scipy.linalg by `wengert.scipy.linalg`; none where SciPy is not installed."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import Case, normal, positive

CASES: list[Case] = []


def near(n: int, seed: int = 0) -> np.ndarray:
    """A matrix of distinct values that is well conditioned."""
    return np.asarray(0.3 * normal(n, n, seed=seed) + np.diag(1.0 + np.arange(n)))


def complex_near(n: int, seed: int = 0) -> np.ndarray:
    return np.asarray(near(n, seed) + 0.2j * normal(n, n, seed=seed + 7))


if importlib.util.find_spec("scipy") is not None:
    from wengert.scipy import linalg

    def of(function: Any, *args: Any, **settings: Any) -> Case:
        options = {name: settings.pop(name) for name in list(settings) if name not in Case._fields}
        return Case(function, lambda *xs: function(*xs, **options), args, **{"exact": False, **settings})

    def by(function: Any, call: Callable[..., Any], *args: Any, **settings: Any) -> Case:
        return Case(function, call, args, **{"exact": False, **settings})

    def definite(s: Any) -> Any:
        return s @ np.conjugate(np.swapaxes(s, -1, -2)) + np.eye(s.shape[-1])

    def symmetric(s: Any) -> Any:
        return s + np.conjugate(np.swapaxes(s, -1, -2))

    A, B, Z, V, M = near(3), near(3, 1), complex_near(3), normal(3), normal(3, 2)
    STACK = np.stack([near(2), near(2, 1)])
    SHIFT = np.array([4.0, 0.0, 0.0])
    TALL, WIDE, EMPTY = normal(4, 2) + np.eye(4, 2), normal(2, 4) + np.eye(2, 4), np.zeros((0, 0))
    BAND = positive(3, 4) + np.array([[0.0], [4.0], [0.0]])

    CASES += [
        *(of(linalg.solve, a, b) for a, b in ((A, V), (A, M), (Z, V), (STACK, normal(2)), (STACK, normal(2, 2, 1)))),
        *(of(linalg.solve, A, V, assume_a=s) for s in ("sym", "upper triangular", "tridiagonal", "diagonal")),
        of(linalg.solve, A, M, transposed=True),
        of(linalg.solve, definite(A), V, assume_a="pos", lower=True),
        of(linalg.solve, Z, V, assume_a="sym", lower=True, single=False),
        of(linalg.solve, Z, V, assume_a="her", single=False),
        of(linalg.inv, A),
        of(linalg.inv, Z, check_finite=False, overwrite_a=True),
        of(linalg.inv, definite(A), assume_a="pos"),
        of(linalg.pinv, TALL),
        of(linalg.pinv, WIDE, rtol=1e-5),
        by(linalg.pinvh, lambda s: linalg.pinvh(s + s.T), A),
        *(by(linalg.lstsq, lambda a, b: linalg.lstsq(a, b)[:2], TALL, b) for b in (normal(4), normal(4, 3))),
        *(of(linalg.solve_triangular, A, b, lower=low) for b in (V, M) for low in (False, True)),
        *(of(linalg.solve_triangular, Z, V, trans=t, unit_diagonal=True) for t in (0, "T", 2)),
        of(linalg.solve_triangular, STACK, normal(2), trans=1),
        *(
            by(linalg.cho_solve, lambda s, b, low=low: linalg.cho_solve((s, low), b), np.tril(a) + np.triu(a), b)
            for a, b, low in ((A, V, True), (A, M, False), (Z, V, True))
        ),
        *(
            by(linalg.lu_solve, lambda a, b, t=t: linalg.lu_solve(linalg.lu_factor(a), b, t), a[::-1], b)
            for a, b, t in ((A, V, 0), (A, M, 1), (Z, V, 2))
        ),
        *(
            by(linalg.solve_banded, lambda ab, b: linalg.solve_banded((1, 1), ab, b), BAND, b)
            for b in (normal(4), normal(4, 2))
        ),
        by(
            linalg.solve_banded,
            lambda ab, b: linalg.solve_banded((2, 0), ab, b),
            BAND[[1, 0, 2]] + 1j * BAND,
            normal(4),
        ),
        by(
            linalg.solve_banded,
            lambda ab, b: linalg.solve_banded((1, 1), ab, b),
            np.stack([BAND, BAND + 0.1]),
            normal(4),
        ),
        by(linalg.solve_banded, lambda ab, b: linalg.solve_banded((1, 1), ab, b), BAND, normal(2, 4, 1)),
        of(linalg.solveh_banded, np.stack([BAND, BAND + 0.1])[:, [0, 1]], normal(4, 2)),
        of(linalg.solveh_banded, BAND[[0, 1]], normal(4), lower=False),
        of(linalg.solveh_banded, BAND[[1, 2]], normal(4, 2), lower=True),
        of(linalg.solveh_banded, BAND[[1, 2]] + 0.3j * BAND[[2, 0]], normal(4), lower=True),
        of(linalg.solve_toeplitz, V + SHIFT, normal(3, seed=1)),
        by(linalg.solve_toeplitz, lambda c, r, b: linalg.solve_toeplitz((c, r), b), V + SHIFT, V, M),
        of(linalg.matmul_toeplitz, V, M),
        by(linalg.matmul_toeplitz, lambda c, r, x: linalg.matmul_toeplitz((c, r), x), V, normal(4), normal(4, 2)),
        of(linalg.solve_circulant, V + SHIFT, normal(3, seed=1)),
        of(linalg.solve_circulant, V + SHIFT, normal(2, 3), baxis=-1, outaxis=-1),
        *(of(linalg.det, a, single=False) for a in (A, Z, STACK)),
        *(of(linalg.norm, A, ord=o) for o in (None, "fro", 2, "nuc")),
        *(by(linalg.norm, lambda a, o=o: np.add(linalg.norm(a, o), 0.0), A) for o in (1, np.inf)),
        of(linalg.norm, A, axis=1, keepdims=True),
        *(
            by(linalg.cholesky, lambda s, low=low: linalg.cholesky(definite(s), low), s)
            for s in (A, Z)
            for low in (False, True)
        ),
        *(
            by(linalg.cho_factor, lambda s, low=low: linalg.cho_factor(definite(s), low)[0], s)
            for s in (A, Z)
            for low in (False, True)
        ),
        *(by(linalg.lu_factor, lambda a: linalg.lu_factor(a)[0], a) for a in (A[::-1], Z[::-1], TALL, WIDE)),
        *(by(linalg.lu, lambda a: linalg.lu(a)[1:], a) for a in (A[::-1], Z[::-1], TALL, WIDE)),
        of(linalg.lu, TALL[::-1], permute_l=True),
        *(of(linalg.qr, a, mode=m) for a in (A, Z) for m in ("full", "economic")),
        of(linalg.qr, TALL, mode="economic"),
        of(linalg.qr, WIDE),
        by(linalg.qr, lambda a: linalg.qr(a, mode="r")[0], A),
        by(linalg.qr, lambda a: linalg.qr(a, mode="economic", pivoting=True)[:2], A),
        by(linalg.qr_multiply, lambda a, c: linalg.qr_multiply(a, c)[0], TALL, normal(3, 4)),
        by(linalg.qr_multiply, lambda a, c: linalg.qr_multiply(a, c, mode="left")[0], TALL, normal(2, 3)),
        by(linalg.svd, lambda a: abs(linalg.svd(a, full_matrices=False)[0]), A),
        by(linalg.svd, lambda a: linalg.svd(a)[1], TALL),
        of(linalg.svd, A, compute_uv=False),
        of(linalg.svdvals, WIDE),
        *(by(linalg.eigh, lambda s, low=low: linalg.eigh(s, lower=low)[0], A) for low in (False, True)),
        by(linalg.eigh, lambda s: abs(linalg.eigh(symmetric(s))[1]), A),
        by(linalg.eigh, lambda s, b: linalg.eigh(symmetric(s), definite(b), lower=False)[0], A, B),
        *(
            by(linalg.eigh, lambda s, b, t=t: abs(linalg.eigh(symmetric(s), definite(b), type=t)[1]), A, B)
            for t in (1, 3)
        ),
        of(linalg.eigh, A, eigvals_only=True),
        by(linalg.eigvalsh, lambda s: linalg.eigvalsh(symmetric(s)), Z),
        by(linalg.eigvalsh, lambda s, b: linalg.eigvalsh(symmetric(s), definite(b), type=2), A, B),
        by(linalg.eig, lambda a: linalg.eig(a)[0], A),
        by(linalg.eig, lambda a: abs(linalg.eig(a)[1]), A),
        of(linalg.eigvals, Z),
        of(linalg.eigvalsh_tridiagonal, normal(4), normal(3)),
        of(linalg.eigh_tridiagonal, normal(4), normal(3), eigvals_only=True),
        *(of(linalg.polar, a, side=s) for a, s in ((A, "right"), (Z, "left"), (TALL, "right"), (WIDE, "left"))),
        of(linalg.orthogonal_procrustes, normal(5, 3), normal(5, 3, seed=1)),
        *(of(f, a) for f in (linalg.expm, linalg.cosm, linalg.sinhm) for a in (0.3 * A, 0.3 * Z, np.zeros((2, 2)))),
        *(of(f, 0.3 * A) for f in (linalg.sinm, linalg.coshm, linalg.tanm, linalg.tanhm)),
        of(linalg.expm, STACK / 3),
        of(linalg.expm, EMPTY),
        *(of(f, STACK, single=False) for f in (linalg.logm, linalg.sqrtm)),
        by(linalg.polar, lambda a: tuple(linalg.polar(a)), STACK),
        of(linalg.solve_triangular, A, normal(2, 3, 1), lower=True),
        of(linalg.solve_triangular, A, V + 1j, lower=True),
        of(linalg.solve_sylvester, STACK, near(2), np.eye(2)),
        by(linalg.fractional_matrix_power, lambda a: linalg.fractional_matrix_power(a, -1), -A, single=False),
        *(of(f, a, single=f is linalg.sqrtm) for f in (linalg.logm, linalg.sqrtm) for a in (A, Z, 2 * np.eye(2))),
        *(of(linalg.fractional_matrix_power, A, t, rtol=1e-5) for t in (0.5, -1.3, 2)),
        of(linalg.fractional_matrix_power, A, np.asarray(0.7), rtol=1e-5, single=False),
        of(linalg.expm_frechet, 0.3 * A, B, single=False),
        of(linalg.expm_frechet, 0.3 * A, B, single=False, compute_expm=False),
        of(linalg.solve_sylvester, A, B, normal(3, 3)),
        of(linalg.solve_sylvester, Z, near(2), M),
        of(linalg.solve_continuous_lyapunov, A, B),
        of(linalg.solve_continuous_lyapunov, Z, B),
        *(of(linalg.solve_discrete_lyapunov, a, B) for a in (0.3 * A, 0.3 * Z)),
        *(
            by(
                f,
                lambda a, b, q, r, f=f: f(a, b, definite(q), definite(r)),
                a,
                M,
                B,
                near(2, 3),
                rtol=1e-5,
                single=False,
            )
            for f in (linalg.solve_continuous_are, linalg.solve_discrete_are)
            for a in (A, Z)
        ),
        of(linalg.block_diag, A, V, M, np.asarray(2.0)),
        of(linalg.block_diag, STACK, near(1)),
        *(of(linalg.toeplitz, *v) for v in ((V,), (V, normal(2)), (V + 1j, normal(4)), (M, normal(2)), (np.zeros(0),))),
        *(of(linalg.circulant, v) for v in (V, M, np.zeros(0))),
        *(of(linalg.hankel, *v) for v in ((V,), (V, normal(4)))),
        of(linalg.companion, positive(4)),
        *(of(linalg.convolution_matrix, V, 5, mode=m) for m in ("full", "same", "valid")),
        *(of(linalg.diagsvd, V, 3, n) for n in (3, 5)),
        of(linalg.diagsvd, V, 4, 3),
        of(linalg.leslie, positive(4), positive(3)),
        *(of(linalg.fiedler, v) for v in (np.array([1.0, 4.0, 9.0]), np.array([2.0]))),
        *(of(linalg.fiedler_companion, positive(n)) for n in (3, 4, 5, 6)),
        of(linalg.khatri_rao, normal(2, 3), normal(4, 3)),
        by(linalg.factors.one_hermitian, lambda s: linalg.factors.one_hermitian(symmetric(s))[0], A),
        by(linalg.factors.right_polar, linalg.factors.right_polar, A),
    ]
