"""A stand-in for a library without support for Variables."""

from typing import Any

import numpy as np


def total(values: Any) -> Any:
    """Convert, then calculate."""
    return np.asarray(values).sum()
