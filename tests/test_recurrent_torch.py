"""Recurrent functions and layers beside PyTorch's."""

import importlib.util
import itertools
import unittest
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.cases import normal
from tests.recurrent_cases import CELLS, LAYERS, TOLERANCE, flat, weighted_sum
from wengert import Variable
from wengert.layers.recurrent import LSTM, RNN

needs_torch = unittest.skipIf(importlib.util.find_spec("torch") is None, "needs torch: pip install torch==2.13.0")


class TorchTest(unittest.TestCase):
    def assert_near(self, found: Any, expected: Any, dtype: Any, what: str) -> None:
        tolerance = TOLERANCE[dtype]
        expected = expected.detach().numpy() if hasattr(expected, "detach") else expected
        scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
        self.assertEqual(found.dtype, dtype, what)
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale, err_msg=what)

    def compare(self, ours: Any, theirs: Any, x: Any, states: list[Any], dtype: Any, lengths: Any = None) -> None:
        """Compare outputs, states and all gradients, with and without states to start from."""
        import torch

        ours.load_state_dict(theirs.state_dict())
        self.assertEqual(list(ours.state_dict()), list(theirs.state_dict()))
        for given in (states, None):
            ours.cleargrads()
            theirs.zero_grad()
            leaves = [Variable(a) for a in (x, *(given or ()))]
            tensors = [torch.tensor(a, requires_grad=True) for a in (x, *(given or ()))]
            ours_state, their_state = (
                None if given is None else all_of[1] if len(all_of) == 2 else tuple(all_of[1:])
                for all_of in (leaves, tensors)
            )
            if lengths is None:
                found, expected = ours(leaves[0], ours_state), theirs(tensors[0], their_state)
            else:
                found = ours(leaves[0], ours_state, lengths=lengths)
                expected = self.packed(theirs, tensors[0], their_state, lengths)
            found, expected = flat(found), flat(tuple(expected) if isinstance(expected, tuple) else expected)
            self.assertEqual(len(found), len(expected))
            for i, (y, e) in enumerate(zip(found, expected, strict=True)):
                self.assert_near(y.data, e, dtype, f"result {i}")
            weighted_sum(found).backward()
            sum(
                (e * torch.tensor(np.cos(np.arange(e.numel()).reshape(tuple(e.shape))).astype(dtype))).sum()
                for e in expected
            ).backward()
            for i, (leaf, tensor) in enumerate(zip(leaves, tensors, strict=True)):
                self.assert_near(leaf.grad, tensor.grad, dtype, f"gradient of argument {i}")
            params = ours.params()
            for name, tensor in theirs.named_parameters():
                self.assert_near(params[name].grad, tensor.grad, dtype, f"gradient of {name}")

    def packed(self, theirs: Any, x: Any, state: Any, lengths: Any) -> Any:
        from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        outputs, last = theirs(packed, state)
        return pad_packed_sequence(outputs, batch_first=True, total_length=x.shape[1])[0], last

    def pairs(self, **options: Any) -> Iterator[tuple[Any, Any]]:
        """Our layers of three to four numbers, and PyTorch's."""
        import torch

        theirs = {"num_layers": options.pop("layers", 1), **options}
        dtypes = {np.float32: torch.float32, np.float64: torch.float64}
        theirs["dtype"] = dtypes[options["dtype"]]
        for kind in LAYERS:
            yield kind(3, 4, layers=theirs["num_layers"], **options), getattr(torch.nn, kind.__name__)(3, 4, **theirs)
        yield (
            RNN(3, 4, layers=theirs["num_layers"], nonlinearity="relu", **options),
            torch.nn.RNN(3, 4, nonlinearity="relu", **theirs),
        )

    @needs_torch
    def test_layers_directions_and_order_of_axes(self) -> None:
        for dtype, layers, bidirectional, batch_first in itertools.product(
            TOLERANCE, (1, 2), (False, True), (False, True)
        ):
            options = {"layers": layers, "bidirectional": bidirectional, "batch_first": batch_first, "dtype": dtype}
            for ours, theirs in self.pairs(**options):
                with self.subTest(ours.label(), dtype=dtype.__name__):
                    x = normal(*((2, 5, 3) if batch_first else (5, 2, 3))).astype(dtype)
                    n = layers * (2 if bidirectional else 1)
                    states = [normal(n, 2, 4, seed=i).astype(dtype) for i in range(len(ours.states))]
                    self.compare(ours, theirs, x, states, dtype)

    @needs_torch
    def test_no_bias_and_one_of_everything(self) -> None:
        for bias, batch, length in ((False, 2, 3), (True, 1, 3), (True, 2, 1), (True, 1, 1)):
            for ours, theirs in self.pairs(bias=bias, batch_first=True, dtype=np.float64):
                with self.subTest(ours.label(), bias=bias, batch=batch, length=length):
                    states = [normal(1, batch, 4, seed=i) for i in range(len(ours.states))]
                    self.compare(ours, theirs, normal(batch, length, 3), states, np.float64)

    @needs_torch
    def test_lengths_are_packed_sequences(self) -> None:
        for bidirectional, layers in ((False, 1), (True, 2)):
            options = {"layers": layers, "bidirectional": bidirectional, "batch_first": True, "dtype": np.float64}
            for ours, theirs in self.pairs(**options):
                with self.subTest(ours.label()):
                    n = layers * (2 if bidirectional else 1)
                    states = [normal(n, 4, 4, seed=i) for i in range(len(ours.states))]
                    self.compare(ours, theirs, normal(4, 6, 3), states, np.float64, lengths=[2, 6, 1, 5])

    @needs_torch
    def test_a_long_wide_sequence(self) -> None:
        import torch

        for kind in LAYERS:
            with self.subTest(kind.__name__):
                theirs = getattr(torch.nn, kind.__name__)(32, 64, batch_first=True)
                x = normal(8, 50, 32).astype(np.float32)
                states = [normal(1, 8, 64, seed=i).astype(np.float32) for i in range(len(kind.states))]
                self.compare(kind(32, 64), theirs, x, states, np.float32)

    @needs_torch
    def test_cells(self) -> None:
        import torch

        for kind, dtype, bias in itertools.product(CELLS, TOLERANCE, (False, True)):
            with self.subTest(kind.__name__, dtype=dtype.__name__, bias=bias):
                theirs = getattr(torch.nn, kind.__name__)(3, 4, bias=bias).to(
                    {np.float32: torch.float32, np.float64: torch.float64}[dtype]
                )
                states = [normal(2, 4, seed=i).astype(dtype) for i in range(len(kind.states))]
                self.compare(kind(3, 4, bias=bias, dtype=dtype), theirs, normal(2, 3).astype(dtype), states, dtype)

    @needs_torch
    def test_weights_load_into_torch(self) -> None:
        import torch

        ours = LSTM(3, 4, layers=2, bidirectional=True)
        theirs = torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        theirs.load_state_dict({name: torch.tensor(a) for name, a in ours.state_dict().items()})
        x = normal(2, 5, 3).astype(np.float32)
        self.assert_near(ours(x)[0].data, theirs(torch.tensor(x))[0], np.float32, "outputs")
