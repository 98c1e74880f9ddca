"""CONTRIBUTING.md: its programs run, and what it names exists."""

import ast
import doctest
import importlib
import importlib.util
import re
import textwrap
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import wengert
from tests import misuse, test_array_kinds, test_compile_lowering, test_optimizers
from tests.table_snapshot import TableSnapshot
from tests.test_derivatives import CasesOfModule
from wengert.arrays import table
from wengert.compiler.lowering.rules import RULES

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TRAINING = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
WITH = {name: importlib.util.find_spec(name) is not None for name in ("scipy", "sklearn")}


def programs() -> dict[str, list[str]]:
    """The programs of each walk, by its title; the first line of each says where it goes.

    Parts of a list or dict are marked as text, for a formatter would make tuples of them.
    """
    return {
        part.partition("\n")[0]: [
            textwrap.dedent(block) for block in re.findall(r"```(?:python|text)\n(.*?)```", part, re.DOTALL)
        ]
        for part in PAGE.split("\n### ")[1:]
    }


def place_of(program: str) -> tuple[str, str]:
    """The file that a program belongs to, and the list or dict that it is a part of."""
    found = re.match(r"# ([\w/]+\.py)(?:, in (\w+))?\n", program)
    assert found is not None, program
    return found[1], found[2] or ""


def names_of(path: str) -> dict[str, Any]:
    """The names of a module as it is; of a file that is not there yet, its own name alone."""
    module = path.removesuffix(".py").replace("/", ".")
    return dict(vars(importlib.import_module(module))) if (ROOT / path).exists() else {"__name__": module}


def class_names(test: str) -> set[str]:
    """The classes of a test module and their methods, as far as they can be read without running it."""
    path = ROOT / f"{test.replace('.', '/')}.py"
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {f"{c.name}.{f.name}" for c in classes for f in c.body if isinstance(f, ast.FunctionDef)}


def exists(test: str) -> bool:
    """Whether a test of a dotted name exists; the classes of tests.test_derivatives are made for each table."""
    module, name, method = test.rsplit(".", 2)
    if module == "tests.test_derivatives" and name.endswith("_cases"):
        return (ROOT / "tests" / "cases" / f"{name.removesuffix('_cases')}.py").exists() and hasattr(
            CasesOfModule, method
        )
    return f"{name}.{method}" in class_names(module)


class NamesTest(unittest.TestCase):
    def test_files(self) -> None:
        new = {place_of(p)[0] for blocks in programs().values() for p in blocks if p.splitlines()[1].startswith('"""')}
        named = set(re.findall(r"(?:wengert|tests|docs|\.ci)/[\w/.]*\w", PAGE))
        named |= set(re.findall(r"\]\(([^)#]+)\)", PAGE))
        self.assertGreater(len(named), 20)
        missing = {path for path in named if not (ROOT / path).exists()}
        self.assertEqual(missing - new, set())

    def test_tests(self) -> None:
        named = {name.strip(".") for name in re.findall(r"tests(?:\.\w+){3}", PAGE)}
        self.assertGreater(len(named), 12)
        self.assertEqual([name for name in sorted(named) if not exists(name)], [])
        self.assertFalse(exists("tests.test_architecture.SizeTest.test_nothing"))
        self.assertFalse(exists("tests.test_nowhere.SizeTest.test_core_is_read_in_one_sitting"))

    def test_targets(self) -> None:
        there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        named = set(re.findall(r"`make ([a-z-]+)`", PAGE))
        self.assertLessEqual({"test", "lint", "types", "fuzz", "torture", "bench"}, named)
        self.assertEqual(named - there, set())

    def test_packages(self) -> None:
        named = set(re.findall(r"`(\w+)/`", PAGE)) - {"wengert"}
        there = {path.parent.name for path in (ROOT / "wengert").glob("*/__init__.py")}
        self.assertEqual(named, there)

    def test_it_is_short(self) -> None:
        self.assertLess(PAGE.count("\n"), 300)


