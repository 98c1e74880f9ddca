"""The architecture: which package may import which, how big each may be, and that no garbage is left."""

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
import unittest
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from tests.garbage import garbage_of
from wengert import Function, Variable

PACKAGE = Path(wengert.__file__).resolve().parent

# From below to above: a package imports itself and the packages before it in its line, and nothing else.
ENGINE = ["arrays", "checks", "core", "custom", "singular"]
LINES = [
    [*ENGINE, "functions", "writes", "batching", "forward", "transforms", "implicit", "scipy"],
    [*ENGINE, "functions", "writes", "batching", "forward", "transforms", "sparse"],
    [*ENGINE, "functions", "writes", "batching", "forward", "transforms", "layers", "models"],
    [*ENGINE, "functions", "writes", "batching", "forward", "transforms", "layers", "optimizers"],
    [*ENGINE, "functions", "writes", "batching", "forward", "transforms", "layers", "datasets"],
    [*ENGINE, "functions", "writes", "batching", "forward", "transforms", "layers", "models", "training"],
    [*ENGINE, "functions", "writes", "batching", "forward", "transforms", "layers", "optimizers", "training"],
    [*ENGINE, "functions", "writes", "batching", "forward", "transforms", "layers", "datasets", "training"],
    [*ENGINE, "functions", "writes", "batching", "forward", "transforms", "layers", "models", "sklearn"],
    [*ENGINE, "functions", "writes", "batching", "forward", "transforms", "layers", "optimizers", "sklearn"],
    [*ENGINE, "functions", "writes", "batching", "forward", "compiler", "sklearn"],
    [*ENGINE, "functions", "writes", "batching", "forward", "transforms", "layers", "onnx"],
    [*ENGINE, "functions", "writes", "batching", "forward", "transforms", "layers", "parallel", "training"],
    [*ENGINE, "drawing"],
    [*ENGINE, "functions", "writes", "batching", "forward", "compiler", "training"],
    [*ENGINE, "drawing", "compiler", "training"],
]
# Inside the compiler, likewise: a graph is captured, lowered, rewritten, scheduled, and made a native program.
GROUND = ["forking", "once", "machine", "graph"]
NATIVE = [*GROUND, "kernels", "targets.llvm", "lowering", "passes", "schedule", "targets.cpu", "guards", "report"]
COMPILER_LINES = [NATIVE, [*GROUND, "capture", "guards", "report"]]
CORE_BUDGET = 1000  # lines of code
MODULE_BUDGET = 500  # lines in all; most are under 300
FUNCTION_LINES, FUNCTION_PARAMETERS = 80, 8  # without the docstring, and without self
LONG_FUNCTIONS: set[str] = set()
BASE = (*ENGINE, "functions", "writes", "batching", "forward", "transforms")  # what `import wengert` loads
BASE_BUDGET, SIZE_BUDGET = 1_300_000, 3_800_000  # bytes


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def package_of(name: str) -> str:
    """The package of a dotted name: ``wengert.core.mode`` is in core, ``wengert.Variable`` in none."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and (PACKAGE / parts[1]).is_dir() else ""


def compiler_package(parts: Sequence[str]) -> str:
    """The package of the compiler that a dotted name, in parts, belongs to."""
    return ".".join(parts[2:4]) if parts[2] == "targets" else parts[2]


def may_import(package: str, other: str) -> bool:
    return any(other in line[: line.index(package) + 1] for line in LINES if package in line)


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every import of a module, as (line, dotted name)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def is_too_long(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function exceeds the limits; neither its docstring nor `self` counts."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= (function.body[0].end_lineno or 0) - function.body[0].lineno + 1
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names += [a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None]
    return lines > FUNCTION_LINES or len([name for name in names if name not in ("self", "cls")]) > FUNCTION_PARAMETERS


def code_lines(source: str) -> int:
    """Count lines of code: without blank lines, comments and docstrings."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in silent:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            lines.difference_update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sources()
    }


