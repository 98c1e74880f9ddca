"""Recurrences over whole sequences, and their gradients."""
