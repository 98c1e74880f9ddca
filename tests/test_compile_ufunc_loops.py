"""Ufuncs and linear algebra by their own inner loops: they agree with NumPy, and call no Python."""

import os
import subprocess
import sys
import tempfile
import unittest
import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

try:
    import llvmlite.binding  # noqa: F401
    import scipy.special as special
except ImportError:
    raise unittest.SkipTest("llvmlite and SciPy are not installed") from None

import wengert
from wengert.compiler.kernels import loop_address
from wengert.compiler.kernels.loop_address import address_of_loop

RANDOM = np.random.default_rng(0)
F8 = np.dtype(float)
TOLERANCE = {"e": 2e-3, "f": 1e-5, "F": 1e-5, "d": 1e-12, "D": 1e-12}


def positive(*shape: int, dtype: Any = float) -> Any:
    """Positive definite matrices."""
    a = RANDOM.normal(size=shape).astype(dtype)
    if a.dtype.kind == "c":
        a += (1j * RANDOM.normal(size=shape)).astype(dtype)
    return a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(shape[-1], dtype=dtype)


class LoopCase(unittest.TestCase):
    def agrees(self, f: Callable[..., Any], *args: Any, calls: tuple[str, ...] = (), **settings: Any) -> Any:
        """Compare a compiled function with the eager one, and its calls of Python with those that are expected."""
        compiled = wengert.compile(f, **settings)
        with warnings.catch_warnings():
            warnings.simplefilter("error", wengert.CompileWarning)
            wanted = f(*args)
            for _ in range(4):
                found = compiled(*args)
        self.same(found, wanted)
        self.assertEqual(compiled.plan.python_calls, calls, str(compiled.plan))
        return compiled

    def same(self, found: Any, wanted: Any) -> None:
        if isinstance(wanted, tuple):
            self.assertEqual(len(found), len(wanted))
            for x, y in zip(found, wanted, strict=True):
                self.same(x, y)
            return
        found, wanted = np.asarray(found), np.asarray(wanted)
        self.assertEqual((found.shape, found.dtype), (wanted.shape, wanted.dtype))
        limit = TOLERANCE.get(wanted.dtype.char, 0)
        np.testing.assert_allclose(found, wanted, rtol=limit, atol=limit)


