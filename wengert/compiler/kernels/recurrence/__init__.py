"""Recurrences over sequences, and their gradients."""
