"""Training on several processes, the ranks of an MPI job: each has its part of every batch.

``mpiexec -n 4 python train.py`` starts four; `wengert.training.Trainer` finds that it runs under MPI, and the script is
the one of a single process. mpi4py (``pip install wengert[mpi]``) is imported only then.
"""

from wengert.parallel.launcher import launched
from wengert.parallel.ranks import MPI

__all__ = ["MPI", "launched"]
