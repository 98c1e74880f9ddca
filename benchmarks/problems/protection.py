"""The cost of read-only results: the chain of scalars with and without the protection."""

import ast
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from time import perf_counter
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from benchmarks.problems.chain import STEPS
from benchmarks.record import ratio

__all__ = ["make"]

ROUNDS = 51
WARM_UP = 3


class WithoutSetflags(ast.NodeTransformer):
    """Replace each statement ``y.setflags(...)`` by ``pass``."""

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "setflags":
            return ast.copy_location(ast.Pass(), node)
        return node


class Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path)
        return compile(WithoutSetflags().visit(ast.parse(source)), self.path, "exec")


class Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name.split(".")[0] == "wengert" else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


def ours() -> dict[str, Any]:
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "wengert"}


def chain() -> Callable[[Any], Any]:
    """Make the gradient of the chain with the copy of wengert that is imported now."""
    from wengert import Variable

    def gradient(value: Any) -> Any:
        x = Variable(value)
        y: Any = x
        for _ in range(STEPS):
            y = np.sin(y) * x + y
        y.backward()
        return x.grad

    return gradient


def unprotected_chain() -> Callable[[Any], Any]:
    """Make the chain with a second copy of wengert, which leaves its results writeable."""
    protected = ours()
    for name in protected:
        del sys.modules[name]
    finder = Finder()
    sys.meta_path.insert(0, finder)
    try:
        gradient = chain()
        wengert = sys.modules["wengert"]
        if not np.exp(wengert.Variable(np.zeros(1))).data.flags.writeable:
            raise AssertionError("the copy without protection protects; look for the new place of setflags")
        return gradient
    finally:
        sys.meta_path.remove(finder)
        for name in ours():
            del sys.modules[name]
        sys.modules.update(protected)


def make(peer: str, row: str) -> Callable[[], float]:
    """Make a measurement of the ratio, from alternating rounds."""
    x = np.array([0.01])
    chains = [chain(), unprotected_chain()]

    def compare() -> float:
        times: list[list[float]] = [[], []]
        for i in range(WARM_UP + ROUNDS):
            for which in (0, 1) if i % 2 else (1, 0):
                start = perf_counter()
                chains[which](x)
                if i >= WARM_UP:
                    times[which].append(perf_counter() - start)
        return ratio(*times)

    return compare
