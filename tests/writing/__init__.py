"""Random programs that write into arrays: run by NumPy, by a reference for their derivatives, and by the library.

``python -m tests.fuzz --writes --programs N --seed S`` runs many; `tests.test_writing_random` has a few hundred.
"""
