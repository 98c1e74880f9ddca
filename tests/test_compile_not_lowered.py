"""Unusual calls: a rule lowers them or raises NotLowered; any other error is a defect."""

import unittest
from typing import Any
from unittest import mock

import numpy as np

import wengert
from tests.compiled_programs import same
from wengert.compiler.compiled import CompileWarning
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.lowering import rules

A = np.arange(12.0).reshape(3, 4) / 7 - 0.5
V = np.array([0.5, -1.5, 2.0, 0.25])
S = np.array(0.75)
EMPTY = np.zeros((0, 3))
MASK = np.array([True, False, True, True])
ROWS = np.array([2, 0, 1])
U8 = np.array([1, 5, 250], np.uint8)
Z = np.array([1 + 2j, -0.5j])

UNUSUAL: dict[str, tuple[Any, Any]] = {
    # a 0-d array where NumPy treats it as one of one element
    "take of 0-d": (lambda a: np.take(a, [0], axis=0), S),
    "repeat of 0-d": (lambda a: np.repeat(a, 3, axis=0), S),
    "argmax of 0-d": (lambda a: np.argmax(a, axis=0), S),
    "sum of 0-d": (lambda a: np.sum(a, axis=0), S),
    "roll of 0-d": (lambda a: np.roll(a, 1), S),
    "sort of 0-d": (lambda a: np.sort(a, axis=None), S),
    "triu of a vector": (np.triu, V),
    "tril of a vector": (lambda a: np.tril(a, 1), V),
    # rarely used keywords
    "std with where": (lambda a: np.std(a, where=MASK), A),
    "std with mean": (lambda a: np.std(a, mean=np.mean(a, keepdims=True)), A),
    "var with correction": (lambda a: np.var(a, correction=1), A),
    "sum with where": (lambda a: np.sum(a, where=MASK), A),
    "sum with initial": (lambda a: np.sum(a, initial=2.0), A),
    "max with where": (lambda a: np.max(a, where=MASK, initial=-9.0), A),
    "mean with where": (lambda a: np.mean(a, where=MASK), A),
    "add.reduce with initial": (lambda a: np.add.reduce(a, initial=3.0), V),
    "zeros_like of another shape": (lambda a: np.zeros_like(a, shape=2) + a[0, :2], A),
    "ones_like of another shape": (lambda a: np.ones_like(a, shape=4) + a, A),
    "full_like of a row": (lambda a: np.full_like(a, a[0]), A),
    "full_like in order F": (lambda a: np.full_like(a, 2, order="F") * a, A),
    "clip by a row": (lambda a: np.clip(a, V - 1, None), A),
    "nan_to_num by arrays": (lambda a: np.nan_to_num(a, nan=V), A),
    "around": (lambda a: np.around(a, 2), A),
    "astype by name": (lambda a: a.astype("f4"), A),
    "reshape in order F": (lambda a: np.reshape(a, (4, 3), order="F"), A),
    "ravel in order F": (lambda a: np.ravel(a, order="F"), A),
    "concatenate to a dtype": (lambda a: np.concatenate([a, a], dtype=np.float32, casting="same_kind"), A),
    "concatenate of the rows of an array": (np.concatenate, A),
    "stack of the rows of an array": (np.stack, A),
    "vstack of the rows of an array": (np.vstack, A),
    "hstack of the rows of an array": (np.hstack, A),
    "concatenate with axis None": (lambda a: np.concatenate([a, a[0]], axis=None), A),
    "concatenate with numbers": (lambda a: np.concatenate([a[0], [1, 2]]), A),
    "select of an array of choices": (lambda a: np.select([a > 0, a < -0.2], np.stack([a, -a])), A),
    "tensordot by arrays of axes": (lambda a: np.tensordot(a, a, axes=np.array([[0, 1], [0, 1]])), A),
    "tensordot over nothing": (lambda a: np.tensordot(a, V, axes=0), A),
    "einsum by lists": (lambda a: np.einsum(a, [0, 1], [1, 0]), A),
    "einsum with dtype": (lambda a: np.einsum("ij->j", a, dtype=np.float32, casting="same_kind"), A),
    "einsum with a broadcast axis": (lambda a: np.einsum("ij,ij->i", a, a[:, :1] * np.ones((1, 4))), A),
    "einsum of an ellipsis": (lambda a: np.einsum("...j,...j", a, a), A),
    "multi_dot": (lambda a: np.linalg.multi_dot([a, a.T, a, V]), A),
    "norm of a matrix": (lambda a: np.linalg.norm(a, 2), A),
    "norm of order 3": (lambda a: np.linalg.norm(a, 3, axis=0), A),
    "trace of another type": (lambda a: np.trace(a, dtype=np.float32), A),
    "diagonal below": (lambda a: np.diag(np.diag(a, -1), 2), A),
    "pad by a dict of modes": (lambda a: np.pad(a, ((1, 0), (0, 2)), "linear_ramp", end_values=1.0), A),
    "pad by two constants": (lambda a: np.pad(a, 1, constant_values=((1, 2), (3, 4))), A),
    "pad odd": (lambda a: np.pad(a, 2, "reflect", reflect_type="odd"), A),
    "tile by more axes": (lambda a: np.tile(a, (2, 1, 2)), A),
    "tile by none": (lambda a: np.tile(a, ()), A),
    "roll by several": (lambda a: np.roll(a, (1, 2), (0, 1)), A),
    "repeat by counts": (lambda a: np.repeat(a, [1, 0, 2], axis=0), A),
    "diff with prepend": (lambda a: np.diff(a, prepend=0), A),
    "diff of none": (lambda a: np.diff(a, n=0), A),
    "where of one": (lambda a: np.where(a > 0)[0] + 0, A),
    "take in mode clip": (lambda a: np.take(a, [0, 9], axis=1, mode="clip"), A),
    "take_along_axis, broadcast": (lambda a: np.take_along_axis(a, np.argsort(a, axis=0)[:1], axis=0), A),
    "take_along_axis, one row": (lambda a: np.take_along_axis(a, np.array([[1], [0], [2]]), axis=1), A),
    "an element counted from the end": (lambda a: a[-1, -2], A),
    "an element by an array of no dimension": (lambda a: a[np.array(1)], A),
    "elements by a list": (lambda a: a[[0, -1]], A),
    "elements by two arrays": (lambda a: a[ROWS[:, None], ROWS], A),
    "elements by a mask of rows": (lambda a: a[:, MASK], A),
    "a new axis beside arrays": (lambda a: a[ROWS, None], A),
    "nothing of nothing": (lambda a: a[:0].sum(axis=0), A),
    "slices of nothing": (lambda a: a[:, 1:] + 1, EMPTY),
    # numbers that exceed the other operand's dtype, booleans as numbers
    "compared with a number that exceeds the dtype": (lambda a: (a > -1) & (a < 300), U8),
    "clipped by a number that exceeds the dtype": (lambda a: np.clip(a, 2, None), U8),
    "a boolean as a number": (lambda a: a * True + False, A),
    "bitwise with a boolean": (lambda a: (a > 0) & True, A),
    "power by a boolean": (lambda a: a**True, A),
    "power by integers": (lambda a: a ** np.array([2, 0, 1, 3]), A),
    "power of integers": (lambda a: (a % 3) ** 2, U8),
    "complex power": (lambda z: z**2 + z**0.5, Z),
    "floor_divide of complex by real": (lambda z: z / 2, Z),
    "logical of floats": (lambda a: np.logical_xor(a, 1.0), V),
    "copysign by a number": (lambda a: np.copysign(a, -1), V),
    "outer by a method": (lambda a: np.add.outer(a, a), V),
    "accumulate": (lambda a: np.add.accumulate(a), V),
    "average by weights": (lambda a: np.average(a, axis=0, weights=[1.0, 2.0, 3.0]), A),
    "interp": (lambda a: np.interp(a, [0.0, 1.0, 2.0], [1.0, 3.0, 2.0]), V),
    "swapaxes": (lambda a: np.swapaxes(a, 0, -1)[..., None], A),
    "rot90": (lambda a: np.rot90(a, -1), A),
    "atleast of several": (lambda a: np.atleast_2d(a, V)[1] + 0, A),
    "broadcast_to": (lambda a: np.broadcast_to(a, (2, 4)) * 2, V),
    "squeeze": (lambda a: np.squeeze(a[None], axis=(0,)), A),
}


