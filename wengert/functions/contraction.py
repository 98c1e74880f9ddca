"""Derivatives of products that sum over an axis."""

import math
from typing import Any

import numpy as np

from wengert.arrays.newer_numpy import matvec, vecmat
from wengert.arrays.values import is_foreign
from wengert.checks.refusals import plain_array
from wengert.custom.registration import composition, pullback


def array(a: Any) -> Any:
    """`a` itself (see `plain_array`), or a number or list as an array."""
    if type(a) is np.ndarray:
        if a.dtype.kind in "biufc":
            return a
    elif hasattr(a, "ndim") and not isinstance(a, (np.ndarray, np.dtype)) and not is_foreign(a):
        return a
    return np.asarray(plain_array("a function of arrays", a))


def conjugate(a: Any) -> Any:
    """The complex conjugate, without a copy for real arrays."""
    return np.conjugate(a) if a.dtype.kind == "c" else a


def adjoint(a: Any) -> Any:
    """The conjugate transpose of each matrix."""
    return conjugate(np.swapaxes(a, -1, -2))


@pullback(np.matmul, "x1", reads="x2", linear=True)
def matmul_left(gy: Any, x1: Any, x2: Any) -> Any:
    x2 = array(x2)
    if x2.ndim == 1:
        return gy[..., None] * conjugate(x2)
    if x1.ndim == 1:  # a row, as matmul takes it
        return (gy[..., None, :] @ adjoint(x2))[..., 0, :]
    return gy @ adjoint(x2)


@pullback(np.matmul, "x2", reads="x1", linear=True)
def matmul_right(gy: Any, x1: Any, x2: Any) -> Any:
    x1 = array(x1)
    if x1.ndim == 1:
        if x2.ndim == 1:
            return gy * conjugate(x1)
        return conjugate(x1)[:, None] * gy[..., None, :]
    if x2.ndim == 1:  # a column, as matmul takes it
        return (adjoint(x1) @ gy[..., None])[..., 0]
    if x2.ndim == 2 and x1.ndim > 2:  # one product over the flattened batch in place of a sum of products
        rows = math.prod(x1.shape[:-1])
        x1, gy = np.reshape(x1, (rows, x1.shape[-1])), gy.reshape((rows, gy.shape[-1]))
    return adjoint(x1) @ gy


@pullback(np.vecdot, "x1", reads="x2", linear=True)
def vecdot_left(gy: Any, x1: Any, x2: Any, *, axis: int = -1) -> Any:
    x2 = array(x2)
    gx = conjugate(gy)[..., None] * np.moveaxis(x2, axis, -1)  # vecdot conjugates x1
    return np.moveaxis(gx, -1, axis if axis < 0 else axis - x1.ndim)


@pullback(np.vecdot, "x2", reads="x1", linear=True)
def vecdot_right(gy: Any, x1: Any, x2: Any, *, axis: int = -1) -> Any:
    gx = gy[..., None] * np.moveaxis(array(x1), axis, -1)
    return np.moveaxis(gx, -1, axis if axis < 0 else axis - x2.ndim)


@pullback(matvec, "x1", reads="x2", linear=True)
def matvec_matrix(gy: Any, x1: Any, x2: Any) -> Any:
    return gy[..., :, None] * conjugate(array(x2))[..., None, :]


@pullback(matvec, "x2", reads="x1", linear=True)
def matvec_vector(gy: Any, x1: Any, x2: Any) -> Any:
    return matvec(adjoint(array(x1)), gy)


@pullback(vecmat, "x1", reads="x2", linear=True)
def vecmat_vector(gy: Any, x1: Any, x2: Any) -> Any:
    return matvec(array(x2), conjugate(gy))  # vecmat conjugates x1


@pullback(vecmat, "x2", reads="x1", linear=True)
def vecmat_matrix(gy: Any, x1: Any, x2: Any) -> Any:
    return array(x1)[..., :, None] * gy[..., None, :]