def imported(tree: ast.AST, known: set[str]) -> set[str]:
    """The modules of the package that a module imports, also inside its functions, but not for type checkers only."""
    found = set()
    for statement in statements(tree):
        for _, name in imports(ast.Module([statement], [])):
            found |= {name} & known or {name.rpartition(".")[0]} & known
    return found


def statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import that is executed."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield from statements(child)


def cycles(graph: dict[str, set[str]]) -> list[str]:
    """The modules that are imported again by what they import."""
    return sorted(module for module in graph if module in reached(graph, module))


def reached(graph: dict[str, set[str]], start: str) -> set[str]:
    """All that a module imports, directly or through others."""
    seen: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        module = ahead.pop()
        if module not in seen:
            seen.add(module)
            ahead += graph.get(module, ())
    return seen


class PrivateFieldsTest(unittest.TestCase):
    def test_the_fields_of_a_variable_are_the_engines_own(self) -> None:
        # others ask for them by functions: array_of, maker_of, note_of, restore
        field = re.compile(r"\._(?:creator|data|notes)\b")
        inside = ("arrays", "checks", "core", "custom")
        outside = [p for p in sources() if p.relative_to(PACKAGE).parts[0] not in inside]
        found = {str(p.relative_to(PACKAGE)): field.findall(p.read_text("utf-8")) for p in outside}
        self.assertEqual({path: fields for path, fields in found.items() if fields}, {})


class CyclesTest(unittest.TestCase):
    def test_no_module_is_imported_by_what_it_imports(self) -> None:
        paths = modules()
        del paths["wengert"]  # (its attributes are imported when they are asked for)
        trees = {name: ast.parse(path.read_text("utf-8")) for name, path in paths.items()}
        self.assertEqual(cycles({name: imported(tree, set(paths)) for name, tree in trees.items()}), [])

    def test_a_cycle_is_seen(self) -> None:
        self.assertEqual(cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}), ["b", "c"])
        source = (
            "import os\nfrom wengert.core import node\ndef f(): from wengert.core.mode import debug\n"
            "if TYPE_CHECKING: from wengert.core.variable import Variable\n"
        )
        known = {"wengert.core.node", "wengert.core.mode", "wengert.core.variable", "wengert.core"}
        self.assertEqual(imported(ast.parse(source), known), {"wengert.core.node", "wengert.core.mode"})


class PackagesTest(unittest.TestCase):
    def test_imports_point_one_way(self) -> None:
        wrong = []
        for path in sources():
            place = path.relative_to(PACKAGE)
            if len(place.parts) == 1:
                continue  # wengert/__init__.py imports all packages
            for line, name in imports(ast.parse(path.read_text("utf-8"))):
                relative = name.startswith(".")
                ours = name.split(".")[0] == "wengert"
                if relative or (ours and not may_import(place.parts[0], package_of(name))):
                    wrong.append(f"{place}:{line} imports {name}")
        self.assertEqual(wrong, [], "a package imports itself and those below it, by absolute names, and never wengert")

    def test_imports_point_one_way_in_the_compiler(self) -> None:
        wrong = []
        for path in sorted((PACKAGE / "compiler").glob("*/**/*.py")):
            package = compiler_package(path.relative_to(PACKAGE.parent).with_suffix("").parts)
            for number, name in imports(ast.parse(path.read_text("utf-8"))):
                parts = name.split(".")
                if parts[:2] == ["wengert", "compiler"]:
                    other = compiler_package(parts)
                    if not any(other in line[: line.index(package) + 1] for line in COMPILER_LINES if package in line):
                        wrong.append(f"{package}/{path.name}:{number} imports {name}")
        self.assertEqual(wrong, [])

    def test_only_targets_write_llvm(self) -> None:
        writing = {"wengert.compiler.targets.llvm.llvm_ir", "wengert.compiler.targets.cpu.kernel_text"}
        known = modules()
        for name, path in known.items():
            if not name.startswith("wengert.compiler.targets."):
                self.assertEqual(imported(ast.parse(path.read_text()), set(known)) & writing, set(), name)

    def test_a_wrong_import_is_detected(self) -> None:
        source = "from wengert import Variable\nimport wengert.transforms.check"
        found = [name for _, name in imports(ast.parse(source))]
        self.assertEqual(found, ["wengert.Variable", "wengert.transforms.check"])
        self.assertFalse(may_import("core", package_of(found[0])))
        self.assertFalse(may_import("functions", package_of(found[1])))
        self.assertTrue(may_import("transforms", package_of("wengert.core.mode")))
        self.assertFalse(may_import("compiler", "layers"))

    def test_every_folder_is_a_known_package(self) -> None:
        folders = {path.relative_to(PACKAGE).parts[0] for path in sources() if path.parent != PACKAGE}
        self.assertEqual(folders - {package for line in LINES for package in line}, set())

    def test_only_the_public_api_and_the_audit_are_outside_of_packages(self) -> None:
        # the audit imports all packages, and only the public API imports it
        self.assertEqual(sorted(path.name for path in PACKAGE.glob("*.py")), ["__init__.py", "auditing.py"])


