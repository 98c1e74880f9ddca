"""What the server that forks workers imports first: workers then start with NumPy read, in a hundredth of a second.

Only that server imports this module (`multiprocessing.set_forkserver_preload`).
"""

import warnings

from wengert.datasets.worker_processes import work

__all__ = ["work"]

# From 3.12 on Python warns of a fork beside other threads. The only ones here are BLAS's, which it ends before a fork;
# and with warnings as errors (-W error) the server would end instead of the warning being seen.
warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)
