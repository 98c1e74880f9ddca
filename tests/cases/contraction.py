"""Cases for wengert.functions.contraction."""

from typing import Any

import numpy as np

from tests.cases import Case, complex_array, normal
from wengert.arrays.newer_numpy import matvec, vecmat


def pair(function: Any, a: Any, b: Any, **kwargs: Any) -> list[Case]:
    """By both, and by each with the other as a constant."""
    return [
        Case(function, lambda a, b: function(a, b, **kwargs), (a, b), exact=False),
        Case(function, lambda a: function(a, b, **kwargs), (a,), exact=False, single=False),
        Case(function, lambda b: function(a, b, **kwargs), (b,), exact=False, single=False),
    ]


def pairs(function: Any, *shapes: Any, **kwargs: Any) -> list[Case]:
    """Real for all shapes, and complex for the first: both, and one of them."""
    made = [pair(function, normal(*a), normal(*b, seed=1), **kwargs) for a, b in shapes]
    (a, b), *_ = shapes
    made += [pair(function, complex_array(*a), complex_array(*b, seed=1), **kwargs)]
    made += [pair(function, complex_array(*a), normal(*b), **kwargs), pair(function, normal(*a), complex_array(*b))]
    return [case for group in made for case in group]


MATRICES = [
    ((2, 3), (3, 4)),
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((2, 2, 3), (3, 4)),
    ((2, 3), (2, 3, 4)),
    ((2, 1, 2, 3), (3, 3, 2)),
    ((3,), (2, 3, 2)),
    ((2, 2, 3), (3,)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((2, 3, 0), (0, 4)),
    ((2, 3, 2), (2, 0)),
    ((0, 3, 2), (2, 2)),
    ((0,), (0,)),
    ((1, 2, 3), (2, 3, 2)),
]

CASES = [
    *pairs(np.matmul, *MATRICES),
    *pairs(np.linalg.matmul, ((2, 3), (3, 4))),
    Case(np.matmul, lambda a: a @ [1.0, 2.0] + [3.0, 4.0] @ a, (normal(2, 2),)),
    Case(np.matmul, lambda a: a @ np.arange(6).reshape(3, 2), (normal(2, 3),), single=False),
    *pairs(np.dot, ((2, 3), (3, 4)), ((), ()), ((), (2, 3)), ((3,), (3,)), ((2, 2, 3), (3,)), ((2, 3), (2, 3, 2))),
    *(Case(f, lambda x, f=f: f(2, x), (normal(3),)) for f in (np.dot, np.inner)),
    *(Case(f, lambda x, f=f: f(x, 0.5), (normal(3),)) for f in (np.dot, np.inner)),
    *pairs(np.dot, ((2, 2, 3), (3, 2)), ((3,), (2, 3, 2)), ((0,), (0,)), ((2, 0), (0, 2))),
    *pairs(np.vdot, ((2, 3), (2, 3)), ((4,), (4,)), ((0,), (0,)), ((), ())),
    *pairs(np.inner, ((2, 3), (4, 3)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 2, 3)), ((), (2,)), ((2, 0), (0,))),
    *pairs(np.outer, ((3,), (2,)), ((2, 2), (3,)), ((), (3,)), ((0,), (3,))),
    *pairs(np.linalg.outer, ((3,), (2,))),
    *pairs(np.tensordot, ((2, 3, 4), (3, 4, 2)), ((3, 2), (3, 2))),
    *pair(np.tensordot, normal(2, 3, 4), normal(4, 2, 3), axes=([0, -1], [1, 0])),
    *pair(np.tensordot, normal(2, 3), normal(3, 2), axes=(1, 0)),
    *pair(np.tensordot, normal(2, 3), normal(2), axes=0),
    *pair(np.tensordot, normal(2, 0), normal(0, 2), axes=1),
    *pair(np.tensordot, normal(2, 3), normal(2, 3), axes=((0, 1), (0, 1))),
    *pair(np.linalg.tensordot, normal(2, 3), normal(3, 2), axes=1),
    *pairs(np.vecdot, ((2, 3), (2, 3)), ((3,), (2, 3)), ((2, 1, 3), (4, 3)), ((0,), (0,)), ((2, 0), (2, 0))),
    *pair(np.vecdot, complex_array(3, 2), complex_array(4, 3, 2, seed=1), axis=-2),
    *pair(np.vecdot, complex_array(3, 2), complex_array(3, 2, seed=1), axis=0),
    *pair(np.vecdot, normal(3), normal(3, 4), axis=0),
    *pairs(np.linalg.vecdot, ((2, 3), (2, 3))),
    *pair(np.linalg.vecdot, normal(3, 2), normal(3, 2, seed=1), axis=0),
    *pairs(matvec, ((2, 3), (3,)), ((4, 2, 3), (3,)), ((2, 3), (4, 3)), ((2, 1, 2, 3), (2, 3)), ((2, 0), (0,))),
    *pairs(vecmat, ((3,), (3, 2)), ((3,), (4, 3, 2)), ((4, 3), (3, 2)), ((0,), (0, 2))),
    *pairs(np.kron, ((2, 3), (3, 2)), ((2,), (3,)), ((2, 3), (2,)), ((2,), (2, 1, 2)), ((), (2,)), ((0, 2), (2, 2))),
    *pairs(np.cross, ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (2, 3)), ((4, 1, 3), (2, 3)), ((0, 3), (0, 3))),
    *pair(np.cross, normal(3, 2), normal(2, 3), axisa=0),
    *pair(np.cross, normal(3, 2), normal(2, 3), axisa=0, axisb=1, axisc=0),
    *pair(np.cross, normal(3, 2), normal(3, 2, seed=1), axis=0),
    *pair(np.linalg.cross, normal(3, 2), normal(3, 2, seed=1), axis=0),
    Case(np.linalg.matrix_transpose, np.linalg.matrix_transpose, (normal(2, 3, 4),)),
    Case(np.linalg.trace, np.linalg.trace, (normal(2, 3, 4),)),
    Case(np.linalg.trace, lambda x: np.linalg.trace(x, offset=-1), (complex_array(3, 3),)),
    Case(np.linalg.diagonal, lambda x: np.linalg.diagonal(x, offset=1), (normal(2, 3, 4),)),
    Case(np.linalg.diagonal, np.linalg.diagonal, (complex_array(3, 3),)),
    Case(np.linalg.multi_dot, lambda a, b: np.linalg.multi_dot([a, b]), (normal(2, 3), normal(3, 4)), exact=False),
    Case(np.linalg.multi_dot, lambda *a: np.linalg.multi_dot(a), (normal(2, 3), normal(3, 4), normal(4)), exact=False),
    Case(np.linalg.multi_dot, lambda *a: np.linalg.multi_dot(a), (normal(2, 2),) * 3, exact=False),
    Case(
        np.linalg.multi_dot,
        lambda *a: np.linalg.multi_dot(a),
        (complex_array(3), normal(3, 4), normal(4, 1), normal(1, 2), normal(2)),
        exact=False,
    ),
    Case(np.linalg.multi_dot, lambda *a: np.linalg.multi_dot(a), (normal(3), normal(3, 4), normal(4, 2)), exact=False),
    Case(np.linalg.multi_dot, lambda *a: np.linalg.multi_dot(a), (normal(2, 3), normal(3, 4), normal(4)), exact=False),
]
