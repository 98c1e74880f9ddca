"""scipy.linalg for Variables: solutions, factors and functions of matrices."""

import scipy.linalg

from wengert.scipy.answers import open_names
from wengert.scipy.linalg.solutions import solve_triangular

__all__ = ["solve_triangular"]

__getattr__, __dir__ = open_names(__name__, scipy.linalg, globals())
