"""Subclasses of ndarray: a memmap counts as a plain array, one with rules of its own is refused, everywhere."""

import importlib
import pkgutil
import tempfile
import unittest
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import tests.cases
import wengert
from wengert import Parameter, Variable, functions, layers
from wengert.arrays.table import FUNCTIONS
from wengert.datasets import ArrayDataset, DataLoader, collate, split
from wengert.optimizers import SGD
from wengert.training import Trainer


def normal(*shape: int) -> Any:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


class Labelled(np.ndarray):
    """A class of arrays of a user's own."""


def refused_kinds() -> dict[str, tuple[Callable[[Any], Any], str]]:
    """How an array is made into each kind that is refused, and what the error must say."""

    def structured(a: Any) -> Any:
        return np.zeros(a.shape, [("a", float), ("b", int)])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        matrix = np.matrix([[1.0, 2.0]])
    return {
        "matrix": (lambda a: matrix, r"(?s)matrix.*np\.asarray\("),
        "masked": (lambda a: np.ma.masked_array(a, np.zeros(a.shape, bool)), r"(?s)MaskedArray.*filled\("),
        "subclass": (lambda a: a.view(Labelled), r"(?s)Labelled.*np\.asarray\("),
        "object": (lambda a: a.astype(object), "dtype object"),
        "text": (lambda a: a.astype(str), r"dtype <U"),
        "structured": (structured, r"dtype \["),
        "records": (lambda a: structured(a).view(np.recarray), "recarray"),
    }


KINDS = refused_kinds()
SIGNS, LABELS, SHARES = np.array([1, -1]), np.array([0, 2]), np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def recurrent(gates: int, states: int) -> tuple[Any, ...]:
    weights = normal(gates * 5, 3), normal(gates * 5, 5), normal(gates * 5), normal(gates * 5)
    return normal(4, 2, 3), *[normal(2, 5)] * states, *weights


def calls_of_functions() -> dict[str, tuple[tuple[Any, ...], dict[str, Any]]]:
    """Arguments for every public function, with an array wherever it takes one."""
    calls: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}
    for name in (
        *("celu", "elu", "gelu", "hard_sigmoid", "hard_swish", "hardtanh", "log_sigmoid", "log_softmax", "logsumexp"),
        *("mish", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "dropout"),
    ):
        calls[name] = ((normal(2, 3),), {})
    calls["leaky_relu"] = ((normal(2, 3), normal(3)), {})
    for n in (1, 2, 3):
        image = normal(1, 2, *[4] * n)
        for kind in ("average_pool", "max_pool", "adaptive_average_pool", "adaptive_max_pool"):
            calls[f"{kind}{n}d"] = ((image, 2), {})
        calls[f"conv{n}d"] = ((image, normal(3, 2, *[2] * n), normal(3)), {})
        calls[f"conv_transpose{n}d"] = ((image, normal(2, 3, *[2] * n), normal(3)), {})
    for name, gates in GATES.items():
        calls[name] = (recurrent(gates, 2 if name == "lstm" else 1), {"lengths": np.array([4, 2])})
    heads = normal(2, 1, 4, 3)
    calls["attention"] = ((heads, heads, heads, np.ones((4, 4), bool)), {})
    calls["batch_norm"] = ((normal(4, 3), normal(3), normal(3), normal(3), normal(3) ** 2), {})
    calls["group_norm"] = ((normal(2, 4, 3), 2, normal(4), normal(4)), {})
    calls["layer_norm"] = ((normal(2, 3), normal(3), normal(3)), {})
    calls["rms_norm"] = ((normal(2, 3), normal(3)), {})
    calls["linear"] = ((normal(2, 3), normal(4, 3), normal(4)), {})
    calls["embedding"] = ((LABELS, normal(4, 3)), {})
    calls["accuracy"] = ((normal(2, 3), LABELS), {})
    calls["nll_loss"] = ((normal(2, 3), LABELS), {"weight": np.ones(3)})
    calls["softmax_cross_entropy"] = ((normal(2, 3), LABELS), {"weight": np.ones(3)})
    calls["binary_cross_entropy"] = ((SHARES, SHARES), {"weight": np.ones(3)})
    for name in ("sigmoid_cross_entropy", "binary_cross_entropy_with_logits"):
        calls[name] = ((normal(2, 3), SHARES), {"weight": np.ones(3), "pos_weight": np.ones(3)})
    calls["hinge"] = ((normal(2), SIGNS), {})
    for name in ("mse", "mae", "huber", "cosine_similarity"):
        calls[name] = ((normal(2, 3), SHARES), {})
    calls["gaussian_nll"] = ((normal(2, 3), SHARES, SHARES), {})
    calls["kl_div"] = ((np.log(SHARES), SHARES), {})
    calls["cosine_embedding_loss"] = ((normal(2, 3), SHARES, SIGNS), {})
    calls["clip_by_norm"] = ((normal(2, 3), 1.0), {})
    return calls


