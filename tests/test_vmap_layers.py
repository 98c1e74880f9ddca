"""Layers, draws and ensembles under vmap, against a loop over the examples."""

import unittest
from typing import Any

import numpy as np

import wengert
from tests.test_array_kinds import LAYERS
from wengert import grad, jvp, layers, vmap
from wengert.layers import functional_call

SIZE = 3


def made(name: str) -> tuple[Any, dict[str, Any], tuple[Any, ...]]:
    """A layer in double precision, its parameters, and arguments for several examples."""
    make, given = LAYERS[name]
    args = [a if a.dtype.kind == "i" else a.astype(np.float64) for a in given]
    wengert.seed(1)
    layer = make()
    layer(*args)  # (makes parameters that wait for their shapes)
    arrays = {k: np.asarray(p.data, np.float64) for k, p in layer.params().items()}
    stacked = [np.stack([a if a.dtype.kind == "i" else a * (1 - 0.2 * i) + 0.1 * i for i in range(SIZE)]) for a in args]
    return layer, arrays, tuple(stacked)


def parts(y: Any) -> list[Any]:
    if isinstance(y, dict):
        return [part for key in sorted(y) for part in parts(y[key])]
    return [part for each in y for part in parts(each)] if isinstance(y, (list, tuple)) else [y]


def total(y: Any) -> Any:
    """One number of all results."""
    return sum(np.sum(np.sin(part + 0.3)) for part in parts(y))


def values(y: Any) -> Any:
    return np.asarray(getattr(y, "data", y))


class LayersUnderVmapTest(unittest.TestCase):
    def assert_same(self, found: Any, examples: list[Any], rtol: float = 1e-9) -> None:
        columns = list(zip(*map(parts, examples), strict=True))
        self.assertEqual(len(parts(found)), len(columns))
        for a, column in zip(parts(found), columns, strict=True):
            np.testing.assert_allclose(values(a), np.stack([values(b) for b in column]), rtol=rtol, atol=rtol)

    def both(self, f: Any, axes: Any, *args: Any) -> None:
        """Compare with a loop; both draw the same random numbers."""
        wengert.seed(5)
        expected = [
            f(*[a if axis is None else ({k: v[i] for k, v in a.items()} if isinstance(a, dict) else a[i])
                for a, axis in zip(args, axes, strict=True)])
            for i in range(SIZE)
        ]  # fmt: skip
        after = wengert.generator().bit_generator.state
        wengert.seed(5)
        self.assert_same(vmap(f, axes)(*args), expected)
        self.assertEqual(wengert.generator().bit_generator.state, after)

    def test_gradients_of_each_example(self) -> None:
        for name in LAYERS:
            with self.subTest(name):
                layer, arrays, args = made(name)
                if not arrays:
                    arrays = {}

                def loss(p: Any, *x: Any, layer: Any = layer) -> Any:
                    return total(functional_call(layer, p, *x))

                self.both(lambda p, *x, layer=layer: functional_call(layer, p, *x), (None, *(0 for _ in args)),
                          arrays, *args)  # fmt: skip
                if arrays:
                    self.both(grad(loss), (None, *(0 for _ in args)), arrays, *args)
                if args[0].dtype.kind == "f":
                    self.both(grad(loss, 1), (None, *(0 for _ in args)), arrays, *args)

    def test_ensembles(self) -> None:
        for name in LAYERS:
            layer, arrays, args = made(name)
            if not arrays:
                continue
            with self.subTest(name):
                ensemble = {k: np.stack([a * (1 + 0.1 * i) for i in range(SIZE)]) for k, a in arrays.items()}
                first = tuple(a[0] for a in args)

                def loss(p: Any, *x: Any, layer: Any = layer) -> Any:
                    return total(functional_call(layer, p, *x))

                axes = (0, *(None for _ in args))
                self.both(loss, axes, ensemble, *first)
                self.both(grad(loss), axes, ensemble, *first)
                self.both(
                    lambda p, *x, loss=loss: jvp(lambda p: loss(p, *x), (p,), ({k: v * 0.5 for k, v in p.items()},))[1],
                    axes, ensemble, *first,
                )  # fmt: skip

    def test_an_ensemble_of_networks_is_trained(self) -> None:
        wengert.seed(0)
        net = layers.Sequential(layers.Linear(2, 4), np.tanh, layers.Linear(4, 1))
        rng = np.random.default_rng(0)
        x, t = rng.standard_normal((16, 2)), rng.standard_normal((16, 1))
        start = {k: rng.standard_normal((SIZE, *p.shape)) for k, p in net.params().items()}
        step = wengert.grad(lambda p: np.mean((functional_call(net, p, x) - t) ** 2))
        together = dict(start)
        for _ in range(5):
            gs = vmap(step)(together)
            together = {k: v - 0.1 * gs[k] for k, v in together.items()}
        for i in range(SIZE):
            alone = {k: v[i] for k, v in start.items()}
            for _ in range(5):
                gs = step(alone)
                alone = {k: v - 0.1 * gs[k] for k, v in alone.items()}
            for k, v in alone.items():
                np.testing.assert_allclose(together[k][i], v, rtol=1e-10)

    def test_running_averages_are_those_of_a_loop(self) -> None:
        x = np.random.default_rng(0).standard_normal((SIZE, 2, 4, 3))
        looped, mapped = layers.BatchNorm(3, dtype=np.float64), layers.BatchNorm(3, dtype=np.float64)
        for example in x.reshape(-1, 4, 3):
            looped(example)
        vmap(vmap(mapped))(x)
        np.testing.assert_allclose(mapped.running_mean, looped.running_mean, rtol=1e-12)
        np.testing.assert_allclose(mapped.running_var, looped.running_var, rtol=1e-12)
        self.assertEqual(mapped.num_batches_tracked, looped.num_batches_tracked)

    def test_draws(self) -> None:
        draw = wengert.generator
        x = np.random.default_rng(0).standard_normal((SIZE, 4))
        programs = (
            lambda x: x * draw().standard_normal(4),
            lambda x: x * draw().random() + draw().standard_normal(4),
            lambda x: x + draw().integers(0, 10, 4),
            lambda x: x * draw().gamma(2.0, size=4),
            lambda x: wengert.functions.dropout(x, 0.5),
            lambda x: np.sum(wengert.functions.dropout(x, 0.5)) * draw().standard_normal(),
        )
        for i, f in enumerate(programs):
            with self.subTest(i):
                self.both(f, (0,), x)
                self.both(grad(lambda x, f=f: np.sum(np.sin(f(x)))), (0,), x)
                self.both(lambda x, f=f: jvp(f, (x,), (np.ones(4),))[1], (0,), x)


if __name__ == "__main__":
    unittest.main()
