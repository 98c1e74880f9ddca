"""What the tests of the export to ONNX share: a model is exported, run by onnxruntime, and compared."""

import importlib.util
import unittest
from typing import Any

import numpy as np

import wengert

NEEDED = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
RNG = np.random.default_rng(0)


def normal(*shape: int, dtype: Any = np.float32) -> Any:
    return np.asarray(RNG.normal(size=shape), dtype)


def integers(high: int, *shape: int) -> Any:
    return RNG.integers(0, high, shape)


def leaves(value: Any) -> list[Any]:
    """The arrays in nested arguments or results."""
    if isinstance(value, (tuple, list)):
        return [leaf for part in value for leaf in leaves(part)]
    if isinstance(value, dict):
        return leaves(list(value.values()))
    return [] if value is None else [np.asarray(value.data if isinstance(value, wengert.Variable) else value)]


def resized(value: Any, axes: Any, size: int) -> Any:
    """Other values of the same arguments, of another batch size."""
    found = []
    for leaf, axis in zip(leaves(value), axes, strict=True):
        moved = leaf if axis is None else np.moveaxis(leaf, axis, 0)[np.arange(size) % leaf.shape[axis]]
        moved = moved if axis is None else np.moveaxis(moved, 0, axis)
        if axis is not None and moved.dtype.kind == "f":
            moved = moved * np.linspace(0.5, 1, moved.size, dtype=moved.dtype).reshape(moved.shape)
        found.append(np.ascontiguousarray(moved))
    remaining = iter(found)

    def rebuilt(part: Any) -> Any:
        if isinstance(part, (tuple, list)):
            return tuple(rebuilt(each) for each in part)
        return None if part is None else next(remaining)

    return rebuilt(value)


@unittest.skipIf(NEEDED, f"needs {', '.join(NEEDED)}: pip install wengert[onnx] onnxruntime")
class OnnxCase(unittest.TestCase):
    """Exports a model, and runs it on its example and at other batch sizes."""

    def run_file(self, found: Any, args: Any) -> list[Any]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(found.SerializeToString(), options, ["CPUExecutionProvider"])
        names = [each.name for each in session.get_inputs()]
        given = dict(zip([each.name for each in found.graph.input], leaves(args), strict=True))
        return list(session.run(None, {name: given[name] for name in names}))

    def assert_exports(
        self, model: Any, x: Any, batch_axis: Any = 0, sizes: tuple[int, ...] = (1, 4), atol: float = 1e-5
    ) -> Any:
        from wengert.onnx import export

        args = x if isinstance(x, tuple) else (leaves(x)[0] if isinstance(x, wengert.Variable) else np.asarray(x),)
        found = export(model, x, batch_axis=batch_axis)
        axes = batch_axis if isinstance(batch_axis, (tuple, list)) else [batch_axis] * len(leaves(args))
        dynamic = any(axis is not None for axis in axes)
        for given in (args, *(resized(args, axes, size) for size in (sizes if dynamic else ()))):
            with wengert.no_grad(), wengert.test_mode():
                wanted = leaves(model(*given))
            got = self.run_file(found, given)
            self.assertEqual(len(got), len(wanted))
            for a, b in zip(got, wanted, strict=True):
                self.assertEqual((a.shape, a.dtype), (b.shape, b.dtype))
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=atol)
        return found
