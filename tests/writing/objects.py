"""Programs for arrays of objects: numbers in their text are objects, and what is written are elements.

(NumPy would write a 0-d array itself into an array of objects.)
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

__all__ = ["for_objects", "unwrapped"]


def unwrapped(x: Any) -> Any:
    """The element of a 0-d array; anything else as it is."""
    if isinstance(x, list):
        return [unwrapped(y) for y in x]
    return x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x


class Unwrapping(ast.NodeTransformer):
    """Makes numbers jets, and passes what ``x[i] = v``, ``x.fill(v)`` and ``np.array(v)`` take through `unwrapped`."""

    def unwrap(self, value: ast.expr) -> ast.expr:
        return ast.Call(ast.Name("unwrapped", ast.Load()), [value], [])

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        floating = isinstance(node.value, float | complex)
        return ast.Call(ast.Name("jet", ast.Load()), [node], []) if floating else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.targets[0], ast.Subscript):
            node.value = self.unwrap(node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("fill", "array"):
            node.args = [self.unwrap(node.args[0])]
        return node


def for_objects(text: str) -> Any:
    """Compile the text of a program."""
    return compile(ast.fix_missing_locations(Unwrapping().visit(ast.parse(text))), "<program>", "exec")
