"""The engine: Variable, Function, the walk backwards, and NumPy's protocols."""
