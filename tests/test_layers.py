"""Layers: parameters and buffers and their names, modes, lazy sizes, and bad arguments."""

import copy
import importlib.util
import pickle
import tempfile
import unittest
from typing import Any

import numpy as np

import wengert
from tests.layer_cases import RNG, Nested, normal
from wengert import Parameter, Variable
from wengert.datasets import ArrayDataset, DataLoader
from wengert.functions import relu
from wengert.functions._dropout import dropout
from wengert.functions._embedding import embedding, sums_by_row
from wengert.functions._linear import linear
from wengert.functions.regression_loss import mse
from wengert.layers import (
    BatchNorm,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    Linear,
    MultiHeadAttention,
    Sequential,
    TransformerBlock,
    initializers,
)
from wengert.layers.summary import summarize
from wengert.optimizers import SGD
from wengert.training import Trainer, load_run, save_run


class HoldingTest(unittest.TestCase):
    def test_parameters_buffers_and_layers_are_found_by_kind(self) -> None:
        layer = Nested()
        own = ["scale", "weights.a", "weights.b.0"]
        below = [f"{name}.{p}" for name in ("first", "rest.0", "rest.1.0", "rest.1.1.last") for p in ("weight", "bias")]
        self.assertEqual(list(layer.params()), own + below)
        self.assertEqual(list(layer.buffers()), ["seen", "counts.0", "counts.1"])
        self.assertEqual(list(layer.layers()), ["first", "rest.0", "rest.1.0", "rest.1.1.last"])
        self.assertEqual(list(layer.children()), ["first", "rest.0", "rest.1.0", "rest.1.1.last", "shared"])

    def test_layers_that_know_each_other(self) -> None:
        a, b = Layer(), Layer()
        a.below, b.above = b, a
        b.weight = Parameter(np.ones(1))
        self.assertEqual(list(a.params()), ["below.weight"])
        self.assertEqual(repr(a), "Layer(\n  below: Layer(\n    above: Layer(...)\n  )\n)")
        a.eval()
        self.assertFalse(b.training)

    def test_cleargrads(self) -> None:
        layer = Nested()
        np.sum(layer(np.ones((2, 3), np.float32))).backward()
        self.assertIsNotNone(layer.first.weight.grad)
        layer.cleargrads()
        self.assertTrue(all(p.grad is None for p in layer.params().values()))

    def test_a_parameter_is_not_lost_by_assignment(self) -> None:
        layer = Linear(2, 1)
        message = r"parameter 'weight' of Linear can be replaced by a Parameter or None only.*layer.weight.data"
        with self.assertRaisesRegex(TypeError, message):
            layer.weight = np.ones((1, 2))
        with self.assertRaisesRegex(TypeError, r"is a leaf, .* not written to .* outside the graph: x.data\[...\] = v"):
            layer.weight -= 0.1 * np.ones((1, 2), np.float32)
        weight = Parameter(np.ones((1, 2)))
        layer.weight, layer.bias = weight, None
        self.assertEqual(layer.params(), {"weight": weight})

    def test_copies_are_whole_and_apart(self) -> None:
        layer = Sequential(Linear(3, 4), BatchNorm(), relu, Sequential(Linear(2)))
        layer(normal(5, 3).astype(np.float32))
        for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            self.assertEqual(repr(twin), repr(layer))
            for name, array in layer.state_dict().items():
                np.testing.assert_array_equal(twin.state_dict()[name], array)
            twin[0].weight.data += 1
            self.assertFalse(np.any(twin[0].weight.data == layer[0].weight.data))

    def test_shared_parameters_stay_shared_in_a_copy(self) -> None:
        layer = Sequential(Linear(2, 2), Linear(2, 2))
        layer[1].weight = layer[0].weight
        twin = copy.deepcopy(layer)
        self.assertIs(twin[0].weight, twin[1].weight)
        self.assertEqual(list(twin.params()), ["0.weight", "0.bias", "1.bias"])