class SizeTest(unittest.TestCase):
    def test_lines_of_code_are_counted(self) -> None:
        source = '"""Doc."""\n\n# note\nx = """a\nb"""  # two\n\ndef f():\n    """Doc\n    string."""\n    return x\n'
        self.assertEqual(code_lines(source), 4)

    def test_core_is_read_in_one_sitting(self) -> None:
        lines = {path.name: code_lines(path.read_text("utf-8")) for path in (PACKAGE / "core").glob("*.py")}
        self.assertLessEqual(sum(lines.values()), CORE_BUDGET, f"lines of code in core: {lines}")

    def test_a_module_is_one_thing(self) -> None:
        long = {path.name: n for path in sources() if (n := path.read_text("utf-8").count("\n")) > MODULE_BUDGET}
        self.assertEqual(long, {}, f"modules of more than {MODULE_BUDGET} lines: split them by topic")

    def test_no_module_is_a_collection(self) -> None:
        collections = {"utils", "util", "misc", "helpers", "helper", "common", "tools", "stuff"}
        self.assertEqual([path for path in sources() if collections & set(path.with_suffix("").parts[-2:])], [])

    def test_it_is_small(self) -> None:
        files = [p for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        self.assertLess(sum(path.stat().st_size for path in files), SIZE_BUDGET)
        base = [p for p in files if p.relative_to(PACKAGE).parts[0] in BASE]
        self.assertLess(sum(path.stat().st_size for path in base), BASE_BUDGET)

    def test_no_function_hides_behind_its_module(self) -> None:
        # a module of the name of a function in it would take its place in the package, once it is imported
        clashes = [name for name in wengert.functions.__all__ if (PACKAGE / "functions" / f"{name}.py").exists()]
        self.assertEqual(clashes, [])

    def test_it_is_typed(self) -> None:
        self.assertTrue((PACKAGE / "py.typed").is_file())


class FunctionTest(unittest.TestCase):
    """In the compiler a function fits a screen, and has few parameters."""

    def test_functions_are_short(self) -> None:
        found = {
            f"{path.relative_to(PACKAGE)}: {function.name}"
            for path in sorted((PACKAGE / "compiler").rglob("*.py"))
            for function in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and is_too_long(function)
        }
        message = f"functions of more than {FUNCTION_LINES} lines or {FUNCTION_PARAMETERS} parameters"
        self.assertEqual(found - LONG_FUNCTIONS, set(), message)

    def test_what_counts(self) -> None:
        def function_of(source: str) -> ast.FunctionDef:
            (function,) = ast.parse(source).body
            assert isinstance(function, ast.FunctionDef)
            return function

        lines = "\n".join(f"    x{i} = {i}" for i in range(FUNCTION_LINES - 1))
        docstring = '    """One line.\n\n    And more.\n    """\n'
        self.assertFalse(is_too_long(function_of(f"def f():\n{docstring}{lines}")))
        self.assertTrue(is_too_long(function_of(f"def f():\n{lines}\n    y = 1")))
        self.assertFalse(is_too_long(function_of("def f(self, a, b, c, d, /, e, f, *, g, h): ...")))
        self.assertTrue(is_too_long(function_of("def f(a, b, c, d, e, f, g, *args, **kwargs): ...")))


class ImportTest(unittest.TestCase):
    def test_imports_nothing_but_numpy_and_the_standard_library(self) -> None:
        script = (
            "import sys, numpy\n"
            "before = set(sys.modules)\n"
            "import wengert\n"
            "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
            "print(*sorted(new - set(sys.stdlib_module_names) - {'wengert', 'numpy'}))"
        )
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        self.assertEqual(run.stdout.split(), [])

    def test_public_names_are_sorted_and_there(self) -> None:
        names = wengert.__all__
        self.assertEqual(names, sorted(set(names)))
        self.assertEqual([name for name in names if not hasattr(wengert, name)], [])

    def test_what_a_package_exports_its_modules_export(self) -> None:
        missing = []
        for room in (wengert.layers, wengert.optimizers, wengert.datasets):
            classes = [kind for name in room.__all__ if isinstance(kind := getattr(room, name), type)]
            missing += [kind.__name__ for kind in classes if kind.__name__ not in sys.modules[kind.__module__].__all__]
        self.assertEqual(missing, [], "add these to __all__ of their modules")


class Cube(Function):
    """A Function of a user, that keeps something of its own."""

    def forward(self, x: Any) -> Any:
        self.kept = x * x
        return self.kept * x

    def backward(self, gy: Any) -> Any:
        return 3 * self.kept * gy


class ReferencesTest(unittest.TestCase):
    """A graph is freed by reference counting, at once: the garbage collector finds nothing."""

    def assert_leaves_nothing(self, program: Any) -> None:
        # (a thread that ends in between, of a test before, may leave something of its own)
        found = [garbage_of(program) for _ in range(3)]
        self.assertEqual(min(found), 0, "objects in cycles of references")

    def test_forward_alone(self) -> None:
        def program() -> None:
            x = Variable(np.ones((3, 2)))
            y = np.sum(np.exp(x) @ x.T, axis=0) + Cube()(x)[0, 0]
            self.assertIsNotNone(y.creator)

        self.assert_leaves_nothing(program)

    def test_backward(self) -> None:
        def program() -> None:
            x = Variable(np.ones((3, 2)))
            y = np.sum(np.exp(x) @ x.T) + np.sum(Cube()(x[1:]))
            y.backward(retain_grad=True)

        self.assert_leaves_nothing(program)

    def test_walking_the_creators(self) -> None:
        def program() -> None:
            x = Variable(np.ones(3))
            y = np.sum(np.sin(x) * x)
            self.assertIs(y.creator.output, y)
            self.assertIs(y.creator.input.creator.inputs[1], x)

        self.assert_leaves_nothing(program)

    def test_second_order(self) -> None:
        def program() -> None:
            x = Variable(np.ones(3))
            y = np.sum(np.exp(x) * x + Cube()(x))
            y.backward(create_graph=True)
            gx = x.grad
            x.cleargrad()  # the gradient's graph holds x: as its grad it would close a circle
            np.sum(gx).backward()

        self.assert_leaves_nothing(program)

    def test_after_an_error(self) -> None:
        def program() -> None:
            x = Variable(np.ones(3))
            with self.assertRaises(ValueError):
                np.add(np.exp(x), np.ones(4))

        self.assert_leaves_nothing(program)


if __name__ == "__main__":
    unittest.main()
