"""SciPy's functions for Variables: the same modules, names and arguments.

SciPy does not dispatch its functions as NumPy does, so that those that are differentiated have a place of their own:
``from wengert.scipy import linalg, special``. Given ndarrays alone, a function here is SciPy's. Given a Variable, or an
array of another kind that speaks NumPy's protocol, it is answered by the table of derivatives. What has no row there
raises a `TypeError` that names it; all other names (classes, constants) are SciPy's own.

>>> import numpy as np, wengert
>>> from wengert.scipy import linalg
>>> a = wengert.Variable(np.array([[2.0, 0.0], [1.0, 4.0]]))
>>> x = linalg.solve_triangular(a, np.array([2.0, 5.0]), lower=True)
>>> x
Variable([1., 1.])
>>> np.sum(x).backward()
>>> a.grad
array([[-0.375,  0.   ],
       [-0.25 , -0.25 ]])
"""

import importlib
import importlib.util
import sys
from typing import Any

from wengert.checks.extras import needed

needed("scipy", "scipy", "wengert.scipy")

# The modules that there are, each imported at first use.
MODULES = (
    "cluster",
    "fft",
    "integrate",
    "interpolate",
    "linalg",
    "ndimage",
    "optimize",
    "signal",
    "sparse",
    "spatial",
    "special",
    "stats",
)

INNER = ("cluster.vq", "sparse.linalg", "spatial.distance")

__all__ = ["MODULES", "loaded"]


def __getattr__(name: str) -> Any:
    if name in MODULES:
        try:
            return importlib.import_module(f"wengert.scipy.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"wengert.scipy.{name}":
                raise
    raise AttributeError(
        f"module 'wengert.scipy' has no attribute {name!r}; it has {', '.join(MODULES)}; "
        f"of arrays, use scipy.{name} itself"
    )


def loaded() -> list[Any]:
    """Import all modules, and return them with those in them."""
    for name in MODULES:
        if importlib.util.find_spec(f"wengert.scipy.{name}"):
            importlib.import_module(f"wengert.scipy.{name}")
    names = [f"wengert.scipy.{name}" for name in (*MODULES, *INNER)]
    return [sys.modules[name] for name in names if name in sys.modules]


def __dir__() -> list[str]:
    return sorted({*globals(), *MODULES})
