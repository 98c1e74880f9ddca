"""Indexing in every form that NumPy has, against the matrix of ones that it is; choosing; what is refused."""

import unittest
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wengert import Variable, check_grad
from wengert.functions.indexing import scatter

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)


@st.composite
def mixed_indices(draw: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """A tuple of integers, slices, None, at most one Ellipsis, masks, and arrays or lists of integers."""
    common = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=1, max_side=3))
    index: list[Any] = []
    axis, masks = 0, 0
    while axis < len(shape):
        n = shape[axis]
        kind = draw(st.sampled_from(["int", "slice", "array", "list", "mask", "None", "stop"]))
        if kind == "stop":
            break
        if kind == "int":
            index.append(draw(st.integers(-n, n - 1)))
        elif kind == "slice":
            index.append(draw(st.slices(n)))
        elif kind == "array":
            kept = draw(st.lists(st.booleans(), min_size=len(common), max_size=len(common)))
            part = tuple(m if keep else 1 for m, keep in zip(common, kept, strict=True))
            index.append(draw(hnp.arrays(np.int64, part, elements=st.integers(-n, n - 1))))
        elif kind == "list":
            index.append([draw(st.integers(-n, n - 1))])
        elif kind == "mask" and masks == 0:
            dims = draw(st.integers(1, len(shape) - axis))
            mask = np.zeros(shape[axis : axis + dims], bool)
            mask.flat[draw(st.integers(0, mask.size - 1))] = True  # one place broadcasts against the arrays
            index.append(mask)
            masks, axis = 1, axis + dims
            continue
        elif kind == "None":
            index.append(None)
            continue
        else:  # a second mask
            index.append(slice(None))
        axis += 1
    if axis < len(shape) and draw(st.booleans()):
        index.append(...)
    return tuple(index)


@st.composite
def shapes_and_indices(draw: Any) -> tuple[tuple[int, ...], Any]:
    shape = draw(SHAPES)
    return shape, draw(
        st.one_of(
            hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True),
            hnp.integer_array_indices(shape),
            hnp.arrays(bool, shape),
            hnp.arrays(bool, shape[:1]).map(np.ndarray.tolist),
            mixed_indices(shape),
        )
    )


class GetItemTest(unittest.TestCase):
    @settings(max_examples=400, deadline=None)
    @given(shapes_and_indices())
    def test_gradient_is_the_transposed_matrix(self, given: tuple[tuple[int, ...], Any]) -> None:
        shape, index = given
        size = int(np.prod(shape))
        numbers = np.arange(size).reshape(shape)
        rng = np.random.default_rng(0)
        x = Variable(rng.standard_normal(shape))
        places = np.asarray(numbers[index])
        weights = rng.standard_normal(places.shape)
        y = x[index]
        np.testing.assert_array_equal(y.data, x.data[index])
        loss = np.sum(y * y * weights)
        loss.backward(create_graph=True)
        summed = np.bincount(places.ravel(), weights.ravel(), size).reshape(shape)
        np.testing.assert_allclose(x.grad.data, 2 * x.data * summed, atol=1e-12)
        gx, v = x.grad, rng.standard_normal(shape)
        x.cleargrad()
        np.sum(gx * v).backward()
        np.testing.assert_allclose(x.grad, 2 * v * summed, atol=1e-12)

    def test_scatter_adds_in_every_precision(self) -> None:
        for dtype in (np.float16, np.float32, np.float64, np.complex64, np.complex128):
            values = np.arange(6, dtype=dtype).reshape(3, 2)
            result = scatter(values, [0, -1, -1], (4, 2))
            self.assertEqual(result.dtype, dtype)
            np.testing.assert_array_equal(result, [[0, 1], [0, 0], [0, 0], [6, 8]])
            result = scatter(values.T[:, ::-1], (slice(None), np.array([3, 0, 3], np.uint16)), (2, 4))
            np.testing.assert_array_equal(result, [[2, 0, 0, 4], [3, 0, 0, 6]])

    def test_scatter_of_nothing(self) -> None:
        np.testing.assert_array_equal(scatter(np.zeros((0, 2)), np.zeros(0, int), (0, 2)), np.zeros((0, 2)))
        np.testing.assert_array_equal(scatter(np.zeros(0), [], (2,)), np.zeros(2))

    def test_variables_of_integers_and_booleans_are_indices(self) -> None:
        x = Variable(np.array([1.0, 2.0, 3.0]))
        for index in (np.array([0, 2, 2]), np.array([True, False, True]), np.array(1)):
            x.cleargrad()
            np.sum(x[Variable(index)]).backward()
            np.testing.assert_array_equal(x.grad, np.bincount(np.arange(3)[index].ravel(), minlength=3))
        self.assertEqual(x[Variable(np.array(1)),].data, 2.0)
        np.testing.assert_array_equal(np.take(x, Variable(np.array([1, 1]))).data, [2.0, 2.0])
        with self.assertRaisesRegex(IndexError, "integer"):
            x[Variable(np.array([0.0]))]
        with self.assertRaisesRegex(TypeError, "indices is a Variable"):
            np.take(x, Variable(np.array([0.0])))

    def test_the_index_may_be_changed_after_the_call_where_it_is_a_list(self) -> None:
        x, index = Variable(np.arange(3.0)), [0, 0]
        y = np.sum(x[index])
        index[0] = 2
        y.backward()
        np.testing.assert_array_equal(x.grad, [2.0, 0.0, 0.0])

    def test_inputs_are_views_that_are_read_only(self) -> None:
        x = Variable(np.arange(6.0).reshape(2, 3))
        y = x[0]
        with self.assertRaises(ValueError):
            y.data[0] = 9.0
        x.data.setflags(write=True)


