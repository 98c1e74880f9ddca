"""The steps of a graph: the values of the calls, the gradients of the engine's walk, the groups of a large graph."""

import unittest
from typing import Any

import numpy as np

import wengert
from wengert import Function, Parameter, Variable
from wengert.drawing.folding import layers_of, stretches
from wengert.drawing.graph import draw, functions_of
from wengert.drawing.steps import backward_steps, values_of
from wengert.drawing.summaries import full, short


def last_gradients(root: Variable) -> dict[int, Any]:
    """The gradients of leaves, by id, after the last step."""
    steps = backward_steps(root)
    assert not isinstance(steps, str), steps
    return {id(x): gx for x, gx in steps[-1].gradients}


class Halves(Function):
    def forward(self, x: Any) -> Any:
        return x[:1], x[1:]

    def backward(self, *gys: Any) -> Any:
        return np.concatenate(gys)


class Failing(Function):
    def forward(self, x: Any) -> Any:
        return x * 2

    def backward(self, gy: Any) -> Any:
        raise ValueError("not today <b>")


class GradientsTest(unittest.TestCase):
    def assert_as_backward(self, make: Any, *arrays: Any) -> None:
        xs = [Variable(a) for a in arrays]
        y = make(*xs)
        found = last_gradients(y)
        self.assertTrue(all(x.grad is None for x in xs))
        y.backward()
        for x in xs:
            if x.grad is None:
                self.assertNotIn(id(x), found)
            else:
                np.testing.assert_array_equal(found[id(x)], x.grad)
                self.assertEqual(found[id(x)].dtype, x.grad.dtype)

    def test_they_are_those_of_backward(self) -> None:
        rng = np.random.default_rng(0)
        for dtype in (np.float32, np.float64):
            a, b = (rng.standard_normal((3, 3)).astype(dtype) for _ in range(2))
            with self.subTest(dtype):
                self.assert_as_backward(lambda x, y: np.sum(np.tanh(x @ y) * x + y[0]), a, b)
                self.assert_as_backward(lambda x, y: np.sum(x[0] + x[1] * y[:, 2]) + x[2, 2], a, b)
                self.assert_as_backward(lambda x, y: np.linalg.det(x) * y, a, b)
                self.assert_as_backward(lambda x, y: np.sum(Halves()(x[0])[1]), a, b)
                self.assert_as_backward(lambda x: np.sqrt(x) * np.sqrt(x), np.zeros(2, dtype))
                self.assert_as_backward(lambda x: np.sum(x * x), np.ones((0, 2), dtype))
                self.assert_as_backward(lambda x: x * 1, np.array(2, dtype))

    def test_they_come_in_the_order_of_the_walk(self) -> None:
        x = Variable(np.array(3.0), name="x")
        y = x * x + np.exp(x)
        steps = backward_steps(y)
        assert not isinstance(steps, str)
        self.assertEqual([s.call and s.call.name for s in steps], [None, "Add", "Exp", "Multiply", None])
        at_x = [float(g) for s in steps for edge, g in s.gradients if edge is x]
        e = np.exp(3.0)
        np.testing.assert_allclose(at_x, [e, e + 6, e + 6, e + 6])  # (Multiply has two edges to x)

    def test_hooks_are_part_of_them(self) -> None:
        x = Variable(np.ones(2))
        h = np.exp(x)
        h.register_hook(lambda g: g * 10)
        y = np.sum(h)
        np.testing.assert_allclose(last_gradients(y)[id(x)], 10 * np.e)

    def test_what_raises_is_told(self) -> None:
        said = backward_steps(Failing()(Variable(np.ones(2))))
        self.assertRegex(str(said), "backward raised .*not today <b>")
        self.assertRegex(str(backward_steps(Variable(np.ones(2) * 1j))), "real values, but got")
        page = draw(Failing()(Variable(np.ones(2)))).page()
        self.assertIn("not today \\u003cb\\u003e", page)

    def test_the_graph_is_left_as_it_was(self) -> None:
        x = Variable(np.ones(3))
        y = np.sum(np.exp(x) * x)
        before = draw(y).page()
        self.assertEqual(draw(y).page(), before)
        self.assertIsNone(x.grad)
        y.backward()
        np.testing.assert_allclose(x.grad, 2 * np.e)


