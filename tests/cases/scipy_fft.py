"""Cases for scipy.fft by `wengert.scipy.fft`; none where SciPy is not installed."""

import importlib.util
from typing import Any

from tests.cases import Case, complex_array, normal

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from wengert.scipy import fft

    def of(function: Any, *args: Any, **options: Any) -> Case:
        return Case(function, lambda *xs: function(*xs, **options), args, exact=False)

    X, Z = normal(3, 5), complex_array(3, 5)
    ONE = (fft.fft, fft.ifft, fft.rfft, fft.irfft, fft.hfft, fft.ihfft)
    SEVERAL = (fft.fft2, fft.ifft2, fft.fftn, fft.ifftn, fft.rfft2, fft.irfft2, fft.rfftn, fft.irfftn)
    SEVERAL += (fft.hfft2, fft.ihfft2, fft.hfftn, fft.ihfftn)
    REAL = (fft.rfft, fft.ihfft, fft.rfft2, fft.rfftn, fft.ihfft2, fft.ihfftn)

    CASES += [
        *(of(f, X if f in REAL else Z) for f in (*ONE, *SEVERAL)),
        *(of(f, X if f in REAL else Z, n=6, axis=0, norm="ortho", overwrite_x=True) for f in ONE),
        *(of(f, X if f in REAL else Z, s=(4, 6), axes=(1, 0), norm="forward", workers=1) for f in SEVERAL),
        *(of(f, X, s=(4,)) for f in (fft.fftn, fft.ifftn)),
        *(of(f, X, axes=1) for f in (fft.fftshift, fft.ifftshift)),
        *(
            of(f, X, type=t, norm=norm)
            for f in (fft.dct, fft.idct, fft.dst, fft.idst)
            for t in (1, 2, 3, 4)
            for norm in (None, "ortho", "forward")
        ),
        *(of(f, X, type=t, orthogonalize=True) for f in (fft.dct, fft.idct, fft.dst, fft.idst) for t in (1, 2, 3)),
        *(
            of(f, X, type=t, norm="ortho", orthogonalize=False, axis=0, n=6)
            for f in (fft.dct, fft.dst)
            for t in (1, 2, 3)
        ),
        of(fft.dct, Z, type=3, n=4),
        *(of(f, X, type=t, norm="ortho") for f in (fft.dctn, fft.idctn, fft.dstn, fft.idstn) for t in (2, 3)),
        *(of(f, X, s=(4, 6), axes=(0, 1)) for f in (fft.dctn, fft.idctn, fft.dstn, fft.idstn)),
    ]
