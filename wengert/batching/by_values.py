"""Functions of which the shape of the result, or the way to it, depends on values: they run for each example.

This module is read after the rows of the table that it puts others in the place of.
"""

import numpy as np

from wengert.batching.rules import as_a_loop

as_a_loop(np.trim_zeros, np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values)
as_a_loop(np.nonzero, np.argwhere, np.flatnonzero, np.extract, np.compress)
