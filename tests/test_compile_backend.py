"""Plans: graphs as native code give what the interpreter gives."""

import importlib.util
import random
import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compile import build
from wengert.compile.build import elementwise, fit, matrix_product, reduction, select, strided, zeros
from wengert.compile.graph import Graph, Node, Slot
from wengert.compile.interpreter import Left, interpret

INSTALLED = all(importlib.util.find_spec(name) is not None for name in ("llvmlite", "scipy"))
needs_llvm = unittest.skipUnless(INSTALLED, "needs llvmlite and scipy: pip install wengert[compile]")
if INSTALLED:
    from wengert.compile.plan import Plan

SHAPES = [
    (),
    (1,),
    (7,),
    (33,),
    (2, 3),
    (5, 40),
    (40, 5),
    (3, 1, 6),
    (4, 17, 3),
    (2, 3, 1, 9),
    (0, 3),
    (130, 70),
    (9000,),
]
DTYPES = ["f8", "f8", "f8", "f4", "f4", "i8", "i4", "?", "u1", "i2"]
UNARY = [
    np.sin,
    np.exp,
    np.tanh,
    np.sqrt,
    np.negative,
    np.absolute,
    np.square,
    np.sign,
    np.floor,
    np.isnan,
    np.isfinite,
]
BINARY = [np.add, np.subtract, np.multiply, np.true_divide, np.maximum, np.minimum, np.less, np.equal, np.floor_divide]
BINARY += [np.remainder, np.logical_and, np.bitwise_xor, np.fmax, np.hypot, np.arctan2, np.copysign]
REDUCING = [np.add, np.add, np.multiply, np.maximum, np.minimum, np.logical_or, np.logical_and]


