"""Singular matrices, equal eigenvalues, equal singular values and singular values 0."""

from typing import Any

import numpy as np

from tests.singular_cases import NOT_FINITE, RAISES, Case, hessian_of_square
from wengert import functions as F

W = np.array([[1.0, 2.0], [4.0, 3.0]])
ONE, LOW, NULL = np.eye(2), np.array([[1.0, 2.0], [2.0, 4.0]]), np.zeros((2, 2))
SINGULAR = "a singular matrix"
FUNCTION = "equal values, in a function of the matrix"
EACH = "equal values, each by itself"
TRIANGLE = "elements above the diagonal, which are not read"
LEAST = np.linalg.eigh([[2.0, 1.0], [1.0, 3.0]])[1][:, 0]  # the vector of the least eigenvalue
LEAST = np.tril(np.outer(LEAST, LEAST) * [[1, 2], [2, 1]])
UNDETERMINED = "equal values, in a loss that the matrix does not determine"


def symmetric(x: Any) -> Any:
    return (x + np.swapaxes(x, 0, 1)) / 2


def case(name: str, where: str, call: Any, x: Any, first: Any, second: Any = None) -> Case:
    return Case(name, where, call, np.array(x, float), first, second, half=False)


def of_symmetric(f: Any) -> Any:
    """A function of a symmetric matrix by its eigenvalues, weighted."""

    def call(x: Any) -> Any:
        w, v = np.linalg.eigh(symmetric(x))
        return (v * f(w)) @ v.T * W.astype(v.dtype)

    return call


def again(x: Any) -> Any:
    u, s, vh = np.linalg.svd(x)
    return (u * s) @ vh * W.astype(u.dtype)


def squares(e: Any) -> Any:
    return np.sum(W * (symmetric(e) @ symmetric(e)))


def pinv_slope(a: Any, g: Any) -> Any:
    p, one = np.linalg.pinv(a), np.eye(len(a))
    return -p.T @ g @ p.T + (one - a @ p) @ g.T @ p @ p.T + p.T @ p @ g.T @ (one - p @ a)


