"""Sparse derivatives: patterns, colourings, compressed Jacobians and Hessians. Needs SciPy."""
