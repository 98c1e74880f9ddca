"""Functions that are linear in arguments: their tangents are given by the functions themselves.

All others of the table get theirs by the pullback of the pullback. So a row here changes no derivative, but is faster.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from wengert.functions.indexing import scatter
from wengert.writes.calls import view, write

__all__ = ["LINEAR", "MULTILINEAR"]

# Linear in the arguments together: what is constant among them has the tangent 0.
LINEAR: dict[Any, tuple[str, ...]] = {
    np.reshape: ("a",),
    np.transpose: ("a",),
    np.matrix_transpose: ("x",),
    np.swapaxes: ("a",),
    np.moveaxis: ("a",),
    np.expand_dims: ("a",),
    np.squeeze: ("a",),
    np.broadcast_to: ("array",),
    np.copy: ("a",),
    np.astype: ("x",),
    np.concatenate: ("arrays",),
    np.stack: ("arrays",),
    np.unstack: ("x",),
    np.array_split: ("ary",),
    np.conjugate: ("x",),
    np.real: ("val",),
    np.imag: ("val",),
    np.cumsum: ("a",),
    np.diff: ("a", "prepend", "append"),
    np.diagonal: ("a",),
    np.trace: ("a",),
    np.tril: ("m",),
    np.triu: ("m",),
    **{getattr(np.fft, name): ("a",) for name in ("fft", "ifft", "rfft", "irfft", "fft2", "ifft2", "rfft2", "irfft2")},
    **{getattr(np.fft, name): ("a",) for name in ("fftn", "ifftn", "rfftn", "irfftn")},
    np.fft.fftshift: ("x",),
    np.fft.ifftshift: ("x",),
    scatter: ("values",),
    operator.getitem: ("a",),
    np.take: ("a",),
    np.take_along_axis: ("arr",),
    sliding_window_view: ("x",),
    np.where: ("x", "y"),
    np.choose: ("choices",),
    np.select: ("choicelist", "default"),
    np.flip: ("m",),
    np.fliplr: ("m",),
    np.flipud: ("m",),
    np.rot90: ("m",),
    np.roll: ("a",),
    np.tile: ("A",),
    np.repeat: ("a",),
    np.sum: ("a", "initial"),
    np.mean: ("a",),
    np.bincount: ("weights",),
    view: ("base",),
    write: ("base", "values"),
}

# Linear in each argument alone.
MULTILINEAR: dict[Any, tuple[str, ...]] = {
    np.matmul: ("x1", "x2"),
    np.vecdot: ("x1", "x2"),
    np.matvec: ("x1", "x2"),
    np.vecmat: ("x1", "x2"),
    np.convolve: ("a", "v"),
    np.einsum: ("operands",),
}
