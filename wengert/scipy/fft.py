"""scipy.fft for Variables: Fourier, cosine and sine transforms.

All are linear: the transpose of each is one of the others.
"""

from typing import Any

import numpy as np
import scipy.fft

from wengert.custom.registration import pullback
from wengert.functions.contraction import array
from wengert.functions.fft import resized
from wengert.scipy.answers import answered, answers, open_names

__all__ = [
    "dct",
    "dctn",
    "dst",
    "dstn",
    "fft",
    "fft2",
    "fftn",
    "fftshift",
    "hfft",
    "hfft2",
    "hfftn",
    "idct",
    "idctn",
    "idst",
    "idstn",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "ihfft2",
    "ihfftn",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftn",
]


def along_one(theirs: Any, numpys: Any) -> Any:
    """A transform along one axis, which NumPy has too."""

    @answers(theirs)
    def transform(x: Any, n: Any = None, axis: Any = -1, norm: Any = None) -> Any:
        return numpys(array(x), n, axis, norm)

    return transform


fft, ifft = along_one(scipy.fft.fft, np.fft.fft), along_one(scipy.fft.ifft, np.fft.ifft)
rfft, irfft = along_one(scipy.fft.rfft, np.fft.rfft), along_one(scipy.fft.irfft, np.fft.irfft)
hfft, ihfft = along_one(scipy.fft.hfft, np.fft.hfft), along_one(scipy.fft.ihfft, np.fft.ihfft)


def axes_of(x: Any, s: Any, axes: Any) -> tuple[Any, Any]:
    """The lengths and the axes of a transform over several."""
    if s is not None and np.ndim(s) == 0:
        s = (s,)
    if axes is None:
        axes = tuple(range(x.ndim)) if s is None else tuple(range(x.ndim - len(s), x.ndim))
    axes = (axes,) if np.ndim(axes) == 0 else tuple(axes)
    if s is not None and len(s) != len(axes):
        raise ValueError("when given, axes and shape arguments have to be of the same length")
    if s is not None:
        s = tuple(x.shape[axis] if n in (None, -1) else n for n, axis in zip(s, axes, strict=True))
    return s, axes


def along_several(theirs: Any, numpys: Any, default: Any) -> Any:
    """A transform along several axes, which NumPy has too."""

    @answers(theirs)
    def transform(x: Any, s: Any = None, axes: Any = default, norm: Any = None) -> Any:
        x = array(x)
        s, axes = axes_of(x, s, axes)
        return numpys(x, s, axes, norm)

    return transform


LAST = (-2, -1)
fft2, ifft2 = along_several(scipy.fft.fft2, np.fft.fftn, LAST), along_several(scipy.fft.ifft2, np.fft.ifftn, LAST)
fftn, ifftn = along_several(scipy.fft.fftn, np.fft.fftn, None), along_several(scipy.fft.ifftn, np.fft.ifftn, None)
rfft2, irfft2 = along_several(scipy.fft.rfft2, np.fft.rfftn, LAST), along_several(scipy.fft.irfft2, np.fft.irfftn, LAST)
rfftn, irfftn = along_several(scipy.fft.rfftn, np.fft.rfftn, None), along_several(scipy.fft.irfftn, np.fft.irfftn, None)

