"""Preloaded by the fork server: workers then start with NumPy imported, in 10 ms.

Only that server imports this module (`multiprocessing.set_forkserver_preload`).
"""

import warnings

from wengert.datasets.worker_processes import work

__all__ = ["work"]

# From 3.12 on Python warns of a fork beside other threads. The only ones here are those of BLAS, which stops them
# before a fork; and with -W error the warning would terminate the server.
warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)
