"""Rewriting graphs: what is the same, simpler, or written in place."""
