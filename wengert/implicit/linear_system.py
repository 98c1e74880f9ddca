"""The Jacobian of a recorded residual, and linear systems with it: dense, or by products alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.core.variable import Variable, array_of
from wengert.custom.marks import mark_inputs
from wengert.implicit.krylov import METHODS
from wengert.transforms.recording import pull

__all__ = ["DENSE_SIZE", "ByProducts", "Dense", "Diagonal", "Transposed", "concatenated", "split", "system_for"]

DENSE_SIZE = 128  # the most unknowns for which the Jacobian is formed, where `solve` does not say


def concatenated(parts: Iterable[Any], dtype: Any) -> Any:
    """Join arrays to one vector."""
    flat = [np.ravel(part) for part in parts]
    vector = flat[0] if len(flat) == 1 else np.concatenate(flat)
    return vector if vector.dtype == dtype else vector.astype(dtype)


def split(vector: Any, like: Sequence[Any]) -> list[Any]:
    """Take a vector apart to arrays of the shapes and dtypes of `like`."""
    parts, start = [], 0
    for array in like:
        part = np.reshape(vector[start : start + array.size], array.shape)
        parts.append(part if part.dtype == array.dtype else part.astype(array.dtype))
        start += array.size
    return parts


class Products:
    """Products with the Jacobian of `roots` with respect to the marked inputs `marks`, as vectors."""

    def __init__(self, roots: Sequence[Any], marks: Sequence[Variable]) -> None:
        self.roots, self.marks = roots, marks
        self.dtype = np.result_type(*[x.dtype for x in marks])
        self.size = sum(x.size for x in marks)
        self.recorded: Any = None

    def transposed(self, vector: Any) -> Any:
        """Multiply the transposed Jacobian by a vector: a backward pass."""
        return concatenated(pull(self.roots, split(vector, self.roots), False, self.marks), self.dtype)

    def forward(self, vector: Any) -> Any:
        """Multiply the Jacobian by a vector: a backward pass through a recorded one."""
        if self.recorded is None:
            us = mark_inputs([Variable(np.ones(y.shape, y.dtype)) for y in self.roots])
            self.recorded = us, pull(self.roots, us, True, self.marks)
        us, gxs = self.recorded
        return concatenated(pull(gxs, split(vector, self.marks), False, us), self.dtype)


class Dense:
    """A Jacobian that is formed, by a backward pass for each row, and inverted."""

    def __init__(self, products: Products) -> None:
        self.inverse = inverse(np.stack([products.transposed(row) for row in np.eye(products.size)]))

    def solve(self, b: Any) -> Any:
        """Solve a system with the Jacobian."""
        return self.inverse @ b

    def solve_transposed(self, b: Any) -> Any:
        """Solve a system with the transposed Jacobian."""
        return b @ self.inverse

    def newton_step(self, residual: Any, gy: Any, w: Any) -> Any:
        """Return the Newton step; where it takes a solution of its own, its part in the direction of `gy`."""
        return self.solve(residual)


class Diagonal(Dense):
    """A Jacobian that is diagonal: each element of the residual depends on its own unknown alone."""

    def __init__(self, products: Products) -> None:
        diagonal = products.transposed(np.ones(products.size, products.dtype))
        if not np.all(diagonal != 0):
            raise singular()
        self.inverse = 1 / diagonal

    def solve(self, b: Any) -> Any:
        return self.inverse * b

    solve_transposed = solve


class ByProducts:
    """A Jacobian that is multiplied by vectors only."""

    def __init__(self, products: Products, method: Callable[[Any, Any], Any]) -> None:
        self.products, self.method = products, method

    def solve(self, b: Any) -> Any:
        """Solve a system with the Jacobian."""
        return checked(self.method(self.products.forward, b), b)

    def solve_transposed(self, b: Any) -> Any:
        """Solve a system with the transposed Jacobian."""
        return checked(self.method(self.products.transposed, b), b)

    def newton_step(self, residual: Any, gy: Any, w: Any) -> Any:
        """Return the part of the Newton step in the direction of `gy`, which `w` gives without a further solution."""
        return (w @ residual) / (gy @ gy) * gy


class Transposed:
    """The transposed of a system."""

    def __init__(self, system: Any) -> None:
        self.solve, self.solve_transposed = system.solve_transposed, system.solve


def system_for(roots: Sequence[Any], marks: Sequence[Variable], method: Any, iterative: str) -> Any:
    """Make the system of the Jacobian of a residual, as the option `solve` says."""
    products = Products(roots, marks)
    if method == "diagonal":
        return Diagonal(products)
    if method == "dense" or (method == "auto" and products.size <= DENSE_SIZE):
        return Dense(products)
    return ByProducts(products, method if callable(method) else METHODS[iterative if method == "auto" else method])


def inverse(matrix: Any) -> Any:
    """Invert a matrix; raise LinAlgError where it is singular to rounding, whatever the units of its rows."""
    if not np.all(np.isfinite(matrix)):
        raise np.linalg.LinAlgError(
            "the Jacobian of the residual with respect to the unknowns is not finite at the solution, where an "
            "implicit derivative does not exist; the residual must be smooth there"
        )
    rows = np.max(np.abs(matrix), axis=1, initial=0)
    if not np.all(rows > 0):
        raise singular()
    scaled = matrix / rows[:, None]
    columns = np.max(np.abs(scaled), axis=0, initial=0)
    if not np.all(columns > 0):
        raise singular()
    scaled = scaled / columns
    try:
        inverted = np.linalg.inv(scaled)
    except np.linalg.LinAlgError:
        raise singular() from None
    condition = np.linalg.norm(scaled, 1) * np.linalg.norm(inverted, 1) if matrix.size else 0
    if not condition * np.finfo(matrix.dtype).eps < 0.1:
        raise singular()
    return inverted / columns[:, None] / rows


def singular() -> np.linalg.LinAlgError:
    return np.linalg.LinAlgError(
        "the Jacobian of the residual with respect to the unknowns is singular at the solution, where an implicit "
        "derivative does not exist (solutions meet there, or are not isolated); make the solution unique: add "
        "equations, or a regularization"
    )


def checked(x: Any, b: Any) -> Any:
    """Check what a solver of linear systems has returned."""
    x = np.asarray(array_of(x) if isinstance(x, Variable) else x)
    if x.shape != b.shape:
        raise ValueError(f"solve= must return a vector of shape {b.shape}, but got {x.shape}")
    return x
