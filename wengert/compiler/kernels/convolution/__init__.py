"""Convolution, and its gradients."""