class WalksTest(unittest.TestCase):
    """Each walk as the page has it, without a change to the files."""

    def setUp(self) -> None:
        rows = TableSnapshot()
        rows.save()
        self.addCleanup(rows.restore)

    def blocks(self, title: str) -> dict[str, tuple[str, dict[str, Any]]]:
        """The programs of a walk by where they go, with the names that they meet there."""
        found = {}
        for program in programs()[title]:
            path, name = place_of(program)
            found[path] = (f"[{program}]" if name else program), names_of(path)
        return found

    def run_block(self, blocks: dict[str, tuple[str, dict[str, Any]]], path: str) -> dict[str, Any]:
        program, names = blocks[path]
        exec(compile(program, path, "exec"), names)
        return names

    def items(self, blocks: dict[str, tuple[str, dict[str, Any]]], path: str) -> Any:
        """What a program adds to a list or to a dict."""
        program, names = blocks[path]
        if re.search(r'^"\w+":', program, re.MULTILINE):
            program = "{" + program[1:-1] + "}"
        return eval(compile(program, path, "eval"), names)

    def check_cases(self, cases: Any) -> None:
        kind = type("Cases", (CasesOfModule, unittest.TestCase), {"cases": cases})
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(kind).run(result)
        self.assertEqual([text for _, text in result.failures + result.errors], [])
        self.assertGreater(result.testsRun, 3)

    def check_examples(self, name: str, room: Any, public: Any) -> None:
        """The examples of a class, as they run once it is exported."""
        with mock.patch.object(room, name, public, create=True):
            names = (
                {**vars(importlib.import_module(public.__module__)), name: public} if room is wengert.datasets else {}
            )
            test = doctest.DocTestParser().get_doctest(public.__doc__, names, name, None, None)
            self.assertGreater(len(test.examples), 1)
            report: list[str] = []
            doctest.DocTestRunner().run(test, out=report.append)
            self.assertEqual(report, [])

    @unittest.skipUnless(WITH["scipy"], "needs scipy: pip install wengert[scipy]")
    def test_a_derivative_of_a_ufunc(self) -> None:
        blocks = self.blocks("A derivative of a ufunc")
        cases = self.items(blocks, "tests/cases/scipy_bessel.py")
        del table.UFUNCS[cases[0].function]  # (it has its row by now)
        with self.assertRaisesRegex(TypeError, "itstruve0 has no derivative here"):
            cases[0].call(wengert.Variable(np.ones(2)))
        self.run_block(blocks, "wengert/functions/scipy_integrals.py")
        self.check_cases(cases)

    def test_a_pullback(self) -> None:
        blocks = self.blocks("A pullback of a NumPy function")
        cases = self.items(blocks, "tests/cases/complex_parts.py")
        with self.assertRaisesRegex(TypeError, "sqrt has no derivative here"):
            cases[0].call(wengert.Variable(np.ones(2)))
        path = "wengert/functions/complex_parts.py"
        needed = re.search(r"`(from wengert\S* import strong_zero_multiply)`", PAGE)
        assert needed is not None
        exec(needed[1], blocks[path][1])
        self.run_block(blocks, path)
        self.check_cases(cases)

    def test_a_lowering_rule(self) -> None:
        blocks = self.blocks("A lowering rule of the compiler")
        table = self.items(blocks, "tests/test_compile_lowering.py")
        x, a, b = test_compile_lowering.X, test_compile_lowering.A, test_compile_lowering.B
        (f,) = table.values()
        self.assertRegex(str(test_compile_lowering.calls_of(test_compile_lowering.lowered(f, x, a, b))), "isreal")
        with mock.patch.dict(RULES):
            self.run_block(blocks, "wengert/compiler/lowering/elementwise_rules.py")
            test_compile_lowering.TableTest().check_all(table, [x, a, b], [x + 1, a, b])

    def test_a_layer(self) -> None:
        blocks = self.blocks("A layer")
        layer = self.run_block(blocks, "wengert/layers/prelu.py")["PReLU"]
        self.check_examples("PReLU", wengert.layers, layer)
        with mock.patch.object(wengert.layers, "PReLU", layer, create=True):
            made = self.items(blocks, "tests/test_array_kinds.py")
            with mock.patch.dict(test_array_kinds.LAYERS, made, clear=True):
                for name in ("test_layers", "test_layers_of_variables"):
                    if hasattr(test_array_kinds.MemmapTest, name):
                        self.check(test_array_kinds.MemmapTest(name))
            (call,) = self.items(blocks, "tests/misuse_calls/layers.py").values()
            with mock.patch.dict(misuse.cases(), {"PReLU": call}):
                found = [misuse.judge(trial) for trial in misuse.trials(["PReLU"])]
        self.assertEqual([each for each in found if each is not None], [])

    def check(self, test: unittest.TestCase) -> None:
        result = unittest.TestResult()
        test.run(result)
        self.assertEqual([text for _, text in result.failures + result.errors], [])

    def test_an_optimizer(self) -> None:
        blocks = self.blocks("An optimizer")
        optimizer = self.run_block(blocks, "wengert/optimizers/sign_sgd.py")["SignSGD"]
        self.check_examples("SignSGD", wengert.optimizers, optimizer)
        each = self.items(blocks, "tests/test_optimizers.py")
        with (
            mock.patch.object(wengert.optimizers, "SignSGD", optimizer, create=True),
            mock.patch.object(test_optimizers, "EACH", each),
        ):
            self.check(test_optimizers.MinimisingTest("test_each_finds_the_minimum_of_a_quadratic"))
            self.check(test_optimizers.InPlaceTest("test_gradients_stay_as_they_are"))

    @unittest.skipUnless(WITH["sklearn"], "needs scikit-learn: pip install wengert[train]")
    def test_a_data_set(self) -> None:
        dataset = self.run_block(self.blocks("A data set"), "wengert/datasets/scikit_learn.py")["Wine"]
        self.check_examples("Wine", wengert.datasets, dataset)
        self.assertEqual((len(dataset()), len(dataset(train=False))), (142, 36))


class TrainingPageTest(unittest.TestCase):
    def test_it_names_all_that_is_public(self) -> None:
        named = set(re.findall(r"`(\w+)`", TRAINING))
        missing = []
        for room in (wengert.layers, wengert.optimizers, wengert.datasets):
            for name in room.__all__:
                if isinstance(getattr(room, name), type):
                    missing += [name] if re.sub("[23]d$", "1d", name) not in named else []
        self.assertEqual(missing, [], "name these in docs/training.md")


if __name__ == "__main__":
    unittest.main()
