"""checkpoint and the state of layers: a batch counts once, and the second run computes what the first did."""

import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from wengert import Layer, Parameter, Variable, checkpoint
from wengert.functions import relu
from wengert.layers import BatchNorm, Conv2d, Dropout, InstanceNorm, Linear, MultiHeadAttention, Sequential
from wengert.optimizers import SGD


def normal(*shape: int) -> Any:
    return np.random.default_rng(0).standard_normal(shape)


class Spectral(Layer):
    """Divides by the largest singular value, which it finds by one more step of iteration at each call."""

    def __init__(self) -> None:
        self.weight = Parameter(normal(3, 3))
        self.vector = np.ones(3)

    def forward(self, x: Any) -> Any:
        found = self.weight.data @ (self.weight.data.T @ self.vector)
        self.vector[...] = found / np.sqrt(np.sum(found * found))
        return x @ self.weight / np.sqrt(np.sum((self.vector.copy() @ self.weight) ** 2))


class Counting(Layer):
    """Has state of every kind: replaced and in place, numbers, lists and dicts, a generator of its own."""

    def __init__(self) -> None:
        self.calls = 0
        self.rate = 1.0
        self.mean = np.zeros(3)
        self.sums = [np.zeros(3), {"squares": np.zeros(())}]
        self._hidden = np.zeros(3)
        self.rng = np.random.default_rng(5)

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.rate *= 0.5
        data = x.data if isinstance(x, Variable) else x
        self.mean = 0.9 * self.mean + 0.1 * data.mean(0)
        self.sums[0] += data.sum(0)
        self.sums[1]["squares"] += (data**2).sum()  # type: ignore[index]
        self._hidden -= 1
        return np.sin(x * self.rate + self.calls) * self.rng.standard_normal(3) + self.mean


class Twice(Layer):
    """Calls one layer twice."""

    def __init__(self) -> None:
        self.norm = BatchNorm(3, dtype=np.float64)

    def forward(self, x: Any) -> Any:
        return self.norm(np.sin(self.norm(x)))


def of_images() -> Any:
    images = (lambda x: np.reshape(x, (4, 3, 1, 1))), (lambda x: x[:, :, 0, 0])
    return Sequential(images[0], Conv2d(3, 3, 1), BatchNorm(), relu, images[1])


PARTS: dict[str, Callable[[], Any]] = {
    "batch norm": lambda: BatchNorm(3, dtype=np.float64),
    "of equal weights": lambda: BatchNorm(3, momentum=None, dtype=np.float64),
    "lazy": lambda: Sequential(Linear(3, dtype=np.float64), BatchNorm(dtype=np.float64), relu, Dropout(0.5)),
    "dropout": lambda: Sequential(Dropout(0.5), Linear(3, 3, dtype=np.float64), Dropout(0.2)),
    "attention": lambda: Sequential(lambda x: x[None], MultiHeadAttention(3, 1, dropout=0.5), lambda x: x[0]),
    "images": of_images,
    "instances": lambda: Sequential(lambda x: x[:, :, None] + np.ones(2), InstanceNorm(3), lambda x: x[:, :, 0]),
    "twice": Twice,
    "spectral": Spectral,
    "counting": Counting,
}


def state_of(layer: Layer) -> dict[str, Any]:
    """Everything that a layer and those below hold, and the state of the process's random numbers."""
    found: dict[str, Any] = {"": wengert.generator().bit_generator.state}
    for name, each in {"": layer, **layer.layers()}.items():
        for attribute, value in vars(each).items():
            if isinstance(value, np.random.Generator):
                found[f"{name}.{attribute}"] = value.bit_generator.state
            elif attribute != "_steps" and not isinstance(value, (Layer, Parameter)):
                found[f"{name}.{attribute}"] = repr(value)
    return found


