"""Watching a call: all that a function reaches exchanged for what writes down what NumPy does with it."""
