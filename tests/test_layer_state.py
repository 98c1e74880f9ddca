"""Layers: state_dict and load_state_dict, shared parameters."""

import unittest
from typing import Any

import numpy as np

import wengert
from tests.layer_cases import Nested, normal
from wengert import Variable
from wengert.layers import (
    BatchNorm,
    Layer,
    Linear,
    Sequential,
)


class StateTest(unittest.TestCase):
    def test_round_trip(self) -> None:
        layer, other = Nested(), Nested()
        state = layer.state_dict()
        state["seen"] += 7
        self.assertEqual(layer.seen.tolist(), [0, 0], "state_dict copies")
        arrays = {name: p.data for name, p in other.params().items()}
        other.load_state_dict(state)
        for name, array in state.items():
            np.testing.assert_array_equal(other.state_dict()[name], array)
        self.assertTrue(all(other.params()[name].data is array for name, array in arrays.items()), "in place")

    def test_differences_are_all_listed_and_nothing_is_changed(self) -> None:
        layer = Sequential(Linear(2, 3), Linear(3, 1))
        before = layer.state_dict()
        with self.assertRaisesRegex(
            ValueError,
            r"(?s)does not fit Sequential:\n  1.bias is missing\n  extra is unexpected\n"
            r"  0.weight has the shape \(3, 2\), but got \(3, 3\)\nMake a model",
        ):
            layer.load_state_dict(
                {"0.weight": np.ones((3, 3)), "0.bias": np.ones(3), "1.weight": np.ones((1, 3)), "extra": np.ones(1)}
            )
        for name, array in before.items():
            np.testing.assert_array_equal(layer.state_dict()[name], array)
        layer.load_state_dict({"0.bias": np.full(3, 5.0), "extra": np.ones(1)}, strict=False)
        self.assertEqual((layer[0].bias.data.tolist(), layer[0].bias.dtype), ([5, 5, 5], np.float32))
        with self.assertRaisesRegex(ValueError, "0.bias has the shape"):
            layer.load_state_dict({"0.bias": np.ones(2)}, strict=False)

    def test_kinds_that_do_not_match(self) -> None:
        layer = Linear(1, 1)
        for bias, error in (
            (np.ones(1, complex), "numbers that convert to float32"),
            ([1.0], "must be an ndarray, but got list"),
        ):
            with self.assertRaisesRegex(TypeError, error):
                layer.load_state_dict({"weight": np.ones((1, 1)), "bias": bias})
        with self.assertRaisesRegex(TypeError, "takes a mapping of names to arrays, but got list"):
            layer.load_state_dict([np.ones((1, 1))])

    def test_names(self) -> None:
        layer = Sequential(Linear(2, 1))
        state = {"net.fc.weight": np.ones((1, 2)), "net.fc.bias": np.zeros(1), "step": np.ones(1)}
        layer.load_state_dict(state, names={"net.fc.": "0.", "step": None})
        self.assertEqual(layer[0].weight.data.tolist(), [[1, 1]])
        with self.assertRaisesRegex(ValueError, "two arrays are both mapped to '0.bias'"):
            layer.load_state_dict(state, names=lambda name: "0.bias")
        with self.assertRaisesRegex(ValueError, "names has 'gone', but the arrays are"):
            layer.load_state_dict(state, names={"gone": "0.bias"})

    def test_a_graph_recorded_before_is_reported(self) -> None:
        layer = Linear(2, 1)
        x = Variable(np.ones((1, 2), np.float32))
        y = layer(x)
        layer.load_state_dict(layer.state_dict())
        with self.assertRaisesRegex(wengert.GraphError, "data was assigned since"):
            y.backward()

    def test_astype(self) -> None:
        layer = Sequential(Linear(3, 4), BatchNorm(), Linear(2)).astype(np.float64)
        y = layer(normal(3, 3))
        self.assertEqual(y.dtype, np.float64)
        self.assertEqual({v.dtype.name for v in layer.state_dict().values()}, {"float64", "int64"})
        with self.assertRaisesRegex(TypeError, "dtype of astype must be a floating dtype, as np.float32"):
            layer.astype(int)


class SharedTest(unittest.TestCase):
    """What is shared has one name in ours, and several in a state of PyTorch's."""

    def make(self) -> Any:
        class Tied(Layer):
            def __init__(self) -> None:
                self.a, self.b = Linear(3, 3, bias=False), Linear(3, 3, bias=False)
                self.b.weight = self.a.weight
                self.norm = BatchNorm(3)
                self.blocks = [self.norm, self.a]
                self.me = self

        return Tied()

    def test_a_state_with_all_names(self) -> None:
        first, second = self.make(), self.make()
        state = first.state_dict()
        self.assertEqual([n for n in state if "weight" in n], ["a.weight", "norm.weight"])
        more = {**state, "b.weight": state["a.weight"], "blocks.1.weight": state["a.weight"]}
        more |= {n.replace("norm", "blocks.0"): a for n, a in state.items() if n.startswith("norm")}
        second.load_state_dict(more)
        np.testing.assert_array_equal(second.b.weight.data, first.a.weight.data)
        self.assertIs(second.b.weight, second.a.weight)

    def test_another_name_alone(self) -> None:
        layer = self.make()
        state = layer.state_dict()
        state["b.weight"] = 2 * state.pop("a.weight")
        layer.load_state_dict(state)
        np.testing.assert_array_equal(layer.a.weight.data, state["b.weight"])

    def test_two_names_of_one_parameter_with_other_numbers(self) -> None:
        layer = self.make()
        state = layer.state_dict()
        before = state["a.weight"].copy()
        with self.assertRaisesRegex(
            ValueError, "'a.weight' and 'b.weight' are one .* but the arrays given for them differ"
        ):
            layer.load_state_dict({**state, "b.weight": state["a.weight"] + 1})
        np.testing.assert_array_equal(layer.a.weight.data, before)
        with self.assertRaisesRegex(ValueError, "c.weight is unexpected"):
            layer.load_state_dict({**state, "c.weight": before})
