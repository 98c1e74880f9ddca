"""The libraries behind one interface: see `benchmarks.libraries.library`."""
