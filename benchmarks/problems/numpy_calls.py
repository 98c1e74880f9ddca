"""Typical calls of NumPy's differentiable functions, which `benchmarks.problems.coverage` counts.

One call in a line, grouped as in NumPy's manual: each function about once, with more calls where parameters change its
meaning. `ARRAYS` are the values of the names in the calls; the gradients are with respect to all of them. The calls are
smooth there, and where a result is determined up to a sign or a phase, the call removes it.
"""

import re
from typing import Any

import numpy as np

__all__ = ["ARRAYS", "CALLS"]

_random = np.random.default_rng(7)


def _spread(*shape: int) -> Any:
    """Numbers of both signs, away from 0 and from each other, in random order."""
    size = int(np.prod(shape))
    values = (0.25 + 0.11 * np.arange(size)) * np.where(np.arange(size) % 2, -1, 1)
    return _random.permutation(values).reshape(shape)


ARRAYS: dict[str, Any] = {
    "v": _spread(5),
    "w": _spread(5) + 0.03,
    "u": _spread(3) + 0.02,
    "s": np.array(0.7),
    "r": np.array(1.6),
    "x": _spread(3, 4),
    "y": _spread(3, 4) + 0.05,
    "n": _spread(4, 3) + 0.01,
    "p": _random.uniform(0.5, 2.0, (3, 4)),  # positive
    "q": _random.uniform(0.1, 0.9, (3, 4)),  # within (0, 1)
    "k": _random.uniform(0.5, 2.0, 5),
    "t": _spread(2, 3, 4) / 2,
    "a": _random.standard_normal((3, 3)) + 3 * np.eye(3),
    "b": _random.standard_normal((3, 3)) + 2 * np.eye(3),
    "h": _random.standard_normal((2, 3, 3)) + 3 * np.eye(3),
}

_ELEMENTWISE = """
np.absolute(x)
np.add(x, u[:, None])
np.arccos(q)
np.arccosh(p + 1)
np.arcsin(q)
np.arcsinh(x)
np.arctan(x)
np.arctan2(x, y)
np.arctanh(q)
np.cbrt(p)
np.conjugate(x)
np.copysign(x, y)
np.cos(x)
np.cosh(x)
np.deg2rad(x)
np.degrees(x)
np.divide(x, p)
np.divmod(x, 0.9)[1]
np.exp(x)
np.exp2(x)
np.expm1(x)
np.fabs(x)
np.float_power(p, x)
np.fmax(x, y)
np.fmin(x, y)
np.fmod(x, 0.9)
np.frexp(p)[0]
np.heaviside(x, s) * y
np.hypot(x, y)
np.i0(x)
np.ldexp(x, 2)
np.log(p)
np.log10(p)
np.log1p(q)
np.log2(p)
np.logaddexp(x, y)
np.logaddexp2(x, y)
np.maximum(x, 0.1)
np.minimum(x, y)
np.modf(x)[0]
np.multiply(x, s)
np.nan_to_num(x)
np.negative(x)
np.positive(x)
np.power(p, x)
np.power(x, 3)
np.rad2deg(x)
np.radians(x)
np.reciprocal(x)
np.remainder(x, 0.9)
np.sign(x) * y
np.sin(x)
np.sinc(x)
np.sinh(x)
np.sqrt(p)
np.square(x)
np.subtract(x, y)
np.tan(q)
np.tanh(x)
np.clip(x, -0.5, 0.6)
np.clip(x, s - 1.45, r)
np.where(x > 0, x, y)
np.where(x > 0, np.sqrt(np.where(x > 0, x, 1)), s)
np.select([x > 0.5, x > -0.5], [x * y, y], 0)
np.choose(np.array([0, 1, 1, 0]), [x[0], y[0]])
np.piecewise(v, [v < 0, v >= 0], [lambda z: z * z, lambda z: 3 * z])
np.angle(x + 1j * y)
np.real(x * (1 + 2j))
np.imag(x * (1 + 2j))
np.abs(x + 1j * y)
np.exp(1j * x)
np.unwrap(4 * v)
"""

