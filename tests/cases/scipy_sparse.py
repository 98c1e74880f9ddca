"""Cases for scipy.sparse by `wengert.scipy.sparse`; none where SciPy is not installed."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import Case, complex_array, normal

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    import scipy.sparse

    from wengert.scipy import sparse
    from wengert.scipy.sparse import linalg, stored
    from wengert.scipy.sparse.linalg import solvers

    def by(function: Any, call: Callable[..., Any], *args: Any, **settings: Any) -> Case:
        return Case(function, call, args, **{"exact": False, **settings})

    M = np.where(np.arange(16).reshape(4, 4) % 3 == 1, 0, normal(4, 4)) + 3 * np.eye(4)
    A, T, DATA = scipy.sparse.csr_array(M), scipy.sparse.csr_array(np.tril(M)), normal(3)
    X, XS, S = normal(4), normal(4, 3), M @ M.T
    D = scipy.sparse.csr_array(S)
    KINDS = (scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.coo_array, scipy.sparse.dia_array)

    def like(matrix: Any, values: Any) -> Any:
        return sparse.csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape)

    def dense(matrix: Any) -> Any:
        return matrix.toarray()

    PRODUCT, AT, SOLUTION = stored.product, stored.at_stored, solvers.solution
    TIGHT: dict[str, Any] = {"rtol": 1e-13}
    DIAGONAL = np.diag(1 / np.diag(M))
    LOOSE: dict[str, Any] = {"rtol": 1e-5, "single": False}

    CASES += [
        *(by(PRODUCT, call, x) for x in (X, XS) for k in KINDS for a in (k(M),) for call in (
            lambda x, a=a: a @ x, lambda x, a=a: a.T @ x, lambda x, a=a: x.T @ a, lambda x, a=a: sparse.matmul(a, x)
        )),
        *(by(PRODUCT, lambda v, x: like(A, v) @ x, v, x) for v in (A.data, A.data * (1 + 1j)) for x in (X, XS)),
        by(PRODUCT, lambda v, x: x @ like(A, v).T, A.data, X),
        by(PRODUCT, lambda v: dense(like(A, v) + A - 2 * like(A, v).T), A.data),
        by(PRODUCT, lambda x: scipy.sparse.csr_array((4, 4)) @ x, X),
        by(AT, lambda a, b: stored.at_stored(a, b, A.indices, A.indptr, A.shape, "csr"), XS, complex_array(4, 3)),
        *(
            by(f, lambda v, f=f: dense(f((v, ([0, 0, 2], [1, 1, 0])))), DATA)
            for f in (sparse.coo_array, sparse.coo_matrix, sparse.csr_array, sparse.csc_matrix)
        ),
        *(
            by(f, lambda v, f=f: dense(f((v, [1, 0, 1], [0, 1, 3]), shape=(2, 2))), DATA)
            for f in (sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.csc_matrix)
        ),
        by(sparse.diags_array, lambda v, w: dense(sparse.diags_array([v, w], offsets=[0, 1])), X, DATA),
        by(sparse.diags_array, lambda v: dense(sparse.diags_array(v, offsets=-1, shape=(4, 5))), DATA),
        *(
            by(linalg.spsolve, lambda v, x: linalg.spsolve(like(A, v), x), A.data, x, single=False)
            for x in (X, XS, X[:, None])
        ),
        by(linalg.spsolve, lambda v, x: linalg.spsolve(like(A, v), x), A.data * (1 + 1j), X, single=False),
        by(linalg.spsolve, lambda x: linalg.spsolve(A, x), X),
        by(linalg.spsolve, lambda x: linalg.spsolve(A.tocsc().T, x), X),
        *(
            by(f, lambda v, x, f=f, u=u: f(like(T, v), x, unit_diagonal=u), T.data, X, single=False)
            for f in (linalg.spsolve_triangular,)
            for u in (False, True)
        ),
        *(
            by(f, lambda v, x, f=f: f(like(D, v), x, **TIGHT)[0], D.data, X, **LOOSE)
            for f in (linalg.bicg, linalg.bicgstab, linalg.cgs, linalg.gmres)
        ),
        by(linalg.cg, lambda v, x: linalg.cg(like(D, v) + like(D, v).T, x, **TIGHT)[0], D.data, X, **LOOSE),
        by(linalg.cg, lambda x: linalg.cg(scipy.sparse.linalg.aslinearoperator(S), x, **TIGHT)[0], X, **LOOSE),
        by(linalg.gmres, lambda a, x: linalg.gmres(a, x, x0=np.ones(4), M=DIAGONAL, **TIGHT)[0], M, X, **LOOSE),
        by(SOLUTION, lambda x: linalg.spsolve(A, x), X),
    ]  # fmt: skip
