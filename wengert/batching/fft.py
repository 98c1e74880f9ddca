"""Fourier transforms of Batched arrays. This module is read once a program has imported numpy.fft."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.batches import Level
from wengert.batching.batched import Batched
from wengert.batching.rules import KEEPING, along_axes, argument, batching, only_mapped, replaced, shifted

KEEPING.update((np.fft.fftshift, np.fft.ifftshift))
along_axes(np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft, place=2, default=-1)
along_axes(np.fft.fftshift, np.fft.ifftshift, name="axes")


@batching(
    *(np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn),
    *(np.fft.fft2, np.fft.ifft2, np.fft.rfft2, np.fft.irfft2),
)
def fft_along(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    ndim = value.ndim - 1
    axes = argument(args, kwargs, 2, "axes", (-2, -1) if function.__name__.endswith("2") else None)
    lengths = argument(args, kwargs, 1, "s", None)
    if axes is None and lengths is not None:
        axes = tuple(range(-len(lengths), 0))
    args, kwargs = replaced(args, kwargs, 2, "axes", shifted(axes, ndim))
    return Batched(level, function(value, *args[1:], **kwargs), True)
