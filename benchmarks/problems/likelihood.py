"""Gradients of log-likelihoods: logistic regression, and a mixture of Gaussians of full covariance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries.library import Step, library

__all__ = ["make"]

EXAMPLES, WIDTH = 10_000, 100
POINTS, DIMENSIONS, CLUSTERS = 1_000, 10, 8


def make(peer: str, row: str) -> Callable[[], Any]:
    """Make the gradient."""
    return {"logistic": logistic, "mixture": mixture}[row](peer)


def logistic(peer: str) -> Step:
    lib, rng = library(peer), np.random.default_rng(0)
    f = lib.functions
    x, w = rng.normal(size=(EXAMPLES, WIDTH)), 0.1 * rng.normal(size=(WIDTH, 1))
    signs = np.where(rng.uniform(size=(EXAMPLES, 1)) < 1 / (1 + np.exp(-x @ w)), 1.0, -1.0)
    signed = lib.constant(signs * x)

    def likelihood(w: Any) -> Any:
        return -f.sum(f.log(1 + f.exp(-f.matmul(signed, w))))

    return lib.gradient(likelihood, [0.5 * w])


def mixture(peer: str) -> Step:
    """The weights' logarithms, the means, and factors of the inverse covariances, upper triangles whose
    diagonals are given by their logarithms."""
    lib, rng = library(peer), np.random.default_rng(0)
    f = lib.functions
    points = lib.constant(rng.normal(size=(POINTS, DIMENSIONS)))
    above = lib.constant(np.triu(np.ones((DIMENSIONS, DIMENSIONS)), 1))
    diagonal = lib.constant(np.eye(DIMENSIONS))
    logits = rng.normal(size=(CLUSTERS, 1))
    means = rng.normal(size=(CLUSTERS, 1, DIMENSIONS))
    given = 0.1 * rng.normal(size=(CLUSTERS, DIMENSIONS, DIMENSIONS))

    def likelihood(logits: Any, means: Any, given: Any) -> Any:
        factors = given * above + f.exp(given) * diagonal
        scaled = f.matmul(points - means, factors)
        determinants = f.sum(f.sum(given * diagonal, axis=2), axis=1)
        exponents = f.reshape(logits, (CLUSTERS, 1)) + f.reshape(determinants, (CLUSTERS, 1))
        exponents = exponents - 0.5 * f.sum(scaled * scaled, axis=2)
        return f.sum(f.logsumexp(exponents, axis=0)) - POINTS * f.sum(f.logsumexp(logits, axis=0))

    return lib.gradient(likelihood, [logits, means, given])
