"""Capture: a call of a function traced, with all state that it reaches substituted by traced values."""
