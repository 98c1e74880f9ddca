"""Bilinear interpolation of images: resizing and rotation."""

from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["resize", "rotate"]


def resize(image: Any, size: tuple[int, int], antialias: bool) -> Any:
    """Resize an image of shape (channels, height, width): a matrix product along each axis."""
    height, width = size
    rows = weights(image.shape[1], height, antialias).astype(image.dtype, copy=False)
    columns = weights(image.shape[2], width, antialias).astype(image.dtype, copy=False)
    return rows @ image @ columns.T


@lru_cache(maxsize=64)
def weights(before: int, after: int, antialias: bool) -> Any:
    """Return the matrix of shape (after, before) that resamples a line of pixels by a triangle (tent) filter."""
    scale = before / after
    support = max(scale, 1.0) if antialias else 1.0  # half the width of the filter, in input pixels
    centres = (np.arange(after) + 0.5) * scale - 0.5
    if not antialias:
        centres = np.clip(centres, 0, before - 1)  # beyond the outermost pixel centres the border value is repeated
    distance = np.abs(np.arange(before) - centres[:, None]) / support
    matrix = np.maximum(1 - distance, 0)
    matrix /= matrix.sum(axis=1, keepdims=True)
    matrix.flags.writeable = False  # it is cached for the next image
    return matrix


def rotate(image: Any, degrees: float, fill: float = 0.0) -> Any:
    """Rotate an image (channels, height, width) anticlockwise about its centre; `fill` is the value outside of it."""
    height, width = image.shape[1:]
    angle = np.deg2rad(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    y = (np.arange(height) - (height - 1) / 2)[:, None]
    x = np.arange(width) - (width - 1) / 2
    # the source position of each output pixel (rows count downwards)
    from_x = cosine * x - sine * y + (width - 1) / 2
    from_y = sine * x + cosine * y + (height - 1) / 2
    # a border of one pixel, which all positions farther out read
    padded = np.full((len(image), height + 2, width + 2), fill, image.dtype)
    padded[:, 1:-1, 1:-1] = image
    from_x = np.clip(from_x + 1, 0, width + 1)
    from_y = np.clip(from_y + 1, 0, height + 1)
    left = np.minimum(from_x.astype(np.intp), width)
    top = np.minimum(from_y.astype(np.intp), height)
    right_share = (from_x - left).astype(image.dtype)
    below_share = (from_y - top).astype(image.dtype)
    flat = padded.reshape(len(image), -1)
    place = top * (width + 2) + left

    def at(offset: int) -> Any:
        return flat.take(place + offset, axis=1)

    upper = at(0) + right_share * (at(1) - at(0))
    lower = at(width + 2) + right_share * (at(width + 3) - at(width + 2))
    return upper + below_share * (lower - upper)
