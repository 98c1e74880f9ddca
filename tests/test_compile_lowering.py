"""Lowering: NumPy functions with a rule, compared with NumPy; none of them stays a call of Python."""

import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.compiled_programs import same
from tests.installed import INSTALLED
from tests.numpy_calls import ACCUMULATIONS, DEFINED, MATRICES, OF_NUMBERS, SORTING, TRANSFORMS
from wengert.compiler.capture.trace import trace
from wengert.compiler.compiled import compile
from wengert.compiler.graph.calls import Method
from wengert.compiler.graph.graph import Graph
from wengert.compiler.graph.interpreter import GuardFailed
from wengert.compiler.lowering.lowering import lower
from wengert.compiler.lowering.rules import METHODS, RULES
from wengert.compiler.passes.simplify import simplify
from wengert.compiler.targets.cpu.runner import interpreted, native

X = np.random.default_rng(0).normal(size=(3, 4, 5))
I = np.array([2, 0, -1, 2])  # noqa: E741  (as in formulas)
J = np.array([[1], [3], [-4], [1]])


def changed(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """An array after a call that writes into it."""
    target = args[0] * 1
    function(target, *args[1:], **kwargs)
    return target


def set_item(a: Any, index: Any, value: Any) -> None:
    a[index] = value


GATHERS = {
    "rows": lambda x, i, j: x[i],
    "middle": lambda x, i, j: x[:, i],
    "last": lambda x, i, j: x[..., i],
    "two": lambda x, i, j: x[i, j],
    "two last": lambda x, i, j: x[:, i, j],
    "apart": lambda x, i, j: x[i, :, i],
    "slices": lambda x, i, j: x[1:, ::-1][:, i, 1::2],
    "slice beside": lambda x, i, j: x[::2, i - 1, :3],
    "a number beside": lambda x, i, j: x[i, 1],
    "a number apart": lambda x, i, j: x[0, :, i],
    "new axes": lambda x, i, j: x[None, :, i, None],
    "a view": lambda x, i, j: x.T[i, j],
    "narrow numbers": lambda x, i, j: x[i.astype(np.int8)],
    "take": lambda x, i, j: np.take(x, i),
    "take rows": lambda x, i, j: np.take(x, j, axis=1),
    "take, wrapped": lambda x, i, j: np.take(x, i * 7, axis=-1, mode="wrap"),
    "take, clipped": lambda x, i, j: np.take(x, i * 7, axis=-1, mode="clip"),
    "take_along_axis": lambda x, i, j: np.take_along_axis(x, np.argmax(x, axis=1, keepdims=True), axis=1),
    "constant": lambda x, i, j: x[np.array([1, 0])],
    "constant mask": lambda x, i, j: x[np.array([True, False, True])],
    "constant mask in two axes": lambda x, i, j: x[np.array([[True, False, True, False], [True] * 4, [False] * 4])],
    "one number": lambda x, i, j: [np.take(x, 2, axis=-1), x[:, np.array(1)], np.take(x, np.array(-7))],
    "list": lambda x, i, j: x[[0, 2], 1:],
}  # fmt: skip
SCATTERS = {
    "rows": lambda x, i, j: changed(set_item, x, i, x[:1] * 2),
    "a number": lambda x, i, j: changed(set_item, x, (slice(None), i), 7),
    "the last of equal ones": lambda x, i, j: changed(set_item, x, i, x[[0, 1, 2, 1]]),
    "two": lambda x, i, j: changed(set_item, x, (i, j), 0.5),
    "in slices": lambda x, i, j: changed(set_item, x, (slice(1, None), i), -1.0),
    "a mask": lambda x, i, j: changed(set_item, x, x > 0.5, 0),
    "a mask of rows": lambda x, i, j: changed(set_item, x, x[:, 0, 0] > 0, 3),
    "rows by a mask": lambda x, i, j: changed(set_item, x, (x[:, :, 0] > 0,), x[0, 0]),
    "add.at": lambda x, i, j: changed(np.add.at, x, i, x[:1]),
    "add.at, two": lambda x, i, j: changed(np.add.at, x, (i, j), 1.5),
    "add.at, last": lambda x, i, j: changed(np.add.at, x, (..., i), 1),
    "add.at, one number": lambda x, i, j: changed(np.add.at, x, 1, 2.0),
    "add.at, a number without axes": lambda x, i, j: changed(np.add.at, x, (slice(None), np.array(2)), x[:, 0]),
    "subtract.at": lambda x, i, j: changed(np.subtract.at, x, i, 0.25),
    "to zeros": lambda x, i, j: changed(np.add.at, np.zeros_like(x), (slice(None), i), x[:, :1]),
    "put": lambda x, i, j: changed(np.put, x, i, x[0, 0, :4]),
    "put by a method": lambda x, i, j: changed(lambda a: a.put(i, 2.5), x),
    "put_along_axis": lambda x, i, j: changed(np.put_along_axis, x, np.argmin(x, axis=-1, keepdims=True), 9, axis=-1),
    "copyto": lambda x, i, j: changed(np.copyto, x, x[0], where=x > 0),
    "fill": lambda x, i, j: changed(lambda a: a.fill(2), x),
}  # fmt: skip

A, B = X[0], X[1]
EINSUMS = [
    *("ij->ji", "ij->", "ij->i", "ijk->kj", "ij,ij->", "ij,ij->i", "ij,kj->ik", "ij,kl->iljk", "ij,ij->ij", "ij,kj"),
    *("ijk,jk->i", "ijk,jk->ijk", "ijk,jk->ki", "ij", "ijk", "abj,bj->ab", "ij,ik->jk", "bij,bij->bi", "bij,bkj->bik"),
    *("ij,kj,lj->ikl", "ij,ij,ij->j", "abc,bc,abd->ad"),
]


def operands_of(term: str, x: Any, a: Any, b: Any) -> list[Any]:
    """An array with as many axes as each part of a term has letters."""
    parts = term.partition("->")[0].split(",")
    return [x if len(part) == 3 else b if i else a for i, part in enumerate(parts)]


PRODUCTS = {
    "dot": lambda x, a, b: np.dot(a, b.T),
    "dot of more axes": lambda x, a, b: np.dot(x, b.T),
    "dot with more axes": lambda x, a, b: np.dot(a.T, x),
    "dot of vectors": lambda x, a, b: np.dot(a[0], b[1]),
    "dot of more axes with a vector": lambda x, a, b: np.dot(x, b[1]),
    "dot of a vector": lambda x, a, b: np.dot(a[:, 0], x),
    "a method": lambda x, a, b: a.dot(b.T),
    "inner": lambda x, a, b: np.inner(x, b),
    "vdot": lambda x, a, b: np.vdot(a, b),
    "vecdot": lambda x, a, b: np.vecdot(a, b),
    "outer": lambda x, a, b: np.outer(a, b),
    "outer sums": lambda x, a, b: np.add.outer(a[0], b),
    "tensordot": lambda x, a, b: np.tensordot(x, a),
    "tensordot of axes": lambda x, a, b: np.tensordot(x, b, axes=([2, 1], [1, 0])),
    "tensordot of one axis": lambda x, a, b: np.tensordot(x, b, axes=(1, 0)),
    "tensordot of none": lambda x, a, b: np.tensordot(a, b, axes=0),
    "multi_dot": lambda x, a, b: np.linalg.multi_dot([a, b.T, a, b[0]]),
    "multi_dot of two": lambda x, a, b: np.linalg.multi_dot([a, b.T]),
    "matmul of blocks": lambda x, a, b: x @ b.T,
    **{term: lambda x, a, b, term=term: np.einsum(term, *operands_of(term, x, a, b)) for term in EINSUMS},
    "einsum with an ellipsis": lambda x, a, b: np.einsum("...i,...i->...", x, b),
    "einsum with an implicit ellipsis": lambda x, a, b: np.einsum("...ij,kj", x, b),
    "einsum of a diagonal": lambda x, a, b: np.einsum("iij->ij", x[:, :3]),
    "einsum of a trace": lambda x, a, b: np.einsum("ii,ij->j", a[:, :4], b),
}  # fmt: skip
REDUCTIONS = {
    "argmax": lambda x, a, b: np.argmax(x),
    "argmax by columns": lambda x, a, b: np.argmax(x, axis=1),
    "argmax by rows": lambda x, a, b: x.argmax(-1),
    "argmin": lambda x, a, b: np.argmin(a, axis=0, keepdims=True),
    "argmax of equal ones": lambda x, a, b: np.argmax(np.round(x), axis=-1),
    "argmax with NaN": lambda x, a, b: np.argmax(np.where(x > 0.4, np.nan, x), axis=-1),
    "argmax of booleans": lambda x, a, b: np.argmax(x > 0, axis=1),
    "argmin of integers": lambda x, a, b: np.argmin(np.sign(x) * 1, axis=1),
    "count_nonzero": lambda x, a, b: np.count_nonzero(x > 0, axis=1),
    "ptp": lambda x, a, b: np.ptp(x, axis=-1),
    "nansum": lambda x, a, b: np.nansum(np.where(x > 0, x, np.nan), axis=0),
    "trace": lambda x, a, b: np.trace(x, 1, 1, 2),
    "trace below": lambda x, a, b: np.trace(a, -2),
    "norm": lambda x, a, b: np.linalg.norm(x),
    "norm of rows": lambda x, a, b: np.linalg.norm(x, axis=-1, keepdims=True),
    "norm of matrices": lambda x, a, b: np.linalg.norm(x, "fro", axis=(1, 2)),
    "norms of other orders": lambda x, a, b: [np.linalg.norm(x, o, axis=0) for o in (1, 2, np.inf, -np.inf)],
    "var": lambda x, a, b: np.var(x, axis=1, ddof=1),
    "std": lambda x, a, b: np.std(x),
}  # fmt: skip
SHAPES = {
    "repeat": lambda x, a, b: np.repeat(x, 3, axis=1),
    "repeat all": lambda x, a, b: np.repeat(a, 2),
    "repeat by counts": lambda x, a, b: np.repeat(x, [2, 0, 1], axis=0),
    "tile": lambda x, a, b: np.tile(a, (2, 1, 3)),
    "tile less": lambda x, a, b: np.tile(x, 2),
    "roll": lambda x, a, b: np.roll(x, 2),
    "roll axes": lambda x, a, b: np.roll(x, (1, -2), axis=(0, -1)),
    "roll round": lambda x, a, b: np.roll(a, 4, axis=0) + 1,
    "pad": lambda x, a, b: np.pad(x, 2),
    "pad by pairs": lambda x, a, b: np.pad(a, ((1, 0), (0, 3)), constant_values=1.5),
    "pad by copies": lambda x, a, b: [np.pad(a, ((1, 2), (0, 3)), m) for m in ("edge", "reflect", "symmetric", "wrap")],
    "append": lambda x, a, b: np.append(a, b),
    "concatenate": lambda x, a, b: np.concatenate([a, b, a[:1]], axis=0),
    "stack": lambda x, a, b: np.stack([a, b], axis=-1),
    "hstack": lambda x, a, b: np.hstack([a, b]) + np.vstack([a[:2], b[2:]]).sum(),
    "stacks of vectors": lambda x, a, b: [f([a[0], b[1]]) for f in (np.hstack, np.vstack, np.dstack, np.column_stack)],
    "stacks of arrays": lambda x, a, b: [f([a, b, a * 2]) for f in (np.hstack, np.vstack, np.dstack, np.column_stack)],
    "stacks of more": lambda x, a, b: [f([x, x + 1]) for f in (np.hstack, np.vstack, np.dstack)],
    "triangles": lambda x, a, b: [np.triu(x), np.tril(a, -1), np.triu(b, 2)],
    "diag": lambda x, a, b: [np.diag(a[0]), np.diag(b[1], -2), np.diag(a) * 1],
    "fill_diagonal": lambda x, a, b: changed(np.fill_diagonal, a, 3.5),
    "diff": lambda x, a, b: [np.diff(x), np.diff(x, 2, axis=0)],
    "round": lambda x, a, b: [np.round(x), x.round()],
    "nan_to_num": lambda x, a, b: np.nan_to_num(np.where(x > 1, np.inf, np.where(x < 0, np.nan, x)), posinf=9),
    "select": lambda x, a, b: np.select([x > 1, x > 0], [x, a], -1),
    "views": lambda x, a, b: [np.flip(x), np.rot90(a), np.moveaxis(x, 0, 1), np.squeeze(x[:1]), np.swapaxes(x, 0, 2)],
    "split": lambda x, a, b: [p * 2 for p in np.split(x, [1, 3], axis=1)] + [p + 1 for p in np.array_split(a, 3)],
}  # fmt: skip

EVERYDAY = {
    "sums": lambda x, a, b: [np.sum(x, axis=1), np.prod(a, axis=0), np.mean(x), np.add.reduce(x, axis=2)],
    "reductions of ufuncs": lambda x, a, b: [
        f.reduce(x, axis=1) for f in (np.multiply, np.maximum, np.minimum)
    ] + [f.reduce(x > 0, axis=1) for f in (np.logical_and, np.logical_or)],
    "extremes": lambda x, a, b: [f(x, axis=-1) for f in (np.max, np.amax, np.min, np.amin)],
    "truths": lambda x, a, b: [np.any(x > 1, axis=0), np.all(x < 1, axis=0)],
    "conditions": lambda x, a, b: [x if np.sum(a) > -1e9 else a, b if np.sum(np.abs(b)) else a],
    "like others": lambda x, a, b: [np.ones_like(x) + x, np.full_like(a, 2.5) * a],
    "outer of ufuncs": lambda x, a, b: [
        f.outer(a[0], b[0])
        for f in (np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.equal, np.less)
    ],
    "outer powers": lambda x, a, b: np.power.outer(a[0] ** 2 + 1, b[0]),
    "linalg": lambda x, a, b: [
        np.linalg.matmul(a, b.T), np.linalg.outer(a[0], b[0]), np.linalg.vecdot(a, b), np.linalg.tensordot(x, a)
    ],
    "clip": lambda x, a, b: [np.clip(x, -1, 1), np.clip(x, None, 0.5)],
    "powers": lambda x, a, b: [x**2, x**3],
    "copies": lambda x, a, b: [np.copy(x), np.astype(a, np.float32)],
    "around": lambda x, a, b: np.around(x),
    "reshaped": lambda x, a, b: [
        np.reshape(a.T, -1), np.ravel(a.T), a.T.reshape(-1), a.T.flatten(), a.astype(np.float32)
    ],
}  # fmt: skip
MORE = (ACCUMULATIONS, DEFINED, MATRICES, OF_NUMBERS, SORTING, TRANSFORMS)
# Rules that these traces have no calls for: views, which are written down as such, conversions, which fail a trace, and
# empty arrays, which nothing reads.
NOT_TRACED = {
    *(np.array, np.ascontiguousarray, np.empty_like, np.size),
    *(np.expand_dims, np.squeeze, np.broadcast_to, np.transpose, np.swapaxes, np.moveaxis, np.matrix_transpose),
    *(np.flip, np.flipud, np.fliplr, np.rot90, np.diagonal, np.rollaxis),
    *(np.atleast_1d, np.atleast_2d, np.atleast_3d, Method("transpose")),
}


def lowered(function: Callable[..., Any], *args: Any) -> Graph:
    graph = trace(function, args, {}).graph
    assert graph is not None
    return simplify(lower(graph))


def calls_of(graph: Graph) -> list[str]:
    return [node.text() for node in graph if node.op == "call" and node.settings["function"] not in (bool, int, float)]


class TableTest(unittest.TestCase):
    def check_all(self, table: dict[str, Any], arguments: list[Any], others: list[Any]) -> None:
        """Each case of a table by the interpreter, and the entire table as one plan."""
        for name, f in table.items():
            with self.subTest(name):
                self.assertEqual(calls_of(lowered(f, *arguments)), [])
                self.compare(f, arguments, others, interpreted)
        if INSTALLED:
            self.compare(lambda *args: [f(*args) for f in table.values()], arguments, others, native)

    def compare(self, f: Callable[..., Any], arguments: list[Any], others: list[Any], runner: Any) -> None:
        c = compile(f, runner=runner)
        for values in (arguments, arguments, others, arguments):
            same(c(*values), f(*values), "")
        self.assertTrue(c.plans and c.plans[0].run is not None, c.given_up)


class IndexingTest(TableTest):
    def test_gathers(self) -> None:
        self.check_all(GATHERS, [X, I, J], [X + 1, I[::-1], (J + 1) % 4])

    def test_gathers_of_other_dtypes(self) -> None:
        for dtype in (np.float32, np.int16, np.bool_, np.complex128, np.int64):
            with self.subTest(dtype=dtype):
                table = {name: GATHERS[name] for name in ("rows", "last", "two last", "apart", "constant")}
                self.check_all(table, [X.astype(dtype), I, J], [(X + 1).astype(dtype), I[::-1], (J + 1) % 4])

    def test_scatters(self) -> None:
        self.check_all(SCATTERS, [X, I, J], [X + 1, I[::-1], (J + 1) % 4])
        self.check_all(SCATTERS, [X.astype(np.float32), I, J], [(X + 1).astype(np.float32), I[::-1], (J + 1) % 4])

    def test_scatters_of_complex_numbers(self) -> None:
        names = ("rows", "a number", "two", "in slices", "add.at", "add.at, two", "to zeros", "put", "fill")
        z = X + 1j * X[::-1]
        self.check_all({name: SCATTERS[name] for name in names}, [z, I, J], [z + 1, I[::-1], (J + 1) % 4])

    def test_scatters_of_integers(self) -> None:
        table = {name: SCATTERS[name] for name in ("rows", "add.at", "add.at, last", "to zeros", "put")}
        self.check_all(table, [(X * 9).astype(np.int32), I, J], [(X * 5).astype(np.int32), I[::-1], (J + 1) % 4])

    def test_long_rows(self) -> None:
        table = (np.arange(7 * 640) % 31).reshape(7, 640) / 8.0
        index = np.arange(300).reshape(20, 15) % 7
        fs = {
            "gather": lambda x, i: x[i],
            "scatter": lambda x, i: changed(np.add.at, np.zeros_like(x), i, x[0] * i[..., None]),
            "onto": lambda x, i: changed(np.add.at, x, i, x[1]),
            "blocks": lambda x, i: changed(np.add.at, np.zeros((4, 5, 64)) + x[0, 0], (slice(None), i % 5), 1.0),
        }
        self.check_all(fs, [table, index], [table + 1, (index + 1) % 7])

    def test_out_of_bounds(self) -> None:
        """An index out of bounds raises as it does eagerly, and nothing has been written."""
        for runner in (interpreted, native) if INSTALLED else (interpreted,):
            state = np.zeros(3)

            def f(i: Any, state: Any = state) -> Any:
                state[...] = state + 1
                np.add.at(state, i, 1.0)
                return X[0, :, 0] * 1 + np.take(state, i)

            c = compile(f, runner=runner)
            good = np.array([0, 1, -1, 1])
            for _ in range(3):
                c(good)
            before = state.copy()
            for bad in (3, -4, 1000):
                with self.subTest(runner=runner, bad=bad):
                    state[...] = before
                    with self.assertRaisesRegex(IndexError, f"index {bad} is out of bounds"):
                        c(np.array([0, bad, 1, 0]))
                    np.testing.assert_array_equal(state, before + 1)
            state[...] = before
            c(good)
            np.testing.assert_array_equal(state, before + 1 + np.array([1.0, 2.0, 1.0]))
            self.assertIsNone(c.given_up)

    def test_a_view_at_a_computed_position(self) -> None:
        """An integer of the graph that is the offset of a view is guarded by its value."""
        for f in (
            lambda x: x[np.argmax(x[:, 0])] * 2,
            lambda x: x[: np.argmax(x[:, 0])].sum(),
            lambda x: x[np.argmax(x[:, 0]) :, 1] * 1,
            lambda x: np.split(x, [int(np.argmax(x[:, 0])) + 1])[0] * 1,
            lambda x: x[1, np.argmax(x, axis=1)[0] :] * 1,
        ):
            c = compile(f, runner=interpreted)
            for i in (0, 0, 0, 2, 1, 2, 0, 1):
                x = np.arange(12.0).reshape(4, 3) / 10
                x[i, 0], x[0, i] = 9, 8
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # (numbers that differ each time run eagerly)
                    same(c(x), f(x), f"{i}")

    def test_reshaped_copies(self) -> None:
        """Reshaping an array that is not in C order makes a copy, as it does eagerly."""

        def write(a: Any, value: Any) -> None:
            a[...] = value

        def whole(x: Any) -> Any:
            y = x.T * 2
            flat = y.reshape(-1)
            write(flat, 1.0)
            return y, flat

        def of_zeros(x: Any) -> Any:
            y = np.zeros_like(np.broadcast_to(x[0], (2, 3)))
            flat = np.ravel(y)
            flat += 1
            return y, flat

        def view(x: Any) -> Any:
            y = x.T * 2
            longer = y.reshape(1, 3, 2)
            write(longer, 3.0)
            return y, longer

        def of_part(x: Any) -> Any:
            y = x.T * 2
            flat = y[:, ::-1].reshape(-1)
            write(y, 3.0)
            return y, flat

        for f in (whole, of_zeros, view, of_part):
            with self.subTest(f.__name__), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                c = compile(f, runner=interpreted)
                for i in range(5):
                    x = np.arange(6.0).reshape(2, 3) + i
                    same(c(x), f(x), "")
                if f is not of_part:
                    self.assertTrue(c.plans[0].confirmed)

    def test_sizes_that_depend_on_values(self) -> None:
        """A plan is for a fixed number of elements, even where these are unused, or where there are none."""
        functions: list[Callable[..., Any]] = [
            lambda x: x * len(x[x > 0]),
            lambda x: np.sum(x[x > 5]),
            lambda x: x * np.nonzero(x > 0)[0].size,
            lambda x: x + np.unique(np.sign(x)).size,
            lambda x: x * np.where(x > 1)[0].shape[0],
            lambda x: np.sum(x[: np.sum(x > 0) % 3]) + x,
            lambda x: np.repeat(x, (x > 0).astype(int)).sum() + x[:2],
            lambda x: x + (x > 0)[x > 0].size,
            lambda x: np.sum(np.compress(x > 1.5, x)) * x,
        ]
        for runner in (interpreted, native) if INSTALLED else (interpreted,):
            for i, f in enumerate(functions):
                c = compile(f, runner=runner)
                for sign in (
                    [1, 1, 1],
                    [1, 1, 1],
                    [1, -1, 1],
                    [1, 1, 1],
                    [-1, -1, -1],
                    [9, 9, -1],
                    [1, 1, 1],
                    [9, 9, 9],
                ):
                    x = np.array([1.0, 2.0, 3.0]) * sign
                    with self.subTest(runner=runner, i=i, sign=sign), warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        same(c(x), f(x), "")

    def test_a_guard_comes_before_the_values_that_it_guards(self) -> None:
        graph = lowered(lambda x, i: bool(np.sum(x[i]) > 1e9), X, I)
        guards = [node for node in graph.effects if node.op == "guard"]
        self.assertEqual(len(guards), 2)
        order = {node: k for k, node in enumerate(graph.nodes)}
        gather = next(node for node in graph if node.op == "kernel")
        self.assertLess(order[guards[0]], order[gather])
        from wengert.compiler.graph.interpreter import interpret

        with self.assertRaises(GuardFailed):
            interpret(graph, [X, I + 5])


class CoverageTest(unittest.TestCase):
    def test_every_rule_has_a_case(self) -> None:
        met: set[Any] = set()
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore", RuntimeWarning)
        for table in (GATHERS, SCATTERS, PRODUCTS, REDUCTIONS, SHAPES, EVERYDAY, *MORE):
            for f in table.values():
                graph = trace(f, (X, I, J) if table in (GATHERS, SCATTERS) else (X, A, B), {}).graph
                assert graph is not None
                met |= {node.settings["function"] for node in graph if node.op == "call"}
        met |= {METHODS[f.name] for f in met if isinstance(f, Method) and f.name in METHODS}
        missing = [getattr(f, "__qualname__", f.__name__) for f in RULES if f not in met | NOT_TRACED]
        self.assertEqual(missing, [], "add a case to one of the tables above")


class OthersTest(TableTest):
    def test_calls_by_inner_loops_and_definitions(self) -> None:
        for table in MORE:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # (of no numbers but NaN)
                self.check_all(table, [X, A, B], [X + 0.5, A * 1.5, B - 0.25])

    def test_products(self) -> None:
        for dtype in (np.float64, np.float32):
            arguments = [v.astype(dtype) for v in (X, A, B)]
            self.check_all(PRODUCTS, arguments, [v + dtype(0.5) for v in arguments])

    def test_reductions(self) -> None:
        self.check_all(REDUCTIONS, [X, A, B], [X[::-1] + 1, A - 1, B])

    def test_everyday_calls(self) -> None:
        self.check_all(EVERYDAY, [X, A, B], [X[::-1] + 1, A - 1, B])

    def test_shapes(self) -> None:
        self.check_all(SHAPES, [X, A, B], [X[::-1] + 1, A - 1, B])
        self.check_all(SHAPES, [v.astype(np.float32) for v in (X, A, B)], [v.astype(np.float32) for v in (X + 1, B, A)])


if __name__ == "__main__":
    unittest.main()