CALLS = calls_of_functions()

# A layer for every public class, and what it is called with.
LAYERS: dict[str, tuple[Callable[[], Any], tuple[Any, ...]]] = {
    **{name: (partial(getattr(layers, name), 3, 5), (normal(4, 2, 3),)) for name in ("RNN", "GRU", "LSTM")},
    **{f"{n}Cell": (partial(getattr(layers, f"{n}Cell"), 3, 5), (normal(2, 3),)) for n in ("RNN", "GRU", "LSTM")},
    **{
        f"{kind}{n}d": (partial(getattr(layers, f"{kind}{n}d"), 2), (normal(1, 2, *[4] * n),))
        for kind in ("AdaptiveAveragePool", "AdaptiveMaxPool", "AveragePool", "MaxPool")
        for n in (1, 2, 3)
    },
    **{
        f"{kind}{n}d": (partial(getattr(layers, f"{kind}{n}d"), 2, 3, 2), (normal(1, 2, *[4] * n),))
        for kind in ("Conv", "ConvTranspose")
        for n in (1, 2, 3)
    },
    "BatchNorm": (lambda: layers.BatchNorm(3), (normal(4, 3),)),
    "InstanceNorm": (lambda: layers.InstanceNorm(3), (normal(2, 3, 4),)),
    "Dropout": (lambda: layers.Dropout(0.5), (normal(4, 3),)),
    "Embedding": (lambda: layers.Embedding(4, 3), (LABELS,)),
    "Flatten": (layers.Flatten, (normal(2, 3, 4),)),
    "GroupNorm": (lambda: layers.GroupNorm(2, 4), (normal(2, 4, 3),)),
    "LayerNorm": (lambda: layers.LayerNorm(3), (normal(2, 3),)),
    "Linear": (lambda: layers.Linear(3, 2), (normal(2, 3),)),
    "MultiHeadAttention": (lambda: layers.MultiHeadAttention(6, 2), (normal(2, 4, 6),)),
    "RMSNorm": (lambda: layers.RMSNorm(3), (normal(2, 3),)),
    "Sequential": (lambda: layers.Sequential(layers.Linear(3, 2), functions.relu), (normal(2, 3),)),
    "TransformerBlock": (lambda: layers.TransformerBlock(6, 2), (normal(2, 4, 6),)),
}


