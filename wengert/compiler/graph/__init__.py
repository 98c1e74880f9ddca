"""Graphs: values, each computed once; how they are built, checked, and run by NumPy as the reference."""