class NamesOfAttributesTest(unittest.TestCase):
    """An attribute may have the name of a method that others do not need: ``self.layers = [...]`` is natural."""

    def make(self, name: str, value: Any) -> Any:
        class Own(Layer):
            def __init__(self) -> None:
                self.first = Linear(3, 2)
                setattr(self, name, value)

            def forward(self, x: Any) -> Any:
                return self.first(x)

        return Own()

    def test_names_that_are_free(self) -> None:
        x = np.ones((4, 3), np.float32)
        for name in ("layers", "buffers", "children", "steps", "label"):
            with self.subTest(name):
                model = self.make(name, [Linear(2, 2)])
                names = ["first.weight", "first.bias", f"{name}.0.weight", f"{name}.0.bias"]
                self.assertEqual(list(model.params()), names)
                self.assertIn(f"{name}.0: Linear(2, 2)", repr(model))
                self.assertIn(f"{name}.0", str(summarize(model, x)))
                with self.assertRaisesRegex(ValueError, "takes x of shape") as caught:
                    model(x[:, :2])
                self.assertEqual(caught.exception.__notes__, ["in Own, layer first: Linear(3, 2)"])
                with tempfile.TemporaryDirectory() as folder:
                    trainer = Trainer(model, SGD(model), mse, progress=False)
                    trainer.fit(DataLoader(ArrayDataset(x, np.zeros((4, 2), np.float32)), 2), epochs=1)
                    if importlib.util.find_spec("safetensors") is not None:
                        save_run(f"{folder}/run.safetensors", trainer)
                        load_run(f"{folder}/run.safetensors", trainer)

    def test_names_that_are_taken(self) -> None:
        for name in ("params", "forward", "state_dict", "cleargrads", "train", "eval", "training", "astype"):
            with self.assertRaisesRegex(AttributeError, f"{name}.* of every Layer.*; give the attribute another name"):
                self.make(name, [Linear(2, 2)])
        self.make("forward", np.tanh)  # a function may take the place of one


class CallingTest(unittest.TestCase):
    def test_an_error_names_the_place(self) -> None:
        model = Sequential(relu, Sequential(Linear(3, 4), Linear(5, 2)))
        with self.assertRaisesRegex(
            ValueError, r"^Linear\(5, 2\) takes x of shape \(..., 5\), but got Variable"
        ) as caught:
            model(np.ones((2, 3), np.float32))
        self.assertEqual(caught.exception.__notes__, ["in Sequential, layer 1.1: Linear(5, 2)"])

    def test_forward_must_be_defined(self) -> None:
        with self.assertRaisesRegex(NotImplementedError, r"Layer must define forward\(self, x\)"):
            Layer()(1)


class ModesTest(unittest.TestCase):
    def test_the_context_and_eval(self) -> None:
        model = Sequential(Dropout(0.5), Sequential(Dropout(0.5)))
        self.assertTrue(model.training)
        with wengert.test_mode():
            self.assertFalse(model[1][0].training)
            with wengert.train_mode():
                self.assertTrue(model.training)
        self.assertIs(model.eval(), model)
        self.assertFalse(model[1][0].training)
        with wengert.train_mode():
            self.assertFalse(model[1][0].training)
        self.assertIs(model.train(), model)
        self.assertTrue(model[1][0].training)


