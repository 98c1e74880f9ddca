"""Stands for a library that knows nothing of Variables."""

from typing import Any

import numpy as np


def total(values: Any) -> Any:
    """Convert, then calculate."""
    return np.asarray(values).sum()
