"""The workloads in JAX: the whole step, Adam included, under jax.jit with donated buffers."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.networks.data import GPT, MLPS, RATE, batch, weights

Parameters = dict[str, Any]


def mlp(p: Parameters, x: Any, work: str) -> Any:
    last = 2 * (len(MLPS[work][0]) - 2)
    for i in range(0, last + 1, 2):
        x = x @ p[f"{i}.weight"].T + p[f"{i}.bias"]
        x = jax.nn.relu(x) if i < last else x
    return x


def cnn(p: Parameters, x: Any) -> Any:
    for i in (0, 3):
        x = jax.lax.conv_general_dilated(x, p[f"{i}.weight"], (1, 1), "VALID") + p[f"{i}.bias"][:, None, None]
        x = jax.lax.reduce_window(jax.nn.relu(x), -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    x = x.reshape(len(x), -1)
    x = jax.nn.relu(x @ p["7.weight"].T + p["7.bias"])
    return x @ p["9.weight"].T + p["9.bias"]


def lstm(p: Parameters, x: Any) -> Any:
    given = x.transpose(1, 0, 2) @ p["lstm.weight_ih_l0"].T + p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"]

    def step(state: Any, now: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(now + h @ p["lstm.weight_hh_l0"].T, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), None

    zeros = jnp.zeros((len(x), 128), x.dtype)
    (h, _), _ = jax.lax.scan(step, (zeros, zeros), given)
    return h @ p["head.weight"].T + p["head.bias"]


def norm(p: Parameters, name: str, x: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return (
        centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]
    )


def gpt(p: Parameters, tokens: Any) -> Any:
    n, length = tokens.shape
    x = p["wte.weight"][tokens] + p["wpe.weight"][:length]
    mask = np.tril(np.ones((length, length), bool))
    for i in range(GPT["layers"]):
        here = f"h.{i}"
        y = norm(p, f"{here}.ln_1", x) @ p[f"{here}.attn.c_attn.weight"] + p[f"{here}.attn.c_attn.bias"]
        q, k, v = (a.reshape(n, length, GPT["heads"], -1).transpose(0, 2, 1, 3) for a in jnp.split(y, 3, axis=-1))
        scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1]).astype(np.float32)
        y = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf), axis=-1) @ v
        y = y.transpose(0, 2, 1, 3).reshape(n, length, -1)
        x = x + y @ p[f"{here}.attn.c_proj.weight"] + p[f"{here}.attn.c_proj.bias"]
        y = norm(p, f"{here}.ln_2", x) @ p[f"{here}.mlp.c_fc.weight"] + p[f"{here}.mlp.c_fc.bias"]
        y = jax.nn.gelu(y, approximate=True)
        x = x + y @ p[f"{here}.mlp.c_proj.weight"] + p[f"{here}.mlp.c_proj.bias"]
    return (norm(p, "ln_f", x) @ p["wte.weight"].T).reshape(n * length, -1)


def network(work: str) -> Callable[[Parameters, Any], Any]:
    if work in MLPS:
        return lambda p, x: mlp(p, x, work)
    return {"cnn": cnn, "lstm": lstm, "gpt": gpt}[work]


def make(work: str) -> Callable[[], float]:
    """Return a step of training: forward, backward and Adam; it returns the loss."""
    from benchmarks.networks.wengert_steps import shapes

    p = {name: jnp.asarray(array) for name, array in weights(shapes(work)).items()}
    forward = network(work)
    x, t = (jnp.asarray(a) for a in batch(work))
    t = t.reshape(-1)

    def loss_of(p: Parameters) -> Any:
        y = forward(p, x)
        return jnp.mean(jax.nn.logsumexp(y, axis=1) - y[jnp.arange(len(t)), t])

    def step(p: Parameters, m: Parameters, v: Parameters, count: Any) -> Any:
        loss, g = jax.value_and_grad(loss_of)(p)
        count = count + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        first, second = 1 - 0.9**count, 1 - 0.999**count
        p = jax.tree.map(lambda p, m, v: p - RATE * (m / first) / (jnp.sqrt(v / second) + 1e-8), p, m, v)
        return p, m, v, count, loss

    compiled = jax.jit(step, donate_argnums=(0, 1, 2))
    state: list[Any] = [p, jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p), jnp.float32(0)]

    def run() -> float:
        *state[:], loss = compiled(*state)
        return float(loss)

    return run