class OnDisk(unittest.TestCase):
    """Makes memmaps."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.count = Path(folder.name), 0

    def mapped(self, array: Any) -> Any:
        """The same array, in a file that is mapped."""
        if not isinstance(array, np.ndarray) or not array.size:
            return array
        self.count += 1
        path = self.folder / f"{self.count}.npy"
        np.save(path, array)
        return np.load(path, mmap_mode="r")

    def equal(self, found: Any, expected: Any) -> None:
        if isinstance(expected, (tuple, list)):
            for each, other in zip(found, expected, strict=True):
                self.equal(each, other)
        else:
            if not (isinstance(found, Variable) and isinstance(expected, Variable)):  # (which may be written to)
                self.assertIs(type(found), type(expected))
            np.testing.assert_array_equal(getattr(found, "data", found), getattr(expected, "data", expected))


class MemmapTest(OnDisk):
    def test_the_tables_here_have_every_public_function_and_layer(self) -> None:
        taking_functions = {"matrix_function"}
        self.assertEqual(sorted(CALLS), sorted(set(functions.__all__) - taking_functions))
        public = {n for n in layers.__all__ if isinstance(getattr(layers, n), type)} - {"Layer"}
        self.assertEqual(sorted(LAYERS), sorted(public))

    def test_functions(self) -> None:
        for name, (args, kwargs) in CALLS.items():
            with self.subTest(name):
                f = getattr(functions, name)
                wengert.seed(0)
                expected = f(*args, **kwargs)
                wengert.seed(0)
                mapped = [self.mapped(a) for a in args], {k: self.mapped(a) for k, a in kwargs.items()}
                self.equal(f(*mapped[0], **mapped[1]), expected)

    def test_functions_of_variables(self) -> None:
        for name, (args, kwargs) in CALLS.items():
            if name == "accuracy":
                continue
            place = 1 if name == "embedding" else 0
            with self.subTest(name):
                results = []
                for kind in (lambda a: a, self.mapped):
                    values, named = [kind(a) for a in args], {k: kind(a) for k, a in kwargs.items()}
                    x = values[place] = Variable(values[place])
                    wengert.seed(0)
                    y = getattr(functions, name)(*values, **named)
                    y = y[0] if isinstance(y, tuple) else y
                    np.sum(y * y).backward(create_graph=True)
                    results.append((y, x.grad))
                self.equal(results[1], results[0])

    def test_layers(self) -> None:
        for name, (make, args) in LAYERS.items():
            with self.subTest(name):
                wengert.seed(0)
                expected = make()(*args)
                wengert.seed(0)
                self.equal(make()(*map(self.mapped, args)), expected)

    def test_every_row_of_the_table_beside_a_variable(self) -> None:
        for module in pkgutil.iter_modules(tests.cases.__path__):
            if module.name.startswith("scipy_"):
                continue
            for case in importlib.import_module(f"tests.cases.{module.name}").CASES:
                with self.subTest(case.function):
                    first, *rest = case.args
                    expected = case.call(Variable(first), *rest) if isinstance(first, np.ndarray) else None
                    if not isinstance(expected, Variable) or expected.creator is None:
                        continue  # not recorded, or `first` itself
                    x = Variable(self.mapped(first))
                    y = case.call(x, *map(self.mapped, rest))
                    self.equal(y, expected)
                    self.assertIs(type(y.data), np.ndarray)
                    self.assertFalse(y.data.flags.writeable)

    def test_held_by_variables_parameters_and_optimizers(self) -> None:
        start = normal(2, 3)
        np.save(self.folder / "w.npy", start)
        p = Parameter(np.load(self.folder / "w.npy", mmap_mode="r+"))
        optimizer = SGD([p], 0.1, momentum=0.9)
        for _ in range(2):
            np.sum(p * p).backward()
            optimizer.update()
            p.cleargrad()
        q = Parameter(start.copy())
        optimizer = SGD([q], 0.1, momentum=0.9)
        for _ in range(2):
            np.sum(q * q).backward()
            optimizer.update()
            q.cleargrad()
        np.testing.assert_array_equal(p.data, q.data)

    def test_transforms(self) -> None:
        x = normal(3).astype(float)
        m = self.mapped(x)

        def f(x: Any) -> Any:
            return np.sum(functions.softmax(x) ** 3)

        self.equal(wengert.grad(f)(m), wengert.grad(f)(x))
        self.equal(wengert.hessian(f)(m), wengert.hessian(f)(x))
        self.equal(wengert.hvp(f, (m,), (m,)), wengert.hvp(f, (x,), (x,)))
        self.equal(wengert.jvp(f, (m,), (m,)), wengert.jvp(f, (x,), (x,)))
        self.equal(wengert.vjp(functions.softmax, m)[1](m), wengert.vjp(functions.softmax, x)[1](x))
        self.equal(wengert.flatten({"a": m})[0], x)
        self.equal(wengert.grad(wengert.checkpoint(f))(m), wengert.grad(f)(x))
        wengert.check_grad(f, m)

    def test_arrays_that_are_written_to(self) -> None:
        x = normal(3).astype(float)
        m = self.mapped(x)
        for made in (
            wengert.array(m),
            wengert.full(3, m),
            np.array(m, like=Variable(x)),
            np.full(3, m, like=Variable(x)),
        ):
            self.assertIsInstance(made, Variable)
            made[0] = Variable(np.array(2.0))
            made[1:] = m[1:]
            np.add(made, m, out=made)
            np.testing.assert_array_equal(made.data, [2.0 + x[0], *2 * x[1:]])
        np.testing.assert_array_equal(m, x)

    def test_compiled_functions_take_and_hold_them(self) -> None:
        x = normal(2, 3).astype(float)
        m = self.mapped(x)
        np.save(self.folder / "total.npy", np.zeros(3))
        total = np.load(self.folder / "total.npy", mmap_mode="r+")

        def step(x: Any) -> Any:
            np.add(total, 1.0, out=total)
            return wengert.grad(lambda x: np.sum(functions.softmax(x) * m))(x)

        compiled = wengert.compile(step)
        for _ in range(4):
            np.testing.assert_allclose(compiled(m), wengert.grad(lambda y: np.sum(functions.softmax(y) * x))(x))
        np.testing.assert_array_equal(total, 4.0)

    def test_data_sets(self) -> None:
        x, t = normal(6, 3), np.arange(6)
        for dataset in (ArrayDataset(self.mapped(x), self.mapped(t)), list(zip(self.mapped(x), t, strict=True))):
            batches = list(DataLoader(dataset, batch_size=4))
            np.testing.assert_array_equal(np.concatenate([b[0] for b in batches]), x)
            self.assertEqual({type(b[0]) for b in batches}, {np.ndarray})
        self.equal(next(iter(DataLoader(self.mapped(x), batch_size=6))), x)
        self.equal(collate(list(self.mapped(x))), x)
        self.equal(split(ArrayDataset(self.mapped(x)), 0.5, seed=0)[0][:], split(ArrayDataset(x), 0.5, seed=0)[0][:])
        model = layers.Linear(3, 1)
        trainer = Trainer(model, SGD(model, 0.1), functions.mse, progress=False)
        trainer.fit([(self.mapped(x), self.mapped(x[:, :1]))], epochs=1)
        self.equal(trainer.predict(self.mapped(x)), trainer.predict(x))


class RefusedTest(OnDisk):
    def refuses(self, kind: str, call: Any, *args: Any, **kwargs: Any) -> None:
        with self.assertRaises(TypeError) as caught:
            call(*args, **kwargs)
        text = "\n".join([str(caught.exception), *getattr(caught.exception, "__notes__", [])])
        self.assertRegex(text, KINDS[kind][1])

    def test_functions(self) -> None:
        for name, (args, kwargs) in CALLS.items():
            f = getattr(functions, name)
            for kind, (make, _) in KINDS.items():
                for i, arg in enumerate(args):
                    if not isinstance(arg, np.ndarray):
                        continue
                    with self.subTest(name, kind=kind, place=i):
                        self.refuses(kind, f, *args[:i], make(arg), *args[i + 1 :], **kwargs)
                        j = 0 if i else 1
                        if len(args) > 1 and isinstance(args[j], np.ndarray) and args[j].dtype.kind == "f":
                            others = list(args)
                            others[i], others[j] = make(arg), Variable(args[j])
                            self.refuses(kind, f, *others, **kwargs)
                for key, arg in kwargs.items():
                    with self.subTest(name, kind=kind, key=key):
                        named = {**kwargs, key: make(arg)}
                        self.refuses(kind, f, *args, **named)
                        self.refuses(kind, f, Variable(args[0]), *args[1:], **named)

    def test_layers_in_both_modes(self) -> None:
        for name, (make, (x,)) in LAYERS.items():
            layer = make()
            for kind, (convert, _) in KINDS.items():
                with self.subTest(name, kind=kind):
                    self.refuses(kind, layer, convert(x))
                    with wengert.test_mode():
                        self.refuses(kind, layer, convert(x))

    def test_variables_transforms_and_compile(self) -> None:
        def f(x: Any) -> Any:
            return np.sum(x * x)

        x = normal(3).astype(float)
        calls: list[Callable[[Any], Any]] = [
            Variable,
            Parameter,
            wengert.as_variable,
            wengert.array,
            lambda bad: wengert.array([bad, bad]),
            lambda bad: wengert.array([bad, Variable(x)]),
            lambda bad: wengert.full(3, bad),
            lambda bad: wengert.zeros(3).__setitem__(0, bad),
            lambda bad: wengert.zeros((2, 3)).__setitem__(..., bad),
            wengert.grad(f),
            wengert.value_and_grad(f),
            wengert.hessian(f),
            wengert.jacobian(np.sin),
            lambda bad: wengert.hvp(f, (x,), (bad,)),
            lambda bad: wengert.jvp(f, (x,), (bad,)),
            lambda bad: wengert.vjp(np.sin, x)[1](bad),
            lambda bad: wengert.check_grad(f, bad),
            lambda bad: wengert.flatten([bad]),
            lambda bad: wengert.flatten(x)[1](bad),
            lambda bad: wengert.compile(f)(Variable(bad)),
            lambda bad: wengert.compile(functions.softmax)(bad),
        ]
        for kind, (convert, _) in KINDS.items():
            for i, call in enumerate(calls):
                with self.subTest(kind, call=i):
                    self.refuses(kind, call, convert(x))

    def test_numpy_functions_beside_a_variable(self) -> None:
        x = Variable(normal(1, 2))
        calls: list[Callable[[Any], Any]] = [
            lambda a: x + a,
            lambda a: np.multiply(x, a),
            lambda a: np.matmul(x, a),
            lambda a: np.concatenate([x, a]),
            lambda a: np.where(x.data > 0, x, a),
            lambda a: np.einsum("ij,ij", x, a),
        ]
        for kind, (convert, _) in KINDS.items():
            for i, call in enumerate(calls):
                with self.subTest(kind, call=i), self.assertRaises(TypeError):
                    call(convert(x.data))
        with self.assertRaisesRegex(TypeError, r"MaskedArray.*a\.filled\(0\)"):
            np.add(x, np.ma.masked_array(x.data))

    def test_states(self) -> None:
        layer = layers.Linear(3, 2)
        optimizer = SGD(layer, 0.1, momentum=0.9)
        for holder in (layer, optimizer):
            state = holder.state_dict()
            for name, array in state.items():
                for kind in ("masked", "subclass", "object", "text", "structured", "records"):
                    with self.subTest(name, kind=kind), self.assertRaisesRegex(TypeError, name):
                        holder.load_state_dict({**state, name: KINDS[kind][0](array)})
            holder.load_state_dict({name: self.mapped(array) for name, array in state.items()})

    def test_a_function_of_a_user_gets_what_it_is_given(self) -> None:
        masked = np.ma.masked_array([1.0, 2.0], [True, False])
        self.assertEqual(wengert.dispatched(np.ma.sum)(masked), 2.0)
        self.assertNotIn(wengert.dispatched(np.ma.sum), FUNCTIONS)


if __name__ == "__main__":
    unittest.main()