class LinearTest(unittest.TestCase):
    def test_lazy_size(self) -> None:
        layer = Linear(4)
        self.assertEqual((repr(layer), layer.weight.data), ("Linear(None, 4)", None))
        y = layer(np.ones((2, 3), np.float32))
        self.assertEqual((repr(layer), y.shape, layer.weight.shape), ("Linear(3, 4)", (2, 4), (4, 3)))
        with self.assertRaisesRegex(
            ValueError, r"Linear\(3, 4\) takes x of shape \(..., 3\), but got.*\(2, 5\).*Flatten"
        ):
            layer(np.ones((2, 5)))
        self.assertEqual(layer.multiply_adds(np.ones((2, 3)), y), 24)

    def test_lazy_sizes_are_inferred_from_weights(self) -> None:
        layer = Sequential(Linear(4), Linear(2))
        layer.load_state_dict(Sequential(Linear(3, 4), Linear(4, 2)).astype(np.float64).state_dict())
        self.assertEqual([str(each.label()) for each in layer], ["Linear(3, 4)", "Linear(4, 2)"])
        self.assertEqual(layer[0].weight.dtype, np.float32, "the dtype is that of the layer")

    def test_loading_a_size_that_disagrees_changes_nothing(self) -> None:
        layer = Sequential(Linear(4), Linear(3), BatchNorm(3))
        state = Sequential(Linear(3, 4), Linear(4, 2), BatchNorm(3)).state_dict()
        state["2.running_mean"] += 5
        with self.assertRaisesRegex(ValueError, r"Linear\(None, 3\) takes a parameter of shape \(3, any\).*\(2, 4\)"):
            layer.load_state_dict(state)
        self.assertEqual([repr(each) for each in layer], ["Linear(None, 4)", "Linear(None, 3)", "BatchNorm(3)"])
        self.assertIsNone(layer[0].weight.data)
        self.assertEqual(layer[2].running_mean.tolist(), [0, 0, 0])
        self.assertEqual(layer(np.ones((2, 7), np.float32)).shape, (2, 3))

    def test_first_numbers(self) -> None:
        wengert.seed(1)
        layer = Linear(400, 300)
        for p in layer.params().values():
            self.assertLessEqual(np.max(np.abs(p.data)), 1 / 20)
            self.assertGreater(np.max(np.abs(p.data)), 0.95 / 20)
        layer = Linear(400, 300, initializer=initializers.he_normal)
        self.assertAlmostEqual(float(layer.weight.data.std()), (2 / 400) ** 0.5, places=3)
        np.testing.assert_array_equal(layer.bias.data, 0)
        self.assertEqual(Linear(3, 2, bias=False).label(), "Linear(3, 2, bias=False)")
        self.assertEqual(Linear(0, 2)(np.ones((3, 0))).shape, (3, 2))

    def test_refusals(self) -> None:
        with self.assertRaisesRegex(ValueError, "out_size of Linear must be an integer of at least 1, but got int 0"):
            Linear(3, 0)
        with self.assertRaisesRegex(TypeError, "in_size of Linear must be an integer of at least 0, but got float 3.0"):
            Linear(3.0, 2)
        with self.assertRaisesRegex(TypeError, "out_size of Linear must be an integer of at least 1, but got NoneType"):
            Linear(None)
        with self.assertRaisesRegex(TypeError, "dtype of Linear must be a floating or complex dtype, as np.float32"):
            Linear(3, 2, dtype=int)
        with self.assertRaisesRegex(ValueError, r"Linear\(None, 2\) takes x of shape \(..., in_size\)"):
            Linear(2)(1.0)
        w = Variable(np.ones((2, 3)))
        with self.assertRaisesRegex(ValueError, r"takes x of shape \(..., 3\), but got ndarray of shape \(4,\)"):
            linear(np.ones(4), w)
        with self.assertRaisesRegex(ValueError, r"a weight \(out, in\) and a bias \(out,\), but got.*and bias"):
            linear(np.ones(3), w, np.ones(3))

    def test_mixed_dtypes(self) -> None:
        x, w, b = Variable(np.ones((2, 3), np.float32)), Variable(np.ones((4, 3), np.float32)), Variable(np.ones(4))
        y = linear(x, w, b)
        y.backward()
        self.assertEqual(
            [a.dtype for a in (y, x.grad, w.grad, b.grad)], [np.float64, np.float32, np.float32, np.float64]
        )


