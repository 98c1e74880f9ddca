"""The engine: Variable, Function, the backward pass, and NumPy's protocols."""
