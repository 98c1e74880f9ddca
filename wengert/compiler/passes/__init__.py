"""Passes that rewrite graphs: simplification, legalization, fusion of epilogues, merging of writes."""
