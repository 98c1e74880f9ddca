"""scipy.spatial for Variables: distances."""

import scipy.spatial

from wengert.scipy.answers import open_names
from wengert.scipy.spatial import distance

__all__ = ["distance"]

__getattr__, __dir__ = open_names(__name__, scipy.spatial, globals())
