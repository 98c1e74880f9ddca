"""NumPy programs are exported to ONNX: function by function, at several batch sizes, and what is refused."""

import functools
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import wengert
from tests.onnx_case import NEEDED, OnnxCase, integers, normal
from wengert import functions as F
from wengert import layers

if not NEEDED:
    from wengert.onnx import export
    from wengert.onnx.symbol import RULES

X = normal(2, 3, 4)
POSITIVE = np.abs(X) + np.float32(0.1)
W = normal(4, 5)

# Programs of x, and whether x is the positive example.
PROGRAMS = """
x + 1; 2 - x; x * 3.5; x / 3; 1 / x; -x; abs(x); x**2; x**0.5; x**3; x % 0.7; x // 0.7; +x; 2.0**x; np.exp(x)
np.log(x); np.sqrt(x); np.sin(x); np.cos(x); np.tan(x); np.arctan(x); np.tanh(x); np.sinh(x); np.cosh(x)
np.arcsinh(x); np.arcsin(x / 9); np.arccos(x / 9); np.arctanh(x / 9); np.arccosh(x + 1); np.log1p(x); np.expm1(x)
np.exp2(x); np.log2(x); np.log10(x); np.square(x); np.reciprocal(x); np.sign(x); np.floor(x); np.ceil(x); np.rint(x)
np.maximum(x, 0.5); np.minimum(x, x.T.T); np.hypot(x, 2); np.logaddexp(x, 0); np.logaddexp(-x, x); np.isfinite(x)
x > 0.5; x <= x[0]; x == x; x != 0.5; np.isnan(x); (x > 0.2) & (x < 1); (x > 0.2) | (x < 1); ~(x > 0.2)
(x > 1) ^ (x > 2); np.where(x > 0.5, x, 0); np.where(x > 0.5, 1.0, 0.0); np.clip(x, 0.2, 0.8); np.clip(x, None, 0.8)
(x > 0.5) + (x > 1); x.astype(np.float64); x.astype(int); (x > 0.5).astype(np.float32); x.copy(); np.zeros_like(x) + x
x + np.ones(x.shape); x.reshape(len(x), -1); x.reshape(-1); x.reshape(2 * len(x), -1); x.ravel(); x[:, None]
x[..., np.newaxis]; x.transpose(0, 2, 1); x.T; x.mT; np.swapaxes(x, 0, 2); np.moveaxis(x, 0, -1); np.expand_dims(x, 1)
np.squeeze(x[:, :1], 1); np.atleast_1d(x); np.broadcast_to(x[:, :1], x.shape); np.concatenate([x, x], 1)
np.concatenate([x, np.zeros((len(x), 1, 4))], 1); np.stack([x, -x]); np.stack([x, x], -1); np.hstack([x, x])
np.vstack([x, x]); np.concatenate([x, x], None); np.split(x, 2, -1); np.split(x, [1, 3], 2); np.array_split(x, 2, 1)
np.unstack(x, axis=2); np.tile(x, (1, 2, 1)); np.tile(x, 2); np.repeat(x, 2, 1); np.flip(x, 1); np.flip(x)
np.pad(x, [(0, 0), (1, 2), (0, 1)]); np.pad(x, [(0, 0), (1, 1), (0, 0)], constant_values=3.0)
np.pad(x, [(0, 0), (1, 1), (2, 2)], "edge"); x[0]; x[-1]; x[:, 1]; x[:, 1:3]; x[:, ::2]; x[:, ::-1]; x[..., -1]
x[:, 0, 1:]; x[1:]; x[:-1]; x[len(x) // len(x) :]; x[:, [2, 0]]; x[:, np.array([[0, 1], [2, 0]])]
x[:, np.array([True, False, True])]; x[:, -2:, None]; x[..., ::-2]; np.sort(x)
np.argsort(x, 1); np.sort(x, None); np.round(x); np.round(x, 1); np.fmax(x, 0.5); np.fmin(x, np.nan); (x - 1) // 0.1
(x - 1) % -0.3; x[-3:, 0]; x[:8]; np.full_like(x, np.max(x)); x.real; 2.0 * x * len(x); np.array([len(x)]) + x[0, 0, 0]
np.sum(x); np.sum(x, 0); np.sum(x, axis=(1, 2))
np.sum(x, -1, keepdims=True); np.mean(x, 1); np.mean(x); x.max(); x.max(1); x.min(axis=-1); np.prod(x, 1)
np.var(x, 1); np.std(x); np.all(x > 0.2, 1); np.any(x > 1); np.argmax(x, 1); np.argmin(x); np.cumsum(x, 1)
np.cumsum(x); np.add.reduce(x, axis=1); np.linalg.norm(x, axis=-1); np.average(x, axis=1); np.ptp(x, 1); x @ W
x @ x.mT; W.T @ x.mT; x @ np.ones(4); np.dot(x, W); np.einsum("bij,jk->bik", x, W); np.einsum("bij->b", x)
np.vecdot(x, x); np.tril(x); np.triu(x, 1); np.take(x, [2, 0], 1); np.take(x, 1, axis=-1)
np.take_along_axis(x, np.argmax(x, -1)[..., None], -1); np.outer(x[0, 0], x[0, 1]); np.inner(x[0], np.ones(4))
F.relu(x); F.leaky_relu(-x); F.leaky_relu(-x, 0.2); F.elu(-x); F.elu(-x, alpha=2.0); F.celu(-x, 1.5); F.selu(-x)
F.gelu(-x); F.gelu(x, True); F.silu(x); F.mish(x); F.softplus(x); F.softplus(90 * x); F.softsign(-x); F.sigmoid(x)
F.log_sigmoid(-99 * x); F.hard_sigmoid(x); F.hard_swish(x); F.hardtanh(3 * x); F.relu6(9 * x); F.softmax(x)
F.softmax(x, axis=0); F.log_softmax(x, 1); F.logsumexp(x); F.logsumexp(x, 1); F.logsumexp(99 * x, -1, keepdims=True)
F.rms_norm(x); F.layer_norm(x, epsilon=1e-3); F.attention(x, x, x, causal=True); F.cosine_similarity(x, -x + 1)
F.softmax_cross_entropy(x[:, 0], F.softmax(x[:, 1])); F.mse(x, 0 * x); F.batch_norm(x)
x - x.mean(0); x / np.float32(len(x)); np.arange(3.0)[:, None] * x; x * np.full(x.shape, 2.0)
"""


