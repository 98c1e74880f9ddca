"""Derivatives of the discrete Fourier transforms: each is linear, and its transpose is a transform the other way.

A transform cuts or pads its input to length n, multiplies by a symmetric matrix and by a factor that depends on `norm`.
Its conjugate transpose is the inverse transform with the same factor (the opposite `norm` in NumPy), then padded or cut
back.
"""

from typing import Any

import numpy as np

from wengert.custom.registration import composition, pullback

OPPOSITE: dict[Any, Any] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def resized(a: Any, length: int, axis: int) -> Any:
    """Cut an axis at its end to `length`, or pad it with zeros."""
    missing = length - a.shape[axis]
    if missing > 0:
        shape = list(a.shape)
        shape[axis] = missing
        return np.concatenate([a, np.zeros(shape, a.dtype)], axis)
    if missing < 0:
        index = [slice(None)] * a.ndim
        index[axis] = slice(length)
        return a[tuple(index)]
    return a


def weights(a: Any, n: int, axis: int, paired: float) -> Any:
    """Weights for a half spectrum `a` of n points: 1, and `paired` where a frequency stands for its negative too.

    They are float16, so that they never widen the dtype of a gradient.
    """
    weight = np.full(a.shape[axis], paired, np.float16)
    weight[0] = 1
    if n % 2 == 0:
        weight[-1] = 1  # the highest frequency is its own negative
    shape = [1] * a.ndim
    shape[axis] = -1
    return weight.reshape(shape)


# The transposes along one axis. `length` is that of the input, `n` that of the signal.


def fft_transpose(gy: Any, length: int, n: int, axis: int, norm: Any) -> Any:
    return resized(np.fft.ifft(gy, n, axis, OPPOSITE[norm]), length, axis)


def ifft_transpose(gy: Any, length: int, n: int, axis: int, norm: Any) -> Any:
    return resized(np.fft.fft(gy, n, axis, OPPOSITE[norm]), length, axis)


def rfft_transpose(gy: Any, length: int, n: int, axis: int, norm: Any) -> Any:
    return resized(np.fft.irfft(gy * weights(gy, n, axis, 0.5), n, axis, OPPOSITE[norm]), length, axis)


def irfft_transpose(gy: Any, length: int, n: int, axis: int, norm: Any) -> Any:
    gx = np.fft.rfft(gy, n, axis, OPPOSITE[norm])
    return resized(gx * weights(gx, n, axis, 2.0), length, axis)


@pullback(np.fft.fft, "a", reads="", linear=True)
def fft(gy: Any, a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
    return fft_transpose(gy, a.shape[axis], gy.shape[axis], axis, norm)


@pullback(np.fft.ifft, "a", reads="", linear=True)
def ifft(gy: Any, a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
    return ifft_transpose(gy, a.shape[axis], gy.shape[axis], axis, norm)


@pullback(np.fft.rfft, "a", reads="", linear=True)
def rfft(gy: Any, a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
    return rfft_transpose(gy, a.shape[axis], a.shape[axis] if n is None else n, axis, norm)


@pullback(np.fft.irfft, "a", reads="", linear=True)
def irfft(gy: Any, a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
    return irfft_transpose(gy, a.shape[axis], gy.shape[axis], axis, norm)


@composition(np.fft.hfft)
def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
    return np.fft.irfft(np.conjugate(a), n, axis, OPPOSITE.get(norm, norm))


@composition(np.fft.ihfft)
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None) -> Any:
    return np.conjugate(np.fft.rfft(a, n, axis, OPPOSITE.get(norm, norm)))


# Over several axes: one after the other, the last axis first (back from a half spectrum: the last axis last).


def several(gy: Any, a: Any, s: Any, axes: Any, norm: Any, transpose: Any, of_last: Any) -> Any:
    """Undo the transforms along one axis that make one over several; that of the last axis is `of_last`."""
    if axes is None:
        axes = range(a.ndim) if s is None else range(-len(s), 0)
    last = len(axes) - 1
    shape = list(a.shape)
    done = []
    for i in range(last + 1) if of_last is irfft_transpose else range(last, -1, -1):
        axis = axes[i]
        if i == last and of_last is irfft_transpose:
            n = gy.shape[axis]
        elif s is None or s[i] == -1:
            n = a.shape[axis]  # as it was at first, also for an axis named twice
        else:
            n = shape[axis] if s[i] is None else s[i]
        done.append((of_last if i == last else transpose, shape[axis], n, axis))
        shape[axis] = n // 2 + 1 if i == last and of_last is rfft_transpose else n
    for undo, length, n, axis in reversed(done):
        gy = undo(gy, length, n, axis, norm)
    return gy


@pullback(np.fft.fftn, "a", reads="", linear=True)
def fftn(gy: Any, a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
    return several(gy, a, s, axes, norm, fft_transpose, fft_transpose)


@pullback(np.fft.ifftn, "a", reads="", linear=True)
def ifftn(gy: Any, a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
    return several(gy, a, s, axes, norm, ifft_transpose, ifft_transpose)


@pullback(np.fft.rfftn, "a", reads="", linear=True)
def rfftn(gy: Any, a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
    return several(gy, a, s, axes, norm, fft_transpose, rfft_transpose)


@pullback(np.fft.irfftn, "a", reads="", linear=True)
def irfftn(gy: Any, a: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
    return several(gy, a, s, axes, norm, ifft_transpose, irfft_transpose)


@pullback(np.fft.fft2, "a", reads="", linear=True)
def fft2(gy: Any, a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Any:
    return fftn(gy, a, s, axes, norm)


@pullback(np.fft.ifft2, "a", reads="", linear=True)
def ifft2(gy: Any, a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Any:
    return ifftn(gy, a, s, axes, norm)


@pullback(np.fft.rfft2, "a", reads="", linear=True)
def rfft2(gy: Any, a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Any:
    return rfftn(gy, a, s, axes, norm)


@pullback(np.fft.irfft2, "a", reads="", linear=True)
def irfft2(gy: Any, a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Any:
    return irfftn(gy, a, s, axes, norm)


@pullback(np.fft.fftshift, "x", reads="", linear=True)
def fftshift(gy: Any, x: Any, axes: Any = None) -> Any:
    return np.fft.ifftshift(gy, axes)


@pullback(np.fft.ifftshift, "x", reads="", linear=True)
def ifftshift(gy: Any, x: Any, axes: Any = None) -> Any:
    return np.fft.fftshift(gy, axes)