_REDUCTIONS = """
np.sum(x)
np.sum(t, axis=(0, -1), keepdims=True)
np.sum(x, axis=1, where=np.arange(4) > 1)
np.mean(x, axis=0)
np.mean(t, axis=(0, 2))
np.mean(x, where=np.arange(4) > 1)
np.prod(x, axis=1)
np.max(x, axis=0)
np.max(t, axis=(0, 2), initial=0.1)
np.min(x, axis=-1)
np.ptp(x, axis=0)
np.var(x, axis=0, ddof=1)
np.var(t, axis=(0, 1))
np.std(x, axis=1)
np.std(x, ddof=1, where=np.arange(4) > 1)
np.median(x, axis=1)
np.median(t, axis=(0, 2))
np.quantile(x, 0.3, axis=0)
np.quantile(x, np.array([0.2, 0.7]))
np.percentile(x, 35, axis=1)
np.average(x, axis=0, weights=u)
np.average(x, weights=p)
np.nansum(np.where(x > 1, np.nan, x), axis=0)
np.nanmean(np.where(x > 1, np.nan, x), axis=0)
np.nanprod(np.where(x > 1, np.nan, x), axis=1)
np.nanmax(np.where(x > 1, np.nan, x), axis=0)
np.nanmin(np.where(x > 1, np.nan, x), axis=0)
np.nanvar(np.where(x > 1, np.nan, x), axis=1)
np.nanstd(np.where(x > 1, np.nan, x))
np.nanmedian(np.where(x > 1, np.nan, x))
np.nanquantile(np.where(x > 1, np.nan, x), 0.4)
np.nanpercentile(np.where(x > 1, np.nan, x), 40)
np.nancumsum(np.where(x > 1, np.nan, x), axis=1)
np.nancumprod(np.where(x > 1, np.nan, x), axis=1)
np.cumsum(x, axis=1)
np.cumprod(x, axis=0)
np.cumulative_sum(v, include_initial=True)
np.cumulative_prod(v)
np.diff(x, n=2, axis=1)
np.diff(v, prepend=s)
np.ediff1d(v, to_end=u)
np.gradient(x, 0.5, axis=1)
np.gradient(v, np.cumsum(k))
np.trapezoid(x, axis=0)
np.trapezoid(v, np.cumsum(k))
np.cov(x)
np.cov(x, y, rowvar=False)
np.corrcoef(x)
np.corrcoef(v, w)
np.histogram(np.arange(5.0), np.array([0.0, 2.0, 5.0]), weights=v)[0]
np.bincount(np.array([0, 2, 1, 1, 0]), v)
np.interp(q, np.arange(5.0) / 4, v)
np.interp(np.array([0.3, 0.8]), np.cumsum(k) / 9, v)
np.convolve(v, u)
np.convolve(v, u, "same")
np.correlate(v, u)
np.correlate(v, u, "full")
"""

_SHAPES = """
np.reshape(x, (2, 6))
np.reshape(x, (2, 6), order="F")
np.ravel(x)
np.transpose(t, (2, 0, 1))
np.permute_dims(t, (1, 2, 0))
np.matrix_transpose(t)
np.swapaxes(t, 0, 2)
np.moveaxis(t, [0, 1], [-1, 0])
np.rollaxis(t, 2)
np.expand_dims(x, (0, 2))
np.squeeze(x[None])
np.broadcast_to(u, (2, 3))
np.broadcast_arrays(v, s)
np.atleast_1d(s)
np.atleast_2d(v)
np.atleast_3d(x)
np.concatenate([x, y], axis=1)
np.concatenate([x, v], axis=None)
np.stack([v, w], axis=1)
np.vstack([x, y])
np.hstack([v, w])
np.dstack([x, y])
np.column_stack([v, w])
np.block([[a, b], [b, a]])
np.append(x, y, axis=0)
np.insert(v, 2, s)
np.insert(x, np.array([0, 2]), u[:2], axis=1)
np.delete(x, np.array([0, 2]), axis=1)
np.split(v, [2, 3])
np.array_split(v, 3)
np.hsplit(x, 2)
np.vsplit(n, 2)
np.dsplit(t, 2)
np.unstack(x)
np.tile(x, (2, 1))
np.repeat(x, 2, axis=0)
np.repeat(v, np.array([1, 0, 2, 1, 1]))
np.resize(v, (2, 4))
np.flip(x, 0)
np.fliplr(x)
np.flipud(x)
np.roll(x, (1, 2), axis=(0, 1))
np.rot90(x)
np.tril(x)
np.triu(t, 1)
np.diag(v)
np.diag(x, 1)
np.diagflat(v)
np.diagonal(t, 0, 1, 2)
np.trace(x)
np.trace(t, axis1=1, axis2=2)
np.meshgrid(v, u)
np.pad(x, ((1, 2), (0, 1)))
np.pad(x, 1, mode="edge")
np.pad(x, 2, mode="reflect")
np.pad(x, 2, mode="symmetric")
np.pad(x, 3, mode="wrap")
np.pad(x, 1, mode="mean")
np.pad(x, 1, mode="maximum")
np.pad(v, 3, mode="linear_ramp")
np.sort(x, axis=0)
np.sort(x, axis=None)
np.partition(v, 2)[2]
np.take(x, np.array([0, 2, 2]), axis=1)
np.take_along_axis(x, np.argsort(p, axis=1), axis=1)
np.compress(np.array([True, False, True]), x, axis=0)
np.extract(np.arange(5) > 1, v)
np.unique(v)
np.trim_zeros(v)
x[1:, ::2]
x[[0, 2, 2], [1, 1, 3]]
x[np.array([True, False, True])]
t[..., None, 1]
np.full_like(x, s)
np.copy(x)
np.astype(x, np.complex128)
np.linspace(s, r, 5)
np.logspace(s, r, 5)
np.geomspace(s, r, 5)
np.vander(v, 3)
np.apply_along_axis(lambda row: row * row, 1, x)
np.apply_over_axes(np.sum, t, [0, 2])
"""