class UfuncsTest(LoopCase):
    def test_special_functions(self) -> None:
        for dtype in (np.float64, np.float32):
            x = (RANDOM.random((3, 4)) + 0.5).astype(dtype)
            for name in ("gamma", "gammaln", "erf", "digamma", "j0", "loggamma", "zeta", "log_ndtr", "erfinv"):
                ufunc = getattr(special, name)
                with self.subTest(name, dtype=dtype):
                    self.agrees(lambda x, u=ufunc: u(x) * 2, x)
                    self.agrees(lambda x, u=ufunc: u(x.T[::-1, 1:]), x)  # by strides, also negative ones
                    self.agrees(lambda x, u=ufunc: u(x[0, 0]), x)

    def test_operands_are_broadcast(self) -> None:
        x = RANDOM.random((3, 4, 2)) + 0.5
        self.agrees(lambda x: special.jv(x, x[0, 1]), x)
        self.agrees(lambda x: special.jv(1.5, x), x)
        self.agrees(lambda x: special.beta(x[:, None], x[None, :, :1]), x)
        self.agrees(lambda x: special.betainc(x, 2.0, x[:, :, ::-1] / 3), x)
        self.agrees(lambda x: special.beta(x.astype(np.float32), x), x)
        self.agrees(lambda x: special.gammainc(x[..., 0].T[:, :, None], x[..., 1].T[:, None]), x)

    def test_integers_and_booleans(self) -> None:
        i = np.arange(12).reshape(3, 4)
        self.agrees(lambda i: np.gcd(i, 6), i)
        self.agrees(lambda i: np.bitwise_count(i), i)
        self.agrees(lambda i: i**3 // 5, i.astype(np.int16))
        self.agrees(lambda i: np.ldexp(i + 0.5, 2), i)

    def test_no_elements(self) -> None:
        self.agrees(lambda x: np.sum(special.gamma(x)), np.zeros((0, 3)))
        self.agrees(lambda x: special.gamma(x) + 1, np.full((2, 1), 3.5))

    def test_several_results(self) -> None:
        x = RANDOM.random((3, 4)) + 0.5
        self.agrees(lambda x: tuple(special.airy(x)), x)
        self.agrees(lambda x: tuple(special.ellipj(x.T, 0.3)), x)
        self.agrees(lambda x: tuple(np.divmod(x, 0.3)), x)
        self.agrees(lambda x: np.modf(x)[1], x)
        self.agrees(lambda i: tuple(np.divmod(i, 5)), np.arange(7))

    def test_several_threads(self) -> None:
        x = RANDOM.random((30, 1000)) + 0.5
        with mock.patch.object(special, "not_there", 0, create=True):
            compiled = self.agrees(lambda x: special.gamma(x) + special.gamma(x.T)[0, 1], x)
        self.assertRegex(str(compiled.plan), "loop of gamma")

    def test_gradients(self) -> None:
        x = RANDOM.random(5) + 0.5
        self.agrees(wengert.grad(lambda x: np.sum(special.gammaln(x) * special.j0(x))), x)
        self.agrees(wengert.grad(lambda x: np.sum(wengert.grad(lambda y: np.sum(special.erfcx(y)))(x) ** 2)), x)

    def test_dtypes_without_a_loop_are_left_to_numpy(self) -> None:
        self.agrees(lambda x: np.frexp(x)[1], np.arange(3.0), calls=("frexp",))

    def test_generalized_ufuncs(self) -> None:
        x = RANDOM.random((3, 4))
        self.agrees(lambda x: np.vecdot(x, x[0]), x)
        self.agrees(lambda x: np.vecdot(x.astype(int), x.astype(int)) if x.dtype.kind == "i" else x, np.arange(4))


class LinearAlgebraTest(LoopCase):
    def test_matrices_and_batches(self) -> None:
        functions: dict[str, Callable[[Any], Any]] = {
            "inv": np.linalg.inv,
            "det": np.linalg.det,
            "cholesky": np.linalg.cholesky,
            "upper": lambda a: np.linalg.cholesky(a, upper=True),
            "eigvalsh": lambda a: np.linalg.eigvalsh(a, "U"),
            "eigh": lambda a: (lambda w, v: (w, np.abs(v)))(*np.linalg.eigh(a)),
            "slogdet": lambda a: tuple(np.linalg.slogdet(a)),
            "svdvals": lambda a: np.linalg.svdvals(a[..., :2]),
            "svd": lambda a: np.linalg.svd(a, compute_uv=False),
            "thin": lambda a: (lambda u, s, vh: (u * s[..., None, :]) @ vh)(*np.linalg.svd(a[..., :2], False)),
            "full": lambda a: np.abs(np.linalg.svd(a[..., :2, :])[2][..., :2, :]),
            "transposed": lambda a: np.linalg.inv(np.swapaxes(a, -1, -2)),
        }
        for dtype in (np.float64, np.float32):
            for shape in ((3, 3), (2, 3, 3), (2, 1, 4, 4), (1, 1)):
                a = positive(*shape, dtype=dtype)
                for name, f in functions.items():
                    with self.subTest(name, dtype=dtype, shape=shape):
                        self.agrees(f, a)

    def test_solve(self) -> None:
        for dtype in (np.float64, np.float32):
            a, b = positive(2, 3, 3, dtype=dtype), RANDOM.normal(size=(2, 3, 4)).astype(dtype)
            self.agrees(np.linalg.solve, a[0], b[0])
            self.agrees(np.linalg.solve, a, b[0, :, 1])
            self.agrees(np.linalg.solve, a, b)
            self.agrees(np.linalg.solve, a[:, None], b[0])
            self.agrees(lambda a, b: np.linalg.solve(a.mT, b[..., ::-1]), a, b)

    def test_integers_and_no_elements(self) -> None:
        self.agrees(np.linalg.inv, np.array([[2, 1], [1, 3]]))
        self.agrees(np.linalg.det, np.array([[True, False], [True, True]]))
        self.agrees(np.linalg.inv, np.zeros((0, 3, 3)))
        self.agrees(np.linalg.det, np.zeros((2, 0, 0)))

    def test_gradients(self) -> None:
        a, b = positive(3, 3), RANDOM.normal(size=3)
        for f in (
            lambda a: np.sum(np.linalg.inv(a) ** 2),
            lambda a: b @ np.linalg.solve(a, b) + np.linalg.slogdet(a)[1],
            lambda a: np.log(np.linalg.det(a)),
            lambda a: np.sum(np.linalg.cholesky(a) ** 3),
        ):
            self.agrees(wengert.grad(f), a)
            self.agrees(wengert.grad(lambda a, f=f: np.sum(wengert.grad(f)(a) ** 2)), a)

    def test_a_singular_matrix_raises_as_in_numpy(self) -> None:
        for f in (
            np.linalg.inv,
            lambda a: np.linalg.solve(a, a[0]),
            np.linalg.cholesky,
        ):
            compiled = wengert.compile(f)
            good, bad = np.stack([positive(2, 2)] * 3), np.stack([positive(2, 2)] * 3)
            bad[1] = 1
            for _ in range(4):
                compiled(good)
            for _ in range(3):
                with self.assertRaises(np.linalg.LinAlgError) as found:
                    compiled(bad)
                with self.assertRaises(np.linalg.LinAlgError) as wanted:
                    f(bad)
                self.assertEqual(str(found.exception), str(wanted.exception))
            self.same(compiled(good), f(good))
            self.assertIsNone(compiled.given_up)
            self.assertEqual(len(compiled.plans), 1)

    def test_nothing_is_assigned_before_an_error(self) -> None:
        state, log = np.zeros(2), np.zeros(())

        def f(a: Any) -> Any:
            log[...] = log + 1
            state[...] = np.linalg.solve(a, state + 1)
            return np.sum(state)

        compiled = wengert.compile(f)
        for _ in range(4):
            compiled(positive(2, 2))
        before = state.copy()
        with self.assertRaises(np.linalg.LinAlgError):
            compiled(np.ones((2, 2)))
        np.testing.assert_array_equal(state, before)
        self.assertEqual(log, 5)  # as in the eager call, which has counted before it raised

    def test_what_numpy_computes_without_an_error_stays_in_the_plan(self) -> None:
        compiled = self.agrees(lambda a: (np.linalg.det(a), np.linalg.slogdet(a)[1]), np.ones((2, 2)))
        nan = np.full((2, 2), np.nan)
        inverse = self.agrees(np.linalg.inv, positive(2, 2))
        np.testing.assert_array_equal(inverse(nan), np.linalg.inv(nan))
        self.assertEqual((len(compiled.plans), len(inverse.plans)), (1, 1))

    def test_a_kalman_filter(self) -> None:
        zs = RANDOM.normal(size=(3, 2))
        transition, observed = np.eye(4) + np.diag([0.1, 0.1], 2), np.eye(2, 4)

        def loss(q: Any) -> Any:
            x, p, total = np.zeros(4), np.eye(4), 0.0
            for z in zs:
                x, p = transition @ x, transition @ p @ transition.T + q * np.eye(4)
                s = observed @ p @ observed.T + np.eye(2) / 2
                y = z - observed @ x
                gain = p @ observed.T @ np.linalg.inv(s)
                x, p = x + gain @ y, p - gain @ observed @ p
                total = total + y @ np.linalg.solve(s, y) + np.log(np.linalg.det(s))
            return total

        self.agrees(wengert.value_and_grad(loss), np.float64(0.3))


class OtherDtypesTest(LoopCase):
    """Complex numbers, half precision, and integers in products."""

    def values(self, dtype: str) -> tuple[Any, Any]:
        y = RANDOM.normal(size=(3, 4, 2)) * 3
        y = (y + 1j * RANDOM.normal(size=y.shape) if dtype in "FD" else y).astype(dtype)
        return y, y[:, :, 0] * 1

    def test_arithmetic_and_moves(self) -> None:
        for dtype in "FDeif":
            with self.subTest(dtype):
                y, w = self.values(dtype)
                self.agrees(lambda y: (y + y * 2 - y[::-1] * y[0]) * 3, y)
                self.agrees(lambda y, w: np.where(np.abs(y[..., 1]) > 0.5, w, 0), y, w)
                self.agrees(lambda y, w: (np.stack([w, y[..., 1]]), np.concatenate([w, w[:1]]), np.pad(w, 1)), y, w)
                self.agrees(lambda w: (w[[0, 2]], np.roll(w, 1), np.diag(w[0]), w.T.copy(), np.tile(w, 2)), w)
                self.agrees(lambda w: (lambda a, b: a * b)(*np.split(w, 2, axis=1)), w)

    def test_reductions_products_and_accumulations(self) -> None:
        for dtype in "FDeif?":
            with self.subTest(dtype):
                y, w = self.values(dtype)
                self.agrees(lambda y: tuple(np.sum(y, axis) for axis in (None, 0, 1, -1, (0, 2), (0, 1))), y)
                self.agrees(lambda y: (np.prod(y, 1), np.max(y, 1, keepdims=True), np.any(y, 0)), y)
                self.agrees(lambda w: (w @ w.T, w.T @ w, w[0] @ w[1], w @ w[0], w[0] @ w.T), w)
                self.agrees(lambda y: y.mT @ y[:1], y)
                self.agrees(lambda y: (*tuple(np.cumsum(y, axis) for axis in (None, 0, 1, -1)), y.cumsum(1)), y)
                self.agrees(lambda y: (np.cumprod(y, 1), np.maximum.accumulate(y), np.minimum.accumulate(y, 2)), y)
                self.agrees(lambda y: (np.mean(y), np.mean(y, 1, keepdims=True)), y)

    def test_conversions(self) -> None:
        for dtype in "FDeifd?":
            with self.subTest(dtype):
                y, _ = self.values(dtype)
                self.agrees(lambda y: (y.astype(np.complex64), y.T.astype(np.complex128)), y)
                if dtype not in "FD":
                    self.agrees(lambda y: (y.astype(np.float16), y.astype(np.float16).T.astype(float), y > 0), y)

    def test_conversions_to_half_precision_round_once(self) -> None:
        near = np.array(
            [1 + 2.0**-11, 1 + 2.0**-11 + 2.0**-40, 1 + 2.0**-11 - 2.0**-40, 65519.999999, 65520.0, 2.0**-25]
        )
        x = np.concatenate([near, -near, near * 2.0**-15, [0.0, -0.0, np.inf, np.nan, 1e300, 5e-324, 2.0**-24 * 1.5]])
        with np.errstate(all="ignore"):
            self.agrees(lambda x: x.astype(np.float16), np.concatenate([x, RANDOM.normal(size=1000)]))
            self.agrees(lambda x: (x.astype(np.float16) * np.float16(2)).astype(np.float32), x)

    def test_parts_of_complex_numbers(self) -> None:
        for dtype in "FD":
            y, w = self.values(dtype)
            self.agrees(lambda y: (y.real, y.imag, np.abs(y), np.conj(y), np.exp(y), np.real(y.T) * 2, y == y[0]), y)
            self.agrees(lambda y: y.real + 1j * y.imag, y)
            self.agrees(lambda y: (np.isfinite(y), special.gamma(y), np.sqrt(y[::-1])), y)
            self.agrees(wengert.grad(lambda y: np.sum(np.abs(y * y + 1) ** 2)), y)
            self.agrees(wengert.grad(lambda y: np.sum(np.real(np.exp(y) * np.conj(y)))), y)
            self.agrees(wengert.grad(lambda w: np.sum(np.abs(w @ np.conj(w.T)) ** 2)), w)

    def test_complex_linear_algebra(self) -> None:
        for dtype in (np.complex128, np.complex64):
            for a in (positive(3, 3, dtype=dtype), positive(2, 3, 3, dtype=dtype)):
                self.agrees(lambda a: (np.linalg.inv(a), np.linalg.det(a), np.linalg.cholesky(a)), a)
                self.agrees(lambda a: (*np.linalg.slogdet(a), np.linalg.eigh(a)[0], np.linalg.svdvals(a)), a)
                self.agrees(lambda a: np.linalg.solve(a.mT, a[..., :2]), a)
        a = positive(3, 3, dtype=complex)
        self.agrees(wengert.grad(lambda a: np.real(np.sum(np.linalg.inv(a)))), a)

    def test_state_that_is_written_to(self) -> None:
        def run(step: Any, z: Any) -> Any:
            for _ in range(5):
                step(z, np.arange(2) + 1j)
            return z

        def step(z: Any, x: Any) -> Any:
            z[1:] = z[:-1] * 1j + x
            z *= 0.5
            return np.sum(z)

        for dtype in (np.complex64, np.complex128):
            compiled = wengert.compile(step)
            self.same(run(compiled, np.ones(3, dtype)), run(step, np.ones(3, dtype)))
            self.assertEqual(compiled.plan.python_calls, ())

    def test_gradients_of_accumulations(self) -> None:
        w = RANDOM.normal(size=(3, 4))
        self.agrees(wengert.grad(lambda w: np.sum(np.cumsum(w, 1) ** 2 * np.cumprod(w, 0))), w)

    def test_no_elements(self) -> None:
        for dtype in "FDe":
            self.agrees(lambda x: np.sum(x * 2 + 1), np.zeros((0, 3), dtype))
            self.agrees(lambda x: np.ones((2, 3), x.dtype) @ np.concatenate([x, x]).T[:, :0], np.zeros((0, 3), dtype))


class IndexingTest(LoopCase):
    def test_the_gradient_at_indices_is_the_same_at_each_call(self) -> None:
        w, rows, labels = RANDOM.normal(size=(5, 4)), np.arange(6) % 5, np.arange(6) % 4
        self.agrees(wengert.value_and_grad(lambda w: np.sum(w[rows])), w)
        self.agrees(wengert.value_and_grad(lambda w: -np.mean(np.log(w**2)[rows, labels])), w)
        self.agrees(wengert.grad(lambda w: np.sum(w[np.arange(5), np.argmax(w, 1)])), w)


class JoiningTest(LoopCase):
    def test_small_arrays_are_joined_and_split(self) -> None:
        v = np.array([1.0, 2.0, 3.0, 4.0])
        for f in (
            lambda v: np.stack([v[0], v[1] * v[2], v[2] ** 2]),
            lambda v: np.stack([v, v * v], axis=-1),
            lambda v: np.concatenate([v[:1], v * v, [v[2] ** 2]]),
            lambda v: np.hstack([v[0], v * v, v[2] ** 2]),
            lambda v: np.vstack([v, v * v]),
            lambda v: np.column_stack([v, v * v]),
            lambda v: (lambda a, b, c, d: a * b + c * c - d)(*np.unstack(v)),
            lambda v: (lambda a, b: a * b + b * b)(*np.split(v, 2)),
            lambda v: (lambda a, b: b * np.sum(a))(*np.split(v, [1])),
            lambda v: (lambda a, b: a * b)(*np.hsplit(np.reshape(v, (2, 2)), 2)),
            lambda v: (lambda a, b: a * b)(*np.vsplit(np.reshape(v, (2, 2)), 2)),
            lambda v: (lambda a, b: a * b)(*np.unstack(np.reshape(v, (2, 2)), axis=1)),
        ):
            self.agrees(f, v)
            self.agrees(f, v.astype(np.float32))
            self.agrees(wengert.grad(lambda v, f=f: np.sum(f(v) ** 3)), v)
            self.agrees(wengert.grad(lambda v, f=f: np.sum(wengert.grad(lambda u: np.sum(f(u) ** 3))(v) ** 2)), v)

    def test_steps_of_runge_kutta(self) -> None:
        def slope(y: Any, p: Any) -> Any:
            return np.stack([p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]])

        def loss(p: Any) -> Any:
            y = np.array([1.0, 0.5, 0.2])
            for _ in range(3):
                k = slope(y, p)
                y = y + 0.01 * slope(y + 0.005 * k, p)
            return np.sum(y**2)

        self.agrees(wengert.value_and_grad(loss), np.array([1.0, 2.0, 3.0]))


