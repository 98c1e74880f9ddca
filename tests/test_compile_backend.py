"""Native plans of random and special graphs, compared with the interpreter."""

import os
import random
import threading
import unittest
import warnings
from typing import Any
from unittest import mock

import numpy as np

from tests.installed import INSTALLED, needs_llvm
from wengert.compiler.graph import build
from wengert.compiler.graph.build import convert, elementwise, matrix_product, reduction, select, strided
from wengert.compiler.graph.graph import Graph, Node, NotLowered, Slot
from wengert.compiler.graph.interpreter import GuardFailed, interpret
from wengert.compiler.graph.verify import verify
from wengert.compiler.passes.simplify import simplify

if INSTALLED:
    from wengert.compiler.schedule import partition
    from wengert.compiler.targets.cpu import program as plan_module
    from wengert.compiler.targets.cpu.program import Plan
    from wengert.compiler.targets.cpu.thread_pool import set_num_threads

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


def random_array(shape: tuple[int, ...], dtype: str, rng: Any) -> Any:
    """A random array with some special values; sometimes not in C order."""
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
        arrays.append(random_array(shape, pick.choice(DTYPES), rng))
    inputs = [input_node(a, i) for i, a in enumerate(arrays)]
    values: list[Node] = list(inputs)
    for _ in range(pick.randint(1, 25)):
        made_node = random_node(pick, values)
        if made_node is not None and made_node.size <= 100_000:
            values.append(made_node)
    results = pick.sample(values, min(len(values), pick.randint(1, 4)))
    assignments = []
    for node in inputs:
        candidates = [v for v in values if v.shape == node.shape and v.dtype == node.dtype and v is not node]
        if candidates and pick.random() < 0.5:
            assignments.append((node, pick.choice(candidates)))
    graph = Graph(inputs, results, assignments)
    verify(graph)
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
            "convert",
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
        if kind == "convert":
            dtype = pick.choice([d for d in DTYPES if not (x.dtype.kind == "f" and np.dtype(d).kind in "iu")])
            larger = [v.shape for v in values if fits(shape, v.shape or ())]
            return convert(x, pick.choice([shape, *larger]), dtype)
        part = sliced(pick, x)
        if x.op == "view" or part is None or 0 in (part.shape or ()):
            return None
        _, offset, strides = build.root_of(part)
        candidates = [v for v in values if fits(v.shape or (), part.shape or ()) and can_assign(v.dtype, x.dtype)]
        new = convert(pick.choice(candidates), part.shape, x.dtype) if candidates else None
        settings = {"offset": offset, "shape": part.shape, "strides": strides}
        if new is None or x.strides != build.c_strides(shape):
            return None
        return Node("update", (x, new), settings, shape, x.dtype)
    except NotLowered:  # NumPy has no such loop
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


def can_assign(old: Any, new: Any) -> bool:
    return not (old.kind == "f" and new.kind in "iu") and old.kind != "c"


def copied(array: Any) -> Any:
    """A copy with the same strides."""
    base = array
    while base.base is not None:
        base = base.base
    memory = base.copy(order="K")
    offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return np.ndarray(
        array.shape, array.dtype, memory if memory.flags.c_contiguous else memory.T, offset, array.strides
    )


def same(test: unittest.TestCase, graph: Graph, arrays: list[Any], threads: int | None = None, times: int = 2) -> Any:
    """Compare a plan with the interpreter."""
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
    def test_plans_agree_with_the_interpreter(self) -> None:
        for seed in range(150):
            with self.subTest(seed=seed):
                graph, arrays = random_graph(seed)
                same(self, graph, arrays)


