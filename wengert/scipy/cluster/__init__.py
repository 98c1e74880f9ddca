"""scipy.cluster for Variables: the nearest of several centres."""

import scipy.cluster

from wengert.scipy.answers import open_names
from wengert.scipy.cluster import vq

__all__ = ["vq"]

__getattr__, __dir__ = open_names(__name__, scipy.cluster, globals())