def made(shape: tuple[int, ...], dtype: str, rng: Any) -> Any:
    """An array with some special values; sometimes not in C order."""
    kind = np.dtype(dtype).kind
    if kind == "f":
        array = rng.normal(size=shape)
        if rng.random() < 0.3:
            array = np.where(rng.random(shape) < 0.1, rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0]), array)
    else:
        array = rng.integers(0 if kind in "bu" else -5, 2 if kind == "b" else 6, size=shape)
    array = np.asarray(array).astype(dtype)
    choice = rng.random()
    if choice < 0.15:
        return np.asfortranarray(array)
    if choice < 0.3 and array.ndim:
        wide = np.zeros((*shape[:-1], 2 * shape[-1]), dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    if choice < 0.4 and array.ndim:
        return array[::-1]
    return array


def input_node(array: Any, place: int) -> Node:
    strides = tuple(s // array.itemsize for s in array.strides)
    return Node("input", (), {"place": place}, array.shape, array.dtype, strides)


def random_graph(seed: int) -> tuple[Graph, list[Any]]:
    """A graph of random operations, and arrays for it."""
    pick, rng = random.Random(seed), np.random.default_rng(seed)
    base = pick.choice(SHAPES)
    arrays = []
    for _ in range(pick.randint(1, 4)):
        shape = tuple(pick.choice([n, n, n, 1]) for n in base)[pick.choice([0, 0, 0, 1]) :]
        arrays.append(made(shape, pick.choice(DTYPES), rng))
    inputs = [input_node(a, i) for i, a in enumerate(arrays)]
    values: list[Node] = list(inputs)
    for _ in range(pick.randint(1, 25)):
        made_node = random_node(pick, values)
        if made_node is not None and made_node.size <= 100_000:
            values.append(made_node)
    results = pick.sample(values, min(len(values), pick.randint(1, 4)))
    assignments = []
    for node in inputs:
        fitting = [v for v in values if v.shape == node.shape and v.dtype == node.dtype and v is not node]
        if fitting and pick.random() < 0.5:
            assignments.append((node, pick.choice(fitting)))
    graph = Graph(inputs, results, assignments)
    graph.verify()
    return graph, arrays


def random_node(pick: random.Random, values: list[Node]) -> Node | None:
    x = pick.choice(values[-6:]) if pick.random() < 0.7 else pick.choice(values)
    shape = x.shape or ()
    kind = pick.choice(
        [
            "unary",
            "binary",
            "binary",
            "binary",
            "number",
            "reduce",
            "reduce",
            "select",
            "view",
            "fit",
            "update",
            "matmul",
        ]
    )
    try:
        if kind == "unary":
            return elementwise(pick.choice(UNARY), x)
        if kind in ("binary", "select"):
            others = [v for v in values if fits(v.shape or (), shape)]
            y = pick.choice(others)
            if kind == "binary":
                return elementwise(pick.choice(BINARY), *pick.sample([x, y], 2))
            return select(pick.choice(others), x, y)
        if kind == "number":
            return elementwise(pick.choice(BINARY), *pick.sample([x, pick.choice([2.0, 0.5, 3, 0])], 2))
        if kind == "reduce":
            axes = tuple(a for a in range(x.ndim) if pick.random() < 0.5)
            if x.size == 0:
                return None
            return reduction(pick.choice(REDUCING), x, axes, pick.random() < 0.5)
        if kind == "matmul":
            y = pick.choice(values)
            y = build.transpose(y, tuple(range(y.ndim))[::-1]) if pick.random() < 0.5 else y
            return matrix_product(*pick.sample([x, y], 2)) if x.size and y.size else None
        if kind == "view":
            if pick.random() < 0.4:
                return build.transpose(x, tuple(pick.sample(range(x.ndim), x.ndim)))
            if pick.random() < 0.5:
                return build.reshape(x, pick.choice([(x.size,), (*shape, 1), (1, *shape)]))
            return sliced(pick, x)
        if kind == "fit":
            dtype = pick.choice([d for d in DTYPES if not (x.dtype.kind == "f" and np.dtype(d).kind in "iu")])
            larger = [v.shape for v in values if fits(shape, v.shape or ())]
            return fit(x, pick.choice([shape, *larger]), dtype)
        part = sliced(pick, x)
        if x.op == "view" or part is None or 0 in (part.shape or ()):
            return None
        _, offset, strides = build.root_of(part)
        fitting = [v for v in values if fits(v.shape or (), part.shape or ()) and can_fit(v.dtype, x.dtype)]
        new = fit(pick.choice(fitting), part.shape, x.dtype) if fitting else None
        settings = {"offset": offset, "shape": part.shape, "strides": strides}
        if new is None or x.strides != build.c_strides(shape):
            return None
        return Node("update", (x, new), settings, shape, x.dtype)
    except TypeError:  # NumPy has no such loop
        return None


def sliced(pick: random.Random, x: Node) -> Node | None:
    _, _, strides = build.root_of(x)
    if x.size == 0:
        return None
    base = np.lib.stride_tricks.as_strided(np.empty(1, np.int8), x.shape, strides)
    parts = [slice(None), slice(1, None), slice(None, None, 2), slice(None, None, -1), 0]
    view = base[(*(pick.choice(parts) for _ in base.shape), ...)]
    offset = view.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return strided(x, view.shape, view.strides, offset) if view.size else None


def fits(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(small, large) == large
    except ValueError:
        return False


def can_fit(old: Any, new: Any) -> bool:
    return not (old.kind == "f" and new.kind in "iu") and old.kind != "c"


def copied(array: Any) -> Any:
    """A copy with the same strides."""
    base = array
    while base.base is not None:
        base = base.base
    whole = base.copy(order="K")
    offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return np.ndarray(array.shape, array.dtype, whole if whole.flags.c_contiguous else whole.T, offset, array.strides)


def same(test: unittest.TestCase, graph: Graph, arrays: list[Any], threads: int | None = None, times: int = 2) -> Any:
    """Check that a plan gives what the interpreter gives."""
    with np.errstate(all="ignore"):
        wanted, assigned = interpret(graph, [copied(a) for a in arrays])
    plan = Plan(graph, threads=threads)
    for _ in range(times):
        given = [copied(a) for a in arrays]
        found = plan.run(given)
        for value, want in zip(found, wanted, strict=True):
            compare(test, value, np.asarray(want), graph)
        for (node, _new), want in zip(graph.assignments, assigned, strict=True):
            compare(test, given[node.settings["place"]], want, graph)
        written = {node.settings["place"] for node, _ in graph.assignments}
        for i, array in enumerate(given):
            if i not in written:
                np.testing.assert_array_equal(array, arrays[i])
    return plan


def compare(test: unittest.TestCase, value: Any, want: Any, graph: Graph) -> None:
    test.assertEqual((value.shape, value.dtype), (want.shape, want.dtype), str(graph))
    if want.dtype.kind in "biu":
        np.testing.assert_array_equal(value, want, str(graph))
    else:
        tolerance = 1e-3 if any(node.dtype == np.float32 for node in graph.nodes) else 1e-9
        np.testing.assert_allclose(value, want, tolerance, tolerance, err_msg=str(graph))


@needs_llvm
class RandomGraphTest(unittest.TestCase):
    def test_plans_give_what_the_interpreter_gives(self) -> None:
        for seed in range(150):
            with self.subTest(seed=seed):
                graph, arrays = random_graph(seed)
                same(self, graph, arrays)


USED: list[Callable[..., Any]] = [matrix_product, zeros]
_ = (Left, Slot)

if __name__ == "__main__":
    unittest.main()
