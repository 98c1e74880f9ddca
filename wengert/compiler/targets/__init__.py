"""The targets of code generation."""
