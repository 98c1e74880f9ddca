"""Convolutions and correlations."""

from typing import Any

import numpy as np
import scipy.fft
import scipy.signal

from wengert.custom.registration import pullback
from wengert.functions.contraction import array, conjugate
from wengert.scipy.answers import answered, answers

__all__ = ["convolve", "convolve2d", "correlate", "correlate2d", "deconvolve", "fftconvolve", "oaconvolve"]

convolve = answered(scipy.signal.convolve)


def turned(x: Any) -> Any:
    """The conjugate, reversed along all axes."""
    return conjugate(x[(slice(None, None, -1),) * x.ndim])


def in_full(gy: Any, shapes: Any, mode: Any) -> Any:
    """The gradient with respect to the full convolution, of which `mode` has selected a part."""
    if mode == "full":
        return gy
    widths = []
    for n, (a, b) in zip(gy.shape, zip(*shapes, strict=True), strict=True):
        whole = a + b - 1
        start = (whole - n) // 2 if mode == "same" else min(a, b) - 1
        widths.append((start, whole - n - start))
    return np.pad(gy, widths)


def by_other(gy: Any, other: Any, shapes: Any, mode: Any, method: Any) -> Any:
    """The gradient with respect to one factor of a convolution from the `other`."""
    other = array(other)
    if gy.ndim == 0:
        return gy * conjugate(other)
    return convolve(in_full(gy, shapes, mode), turned(other), "valid", method)


@pullback(convolve, "in1", reads="in2")
def convolve_first(gy: Any, in1: Any, in2: Any, mode: Any = "full", method: Any = "auto") -> Any:
    return by_other(gy, in2, (in1.shape, in2.shape), mode, method)


@pullback(convolve, "in2", reads="in1")
def convolve_second(gy: Any, in1: Any, in2: Any, mode: Any = "full", method: Any = "auto") -> Any:
    return by_other(gy, in1, (in1.shape, in2.shape), mode, method)


@answers(scipy.signal.correlate)
def correlate(in1: Any, in2: Any, mode: Any = "full", method: Any = "auto") -> Any:
    return convolve(in1, turned(array(in2)), mode, method)


def fftconvolve_definition(in1: Any, in2: Any, mode: Any = "full", axes: Any = None) -> Any:
    """By transforms, which are differentiated: the axes that are not convolved broadcast."""
    a, b = array(in1), array(in2)
    if a.ndim != b.ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    if mode not in ("full", "same", "valid"):
        raise ValueError("acceptable mode flags are 'valid', 'same', or 'full'")
    if a.ndim == 0:
        return a * b
    axes = range(a.ndim) if axes is None else [axes] if np.ndim(axes) == 0 else axes
    axes = sorted({axis % a.ndim for axis in axes})
    if mode == "valid" and not (
        all(a.shape[i] >= b.shape[i] for i in axes) or all(a.shape[i] <= b.shape[i] for i in axes)
    ):
        raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension")
    whole = {i: a.shape[i] + b.shape[i] - 1 for i in axes}
    lengths = [scipy.fft.next_fast_len(whole[i], a.dtype.kind != "c" and b.dtype.kind != "c") for i in axes]
    y: Any
    if a.dtype.kind == "c" or b.dtype.kind == "c":
        y = np.fft.ifftn(np.fft.fftn(a, lengths, axes) * np.fft.fftn(b, lengths, axes), lengths, axes)
    else:
        y = np.fft.irfftn(np.fft.rfftn(a, lengths, axes) * np.fft.rfftn(b, lengths, axes), lengths, axes)
    cut = [slice(None)] * a.ndim
    for i in axes:
        size = {"full": whole[i], "same": a.shape[i], "valid": abs(a.shape[i] - b.shape[i]) + 1}[mode]
        start = (whole[i] - size) // 2
        cut[i] = slice(start, start + size)
    return y[tuple(cut)]


fftconvolve = answers(scipy.signal.fftconvolve)(fftconvolve_definition)
oaconvolve = answers(scipy.signal.oaconvolve)(fftconvolve_definition)
BOUNDARIES: dict[str, Any] = {"fill": "constant", "wrap": "wrap", "circular": "wrap", "symm": "symmetric"}
BOUNDARIES |= {"pad": "constant", "symmetric": "symmetric"}


@answers(scipy.signal.convolve2d)
def convolve2d(in1: Any, in2: Any, mode: Any = "full", boundary: Any = "fill", fillvalue: Any = 0) -> Any:
    a, b = array(in1), array(in2)
    if a.ndim != 2 or b.ndim != 2:
        raise ValueError("convolve2d inputs must both be 2-D arrays")
    if boundary not in BOUNDARIES:
        raise ValueError("Acceptable boundary flags are 'fill', 'circular' (or 'wrap'), and 'symmetric' (or 'symm').")
    if mode == "valid":
        return convolve(a, b, "valid", "direct")
    how = BOUNDARIES[boundary]
    widths = [(n - 1, n - 1) for n in b.shape]
    wide = np.pad(a, widths, how, constant_values=fillvalue) if how == "constant" else np.pad(a, widths, how)
    y = convolve(wide, b, "valid", "direct")
    if mode == "full":
        return y
    if mode != "same":
        raise ValueError("Acceptable mode flags are 'valid', 'same', or 'full'.")
    return y[tuple(slice((n - 1) // 2, (n - 1) // 2 + m) for m, n in zip(a.shape, b.shape, strict=True))]


@answers(scipy.signal.correlate2d)
def correlate2d(in1: Any, in2: Any, mode: Any = "full", boundary: Any = "fill", fillvalue: Any = 0) -> Any:
    a, b = array(in1), array(in2)
    if mode == "same":  # whose centre is the other one of two, where `in2` is even
        y = convolve2d(a, turned(b), "full", boundary, fillvalue)
        return y[tuple(slice(n // 2, n // 2 + m) for m, n in zip(a.shape, b.shape, strict=True))]
    return convolve2d(a, turned(b), mode, boundary, fillvalue)


@answers(scipy.signal.deconvolve)
def deconvolve(signal: Any, divisor: Any) -> Any:
    from wengert.scipy.signal.filters import lfilter

    num, den = (np.reshape(x, (1,)) if x.ndim == 0 else x for x in (array(signal), array(divisor)))
    if num.ndim != 1 or den.ndim != 1 or not num.size or not den.size:
        raise ValueError(f"deconvolve takes non-empty vectors, but got the shapes {num.shape} and {den.shape}")
    if den.size > num.size:
        return [], num
    impulse = np.zeros(num.size - den.size + 1)
    impulse[0] = 1
    quotient = lfilter(num, den, impulse)
    return quotient, num - convolve(den, quotient, "full")
