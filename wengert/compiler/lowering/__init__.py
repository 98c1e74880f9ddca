"""Lowering: rules from NumPy functions to structured operations and kernels."""
