"""scipy.optimize, with derivatives: of roots, of minima, and of what was fitted.

For arrays the functions are SciPy's, with the Jacobian or gradient that SciPy would estimate by differences computed by
Wengert where the function allows it. Where the function, or one of its arguments, depends on Variables, the result is
one too: its derivative is that of the solution (see `wengert.implicit`), and a solver that did not converge raises.
"""

from scipy import optimize

from wengert.scipy.answers import open_names
from wengert.scipy.optimize.fitting import curve_fit, least_squares, nnls
from wengert.scipy.optimize.minimization import minimize, minimize_scalar
from wengert.scipy.optimize.roots import bisect, brenth, brentq, fixed_point, newton, ridder, root, root_scalar, toms748

__all__ = [
    "bisect",
    "brenth",
    "brentq",
    "curve_fit",
    "fixed_point",
    "least_squares",
    "minimize",
    "minimize_scalar",
    "newton",
    "nnls",
    "ridder",
    "root",
    "root_scalar",
    "toms748",
]

__getattr__, __dir__ = open_names(__name__, optimize, globals())
