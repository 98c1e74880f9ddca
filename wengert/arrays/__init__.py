"""What every kind of array shares: the interface of an ndarray, and which kind answers a NumPy call first."""
