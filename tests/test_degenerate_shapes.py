"""0-d arrays, one element, and no elements: every function with an axis or an index does with them what NumPy does."""

import unittest
import warnings
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.test_derivatives import parts
from wengert import Variable, check_grad

SHAPES: tuple[tuple[int, ...], ...] = ((), (1,), (0,), (1, 1), (0, 3), (3, 0))
AXES = ("None", "0", "-1", "1")
SEVERAL = ("(0,)", "()", "(0, 1)")
INDICES = ("0", "[0]", "[0, 0]", "[]", "[[0], [0]]", "np.array(0)", "np.zeros(0, int)", "-1")

# {axis} runs over AXES and SEVERAL
REDUCTIONS = """
sum nansum mean nanmean max nanmax min nanmin prod nanprod median nanmedian var std nanvar nanstd average ptp
"""
OVER_AXES = """
np.max(a, axis={axis}, initial=0.4); np.min(a, axis={axis}, initial=0.4, where=a > 0.7)
np.prod(a, axis={axis}, initial=0.4); np.sum(a, axis={axis}, initial=0.4, keepdims=True)
np.quantile(a, 0.3, axis={axis}); np.nanquantile(a, [0.3, 0.5], axis={axis}, keepdims=True)
np.average(a, axis={axis}, weights=np.ones(np.shape(a))); np.linalg.norm(a, axis={axis})
np.linalg.vector_norm(a, axis={axis}, ord=1); np.linalg.vector_norm(a, axis={axis}, ord=3)
np.expand_dims(a, {axis}); np.squeeze(a, {axis}); np.flip(a, {axis}); np.roll(a, 1, {axis}); np.roll(a, (1, 2), {axis})
np.fft.fftn(a, axes={axis}); np.fft.rfftn(a, axes={axis}); np.fft.fftshift(a, axes={axis})
np.trim_zeros(a, axis={axis}); np.gradient(a, axis={axis}); np.apply_over_axes(np.sum, a, {axis})
np.transpose(a, {axis}); np.tensordot(a, a, {axis}); np.linalg.tensorsolve(a, a, axes={axis})
"""
# {axis} runs over AXES
ALONG_AXIS = """
np.cumsum(a, axis={axis}); np.cumprod(a, axis={axis}); np.nancumsum(a, axis={axis}); np.nancumprod(a, axis={axis})
np.cumulative_sum(a, axis={axis}, include_initial=True); np.cumulative_prod(a, axis={axis}); np.sort(a, axis={axis})
np.unique(a, axis={axis}); np.unstack(a, axis={axis}); np.trapezoid(a, axis={axis}); np.unwrap(a, axis={axis})
np.diff(a, axis={axis}); np.diff(a, 0, axis={axis}); np.diff(a, 0, axis={axis}, prepend=a); np.diff(a, 3, axis={axis})
np.diff(a, 2, {axis}, append=a); np.partition(a, 0, axis={axis}); np.take_along_axis(a, np.zeros_like(a, int), {axis})
np.compress([True], a, axis={axis}); np.compress([False], a, axis={axis}); np.compress([], a, axis={axis})
np.delete(a, slice(None), axis={axis}); np.insert(a, slice(0, 1), 1.5, axis={axis})
np.repeat(a, 2, axis={axis}); np.repeat(a, 0, axis={axis}); np.repeat(a, [2], axis={axis})
np.repeat(a, [], axis={axis}); np.repeat(a, np.array(3), axis={axis})
np.repeat(a, [0], axis={axis}); np.repeat(a, [1, 2, 0], axis={axis})
np.concatenate([a, a], axis={axis}); np.stack([a, a], axis={axis}); np.append(a, a, axis={axis})
np.append(a, [], axis={axis}); np.array_split(a, 2, axis={axis}); np.split(a, [1], axis={axis})
np.swapaxes(a, {axis}, 0); np.moveaxis(a, {axis}, 0); np.rollaxis(a, {axis})
np.fft.fft(a, axis={axis}); np.fft.irfft(a, 3, axis={axis}); np.fft.hfft(a, axis={axis})
np.apply_along_axis(np.sum, {axis}, a); np.apply_along_axis(np.cumsum, {axis}, a)
np.trace(a, axis1={axis}, axis2=0); np.diagonal(a, axis1={axis}, axis2=0); np.linalg.vecdot(a, a, axis={axis})
sliding_window_view(a, 1, axis={axis}); sliding_window_view(a, 2, axis={axis})
np.linspace(a, 2.0, 3, axis={axis}); np.linspace(a, 2.0, 0, axis={axis}); np.geomspace(a, 2.0, 3, axis={axis})
np.gradient(a, 0.5, axis={axis}, edge_order=2); np.rot90(a, 1, ({axis}, 0)); np.tensordot(a, a, ({axis}, {axis}))
"""
AT_INDICES = """
np.take(a, {index}, axis={axis}); np.take(a, {index}, axis={axis}, mode="clip")
np.take(a, {index}, axis={axis}, mode="wrap"); np.delete(a, {index}, axis={axis})
np.insert(a, {index}, 2.0, axis={axis}); np.insert(a, {index}, a, axis={axis})
"""
OTHERS = """
a[()]; a[...]; a[None]; a[..., None]; a[True]; a[False]; a[np.array(True)]; a[0]; a[-1]; a[[0]]; a[[]]; a[:0]; a[:, 0]
a[a > 0]; a[a > 9]; a[np.array(0)]; a[0, 0]; a[[0], [0]]; a[None, True]; a[np.zeros((1, 1), int)]; a[..., 0]
np.extract(True, a); np.extract(a > 0, a); np.where(True, a, 0); np.where(a > 0, a, []); np.choose(0, [a, a])
np.choose([0], [a, a]); np.choose(0, a); np.select([a > 0], [a]); np.select([True], [a]); np.hsplit(a, 1)
np.vsplit(a, 1); np.vstack([a, a]); np.hstack([a, a]); np.dstack([a, a]); np.column_stack([a, a]); np.vstack(a)
np.concatenate(a); np.block(a); np.block([a, a]); np.block([[a], [a]]); np.dot(a, a); np.dot(a, 2.0); np.vdot(a, a)
np.inner(a, a); np.outer(a, a); np.kron(a, a); a @ a; np.linalg.outer(a, a); a.mT; a.T; np.linalg.trace(a)
np.linalg.diagonal(a); np.linalg.multi_dot([a, a]); np.linalg.multi_dot([a, a, a]); np.clip(a, 0, 1)
np.reshape(a, -1); np.reshape(a, (1, -1)); np.reshape(a, ()); np.ravel(a, "F"); np.ravel(a, "K")
np.broadcast_to(a, (2, 3)); np.broadcast_to(a, (0, 3)); np.broadcast_arrays(a, np.ones(3)); np.meshgrid(a, a)
np.atleast_1d(a); np.atleast_2d(a); np.atleast_3d(a); np.piecewise(a, [a > 0], [lambda v: v * v]); np.convolve(a, a)
np.correlate(a, a, "full"); np.bincount([0] * np.size(a), a); np.ediff1d(a); np.ediff1d(a, a, a); np.diag(a)
np.diagflat(a); np.diag(a, -2); np.tril(a); np.triu(a, 1); np.einsum("...->...", a); np.einsum("ii", a)
np.einsum(",", a, a); np.einsum("i,i", a, a); np.interp(a, [0, 1, 2], [1, 3, 2]); np.interp(0.5, a, a)
np.linalg.inv(a); np.linalg.solve(a, a); np.linalg.det(a); np.linalg.pinv(a); np.linalg.svd(a, False)
np.linalg.eigvalsh(a); np.linalg.qr(a); np.linalg.cholesky(a); np.linalg.matrix_power(a, 2); np.linalg.norm(a, 1)
np.linalg.norm(a, np.inf); np.pad(a, 1); np.pad(a, 1, "edge"); np.pad(a, 1, "mean"); np.pad(a, 0)
np.polyval([1.0, 2.0], a); np.polyadd(a, a); np.polymul(a, a); np.vander(a); np.vander(a, 0); np.poly(a); np.roots(a)
np.fliplr(a); np.tile(a, 2); np.tile(a, ()); np.tile(a, (2, 0)); np.resize(a, (2, 2)); np.resize(a, ())
np.unique_values(a); np.sinc(a); np.nan_to_num(a); np.modf(a); np.add.outer(a, a); np.add.reduce(a)
np.histogram(a, [0.0, 1, 2], weights=a); np.histogram(np.ones(np.shape(a)), [0.0, 1, 2], weights=a)
np.partition(a, [0, 0]); a.sum(); a.mean(); a.flatten(); a.repeat(2); a.take([0]); a.compress([True]); a.squeeze()
a.cumsum(); a.choose([1.0, 2.0]); a.diagonal(); np.quantile(a, 0.5, method="inverted_cdf", weights=np.ones(np.shape(a)))
"""
# Where NumPy (the norms: before 2.3) raises, and a Variable need not.
LENIENT = ("np.average(", "np.compress(True", "np.linalg.norm(")


