"""Functions of functions: derivatives as functions, and their checks by differences."""
