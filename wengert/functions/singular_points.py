"""The convention for derivatives at singular points, in words.

`wengert.audit` and docs/functions.md show it for each function. Derivatives that can be infinite are marked in the
table of derivatives itself (``poles=True``).
"""

from typing import Any

import numpy as np

__all__ = ["AT_A_POLE", "NOTES"]

AT_A_POLE = "0 behind a mask, also where infinite"

NOTES: dict[str, tuple[Any, ...]] = {
    "0 at 0": (np.absolute, np.fabs, np.hypot, np.arctan2, np.angle),
    "equal inputs share evenly": (np.maximum, np.minimum, np.fmax, np.fmin),
    "equal extremes share evenly": (np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin, np.ptp),
    "equal elements in the order of a stable sort": (
        *(np.sort, np.sort_complex, np.partition, np.median, np.nanmedian),
        *(np.quantile, np.nanquantile, np.percentile, np.nanpercentile),
    ),
    "also with respect to q: on an element the mean of its two slopes, 0 where the method steps; and to weights: 0": (
        *(np.quantile, np.nanquantile, np.percentile, np.nanpercentile),
    ),
    "at a bound the gradient goes to the array": (np.clip,),
    "0 with respect to the exponent where the base is 0": (np.power, np.float_power),
    "exact at zeros, to any order": (np.prod, np.nanprod, np.cumprod, np.nancumprod, np.sinc, np.linalg.det),
    "0 everywhere": (np.round, np.around, np.fix),
    "far out: to 1e-6; in float32 arrays of more than 128 elements to 2e-3": (np.tanh,),
    "jumps are ignored": (np.remainder, np.fmod, np.divmod, np.modf, np.unwrap),
    "0 where all elements are equal": (np.std, np.nanstd),
    "at a given point the slope to its right; 0 beyond the ends": (np.interp,),
    "0 at a multiple root": (np.roots,),
    "0 at 0; equal extremes and singular values share evenly": (
        *(np.linalg.norm, np.linalg.vector_norm, np.linalg.matrix_norm),
    ),
    "equal values: along the returned vectors; LinAlgError for a loss that the matrix does not determine": (
        *(np.linalg.svd, np.linalg.eigh),
    ),
    "equal values: LinAlgError for a loss that the matrix does not determine": (np.linalg.eig,),
    "LinAlgError at a singular matrix that receives a gradient": (np.linalg.slogdet,),
    "at fixed rank": (np.linalg.pinv, np.linalg.lstsq),
    "the gradient lies in the triangle that is read": (np.linalg.cholesky, np.linalg.eigh, np.linalg.eigvalsh),
    "hermitian=True: the gradient lies in the lower triangle": (np.linalg.pinv, np.linalg.svd),
    "NaN at a singular matrix": (np.linalg.cond,),
}