class ChoosingTest(unittest.TestCase):
    def test_where_of_one_argument_gives_places(self) -> None:
        x = Variable(np.array([0.0, 2.0, 3.0]))
        (places,) = np.where(x)
        self.assertIs(type(places), np.ndarray)
        np.testing.assert_array_equal(places, [1, 2])

    def test_a_variable_as_condition_is_boolean(self) -> None:
        x = Variable(np.array([0.0, 2.0]))
        np.testing.assert_array_equal(np.where(x, 1, 2), [2, 1])
        y = np.where(x, x * x, 1.0)
        np.sum(y).backward()
        np.testing.assert_array_equal(x.grad, [0.0, 4.0])

    def test_single_precision_stays(self) -> None:
        x = Variable(np.array([-1.0, 2.0], np.float32))
        y = np.where(x.data > 0, x, 0.0)
        np.sum(y).backward()
        self.assertEqual((y.dtype, x.grad.dtype), (np.float32, np.float32))

    def test_choose_among_arrays_by_a_variable(self) -> None:
        chosen = np.choose(Variable(np.array([1, 0])), [np.array([1.0, 2.0]), np.array([3.0, 4.0])])
        np.testing.assert_array_equal(chosen, [3.0, 2.0])

    def test_select_with_conditions_that_are_variables(self) -> None:
        check_grad(lambda x: np.select([Variable(np.array([True, False]))], [x], x[0]), np.array([1.0, 2.0]))

    def test_out_is_refused(self) -> None:
        x, out = Variable(np.ones(3)), np.zeros(3)
        for call in (
            lambda: np.take(x, [0, 1, 2], 0, out),
            lambda: np.take(x, [0, 1, 2], out=out),
            lambda: np.choose([0, 0, 0], [x], out),
            lambda: np.compress([1, 1, 1], x, 0, out),
            lambda: np.trace(np.diag(x), 0, 0, 1, None, np.zeros(())),
            lambda: np.concatenate([x], 0, out),
            lambda: np.stack([x], 0, np.zeros((1, 3))),
        ):
            with self.assertRaisesRegex(
                TypeError, r"into a plain array y .*np.zeros\(n, like=x\).*use what it returns"
            ):
                call()
        np.testing.assert_array_equal(out, 0)

    def test_writing_is_refused_with_what_to_write_instead(self) -> None:
        x, a = Variable(np.ones(3)), np.zeros(3)
        for call in (
            lambda: np.put(a, [0], x),
            lambda: np.place(a, a == 0, x),
            lambda: np.putmask(a, a == 0, x),
            lambda: np.copyto(a, x),
            lambda: np.put_along_axis(a, np.array([0]), x, 0),
        ):
            with self.assertRaisesRegex(TypeError, r"np.array\(y, like=x\), or leave the graph: x.data"):
                call()
        np.testing.assert_array_equal(a, 0)
        with self.assertRaisesRegex(TypeError, r"is a leaf.*write into a copy, x = x.copy\(\), or outside the graph"):
            np.put(x, [0], 1.0)

    def test_nothing_is_written_silently(self) -> None:
        x, a = Variable(np.ones(2)), np.zeros((2, 2))
        for call in (
            lambda: np.fill_diagonal(a, x),
            lambda: np.full(2, x),
            lambda: np.full((2, 2), x[0]),
            lambda: a.put([0], x[0]),
        ):
            with self.subTest(call):
                with self.assertRaises(TypeError):
                    call()
                np.testing.assert_array_equal(a, 0)

    def test_places_are_plain_arrays(self) -> None:
        m = Variable(np.arange(4.0).reshape(2, 2))
        self.assertEqual([p.tolist() for p in np.triu_indices_from(m)], [[0, 0, 1], [0, 1, 1]])
        self.assertEqual([p.tolist() for p in np.tril_indices_from(m)], [[0, 1, 1], [0, 0, 1]])
        self.assertEqual([p.tolist() for p in np.diag_indices_from(m)], [[0, 1], [0, 1]])
        self.assertEqual(np.lexsort(m).tolist(), [0, 1])
        index = np.ix_(Variable(np.array([1, 0])), [1])
        np.testing.assert_array_equal(m[index].data, [[3.0], [1.0]])


if __name__ == "__main__":
    unittest.main()
