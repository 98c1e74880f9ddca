"""Cases for wengert.functions.decompositions: functions that do not depend on the choice of the vectors."""

from typing import Any

import numpy as np

from tests.cases import Case, complex_array, normal
from wengert.functions.degeneracy import bent, quotient
from wengert.functions.hermitian import from_triangle
from wengert.functions.singular_values import svd


def adjoint(a: Any) -> Any:
    return np.conj(np.swapaxes(a, -1, -2))


def hermitian(a: Any) -> Any:
    return a + adjoint(a)


def positive_definite(a: Any) -> Any:
    return a @ adjoint(a) + np.eye(a.shape[-1])


def case(function: Any, call: Any, *args: Any, **settings: Any) -> Case:
    return Case(function, call, args, exact=False, **settings)


SQUARES = (normal(3, 3), complex_array(3, 3), normal(2, 2, 2), complex_array(2, 2, 2), normal(1, 1), normal(0, 0))
TALL = (normal(4, 2), complex_array(4, 2), normal(2, 3, 2), complex_array(3, 1))
WIDE = (normal(2, 4), complex_array(2, 4), normal(2, 2, 3), complex_array(1, 3))
EMPTY = (np.zeros((3, 0)), np.zeros((0, 3)), np.zeros((0, 3, 2)))


def projector(v: Any) -> Any:
    return v @ adjoint(v)


def of_eigh(a: Any, UPLO: str = "L") -> Any:
    w, v = np.linalg.eigh(hermitian(a), UPLO=UPLO)
    return w, projector(v[..., :1]), (v * np.sin(w)[..., None, :]) @ adjoint(v), np.abs(v) ** 2


def of_eig(a: Any) -> Any:
    w, v = np.linalg.eig(a)
    return w, (v * np.sin(w)[..., None, :]) @ np.linalg.inv(v), np.abs(v) ** 2


def of_svd(a: Any, **kwargs: Any) -> Any:
    u, s, vh = np.linalg.svd(a, **kwargs)
    k = s.shape[-1]
    first = u[..., :k], vh[..., :k, :]
    return (
        s,
        (first[0] * np.sin(s)[..., None, :]) @ first[1],
        first[0] @ first[1],
        projector(u[..., :1]),
        projector(u[..., k:]),
        projector(adjoint(vh)[..., k:]),
        np.abs(vh[..., :k, :]) ** 2,
        u[..., :1, :k] * np.swapaxes(vh[..., :k, :1], -1, -2),
    )


def complete(a: Any) -> Any:
    q, r = np.linalg.qr(a, mode="complete")
    k = a.shape[-1]
    return q[..., :k], r, projector(q[..., k:])


def polar(a: Any) -> Any:
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    return u @ vh


def turned_to(w: Any) -> Any:
    """A matrix with the eigenvalues `w`, symmetric, and with the eigenvectors of a fixed one."""
    q = np.linalg.qr(normal(len(w), len(w))).Q
    return q @ np.diag(w) @ q.T / 2


