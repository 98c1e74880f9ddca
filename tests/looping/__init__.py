"""Random programs with loops of Python: compiled with rolled loops, without, and eager calls, which must all agree.

``python -m tests.fuzz --loops --programs N --seed S`` runs many; `tests.test_looping_random` has some of each kind.
"""