@needs_llvm
class PlanTest(unittest.TestCase):
    def setUp(self) -> None:
        self.rng = np.random.default_rng(0)

    def input(self, *shape: int, dtype: Any = float, place: int = 0) -> tuple[Node, Any]:
        array = self.rng.normal(size=shape).astype(dtype)
        return input_node(array, place), array

    def test_a_guard_fails_before_anything_is_assigned(self) -> None:
        x, array = self.input(5)
        positive = elementwise(np.greater, reduction(np.add, elementwise(np.square, x)), 0.0)
        graph = Graph([x], [], [(x, elementwise(np.multiply, x, 2.0))], [Node("guard", (positive,), {"value": True})])
        plan = Plan(graph)
        given = array.copy()
        plan.run([given])
        np.testing.assert_allclose(given, 2 * array)
        given = np.zeros(5)
        with self.assertRaises(GuardFailed) as caught:
            plan.run([given])
        self.assertEqual(caught.exception.value, False)
        self.assertEqual(given.tolist(), [0] * 5)

    def test_functions_without_a_rule_run_as_calls(self) -> None:
        x, array = self.input(4, 3)
        y = elementwise(np.add, x, 1.0)
        order = Node(
            "call", (y,), {"function": np.sort, "arguments": (Slot(0),), "keywords": {"axis": 0}}, (4, 3), float
        )
        same(self, Graph([x], [elementwise(np.multiply, order, y), order], [(x, order)]), [array])

    def test_complex_numbers_run_as_calls(self) -> None:
        x, array = self.input(6)
        z = elementwise(np.multiply, x, 1j)
        squares = elementwise(np.absolute, elementwise(np.square, z))
        graph = Graph([x], [squares, z], [])
        np.testing.assert_allclose(Plan(graph).run([array])[0], array**2)

    def test_algebra_holds_for_all_dtypes(self) -> None:
        half = np.array([0, 1, -3, np.inf], np.float16)
        both = np.array([complex(np.inf, 1), complex(1, -np.inf), complex(-0.0, -0.0), 2])
        narrow = np.arange(4, dtype=np.int8)
        cases: list[tuple[Any, Any, tuple[Any, ...]]] = [
            (half, np.true_divide, (2.0**20,)),  # too large for the dtype
            (half, np.true_divide, (2.0**-20,)),  # its reciprocal is
            (both, np.multiply, (1.0,)),
            (both, np.multiply, (np.ones(4),)),
            (both, np.add, (-0.0,)),
            (narrow, np.less, (np.full(4, -1000),)),
            (narrow, np.greater, (np.full(4, 300, np.uint16),)),
            (narrow, np.not_equal, (np.full(4, 1 << 40),)),
        ]
        for array, ufunc, others in cases:
            x = input_node(array, 0)
            graph = simplify(Graph([x], [elementwise(ufunc, x, *others)], []))
            with self.subTest(ufunc=ufunc, others=others), np.errstate(all="ignore"):
                expected = ufunc(array, *others)
                found = Plan(graph).run([array])[0]
                self.assertEqual(found.dtype, expected.dtype)
                np.testing.assert_array_equal(found.view(np.uint8), expected.view(np.uint8))

    def test_results_share_no_memory(self) -> None:
        x, array = self.input(40_000)
        y = elementwise(np.multiply, x, 2.0)
        plan = Plan(Graph([x], [y, y, x], []))
        first = plan.run([array])
        kept = [a.copy() for a in first]
        second = plan.run([-array])
        for i, a in enumerate(first):
            np.testing.assert_array_equal(a, kept[i])
            for other in (*first[:i], *second, array):
                self.assertFalse(np.shares_memory(a, other))

    def test_arrays_may_be_swapped(self) -> None:
        a, x = self.input(3)
        b, y = self.input(3, place=1)
        same(self, Graph([a, b], [elementwise(np.add, a, b)], [(a, b), (b, a)]), [x, y])

    def test_a_chain_is_one_kernel(self) -> None:
        x, array = self.input(10_001)
        y = x
        for _ in range(150):
            y = elementwise(np.add, elementwise(np.multiply, elementwise(np.sin, y), 1.01), 0.1)
        plan = same(self, Graph([x], [reduction(np.add, y), y], []), [array])
        self.assertEqual(len(str(plan).splitlines()), 1 if plan.threads == 1 else 2)

    def test_a_softmax_is_one_kernel(self) -> None:
        x, array = self.input(30, 50)
        e = elementwise(np.exp, elementwise(np.subtract, x, reduction(np.maximum, x, 1, True)))
        plan = same(self, Graph([x], [elementwise(np.true_divide, e, reduction(np.add, e, 1, True))], []), [array])
        self.assertEqual(len(str(plan).splitlines()), 1)

    def test_equal_kernels_are_compiled_once(self) -> None:
        w, array = self.input(8, 8)
        h = w
        for _ in range(20):
            h = elementwise(np.tanh, matrix_product(h, w))
        plan = same(self, Graph([w], [h], []), [array])
        self.assertEqual(plan.module.text.count("define void @kernel_"), 2)

    def test_products_of_transposed_operands(self) -> None:
        shapes = [
            ((5, 7), (7, 3)),
            ((7,), (7, 3)),
            ((5, 7), (7,)),
            ((7,), (7,)),
            ((2, 1, 5, 7), (3, 7, 4)),
            ((1, 1), (1, 9)),
        ]
        for dtype in (np.float32, np.float64):
            for left, right in shapes:
                for transpose in (False, True):
                    with self.subTest(left=left, right=right, transpose=transpose, dtype=dtype):
                        a, x = self.input(*(left[:-2] + left[-2:][::-1] if transpose else left), dtype=dtype)
                        b, y = self.input(
                            *(right[:-2] + right[-2:][::-1] if transpose else right), dtype=dtype, place=1
                        )
                        p, q = (self.transposed(n) if transpose else n for n in (a, b))
                        product = matrix_product(p, q)
                        assert product is not None
                        plan = same(self, Graph([a, b], [product], []), [x, y])
                        self.assertEqual(str(plan).count("\n"), 0)

    def transposed(self, x: Node) -> Node:
        n = x.ndim
        return build.transpose(x, (*range(n - 2), n - 1, n - 2)) if n > 1 else x

    def test_sine_and_cosine_are_accurate_everywhere(self) -> None:
        special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, 5e-324, 1e5, -1e5, 1e5 + 1]
        parts = [self.rng.normal(size=4000) * scale for scale in (1e-3, 1, 100, 3e4, 1e8)]
        array = np.concatenate([special, np.arange(-4000, 4000) * np.pi / 2, *parts])
        x = input_node(array, 0)
        sine, cosine = elementwise(np.sin, x), elementwise(np.cos, x)
        paired = Plan(Graph([x], [sine, cosine], [])).run([array])
        single = [Plan(Graph([x], [y], [])).run([array])[0] for y in (sine, cosine)]
        with np.errstate(invalid="ignore"):
            for y, z, want in zip(paired, single, (np.sin(array), np.cos(array)), strict=True):
                np.testing.assert_array_max_ulp(y, want, 4)
                np.testing.assert_array_max_ulp(z, want, 4)
                np.testing.assert_array_equal(np.signbit(y[:2]), np.signbit(want[:2]))

    def test_sums_do_not_depend_on_the_timing_of_threads(self) -> None:
        x, array = self.input(400, 2000, dtype=np.float32)
        y = elementwise(np.exp, x)
        graph = Graph([x], [reduction(np.add, y), reduction(np.add, y, 0), reduction(np.maximum, y, 1)], [])
        plan = same(self, graph, [array], threads=3)
        self.assertEqual(plan.threads, 3)
        first = plan.run([array])
        for _ in range(20):
            for a, b in zip(plan.run([array]), first, strict=True):
                np.testing.assert_array_equal(a, b)

    def test_plans_run_from_several_threads(self) -> None:
        x, array = self.input(200_000)
        plans = [Plan(Graph([x], [reduction(np.add, elementwise(np.exp, x))], []), threads=2) for _ in range(2)]
        wanted = plans[0].run([array])[0]
        found: list[Any] = []

        def work(plan: Any) -> None:
            found.extend(plan.run([array])[0] for _ in range(20))

        workers = [threading.Thread(target=work, args=(plans[i % 2],)) for i in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual([float(f) for f in found], [float(wanted)] * 80)

    @unittest.skipUnless(hasattr(os, "fork"), "there is no fork here")
    def test_a_child_has_workers_of_its_own(self) -> None:
        x, array = self.input(200_000)
        plan = Plan(Graph([x], [reduction(np.add, elementwise(np.exp, x))], []), threads=2)
        wanted = float(plan.run([array])[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads
            child = os.fork()
        if child == 0:
            os._exit(0 if float(plan.run([array])[0]) == wanted else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(float(plan.run([array])[0]), wanted)

    def test_random_graphs_on_several_threads(self) -> None:
        small = mock.patch.multiple(partition, WORTH_SHARING=0, SHORTEST=1, THICK=1)
        with small, mock.patch.object(plan_module, "WORTH_THREADS", -1):
            for seed in range(1000, 1040):
                for threads in (2, 3):
                    with self.subTest(seed=seed, threads=threads):
                        graph, arrays = random_graph(seed)
                        same(self, graph, arrays, threads=threads)

    def test_the_number_of_threads_is_checked(self) -> None:
        for wrong in (0, -1, 1.5, True):
            kind = ValueError if type(wrong) is int else TypeError
            with self.assertRaisesRegex(kind, "count of set_num_threads must be an integer from 1 to 1024"):
                set_num_threads(wrong)  # type: ignore[arg-type]


if __name__ == "__main__":
    unittest.main()
