"""Special kernels: convolution, pooling, recurrence, gather and scatter."""
