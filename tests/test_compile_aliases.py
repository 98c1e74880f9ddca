"""What a compiled function returns is the object, or the view of memory, that the function itself returns."""

import types
import unittest
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.installed import needs_llvm
from wengert import Parameter, Variable, no_grad
from wengert.compiler.compiled import CompileWarning, compile
from wengert.compiler.targets.cpu.runner import interpreted, native

CALLS = 6


class Pair(NamedTuple):
    first: Any
    second: Any


def arrays_in(value: Any) -> list[Any]:
    """All arrays in nested containers, Variables and objects, in order, each as often as it is there."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, Variable):
        return [a for part in (value._data, value._grad) for a in arrays_in(part)]
    if isinstance(value, (list, tuple)):
        return [a for part in value for a in arrays_in(part)]
    if isinstance(value, dict):
        return [a for part in value.values() for a in arrays_in(part)]
    return arrays_in(vars(value)) if hasattr(value, "__dict__") and not isinstance(value, type) else []


def objects_in(value: Any) -> list[Any]:
    """All objects that may be one or another: arrays, containers and Variables."""
    if isinstance(value, (np.ndarray, Variable)):
        return [value]
    if isinstance(value, (list, tuple, dict)):
        parts = value.values() if isinstance(value, dict) else value
        return [*([] if isinstance(value, tuple) else [value]), *(o for part in parts for o in objects_in(part))]
    return []


def relations(objects: list[Any], arrays: list[Any]) -> list[Any]:
    """Which objects are one, which arrays share memory, and the form of each."""
    return [
        [[a is b for b in objects] for a in objects],
        [[np.shares_memory(a, b) for b in arrays] for a in arrays],
        [(type(a), a.shape, a.dtype, a.strides if a.size > 1 else None, a.flags.writeable) for a in arrays],
    ]


class AliasCase(unittest.TestCase):
    """Each function compiled and eager, side by side, in many calls."""

    runner: Any = staticmethod(interpreted)

    def follow(self, make: Callable[[], Any], *given: Any, eager: bool = False) -> None:
        """Compare calls of what `make` makes (a function, perhaps what it holds), and writes into what they return.

        `given` are the shapes (or functions that make the arguments) of a call.
        """
        sides: list[Any] = []
        for kind in ("compiled", "eager"):
            made = make()
            f, held = made if isinstance(made, tuple) else (made, ())
            sides.append((compile(f, runner=self.runner) if kind == "compiled" else f, held, []))
        compiled = sides[0][0]
        last: Any = None
        for call in range(CALLS):
            if call in (3, 5):  # the very arrays of the call before
                arguments = last
            else:
                arguments = [[new(g, call + i) for i, g in enumerate(given)] for _ in sides]
            last = arguments
            outcomes = []
            for (f, held, kept), mine in zip(sides, arguments, strict=True):
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    warnings.simplefilter("ignore" if eager else "error", CompileWarning)
                    found = f(*mine)
                kept.append(found)
                whole = [found, mine, held, kept[-3:-1]]
                outcomes.append((objects_in(whole), arrays_in(whole)))
            with self.subTest(call=call):
                self.compare(outcomes)
        self.assertEqual(compiled.given_up is not None, eager, compiled.given_up)
        if not eager:
            used = any(p.run is not None for p in (*compiled.plans, *compiled.recorded.plans))
            views = any(kind.given_up is not None for kind in compiled.recorded.kinds.values())  # of Variables
            self.assertTrue(used or views)

    def compare(self, outcomes: list[Any]) -> None:
        (found, a), (expected, b) = outcomes
        self.assertEqual(len(a), len(b))
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-6)
        self.assertEqual(relations(found, a), relations(expected, b))
        for i in range(len(a)):
            if a[i].flags.writeable and a[i].size:
                for array in (a[i], b[i]):
                    array[...] = array * 0.5 + 1 + i
                for x, y in zip(a, b, strict=True):
                    np.testing.assert_allclose(x, y, rtol=1e-6)


def new(given: Any, seed: int) -> Any:
    if callable(given):
        return given(seed)
    return np.random.default_rng(seed).normal(size=given)


def complex_numbers(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2))


def read_only(seed: int) -> Any:
    array = np.random.default_rng(seed).normal(size=(3, 4))
    array.setflags(write=False)
    return array


def sometimes_read_only(seed: int) -> Any:
    return read_only(seed) if seed % 2 else new((3, 4), seed)


def part(seed: int) -> Any:
    return new((6, 8), seed)[::2, 1::2]


def in_columns(seed: int) -> Any:
    return np.asfortranarray(new((3, 4), seed))


# Functions of one array of 3 x 4.
OF_ONE: dict[str, Callable[[Any], Any]] = {
    "itself": lambda x: x,
    "itself, twice": lambda x: (x, x),
    "itself, in a list": lambda x: [x, {"a": x, "b": (x,)}],
    "itself, in a named tuple": lambda x: Pair(x, x * 2),
    "itself, and something else": lambda x: (x, x + 1),
    "[...]": lambda x: x[...],
    "[:]": lambda x: x[:],
    "view": lambda x: x.view(),
    "row": lambda x: x[1],
    "column": lambda x: x[:, 1],
    "one element": lambda x: x[1, 2, ...],
    "backwards": lambda x: x[::-1, ::2],
    "new axis": lambda x: x[None, :, None],
    "T": lambda x: x.T,
    "transpose": lambda x: np.transpose(x),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "moveaxis": lambda x: np.moveaxis(x, 0, 1),
    "reshape": lambda x: x.reshape(2, 6) * 1 if not x.flags.c_contiguous else x.reshape(2, 6),
    "ravel": lambda x: x.ravel() if x.flags.c_contiguous else x.T,
    "squeeze": lambda x: np.squeeze(x),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 3, 4)),
    "broadcast row": lambda x: np.broadcast_to(x[0], (5, 4)),
    "diagonal": lambda x: np.diagonal(x),
    "windows": lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, 0),
    "atleast_1d": lambda x: np.atleast_1d(x),
    "atleast_3d": lambda x: np.atleast_3d(x),
    "astype without a copy": lambda x: x.astype(np.float64, copy=False),
    "real": lambda x: (np.real(x), x.real),
    "split": lambda x: np.split(x, 2, axis=1),
    "rows": lambda x: list(x),
    "flip": lambda x: np.flip(x),
    "rot90": lambda x: np.rot90(x),
    "two views": lambda x: (x[1:], x[:2]),
    "the same view, twice": lambda x: [x[1:]] * 2,
    "equal views, not the same": lambda x: (x[1:], x[1:]),
    "view of a view": lambda x: (x[1:][:, 1:], x[1:].T),
    "view and itself": lambda x: {"whole": x, "tuple_get": x[0], "sum": np.sum(x)},
    "copies": lambda x: (x.copy(), np.copy(x), +x, x * 1, x + 0, x - 0.0),
    "copy of a view": lambda x: x[1:].copy(),
    "fancy": lambda x: (x[[0, 1]], np.take(x, [0, 2], axis=0)),
    "nothing": lambda x: (x[:0], x),
    "identity in a Variable": lambda x: Variable(x),
    "bytes": lambda x: x.view(np.int64) if x.flags.c_contiguous else x,
    "bytes of a part": lambda x: x[:1].view(np.uint8)[:, ::3] if x.flags.c_contiguous else x,
}
# What they make themselves.
FRESH: dict[str, Callable[[Any], Any]] = {
    "twice": lambda x: (lambda y: (y, y))(x * 2),
    "equal values": lambda x: (x * 2, x * 2),
    "whole and part": lambda x: (lambda y: (y, y[1:], y.T))(x * 2),
    "two parts": lambda x: (lambda y: (y[1:], y[:2]))(x * 2),
    "one part": lambda x: (x * 2)[1:],
    "one part, twice": lambda x: (lambda y: [y[1:]] * 2)(x * 2),
    "equal parts": lambda x: (lambda y: (y[1:], y[1:]))(x * 2),
    "equal whole": lambda x: (lambda y: (y[...], y))(x * 2),
    "broadcast": lambda x: np.broadcast_to(x[0] * 2, (3, 4)),
    "a list twice": lambda x: [[x * 2]] * 2,
    "a dict twice": lambda x: [{"a": x * 2}] * 2,
    "a Variable twice": lambda x: [Variable(x * 2)] * 2,
    "a Variable and its data": lambda x: (lambda v: (v, v.data, v.data[1:]))(Variable(x * 2)),
    "recorded, and its data": lambda x: (lambda v: (v, v.data))(Variable(x * 2) * 3),
    "recorded view": lambda x: (lambda v: (v[1:], v.T))(Variable(x * 2) * 3),
    "recorded view of the argument": lambda x: (Variable(x)[1:], Variable(x).T),
    "detached": lambda x: (lambda v: (v, v.detach()))(Variable(x * 2) * 3),
    "not its own": lambda x: (np.zeros(3), np.arange(6.0).reshape(2, 3), x.sum()),
    "parts of not its own": lambda x: (lambda z: (z, z[1:], z[:2]))(np.arange(6.0)),
    "a part of not its own": lambda x: (np.arange(6.0)[::2], x[0] + 1),
    "written by": lambda x: written(np.zeros_like(x), x),
    "a number, a part": lambda x: (np.sum(x), (x + 1)[0, 0], (x + 1)[0, ..., 0]),
    "a call of NumPy": lambda x: (lambda u: (u, u[0], u[0].T))(np.linalg.svd(x, full_matrices=False)),
    "sorted": lambda x: (lambda y: (y, y[:1]))(np.sort(x, axis=0)),
}


def written(y: Any, x: Any) -> Any:
    y[...] = x
    z = np.empty_like(x)
    z[...] = y
    return y, z, z[1:]


def plain(f: Callable[..., Any]) -> Callable[[], Any]:
    return lambda: f


class ArgumentsTest(AliasCase):
    def test_of_one_array(self) -> None:
        for name, f in OF_ONE.items():
            with self.subTest(name):
                self.follow(plain(f), (3, 4))

    def test_of_arrays_that_lie_otherwise(self) -> None:
        every = list({**OF_ONE, **FRESH}.items())
        for i, what in enumerate((part, in_columns, read_only, sometimes_read_only)):
            for name, f in every if what is in_columns else every[i::3]:
                with self.subTest(name, of=what.__name__):
                    self.follow(plain(f), what)

    def test_parts_of_complex_numbers(self) -> None:
        for f in (
            lambda z: (z.real, z.imag),
            lambda z: (np.real(z)[1:], np.imag(z).T),
            lambda z: z.view(np.float64),
            lambda z: [z.real[0], z],
        ):
            self.follow(plain(f), complex_numbers)

    def test_parts_of_complex_numbers_see_what_is_written(self) -> None:
        def f(z: Any) -> Any:
            a, b = z.real, z.imag[1:]
            z += 1 + 2j
            return a, b, a * b[0], np.sum(a)

        self.follow(plain(f), complex_numbers)

    def test_what_is_made(self) -> None:
        for name, f in FRESH.items():
            with self.subTest(name):
                self.follow(plain(f), (3, 4))

    def test_large_results(self) -> None:
        for name in ("whole and part", "two parts", "equal values", "one part, twice", "not its own"):
            with self.subTest(name):
                self.follow(plain(FRESH[name]), (300, 40))

    def test_argument_that_is_written(self) -> None:
        def whole(x: Any) -> Any:
            x += 1
            return x

        def some(x: Any) -> Any:
            y = x[1:]
            y *= 2
            x[0] = y[0]
            return y, x, x.sum()

        def before_and_after(x: Any) -> Any:
            old = x + 0
            x[:, 0] = 7
            return old, x.T, old[0]

        for f in (whole, some, before_and_after):
            self.follow(plain(f), (3, 4))

    def test_out(self) -> None:
        self.follow(plain(lambda x, y: (np.multiply(x, 2, out=y), y[0])), (3, 4), (3, 4))

    def test_two_arguments(self) -> None:
        self.follow(plain(lambda x, y: (y, x)), (3, 4), (3,))
        self.follow(plain(lambda x, y: np.broadcast_arrays(x, y)[0].shape), (3, 4), (4,))
        self.follow(plain(lambda x, y: x if np.sum(x) > np.sum(y) else y), (3, 4), (3, 4))

    def test_arguments_in_containers(self) -> None:
        pairs = [lambda s: [new(3, s), new(3, s + 1)], lambda s: (new(3, s), new(3, s + 1))]
        for given in pairs:
            self.follow(plain(lambda p: (p[1], p[0][1:], p[0] * p[1])), given)
        self.follow(plain(lambda p: [p[0], p]), pairs[0])
        self.follow(plain(lambda d: {"b": d["a"], "c": d["a"].T}), lambda s: {"a": new((2, 3), s)})

    def test_variables(self) -> None:
        given = [lambda s: Variable(new((3, 4), s))]
        for f in (
            lambda v: v,
            lambda v: [v, v],
            lambda v: (v.data, v),
            lambda v: v.data[1:],
            lambda v: v.detach(),
            lambda v: (v * 2, v),
            lambda v: v[1:],
            lambda v: v.T,
            lambda v: np.reshape(v, (4, 3)),
        ):
            self.follow(plain(f), *given)

    def test_asarray_gives_the_argument(self) -> None:
        self.follow(plain(np.asarray), (3, 4))

    def test_an_object_runs_eagerly(self) -> None:
        self.follow(plain(lambda x: types.SimpleNamespace(a=x, b=[x[1:], {"c": x * 2}])), (3, 4), eager=True)


# Functions with a state, and what they hold.


def closure() -> Any:
    a = np.arange(3.0)
    return lambda x: (a, a[1:], a * x), [a]


def attribute() -> Any:
    s = types.SimpleNamespace(a=np.arange(6.0).reshape(2, 3), b=[np.ones(3), {"c": np.zeros(2)}])
    return lambda x: [s.a.T, s.b[0], s.b[1]["c"][:1], s.b], [s]


def several() -> Any:
    a = np.arange(6.0)
    s = types.SimpleNamespace(a=a, b=a[1:], c=a.reshape(2, 3), d=a)
    return lambda x: (s.a, s.b, s.c, s.d, s.b[1:], s.c.T, s.a[0] + x), [s]


def written_state() -> Any:
    s = types.SimpleNamespace(a=np.zeros(3), b=np.zeros((2, 2)))

    def f(x: Any) -> Any:
        s.a += x
        s.b[0] = x[0]
        return s.a, s.a[1:], s.b.T, s.a * 2

    return f, [s]


def stored_argument() -> Any:
    s = types.SimpleNamespace(a=np.zeros((3, 4)), b=np.zeros(4), c=np.zeros((3, 4)))

    def f(x: Any) -> Any:
        s.a, s.b = x, x[1]
        s.c = x * 2
        return s.c, x, s.b, s.c[1:]

    return f, [s]


def stored_result() -> Any:
    s = types.SimpleNamespace(a=np.zeros(3), b=np.ones(3))

    def f(x: Any) -> Any:
        s.a = s.a + x
        return s.a, s.b, s.a[1:]

    return f, [s]


def stored_tuple() -> Any:
    s = types.SimpleNamespace(a=(np.zeros(3), np.zeros(3)))

    def f(x: Any) -> Any:
        y = x * 2
        s.a = (y, y[1:])
        return y, s.a

    return f, [s]


def gradient() -> Any:
    w = Parameter(np.ones(3))

    def f(x: Any) -> Any:
        loss = np.sum(w * w * x)
        w.cleargrad()
        loss.backward()
        return w, w.data, w.grad, w.data[1:], w.grad[1:], loss.data

    return f, [w]


def updated() -> Any:
    w = Parameter(np.ones(3))

    def f(x: Any) -> Any:
        loss = np.sum(w * w * x)
        w.cleargrad()
        loss.backward()
        w.data -= 0.1 * w.grad
        return w.data, [w.grad, w]

    return f, [w]


def unrecorded() -> Any:
    w = Parameter(np.ones(3))

    def f(x: Any) -> Any:
        with no_grad():
            y = w * x
        return y, y.data, w.data

    return f, [w]


class StateTest(AliasCase):
    def test_state(self) -> None:
        for make in (
            *(closure, attribute, several, written_state, stored_result, stored_tuple, gradient, updated, unrecorded),
        ):
            with self.subTest(make.__name__):
                self.follow(make, 3)
        self.follow(stored_argument, (3, 4))


@needs_llvm
class InNativeCodeTest(AliasCase):
    runner = staticmethod(native)

    def test_arguments(self) -> None:
        for name, f in [*OF_ONE.items()][::6]:
            with self.subTest(name):
                self.follow(plain(lambda x, f=f: (f(x), x * 2)), (3, 4))

    def test_what_is_made(self) -> None:
        for name, f in [*FRESH.items()][::4]:
            with self.subTest(name):
                self.follow(plain(f), in_columns)

    def test_large_results(self) -> None:
        for name in ("whole and part", "equal values"):
            with self.subTest(name):
                self.follow(plain(FRESH[name]), (300, 40))

    def test_read_only_views(self) -> None:
        self.follow(plain(lambda x: (x.T, np.broadcast_to(x, (2, 3, 4)), x.sum())), sometimes_read_only)

    def test_state(self) -> None:
        for make in (closure, several, written_state, updated):
            with self.subTest(make.__name__):
                self.follow(make, 3)

    def test_what_is_read_by_its_shape_alone(self) -> None:
        """No code of the plan reads the array: that it has another shape must be seen all the same."""
        y = np.ones(3)
        f = compile(lambda x, y: (y * x.shape[0], x[:1]))
        for n in (2, 2, 2, 2, 2, 5, 5, 5, 5, 2, 5):
            x = np.zeros(n)
            found, part = f(x, y)
            np.testing.assert_array_equal(found, np.full(3, float(n)))
            self.assertIs(part.base, x)


if __name__ == "__main__":
    unittest.main()