class StateTest(unittest.TestCase):
    def run_steps(self, make: Any, around: Any, create_graph: bool = False, whole: bool = False) -> Any:
        """Train for three steps; return the gradients and the state after each."""
        wengert.seed(1)
        part = make()
        last = Linear(3, 1, dtype=np.float64)
        inner = around(part)
        f = around(lambda x: last(part(x))) if whole else (lambda x: last(inner(x)))
        x = Variable(normal(4, 3))
        trace = []
        for _ in range(3):
            y = np.sum(f(np.sin(x)) ** 2)
            after_forward = state_of(part)
            y.backward(create_graph=create_graph)
            self.assertEqual(state_of(part), after_forward)
            grads = [p.grad for p in (x, *part.params().values(), *last.params().values())]
            if create_graph:
                for p in (x, *part.params().values(), *last.params().values()):
                    p.cleargrad()
                np.sum(grads[0] ** 2).backward()
                self.assertEqual(state_of(part), after_forward)
                grads = [*[g.data for g in grads], x.grad]
            trace.append((float(y), [None if g is None else g.copy() for g in grads], after_forward))
            for p in (x, *part.params().values(), *last.params().values()):
                if not create_graph and p.grad is not None:
                    p.data = p.data - 0.1 * p.grad
                p.cleargrad()
        return trace

    def same(self, found: Any, expected: Any) -> None:
        for (y, grads, state), (other_y, other_grads, other_state) in zip(found, expected, strict=True):
            self.assertEqual(y, other_y)
            self.assertEqual(state, other_state)
            for g, other in zip(grads, other_grads, strict=True):
                np.testing.assert_allclose(g, other, rtol=1e-12, atol=1e-14)

    def test_every_part_is_as_without_a_checkpoint(self) -> None:
        arounds: dict[str, Any] = {
            "once": checkpoint,
            "nested": lambda f: checkpoint(checkpoint(f)),
            "deeper": lambda f: checkpoint(lambda x: checkpoint(f)(np.sin(x) * 1.0)),
        }
        for name, make in PARTS.items():
            for around, wrap in arounds.items():
                for create_graph in (False, True):
                    for whole in (False, True) if around == "once" else (create_graph,):
                        with self.subTest(name, around=around, create_graph=create_graph, whole=whole):
                            plain = (lambda f: lambda x: f(np.sin(x) * 1.0)) if around == "deeper" else (lambda f: f)
                            expected = self.run_steps(make, plain, create_graph, whole)
                            self.same(self.run_steps(make, wrap, create_graph, whole), expected)

    def test_a_batch_counts_once(self) -> None:
        layer = BatchNorm(3, dtype=np.float64)
        x = Variable(normal(4, 3))
        np.sum(checkpoint(layer)(x) ** 2).backward()
        self.assertEqual(int(layer.num_batches_tracked), 1)
        np.testing.assert_allclose(layer.running_mean, 0.1 * x.data.mean(0))

    def test_two_forwards_before_two_backwards(self) -> None:
        results = []
        for around in (lambda f: f, checkpoint):
            layer = Counting()
            x = Variable(normal(4, 3))
            y, z = (np.sum(around(layer)(x)) for _ in range(2))
            y.backward()
            first = x.grad
            z.backward()
            results.append((first, x.grad, state_of(layer)))
        np.testing.assert_allclose(results[1][0], results[0][0])
        np.testing.assert_allclose(results[1][1], results[0][1])
        self.assertEqual(results[1][2], results[0][2])

    def test_an_error_in_the_second_run_leaves_the_state(self) -> None:
        class Failing(Counting):
            def forward(self, x: Any) -> Any:
                y = super().forward(x)
                if fails:
                    raise RuntimeError("the second run")
                return y

        fails: list[int] = []
        layer = Failing()
        y = np.sum(checkpoint(layer)(Variable(normal(4, 3))))
        before = state_of(layer)
        fails.append(1)
        with self.assertRaisesRegex(RuntimeError, "the second run"):
            y.backward()
        self.assertEqual(state_of(layer), before)

    def test_hooks_may_draw(self) -> None:
        results = []
        for around in (lambda f: f, checkpoint):
            wengert.seed(2)
            inner = Dropout(0.5)

            def f(x: Any, inner: Any = inner) -> Any:
                y = inner(x)
                y.register_hook(lambda g: g * wengert.generator().standard_normal(g.shape))
                return np.sin(y)

            x = Variable(normal(4, 3))
            np.sum(around(f)(x)).backward()
            results.append((x.grad, wengert.generator().bit_generator.state))
        np.testing.assert_allclose(results[1][0], results[0][0])

    def test_compiled(self) -> None:
        for name in ("batch norm", "dropout", "twice", "spectral"):
            with self.subTest(name):
                results = []
                for around in (lambda f: f, checkpoint):
                    wengert.seed(3)
                    part = PARTS[name]()
                    wengert.seed(4)
                    last = Linear(3, 1, dtype=np.float64)
                    optimizer = SGD([*part.params().values(), *last.params().values()], 0.1)
                    f = around(part)

                    def step(x: Any, f: Any = f, last: Any = last, optimizer: Any = optimizer) -> Any:
                        loss = np.mean(last(f(x)) ** 2)
                        optimizer.cleargrads()
                        loss.backward()
                        optimizer.update()
                        return loss

                    compiled = wengert.compile(step)
                    losses = [float(compiled(normal(4, 3))) for _ in range(5)]
                    results.append((losses, part.state_dict() if part.params() else {}, wengert.generator().random()))
                np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-9)
                for key, value in results[0][1].items():
                    np.testing.assert_allclose(results[1][1][key], value, rtol=1e-7, err_msg=key)
                self.assertEqual(results[1][2], results[0][2])


if __name__ == "__main__":
    unittest.main()
