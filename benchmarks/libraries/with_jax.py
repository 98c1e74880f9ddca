"""JAX, everything under jax.jit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.libraries.library import Function, Library, Step, Vocabulary

jax.config.update("jax_enable_x64", True)


class Functions(metaclass=Vocabulary):
    matmul = jnp.matmul
    exp, log, sin, tanh = jnp.exp, jnp.log, jnp.sin, jnp.tanh
    sum, mean, var, max, cumsum, sort = jnp.sum, jnp.mean, jnp.var, jnp.max, jnp.cumsum, jnp.sort
    where, reshape, transpose, concatenate = jnp.where, jnp.reshape, jnp.transpose, jnp.concatenate
    einsum, solve, maximum, logsumexp = jnp.einsum, jnp.linalg.solve, jnp.maximum, jax.nn.logsumexp


class Eager(Library):
    """(JAX without jit is not what its users run.)"""

    functions = Functions

    def constant(self, array: Any) -> Any:
        return jnp.asarray(array)

    def jitted(self, function: Function, arrays: Sequence[Any]) -> Step:
        compiled, xs = jax.jit(function), [jnp.asarray(array) for array in arrays]
        return lambda: jax.block_until_ready(compiled(*xs))

    def forward(self, program: Function, arrays: Sequence[Any]) -> Step:
        return self.jitted(program, arrays)

    def gradient(self, program: Function, arrays: Sequence[Any]) -> Step:
        def both(*xs: Any) -> Any:
            y, back = jax.vjp(program, *xs)
            return y, *back(jnp.ones_like(y))

        return self.jitted(both, arrays)

    def jacobian(self, program: Function, array: Any) -> Step:
        return self.jitted(jax.jacrev(program), [array])

    def hessian(self, program: Function, array: Any) -> Step:
        return self.jitted(jax.hessian(program), [array])

    def repeat(self, function: Function, state: Any, count: int) -> Any:
        return jax.lax.scan(lambda s, _: (function(s), None), state, None, length=count)[0]
