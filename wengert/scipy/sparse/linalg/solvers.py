"""Solutions of sparse linear equations.

The derivative of x = inv(A) b is that of the exact solution: with g = inv(A^H) gx, the gradient with respect to b is
g, and that with respect to a stored value is -g_i conj(x_j). An iterative solver finds both to the tolerance that it
is given.
"""

from typing import Any

import numpy as np
import scipy.sparse.linalg

from wengert.arrays.lists import stacked
from wengert.custom.registration import pullback
from wengert.functions.contraction import array, conjugate
from wengert.scipy.answers import answers
from wengert.scipy.linalg.checked import LinAlgError, promoted
from wengert.scipy.sparse.stored import Pattern, at_stored, opaque, parts_of

__all__ = ["bicg", "bicgstab", "cg", "cgs", "gmres", "spsolve", "spsolve_triangular"]


class Solver:
    """A solver of SciPy and its options, but for the matrix and the right side."""

    def __init__(self, solve: Any, adjoint: Any = None, **options: Any) -> None:
        self.solve, self.options, self.of_adjoint = solve, options, adjoint
        self.operator: Any = None  # a matrix that is known by its products alone

    @property
    def adjoint(self) -> Any:
        """The solver for the adjoint matrix."""
        return self if self.of_adjoint is None else self.of_adjoint

    def __call__(self, matrix: Any, b: Any) -> Any:
        found = self.solve(matrix, b, **self.options)
        if not isinstance(found, tuple):
            return found
        x, info = found
        if info:
            raise LinAlgError(
                f"{self.solve.__name__} did not converge (info={info}), so that its result has no derivative; give it "
                "more iterations, a preconditioner or a larger rtol"
            )
        return x


def sparse_solution(values: Any, b: Any, first: Any, second: Any, shape: Any, form: Any, solver: Any) -> Any:
    matrix = solver.operator if form == "products" else Pattern(first, second, shape, form).matrix(values)
    return solver(matrix, b)


solution = opaque(sparse_solution, "sparse.linalg.solvers.solution")


def adjoint_solution(gy: Any, values: Any, first: Any, second: Any, shape: Any, form: Any, solver: Any) -> Any:
    """Solve with the adjoint matrix."""
    if form == "products":
        return solution(values, gy, first, second, shape, form, solver.adjoint)
    transposed = Pattern(first, second, shape, form).transposed
    return solution(conjugate(values), gy, *transposed.arguments, solver.adjoint)


@pullback(solution, "values", reads="values first second")
def solution_values(
    gy: Any, values: Any, b: Any, first: Any, second: Any, shape: Any, form: Any, solver: Any, *, y: Any
) -> Any:
    return -at_stored(adjoint_solution(gy, values, first, second, shape, form, solver), y, first, second, shape, form)


@pullback(solution, "b", reads="values first second")
def solution_right(
    gy: Any, values: Any, b: Any, first: Any, second: Any, shape: Any, form: Any, solver: Any, *, y: Any
) -> Any:
    return adjoint_solution(gy, values, first, second, shape, form, solver)


def solved(A: Any, b: Any, solver: Any) -> Any:
    """Solve, with Variables in the matrix, in the right side, or in both."""
    if isinstance(A, scipy.sparse.linalg.LinearOperator):
        solver.operator, solver.adjoint.operator, solver.adjoint.adjoint.operator = A, A.H, A
        return solution(np.zeros(0), array(stacked(b)), np.zeros(0), np.zeros(0), A.shape, "products", solver)
    values, pattern = parts_of(A)
    b = array(stacked(b))
    if pattern.shape[0] != pattern.shape[1] or b.shape[:1] != pattern.shape[:1] or b.ndim > 2:
        raise ValueError(f"a solution takes a square matrix and as many rows, but got {pattern.shape} and {b.shape}")
    values, b = promoted(values, b)
    return solution(values, b, *pattern.arguments, solver)


def direct(matrix: Any, b: Any, **options: Any) -> Any:
    """scipy.sparse.linalg.spsolve, which keeps the shape of `b`, and raises where the matrix is singular."""
    x = scipy.sparse.linalg.spsolve(matrix.tocsc(), b, **options)
    return np.reshape(x, b.shape)


@answers(scipy.sparse.linalg.spsolve)
def spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: Any = True) -> Any:
    x = solved(A, b, Solver(direct, permc_spec=permc_spec, use_umfpack=use_umfpack))
    return x[:, 0] if x.ndim == 2 and x.shape[1] == 1 else x  # (as SciPy has it)


def triangular(matrix: Any, b: Any, lower: Any, unit_diagonal: Any) -> Any:
    return scipy.sparse.linalg.spsolve_triangular(matrix, b, lower=lower, unit_diagonal=unit_diagonal)


@answers(scipy.sparse.linalg.spsolve_triangular)
def spsolve_triangular(A: Any, b: Any, lower: Any = True, unit_diagonal: Any = False) -> Any:
    """Of stored values outside of the triangle, none is read; nor those on a unit diagonal."""
    values, pattern = parts_of(A)
    rows, columns = pattern.coordinates
    outside = rows < columns if lower else rows > columns
    unread = outside | (rows == columns) if unit_diagonal else outside
    if np.any(unread):
        keep = np.flatnonzero(~unread)
        values, rows, columns = values[keep], rows[keep], columns[keep]
    if unit_diagonal:
        ones = np.arange(pattern.shape[0])
        rows, columns = np.concatenate([rows, ones]), np.concatenate([columns, ones])
        values = np.concatenate([values, np.ones(ones.size, values.dtype)])
    pattern = Pattern(rows, columns, pattern.shape)
    values, b = promoted(values, array(stacked(b)))
    adjoint = Solver(triangular, lower=not lower, unit_diagonal=False)
    solver = Solver(triangular, adjoint, lower=lower, unit_diagonal=False)
    adjoint.of_adjoint = solver
    return solution(values, b, *pattern.arguments, solver)


def adjoint_of(m: Any) -> Any:
    """The adjoint of a preconditioner."""
    if m is None:
        return None
    return m.H if isinstance(m, scipy.sparse.linalg.LinearOperator) else np.conjugate(m.T)


def iterative(theirs: Any) -> Any:
    """An iterative solver: the derivative with respect to where it starts is 0, as the solution is another's."""

    @answers(theirs)
    def solve(
        A: Any, b: Any, x0: Any = None, *, rtol: Any = 1e-5, atol: Any = 0.0, maxiter: Any = None, M: Any = None
    ) -> Any:
        options = {"rtol": rtol, "atol": atol, "maxiter": maxiter}
        adjoint = Solver(theirs, M=adjoint_of(M), **options)
        start = None if x0 is None else np.array(getattr(x0, "data", x0))
        solver = Solver(theirs, adjoint, M=M, x0=start, **options)
        adjoint.of_adjoint = Solver(theirs, adjoint, M=M, **options)
        return solved(A, b, solver), 0

    return solve


bicg, bicgstab = iterative(scipy.sparse.linalg.bicg), iterative(scipy.sparse.linalg.bicgstab)
cg, cgs, gmres = (iterative(_f) for _f in (scipy.sparse.linalg.cg, scipy.sparse.linalg.cgs, scipy.sparse.linalg.gmres))
