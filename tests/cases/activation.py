"""Cases for wengert.functions.activation and wengert.functions.normal_distribution."""

import numpy as np

from tests.cases import Case, away, normal
from wengert.functions import activation as F
from wengert.functions.normal_distribution import normal_cdf
from wengert.functions.tails import sech_squared

PIECEWISE = (F.relu, F.relu6, F.hardtanh, F.elu, F.celu, F.selu, F.leaky_relu, F.hard_sigmoid, F.hard_swish, F.softsign)
SMOOTH = (sech_squared, F.sigmoid, F.log_sigmoid, F.softplus, F.silu, F.mish, F.gelu, normal_cdf)

CASES = [
    *(Case(f, f, (x,)) for f in PIECEWISE for x in (3 * away(2, 3), away(), away(0))),
    *(Case(f, f, (x,), order=3) for f in SMOOTH for x in (3 * normal(2, 3), normal(), normal(0))),
    *(Case(f, f, (np.array([-40.0, -20.0, 0.0, 20.0, 40.0]),)) for f in SMOOTH),
    Case(F.leaky_relu, lambda x: F.leaky_relu(x, 0.3), (away(2, 3),)),
    Case(F.leaky_relu, F.leaky_relu, (away(2, 3), away(3, seed=1))),
    Case(F.leaky_relu, F.leaky_relu, (away(2, 3), away())),
    Case(F.hardtanh, lambda x: F.hardtanh(x, low=-0.45, high=0.51), (away(2, 3),)),
    Case(F.elu, lambda x: F.elu(x, 0.5), (away(2, 3),)),
    Case(F.celu, lambda x: F.celu(x, alpha=2.0), (away(2, 3),)),
    Case(F.gelu, lambda x: F.gelu(x, approximate=True), (normal(2, 3),)),
]
