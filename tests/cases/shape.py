"""Cases for wengert.functions.shape."""

import numpy as np

from tests.cases import Case, available, complex_array, normal

FORTRAN = np.asfortranarray(normal(2, 3, 4))

CASES = [
    Case(np.reshape, lambda x: np.reshape(x, (3, 2)), (normal(2, 3),)),
    Case(np.reshape, lambda x: np.reshape(x, -1), (normal(),)),
    Case(np.reshape, lambda x: np.reshape(x, (3, 0, 5)), (normal(0, 2),)),
    Case(np.reshape, lambda x: np.reshape(x, np.array([3, -1])), (normal(2, 3),)),
    Case(np.reshape, lambda x: x.reshape(4, -1), (complex_array(2, 2, 3),)),
    *(Case(np.reshape, lambda x, o=order: np.reshape(x, (4, 6), order=o), (FORTRAN,)) for order in "CF"),
    *(Case(np.reshape, lambda x, o=order: np.reshape(x, (4, 6), order=o), (normal(2, 3, 4),)) for order in "CFA"),
    Case(np.reshape, lambda x: np.reshape(x, (3, 2), copy=True), (normal(2, 3),)),
    Case(np.reshape, lambda x: np.reshape(x, shape=6), (normal(2, 3),)),
    *(Case(np.ravel, lambda x, o=order: np.ravel(x, o), (normal(2, 3, 4),)) for order in "CFAK"),
    *(Case(np.ravel, lambda x, o=order: np.ravel(x, o), (FORTRAN,)) for order in "CF"),
    Case(np.ravel, np.ravel, (normal(),)),
    Case(np.ravel, lambda x: x.flatten(), (complex_array(2, 0),)),
    Case(np.transpose, np.transpose, (normal(2, 3, 4),)),
    Case(np.transpose, lambda x: np.transpose(x, (2, 0, 1)), (normal(2, 3, 4),)),
    Case(np.transpose, lambda x: np.permute_dims(x, (-1, 0, -2)), (complex_array(2, 3, 4),)),
    Case(np.transpose, lambda x: np.transpose(x, np.array([1, 2, 0])), (normal(2, 3, 4),)),
    Case(np.transpose, lambda x: x.T, (normal(),)),
    Case(np.transpose, lambda x: x.transpose(1, 0), (normal(0, 2),)),
    Case(np.matrix_transpose, np.matrix_transpose, (normal(2, 3, 4),)),
    Case(np.swapaxes, lambda x: np.swapaxes(x, 0, -1), (normal(2, 3, 4),)),
    Case(np.moveaxis, lambda x: np.moveaxis(x, 0, -1), (normal(2, 3, 4),)),
    Case(np.moveaxis, lambda x: np.moveaxis(x, (0, -1), (1, 0)), (normal(2, 3, 4),)),
    Case(np.moveaxis, lambda x: np.moveaxis(x, np.array([0, -1]), np.array([1, 0])), (normal(2, 3, 4),)),
    *(
        Case(np.rollaxis, lambda x, a=axis, s=start: np.rollaxis(x, a, s), (normal(2, 3, 4),))
        for axis, start in ((2, 0), (0, 3), (1, 1), (-1, -2), (0, 2), (1, 3))
    ),
    Case(np.expand_dims, lambda x: np.expand_dims(x, -1), (normal(2, 3),)),
    Case(np.expand_dims, lambda x: np.expand_dims(x, (0, 2)), (normal(2, 3),)),
    Case(np.expand_dims, lambda x: np.expand_dims(x, 0), (normal(),)),
    Case(np.squeeze, np.squeeze, (normal(1, 2, 1),)),
    Case(np.squeeze, lambda x: np.squeeze(x, (0, -1)), (normal(1, 2, 1),)),
    Case(np.squeeze, lambda x: np.squeeze(x, axis=0), (complex_array(1, 1),)),
    Case(np.broadcast_to, lambda x: np.broadcast_to(x, (4, 2, 3)), (normal(2, 3),)),
    Case(np.broadcast_to, lambda x: np.broadcast_to(x, (2, 3)), (normal(2, 1),)),
    Case(np.broadcast_to, lambda x: np.broadcast_to(x, (2, 3)), (complex_array(),)),
    Case(np.broadcast_to, lambda x: np.broadcast_to(x, (0, 3)), (normal(1, 3),)),
    Case(np.broadcast_arrays, np.broadcast_arrays, (normal(2, 1), normal(3), normal())),
    Case(np.broadcast_arrays, lambda x: np.broadcast_arrays(x, [1.0, 2.0], 3), (normal(2, 1),)),
    Case(np.meshgrid, np.meshgrid, (normal(2), normal(3), normal(4))),
    Case(np.meshgrid, np.meshgrid, (normal(2),)),
    Case(np.meshgrid, lambda *xi: np.meshgrid(*xi, indexing="ij"), (normal(2), normal(3))),
    Case(np.meshgrid, lambda *xi: np.meshgrid(*xi, sparse=True), (normal(2), normal(3), normal(2, 2))),
    Case(np.meshgrid, lambda *xi: np.meshgrid(*xi, copy=False), (normal(2), normal())),
    Case(np.meshgrid, lambda x: np.meshgrid(x, [1.0, 2.0]), (normal(3),)),
    *(
        Case(function, function, arrays)
        for function in (np.atleast_1d, np.atleast_2d, np.atleast_3d)
        for arrays in (
            (normal(),),
            (normal(3),),
            (normal(0),),
            (normal(2, 3), normal(), normal(2)),
            (normal(2, 2, 1, 2),),
        )
    ),
    Case(np.atleast_2d, lambda x: np.atleast_2d(x, [1.0, 2.0]), (normal(3),)),
    Case(np.copy, np.copy, (normal(2, 3),)),
    Case(np.copy, lambda x: np.copy(x, "F"), (complex_array(2, 3),)),
    Case(np.astype, lambda x: np.astype(x, np.float32).astype(np.float64), (normal(3).astype(np.float32),)),
    Case(np.astype, lambda x: np.astype(x, np.complex128), (normal(3),)),
    Case(np.astype, lambda x: x.astype("f8", copy=False), (normal(2, 2),)),
    Case(np.full_like, lambda x: np.full_like(np.copy(x), x[0]), (normal(3),)),
    Case(np.full_like, lambda x: np.full_like(x, x[0], shape=(2, 3)), (normal(2, 3),)),
    Case(np.full_like, lambda x, y: np.full_like(x, y, dtype=complex), (normal(2, 3), normal(3))),
]

CASES = available(CASES)
