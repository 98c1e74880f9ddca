"""The calculus: a table of derivatives, grouped as NumPy groups its manual."""

from wengert.core.dispatch import FINDER, LATE_TABLES
from wengert.functions import (  # noqa: F401
    complex_parts,
    contraction,
    elementwise,
    indexing,
    joining,
    matrix_product,
    reduction,
    shape,
)
from wengert.functions.activation import (
    celu,
    elu,
    gelu,
    hard_sigmoid,
    hard_swish,
    hardtanh,
    leaky_relu,
    log_sigmoid,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softplus,
    softsign,
)
from wengert.functions.exponential_sums import log_softmax, logsumexp, softmax

__all__ = [
    "celu",
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "hardtanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
]

# Read when a program first calls what is in none of the modules above: half of our import is so saved.
LATE_TABLES.update(
    {
        "wengert.functions.applying": "numpy",
        "wengert.functions.convolution": "numpy",
        "wengert.functions.counting": "numpy",
        "wengert.functions.cumulative": "numpy",
        "wengert.functions.decompositions": "numpy",
        "wengert.functions.diagonals": "numpy",
        "wengert.functions.einsum": "numpy",
        "wengert.functions.interpolation": "numpy",
        "wengert.functions.linalg": "numpy",
        "wengert.functions.norms": "numpy",
        "wengert.functions.padding": "numpy",
        "wengert.functions.polynomial": "numpy",
        "wengert.functions.rearrangement": "numpy",
        "wengert.functions.sorting": "numpy",
        "wengert.functions.special": "numpy",
        "wengert.functions.statistics": "numpy",
        "wengert.functions.without_derivative": "numpy",
        "wengert.functions.fft": "numpy.fft",  # which NumPy itself imports late
        "wengert.functions.scipy_special": "scipy.special",
    }
)

FINDER.append("wengert.functions.converting")
