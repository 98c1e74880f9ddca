"""np.einsum as matrix products, multiplications and sums, contracting two operands at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import convert, reduction, root_of, strided, transpose
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.lowering.product_rules import contracted
from wengert.compiler.lowering.rules import as_node, rule

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@rule(np.einsum)
def einsum(line: str, subscripts: Any, *operands: Any, optimize: Any = False) -> Any:
    if not isinstance(subscripts, str) or not operands:
        return None
    nodes = [as_node(x) for x in operands]
    if any(x.weak or x.size == 0 or x.dtype == np.float16 for x in nodes):
        return None
    terms, wanted = parse_subscripts(subscripts.replace(" ", ""), [x.ndim for x in nodes])
    dtype = np.result_type(*(x.dtype for x in nodes))
    if dtype.kind == "b":
        return None
    nodes = [x if x.dtype == dtype else convert(x, dtype=dtype, line=line) for x in nodes]
    sizes: dict[str, int] = {}
    for x, term in zip(nodes, terms, strict=True):
        for letter, n in zip(term, x.shape or (), strict=True):
            if sizes.setdefault(letter, n) == 1:
                sizes[letter] = n
            elif n not in (1, sizes[letter]):
                return None
    parts = [without_broadcast(x, term, sizes, line) for x, term in zip(nodes, terms, strict=True)]
    for pair in contraction_order(terms, wanted, sizes):
        taken = [parts.pop(i) for i in sorted(pair, reverse=True)][::-1]
        kept = set(wanted).union(*(term for _, term in parts))
        result = taken[0]
        if len(taken) == 1:
            result = reduce_operand(*result, kept, line)
        for i, other in enumerate(taken[1:], 2):
            later = kept.union(*(term for _, term in taken[i:]))
            left = reduce_operand(*result, later | set(other[1]), line)
            right = reduce_operand(*other, later | set(result[1]), line)
            product = contract_pair(*left, *right, later, line)
            if product is None:
                return None
            result = product
        parts.append(result)
    ((x, term),) = parts
    x, term = reduce_operand(x, term, set(wanted), line)
    return transpose(x, tuple(term.index(letter) for letter in wanted), line)


def parse_subscripts(subscripts: str, ndims: list[int]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with the ellipsis and an implicit result expanded."""
    inputs, arrow, wanted = subscripts.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        raise NotLowered("the subscripts are of another number of operands")
    free = [letter for letter in LETTERS if letter not in subscripts]
    longest = max((n - len(t) + 3 for t, n in zip(terms, ndims, strict=True) if "..." in t), default=0)
    ellipsis = "".join(free[:longest])
    found = []
    for term, ndim in zip(terms, ndims, strict=True):
        count = ndim - len(term) + 3
        full = term.replace("...", ellipsis[longest - count :] if count > 0 else "")
        if len(full) != ndim:
            raise NotLowered("the subscripts are of another number of axes")
        found.append(full)
    if arrow:
        return found, wanted.replace("...", ellipsis)
    letters = "".join(terms).replace(".", "")
    return found, ellipsis + "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))


def without_broadcast(x: Node, term: str, sizes: dict[str, int], line: str) -> tuple[Node, str]:
    """An operand without the axes of length 1 that are broadcast."""
    kept = [i for i, letter in enumerate(term) if (x.shape or ())[i] == sizes[letter]]
    if len(kept) == len(term):
        return x, term
    _, _, strides = root_of(x)
    shape = tuple((x.shape or ())[i] for i in kept)
    return strided(x, shape, tuple(strides[i] for i in kept), line=line), "".join(term[i] for i in kept)


def contraction_order(terms: list[str], wanted: str, sizes: dict[str, int]) -> list[tuple[int, ...]]:
    """The order in which operands are contracted."""
    if len(terms) <= 2:
        return [tuple(range(len(terms)))]
    shapes = [np.broadcast_to(np.empty(()), [sizes[letter] for letter in term]) for term in terms]
    path, _ = np.einsum_path(",".join(terms) + "->" + wanted, *shapes, optimize="greedy")
    return [tuple(pair) for pair in path[1:]]


def reduce_operand(x: Node, term: str, kept: set[str], line: str) -> tuple[Node, str]:
    """Take diagonals for repeated letters of an operand, and sum over letters that are not in `kept`."""
    while len(set(term)) < len(term):
        i = next(k for k, letter in enumerate(term) if letter in term[:k])
        j = term.index(term[i])
        _, _, strides = root_of(x)
        shape = x.shape or ()
        diagonal_strides = (*strides[:j], strides[j] + strides[i], *strides[j + 1 : i], *strides[i + 1 :])
        x, term = strided(x, (*shape[:i], *shape[i + 1 :]), diagonal_strides, line=line), term[:i] + term[i + 1 :]
    dropped = tuple(i for i, letter in enumerate(term) if letter not in kept)
    if dropped:
        x = reduction(np.add, x, dropped, False, x.dtype, line)
        term = "".join(letter for letter in term if letter in kept)
    return x, term


def contract_pair(a: Node, first: str, b: Node, second: str, kept: set[str], line: str) -> tuple[Node, str] | None:
    """The product of two operands, summed over common letters that are not in `kept`."""
    shared = [letter for letter in first if letter in second and letter in kept]
    summed = [letter for letter in first if letter in second and letter not in kept]
    remaining = [[letter for letter in term if letter not in (*shared, *summed)] for term in (first, second)]
    a = transpose(a, tuple(first.index(letter) for letter in [*shared, *remaining[0], *summed]), line)
    b = transpose(b, tuple(second.index(letter) for letter in [*shared, *summed, *remaining[1]]), line)
    a_axes = list(range(a.ndim - len(summed), a.ndim))
    b_axes = list(range(len(shared), len(shared) + len(summed)))
    found = contracted(a, b, a_axes, b_axes, line, len(shared))
    return None if found is None else (found, "".join([*shared, *remaining[0], *remaining[1]]))