OPPOSITE: dict[Any, Any] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def hermitian(x: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
    """The transform of a half spectrum that is Hermitian: real."""
    return np.fft.irfftn(np.conjugate(x), s, axes, OPPOSITE.get(norm, norm))


def half_hermitian(x: Any, s: Any = None, axes: Any = None, norm: Any = None) -> Any:
    """The inverse transform of real numbers, of which half is returned."""
    return np.conjugate(np.fft.rfftn(x, s, axes, OPPOSITE.get(norm, norm)))


hfft2, ihfft2 = along_several(scipy.fft.hfft2, hermitian, LAST), along_several(scipy.fft.ihfft2, half_hermitian, LAST)
hfftn, ihfftn = along_several(scipy.fft.hfftn, hermitian, None), along_several(scipy.fft.ihfftn, half_hermitian, None)


@answers(scipy.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    return np.fft.fftshift(x, axes)


@answers(scipy.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    return np.fft.ifftshift(x, axes)


# Cosine and sine transforms (SciPy's manual has their sums). The matrices of types 2 and 3 are each other's transposes,
# those of the others their own, exactly so with `orthogonalize`; else but for the weight of an end.

dct, dst = answered(scipy.fft.dct), answered(scipy.fft.dst)
TRANSPOSED = INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}


def scaled_ends(x: Any, axis: Any, places: tuple[int, ...], factor: float) -> Any:
    """Multiply the elements at some places along an axis."""
    weights = np.ones(x.shape[axis], np.float16)  # (which never widens a dtype)
    weights[list(places)] = factor
    return x * np.reshape(weights, [-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])


def transpose_of(
    transform: Any, ends: Any, gy: Any, x: Any, kind: Any, axis: Any, norm: Any, orthogonalize: Any
) -> Any:
    """The transpose of a transform along one axis: `ends` are the places of weight for types 1 and 2, 3."""
    if orthogonalize is None:
        orthogonalize = norm == "ortho"
    back = {"type": TRANSPOSED[kind], "axis": axis, "norm": norm, "orthogonalize": orthogonalize}
    places = ends[0] if kind == 1 else ends[1] if kind in (2, 3) else ()
    if orthogonalize or not places:
        gx = transform(gy, **back)
    elif kind == 1:
        gx = scaled_ends(transform(scaled_ends(gy, axis, places, 2.0), **back), axis, places, 0.5)
    elif kind == 2:
        gx = transform(scaled_ends(gy, axis, places, 2.0), **back)
    else:
        gx = scaled_ends(transform(gy, **back), axis, places, 0.5)
    return resized(gx, x.shape[axis], axis)


@pullback(dct, "x", reads="")
def dct_pullback(
    gy: Any, x: Any, type: Any = 2, n: Any = None, axis: Any = -1, norm: Any = None, *, orthogonalize: Any = None
) -> Any:
    return transpose_of(dct, ((0, -1), (0,)), gy, x, type, axis, norm, orthogonalize)


@pullback(dst, "x", reads="")
def dst_pullback(
    gy: Any, x: Any, type: Any = 2, n: Any = None, axis: Any = -1, norm: Any = None, *, orthogonalize: Any = None
) -> Any:
    return transpose_of(dst, ((), (-1,)), gy, x, type, axis, norm, orthogonalize)


def inverse_of(theirs: Any, transform: Any) -> Any:
    """The inverse of a transform along one axis: that of the inverse type and the opposite norm."""

    @answers(theirs)
    def inverse(
        x: Any, type: Any = 2, n: Any = None, axis: Any = -1, norm: Any = None, orthogonalize: Any = None
    ) -> Any:
        return transform(x, INVERSE[type], n, axis, OPPOSITE.get(norm, norm), orthogonalize=orthogonalize)

    return inverse


idct, idst = inverse_of(scipy.fft.idct, dct), inverse_of(scipy.fft.idst, dst)


def one_after_another(theirs: Any, transform: Any) -> Any:
    """A transform along several axes."""

    @answers(theirs)
    def several(
        x: Any, type: Any = 2, s: Any = None, axes: Any = None, norm: Any = None, orthogonalize: Any = None
    ) -> Any:
        x = array(x)
        s, axes = axes_of(x, s, axes)
        for i, axis in enumerate(axes):
            x = transform(x, type, None if s is None else s[i], axis, norm, orthogonalize=orthogonalize)
        return x

    return several


dctn, idctn = one_after_another(scipy.fft.dctn, dct), one_after_another(scipy.fft.idctn, idct)
dstn, idstn = one_after_another(scipy.fft.dstn, dst), one_after_another(scipy.fft.idstn, idst)

__getattr__, __dir__ = open_names(__name__, scipy.fft, globals())