@composition(np.dot)
def dot(a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(array(a), array(b))  # np.dot treats a number as an array, also for the dtype of the product
    if np.ndim(b) <= 2:
        return np.matmul(a, b)
    return np.tensordot(a, b, axes=(-1, -2))


@composition(np.vdot)
def vdot(a: Any, b: Any) -> Any:
    return np.vecdot(np.ravel(a), np.ravel(b))


@composition(np.inner)
def inner(a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(array(a), array(b))
    found = np.tensordot(a, b, axes=(-1, -1))
    return found if found.ndim else found[()]  # a number


@composition(np.outer)
def outer(a: Any, b: Any) -> Any:
    return np.multiply(np.ravel(a)[:, None], np.ravel(b)[None, :])


@composition(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = array(a), array(b)
    axes_a, axes_b = (range(-axes, 0), range(axes)) if np.ndim(axes) == 0 and not isinstance(axes, tuple) else axes
    summed_a, summed_b = _places(axes_a, a), _places(axes_b, b)
    if [a.shape[i] for i in summed_a] != [b.shape[i] for i in summed_b]:
        raise ValueError(
            f"tensordot sums over axes of the same lengths, but got the axes {summed_a} of shape {a.shape} "
            f"and {summed_b} of shape {b.shape}; see the parameter axes"
        )
    kept_a = [i for i in range(a.ndim) if i not in summed_a]
    kept_b = [i for i in range(b.ndim) if i not in summed_b]
    shape_a, shape_b = [a.shape[i] for i in kept_a], [b.shape[i] for i in kept_b]
    terms = math.prod(a.shape[i] for i in summed_a)
    left = np.reshape(np.transpose(a, kept_a + summed_a), (math.prod(shape_a), terms))
    right = np.reshape(np.transpose(b, summed_b + kept_b), (terms, math.prod(shape_b)))
    return np.reshape(left @ right, tuple(shape_a + shape_b))


def _places(axes: Any, a: Any) -> list[int]:
    places = [axes] if np.ndim(axes) == 0 else list(axes)
    if any(not -a.ndim <= i < a.ndim for i in places):
        raise IndexError(f"tensordot sums over axes of the array, but got {places} for one of shape {a.shape}")
    places = [int(i) % a.ndim for i in places]
    if len(set(places)) < len(places):
        raise ValueError(f"tensordot sums over each axis once, but got the axes {places} for shape {a.shape}")
    return places


@composition(np.kron)
def kron(a: Any, b: Any) -> Any:
    a, b = array(a), array(b)
    ndim = max(a.ndim, b.ndim)
    if ndim == 0:
        return np.multiply(a, b)
    shape_a = (1,) * (ndim - a.ndim) + a.shape
    shape_b = (1,) * (ndim - b.ndim) + b.shape
    spaced_a = np.reshape(a, tuple(n for length in shape_a for n in (length, 1)))
    spaced_b = np.reshape(b, tuple(n for length in shape_b for n in (1, length)))
    return np.reshape(spaced_a * spaced_b, tuple(m * n for m, n in zip(shape_a, shape_b, strict=True)))


@composition(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(array(a), axisa, -1), np.moveaxis(array(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ValueError(
            f"the cross product of Variables takes vectors of three components, but got {a.shape[-1]} and "
            f"{b.shape[-1]}; of two, write a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]"
        )
    a0, a1, a2 = a[..., 0], a[..., 1], a[..., 2]
    b0, b1, b2 = b[..., 0], b[..., 1], b[..., 2]
    product = np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)
    return np.moveaxis(product, -1, axisc)


# The same under the names of the array API standard


@composition(np.linalg.matmul)
def linalg_matmul(x1: Any, x2: Any, /) -> Any:
    return np.matmul(x1, x2)


@composition(np.linalg.tensordot)
def linalg_tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    return np.tensordot(x1, x2, axes=axes)


@composition(np.linalg.vecdot)
def linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return np.vecdot(x1, x2, axis=axis)  # type: ignore[call-overload]


@composition(np.linalg.outer)
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError(
            f"np.linalg.outer takes vectors, but got shapes {np.shape(x1)} and {np.shape(x2)}; np.outer flattens"
        )
    return np.outer(x1, x2)


@composition(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return np.cross(x1, x2, axis=axis)


@composition(np.linalg.matrix_transpose)
def linalg_matrix_transpose(x: Any, /) -> Any:
    return np.matrix_transpose(x)


@composition(np.linalg.trace)
def linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return np.trace(x, offset, axis1=-2, axis2=-1, dtype=dtype)


@composition(np.linalg.diagonal)
def linalg_diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return np.diagonal(x, offset, axis1=-2, axis2=-1)


@composition(np.linalg.multi_dot)
def multi_dot(arrays: Any) -> Any:
    arrays = [array(a) for a in arrays]
    if len(arrays) < 2:
        raise ValueError(f"multi_dot takes at least two arrays, but got {len(arrays)}")
    if len(arrays) == 2:
        return np.dot(arrays[0], arrays[1])
    row, column = arrays[0].ndim == 1, arrays[-1].ndim == 1
    matrices = [*arrays]
    if row:
        matrices[0] = arrays[0][None, :]
    if column:
        matrices[-1] = arrays[-1][:, None]
    shapes = [a.shape for a in matrices]
    if any(len(shape) != 2 for shape in shapes):
        raise np.linalg.LinAlgError(
            f"multi_dot takes matrices, and vectors first and last, but got shapes {[a.shape for a in arrays]}"
        )
    product = _in_order(matrices, _cheapest_splits([m for m, _ in shapes] + [shapes[-1][1]]), 0, len(matrices) - 1)
    if row and column:
        return product[0, 0]
    return np.ravel(product) if row or column else product


def _cheapest_splits(lengths: list[int]) -> dict[tuple[int, int], int]:
    """For each range of matrices, where to split it for the fewest multiplications."""
    n = len(lengths) - 1
    cost = {(i, i): 0 for i in range(n)}
    splits = {}
    for width in range(1, n):
        for i in range(n - width):
            j = i + width
            cost[i, j], splits[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + lengths[i] * lengths[k + 1] * lengths[j + 1], k) for k in range(i, j)
            )
    return splits


def _in_order(matrices: list[Any], splits: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return matrices[i]
    k = splits[i, j]
    return _in_order(matrices, splits, i, k) @ _in_order(matrices, splits, k + 1, j)