_PRODUCTS = """
np.dot(x, n)
np.dot(t, n)
np.vdot(x, y)
np.inner(x, y)
np.outer(v, w)
np.matmul(x, n)
np.matmul(h, u)
np.matvec(h, u)
np.vecmat(u, h)
np.vecdot(x, y)
np.tensordot(t, x, axes=([1, 2], [0, 1]))
np.tensordot(x, n, 1)
np.einsum("ij,jk->ik", x, n)
np.einsum("bij,bjk,k->i", h, h, u)
np.einsum("ii->i", a)
np.einsum("...i,...i", x, y)
np.kron(x, a)
np.cross(a, b)
np.cross(x, y, axis=0)
np.polyval(v, x)
np.polyadd(v, u)
np.polysub(v, u)
np.polymul(v, u)
np.polydiv(v, u)[0]
np.polyder(v)
np.polyint(v)
np.poly(u)
np.polyfit(np.arange(5.0), v, 2)
np.roots(np.array([1.0, -6.0, 11.0, -6.0]) + 0.01 * x[0])
"""

_LINALG = """
np.linalg.solve(a, u)
np.linalg.solve(h, x)
np.linalg.inv(a)
np.linalg.inv(h)
np.linalg.pinv(x)
np.linalg.det(a)
np.linalg.det(h)
np.linalg.slogdet(a)[1]
np.linalg.cholesky(a @ a.T)
np.linalg.cholesky(h @ np.swapaxes(h, 1, 2))
np.linalg.qr(n)
np.linalg.qr(h)[1]
np.linalg.svd(x, compute_uv=False)
np.linalg.svdvals(x)
np.abs(np.linalg.svd(x, full_matrices=False)[0])
np.abs(np.linalg.svd(x)[0])
np.linalg.eigh(a + a.T)[0]
np.abs(np.linalg.eigh(h + np.swapaxes(h, 1, 2))[1])
np.linalg.eigvalsh(a + a.T)
np.linalg.eigvals(np.diag(np.array([1.0, 5.0, 9.0])) + 0.1 * a)
np.abs(np.linalg.eig(np.diag(np.array([1.0, 5.0, 9.0])) + 0.1 * a)[1])
np.linalg.norm(x)
np.linalg.norm(v, 1)
np.linalg.norm(v, 3)
np.linalg.norm(v, np.inf)
np.linalg.norm(x, axis=1)
np.linalg.norm(x, "nuc")
np.linalg.norm(x, 2)
np.linalg.norm(x, 1)
np.linalg.norm(t, axis=(0, 2))
np.linalg.vector_norm(t, axis=1)
np.linalg.matrix_norm(t)
np.linalg.matrix_power(a, 3)
np.linalg.matrix_power(a, -2)
np.linalg.lstsq(n, v[:4])[0]
np.linalg.tensorsolve(a, u)
np.linalg.tensorinv(a, ind=1)
np.linalg.cond(a)
np.linalg.multi_dot([x, n, a])
np.linalg.outer(v, w)
np.linalg.cross(a, b)
np.linalg.diagonal(t)
np.linalg.trace(h)
np.linalg.vecdot(x, y)
"""

_FFT = """
np.fft.fft(v)
np.fft.fft(x, 6, axis=0, norm="ortho")
np.fft.ifft(x)
np.fft.fft2(x)
np.fft.ifft2(t)
np.fft.fftn(t, axes=(0, 2))
np.fft.ifftn(t)
np.fft.rfft(v)
np.fft.rfft(x, axis=0)
np.fft.irfft(v)
np.fft.irfft(v, 7, norm="forward")
np.fft.rfft2(x)
np.fft.irfft2(x)
np.fft.rfftn(t)
np.fft.irfftn(t)
np.fft.hfft(v)
np.fft.ihfft(v)
np.fft.fftshift(x)
np.fft.ifftshift(x, axes=1)
"""


def is_known(line: str) -> bool:
    """Whether the installed NumPy has the functions of a call."""
    return all(hasattr(np, name) for name in re.findall(r"\bnp\.(\w+)", line))


CALLS: list[str] = [
    line.strip()
    for group in (_ELEMENTWISE, _REDUCTIONS, _SHAPES, _PRODUCTS, _LINALG, _FFT)
    for line in group.splitlines()
    if line.strip() and is_known(line)
]
