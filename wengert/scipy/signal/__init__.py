"""scipy.signal for Variables: convolutions, filters and spectra."""

import scipy.signal

from wengert.scipy.answers import open_names
from wengert.scipy.signal.convolutions import (
    convolve,
    convolve2d,
    correlate,
    correlate2d,
    deconvolve,
    fftconvolve,
    oaconvolve,
)
from wengert.scipy.signal.filters import (
    filtfilt,
    lfilter,
    lfilter_zi,
    sosfilt,
    sosfilt_zi,
    sosfiltfilt,
)
from wengert.scipy.signal.spectra import (
    coherence,
    csd,
    detrend,
    hilbert,
    istft,
    periodogram,
    stft,
    welch,
)

__all__ = [
    "coherence",
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "csd",
    "deconvolve",
    "detrend",
    "fftconvolve",
    "filtfilt",
    "hilbert",
    "istft",
    "lfilter",
    "lfilter_zi",
    "oaconvolve",
    "periodogram",
    "sosfilt",
    "sosfilt_zi",
    "sosfiltfilt",
    "stft",
    "welch",
]

__getattr__, __dir__ = open_names(__name__, scipy.signal, globals())
