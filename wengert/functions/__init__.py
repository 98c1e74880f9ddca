"""The table of derivatives, grouped as in NumPy's manual, and the functions of neural networks that NumPy lacks.

>>> import numpy as np, wengert
>>> from wengert.functions import softmax_cross_entropy
>>> y = wengert.Variable(np.zeros((2, 3)))
>>> softmax_cross_entropy(y, np.array([0, 2])).backward()
>>> np.round(y.grad, 3)
array([[-0.333,  0.167,  0.167],
       [ 0.167,  0.167, -0.333]])
"""

import importlib
from typing import TYPE_CHECKING, Any

from wengert.arrays.table import LATE_TABLES
from wengert.functions import (  # noqa: F401
    _join,
    complex_parts,
    contraction,
    elementwise,
    indexing,
    initial_values,
    matrix_product,
    reduction,
    shape,
)

if TYPE_CHECKING:
    from wengert.functions._attention import attention
    from wengert.functions._convolution import conv1d, conv2d, conv3d
    from wengert.functions._dropout import dropout
    from wengert.functions._embedding import embedding
    from wengert.functions._linear import linear
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
    from wengert.functions.adaptive_pooling import (
        adaptive_average_pool1d,
        adaptive_average_pool2d,
        adaptive_average_pool3d,
        adaptive_max_pool1d,
        adaptive_max_pool2d,
        adaptive_max_pool3d,
    )
    from wengert.functions.average_pooling import average_pool1d, average_pool2d, average_pool3d
    from wengert.functions.binary_loss import (
        binary_cross_entropy,
        binary_cross_entropy_with_logits,
        hinge,
        sigmoid_cross_entropy,
    )
    from wengert.functions.classification_loss import accuracy, nll_loss, softmax_cross_entropy
    from wengert.functions.divided_differences import matrix_function
    from wengert.functions.exponential_sums import log_softmax, logsumexp, softmax
    from wengert.functions.max_pooling import max_pool1d, max_pool2d, max_pool3d
    from wengert.functions.normalization import batch_norm, group_norm, layer_norm, rms_norm
    from wengert.functions.recurrent_gru import gru
    from wengert.functions.recurrent_lstm import lstm
    from wengert.functions.recurrent_rnn import rnn
    from wengert.functions.regression_loss import gaussian_nll, huber, kl_div, mae, mse
    from wengert.functions.similarity import clip_by_norm, cosine_embedding_loss, cosine_similarity
    from wengert.functions.transposed_convolution import conv_transpose1d, conv_transpose2d, conv_transpose3d

__all__ = [
    "accuracy",
    "adaptive_average_pool1d",
    "adaptive_average_pool2d",
    "adaptive_average_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "attention",
    "average_pool1d",
    "average_pool2d",
    "average_pool3d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "clip_by_norm",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "dropout",
    "elu",
    "embedding",
    "gaussian_nll",
    "gelu",
    "group_norm",
    "gru",
    "hard_sigmoid",
    "hard_swish",
    "hardtanh",
    "hinge",
    "huber",
    "kl_div",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "lstm",
    "mae",
    "matrix_function",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "mish",
    "mse",
    "nll_loss",
    "relu",
    "relu6",
    "rms_norm",
    "rnn",
    "selu",
    "sigmoid",
    "sigmoid_cross_entropy",
    "silu",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "softsign",
]

# Functions of neural networks are imported at first use: the module of each.
LATE_NAMES = {
    name: f"wengert.functions.{module}"
    for module, names in {
        "adaptive_pooling": "adaptive_average_pool1d adaptive_average_pool2d adaptive_average_pool3d "
        "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d",
        "activation": "celu elu gelu hard_sigmoid hard_swish hardtanh leaky_relu log_sigmoid mish "
        "relu relu6 selu sigmoid silu softplus softsign",
        "exponential_sums": "log_softmax logsumexp softmax",
        "_attention": "attention",
        "divided_differences": "matrix_function",
        "average_pooling": "average_pool1d average_pool2d average_pool3d",
        "binary_loss": "binary_cross_entropy binary_cross_entropy_with_logits hinge sigmoid_cross_entropy",
        "classification_loss": "accuracy nll_loss softmax_cross_entropy",
        "_dropout": "dropout",
        "_embedding": "embedding",
        "_linear": "linear",
        "max_pooling": "max_pool1d max_pool2d max_pool3d",
        "_convolution": "conv1d conv2d conv3d",
        "normalization": "batch_norm group_norm layer_norm rms_norm",
        "recurrent_gru": "gru",
        "recurrent_lstm": "lstm",
        "recurrent_rnn": "rnn",
        "regression_loss": "gaussian_nll huber kl_div mae mse",
        "similarity": "clip_by_norm cosine_embedding_loss cosine_similarity",
        "transposed_convolution": "conv_transpose1d conv_transpose2d conv_transpose3d",
    }.items()
    for name in names.split()
}


if not TYPE_CHECKING:  # (which knows the names that there are)

    def __getattr__(name: str) -> Any:
        if name not in LATE_NAMES:
            return importlib.import_module("wengert.checks.peer_modules").looked_up(__name__, name)
        found = globals()[name] = getattr(importlib.import_module(LATE_NAMES[name]), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *LATE_NAMES})


# Imported when a program first calls a function that none of the modules above has: this halves the import time.
LATE_TABLES.update(
    {
        "wengert.functions._apply": "numpy",
        "wengert.functions.convolution": "numpy",
        "wengert.functions.counting": "numpy",
        "wengert.functions.cumulative": "numpy",
        "wengert.functions.decompositions": "numpy",
        "wengert.functions.diagonals": "numpy",
        "wengert.functions.einsum": "numpy",
        "wengert.functions.histograms": "numpy",
        "wengert.functions.hermitian": "numpy",
        "wengert.functions.interpolation": "numpy",
        "wengert.functions.linalg": "numpy",
        "wengert.functions.norms": "numpy",
        "wengert.functions.padding": "numpy",
        "wengert.functions.polynomial": "numpy",
        "wengert.functions.rearrangement": "numpy",
        "wengert.functions.quantiles": "numpy",
        "wengert.functions.singular_values": "numpy",
        "wengert.functions.sorting": "numpy",
        "wengert.functions.special": "numpy",
        "wengert.functions.statistics": "numpy",
        "wengert.functions.without_derivative": "numpy",
        "wengert.functions.fft": "numpy.fft",  # which NumPy itself imports late
        "wengert.functions.scipy_bessel": "scipy.special",
        "wengert.functions.scipy_carlson": "scipy.special",
        "wengert.functions.scipy_distributions": "scipy.special",
        "wengert.functions.scipy_elliptic": "scipy.special",
        "wengert.functions.scipy_equations": "scipy.special",
        "wengert.functions.scipy_faddeeva": "scipy.special",
        "wengert.functions.scipy_gamma": "scipy.special",
        "wengert.functions.scipy_integrals": "scipy.special",
        "wengert.functions.scipy_noncentral": "scipy.special",
        "wengert.functions.scipy_parameters": "scipy.special",
        "wengert.functions.scipy_polynomials": "scipy.special",
        "wengert.functions.scipy_special": "scipy.special",
        "wengert.scipy.operators": "scipy.sparse",
    }
)