PROGRAM = """
import numpy as np, scipy.special, wengert
from wengert.compiler.targets.llvm import jit

@wengert.compile
def step(a):
    return np.linalg.inv(a) * scipy.special.gamma(a) + scipy.special.j0(a)

results = [step(np.array([[2.0, 1.0], [1.0, 3.0]])) for _ in range(4)]
assert np.allclose(results[3], results[0], 1e-12), results
assert step.plan.python_calls == ()
print(jit.counts["compiled"], jit.counts["loaded"])
"""


class ProcessesTest(LoopCase):
    def test_cached_code_works_in_other_processes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            counts = []
            for _ in range(3):  # (the loops are at other addresses each time)
                found = subprocess.run(
                    [sys.executable, "-W", "error", "-c", PROGRAM],
                    env=os.environ | {"WENGERT_CACHE": os.path.join(folder, "code")},
                    capture_output=True,
                    text=True,
                )
                self.assertEqual(found.returncode, 0, found.stderr)
                counts.append(tuple(map(int, found.stdout.split())))
        self.assertGreater(counts[0][0], 0)
        self.assertEqual([compiled for compiled, _ in counts[1:]], [0, 0])

    @unittest.skipUnless(hasattr(os, "fork"), "there is no fork")
    def test_after_a_fork(self) -> None:
        a = positive(3, 3)
        compiled = self.agrees(lambda a: np.linalg.inv(a) + special.gamma(np.abs(a)), a)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of fork where there are threads
            child = os.fork()
        if not child:
            found = compiled(a)
            os._exit(0 if np.allclose(found, compiled.function(a), 1e-12) else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)


