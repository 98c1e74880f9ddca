"""Cases for scipy.signal by `wengert.scipy.signal`; none where SciPy is not installed."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import Case, complex_array, normal, positive

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from wengert.scipy import signal

    def of(function: Any, *args: Any, **settings: Any) -> Case:
        options = {name: settings.pop(name) for name in list(settings) if name not in Case._fields}
        return Case(function, lambda *xs: function(*xs, **options), args, **{"exact": False, **settings})

    def by(function: Any, call: Callable[..., Any], *args: Any, **settings: Any) -> Case:
        return Case(function, call, args, **{"exact": False, **settings})

    X, H, Z, IMAGE, KERNEL = normal(7), normal(3), complex_array(4), normal(4, 5), normal(2, 3)
    B, A, LONG = normal(3), np.array([1.5, 0.4, -0.2]), normal(2, 24)
    SOS = np.array([[1.0, 0.5, 0.2, 1.0, -0.4, 0.1], [0.3, 0.2, 0.0, 1.0, 0.3, 0.0]])
    ONES = np.where(np.arange(6) == 3, 1, 0)
    MODES = ("full", "same", "valid")

    def sections(s: Any) -> Any:
        return np.where(ONES, 1.0, s)

    CASES += [
        *(
            of(f, x, h, mode=m)
            for f in (signal.convolve, signal.correlate)
            for m in MODES
            for x, h in ((X, H), (IMAGE, KERNEL), (H, X))
        ),
        *(of(f, Z, H, mode=m) for f in (signal.convolve, signal.correlate) for m in ("full", "same")),
        *(of(f, H, Z) for f in (signal.convolve, signal.correlate)),
        of(signal.convolve, np.asarray(2.0), np.asarray(3.0)),
        of(signal.convolve, X, H, mode="same", method="fft"),
        *(
            of(f, x, h, mode=m)
            for f in (signal.fftconvolve, signal.oaconvolve)
            for m in MODES
            for x, h in ((X, H), (IMAGE, KERNEL), (H, Z))
        ),
        of(signal.fftconvolve, IMAGE, normal(1, 3), axes=1),
        *(
            of(f, IMAGE, k, mode=m, boundary=b)
            for f in (signal.convolve2d, signal.correlate2d)
            for k in (KERNEL, normal(3, 2))
            for m in MODES
            for b in ("fill", "wrap", "symm")
        ),
        *(of(f, IMAGE, KERNEL, mode="same", fillvalue=1.5) for f in (signal.convolve2d, signal.correlate2d)),
        of(signal.correlate2d, IMAGE, KERNEL + 1j),
        of(signal.deconvolve, positive(6), positive(3), rtol=1e-5),
        of(signal.lfilter, B, A, X),
        of(signal.lfilter, B, A, normal(4, 2), axis=0),
        of(signal.lfilter, B, np.ones(1), X),
        of(signal.lfilter, np.asarray(2.0), A, X),
        of(signal.lfilter, B + 0.5j, A, X),
        by(signal.lfilter, lambda b, a, x, z: signal.lfilter(b, a, x, zi=z), B, A, X, normal(2)),
        by(signal.lfilter, lambda b, a, x, z: signal.lfilter(b, a, x, zi=z), normal(5), A, normal(2, 3), normal(2, 4)),
        by(signal.lfilter, lambda b, x, z: signal.lfilter(b, [2.0], x, axis=0, zi=z), B, normal(4, 2), normal(2, 2)),
        of(signal.filters.at_rest, B, A, X),
        *(of(signal.lfilter_zi, b, A) for b in (B, normal(2), normal(4))),
        by(signal.sosfilt, lambda s, x: signal.sosfilt(sections(s), x), SOS, X),
        by(signal.sosfilt, lambda s, x, z: signal.sosfilt(sections(s), x, zi=z), SOS, X, normal(2, 2)),
        by(signal.sosfilt_zi, lambda s: signal.sosfilt_zi(sections(s)), SOS),
        *(of(signal.filtfilt, B, A, LONG, padtype=p) for p in ("odd", "even", "constant", None)),
        of(signal.filtfilt, B, A, LONG.T, axis=0, padlen=4),
        by(signal.sosfiltfilt, lambda x: signal.sosfiltfilt(SOS, x), LONG),
        *(of(signal.detrend, IMAGE, type=t, axis=a) for t in ("linear", "constant") for a in (0, -1)),
        of(signal.detrend, X, bp=[3]),
        *(of(signal.hilbert, x) for x in (X, IMAGE)),
        of(signal.hilbert, IMAGE, N=6, axis=0),
        *(
            by(signal.stft, lambda x, p=p: signal.stft(x, nperseg=8, boundary=p)[2], LONG)
            for p in ("zeros", "even", "odd", "constant", None)
        ),
        by(
            signal.stft,
            lambda x: signal.stft(x, 2.0, nperseg=8, nfft=9, axis=0, scaling="psd", detrend="constant")[2],
            LONG.T,
        ),
        by(signal.istft, lambda z: signal.istft(z, nperseg=8)[1], complex_array(5, 6)),
        by(
            signal.istft,
            lambda z: signal.istft(z, 2.0, input_onesided=False, scaling="psd", noverlap=4)[1],
            complex_array(6, 5),
        ),
        by(signal.welch, lambda x: signal.welch(x, nperseg=8)[1], LONG),
        by(
            signal.welch,
            lambda x: signal.welch(x, 2.0, "hamming", 8, 3, 9, "linear", scaling="spectrum", average="median")[1],
            LONG,
        ),
        by(signal.welch, lambda x: signal.welch(x, nperseg=8, axis=0, detrend=False)[1], LONG.T + 0.5j),
        by(signal.csd, lambda x, y: signal.csd(x, y, nperseg=8)[1], LONG[0], LONG[1]),
        by(signal.csd, lambda x, y: signal.csd(x, y, nperseg=8)[1], LONG[0], LONG[1, :20]),
        by(signal.periodogram, lambda x: signal.periodogram(x)[1], LONG),
        *(by(signal.periodogram, lambda x, n=n: signal.periodogram(x, nfft=n)[1], X) for n in (5, 9)),
        by(signal.coherence, lambda x, y: signal.coherence(x, y, nperseg=8)[1], LONG[0], LONG[1]),
    ]
