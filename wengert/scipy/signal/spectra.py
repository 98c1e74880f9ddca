"""Spectra of signals: of windows that slide over them, and analytic signals."""

import itertools
import warnings
from typing import Any

import numpy as np
import scipy.signal

from wengert.functions.contraction import array, conjugate
from wengert.scipy.answers import answers
from wengert.scipy.signal.filters import continued

__all__ = ["coherence", "csd", "detrend", "hilbert", "istft", "periodogram", "stft", "welch"]


@answers(scipy.signal.detrend)
def detrend(data: Any, axis: Any = -1, type: Any = "linear", bp: Any = 0) -> Any:
    if type not in ("linear", "l", "constant", "c"):
        raise ValueError("Trend type must be 'linear' or 'constant'.")
    data = array(data)
    if type in ("constant", "c"):
        return data - np.mean(data, axis=axis, keepdims=True)
    data = np.moveaxis(data, axis, -1)
    n = data.shape[-1]
    bounds = np.unique(np.concatenate([np.atleast_1d(bp), [0, n]])).astype(int)
    if np.any(bounds > n):
        raise ValueError("Breakpoints must be less than length of data along given axis.")
    parts = []
    for start, stop in itertools.pairwise(bounds):
        line = np.stack([np.arange(1, stop - start + 1) / (stop - start), np.ones(stop - start)], axis=-1)
        across = (line @ np.linalg.pinv(line)).astype(np.finfo(data.dtype).dtype if data.dtype.kind in "fc" else float)
        part = data[..., start:stop]
        parts.append(part - part @ across.T)
    return np.moveaxis(np.concatenate(parts, axis=-1), -1, axis)


