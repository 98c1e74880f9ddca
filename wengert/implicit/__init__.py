"""Implicit derivatives: of what a solver of any kind returns, from the equation that it solves.

See `root`, `fixed_point`, `minimum` and `least_squares`: decorators around a solver.
"""

from wengert.implicit.errors import ConvergenceError
from wengert.implicit.solvers import fixed_point, least_squares, minimum, root

__all__ = ["ConvergenceError", "fixed_point", "least_squares", "minimum", "root"]
