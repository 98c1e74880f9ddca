"""Attacks and floods that a suite has no time for: each module has functions that run them any number of times."""