def program(text: str) -> Any:
    return eval(f"lambda x: {text}", {"np": np, "F": F, "W": W})


class FunctionsTest(OnnxCase):
    def test_programs(self) -> None:
        for text in PROGRAMS.replace("\n", ";").split(";"):
            if text.strip():
                with self.subTest(text.strip()):
                    sizes = (4,) if "x[1:]" in text or "x[:-1]" in text or "[0, 1]" in text else (1, 4)
                    self.assert_exports(program(text.strip()), POSITIVE, sizes=sizes)

    def test_integers(self) -> None:
        for text in (
            *(
                "x + 1",
                "x * 2",
                "x // 1.0",
                "x // 2",
                "x // -2",
                "x % -2",
                "x / 2",
                "x % 3",
                "x == 1",
                "np.exp(x)",
                "x[:, ::-1]",
                "-x",
                "abs(x - 3)",
            ),
            *("x.sum(1)", "x.mean(0)", "x.max(1)", "np.where(x > 2, x, 0)", "F.embedding(x % 3, W)"),
        ):
            with self.subTest(text):
                self.assert_exports(program(text.strip()), integers(9, 2, 5))

    def test_accurate_near_zero(self) -> None:
        tiny = np.float32(10.0) ** -np.arange(1, 20, dtype=np.float32)
        for function in (np.log1p, np.expm1):
            got = self.run_file(export(function, tiny, batch_axis=None), (tiny,))[0]
            np.testing.assert_allclose(got, function(tiny), rtol=1e-6)

    def test_lists_variables_and_compiled_functions(self) -> None:
        self.assert_exports(layers.Linear(2, 1), [[1.0, 2.0]])
        self.assert_exports(layers.Linear(4, 1), wengert.Variable(X))
        self.assert_exports(lambda x: wengert.checkpoint(np.tanh)(x), X)
        self.assert_exports(lambda x: wengert.scipy.special.expit(x) + wengert.scipy.special.erf(x), X)

    def test_several_inputs_and_results(self) -> None:
        x, h, mask = normal(2, 3), normal(4, 2), np.array([True, False])

        def model(x: Any, state: Any) -> Any:
            h, mask = state
            return {"sum": np.sum(x, 1) + h.sum(0), "both": (np.where(mask, 1.0, x[:, 0]), x)}

        found = self.assert_exports(model, (x, (h, mask)), (0, 1, 0))
        self.assertEqual([each.name for each in found.graph.input], ["x0", "x1", "x2"])
        self.assertEqual([each.name for each in found.graph.output], ["y0", "y1", "y2"])

    def test_constant_results_and_repeated_ones(self) -> None:
        self.assert_exports(lambda x: (np.ones(3), x, x, x + 1), X)
        self.assert_exports(lambda x: [y := x + 1, y, y], X)

    def test_names(self) -> None:
        layer = layers.Sequential(layers.Linear(4, 3), np.tanh)
        found = export(layer, X, input_names=["signal"], output_names=["answer"])
        self.assertEqual((found.graph.input[0].name, found.graph.output[0].name), ("signal", "answer"))
        self.assertEqual({each.name for each in found.graph.initializer}, {"0.weight", "0.bias"})
        w = wengert.Parameter(W, name="table")
        for model in (lambda x: x @ w, functools.partial(np.matmul, x2=w)):
            with self.subTest(str(model)):
                if isinstance(model, functools.partial):
                    continue  # (a ufunc takes its operands by place)
                self.assertEqual([each.name for each in export(model, X).graph.initializer], ["table"])
        for model in (lambda x: layer(x), functools.partial(layer), layer.forward):
            self.assertIn("0.weight", {each.name for each in export(model, X).graph.initializer})

    def test_a_parameter_of_the_name_of_an_input(self) -> None:
        x, y = wengert.Parameter(W, name="x"), wengert.Parameter(2 * W, name="y")
        found = self.assert_exports(lambda a: a @ x - a @ y, X)
        self.assertEqual([each.name for each in found.graph.initializer], ["x/1", "y/1"])

    def test_sizes_as_results(self) -> None:
        self.assert_exports(lambda x: (np.array([len(x)]), np.ones((len(x), 2)), x), X)

    def test_the_file(self) -> None:
        import onnx

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            export(layers.Linear(4, 3), X, path)
            found = onnx.load(path)
        self.assertEqual(found.opset_import[0].version, wengert.onnx.OPSET)
        self.assertEqual(found.producer_name, "wengert")
        shape = [d.dim_param or d.dim_value for d in found.graph.input[0].type.tensor_type.shape.dim]
        self.assertEqual(shape, ["batch", 3, 4])

    def test_the_batch_axis_may_be_fixed(self) -> None:
        found = self.assert_exports(lambda x: x * np.arange(len(x))[:, None, None], X, None)
        shape = [d.dim_value for d in found.graph.output[0].type.tensor_type.shape.dim]
        self.assertEqual(shape, [2, 3, 4])

    def test_what_depends_on_the_batch_size(self) -> None:
        for text in (
            "x.reshape(len(x) * 3, 4) + np.zeros((len(x) * 3, 1))",
            "np.concatenate([x, np.full((len(x), 1, 4), 2.0)], 1)",
            "x * len(x)",
            "x[: len(x) - 1]",
            "np.broadcast_to(np.sum(x, 0), (len(x) + 2, 3, 4))",
            "x.reshape(len(x), 12)[:, None] * np.ones((len(x), 2, 12))",
        ):
            with self.subTest(text):
                self.assert_exports(program(text), X, sizes=(3, 4))

    def test_a_rule_of_ones_own(self) -> None:
        from wengert.onnx.symbol import operand

        self.addCleanup(RULES.pop, np.linalg.det)

        @wengert.onnx.rule(np.linalg.det)
        def determinant(trace: Any, value: Any, a: Any) -> Any:
            return trace.emit("Det", operand(trace, a))

        self.assert_exports(np.linalg.det, normal(2, 3, 3))