CASES = [
    case("np.linalg.inv", SINGULAR, np.linalg.inv, NULL, RAISES, RAISES),
    case("np.linalg.solve", SINGULAR, lambda x: np.linalg.solve(x, np.ones(2)), NULL, RAISES, RAISES),
    case("np.linalg.tensorinv", SINGULAR, lambda x: np.linalg.tensorinv(x, 1), NULL, RAISES, RAISES),
    case("np.linalg.tensorsolve", SINGULAR, lambda x: np.linalg.tensorsolve(x, np.ones(2)), NULL, RAISES, RAISES),
    case("np.linalg.slogdet", SINGULAR, lambda x: np.linalg.slogdet(x)[1], NULL, RAISES, RAISES),
    case("np.linalg.slogdet", SINGULAR, lambda x: np.linalg.slogdet(x)[1], np.ones((2, 2)), RAISES, RAISES),
    case(
        *("np.linalg.matrix_power", "a singular matrix, of a negative power"),
        *(lambda x: np.linalg.matrix_power(x, -1), NULL, RAISES, RAISES),
    ),
    case(
        "np.linalg.matrix_power",
        "a singular matrix, of a negative power",
        lambda x: np.linalg.matrix_power(x, 2) * W,
        NULL,
        0,
        hessian_of_square(lambda e: np.sum(W * (e @ e)), (2, 2)),
    ),
    case("np.linalg.cholesky", "a matrix that is not positive definite", np.linalg.cholesky, -ONE, RAISES, RAISES),
    case("np.linalg.cholesky", "a matrix that is not positive definite", np.linalg.cholesky, NULL, RAISES, RAISES),
    case("np.linalg.qr", "columns that are not independent", lambda x: np.linalg.qr(x)[0], NULL, RAISES, RAISES),
    case(
        "np.polyfit",
        "columns that are not independent",
        lambda x: np.polyfit(x, np.arange(3.0), 1),
        np.ones(3),
        RAISES,
        RAISES,
    ),
    # eigenvalues
    *(
        case(
            "np.linalg.eigh",
            FUNCTION,
            of_symmetric(f),
            c * ONE,
            slope * symmetric(W),
            curvature / 2 * hessian_of_square(squares, (2, 2)),
        )
        for c, f, slope, curvature in (
            (1.0, np.exp, np.e, np.e),
            (1.0, np.log, 1, -1),
            (0.0, np.expm1, 1, 1),
            (0.0, lambda w: w, 1, 0),
            (2.0, lambda w: w**2, 4, 2),
            (2.0, lambda w: 1 / w, -0.25, 0.25),
        )
    ),
    *(
        case(
            "np.linalg.eigvalsh",
            FUNCTION,
            lambda x, k=k: np.linalg.eigvalsh(symmetric(x)) ** k,
            ONE,
            k * ONE,
            k * (k - 1) / 2 * hessian_of_square(lambda e: np.sum(symmetric(e) ** 2), (2, 2)),
        )
        for k in (1, 2, 3)
    ),
    case(
        "np.linalg.eigh", EACH, lambda x: np.linalg.eigh(symmetric(x))[0] * [1.0, 2.0], ONE, np.diag([1.0, 2.0]), RAISES
    ),
    case(
        "np.linalg.eigvalsh",
        EACH,
        lambda x: np.linalg.eigvalsh(symmetric(x)) * [1.0, 2.0],
        ONE,
        np.diag([1.0, 2.0]),
        RAISES,
    ),
    case(
        "np.linalg.eigh",
        UNDETERMINED,
        lambda x: np.linalg.eigh(symmetric(x))[1] @ np.array([1.0, 2.0]),
        ONE,
        RAISES,
        RAISES,
    ),
    case(
        "np.linalg.eigvalsh",
        UNDETERMINED,
        lambda x: np.linalg.eigh(symmetric(x))[1] @ np.array([1.0, 2.0]),
        ONE,
        RAISES,
        RAISES,
    ),
    case("np.linalg.eig", UNDETERMINED, lambda x: np.linalg.eig(x)[1] @ np.array([1.0, 2.0]), ONE, RAISES, RAISES),
    *(
        case(name, "no full set of eigenvectors", call, np.array([[1.0, 1.0], [0.0, 1.0]]), RAISES, RAISES)
        for name, call in (
            ("np.linalg.eig", lambda x: np.linalg.eig(x)[0] * [1.0, 2.0]),
            ("np.linalg.eigvals", lambda x: np.linalg.eigvals(x) * [1.0, 2.0]),
        )
    ),
    case("np.linalg.eigvals", UNDETERMINED, lambda x: np.linalg.eigvals(x) * [1.0, 2.0], ONE, RAISES, RAISES),
    *(
        case(name, TRIANGLE, lambda x, call=call: call(x)[0], [[2.0, 7.0], [1.0, 3.0]], LEAST, None)
        for name, call in (
            ("np.linalg.eigvalsh", np.linalg.eigvalsh),
            ("np.linalg.eigh", lambda x: np.linalg.eigh(x)[0]),
        )
    ),
    case(
        *("np.linalg.cholesky", TRIANGLE, np.linalg.cholesky, [[4.0, 9.0], [2.0, 3.0]]),
        *([[1 / 8 + 1 / np.sqrt(128), 0], [0.5 - 1 / np.sqrt(8), 1 / np.sqrt(8)]], None),
    ),
    *(
        case("F.matrix_function", where, lambda x, f=f: F.matrix_function(f, x) * W, c * ONE, first, second)
        for where, f, c, first, second in (
            ("equal values", np.log, 1.0, symmetric(W), -0.5 * hessian_of_square(squares, (2, 2))),
            ("equal values", np.expm1, 0.0, symmetric(W), 0.5 * hessian_of_square(squares, (2, 2))),
            ("an infinite slope", np.sqrt, 0.0, NOT_FINITE, None),
        )
        if hasattr(F, "matrix_function")
    ),
    # singular values
    *(case("np.linalg.svd", FUNCTION, again, x, W, 0) for x in (ONE, NULL, np.array([[1.0, 0.0], [0.0, 0.0]]))),
    *(
        case(name, where, lambda x, values=values: np.sum(values(x) ** 2), x, 2 * x, 2)
        for name, values in (("np.linalg.svdvals", np.linalg.svdvals), ("np.linalg.svd", lambda x: np.linalg.svd(x)[1]))
        for where, x in ((FUNCTION, ONE), ("a singular value 0", NULL), ("a singular value 0", LOW))
    ),
    *(
        case(name, EACH, lambda x, values=values: values(x) * [1.0, 2.0], ONE, np.diag([1.0, 2.0]), RAISES)
        for name, values in (("np.linalg.svdvals", np.linalg.svdvals), ("np.linalg.svd", lambda x: np.linalg.svd(x)[1]))
    ),
    case("np.linalg.svd", UNDETERMINED, lambda x: np.linalg.svd(x)[0] @ np.array([1.0, 2.0]), ONE, RAISES, RAISES),
    case("np.linalg.svdvals", UNDETERMINED, lambda x: np.linalg.svd(x)[0] @ np.array([1.0, 2.0]), ONE, RAISES, RAISES),
    *(
        case(name, "a singular value 0", lambda x, values=values: values(x), NULL, 0, None)
        for name, values in (("np.linalg.svdvals", np.linalg.svdvals), ("np.linalg.svd", lambda x: np.linalg.svd(x)[1]))
    ),
    case("np.linalg.svdvals", "a singular value 0", lambda x: np.linalg.svdvals(x)[0], LOW, LOW / 5),
    # ranks
    case("np.linalg.pinv", "a rank below full", lambda x: np.linalg.pinv(x) * W, LOW, pinv_slope(LOW, W)),
    case(
        "np.linalg.lstsq",
        "a rank below full",
        lambda x: np.linalg.lstsq(x, np.ones(2), None)[0],
        LOW,
        pinv_slope(LOW, np.ones((2, 2))),
    ),
    case("np.linalg.cond", SINGULAR, np.linalg.cond, np.diag([1.0, 0.0]), NOT_FINITE, NOT_FINITE),
    case("np.linalg.cond", "equal singular values", np.linalg.cond, ONE, np.diag([1.0, -1.0]), None),
    # polynomials
    case("np.roots", "a multiple root", np.roots, [1.0, -2.0, 1.0], NOT_FINITE, NOT_FINITE),
    case("np.roots", "a multiple root", np.roots, [1.0, 0.0, 0.0], NOT_FINITE, NOT_FINITE),
    case(
        "np.polydiv",
        "a leading coefficient 0",
        lambda x: np.polydiv(np.ones(3), x)[0],
        [0.0, 1.0],
        NOT_FINITE,
        NOT_FINITE,
    ),
]
