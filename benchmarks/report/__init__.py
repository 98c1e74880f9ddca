"""Charts and tables of what was measured: ``python -m benchmarks report FILE``."""