class AddressTest(LoopCase):
    def test_a_loop_is_found_by_its_dtypes(self) -> None:
        self.assertIsNotNone(address_of_loop(np.add, (F8,) * 3))
        self.assertNotEqual(address_of_loop(np.add, (F8,) * 3), address_of_loop(np.add, (np.dtype("f4"),) * 3))
        self.assertIsNone(address_of_loop(np.gcd, (F8,) * 3))
        self.assertIsNone(address_of_loop(np.add, (np.dtype(">f8"),) * 3))
        self.assertIsNone(address_of_loop(np.frompyfunc(abs, 1, 1), (F8, F8)))

    def test_an_unknown_layout_leaves_the_call_to_python(self) -> None:
        loop_address.find_loop.cache_clear()
        self.addCleanup(loop_address.find_loop.cache_clear)
        with mock.patch.object(loop_address, "HEAD", loop_address.HEAD + 4):
            self.assertIsNone(address_of_loop(special.gamma, (F8, F8)))
            self.agrees(lambda x: special.gamma(x), np.arange(1.0, 4.0), calls=("elementwise",))
            self.agrees(np.linalg.inv, positive(2, 2), calls=("inv",))

    def test_special_functions_that_are_to_raise_are_left_to_scipy(self) -> None:
        with special.errstate(all="raise"):
            compiled = wengert.compile(lambda x: special.gamma(x))
            for _ in range(4):
                compiled(np.arange(1.0, 4.0))
            self.assertEqual(compiled.plan.python_calls, ("elementwise",))
            with self.assertRaises(special.SpecialFunctionError):
                compiled(np.arange(-1.0, 2.0))

    def test_a_plan_without_status_flags_leaves_the_call_to_python(self) -> None:
        with mock.patch("wengert.compiler.lowering.linalg_rules.has_status_flags", lambda: False):
            self.agrees(np.linalg.inv, positive(2, 2), calls=("inv",))
            self.agrees(np.linalg.det, positive(2, 2))


if __name__ == "__main__":
    unittest.main()
