"""Arrays under a vmap: one array that stands for those of all examples, and the rules by which functions take it."""

from wengert.arrays.table import LATE_TABLES
from wengert.batching import crossing, indexing, matrices, reductions, shapes, ufuncs  # noqa: F401

LATE_TABLES.update({"wengert.batching.by_values": "numpy", "wengert.batching.fft": "numpy.fft"})
