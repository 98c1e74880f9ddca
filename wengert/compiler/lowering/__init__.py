"""From the calls of NumPy to maps, selections, reductions, products, views and kernels."""