class RefusalTest(OnnxCase):
    def test_without_the_package(self) -> None:
        with mock.patch.dict(sys.modules, {"onnx": None}), self.assertRaisesRegex(ImportError, r"wengert\[onnx\]"):
            export(np.tanh, X)

    def test_random_numbers(self) -> None:
        def noisy(x: Any) -> Any:
            return x + wengert.generator().normal(size=4)

        with self.assertRaisesRegex(ValueError, r"not linear in the batch size \(or random\)"):
            export(noisy, X)
        with self.assertRaisesRegex(ValueError, "has other constants each time.*give them as an input"):
            export(noisy, X, batch_axis=None)
        calls: list[int] = []

        def growing(x: Any) -> Any:
            calls.append(1)
            return sum([x] * len(calls))

        with self.assertRaisesRegex(ValueError, "takes other steps each time"):
            export(growing, X, batch_axis=None)

    def test_refusals(self) -> None:
        def branch(x: Any) -> Any:
            return x if x.sum() > 0 else -x

        def writes(x: Any) -> Any:
            x[0] = 1
            return x

        for error, text, model in (
            (TypeError, "np.fft.fft has no rule for the export to ONNX; write other.*wengert.onnx.rule", np.fft.fft),
            (TypeError, "np.sum has no rule for the export to ONNX with these arg", lambda x: np.sum(x, where=x > 0)),
            (TypeError, "makes a Python number or boolean.*write np.where", branch),
            (TypeError, "an array is not written to in an exported model", writes),
            (TypeError, r"out= of np.exp writes into an array, which ONNX has not", lambda x: np.exp(x, out=x.copy())),
            (TypeError, r"converted to ndarrays.*write wengert.functions.embedding", lambda x: W[x.astype(int)]),
            (TypeError, r"np.add.accumulate|np.cumsum has no rule|accumulate", lambda x: np.subtract.accumulate(x)),
            (
                TypeError,
                "np.repeat has no rule for the export to ONNX with",
                lambda x: np.repeat(x, np.argmax(x, 1)[:, 0], 0),
            ),
            (TypeError, "np.sum has no rule for the export to ONNX with", lambda x: np.sum(x, axis=())),
            (TypeError, r"x\[i\] has no rule for the export to ONNX with these arguments", lambda x: x[x > 0]),
            (TypeError, "makes a Variable of its input, or calls a Function", wengert.exp),
            (TypeError, "export takes a model that returns arrays, but", lambda x: None),
            (TypeError, "among its results is str", lambda x: (x, "text")),
            (
                ValueError,
                "takes other steps for another batch size.*batch_axis=None",
                lambda x: x if len(x) < 3 else -x,
            ),
            (ValueError, "constants that are not linear in the batch size", lambda x: x * len(x) ** 3),
            (ValueError, "whose elements depend on the batch size", lambda x: x * np.arange(len(x))[:, None, None]),
        ):
            with self.subTest(text), self.assertRaisesRegex(error, text):
                export(model, X)

    def test_refused_examples(self) -> None:
        for error, text, x, options in (
            (TypeError, "export takes arrays of real numbers", np.array(["a"]), {}),
            (TypeError, "export takes arrays of real numbers", np.array([1j]), {}),
            (ValueError, "batch_axis=3 of export must be an axis of the example", X, {"batch_axis": 3}),
            (ValueError, "batch_axis must have one entry for each of 1 inputs, but got 2", X, {"batch_axis": (0, 1)}),
            (ValueError, "at least one element along the batch axis", X[:0], {}),
            (ValueError, "input_names of export must be 1 different names", X, {"input_names": ["a", "b"]}),
            (ValueError, "must have different names", X, {"input_names": ["y"]}),
            (TypeError, "batch_axis of export must be", X, {"batch_axis": 0.5}),
        ):
            with self.subTest(text), self.assertRaisesRegex(error, text):
                export(np.positive, x, **options)


if __name__ == "__main__":
    unittest.main()
