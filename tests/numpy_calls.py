"""Calls of NumPy functions that are lowered, beside those of `test_compile_lowering`: of an array and two matrices."""

from typing import Any

import numpy as np

__all__ = ["ACCUMULATIONS", "DEFINED", "MATRICES", "OF_NUMBERS", "SORTING", "TRANSFORMS", "with_nan"]


def with_nan(x: Any) -> Any:
    """An array with NaN where it is large, and in all of one column."""
    return np.where(np.logical_or(x > 0.7, np.arange(x.shape[-1]) == 2), np.nan, x)


def sorted_copy(x: Any, axis: int = -1) -> Any:
    new = x * 1
    new.sort(axis)
    return new


def spd(a: Any) -> Any:
    return a @ a.T + np.eye(a.shape[0])


MATRICES = {
    "of a matrix": lambda x, a, b: [
        f(spd(a)) for f in (np.linalg.inv, np.linalg.det, np.linalg.cholesky, np.linalg.eigvalsh, np.linalg.svdvals)
    ],
    "solve": lambda x, a, b: [np.linalg.solve(spd(a), b), np.linalg.solve(spd(a), b[:, 0])],
    "svd": lambda x, a, b: [np.linalg.svd(x, compute_uv=False), np.abs(np.linalg.svd(a, False)[2])],
    "pairs": lambda x, a, b: [np.linalg.slogdet(spd(a)).logabsdet, np.linalg.eigh(spd(a))[0], np.divmod(x, 0.3)[1]],
    "pinv": lambda x, a, b: [np.linalg.pinv(a), np.linalg.pinv(a.T, 1e-10)],
    "qr": lambda x, a, b: [*np.linalg.qr(a), *np.linalg.qr(a.T), np.linalg.qr(x, "r"), *np.linalg.qr(x.mT, "complete")],
    "norms of matrices": lambda x, a, b: [
        np.linalg.norm(a, o) for o in (None, 1, -1, 2, -2, "nuc", "fro", np.inf, -np.inf)
    ] + [np.linalg.norm(x, 1, axis=(2, 0), keepdims=True), np.linalg.matrix_norm(x, ord=-np.inf)],
    "norms of vectors": lambda x, a, b: [np.linalg.norm(a, o, axis=1) for o in (None, 0, 1, 2, 3, 0.5, np.inf, -np.inf)]
    + [np.linalg.vector_norm(x, axis=(0, 1), ord=3), np.linalg.vector_norm(a, keepdims=True)],
}  # fmt: skip
TRANSFORMS = {
    "along one axis": lambda x, a, b: [
        *(np.fft.fft(a), np.fft.fft(x, 7, 1), np.fft.ifft(a, norm="ortho"), np.fft.ifft(a + 1j * b, axis=0)),
        *(np.fft.rfft(a), np.fft.rfft(a, 4, 0, "forward"), np.fft.irfft(a), np.fft.irfft(a, 5, norm="forward")),
    ],
    "along several axes": lambda x, a, b: [
        *(np.fft.fft2(x), np.fft.ifft2(x), np.fft.rfft2(x), np.fft.irfft2(x)),
        *(np.fft.fftn(x, axes=(0, 2)), np.fft.ifftn(a), np.fft.rfftn(x), np.fft.irfftn(x, (3, 2), (0, 1))),
    ],
    "shifts": lambda x, a, b: [np.fft.fftshift(x), np.fft.ifftshift(x, 1), np.fft.hfft(a), np.fft.ihfft(a)],
    "convolutions": lambda x, a, b: [
        f(*pair, mode)
        for f in (np.convolve, np.correlate)
        for pair in ((a[0], b[1][:3]), (a[1][:2], b[0]))
        for mode in ("full", "same", "valid")
    ],
    "parts": lambda x, a, b: [
        *(np.real(np.exp(1j * x)) * 2, np.imag(np.exp(1j * a)) * 2, np.angle(a + 1j * b), np.imag(a)),
    ],
    "views of parts": lambda x, a, b: [(a + 1j * b).view(float), np.exp(a[:, :4]).view(complex) * 2],
}  # fmt: skip
ACCUMULATIONS = {
    "sums": lambda x, a, b: [np.cumsum(x), np.cumsum(x, 1), x.cumsum(-1), np.cumulative_sum(a, axis=0)],
    "products": lambda x, a, b: [np.cumprod(x), np.cumprod(x, 1), x.cumprod(-1), np.cumulative_prod(a, axis=1)],
    "with the first": lambda x, a, b: np.cumulative_sum(x, axis=1, include_initial=True),
    "of ufuncs": lambda x, a, b: [
        f.accumulate(x, 1)
        for f in (np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.fmin, np.logaddexp, np.logaddexp2)
    ],
    "reductions of ufuncs": lambda x, a, b: [
        *(f.reduce(x, 1) for f in (np.fmax, np.fmin, np.logaddexp, np.logaddexp2)),
        *(f.reduce((9 * x).astype(int), 0) for f in (np.bitwise_and, np.bitwise_or, np.bitwise_xor)),
    ],
    "reductions of ufuncs without a rule": lambda x, a, b: [np.sum(x > 0, 1), np.prod(np.sign(x).astype(int), 0)],
}  # fmt: skip
OF_NUMBERS = {
    "reductions": lambda x, a, b: [
        f(with_nan(x), axis)
        for f in (np.nansum, np.nanprod, np.nanmax, np.nanmin, np.nanmean, np.nanvar, np.nanstd)
        for axis in (None, 0, 2)
    ],
    "accumulations": lambda x, a, b: [np.nancumsum(with_nan(x), 1), np.nancumprod(with_nan(x))],
    "where": lambda x, a, b: [
        *(np.sum(a, where=b > 0), np.sum(a, 1, where=b > 0, initial=2.0), np.prod(a, 0, where=b > 0)),
        *(np.max(a, 1, where=b > 0, initial=-9.0), np.any(a > 0, where=b > 0), np.all(a > 0, 1, where=b > 0)),
    ],
    "variances": lambda x, a, b: [np.var(a + 1j * b, 0), np.std(np.sign(x).astype(int), 1, ddof=1)],
}  # fmt: skip
SORTING = {
    "sort": lambda x, a, b: [np.sort(x), np.sort(x, 0), np.sort(x, None), np.sort(with_nan(a)), np.sort(x > 0)],
    "argsort": lambda x, a, b: [
        *(np.argsort(x, kind="stable"), np.argsort(np.round(x), 1, stable=True), np.round(a).argsort(kind="stable")),
    ],
    "sort in place": lambda x, a, b: [sorted_copy(x), sorted_copy(with_nan(a), 0)],
    "median": lambda x, a, b: [
        *(np.median(x), np.median(x, 1), np.median(a, 0, keepdims=True), np.median(with_nan(a), 1)),
    ],
    "quantiles": lambda x, a, b: [
        *(np.quantile(x, 0.3), np.quantile(x, [0.1, 0.5, 1.0], axis=1), np.percentile(a, 80, axis=0, keepdims=True)),
        *(np.quantile(with_nan(a), 0.25, axis=0), np.percentile(x, [[0, 33.0]], axis=-1)),
    ],
    "searchsorted": lambda x, a, b: [
        *(np.searchsorted(np.sort(a[0]), x), np.searchsorted(np.sort(with_nan(a[0])), with_nan(x), "right")),
        *(np.sort(a[0]).searchsorted(b), np.searchsorted([-1, 0, 1], a)),
    ],
    "interp": lambda x, a, b: [
        *(np.interp(x, np.sort(a[0]), b[0]), np.interp(a[1, 1], [-1.0, 1.0], b[0, :2], left=7, right=8)),
    ],
    "integers": lambda x, a, b: [(x * 3).astype(int), (x.T * 1e9).astype(np.int32), with_nan(x * 1e30).astype(int)],
}  # fmt: skip
DEFINED = {
    "products": lambda x, a, b: [
        *(np.kron(a[:2], b), np.cross(a[:, :3], b[:, :3]), np.inner(x, a), np.linalg.cross(a[0, :3], b[0, :3])),
    ],
    "statistics": lambda x, a, b: [np.average(x, axis=1), np.cov(a), np.trapezoid(a), np.ediff1d(a)],
    "pieces": lambda x, a, b: [
        *(*np.gradient(a), np.polyval(a[0], b), np.linalg.matrix_power(a[:, :4], 3), np.block([[a, b], [b, a]])),
    ],
    "correlations": lambda x, a, b: [np.corrcoef(a), np.sinc(np.round(x))],
    "broadcast sums": lambda x, a, b: [
        np.einsum(t, a[:1], b) for t in ("ij,ij->ij", "ij,ij->i", "ij,ij->j", "ij,kj->ik", "ij,ij->")
    ] + [np.einsum("ij,ij", a[:, :1], b), np.einsum("...i,...i->...", x[:, :1], b), np.einsum("ij,j", a > 0, b[0])],
    "evenly spaced": lambda x, a, b: [np.linspace(a[0], b, 5), np.linspace(a[0, 0], 3, 4, endpoint=False)],
    "lists": lambda x, a, b: [np.stack([a[0, 0], b[1, 1], 2.0]), np.concatenate([a[0], [a[0, 0] * 2, b[0, 1]]])],
}  # fmt: skip