CASES = [
    case(quotient, lambda a: projector(np.linalg.eigh(hermitian(a))[1][:, :2]), np.diag([1.0, 1.0, 3.0])),
    case(bent, lambda a: bent(2 * a, a, np.array(False)), normal(2, 2)),
    case(from_triangle, lambda a: from_triangle(hermitian(a), "L"), complex_array(2, 3, 3)),
    case(svd, lambda a: projector(svd(a, False, False)[0][..., :1]), normal(3, 2)),
    case(from_triangle, lambda a: from_triangle(hermitian(a), "U"), normal(3, 3)),
    *(case(np.linalg.cholesky, lambda a: np.linalg.cholesky(positive_definite(a)), a) for a in SQUARES),
    *(case(np.linalg.cholesky, lambda a: np.linalg.cholesky(positive_definite(a), upper=True), a) for a in SQUARES),
    *(case(np.linalg.qr, np.linalg.qr, a + np.eye(a.shape[-1])) for a in SQUARES),
    *(case(np.linalg.qr, np.linalg.qr, a) for a in TALL + WIDE + EMPTY),
    *(case(np.linalg.qr, lambda a: np.linalg.qr(a, mode="r"), a) for a in TALL + WIDE + EMPTY + SQUARES),
    *(case(np.linalg.qr, lambda a: np.linalg.qr(a, "complete"), a) for a in WIDE),
    *(case(np.linalg.qr, complete, a) for a in TALL),
    case(np.linalg.qr, lambda a: np.linalg.qr(a).R, normal(3, 2)),
    *(case(np.linalg.eigh, of_eigh, a) for a in SQUARES),
    *(case(np.linalg.eigh, lambda a: of_eigh(a, "U"), a) for a in SQUARES[:2]),
    case(np.linalg.eigh, lambda a: np.linalg.eigh(hermitian(a)).eigenvalues, normal(3, 3)),
    case(np.linalg.eigh, lambda a: projector(np.linalg.eigh(hermitian(a))[1][:, 1:]), turned_to([1.0, 3.0, 3.0])),
    case(np.linalg.eigh, lambda a: projector(np.linalg.eigh(hermitian(a))[1][:, :2]), np.diag([1.0, 1.0, 3.0])),
    case(np.linalg.eigh, lambda a: np.sum(np.linalg.eigh(hermitian(a))[0][1:]), turned_to([1.0, 3.0, 3.0]), order=1),
    *(case(np.linalg.eigvalsh, lambda a: np.linalg.eigvalsh(hermitian(a)), a) for a in SQUARES),
    case(np.linalg.eigvalsh, lambda a: np.linalg.eigvalsh(hermitian(a), "U"), complex_array(3, 3)),
    case(np.linalg.eigvalsh, lambda a: np.sum(np.linalg.eigvalsh(hermitian(a))), np.eye(3), order=1),
    case(np.linalg.eigvalsh, lambda a: np.sum(np.linalg.eigvalsh(hermitian(a)) ** 3), np.eye(3), order=1),
    *(case(np.linalg.eig, of_eig, a + np.diag(np.arange(a.shape[-1]))) for a in SQUARES),
    case(np.linalg.eig, of_eig, np.array([[0.0, 1.0, 0.2], [-2.0, 0.3, 0.1], [0.5, 0.0, 1.0]])),
    *(case(np.linalg.eigvals, np.linalg.eigvals, a + np.diag(np.arange(a.shape[-1]))) for a in SQUARES),
    case(np.linalg.eigvals, np.linalg.eigvals, np.array([[0.0, 1.0], [-2.0, 0.3]])),
    *(case(np.linalg.svd, lambda a: of_svd(a, full_matrices=False), a) for a in SQUARES + TALL + WIDE + EMPTY),
    *(case(np.linalg.svd, of_svd, a) for a in SQUARES + TALL + WIDE + EMPTY[2:]),
    *(case(np.linalg.svd, lambda a: np.linalg.svd(a, compute_uv=False), a) for a in SQUARES + TALL + WIDE + EMPTY),
    *(case(np.linalg.svd, lambda a: of_svd(hermitian(a), hermitian=True), a) for a in SQUARES),
    case(np.linalg.svd, lambda a: np.linalg.svd(hermitian(a), compute_uv=False, hermitian=True), normal(3, 3)),
    case(np.linalg.svd, polar, np.diag([2.0, 2.0, 1.0])),
    case(np.linalg.svd, polar, np.eye(3, 2)),
    case(np.linalg.svd, polar, np.eye(2, 3) * (1 + 1j)),
    case(np.linalg.svd, lambda a: projector(np.linalg.svd(a)[0][:, :2]), np.diag([2.0, 2.0, 1.0])),
    case(np.linalg.svd, lambda a: projector(np.linalg.svd(a)[0][:, :1]), np.diag([2.0, 0.0, 0.0])),
    *(case(np.linalg.svdvals, np.linalg.svdvals, a) for a in SQUARES + TALL + WIDE + EMPTY),
    case(np.linalg.svdvals, lambda a: np.sum(np.linalg.svdvals(a)), np.eye(3), order=1),
]
