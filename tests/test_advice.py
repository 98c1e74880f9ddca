"""Each error says what to write instead, and what it says can be written: the advice is followed by program."""

import cmath
import importlib.util
import math
import re
import unittest
import warnings
from typing import Any

import numpy as np

import wengert
from tests.table_snapshot import TableSnapshot
from wengert import Variable, check_grad
from wengert.arrays.table import UFUNCS, read_late_tables
from wengert.checks.advice import ARRAYS, NOT_DISPATCHED
from wengert.custom.registration import REFUSED

WITH_SCIPY = importlib.util.find_spec("scipy") is not None
V, W = np.array([0.3, 0.7, 1.1]), np.array([0.7, 0.2, 0.9])
X, Y = np.array(0.6), np.array(0.8)
M = np.array([[0.5, 0.1], [0.2, 0.4]])
N = 3

# The call that is refused, the advice in its error, the names of the Variables, and all names.
CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("np.full(shape, x)", "np.full(shape, x, like=x)", "x", {"x": X, "shape": (3,)}),
    ("np.full((2, 3), x)", "np.full(shape, x, like=x)", "x", {"x": V, "shape": (2, 3)}),
    ("np.full_like(a, x)", "np.full(a.shape, x, a.dtype, like=x)", "x", {"x": X, "a": np.ones((2, 2))}),
    ("np.nan_to_num(a, nan=x)", "np.where(np.isnan(a), x, a)", "x", {"x": X, "a": np.array([1.0, np.nan])}),
    ("np.array([a, b])", "np.array([a, b], like=a)", "ab", {"a": X, "b": Y}),
    ("np.array((a, b))", "np.array([a, b], like=a)", "a", {"a": V, "b": W}),
    ("np.asarray([a, b])", "np.array([a, b], like=a)", "ab", {"a": X, "b": Y}),
    ("np.r_[a, b]", "np.hstack([a, b])", "ab", {"a": V, "b": W}),
    ("np.r_[a, b]", "np.hstack([a, b])", "a", {"a": X, "b": 1.0}),
    ("np.c_[a, b]", "np.column_stack([a, b])", "ab", {"a": V, "b": W}),
    (
        "np.arange(x, stop, step)",
        "np.arange(start, stop, step, like=x)",
        "x",
        {"x": X, "start": X, "stop": 2.0, "step": 0.5},
    ),
    ("np.bmat([[a, b], [c, d]])", "np.block([[a, b], [c, d]])", "abcd", {"a": M, "b": 2 * M, "c": M, "d": 3 * M}),
    ("np.kaiser(n, beta)", "np.i0(beta * np.sqrt(1 - np.linspace(-1, 1, n) ** 2)) / np.i0(beta)", "beta", {"beta": X}),
    ("np.polynomial.polynomial.polyval(x, c)", "np.polyval(c[::-1], x)", "c", {"c": V, "x": 2.0}),
    ("np.polynomial.polynomial.Polynomial(c)(x)", "np.polyval(c[::-1], x)", "c", {"c": V, "x": 2.0}),
    ("np.mean([a, b])", "np.mean(np.stack([a, b]))", "ab", {"a": X, "b": Y}),
    ("np.linalg.norm([a, b])", "np.linalg.norm(np.stack([a, b]))", "ab", {"a": X, "b": Y}),
    ("np.fft.fft([a, b])", "np.fft.fft(np.stack([a, b]))", "ab", {"a": X, "b": Y}),
    ("np.poly1d([a, b])(2.0)", "np.poly1d(np.stack([a, b]))", "ab", {"a": X, "b": Y}),
    ("np.float64(x)", "x.astype(np.float64)", "x", {"x": X}),
    ("np.complex128(x)", "x.astype(np.complex128)", "x", {"x": V}),
    ("np.ascontiguousarray(x)", "x", "x", {"x": V}),
    ("np.broadcast(a, b).shape[0]", "np.broadcast_arrays(a, b)[0]", "a", {"a": V, "b": W}),
    ("np.intersect1d(a, b)", "np.unique(a[np.isin(a, b)])", "a", {"a": V, "b": W}),
    ("np.setdiff1d(a, b)", "np.unique(a[~np.isin(a, b)])", "a", {"a": V, "b": W}),
    ("np.union1d(a, b)", "np.unique(np.concatenate([a, b]))", "ab", {"a": V, "b": W + 3}),
    (
        "np.setxor1d(a, b)",
        "np.unique(np.concatenate([a[~np.isin(a, b)], b[~np.isin(b, a)]]))",
        "ab",
        {"a": V, "b": W},
    ),
    ("np.nextafter(x, y)", "x + (np.nextafter(x.data, y) - x.data)", "x", {"x": V, "y": -1.0}),
    ("complex(x, y)", "x + 1j * y", "xy", {"x": X, "y": Y}),
    ("np.fromiter((v for v in values), float)", "np.stack(list(values))", "values", {"values": V}),
    ("x.resize((3, 1))", "np.reshape(x, shape)", "x", {"x": V, "shape": (3, 1)}),
]
# Functions of scipy.special that convert their arguments: each has its own in wengert.scipy.special.
SCIPY_CASES = (
    "special.logsumexp(x)",
    "special.logsumexp(x, b=np.array([1.0, 0.1, 2.0]))",
    "special.softmax(x)",
    "special.log_softmax(x)",
    "special.polygamma(0, x)",
    "special.polygamma(2, x + 3)",
    "special.comb(x + 3, 2.0)",
    "special.perm(x + 3, 2.0)",
    "special.factorial(x + 3)",
    "special.diric(x, 3)",
    "special.multigammaln(x + 3, 2)",
    "special.spherical_jn(2, x)",
)
# The arguments that functions of math and cmath are tried with here; all others with x.
ARGUMENTS = {
    "atan2": "x, y", "copysign": "x, y", "dist": "p, q", "fmod": "x, y", "hypot": "x, y", "isclose": "x, y",
    "ldexp": "x, n", "log": "x", "nextafter": "x, y", "pow": "x, y", "rect": "r, phi", "remainder": "x, y",
    "sumprod": "p, q", "fsum": "p", "fma": "x, y, y", "prod": "p",
}  # fmt: skip
OF_INTEGERS = {"comb", "factorial", "gcd", "isqrt", "lcm", "perm", "trunc"}  # refuse all floats


