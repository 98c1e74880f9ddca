"""scipy.stats for Variables: distributions, kernel density estimates, statistics of samples.

>>> import numpy as np, wengert
>>> from wengert.scipy import stats
>>> scale = wengert.Variable(np.array(2.0))
>>> np.sum(stats.norm(0, scale).logpdf(np.array([1.0, 3.0]))).backward()
>>> scale.grad
array(0.25)
"""

from typing import Any

from scipy import stats

from wengert.scipy.answers import open_names
from wengert.scipy.stats import continuous, discrete, multivariate, normal_family, shaped, summary  # noqa: F401
from wengert.scipy.stats.density_estimate import gaussian_kde
from wengert.scipy.stats.distribution import Distribution, distributions

__all__ = ["gaussian_kde", *summary.__all__, *distributions]

# What `wengert.audit` says of each: the arguments that it is differentiable with respect to, and its methods
AUDITED = {f"{__name__}.{name}": (d.differentiable(), d.has_in_words()) for name, d in distributions.items()}
AUDITED[f"{__name__}.gaussian_kde"] = ("dataset", "bw_method", "weights", "x"), "logpdf, pdf, integrate_box_1d, ..."

globals().update(distributions)
globals().update({name: getattr(summary, name) for name in summary.__all__})
_found, __dir__ = open_names(__name__, stats, globals())


def __getattr__(name: str) -> Any:
    theirs = getattr(stats, name, None)
    if isinstance(theirs, (stats.rv_continuous, stats.rv_discrete)):  # one without formulas here
        found = globals()[name] = Distribution(name)
        return found
    return _found(name)
