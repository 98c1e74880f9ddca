"""scipy.stats for Variables."""

from wengert.scipy.stats import continuous, discrete, normal_family, shaped  # noqa: F401
from wengert.scipy.stats.distribution import distributions

globals().update(distributions)