class ValuesTest(unittest.TestCase):
    def values(self, y: Variable) -> list[Any]:
        return list(values_of(functions_of([y]), [y]).values())

    def test_released_values_are_computed_again(self) -> None:
        x = Variable(np.arange(4.0).reshape(2, 2))
        y = np.sum(np.concatenate([x + 1.0, 2 * x], axis=1).T, axis=0, keepdims=True) + 1
        self.assertIsNone(y.creator.inputs[0].data)
        *_, total, last = self.values(y)
        np.testing.assert_array_equal(total, [[5, 17]])
        np.testing.assert_array_equal(last, [[6, 18]])
        self.assertTrue(all(v is not None for v in self.values(y)))

    def test_what_nothing_has_kept_is_unknown(self) -> None:
        x = Variable(np.ones(3))
        y = np.sum(x + np.arange(3.0)) + 1  # (the array is not kept: no derivative reads it)
        self.assertEqual([v is None for v in self.values(y)], [True, True, False])
        self.assertIn("not kept", draw(y).page())

    def test_values_of_other_forms_are_not_taken(self) -> None:
        x = Variable(np.ones(3))
        y = np.sum(np.add(np.sin(x), x, dtype=np.float32)) + 1
        found = self.values(y)
        self.assertTrue(found[1] is None or found[1].dtype == np.float32)

    def test_several_results(self) -> None:
        q, r = np.linalg.qr(Variable(np.array([[2.0, 1.0], [0.0, 1.0]])))
        del q
        self.assertEqual(len(self.values(np.sum(r))), 3)

    def test_graphs_of_every_kind(self) -> None:
        x = Variable(np.linspace(0.1, 1, 6).reshape(2, 3))
        step = wengert.compile(lambda a: np.sum(np.exp(a) * a))
        for _ in range(4):
            compiled = step(x)
        changed = x * 1
        changed[0] = x[1] * 2
        second = np.sum(np.sin(x) ** 2)
        second.backward(create_graph=True)
        gx, x.grad = x.grad, None
        for name, y in {
            "checkpoint": np.sum(wengert.checkpoint(lambda a: np.exp(np.sin(a)))(x)),
            "compiled": compiled,
            "vmap": np.sum(wengert.vmap(lambda a: np.sum(a**2) * a)(x)),
            "written": np.sum(changed),
            "second order": np.sum(gx**2),
            "list": np.sum(np.concatenate([x, [[1.0, 2.0, 3.0]], x * 2])),
            "several results": np.sum(np.linalg.svd(x)[1]),
            "complex": np.sum(np.abs(x * 1j) ** 2),
            "not real": x * 1j,
            "integers": Variable(np.arange(3)),
            "no value": Parameter(None, name="w"),
            "no graph": Variable(np.ones(0)),
        }.items():
            for verbose in (True, False):
                with self.subTest(name, verbose=verbose):
                    page = draw(y, verbose=verbose).page()
                    self.assertIn("the leaves have values", page)
                    self.assertNotIn("backward raised", page)
            if name not in ("not real", "integers", "no value"):
                self.assertNotIsInstance(backward_steps(y), str)

    def test_a_masked_call_is_not_computed_without_its_mask(self) -> None:
        x = Variable(np.array([1.0, 2.0]))
        try:
            h = np.add(np.exp(x), x, where=np.array([True, False]))
        except (TypeError, ValueError, NotImplementedError):
            return  # refused
        y = np.sum(h) + 1
        kept = h.data.copy()
        del h
        for value in self.values(y):
            if value is not None and value.shape == (2,):
                self.assertFalse(np.array_equal(value, np.exp(x.data) + x.data) and not np.array_equal(value, kept))


class FoldingTest(unittest.TestCase):
    def test_layers(self) -> None:
        model = wengert.models.MLP(3, 4, 2)
        y = np.mean(model(np.ones((2, 3), np.float32)) ** 2)
        names = {id(p): name for name, p in model.params().items()}
        groups, of = layers_of(functions_of([y]), names)
        titles = [groups[name].title if name else "" for name in of]
        self.assertEqual(titles[0], "linears.0")
        self.assertEqual(titles[-1], "")
        self.assertEqual(set(titles), {"linears", "linears.0", "linears.1", "linears.2", ""})
        for name, group in groups.items():
            parent = "linears" if "." in group.title else ""
            self.assertEqual(groups[group.parent].title if group.parent else "", parent, name)

    def test_groups_are_stretches_of_calls(self) -> None:
        w, v = Parameter(np.array(2.0)), Parameter(np.array(3.0))
        y = Variable(np.array(1.0)) * w * v * w  # a layer that is called twice is two groups
        groups, of = layers_of(functions_of([y]), {id(w): "a.w", id(v): "b.w"})
        self.assertEqual([groups[name].title for name in of], ["a", "b", "a"])
        self.assertEqual(len(groups), 3)

    def test_without_layers(self) -> None:
        y = Variable(np.array(1.0))
        for _ in range(100):
            y = y + 1
        groups, of = stretches(functions_of([y]))
        self.assertEqual([g.title for g in groups.values()], ["calls 1 to 40", "calls 41 to 80", "calls 81 to 100"])
        self.assertEqual(of.count("g1"), 40)


class SummariesTest(unittest.TestCase):
    def test_a_line(self) -> None:
        nan, inf = np.nan, np.inf
        for array, text in (
            (np.array(0.5), "0.5"), (np.zeros((0, 3)), "empty"), (np.array([nan, 1.0]), "[nan  1.]"),
            (np.array([True] * 9), "all 1"), (np.array([nan] * 9), "all 9 not finite"),
            (np.eye(2), "[[1. 0.] [0. 1.]]"),
            (np.array([inf, *range(9)]), "0 … 8, 1 not finite"), (np.ones(9) * 1j, "9 elements"),
            (np.arange(10, dtype=np.float16), "0 … 9, mean 4.5"),
        ):  # fmt: skip
            with self.subTest(text):
                self.assertEqual(short(array), text)

    def test_in_full(self) -> None:
        self.assertRegex(full(np.arange(100.0)), r"(?s)^\[ 0\.  1\. \.\.\. 98\. 99\.\]\n0 … 99, mean 49.5$")
        self.assertEqual(full(np.arange(3)), "[0 1 2]")


if __name__ == "__main__":
    unittest.main()
