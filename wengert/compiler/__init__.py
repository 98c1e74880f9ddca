"""The compiler: a NumPy function is traced once, and from then on runs as a compiled plan."""
