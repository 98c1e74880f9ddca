"""scipy.special for Variables: its ufuncs, which are in the table, and its other functions."""

import scipy.special

from wengert.scipy.answers import open_names
from wengert.scipy.special.functions import (
    comb,
    diric,
    factorial,
    h1vp,
    h2vp,
    ivp,
    jvp,
    kvp,
    lambertw,
    log_softmax,
    logsumexp,
    multigammaln,
    perm,
    polygamma,
    softmax,
    softplus,
    sph_harm_y,
    spherical_in,
    spherical_jn,
    spherical_kn,
    spherical_yn,
    yvp,
    zeta,
)

__all__ = [
    "comb",
    "diric",
    "factorial",
    "h1vp",
    "h2vp",
    "ivp",
    "jvp",
    "kvp",
    "lambertw",
    "log_softmax",
    "logsumexp",
    "multigammaln",
    "perm",
    "polygamma",
    "softmax",
    "softplus",
    "sph_harm_y",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
    "yvp",
    "zeta",
]

__getattr__, __dir__ = open_names(__name__, scipy.special, globals())
