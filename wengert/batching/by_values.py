"""Functions of which the shape of the result, or the way to it, depends on values: they run for each example.

It is read late, as the rows of these functions are.
"""

import numpy as np

from wengert.batching.rules import as_a_loop
from wengert.functions import rearrangement, sorting  # noqa: F401  (the rows that others are put in the place of)

as_a_loop(np.trim_zeros, np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values)
as_a_loop(np.nonzero, np.argwhere, np.flatnonzero, np.extract, np.compress)
