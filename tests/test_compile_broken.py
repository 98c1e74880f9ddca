"""Mutation tests of the passes: the graph verifier, or the comparison with eager calls, must report each defect."""

import re
import unittest
import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

from tests.installed import needs_llvm
from wengert import Parameter
from wengert.compiler.compiled import CompileWarning, compile
from wengert.compiler.graph.build import constant, elementwise, reduction, strided
from wengert.compiler.graph.graph import Graph, Node, VerificationError
from wengert.compiler.lowering import lowering
from wengert.compiler.lowering.rules import RULES
from wengert.compiler.passes import legalize, simplify
from wengert.compiler.targets.cpu.runner import interpreted, native

X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])


def formula(x: Any) -> Any:
    """A function that exercises every pass."""
    y = np.sin(x) * 1 + np.sin(x) * 2
    y[0] = y[1] * (np.zeros_like(x[0]) + 2) + x[0]
    z = np.stack([y, x @ x.T @ y]).sum(axis=0)
    return z, y, np.max(z, axis=1), np.mean(x * 0.5 - 0.0), x[::-1] * 1


class Caught(unittest.TestCase):
    def check(self, target: Any, name: str, broken: Any, *, runner: Any = interpreted, f: Any = formula) -> str:
        """Run a function with a broken part of the compiler, and return the message."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            original = compile(f, verify=2, runner=runner)
            for i in range(5):
                original(X + 0.1 * i)
        c = compile(f, verify=2, runner=runner)
        patch = (
            mock.patch.dict(target, {name: broken})
            if isinstance(target, dict)
            else mock.patch.object(target, name, broken)
        )
        with patch, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                for i in range(5):
                    c(X + 0.1 * i)
            except VerificationError as error:
                return str(error)
        found = [str(w.message) for w in caught if issubclass(w.category, CompileWarning)]
        self.assertTrue(found, f"the broken {name} was not detected")
        return found[0]

    def caught(self, pattern: str, *args: Any, **kwargs: Any) -> None:
        said = self.check(*args, **kwargs)
        self.assertTrue(re.search(pattern, said), said)


DIFFERS = r"compiled, differs from eager: the result\[\d\].* is .*, but eager"
DEFECT = r"because of a defect in the compiler: VerificationError: %\d+: "


class SimplifyTest(Caught):
    def test_algebra(self) -> None:
        def wrong(ufunc: Any, parts: list[Any], node: Node) -> Node | None:
            return parts[0] if ufunc is np.multiply and parts[1] == 2 else None

        def other_shape(ufunc: Any, parts: list[Any], node: Node) -> Node | None:
            return None if ufunc is not np.multiply else constant(np.zeros(node.shape or (), node.dtype))

        self.caught(DIFFERS, simplify, "algebra", wrong)
        self.caught(DIFFERS, simplify, "algebra", other_shape)

    def test_folding(self) -> None:
        original = simplify.fold

        def wrong(node: Node, operands: tuple[Node, ...]) -> Node:
            found = original(node, operands)
            return constant(found.settings["array"] + 1) if found.op == "constant" and node.op != "constant" else found

        def other_shape(node: Node, operands: tuple[Node, ...]) -> Node:
            found = original(node, operands)
            return constant(np.zeros(7)) if found.op == "constant" else found

        self.caught(DIFFERS, simplify, "fold", wrong)
        self.caught(DEFECT + ".*(broadcast|shape)", simplify, "fold", other_shape)

    def test_sharing(self) -> None:
        self.caught(
            DIFFERS, simplify, "settings_key", lambda node: 0 if node.op in ("elementwise", "view") else id(node)
        )

    def test_what_comes_later(self) -> None:
        original = lowering.lower

        def backwards(graph: Graph) -> Graph:
            found = original(graph)
            found.nodes.reverse()
            return found

        self.caught("defect in the compiler|comes later", "wengert.compiler.compiled", "lower", backwards)

    def check(self, target: Any, name: str, broken: Any, **kwargs: Any) -> str:
        if isinstance(target, str):
            import importlib

            target = importlib.import_module(target)
        return super().check(target, name, broken, **kwargs)


class LoweringTest(Caught):
    def test_a_wrong_rule(self) -> None:
        def largest(line: str, a: Any, axis: Any = None, **kwargs: Any) -> Any:
            return reduction(np.minimum, a, axis, False, None, line)

        self.caught(DIFFERS, RULES, np.max, largest)

    def test_a_rule_that_reaches_too_far(self) -> None:
        def beyond(line: str, a: Any, axis: Any = None, **kwargs: Any) -> Any:
            return strided(a, (2,), (6,), 0, line)

        self.caught(DEFECT + ".*it reads the elements 0 to 6 of memory that reaches from 0 to 5", RULES, np.max, beyond)

    def test_a_rule_of_another_shape(self) -> None:
        """Such a rule does not apply: the call stays, and is correct."""

        def other(line: str, a: Any, axis: Any = None, **kwargs: Any) -> Any:
            return elementwise(np.sin, a)

        c = compile(formula, verify=2, runner=interpreted)
        with mock.patch.dict(RULES, {np.max: other}):
            for i in range(5):
                c(X + i)
        self.assertIsNone(c.given_up)
        self.assertEqual(c.to_verify, 0)


@needs_llvm
class NativeTest(Caught):
    """Passes of native plans."""

    def test_legalize(self) -> None:
        original = legalize.split_reduction

        def wrong(node: Node, x: Node, again: Node) -> Node:
            found = original(node, x, again)
            return elementwise(np.negative, found) if node.settings["ufunc"] is np.maximum else found

        self.caught(DIFFERS, legalize, "split_reduction", wrong, runner=native)

    def test_fusion(self) -> None:
        """Fused loops in an order in which values are used before they are computed."""
        from wengert.compiler.schedule import rematerialize

        original = rematerialize.fuse

        def swapped(graph: Graph) -> Any:
            steps = original(graph)
            return [*steps[1:], steps[0]]

        self.caught("differs from eager|defect in the compiler", rematerialize, "fuse", swapped, runner=native)

    def test_fusion_of_what_must_wait(self) -> None:
        """Fused loops that overwrite elements before they are read."""
        from wengert.compiler.schedule.fusion import Fusion

        def f(x: Any) -> Any:
            y = np.sin(x)
            return y / y.sum(axis=0), y[::-1] * y, (y @ y.T) * 2

        self.caught(
            "differs from eager|defect in the compiler", Fusion, "may_follow", lambda *_: True, runner=native, f=f
        )

    def test_memory_in_place(self) -> None:
        """An update in place of an array that is still live."""
        from wengert.compiler.schedule import fusion

        def always(graph: Graph, may_overwrite: Any) -> Any:
            return graph.nodes, {x.operands[0]: x for x in graph if x.op == "update" and may_overwrite(x)}

        def f(x: Any) -> Any:
            y = np.sin(x @ x.T @ x)
            z = y.copy()
            z[0] = 1.0
            return y * 2 + z.sum(), z @ x.T, y @ x.T

        self.caught("differs from eager|defect in the compiler", fusion, "in_place_order", always, runner=native, f=f)

    def test_memory_that_is_used_again(self) -> None:
        from wengert.compiler.schedule import memory_plan

        def at_once(storages: Any) -> int:
            for storage in storages:
                storage.offset = 0
            return max((s.size for s in storages), default=0) + 4096

        self.caught(DIFFERS, memory_plan, "assign_offsets", at_once, runner=native)

    def test_code(self) -> None:
        from wengert.compiler.targets.llvm import llvm_ufuncs

        target: dict[Any, Any] = llvm_ufuncs.RULES
        entry = target[np.maximum]
        wrong = (entry[0], target[np.minimum][1])

        def f(x: Any) -> Any:
            return np.maximum(x, 0.25) * 2

        self.caught("differs from eager: the result.* is .*, but eager", target, np.maximum, wrong, runner=native, f=f)


class VerifyTest(unittest.TestCase):
    """verify= compares results, state and gradients, and reports the first difference."""

    def differ(self, f: Callable[..., Any], graph_changed: Callable[[Graph], Graph], pattern: str) -> Any:
        def runner(graph: Graph) -> Any:
            return interpreted(graph_changed(graph))

        c = compile(f, verify=3, runner=runner)
        with self.assertRaisesRegex(VerificationError, pattern):
            for i in range(5):
                c(X[0] * (i + 1))
        return c

    def test_gradients_and_state(self) -> None:
        w, state_array = Parameter(np.ones(3)), np.zeros(3)

        def step(x: Any) -> Any:
            w.grad = None
            loss = np.sum(np.tanh(w * x))
            loss.backward()
            state_array[...] = state_array * 0.5 + x
            return loss.data * 1

        def change_of(part: Callable[[Graph], Node]) -> Callable[[Graph], Graph]:
            def change(graph: Graph) -> Graph:
                target = part(graph)
                twice = elementwise(np.multiply, target, 2.0)
                return Graph(
                    graph.inputs,
                    [twice if x is target else x for x in graph.results],
                    [(into, twice if x is target else x) for into, x in graph.assignments],
                    graph.effects,
                )

            return change

        state = change_of(lambda graph: graph.assignments[0][1])
        self.differ(
            step, state, r"step, compiled, differs from eager: state_array\[0\] is .*, but eager .*3 of 3 elements"
        )
        gradient = change_of(lambda graph: next(x for x in graph.results if x.shape == (3,)))
        self.differ(step, gradient, r"step, compiled, differs from eager: w\.\w*grad\w*.*\[0\] is .*, but eager")
        result = change_of(lambda graph: next(x for x in graph.results if x.shape == ()))
        c = self.differ(step, result, r"step, compiled, differs from eager: the result\S* is .*, but eager")
        self.assertLess(c.to_verify, 3)

    def test_the_state_is_that_of_the_eager_call(self) -> None:
        state_array = np.zeros(3)

        def count(x: Any) -> None:
            state_array[...] = state_array + 1

        forgetful: Callable[[Graph], Graph] = lambda graph: Graph(graph.inputs, graph.results, [], graph.effects)  # noqa: E731
        self.differ(count, forgetful, r"count, compiled, differs from eager: state_array\[0\]")
        np.testing.assert_array_equal(state_array, np.full(3, 3.0))


if __name__ == "__main__":
    unittest.main()
