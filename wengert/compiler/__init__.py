"""The compiler: a NumPy function is watched once, and then run by the plan that was made of it."""
