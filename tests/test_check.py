"""check_grad: it must pass what is right and find what is wrong."""

import unittest
import warnings
from typing import Any, NamedTuple

import numpy as np

from wengert import Function, GradientError, Variable, check_grad

rng = np.random.default_rng(0)


class Pair(NamedTuple):
    u: Any
    v: Any


class Off(Function):
    """Squares; the gradient is wrong by `error` at one element."""

    def __init__(self, position: Any = (), error: Any = 0.01) -> None:
        self.position, self.error = position, error

    def forward(self, x: Any) -> Any:
        return x * x

    def backward(self, gy: Any) -> Any:
        x = self.input.data
        off = np.zeros(x.shape, x.dtype)
        off[self.position] = self.error
        return 2 * np.conjugate(x) * gy + off * gy


class WrongWhenLive(Function):
    """Right on arrays, twice the gradient on Variables."""

    def forward(self, x: Any) -> Any:
        return x * x

    def backward(self, gy: Any) -> Any:
        return 2 * self.input.data * gy * (2 if isinstance(gy, Variable) else 1)


class Detaches(Function):
    """A right first derivative; the gradient that arrives is taken out of the graph."""

    def forward(self, x: Any) -> Any:
        return 3 * x

    def backward(self, gy: Any) -> Any:
        return 3 * getattr(gy, "_data", gy)


class WrongSecond(Function):
    """A right first derivative, with the value of the slope taken out of the graph."""

    def forward(self, x: Any) -> Any:
        return x**3

    def backward(self, gy: Any) -> Any:
        return 3 * getattr(self.input.data, "_data", self.input.data) ** 2 * gy


class Conjugated(Function):
    """The complex square with the conjugate forgotten."""

    def forward(self, x: Any) -> Any:
        return x * x

    def backward(self, gy: Any) -> Any:
        return 2 * self.input.data * gy


class TestRight(unittest.TestCase):
    def test_smooth_functions_to_third_order(self) -> None:
        x = rng.standard_normal((2, 3))
        check_grad(lambda x, y: (np.sin(x) * y, np.exp(x) @ y.T), x, x + 1, order=3)
        check_grad(lambda x: x * x, x + 1j * x[::-1])
        check_grad(np.sin, np.array(0.3))
        check_grad(np.sin, np.zeros((0, 2)))

    def test_single_and_half_precision(self) -> None:
        for dtype in (np.float32, np.complex64, np.float16):
            check_grad(lambda x: np.sin(x) * x, rng.standard_normal(4).astype(dtype))

    def test_containers_and_constants(self) -> None:
        tree = {"w": [np.ones(2), np.arange(3)], "p": Pair(np.array(2.0), None), "n": "text"}

        def f(t: Any, power: int) -> Any:
            return {"a": np.sin(t["w"][0]) * t["p"].u ** power, "b": [t["w"][1].sum() * t["p"].u]}

        check_grad(f, tree, 2)
        with self.assertRaisesRegex(GradientError, r"with respect to argument 0\['p'\]\.u at \(\) is"):
            check_grad(lambda t: Off()(t["p"].u), tree)

    def test_a_constant_result(self) -> None:
        check_grad(lambda x: (np.sum(x), 3.0, np.array([1, 2]), np.array(1j), x > 0), np.ones(2))

    def test_large_numbers_next_to_small_ones(self) -> None:
        check_grad(lambda x, y: 1e6 * np.sum(x) + np.sin(y), np.ones(3), np.array(1.0), order=1)


class TestWrong(unittest.TestCase):
    def test_the_message_has_place_values_error_and_tolerance(self) -> None:
        pattern = r"derivative 1 with respect to argument 1 at \(1, 0\) is \S+ by backward but .*error of .* is allowed"
        with self.assertRaisesRegex(GradientError, pattern):
            check_grad(lambda x, y: np.sum(x) + Off((1, 0))(y), np.ones(2), np.ones((2, 3)))

    def test_a_single_wrong_element_of_many(self) -> None:
        with self.assertRaisesRegex(GradientError, r"at \(7, 301\)"):
            check_grad(Off((7, 301), 0.1), rng.standard_normal((20, 1000)))

    def test_an_error_is_not_hidden_by_another_large_argument(self) -> None:
        with self.assertRaisesRegex(GradientError, "argument 1 at"):
            check_grad(lambda x, y: 1e7 * np.sum(x) + Off()(y), np.ones(3), np.array(1.0), order=1)

    def test_an_error_is_not_hidden_by_small_numbers(self) -> None:
        with self.assertRaisesRegex(GradientError, "derivative 1"):
            check_grad(lambda x: 1e-6 * Off((), 5.0)(x), np.array(1.0))

    def test_complex(self) -> None:
        z = np.array([1.0 + 2j, 0.5 - 1j])
        with self.assertRaisesRegex(GradientError, "derivative 1 with respect to argument 0"):
            check_grad(Conjugated(), z)
        with self.assertRaisesRegex(GradientError, r"at \(1,\) is .*j\)"):
            check_grad(Off((1,), 0.01j), z)

    def test_second_order(self) -> None:
        x = np.array([1.0, 2.0])
        check_grad(WrongSecond(), x, order=1)
        with self.assertRaisesRegex(GradientError, "derivative 2"):
            check_grad(WrongSecond(), x)

    def test_a_backward_that_takes_its_gradient_out_of_the_graph(self) -> None:
        check_grad(Detaches(), np.array([1.0, 2.0]), order=1)
        with self.assertRaisesRegex(GradientError, "derivative 2"):
            check_grad(Detaches(), np.array([1.0, 2.0]))

    def test_another_gradient_under_create_graph(self) -> None:
        check_grad(WrongWhenLive(), np.array([1.0, 2.0]), order=1)
        with self.assertRaisesRegex(GradientError, r"at \(\d,\) is .* under create_graph"):
            check_grad(WrongWhenLive(), np.array([1.0, 2.0]))

    def test_a_result_that_has_left_the_graph(self) -> None:
        with self.assertRaisesRegex(GradientError, r"is 0.0 by backward"):
            check_grad(lambda x: np.sin(x.data), np.array(1.0))

    def test_a_gradient_that_is_nan(self) -> None:
        with self.assertRaisesRegex(ValueError, "backward of derivative 1 gave nan"):
            check_grad(Off((), np.nan), np.array(1.0))


class TestArguments(unittest.TestCase):
    def test_what_it_cannot_check(self) -> None:
        with self.assertRaisesRegex(
            TypeError, "needs a floating array to differentiate with respect to, but got ndarray of shape"
        ):
            check_grad(np.sin, np.arange(3))
        with self.assertRaisesRegex(TypeError, "but got none"):
            check_grad(np.sin)
        with self.assertRaisesRegex(ValueError, "order of check_grad must be an integer of at least 1, but got int 0"):
            check_grad(np.sin, np.ones(2), order=0)
        with self.assertRaisesRegex(ValueError, "eps of check_grad must be a real number above 0, but got int -1"):
            check_grad(np.sin, np.ones(2), eps=-1)
        with warnings.catch_warnings(), self.assertRaisesRegex(ValueError, "inside the domain"):
            warnings.simplefilter("ignore")
            check_grad(np.log, np.array(1e-4))


if __name__ == "__main__":
    unittest.main()