def expressions(text: str) -> list[str]:
    return [call.strip() for call in text.replace("\n", ";").split(";") if call.strip()]


def all_calls() -> list[str]:
    calls = expressions(OTHERS)
    for axis in AXES + SEVERAL:
        calls += [f"np.{name}(a, axis={axis})" for name in REDUCTIONS.split()]
        calls += [f"np.{name}(a, axis={axis}, keepdims=True)" for name in REDUCTIONS.split()]
        calls += [call.format(axis=axis) for call in expressions(OVER_AXES)]
    for axis in AXES:
        calls += [call.format(axis=axis) for call in expressions(ALONG_AXIS)]
        calls += [call.format(axis=axis, index=index) for call in expressions(AT_INDICES) for index in INDICES]
    return calls


class DegenerateShapesTest(unittest.TestCase):
    def check(self, call: Any, a: np.ndarray, is_lenient: bool) -> bool:
        try:
            expected = parts(call(a.copy()))
        except Exception as error:  # noqa: BLE001 (whatever NumPy raises)
            if not is_lenient:
                with self.assertRaises(Exception, msg=f"NumPy raises {error!r}"):  # noqa: B017
                    call(Variable(a))
            return False
        x = Variable(a)
        found = parts(call(x))
        for y, e in zip(found, expected, strict=True):
            data = y.data if isinstance(y, Variable) else y
            self.assertEqual((np.shape(data), np.asarray(data).dtype), (np.shape(e), np.asarray(e).dtype))
            np.testing.assert_allclose(data, e, rtol=1e-9, atol=1e-12)
        smooth = [i for i, y in enumerate(found) if isinstance(y, Variable) and y.dtype.kind in "fc"]
        if all(np.all(np.isfinite(expected[i])) for i in smooth):
            check_grad(lambda a: tuple(parts(call(a))[i] for i in smooth), a, order=2, rtol=1e-5)
            return True
        for i in smooth:  # NumPy has a NaN there, as a mean of nothing
            np.sum(np.abs(found[i])).backward()
            self.assertEqual(np.shape(x.grad), a.shape)
        return True

    def test_values_are_numpys_and_gradients_right_to_second_order(self) -> None:
        names, tried = {"np": np, "sliding_window_view": sliding_window_view}, 0
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # NumPy's own, of means of nothing
            for text in all_calls():
                code = compile(text, text, "eval")
                for shape in SHAPES:
                    a = np.asarray(np.random.default_rng([len(shape), *shape]).uniform(0.5, 1.5, shape))
                    with self.subTest(text, shape=shape):
                        tried += self.check(
                            lambda a, code=code: eval(code, {**names, "a": a}), a, text.startswith(LENIENT)
                        )
        self.assertGreater(tried, 2500)


if __name__ == "__main__":
    unittest.main()
