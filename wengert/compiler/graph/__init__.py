"""Graphs, the intermediate representation: builders, verifier, and reference interpreter."""