@answers(scipy.signal.hilbert)
def hilbert(x: Any, N: Any = None, axis: Any = -1) -> Any:
    x = array(x)
    if x.dtype.kind == "c":
        raise ValueError("x must be real.")
    n = x.shape[axis] if N is None else N
    if n <= 0:
        raise ValueError("N must be positive.")
    weights = np.zeros(n, np.float16)  # (which never widens a dtype)
    weights[0] = 1
    weights[1 : (n + 1) // 2] = 2
    if n % 2 == 0:
        weights[n // 2] = 1
    shape = [1] * x.ndim
    shape[axis] = n
    return np.fft.ifft(np.fft.fft(x, n, axis) * np.reshape(weights, shape), axis=axis)


class Windows:
    """How a signal is cut: the window, its length, the overlap, and the length of the transforms."""

    def __init__(self, cut: tuple[Any, ...], length: int) -> None:
        window, nperseg, noverlap, nfft = cut
        if isinstance(window, (str, tuple)):
            nperseg = 256 if nperseg is None else int(nperseg)
            if nperseg > length:
                warnings.warn(
                    f"nperseg = {nperseg} is greater than input length  = {length}, using nperseg = {length}",
                    stacklevel=6,
                )
                nperseg = length
            self.window = scipy.signal.get_window(window, nperseg)
        else:
            self.window = np.asarray(window)
            nperseg = len(self.window) if nperseg is None else nperseg
        if len(self.window) != nperseg or nperseg < 1:
            raise ValueError(f"nperseg must be positive, and the length of the window, but got {nperseg}")
        self.size = int(nperseg)
        self.nfft = self.size if nfft is None else int(nfft)
        if self.nfft < self.size:
            raise ValueError("nfft must be greater than or equal to nperseg.")
        overlap = self.size // 2 if noverlap is None else int(noverlap)
        if overlap >= self.size:
            raise ValueError("noverlap must be less than nperseg.")
        self.step = self.size - overlap

    def scale(self, scaling: Any, fs: Any) -> Any:
        """The factor of squared magnitudes."""
        if scaling == "density":
            return 1 / (fs * np.sum(self.window * self.window))
        if scaling == "spectrum":
            return 1 / np.sum(self.window) ** 2
        raise ValueError(f"Unknown scaling: {scaling!r}")

    def transforms(self, x: Any, trend: Any, onesided: bool) -> Any:
        """The spectra of the windows along the last axis: (..., windows, frequencies)."""
        count = (x.shape[-1] - self.size) // self.step + 1
        parts = x[..., np.arange(count)[:, None] * self.step + np.arange(self.size)]
        if trend:
            parts = trend(parts) if callable(trend) else detrend(parts, type=trend)
        real = np.float32 if x.dtype in (np.float32, np.complex64) else np.float64
        parts = parts * self.window.astype(real)
        return np.fft.rfft(parts, self.nfft) if onesided else np.fft.fft(parts, self.nfft)

    def frequencies(self, fs: Any, onesided: bool) -> Any:
        return np.fft.rfftfreq(self.nfft, 1 / fs) if onesided else np.fft.fftfreq(self.nfft, 1 / fs)


def padded(x: Any, n: int) -> Any:
    """A signal along the last axis, with zeros up to `n` samples."""
    if x.shape[-1] >= n:
        return x
    return np.concatenate([x, np.zeros((*x.shape[:-1], n - x.shape[-1]), x.dtype)], axis=-1)


def cross_spectrum(
    x: Any, y: Any, fs: Any, cut: tuple[Any, ...], trend: Any, onesided: Any, scaling: Any, axis: Any, average: Any
) -> Any:
    """The mean over the windows of conj(X) Y; of one signal twice, real."""
    same, x, y = y is x, array(x), array(y)
    dtype = np.result_type(x.dtype, y.dtype, np.complex64)
    axis = axis % x.ndim if same else axis
    x, y = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    n = max(x.shape[-1], y.shape[-1])
    windows = Windows(cut, n)
    onesided = bool(onesided) and x.dtype.kind != "c" and y.dtype.kind != "c"
    first = windows.transforms(padded(x, n), trend, onesided)
    second = first if same else windows.transforms(padded(y, n), trend, onesided)
    p = np.real(first) ** 2 + np.imag(first) ** 2 if same else conjugate(first) * second
    weights = np.ones(p.shape[-1])
    if onesided:
        weights[1 : None if windows.nfft % 2 else -1] = 2
    p = p * (windows.scale(scaling, fs) * weights)
    if average == "mean":
        p = np.mean(p, axis=-2)
    elif average == "median":
        count = p.shape[-2]
        bias = 1 + np.sum(1.0 / (np.arange(2, count, 2) + 1) - 1.0 / np.arange(2, count, 2)) if count > 1 else 1.0
        real = np.median(np.real(p), axis=-2)
        p = (real if same else real + 1j * np.median(np.imag(p), axis=-2)) / bias
    else:
        raise ValueError(f"average must be 'median' or 'mean', but got {average!r}")
    p = p.astype(np.finfo(dtype).dtype if same else dtype)
    return windows.frequencies(fs, onesided), np.moveaxis(p, -1, axis)


@answers(scipy.signal.csd)
def csd(
    x: Any, y: Any, fs: Any = 1.0, window: Any = "hann", nperseg: Any = None, noverlap: Any = None, nfft: Any = None,
    detrend: Any = "constant", return_onesided: Any = True, scaling: Any = "density", axis: Any = -1,
    average: Any = "mean",
) -> Any:  # fmt: skip
    cut = window, nperseg, noverlap, nfft
    return cross_spectrum(x, y, fs, cut, detrend, return_onesided, scaling, axis, average)


@answers(scipy.signal.welch)
def welch(
    x: Any, fs: Any = 1.0, window: Any = "hann", nperseg: Any = None, noverlap: Any = None, nfft: Any = None,
    detrend: Any = "constant", return_onesided: Any = True, scaling: Any = "density", axis: Any = -1,
    average: Any = "mean",
) -> Any:  # fmt: skip
    cut = window, nperseg, noverlap, nfft
    return cross_spectrum(x, x, fs, cut, detrend, return_onesided, scaling, axis, average)


@answers(scipy.signal.periodogram)
def periodogram(
    x: Any, fs: Any = 1.0, window: Any = "boxcar", nfft: Any = None, detrend: Any = "constant",
    return_onesided: Any = True, scaling: Any = "density", axis: Any = -1,
) -> Any:  # fmt: skip
    x = array(x)
    n = x.shape[axis]
    if nfft is not None and nfft < n:
        x, n, nfft = np.take(x, np.arange(nfft), axis), nfft, None
    window = "boxcar" if window is None else window
    return cross_spectrum(x, x, fs, (window, n, 0, nfft), detrend, return_onesided, scaling, axis, "mean")


@answers(scipy.signal.coherence)
def coherence(
    x: Any, y: Any, fs: Any = 1.0, window: Any = "hann", nperseg: Any = None, noverlap: Any = None, nfft: Any = None,
    detrend: Any = "constant", axis: Any = -1,
) -> Any:  # fmt: skip
    cut = window, nperseg, noverlap, nfft
    (frequencies, px), (_, py), (_, both) = (
        cross_spectrum(a, b, fs, cut, detrend, True, "density", axis, "mean") for a, b in ((x, x), (y, y), (x, y))
    )
    return frequencies, (np.real(both) ** 2 + np.imag(both) ** 2) / px / py


@answers(scipy.signal.stft)
def stft(
    x: Any, fs: Any = 1.0, window: Any = "hann", nperseg: Any = 256, noverlap: Any = None, nfft: Any = None,
    detrend: Any = False, return_onesided: Any = True, boundary: Any = "zeros", padded: Any = True, axis: Any = -1,
    scaling: Any = "spectrum",
) -> Any:  # fmt: skip
    x = array(x)
    dtype = np.result_type(x.dtype, np.complex64)
    if scaling not in ("spectrum", "psd"):
        raise ValueError(f"Parameter scaling={scaling!r} not in ['spectrum', 'psd']!")
    if boundary not in ("even", "odd", "constant", "zeros", None):
        raise ValueError(f"Unknown boundary option '{boundary}'")
    place = axis % x.ndim
    windows = Windows((window, nperseg, noverlap, nfft), x.shape[axis])
    x, half = np.moveaxis(x, axis, -1), windows.size // 2
    if boundary == "zeros":
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)])
    elif boundary is not None:
        x = continued(x, boundary, half, -1)
    if padded:
        missing = (-(x.shape[-1] - windows.size) % windows.step) % windows.size
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)])
    if return_onesided and x.dtype.kind == "c":
        warnings.warn("Input data is complex, switching to return_onesided=False", stacklevel=5)
    onesided = bool(return_onesided) and x.dtype.kind != "c"
    spectra = windows.transforms(x, detrend, onesided)
    spectra = spectra * np.sqrt(windows.scale("density" if scaling == "psd" else scaling, fs))
    times = np.arange(windows.size / 2, x.shape[-1] - windows.size / 2 + 1, windows.step) / float(fs)
    times = times if boundary is None else times - windows.size / 2 / fs
    spectra = np.swapaxes(spectra.astype(dtype), -1, -2)  # (the windows come last)
    return windows.frequencies(fs, onesided), times, np.moveaxis(spectra, -2, place)


