"""Images at other coordinates: interpolation, shifts, zooms, rotations and affine maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage, special

from wengert.arrays.table import plain
from wengert.functions.scipy_rules import as_array
from wengert.scipy.answers import answers
from wengert.scipy.ndimage.borders import each_axis, image, numbered, result
from wengert.scipy.ndimage.splines import coefficients, for_image, interpolated, prepared, spline_filter1d

__all__ = [
    "affine_transform",
    "map_coordinates",
    "rotate",
    "shift",
    "spline_filter",
    "spline_filter1d",
    "zoom",
]


@answers(ndimage.spline_filter)
def spline_filter(input: Any, order: int = 3, output: Any = np.float64, mode: str = "mirror") -> Any:
    if not 2 <= order <= 5:
        raise RuntimeError("spline order not supported; it is an integer from 2 to 5")
    y = coefficients(for_image(input), order, mode)
    y = y if y.ndim else 1 * y  # (a copy)
    return result(y, output, y.dtype)


def sampled(input: Any, coordinates: list[Any], output: Any, order: int, mode: str, cval: Any, prefilter: bool) -> Any:
    """An image at coordinates, an array for each axis, in its dtype."""
    like = image(input).dtype
    c, padding = prepared(for_image(input), order, mode, cval, prefilter)
    coordinates = list(np.broadcast_arrays(*coordinates)) if len(coordinates) > 1 else coordinates
    return result(interpolated(c, coordinates, order, mode, cval, padding), output, like)


@answers(ndimage.map_coordinates)
def map_coordinates(
    input: Any,
    coordinates: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    x, places = as_array(input), for_image(coordinates)
    if places.dtype.kind == "c":
        raise TypeError("Complex type not supported; pass real coordinates")
    if x.ndim < 1 or places.ndim < 2:
        raise RuntimeError("input and output rank must be > 0")
    if places.shape[0] != x.ndim:
        raise RuntimeError(
            f"invalid shape for coordinate array: it needs one row for each of {x.ndim} axes, but is {places.shape}"
        )
    return sampled(x, [places[i] for i in range(x.ndim)], output, order, mode, cval, prefilter)


def grid(shape: Any) -> list[Any]:
    """The indices of an array of a shape, to be broadcast."""
    return list(np.indices(shape, dtype=float, sparse=True))


@answers(ndimage.shift)
def shift(
    input: Any,
    shift: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    x = as_array(input)
    steps = each_axis(shift, x.ndim, "shift")
    return sampled(x, [i - s for i, s in zip(grid(x.shape), steps, strict=True)], output, order, mode, cval, prefilter)


@answers(ndimage.zoom)
def zoom(
    input: Any,
    zoom: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
    *,
    grid_mode: bool = False,
) -> Any:
    x = as_array(input)
    zooms = [float(plain(z)) for z in each_axis(zoom, x.ndim, "zoom")]  # (which give the shape alone)
    shape = tuple(round(n * z) for n, z in zip(x.shape, zooms, strict=True))
    if all(z == 1 for z in zooms) and prefilter:
        return result(image(x), output, image(x).dtype)
    less = 0 if grid_mode else 1
    places = []
    for i, n, m in zip(grid(shape), x.shape, shape, strict=True):
        ratio = (n - less) / (m - less) if m != less else 1.0
        places.append((i + 0.5) * ratio - 0.5 if grid_mode else i * ratio)
    return sampled(x, places, output, order, mode, cval, prefilter)


@answers(ndimage.affine_transform)
def affine_transform(
    input: Any,
    matrix: Any,
    offset: Any = 0.0,
    output_shape: Any = None,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    x, matrix = as_array(input), for_image(matrix)
    shape = x.shape if output_shape is None else tuple(output_shape)
    d = x.ndim
    if matrix.ndim == 2 and matrix.shape[1] == d + 1 and matrix.shape[0] in (d, d + 1):
        if matrix.shape[0] == d + 1 and not np.all(plain(matrix)[d] == [0] * d + [1]):
            raise ValueError(
                "Expected homogeneous transformation matrix, but its bottom row was not equal to zeros and a one"
            )
        offset, matrix = matrix[:d, d], matrix[:d, :d]
    if matrix.ndim not in (1, 2) or matrix.shape[0] != d or (matrix.ndim == 2 and matrix.shape[1] != len(shape)):
        raise RuntimeError(f"affine matrix has wrong number of rows or columns: {matrix.shape} for {d} axes")
    offsets = each_axis(offset, d, "offset")
    indices = grid(shape)
    if matrix.ndim == 1:
        places = [matrix[k] * indices[k] + offsets[k] for k in range(d)]
    else:
        places = [sum(matrix[k, j] * indices[j] for j in range(len(shape))) + offsets[k] for k in range(d)]
    return sampled(x, places, output, order, mode, cval, prefilter)


@answers(ndimage.rotate)
def rotate(
    input: Any,
    angle: Any,
    axes: Any = (1, 0),
    reshape: bool = True,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    x = for_image(input)
    if x.ndim < 2 or len(axes) != 2:
        raise ValueError("input array should be at least 2D, and axes should contain exactly two values")
    first, second = sorted(numbered(a, x.ndim) for a in axes)
    c, s = special.cosdg(angle), special.sindg(angle)
    sizes = np.array([x.shape[first], x.shape[second]])
    out = sizes
    if reshape:
        cosine, sine = plain(c), plain(s)
        turn = np.stack((np.stack((cosine, sine)), np.stack((-sine, cosine))))
        iy, ix = sizes
        bounds = np.ptp(turn @ np.array([[0.0, 0, iy, iy], [0, ix, 0, ix]]), axis=1)
        out = np.array([int(bounds[0] + 0.5), int(bounds[1] + 0.5)])
    centre, middle = (out - 1) / 2, (sizes - 1) / 2
    offsets = middle[0] - (c * centre[0] + s * centre[1]), middle[1] - (c * centre[1] - s * centre[0])
    i, j = grid(tuple(out))
    # every plane by itself: the other axes go last, and are interpolated together
    planes = np.moveaxis(x, (first, second), (0, 1))
    rows = c * i + s * j + offsets[0], c * j - s * i + offsets[1]
    y = turned(planes, rows, order, mode, cval, prefilter)
    return result(np.moveaxis(y, (0, 1), (first, second)), output, image(input).dtype)


def turned(planes: Any, places: Any, order: int, mode: str, cval: Any, prefilter: bool) -> Any:
    flat = np.reshape(planes, (*planes.shape[:2], -1))
    parts = [sampled(flat[..., k], list(places), None, order, mode, cval, prefilter) for k in range(flat.shape[-1])]
    return np.reshape(np.stack(parts, axis=-1), (*parts[0].shape, *planes.shape[2:]))