class UnusualCallsTest(unittest.TestCase):
    def test_are_compiled_and_right(self) -> None:
        for name, (function, x) in UNUSUAL.items():
            with self.subTest(name):
                compiled = wengert.compile(function)
                with np.errstate(all="ignore"):
                    for factor in (1, 1, 1):
                        given = (x * factor).astype(x.dtype)
                        same(compiled(given), function(given), name)
                self.assertIsNone(compiled.given_up)

    def test_of_values_that_are_known_at_run_time(self) -> None:
        """A 0-d array as an argument that must be a number: its value is known at run time only."""
        programs: dict[str, Any] = {
            "roll": lambda a, k: np.roll(a, k),
            "diag": lambda a, k: np.diag(a, k),
            "repeat": lambda a, k: np.repeat(a, k),
            "take": lambda a, k: np.take(a, k),
            "eye": lambda a, k: np.tri(3, k=k) + a[0],
            "an index": lambda a, k: a[k],
            "a slice": lambda a, k: a[:k],
        }
        for name, function in programs.items():
            with self.subTest(name):
                compiled = wengert.compile(function)
                for k in (1, 1, 1, 2):
                    same(compiled(V, np.array(k)), function(V, np.array(k)), name)


class NotLoweredTest(unittest.TestCase):
    def test_a_node_has_no_value(self) -> None:
        node = Node("constant", (), {"array": V}, V.shape, V.dtype)
        for ask in (int, float, len, list, abs, range, lambda x: x + 1, lambda x: 1 % x, lambda x: x < 2):
            with self.assertRaisesRegex(NotLowered, "known at run time only"):
                ask(node)
        self.assertTrue(node)

    def test_a_defect_of_a_rule_is_reported(self) -> None:
        for error in (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError):

            def defective(line: str, a: Any, by: Any, error: Any = error) -> Any:
                raise error("a rule's own")

            with mock.patch.dict(rules.RULES, {np.roll: defective}):
                compiled = wengert.compile(lambda a: np.roll(a, 1))
                with self.assertWarnsRegex(CompileWarning, f"because of a defect in the compiler: {error.__name__}"):
                    for _ in range(3):
                        compiled(V)

    def test_arguments_that_a_rule_has_no_parameters_for(self) -> None:
        self.assertTrue(rules.takes(rules.RULES[np.roll], 3, ("axis",)))
        self.assertFalse(rules.takes(rules.RULES[np.roll], 3, ("other",)))
        self.assertFalse(rules.takes(rules.RULES[np.roll], 9, ()))


if __name__ == "__main__":
    unittest.main()
