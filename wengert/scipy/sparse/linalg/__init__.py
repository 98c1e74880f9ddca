"""scipy.sparse.linalg for Variables: solutions, whose derivative is another solution, with the adjoint matrix."""

import scipy.sparse.linalg

from wengert.scipy.answers import open_names
from wengert.scipy.sparse.linalg.solvers import bicg, bicgstab, cg, cgs, gmres, spsolve, spsolve_triangular

__all__ = ["bicg", "bicgstab", "cg", "cgs", "gmres", "spsolve", "spsolve_triangular"]

__getattr__, __dir__ = open_names(__name__, scipy.sparse.linalg, globals())
