"""scipy.ndimage for Variables: filters, and interpolation by splines."""

import scipy.ndimage

from wengert.scipy.answers import open_names
from wengert.scipy.ndimage import filters, transforms
from wengert.scipy.ndimage.filters import *  # noqa: F403
from wengert.scipy.ndimage.transforms import *  # noqa: F403

__all__ = [*filters.__all__, *transforms.__all__]  # noqa: PLE0604

__getattr__, __dir__ = open_names(__name__, scipy.ndimage, globals())
