"""Benchmarks of Wengert and the installed peers: ``python -m benchmarks``."""
