"""Products of matrices and of more axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.build import elementwise, matrix_product, reshape
from wengert.compiler.rules import RULES, as_node, rule


@rule(np.matmul, np.dot)
def matmul(line: str, a: Any, b: Any, out: Any = None) -> Any:
    a, b = as_node(a), as_node(b)
    if out is not None:
        return None
    if not a.ndim or not b.ndim:
        return elementwise(np.multiply, a, b, line=line)
    if a.ndim > 2 or b.ndim > 2:
        # (np.dot of more axes is another product)
        return matrix_product(a, b, line) if a.ndim == b.ndim == 2 else None
    return matrix_product(a, b, line)


RULES[np.matmul] = lambda line, a, b: matrix_product(as_node(a), as_node(b), line)


@rule(np.outer)
def outer(line: str, a: Any, b: Any, out: Any = None) -> Any:
    a, b = (reshape(as_node(x), (as_node(x).size,), line) for x in (a, b))
    return elementwise(np.multiply, reshape(a, (a.size, 1)), reshape(b, (1, b.size)), line=line)
