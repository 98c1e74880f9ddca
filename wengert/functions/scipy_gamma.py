"""Derivatives of the gamma, beta and zeta functions of scipy.special, and of Lambert's W."""

from typing import Any

import numpy as np
from scipy import special
from scipy.special import _ufuncs

from wengert.core.elementwise import derivative
from wengert.core.numpy_call import pullback
from wengert.core.strong_zero import strong_zero_multiply as product
from wengert.custom.registration import piecewise_constant
from wengert.functions.scipy_rules import no_closed_form, wrt_second


def trigamma(x: Any) -> Any:
    """The derivative of psi, which SciPy has for real numbers only."""
    if x.dtype.kind == "c":
        raise TypeError(
            "scipy.special.psi is differentiated at real numbers only, but got complex ones (as the second "
            "derivative of loggamma and gamma does); SciPy has no such derivative"
        )
    return _ufuncs._zeta(2.0, x)


derivative(special.gammaln, lambda x: special.psi(x), poles=True)
derivative(special.loggamma, lambda x: special.psi(x), poles=True)
derivative(special.gamma, lambda x, y: product(y, special.psi(x)), poles=True)
derivative(special.rgamma, lambda x, y: product(-y, special.psi(x)), poles=True)
derivative(special.psi, trigamma, poles=True)
derivative(
    special.betaln,
    lambda a, b: special.psi(a) - special.psi(a + b),
    lambda a, b: special.psi(b) - special.psi(a + b),
    poles=True,
)
derivative(
    special.beta,
    lambda a, b, y: product(y, special.psi(a) - special.psi(a + b)),
    lambda a, b, y: product(y, special.psi(b) - special.psi(a + b)),
    poles=True,
)
derivative(
    special.poch,
    lambda a, b, y: product(y, special.psi(a + b) - special.psi(a)),
    lambda a, b, y: product(y, special.psi(a + b)),
    poles=True,
)
derivative(
    special.binom,
    lambda a, b, y: product(y, special.psi(a + 1) - special.psi(a - b + 1)),
    lambda a, b, y: product(y, special.psi(a - b + 1) - special.psi(b + 1)),
    poles=True,
)

wrt_second(_ufuncs._zeta, lambda v, z, y: -v * _ufuncs._zeta(v + 1, z))


@pullback(_ufuncs._lambertw, "z", reads="k tol")
def lambertw(gy: Any, z: Any, k: Any, tol: Any, *, y: Any) -> Any:
    return product(gy, np.conjugate(np.exp(-y) / (1 + y)))


no_closed_form(special.zetac, parameter="x")
piecewise_constant(special.gammasgn)
