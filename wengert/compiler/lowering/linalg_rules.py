"""Linear algebra by the loops of NumPy's generalized ufuncs, which call LAPACK.

Where NumPy would raise LinAlgError a guard fails, so that the call runs eagerly, and NumPy raises.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.linalg import _umath_linalg as loops

from wengert.compiler.graph.build import convert, elementwise, reduction, reshape, root_of
from wengert.compiler.graph.graph import Node, NotLowered, c_strides
from wengert.compiler.kernels.generalized_loop import core_names, factored, generalized, has_status_flags
from wengert.compiler.kernels.triangular_solve import triangular_solution
from wengert.compiler.lowering.indexing_rules import sliced
from wengert.compiler.lowering.rules import RULES, as_node, require, rule, tuple_rule

SINGLE = ("f4", "c8")


def common_type(*parts: Node) -> tuple[Any, Any]:
    """The dtype that NumPy computes in, and that of the result."""
    if any(x.weak or x.dtype.kind not in "biufc" or x.dtype.str[1:] in ("f2", "f16", "c32") for x in parts):
        raise NotLowered("an operand is no array, or of a dtype that NumPy refuses")
    is_complex = any(x.dtype.kind == "c" for x in parts)
    computed = np.dtype(np.complex128 if is_complex else np.float64)
    if any(x.dtype.str[1:] not in SINGLE for x in parts):
        return computed, computed
    return computed, np.dtype(np.complex64 if is_complex else np.float32)


def real_of(dtype: Any) -> Any:
    return np.empty(0, dtype).real.dtype


def is_square(a: Node) -> bool:
    shape = a.shape or ()
    return len(shape) >= 2 and shape[-1] == shape[-2]


def call(line: str, name: str, parts: tuple[Node, ...], outputs: str, checked: bool = True) -> list[Node]:
    """The results of a loop of NumPy's linear algebra; `outputs` says of each: in the common dtype, or its real one.

    With `checked`, a guard fails where the loop reports a failure.
    """
    ufunc = getattr(loops, name, None)
    if ufunc is None or (checked and not has_status_flags()):
        raise NotLowered("this NumPy has no such loop, or the status of it is not known")
    computed, result = common_type(*parts)
    kinds = {"c": (computed, result), "r": (real_of(computed), real_of(result))}
    operands = tuple(x if x.dtype == computed else convert(x, dtype=computed, line=line) for x in parts)
    signature = (*(computed,) * len(parts), *(kinds[kind][0] for kind in outputs))
    found, status = generalized(ufunc, operands, signature, line, checked)
    if status is not None:
        failed = reduction(np.maximum, status, None, line=line)
        require(elementwise(np.equal, failed, 0.0, line=line), line)
    return [
        x if x.dtype == kinds[kind][1] else convert(x, dtype=kinds[kind][1], line=line)
        for x, kind in zip(found, outputs, strict=True)
    ]


def square(a: Any) -> Node:
    node = as_node(a)
    if not is_square(node):
        raise NotLowered("NumPy refuses what is no square matrix")
    return node


@rule(np.linalg.inv)
def inv(line: str, a: Any) -> Any:
    return call(line, "inv", (square(a),), "c")[0]


@rule(np.linalg.det)
def det(line: str, a: Any) -> Any:
    return call(line, "det", (square(a),), "c", checked=False)[0]


@rule(np.linalg.solve)
def solve(line: str, a: Any, b: Any) -> Any:
    a, b = square(a), as_node(b)
    found = by_substitution(line, a, b)
    return found if found is not None else call(line, "solve1" if b.ndim == 1 else "solve", (a, b), "c")[0]


def by_substitution(line: str, a: Node, b: Node) -> Node | None:
    """The solution where the matrix is a Cholesky factor or its transpose, whose diagonal has no zero."""
    lower = is_lower_factor(a)
    computed, result = common_type(a, b)
    column = b.ndim == 1
    if lower is None or computed.kind == "c" or (column and a.ndim > 2):
        return None
    wanted = reshape(b, (b.size, 1), line) if column else b
    if (wanted.shape or ())[:-1] != (a.shape or ())[:-1] or not b.size:
        return None
    strides = root_of(a)[2]
    transposed = strides[-2] < strides[-1]
    parts = [x if x.dtype == computed else convert(x, dtype=computed, line=line) for x in (a, wanted)]
    found = triangular_solution(parts[0], parts[1], lower, transposed and parts[0] is a, line)
    found = found if found.dtype == result else convert(found, dtype=result, line=line)
    return reshape(found, b.shape or (), line)


def is_lower_factor(a: Node) -> bool | None:
    """Whether a Cholesky factor, or its transpose, is a lower triangle; None if it is neither."""
    turned = False
    while True:
        root, offset, strides = root_of(a)
        whole = c_strides(a.shape or ())
        if offset or strides not in (whole, swapped(whole)):
            return None
        turned ^= strides != whole
        if root.op != "convert" or root.operands[0].shape != root.shape:
            break
        a = root.operands[0]
    name = getattr(getattr(root.settings.get("kernel"), "ufunc", None), "__name__", "")
    return (name == "cholesky_lo") ^ turned if name.startswith("cholesky") else None


def swapped(strides: tuple[int, ...]) -> tuple[int, ...]:
    return (*strides[:-2], strides[-1], strides[-2])


@rule(np.linalg.cholesky)
def cholesky(line: str, a: Any, /, *, upper: bool = False) -> Any:
    return call(line, "cholesky_up" if upper else "cholesky_lo", (square(a),), "c")[0]


def triangle(name: str, UPLO: Any) -> str:
    if UPLO not in ("L", "U", "l", "u"):
        raise NotLowered("NumPy refuses it")
    return name + ("_lo" if UPLO in "lL" else "_up")


@rule(np.linalg.eigvalsh)
def eigvalsh(line: str, a: Any, UPLO: Any = "L") -> Any:
    return call(line, triangle("eigvalsh", UPLO), (square(a),), "r")[0]


@tuple_rule(np.linalg.eigh)
def eigh(line: str, a: Any, UPLO: Any = "L") -> Any:
    return call(line, triangle("eigh", UPLO), (square(a),), "rc")


@tuple_rule(np.linalg.slogdet)
def slogdet(line: str, a: Any) -> Any:
    return call(line, "slogdet", (square(a),), "cr", checked=False)


def matrix(a: Any) -> Node:
    node = as_node(a)
    if node.ndim < 2:
        raise NotLowered("NumPy refuses what is no matrix")
    return node


def singular_values(line: str, x: Any) -> Node:
    return call(line, "svd", (matrix(x),), "r")[0]


@rule(np.linalg.svdvals)
def svdvals(line: str, x: Any, /) -> Any:
    return singular_values(line, x)


@rule(np.linalg.svd)
def svd_values(line: str, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    return None if compute_uv or hermitian else singular_values(line, a)


@tuple_rule(np.linalg.svd)
def svd(line: str, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    if not compute_uv or hermitian:
        return None
    return call(line, "svd_f" if full_matrices else "svd_s", (matrix(a),), "crc")


def factors(line: str, a: Any, mode: Any) -> tuple[Node | None, Node]:
    """The factors of a matrix; the first one only where the mode asks for it."""
    x = matrix(a)
    computed, result = common_type(x)
    raw, tau = factored(x if x.dtype == computed else convert(x, dtype=computed, line=line), line)
    m, n = (x.shape or ())[-2:]
    q, rows = None, min(m, n)
    if mode != "r":
        rows = m if mode == "complete" and m > n else rows
        ufunc = getattr(loops, "qr_complete" if rows > n else "qr_reduced")
        names = ([["m", "n"], ["k"]], [["m", "m" if rows > n else "k"]])
        if rows > n:
            names = core_names(ufunc)
        (q,), _ = generalized(ufunc, (raw, tau), (computed,) * 3, line, names=names)
        q = q if q.dtype == result else convert(q, dtype=result, line=line)
    upper = RULES[np.triu](line, sliced(raw, (Ellipsis, slice(rows), slice(None)), line))
    if upper is None:
        raise NotLowered("np.triu has no rule here")
    return q, upper if upper.dtype == result else convert(upper, dtype=result, line=line)


@rule(np.linalg.qr)
def qr_upper(line: str, a: Any, mode: Any = "reduced") -> Any:
    return factors(line, a, mode)[1] if mode == "r" else None


@tuple_rule(np.linalg.qr)
def qr(line: str, a: Any, mode: Any = "reduced") -> Any:
    return list(factors(line, a, mode)) if mode in ("reduced", "complete") else None
