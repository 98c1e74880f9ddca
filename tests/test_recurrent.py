"""Recurrent functions and layers: against their definitions, and in edge cases."""

import copy
import itertools
import pickle
import unittest
from typing import Any

import numpy as np

import wengert
from tests.cases import normal
from tests.garbage import garbage_of
from tests.recurrent_cases import CELLS, LAYERS, TOLERANCE, flat, weighted_sum
from wengert import Parameter, Variable
from wengert.functions.recurrent_gru import gru
from wengert.functions.recurrent_lstm import lstm
from wengert.functions.recurrent_rnn import rnn
from wengert.layers.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell

FUNCTIONS = ((rnn, 1, 1), (lstm, 4, 2), (gru, 3, 1))  # with the numbers of gates and of states


def weights(gates: int, width: int, hidden: int, dtype: Any = np.float64) -> list[np.ndarray]:
    rows = gates * hidden
    shapes = ((rows, width), (rows, hidden), (rows,), (rows,))
    return [(0.5 * normal(*shape, seed=i)).astype(dtype) for i, shape in enumerate(shapes)]


class FunctionTest(unittest.TestCase):
    def arguments(self, gates: int, states: int, dtype: Any = np.float64) -> list[Any]:
        start = [normal(3, 4, seed=i).astype(dtype) for i in range(states)]
        return [normal(5, 3, 2).astype(dtype), *start, *weights(gates, 2, 4, dtype)]

    def test_fused_is_the_definition(self) -> None:
        for (function, gates, states), dtype, lengths, reverse in itertools.product(
            FUNCTIONS, TOLERANCE, (None, [5, 0, 3]), (False, True)
        ):
            with self.subTest(function.__name__, dtype=dtype.__name__, lengths=lengths, reverse=reverse):
                args = self.arguments(gates, states, dtype)
                expected = function(*args, lengths=lengths, reverse=reverse)
                found = function(*map(Variable, args), lengths=lengths, reverse=reverse)
                for y, e in zip(found, expected, strict=True):
                    self.assertIsInstance(e, np.ndarray)
                    self.assertEqual(y.dtype, e.dtype)
                    np.testing.assert_allclose(y.data, e, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])

    def test_create_graph_gives_the_same_gradients(self) -> None:
        for function, gates, states in FUNCTIONS:
            with self.subTest(function.__name__):
                found = []
                for create_graph in (False, True):
                    leaves = list(map(Variable, self.arguments(gates, states)))
                    weighted_sum(list(function(*leaves, lengths=[4, 5, 2]))).backward(create_graph=create_graph)
                    found.append([leaf.grad.data if create_graph else leaf.grad for leaf in leaves])
                for fused, definition in zip(*found, strict=True):
                    np.testing.assert_allclose(fused, definition, rtol=1e-10, atol=1e-10)

    def test_each_gradient_alone(self) -> None:
        for function, gates, states in FUNCTIONS:
            args = self.arguments(gates, states)
            leaves = list(map(Variable, args))
            weighted_sum(list(function(*leaves))).backward()
            for i, leaf in enumerate(leaves):
                with self.subTest(function.__name__, argument=i):
                    alone = Variable(args[i])
                    weighted_sum(list(function(*args[:i], alone, *args[i + 1 :]))).backward()
                    np.testing.assert_array_equal(alone.grad, leaf.grad)

    def test_backward_twice_doubles(self) -> None:
        for function, gates, states in FUNCTIONS:
            with self.subTest(function.__name__):
                leaves = list(map(Variable, self.arguments(gates, states)))
                y = weighted_sum(list(function(*leaves)))
                y.backward()
                once = [leaf.grad.copy() for leaf in leaves]
                y.backward()
                for leaf, expected in zip(leaves, once, strict=True):
                    np.testing.assert_array_equal(leaf.grad, 2 * expected)

    def test_gradients_of_one_result_alone(self) -> None:
        for function, gates, states in FUNCTIONS:
            args = self.arguments(gates, states)
            for i in range(1 + states):
                with self.subTest(function.__name__, result=i):
                    wengert.check_grad(lambda *a, i=i, f=function: f(*a)[i], *args, order=1)

    def test_padding_is_not_looked_at(self) -> None:
        for (function, gates, states), reverse in itertools.product(FUNCTIONS, (False, True)):
            with self.subTest(function.__name__, reverse=reverse):
                args = self.arguments(gates, states)
                lengths = np.array([2, 5, 3])
                padding = np.arange(5)[:, None] >= lengths
                grads = []
                for fill in (0.0, np.nan):
                    args[0] = np.where(padding[:, :, None], fill, args[0])
                    leaves = list(map(Variable, args))
                    results = list(function(*leaves, lengths=lengths, reverse=reverse))
                    np.testing.assert_array_equal(results[0].data[padding], 0)
                    weighted_sum(results).backward()
                    grads.append([leaf.grad for leaf in leaves])
                for g, e in zip(*grads, strict=True):
                    np.testing.assert_array_equal(g, e)
                np.testing.assert_array_equal(grads[0][0][padding], 0)
                np.testing.assert_array_equal(function(*args, lengths=lengths, reverse=reverse)[0][padding], 0)

    def test_padded_is_one_by_one(self) -> None:
        for (function, gates, states), reverse in itertools.product(FUNCTIONS, (False, True)):
            args = self.arguments(gates, states)
            for fused in (False, True):
                called = [Variable(a) for a in args] if fused else args
                found = [y.data if fused else y for y in function(*called, lengths=[2, 5, 3], reverse=reverse)]
                for i, n in enumerate((2, 5, 3)):
                    with self.subTest(function.__name__, reverse=reverse, fused=fused, sequence=i):
                        start = [a[i : i + 1] for a in args[1 : 1 + states]]
                        alone = function(args[0][:n, i : i + 1], *start, *args[1 + states :], reverse=reverse)
                        np.testing.assert_allclose(found[0][:n, i], alone[0][:, 0], rtol=1e-12)
                        for last, expected in zip(found[1:], alone[1:], strict=True):
                            np.testing.assert_allclose(last[i], expected[0], rtol=1e-12)

    def test_nothing_in_the_sequence_gives_the_start(self) -> None:
        for function, gates, states in FUNCTIONS:
            args = self.arguments(gates, states)
            for called in (args, list(map(Variable, args))):
                y, *last = function(called[0][:0], *called[1:])
                self.assertEqual(y.shape, (0, 3, 4))
                for found, start in zip(last, args[1:], strict=False):
                    np.testing.assert_array_equal(getattr(found, "data", found), start)
                y, *last = function(called[0][:, :0], *[None] * states, *called[1 + states :])
                self.assertEqual((y.shape, last[0].shape), ((5, 0, 4), (0, 4)))

    def test_shut_and_open_gates_do_not_overflow(self) -> None:
        for (function, gates, states), dtype in itertools.product(FUNCTIONS, TOLERANCE):
            with self.subTest(function.__name__, dtype=dtype.__name__):
                args = self.arguments(gates, states, dtype)
                args[0] = args[0] * dtype(1e4)
                leaves = list(map(Variable, args))
                found, expected = list(function(*leaves)), function(*args)
                for y, e in zip(found, expected, strict=True):
                    np.testing.assert_allclose(y.data, e, rtol=1e-5, atol=1e-6)
                weighted_sum(found).backward()
                self.assertTrue(all(np.isfinite(leaf.grad).all() for leaf in leaves))

    def test_results_are_numpys_dtypes(self) -> None:
        for function, gates, states in FUNCTIONS:
            for of_x, of_weights, expected in (
                (np.float32, np.float64, np.float64),
                (np.float64, np.float32, np.float64),
                (np.int64, np.float32, np.float64),
                (np.int8, np.float32, np.float32),
                (np.float16, np.float16, np.float16),
            ):
                with self.subTest(function.__name__, x=of_x.__name__, weights=of_weights.__name__):
                    x = (3 * normal(2, 3, 2)).astype(of_x)
                    rest = [None] * states + [Variable(w) for w in weights(gates, 2, 4, of_weights)]
                    found = function(x, *rest)
                    plain = function(x, *[getattr(a, "data", a) for a in rest])
                    self.assertEqual({y.dtype.type for y in (*found, *plain)}, {expected})
                    weighted_sum(list(found)).backward()
                    self.assertEqual({w.grad.dtype.type for w in rest[states:]}, {of_weights})

    def test_inputs_may_change_after_the_results(self) -> None:
        for function, gates, states in FUNCTIONS:
            args = self.arguments(gates, states)
            found = function(*map(Variable, args))
            kept = [y.data.copy() for y in found]
            for a in args:
                a[...] = np.nan
            for y, e in zip(found, kept, strict=True):
                np.testing.assert_array_equal(y.data, e)

    def test_leaves_no_garbage(self) -> None:
        def program() -> None:
            for function, gates, states in FUNCTIONS:
                weighted_sum(list(function(*map(Variable, self.arguments(gates, states))))).backward()

        self.assertEqual(garbage_of(program), 0)

    def test_wrong_arguments(self) -> None:
        args = self.arguments(4, 2)
        for wrap in (list, lambda a: [Variable(v) if isinstance(v, np.ndarray) else v for v in a]):
            for place, value, error, message in (
                (0, np.ones((3, 2)), ValueError, r"lstm takes x of shape \(length, batch, width\), but got"),
                (0, np.ones((5, 3, 7)), ValueError, r"weight_ih of shape \(16, 7\) with x of shape \(5, 3, 7\)"),
                (1, np.ones((1, 4)), ValueError, r"lstm takes h of shape \(3, 4\) .* but got .* \(1, 4\)"),
                (2, np.ones((3, 5)), ValueError, r"lstm takes c of shape \(3, 4\) .* but got .* \(3, 5\)"),
                (4, np.ones((12, 4)), ValueError, r"weight_hh of shape \(4 \* hidden, hidden\), but got .* \(12, 4\)"),
                (4, None, TypeError, r"lstm takes an array of real numbers as weight_hh, but got NoneType"),
                (5, np.ones(3), ValueError, r"bias_ih of shape \(16,\)"),
            ):
                with self.subTest(message), self.assertRaisesRegex(error, message):
                    lstm(*wrap([*args[:place], value, *args[place + 1 :]]))
            with self.assertRaisesRegex(TypeError, r"rnn takes an array of real numbers as x, but got .*complex128"):
                rnn(*wrap([1j * args[0], None, *weights(1, 2, 4)]))
            with self.assertRaisesRegex(ValueError, "nonlinearity of rnn must be .*'relu', but got str 'sine'"):
                rnn(*wrap([args[0], None, *weights(1, 2, 4)]), nonlinearity="sine")
            for lengths, error, message in (
                ([1, 2], ValueError, r"one length for each of 3 sequences, but got ndarray of shape \(2,\)"),
                ([1, 6, 2], ValueError, r"lengths from 0 to 5, that of x, but lengths\[1\] is 6"),
                ([1, 2, -1], ValueError, r"lengths from 0 to 5, that of x, but lengths\[2\] is -1"),
                ([1.0, 2.0, 3.0], TypeError, r"lengths as integers, but got .*float64"),
            ):
                with self.subTest(message), self.assertRaisesRegex(error, message):
                    gru(*wrap([args[0], None, *weights(3, 2, 4)]), lengths=lengths)


