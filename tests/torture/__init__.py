"""A hard trial of the library, apart from the suite: ``make torture``, or ``python -m tests.torture``.

Each theme has ``run(seed, seconds, short, folder)``, which gives an `Outcome` for each of its tests; `table` has them
all. A test tries something again and again, each time from the next seed, until its time is over; it has at least a few
tries.
"""
