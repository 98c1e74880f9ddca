"""The error class and the description of a value in a message, for the packages above the core."""

from wengert.checks.errors import GraphError, describe

__all__ = ["GraphError", "describe"]
