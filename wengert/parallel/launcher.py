"""Whether a launcher of MPI has started this process."""

import os

__all__ = ["launched"]

# Set by Open MPI, by MPICH and Intel MPI (Hydra), by MVAPICH, and by launchers that speak PMIx (as srun --mpi=pmix).
VARIABLES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "PMIX_RANK")


def launched() -> bool:
    """Return whether this process is a rank of an MPI job, by the environment; nothing is imported.

    Examples
    --------
    >>> launched()
    False
    """
    return any(name in os.environ for name in VARIABLES)
