"""Functions of functions: derivatives by differences."""
