"""Arrays under a vmap: one array that stands for those of all examples, and the rules by which functions take it."""

from wengert.batching import crossing, indexing, matrices, reductions, shapes, ufuncs  # noqa: F401