@answers(scipy.signal.istft)
def istft(
    Zxx: Any, fs: Any = 1.0, window: Any = "hann", nperseg: Any = None, noverlap: Any = None, nfft: Any = None,
    input_onesided: Any = True, boundary: Any = True, time_axis: Any = -1, freq_axis: Any = -2,
    scaling: Any = "spectrum",
) -> Any:  # fmt: skip
    z = array(Zxx) + 0j
    if z.ndim < 2 or freq_axis % z.ndim == time_axis % z.ndim:
        raise ValueError(f"istft takes different axes of time and frequency, but got {freq_axis} and {time_axis}")
    time_place = time_axis % z.ndim - (freq_axis % z.ndim < time_axis % z.ndim)
    z = np.moveaxis(z, (freq_axis, time_axis), (-2, -1))
    usual = 2 * (z.shape[-2] - 1) if input_onesided else z.shape[-2]
    size = usual if nperseg is None else int(nperseg)
    if nfft is None:
        nfft = size if input_onesided and size == usual + 1 else usual
    windows = Windows((window, size, noverlap, nfft), size)
    parts = np.fft.irfft(z, nfft, -2) if input_onesided else np.fft.ifft(z, nfft, -2)
    parts = np.swapaxes(parts[..., :size, :], -1, -2)
    if scaling not in ("spectrum", "psd"):
        raise ValueError(f"Parameter scaling={scaling!r} not in ['spectrum', 'psd']!")
    real = np.real(np.zeros((), parts.dtype)).dtype
    weight = np.sum(windows.window) if scaling == "spectrum" else np.sqrt(fs * np.sum(windows.window**2))
    parts = parts * (windows.window * weight).astype(real)
    count, step = parts.shape[-2], windows.step
    n = size + (count - 1) * step
    total, norm = np.zeros((*parts.shape[:-2], n), parts.dtype), np.zeros(n, real)
    for i in range(count):
        widths = [(0, 0)] * (parts.ndim - 2) + [(i * step, n - size - i * step)]
        total = total + np.pad(parts[..., i, :], widths)
        norm[i * step : i * step + size] += (windows.window**2).astype(real)
    if boundary:
        total, norm = total[..., size // 2 : n - size // 2], norm[size // 2 : n - size // 2]
    if np.any(norm <= 1e-10):
        warnings.warn("NOLA condition failed, STFT may not be invertible.", stacklevel=5)
    x = total / np.where(norm > 1e-10, norm, 1)
    x = np.real(x) if input_onesided else x
    x = np.moveaxis(x, -1, time_place)
    return np.arange(x.shape[0]) / float(fs), x  # (as SciPy has it, where the first axis is not that of time, too)