class EmbeddingTest(unittest.TestCase):
    def test_padding_gets_no_gradient_of_any_order(self) -> None:
        layer = Embedding(4, 2, padding_index=-1, dtype=np.float64)
        self.assertEqual((layer.label(), layer.weight.data[3].tolist()), ("Embedding(4, 2, padding_index=3)", [0, 0]))
        for create_graph in (False, True):
            layer.cleargrads()
            np.sum(layer(np.array([3, 0, 3, 2])) + 1).backward(create_graph=create_graph)
            self.assertEqual(np.sum(layer.weight.grad, 1).tolist(), [2, 0, 2, 0])
        layer.cleargrads()

    def test_refusals(self) -> None:
        layer = Embedding(4, 2)
        for bad in (4, -1):
            with self.assertRaisesRegex(
                IndexError, f"got the index {bad}, but its weight has 4 rows; give indices from 0 to 3"
            ):
                layer(np.array([0, bad]))
        with self.assertRaisesRegex(
            TypeError, r"Embedding\(4, 2\) takes integers as indices, but got ndarray.*float64"
        ):
            layer(np.array([0.0]))
        with self.assertRaisesRegex(TypeError, "embedding takes integers as indices"):
            embedding(np.array([True]), layer.weight)
        with self.assertRaisesRegex(ValueError, r"embedding takes a weight \(rows, width\)"):
            embedding(np.array([0]), np.ones(3))
        with self.assertRaisesRegex(ValueError, "padding_index of Embedding must be an integer from -4 to 3"):
            Embedding(4, 2, padding_index=4)
        with self.assertRaisesRegex(TypeError, "padding_index of Embedding must be an integer from -4 to 3"):
            Embedding(4, 2, padding_index=1.0)

    def test_sums_by_row(self) -> None:
        for rows, count in ((3, 50), (1000, 20), (10, 0)):
            for dtype in (np.float32, np.float64, np.complex128):
                indices, values = RNG.integers(0, rows, count), normal(count, 4).astype(dtype)
                expected = np.zeros((rows, 4), dtype)
                np.add.at(expected, indices, values)
                found = sums_by_row(indices, values, rows)
                self.assertEqual(found.dtype, dtype)
                np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


class DropoutTest(unittest.TestCase):
    def test_keeps_the_mean_and_drops_at_the_rate(self) -> None:
        wengert.seed(0)
        for rate in (0.1, 0.5, 0.9):
            y = dropout(np.ones(100_000, np.float32), rate)
            self.assertEqual((y.dtype, len(set(y.tolist()))), (np.float32, 2))
            self.assertAlmostEqual(float(np.mean(y == 0)), rate, delta=0.01)
            self.assertAlmostEqual(float(np.mean(y, dtype=np.float64)), 1, delta=0.02)

    def test_the_gradient_is_dropped_alike(self) -> None:
        x = Variable(np.ones((50, 4)))
        y = dropout(x, 0.3)
        y.backward()
        np.testing.assert_array_equal(x.grad, y.data)

    def test_identity(self) -> None:
        x = Variable(np.ones(3))
        self.assertIs(dropout(x, 0), x)
        with wengert.test_mode():
            self.assertIs(dropout(x, 0.5), x)
            self.assertIs(Dropout(0.5)(x), x)
        self.assertIs(Dropout(0.5).eval()(x), x)
        np.testing.assert_array_equal(dropout(x, 1).data, 0)

    def test_the_seed_and_the_kinds(self) -> None:
        wengert.seed(3)
        first = dropout(np.ones((4, 5)))
        wengert.seed(3)
        np.testing.assert_array_equal(dropout(Variable(np.ones((4, 5)))).data, first)
        for x, dtype in (
            (np.ones(2, int), np.float64),
            (np.ones(2, np.complex64), np.complex64),
            (np.float32(1), np.float32),
        ):
            self.assertEqual(dropout(x).dtype, dtype)
        self.assertEqual(dropout(np.ones((0, 3))).shape, (0, 3))

    def test_refusals(self) -> None:
        for rate in (-0.1, 1.5, float("nan")):
            message = f"rate of dropout must be a (real|finite) number from 0 to 1, but got float {rate}"
            with self.assertRaisesRegex(ValueError, message):
                dropout(np.ones(3), rate)
        with self.assertRaisesRegex(TypeError, "rate of Dropout must be a real number from 0 to 1, but got str '0.5'"):
            Dropout("0.5")


