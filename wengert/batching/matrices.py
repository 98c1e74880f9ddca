"""Functions of matrices, which take stacks of them already, and products by einsum."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.batches import Level
from wengert.batching.batched import Batched, NoRule, is_mapped, strip
from wengert.batching.rules import as_they_are, batching, spread_out

as_they_are(np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky, np.linalg.eigh, np.linalg.eig, least=2)
as_they_are(np.linalg.qr, np.linalg.svd, np.linalg.pinv, np.linalg.matrix_rank, least=2)
as_they_are(np.linalg.eigvalsh, np.linalg.eigvals, np.linalg.svdvals, np.linalg.matrix_power, least=2)


@batching(np.linalg.solve)
def solve(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    if len(args) != 2:
        raise NoRule
    a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in args)
    if a.ndim != 2 or b.ndim not in (1, 2):
        raise NoRule
    left, is_vector = is_mapped(a, level), b.ndim == 1
    a, b = strip(a, level), spread_out(b, level)
    if is_vector:
        if not left:  # one factorization
            return Batched(level, np.linalg.solve(a, b.T).T, True)
        return Batched(level, np.linalg.solve(a, b[..., None])[..., 0], True)
    return Batched(level, np.linalg.solve(a, b), True)


@batching(np.einsum)
def einsum(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    subscripts, *operands = args
    if not isinstance(subscripts, str):
        raise NoRule
    subscripts = subscripts.replace(" ", "")
    given, arrow, result = subscripts.partition("->")
    if not arrow:
        letters = given.replace(",", "").replace(".", "")
        result = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
        result = ("..." if "..." in given else "") + result
    free = next(c for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in subscripts)
    terms = [free + term if is_mapped(x, level) else term for term, x in zip(given.split(","), operands, strict=True)]
    values = [strip(x, level) for x in operands]
    return Batched(level, np.einsum(f"{','.join(terms)}->{free}{result}", *values, **kwargs), True)
