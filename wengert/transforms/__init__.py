"""Function transforms: derivatives as functions, and their checks against finite differences."""