def error_of(program: str, names: dict[str, Any]) -> str:
    """Run a program inside a transform, with respect to the Variables among the names, and return its error."""
    chosen = {name: value.data for name, value in names.items() if isinstance(value, Variable)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)  # np.matrix
            wengert.vjp(lambda *xs: eval(program, names | dict(zip(chosen, xs, strict=True))), *chosen.values())
    except Exception as error:  # noqa: BLE001
        return str(error.__cause__ or error)
    raise AssertionError(f"{program} did not raise")


def known_names() -> dict[str, Any]:
    names = {"np": np, "math": math, "cmath": cmath, "wengert": wengert, "n": N}
    if WITH_SCIPY:
        import scipy.special

        names |= {"scipy": scipy, "special": scipy.special}
    return names


class FollowedTest(unittest.TestCase):
    def follow(self, case: tuple[str, str, str, dict[str, Any]]) -> None:
        program, advice, variables, given = case
        names = {**known_names(), **given}
        chosen = [variables] if variables in given else list(variables)
        shown = {name: Variable(given[name]) for name in chosen}
        text = error_of(program, names | shown)
        self.assertIn(advice.removesuffix("[0]"), text)

        def followed(*values: Any) -> Any:
            values_of = dict(zip(chosen, values, strict=True))
            if "start" in given and "x" in values_of:
                values_of["start"] = values_of["x"]
            return eval(advice, names | values_of)

        found = followed(*shown.values())
        if program.startswith("np.poly1d"):
            advice += "(2.0)"
        elif not program.startswith(("x.", "y.", "np.bmat", "np.copyto", "np.broadcast")):
            np.testing.assert_allclose(found.data, eval(program, names), rtol=1e-12)
        if "np.isin" in advice or "np.nextafter" in advice:  # (differences move a value away from its equals)
            np.sum(followed(*shown.values())).backward()
            members = np.isin(shown["a"].data, given["b"]) if "np.isin" in advice else None
            expected = 1.0 if members is None else members if "intersect" in program else ~members
            np.testing.assert_array_equal(shown[chosen[0]].grad, np.broadcast_to(expected, (3,)))
        else:
            check_grad(followed, *[given[name] for name in chosen], eps=1e-4)

    def test_of_numpy_and_the_methods(self) -> None:
        for case in CASES:
            with self.subTest(case[0]):
                self.follow(case)

    @unittest.skipUnless(WITH_SCIPY, "needs SciPy")
    def test_of_scipy(self) -> None:
        import wengert.scipy.special  # noqa: F401

        for program in SCIPY_CASES:
            with self.subTest(program):
                name = program.partition("(")[0]
                self.assertIn(f"write wengert.scipy.{name}", error_of(program, known_names() | {"x": Variable(V)}))
                followed = f"wengert.scipy.{program}"

                def call(x: Any, followed: str = followed) -> Any:
                    return eval(followed, known_names() | {"x": x})

                np.testing.assert_allclose(call(Variable(V)).data, eval(program, known_names() | {"x": V}), rtol=1e-12)
                check_grad(call, V, eps=1e-4)

    @unittest.skipUnless(WITH_SCIPY, "needs SciPy")
    def test_of_sparse_arrays(self) -> None:
        import scipy.sparse

        a = scipy.sparse.csr_array(M)
        for program in ("a * x", "a.multiply(x)"):
            text = error_of(program, {"a": a, "x": Variable(V[:2])})
            self.assertRegex(text, r"takes Variables in a @ x and x @ a; write a.toarray\(\) in its place")
        for call in (lambda x: a.toarray() @ x, lambda x: a @ x, lambda x: x @ a):
            check_grad(call, V[:2])

    def test_all_that_is_refused_is_tried(self) -> None:
        tried = " ".join(program for program, *_ in CASES)
        words = {name for name, text in NOT_DISPATCHED.items() if text.startswith(("the number", "a function", "x"))}
        gone = {"np.in1d", "np.trapz", "np.isfortran", "np.mintypecode"} | words
        left = [n for n in ARRAYS if n.startswith("np.") and n not in gone and f"{n}(" not in tried]
        rest = {f"np.{t.__name__}" for t in np.sctypeDict.values()}
        self.assertEqual(set(left) - rest, {"np.asanyarray", "np.asarray_chkfinite"})  # as np.asarray
        plain = {f for f, text in REFUSED.items() if ".data" in text or "datetime64" in text or "closed form" in text}
        self.assertEqual([f for f in set(REFUSED) - plain if f"np.{f.__name__}(" not in tried], [])

    def test_what_writes_into_an_array(self) -> None:
        """Refused with a plain array, and done with what the error says to make of it."""
        y, mask = np.arange(6.0).reshape(2, 3), np.array([[True, False, True], [False, True, True]])
        calls: dict[str, tuple[str, Any]] = {
            "np.copyto": ("np.copyto(y, x, where=mask)", V),
            "np.put": ("np.put(y, [1, 4, 5], x)", V),
            "np.put of one": ("np.put(y, [1, 4, 5], x)", X),
            "np.place": ("np.place(y, mask, x)", V),
            "np.putmask": ("np.putmask(y, mask, x)", V),
            "np.put_along_axis": ("np.put_along_axis(y, np.array([[2], [0]]), x, 1)", V[:2].reshape(2, 1)),
            "np.fill_diagonal": ("np.fill_diagonal(y, x)", V[:2]),
            "np.add.at": ("np.add.at(y, (0, [1, 1, 2]), x)", V),
            "np.add": ("y += x", V),
            "np.multiply": ("np.multiply(y, x, out=y)", V),
            "np.sum": ("np.sum(np.stack([x, 2 * x]), axis=0, out=y[0])", V),
            "y[i] = x": ("y[1] = x", V),
            "y[i] = x of an element": ("y[1, 0] = x", X),
            "y.fill": ("y.fill(x)", X),
            "y.put": ("y.put([0, 4, 5], x)", V),
        }
        for name, (program, x) in calls.items():
            with self.subTest(name):

                def run(y: Any, x: Any, program: str = program) -> Any:
                    names = {"np": np, "y": y, "x": x, "mask": mask}
                    exec(program, names)
                    return names["y"]

                with self.assertRaises(TypeError) as caught:
                    wengert.vjp(lambda x: run(y.copy(), x), x)
                text = str(caught.exception.__cause__ or caught.exception)
                self.assertTrue(text.startswith(name.partition(" of")[0]), text)
                self.assertIn(
                    "would silently leave the graph; make y an array that takes Variables, y = np.zeros(n, like=x), or "
                    "of what it holds, np.array(y, like=x)",
                    text,
                )
                self.assertIn("leave the graph: ", text)
                found = run(np.array(y, like=Variable(x)), Variable(x))
                np.testing.assert_array_equal(found.data, run(y.copy(), x))
                check_grad(lambda x: run(np.array(y, like=x), x), x)

    def test_objects(self) -> None:
        objects = np.empty(2, object)
        objects[0], objects[1] = Variable(X), Variable(Y)
        with self.assertRaisesRegex(
            TypeError, r"convert it: a.astype\(float\), or np.stack\(list\(a\)\) if it holds Var"
        ):
            Variable(V[:2]) * objects
        np.testing.assert_array_equal((Variable(V[:2]) * np.stack(list(objects))).data, V[:2] * [X, Y])

    def test_random_numbers(self) -> None:
        rng = np.random.default_rng(0)
        cases = {
            "rng.normal(loc, scale, size)": "loc + scale * rng.standard_normal(size)",
            "rng.exponential(scale, size)": "scale * rng.standard_exponential(size)",
            "rng.uniform(low, high, size)": "low + (high - low) * rng.random(size)",
            "np.random.normal(loc, scale, size)": "loc + scale * rng.standard_normal(size)",
        }
        for program, advice in cases.items():
            with self.subTest(program):
                names = {"np": np, "rng": rng, "size": 3, "scale": 2.0, "high": 3.0, "loc": Variable(V)}
                names |= {"low": Variable(X), "scale": Variable(X)}
                self.assertIn(f"write {advice}, or leave", error_of(program, names))
                state = rng.bit_generator.state
                found = eval(advice, names).data
                rng.bit_generator.state = state
                plain = {name: getattr(value, "data", value) for name, value in names.items() if name != "rng"}
                if "np.random" not in program:
                    np.testing.assert_allclose(found, eval(program, plain | {"rng": rng}), rtol=1e-12)

    @unittest.skipUnless(WITH_SCIPY, "needs SciPy")
    def test_the_name_for_a_callback(self) -> None:
        from scipy.integrate import solve_ivp

        from wengert.scipy import integrate

        names = known_names() | {"solve_ivp": solve_ivp, "a": Variable(X)}
        text = error_of("solve_ivp(lambda t, y: -a * y, (0, 1), [1.0]).y[0, -1]", names)
        self.assertIn("write wengert.scipy.integrate.solve_ivp, or leave", text)
        check_grad(lambda a: integrate.solve_ivp(lambda t, y: -a * y, (0, 1), [1.0], rtol=1e-9).y[0, -1], X)

    def test_functions_of_math(self) -> None:
        for module in (math, cmath):
            for name in dir(module):
                function = getattr(module, name)
                if callable(function) and not name.startswith("_") and name not in OF_INTEGERS:
                    with self.subTest(f"{module.__name__}.{name}"):
                        self.follow_math(module.__name__, name)

    def follow_math(self, module: str, name: str) -> None:
        plain = {"x": X, "y": Y, "p": V, "q": W, "r": X, "phi": Y}
        if name == "acosh":
            plain["x"] = np.array(1.6)
        arguments = ARGUMENTS.get(name, "x")
        names = {**known_names(), **{key: Variable(value) for key, value in plain.items()}}
        if name == "nextafter":
            names["y"] = plain["y"]
        expected = eval(f"{module}.{name}({arguments})", {**known_names(), **plain})
        if name in ("prod", "sumprod"):  # multiply and add what they are given
            np.testing.assert_allclose(eval(f"{module}.{name}({arguments})", names).data, expected)
            return
        text = error_of(f"{module}.{name}({arguments})", names)
        advice = re.search(r"; write (.*?)(?:, or (?:leave|np.linalg)|$)", text)
        if advice is None:
            self.assertIn(name, ("fma", "expm1", "gamma"), text)
            return
        for part, value in zip(advice[1].split(" and "), expected if "and" in advice[1] else [expected], strict=False):
            if not WITH_SCIPY and "scipy" in part:
                continue
            given = part.replace("(x)", f"({arguments})")
            found = eval(given, names)
            np.testing.assert_allclose(
                np.asarray(
                    [getattr(v, "data", v) for v in found]
                    if isinstance(found, tuple)
                    else getattr(found, "data", found)
                ),
                value,
                rtol=1e-12,
            )


