"""The calculus: a table of derivatives, grouped as NumPy groups its manual."""

from wengert.core.dispatch import LATE_TABLES
from wengert.functions import (  # noqa: F401
    applying,
    complex_parts,
    contraction,
    convolution,
    counting,
    cumulative,
    decompositions,
    diagonals,
    einsum,
    elementwise,
    indexing,
    interpolation,
    joining,
    linalg,
    matrix_product,
    norms,
    padding,
    polynomial,
    rearrangement,
    reduction,
    shape,
    sorting,
    special,
    statistics,
    without_derivative,
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

# NumPy itself reads numpy.fft when a program first asks for it.
LATE_TABLES["numpy.fft"] = "wengert.functions.fft"
LATE_TABLES["scipy.special"] = "wengert.functions.scipy_special"
