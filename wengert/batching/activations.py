"""Activations, softmax and other elementwise functions of our own, of Batched arrays."""

from __future__ import annotations

from wengert.arrays.strong_zero import strong_zero_multiply
from wengert.batching.rules import along_axes, as_they_are, broadcasting
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
from wengert.functions.normal_distribution import normal_cdf
from wengert.functions.tails import sech_squared

as_they_are(celu, elu, gelu, hard_sigmoid, hard_swish, hardtanh, leaky_relu, log_sigmoid, mish, relu, relu6, selu)
as_they_are(sigmoid, silu, softplus, softsign, normal_cdf, sech_squared)
broadcasting(strong_zero_multiply)
along_axes(softmax, log_softmax, default=-1)
along_axes(logsumexp)