class LayerTest(unittest.TestCase):
    def test_names_and_shapes_are_pytorchs(self) -> None:
        layer = GRU(3, 4, layers=2, bidirectional=True)
        shapes = {name: p.shape for name, p in layer.params().items()}
        self.assertEqual(
            list(shapes)[:5], ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse"]
        )
        self.assertEqual(len(shapes), 16)
        self.assertEqual((shapes["weight_ih_l0_reverse"], shapes["weight_ih_l1"]), ((12, 3), (12, 8)))
        self.assertEqual(list(LSTMCell(3, 4).params()), ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
        self.assertEqual(list(RNNCell(3, 4, bias=False).params()), ["weight_ih", "weight_hh"])

    def test_weights_begin_small_and_by_the_seed(self) -> None:
        for kind in (*LAYERS, *CELLS):
            wengert.seed(5)
            first = kind(3, 100)
            wengert.seed(5)
            lazy = kind(100)
            shape = (2, 4, 3) if kind in LAYERS else (2, 3)
            lazy(np.zeros(shape, np.float32))
            for name, p in first.params().items():
                self.assertEqual(p.dtype, np.float32)
                self.assertTrue(0.09 < np.abs(p.data).max() <= 0.1, name)
                np.testing.assert_array_equal(p.data, lazy.params()[name].data)

    def test_the_state_goes_on(self) -> None:
        for kind in LAYERS:
            for batch_first in (True, False):
                layer = kind(3, 4, layers=2, batch_first=batch_first, dtype=np.float64)
                x = normal(2, 6, 3)
                halves = [a if batch_first else a.swapaxes(0, 1) for a in (x, x[:, :2], x[:, 2:])]
                whole, last = layer(halves[0])
                y, state = layer(halves[1])
                rest, state = layer(halves[2], state)
                joined = np.concatenate((y.data, rest.data), axis=1 if batch_first else 0)
                np.testing.assert_allclose(joined, whole.data, rtol=1e-12)
                for found, expected in zip(flat(state), flat(last), strict=True):
                    np.testing.assert_allclose(found.data, expected.data, rtol=1e-12)

    def test_cells_are_the_layer_step_by_step(self) -> None:
        for kind, cell_kind in zip(LAYERS, CELLS, strict=True):
            layer, cell = kind(3, 4, dtype=np.float64), cell_kind(3, 4, dtype=np.float64)
            cell.load_state_dict(layer.state_dict(), names=lambda name: name.removesuffix("_l0"))
            x = normal(2, 5, 3)
            state = None
            for t in range(5):
                state = cell(x[:, t], state)
            for found, expected in zip(flat(state), flat(layer(x)[1]), strict=True):
                np.testing.assert_allclose(found.data, expected.data[0], rtol=1e-12)

    def test_a_layer_has_second_derivatives(self) -> None:
        for kind in LAYERS:
            layer = kind(2, 2, layers=2, bidirectional=True, dtype=np.float64)
            wengert.check_grad(lambda x, layer=layer: layer(x, lengths=[3, 1])[0], normal(2, 3, 2), order=2)

    def test_dropout_is_between_layers_in_training(self) -> None:
        x = normal(4, 5, 3).astype(np.float32)
        layer = LSTM(3, 8, layers=2, dropout=0.5)
        plain = LSTM(3, 8, layers=2)
        plain.load_state_dict(layer.state_dict())
        with wengert.test_mode():
            np.testing.assert_array_equal(layer(x)[0].data, plain(x)[0].data)
        wengert.seed(1)
        first = layer(x)[0].data
        self.assertFalse(np.array_equal(first, plain(x)[0].data))
        self.assertFalse(np.array_equal(first, layer(x)[0].data))
        wengert.seed(1)
        np.testing.assert_array_equal(first, layer(x)[0].data)
        np.testing.assert_array_equal(layer.eval()(x)[0].data, plain(x)[0].data)
        alone = LSTM(3, 8, dropout=0.9)
        np.testing.assert_array_equal(alone(x)[0].data, alone.eval()(x)[0].data)
        everything = RNN(3, 8, layers=2, dropout=1.0)  # what the second layer sees is then 0
        np.testing.assert_array_equal(everything(x)[0].data, everything(x[::-1])[0].data)

    def test_learns_to_remember(self) -> None:
        wengert.seed(0)
        rng = np.random.default_rng(0)
        for layer in (RNN(1, 16), LSTM(1, 16), GRU(1, 16)):
            head = Parameter(np.zeros((16, 1), np.float32))
            params = [*layer.params().values(), head]
            moments = [(np.zeros_like(p.data), np.zeros_like(p.data)) for p in params]
            for step in range(1, 201):
                x = rng.choice(np.array([-1, 1], np.float32), (32, 8, 1))
                loss = np.mean((layer(x)[0][:, -1] @ head - x[:, 2]) ** 2)
                loss.backward()
                for p, (m, v) in zip(params, moments, strict=True):  # Adam
                    m += 0.1 * (p.grad - m)
                    v += 0.01 * (p.grad**2 - v)
                    p.data -= 0.01 * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8)
                    p.cleargrad()
            self.assertLess(float(loss), 0.1, layer.label())

    def test_lazy_sizes_are_read_off_what_is_loaded(self) -> None:
        for kind in LAYERS:
            lazy = kind(4, layers=2)
            self.assertIn("(None, 4, layers=2)", repr(lazy))
            source = kind(3, 4, layers=2)
            lazy.load_state_dict(source.state_dict())
            self.assertEqual(lazy.in_size, 3)
            x = normal(2, 5, 3).astype(np.float32)
            np.testing.assert_array_equal(lazy(x)[0].data, source(x)[0].data)
            with self.assertRaisesRegex(ValueError, r"weight_hh_l0 of shape .*, 5\), but got .*, 4\)"):
                kind(5, layers=2).load_state_dict(source.state_dict())
        cell = GRUCell(4)
        cell.load_state_dict(GRUCell(3, 4).state_dict())
        self.assertEqual(cell.in_size, 3)
        part = LSTM(4)
        part.load_state_dict({"weight_ih_l0": np.ones((16, 3))}, strict=False)
        part(np.ones((1, 2, 3), np.float32))
        np.testing.assert_array_equal(part.weight_ih_l0.data, 1)
        self.assertEqual(part.weight_hh_l0.shape, (16, 4))

    def test_astype(self) -> None:
        layer = LSTM(3, 4).astype(np.float64)
        self.assertEqual(layer(normal(2, 5, 3))[0].dtype, np.float64)
        lazy = LSTM(4).astype(np.float64)
        lazy(normal(2, 5, 3))
        self.assertEqual(lazy.weight_ih_l0.dtype, np.float64)

    def test_copies_and_debug_mode(self) -> None:
        x = normal(2, 5, 3).astype(np.float32)
        for kind in LAYERS:
            layer = kind(3, 4, layers=2)
            self.assertEqual(layer.layers(), {})
            for other in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
                np.testing.assert_array_equal(other(x)[0].data, layer(x)[0].data)
            with wengert.debug():
                np.sum(layer(x, lengths=[3, 5])[0]).backward()
            y = layer(x)[0]
            layer.weight_hh_l1.data -= 1
            with self.assertRaisesRegex(wengert.GraphError, "its data was assigned since"):
                np.sum(y).backward()
            with wengert.no_grad():
                self.assertIsNone(layer(x)[0].creator)

    def test_label(self) -> None:
        for layer, label in (
            (LSTM(32, 128), "LSTM(32, 128)"),
            (
                GRU(3, 4, layers=2, bidirectional=True, dropout=0.1),
                "GRU(3, 4, layers=2, bidirectional=True, dropout=0.1)",
            ),
            (RNN(3, 4, bias=False, batch_first=False), "RNN(3, 4, bias=False, batch_first=False)"),
            (RNN(3, 4, nonlinearity="relu"), "RNN(3, 4, nonlinearity='relu')"),
            (RNNCell(3, 4, nonlinearity="relu"), "RNNCell(3, 4, nonlinearity='relu')"),
            (LSTMCell(3, 4, bias=False), "LSTMCell(3, 4, bias=False)"),
        ):
            self.assertEqual(repr(layer), label)

    def test_multiply_adds(self) -> None:
        x = np.ones((2, 5, 3), np.float32)
        layer = LSTM(3, 4, layers=2, bidirectional=True)
        expected = 2 * 5 * 2 * (16 * (3 + 4) + 16 * (8 + 4))
        self.assertEqual(layer.multiply_adds(x, layer(x)[0].data), expected)
        cell = GRUCell(3, 4)
        self.assertEqual(cell.multiply_adds(x[0], cell(x[0]).data), 5 * 12 * (3 + 4))

    def test_wrong_sizes_name_the_layer(self) -> None:
        x = np.ones((2, 5, 3), np.float32)
        for call, error, message in (
            (
                lambda: LSTM(4, 8)(x),
                ValueError,
                r"LSTM\(4, 8\) takes x of shape \(batch, length, 4\), but got .*2, 5, 3",
            ),
            (lambda: LSTM(4, 8, batch_first=False)(x), ValueError, r"takes x of shape \(length, batch, 4\)"),
            (lambda: GRU(8)(x[0]), ValueError, r"GRU\(None, 8\) takes x of shape \(batch, length, in_size\), but got"),
            (
                lambda: GRU(3, 8)(x, np.ones((1, 5, 8))),
                ValueError,
                r"takes h of shape \(1, 2, 8\) here, but got .*1, 5, 8",
            ),
            (lambda: LSTM(3, 8)(x, np.ones((1, 2, 8))), TypeError, r"a state of two arrays, \(h, c\), but got ndarray"),
            (
                lambda: LSTM(3, 8, layers=2)(x, (np.ones((2, 2, 8)), np.ones((1, 2, 8)))),
                ValueError,
                r"LSTM\(3, 8, layers=2\) takes c of shape \(2, 2, 8\) here, but got .*\(1, 2, 8\)",
            ),
            (lambda: RNNCell(3, 8)(x), ValueError, r"RNNCell\(3, 8\) takes x of shape \(batch, 3\), but got"),
            (
                lambda: RNNCell(3, 8)(x[0], np.ones((4, 8))),
                ValueError,
                r"takes h of shape \(5, 8\) here, but got .*4, 8",
            ),
            (lambda: LSTM(3, 0), ValueError, "hidden_size of LSTM must be an integer of at least 1, but got int 0"),
            (lambda: LSTM(3, 8, layers=0), ValueError, "layers of LSTM must be an integer from 1 to 10000"),
            (lambda: LSTM(3, 8.0), TypeError, "hidden_size of LSTM must be an integer of at least 1"),
            (lambda: LSTM(3, 8, dropout=2.0), ValueError, "dropout of LSTM must be a real number from 0 to 1"),
            (lambda: RNN(3, 8, nonlinearity="sine"), ValueError, "nonlinearity of RNN must be one of 'tanh', 'relu'"),
            (lambda: RNNCell(3, 8, nonlinearity="sine"), ValueError, "nonlinearity of RNNCell must be one of"),
            (
                lambda: GRU(3, 8, dtype=np.complex64),
                TypeError,
                "dtype of GRU must be a floating dtype, as np.float32, but got the class complex64",
            ),
        ):
            with self.subTest(message), self.assertRaisesRegex(error, message):
                call()

    def test_empty_batches_and_sequences(self) -> None:
        for kind in LAYERS:
            layer = kind(3, 4, bidirectional=True)
            for shape in ((0, 5, 3), (2, 0, 3)):
                y, state = layer(np.ones(shape, np.float32))
                self.assertEqual(y.shape, (*shape[:2], 8))
                self.assertEqual(flat(state)[0].shape, (2, shape[0], 4))
                layer.cleargrads()
                np.sum(y).backward()
                self.assertEqual({float(np.abs(p.grad).sum()) for p in layer.params().values()}, {0.0})


if __name__ == "__main__":
    unittest.main()