class SequentialTest(unittest.TestCase):
    def test_is_a_list(self) -> None:
        a, b, c = Linear(2, 2), Linear(2, 3), Linear(3, 1)
        model = Sequential(a, relu)
        self.assertIs(model.append(b), model)
        self.assertEqual((len(model), list(model), model[-1], model[1]), (3, [a, relu, b], b, relu))
        self.assertEqual(list(model[1:]), [relu, b])
        self.assertIsInstance(model[1:], Sequential)
        self.assertEqual(list(model.params()), ["0.weight", "0.bias", "2.weight", "2.bias"])
        model.insert(0, c)
        del model[1]
        model[-1] = a
        self.assertEqual(list(model), [c, relu, a])
        self.assertEqual(list(model.layers()), ["0", "2"])
        self.assertEqual(list(Sequential([a, b])), [a, b])
        self.assertTrue(Sequential())
        self.assertEqual((repr(Sequential()), Sequential()(3)), ("Sequential()", 3))

    def test_a_subclass_may_hold_more(self) -> None:
        class Scaled(Sequential):
            def __init__(self, *steps: Any) -> None:
                super().__init__(*steps)
                self.scale, self.extra = Parameter(np.array(2.0)), Flatten()

        model = Scaled(Linear(1, 1))
        self.assertEqual(list(model.params()), ["scale", "0.weight", "0.bias"])
        self.assertEqual(repr(model), "Scaled(\n  extra: Flatten()\n  0: Linear(1, 1)\n)")

    def test_refusals(self) -> None:
        with self.assertRaisesRegex(TypeError, "step 1 of a Sequential must be a layer or a function, but got int"):
            Sequential(relu, 3)
        with self.assertRaisesRegex(TypeError, r"step 0 of a Sequential is the class Linear; make one: Linear\(...\)"):
            Sequential(Linear)
        for change in (lambda: Sequential(relu)[1], lambda: Sequential().__delitem__(0)):
            with self.assertRaisesRegex(IndexError, "a Sequential of [01] steps has no step [01]"):
                change()

    def test_flatten(self) -> None:
        self.assertEqual(Flatten()(Variable(np.ones((2, 3, 4)))).shape, (2, 12))
        self.assertEqual((Flatten(0)(np.ones((2, 3))).shape, Flatten()(np.ones(3)).shape), ((6,), (3, 1)))
        self.assertEqual(Flatten()(np.ones((0, 3, 2))).shape, (0, 6))
        with self.assertRaisesRegex(ValueError, r"Flatten\(2\) takes x of at least 2 axes, but got"):
            Flatten(2)(np.ones(3))


class MultiplyAddsTest(unittest.TestCase):
    def test_products_of_each_layer(self) -> None:
        x = np.ones((2, 5, 8), np.float32)
        attention = MultiHeadAttention(8, 2)
        # projections to queries, keys and values; the scores; the averages of values (out_proj counts its own)
        self.assertEqual(attention.multiply_adds(x, attention(x)), 2 * 5 * 8 * 24 + 2 * (2 * 5 * 5 * 8))
        self.assertEqual(TransformerBlock(8, 2).multiply_adds(x, x), 0)
        self.assertEqual(Embedding(3, 2).multiply_adds(x, x), 0)
        self.assertEqual(BatchNorm(5).multiply_adds(x, x), 80)


if __name__ == "__main__":
    unittest.main()