class UnknownTest(unittest.TestCase):
    """The lines that register a derivative work when they are written."""

    def setUp(self) -> None:
        table = TableSnapshot()
        table.save()
        self.addCleanup(table.restore)

    @unittest.skipUnless(WITH_SCIPY, "needs SciPy")
    def test_a_ufunc(self) -> None:
        names = known_names() | {"x": Variable(V)}
        read_late_tables()
        del UFUNCS[names["special"].agm]  # as if it were not in the table
        text = error_of("special.agm(1.0, x)", names)
        how = re.search(r"register one \((.*)\), or leave", text)
        assert how is not None
        self.assertEqual(how[1], "wengert.derivative(scipy.special.agm, lambda a: ..., lambda b: ...)")
        exec(how[1].replace("lambda a: ...", "0").replace("lambda b: ...", "lambda b: 0 * b"), names)
        self.assertEqual(eval("special.agm(1.0, x)", names).shape, (3,))

    def test_a_function(self) -> None:
        @wengert.dispatched
        def tripled(values: Any, n: int = 1) -> Any:
            return 3 * np.asarray(values)

        names = known_names() | {"tripled": tripled, "x": Variable(V)}
        text = error_of("tripled(x)", names)
        self.assertRegex(text, r'register one \(@wengert.pullback\((tests.)?test_advice.tripled, "values"\)\)')

    def test_a_name_in_reads(self) -> None:
        solve = wengert.dispatched(lambda a: a * 2)
        with self.assertRaisesRegex(
            ValueError, r"^reads of the pullback of .* \(a\), but got 'a,'; a result is read by"
        ):
            wengert.pullback(solve, "a", reads="a, y")(lambda gy, a, *, y: 2 * gy)
        wengert.pullback(solve, "a", reads="a")(lambda gy, a, *, y: 2 * gy)


if __name__ == "__main__":
    unittest.main()
