"""Cases for wengert.functions.linalg."""

from typing import Any

import numpy as np

from tests.cases import Case, complex_array, normal


def square(*shape: int, seed: int = 0) -> Any:
    """Well-conditioned square matrices."""
    return normal(*shape, seed=seed) + 3 * np.eye(shape[-1])


def complex_square(*shape: int, seed: int = 0) -> Any:
    return complex_array(*shape, seed=seed) + 3 * np.eye(shape[-1])


def case(function: Any, call: Any, *args: Any, **settings: Any) -> Case:
    return Case(function, call, args, exact=False, **settings)


SQUARES = (square(3, 3), complex_square(3, 3), square(2, 2, 2), square(1, 1), square(0, 0), np.zeros((0, 2, 2)))
TALL, WIDE = normal(4, 2) + np.eye(4, 2), normal(2, 4) + np.eye(2, 4)
RANK_ONE = np.outer([1.0, 2.0, 3.0], [2.0, -1.0])


def along_rank_one(a: Any) -> Any:
    """A matrix that keeps its rank where `a` moves."""
    return np.outer(a, a * a)


CASES = [
    *(case(np.linalg.inv, np.linalg.inv, a) for a in SQUARES),
    *(case(np.linalg.det, np.linalg.det, a) for a in SQUARES),
    case(np.linalg.det, np.linalg.det, RANK_ONE @ normal(2, 3)),
    case(np.linalg.det, np.linalg.det, np.diag([1.0, 2.0, 0.0])),
    case(np.linalg.det, np.linalg.det, np.diag([1.0, 0.0, 0.0])),
    case(np.linalg.det, np.linalg.det, np.zeros((2, 2, 2))),
    case(np.linalg.det, np.linalg.det, np.zeros((1, 1))),
    case(np.linalg.det, np.linalg.det, np.array([[1j, 2.0], [2j, 4.0]])),
    case(np.linalg.det, np.linalg.det, np.diag(np.arange(20.0)) / 5, order=1, single=False),
    case(np.linalg.det, np.linalg.det, np.diag(np.arange(20.0)) * np.exp(0.3j) / 5, order=1, single=False),
    *(case(np.linalg.slogdet, np.linalg.slogdet, a) for a in SQUARES),
    case(np.linalg.slogdet, lambda a: np.linalg.slogdet(a).logabsdet, complex_square(2, 2)),
    case(np.linalg.slogdet, lambda a: np.linalg.slogdet(a)[0], complex_square(2, 2)),
    case(np.linalg.solve, np.linalg.solve, square(3, 3), normal(3)),
    case(np.linalg.solve, np.linalg.solve, square(3, 3), normal(3, 2)),
    case(np.linalg.solve, np.linalg.solve, complex_square(3, 3), complex_array(3, 2)),
    case(np.linalg.solve, np.linalg.solve, complex_square(3, 3), normal(3)),
    case(np.linalg.solve, np.linalg.solve, square(3, 3), complex_array(3)),
    case(np.linalg.solve, np.linalg.solve, square(2, 3, 3), normal(3)),
    case(np.linalg.solve, np.linalg.solve, square(2, 3, 3), normal(3, 2)),
    case(np.linalg.solve, np.linalg.solve, square(3, 3), normal(2, 3, 2)),
    case(np.linalg.solve, np.linalg.solve, square(2, 1, 2, 2), normal(3, 2, 1)),
    case(np.linalg.solve, np.linalg.solve, square(0, 0), normal(0)),
    case(np.linalg.solve, np.linalg.solve, square(2, 2), normal(2, 0)),
    case(np.linalg.solve, lambda b: np.linalg.solve([[2.0, 1.0], [0.0, 1.0]], b), normal(2)),
    case(np.linalg.solve, lambda a: np.linalg.solve(a, [1.0, 2.0]), square(2, 2)),
    *(case(np.linalg.pinv, np.linalg.pinv, a) for a in (TALL, WIDE, square(3, 3), np.eye(2), normal(2, 3, 2))),
    case(np.linalg.pinv, np.linalg.pinv, complex_array(3, 2)),
    case(np.linalg.pinv, np.linalg.pinv, complex_array(2, 3)),
    case(np.linalg.pinv, np.linalg.pinv, np.zeros((0, 2))),
    case(np.linalg.pinv, lambda a: np.linalg.pinv(along_rank_one(a), rcond=1e-6), np.array([1.0, 2.0, -1.5])),
    case(np.linalg.pinv, lambda a: np.linalg.pinv(along_rank_one(a), rtol=1e-4), complex_array(2)),
    case(np.linalg.pinv, lambda a: np.linalg.pinv(a + np.swapaxes(a, -1, -2), hermitian=True), square(2, 3, 3)),
    case(np.linalg.pinv, lambda a: np.linalg.pinv(a + np.conj(a).T, hermitian=True), complex_square(3, 3)),
    *(case(np.linalg.matrix_power, lambda a, n=n: np.linalg.matrix_power(a, n), square(2, 3, 3)) for n in range(-3, 7)),
    case(np.linalg.matrix_power, lambda a: np.linalg.matrix_power(a, 5), complex_square(2, 2)),
    case(np.linalg.matrix_power, lambda a: np.linalg.matrix_power(a, 3), np.zeros((2, 2))),
    case(np.linalg.lstsq, np.linalg.lstsq, TALL, normal(4)),
    case(np.linalg.lstsq, np.linalg.lstsq, TALL, normal(4, 2)),
    case(np.linalg.lstsq, np.linalg.lstsq, complex_array(4, 2), complex_array(4, 2, seed=3)),
    case(np.linalg.lstsq, np.linalg.lstsq, WIDE, normal(2)),
    case(np.linalg.lstsq, np.linalg.lstsq, square(3, 3), normal(3)),
    case(np.linalg.lstsq, lambda b: np.linalg.lstsq(RANK_ONE, b)[:2], normal(3)),
    case(
        np.linalg.lstsq,
        lambda a: np.linalg.lstsq(along_rank_one(a), np.arange(3.0), rcond=1e-3)[0],
        normal(3) + 2,
        single=False,
    ),
    case(np.linalg.lstsq, lambda a, b: np.linalg.lstsq(a, b, rcond=-1)[0], TALL, normal(4, 0)),
    case(np.linalg.tensorsolve, np.linalg.tensorsolve, square(6, 6).reshape(2, 3, 6), normal(2, 3)),
    case(np.linalg.tensorsolve, lambda a, b: np.linalg.tensorsolve(a, b, axes=(1,)), normal(2, 6, 3), normal(2, 3)),
    case(np.linalg.tensorsolve, lambda a, b: np.linalg.tensorsolve(a, b, axes=(0, 2)), normal(2, 4, 2), normal(4)),
    case(np.linalg.tensorinv, np.linalg.tensorinv, square(6, 6).reshape(2, 3, 6)),
    case(np.linalg.tensorinv, lambda a: np.linalg.tensorinv(a, ind=1), complex_square(4, 4).reshape(4, 2, 2)),
]
