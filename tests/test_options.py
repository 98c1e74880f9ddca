"""The checks of options: what passes, what is refused, and in which words."""

import math
import unittest
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wengert
from wengert import Variable
from wengert import compile as compile_function
from wengert import functions as F
from wengert.checks import options
from wengert.checks.errors import describe
from wengert.compiler.targets.cpu.runner import interpreted

HUGE = [10**18 * 10, 10**400, 10**5000, -(10**5000)]
NO_NUMBERS: list[Any] = [
    None, "text", b"", True, np.True_, 1j, [], {}, {1: 2}, object(), int, np.dtype(int), lambda: 1, (n for n in "ab"),
    np.datetime64(1, "s"), np.timedelta64(1, "s"), np.array("a"), np.array(None), np.ones(1), np.ones((2, 2), int),
    np.array([]), np.ma.masked_array(1, True), np.array((1,), [("a", int)]), Variable(np.array(1.0)), Variable(None),
]  # fmt: skip


class OptionsTest(unittest.TestCase):
    def test_integer(self) -> None:
        for value in (3, np.int8(3), np.uint64(3), np.array(3)):
            found = options.integer(value, "n", "f", 3, 3)
            self.assertEqual((found, type(found)), (3, int))
        for value in (*NO_NUMBERS, 3.0, np.float32(3), math.nan):
            with self.subTest(describe(value)), self.assertRaisesRegex(TypeError, "^n of f must be an integer, but"):
                options.integer(value, "n", "f")
        with self.assertRaisesRegex(ValueError, "^n of f must be an integer of at least 1, but got int 0$"):
            options.integer(0, "n", "f", 1)
        with self.assertRaisesRegex(ValueError, "^n must be an integer of at most 1, but got int 2$"):
            options.integer(np.int64(2), "n", "", most=1)
        with self.assertRaisesRegex(ValueError, "^n of f must be an integer from 1 to 5, but got int 7$"):
            options.integer(7, "n", "f", 1, 5)
        with self.assertRaisesRegex(ValueError, "of at least 0, below 2\\*\\*63, but got an int of 16610 bits$"):
            options.integer(10**5000, "n", "f", 0)

    def test_size(self) -> None:
        self.assertEqual(options.size(2**40, "n", "f"), 2**40)
        with self.assertRaisesRegex(ValueError, "^n of f must be an integer of at least 1, but got int -1$"):
            options.size(-1, "n", "f")
        with self.assertRaisesRegex(TypeError, "^n of f must be an integer of at least 1, but got float 1.5$"):
            options.size(1.5, "n", "f")
        for value in HUGE[:-1]:
            with self.assertRaisesRegex(ValueError, "of at least 1, and at most 2\\*\\*40, but got (an int of|int 1)"):
                options.size(value, "n", "f")

    def test_sizes(self) -> None:
        for value in (2, np.int32(2), (2, 2), [np.uint8(2), 2], np.array([2, 2]), np.array(2)):
            self.assertEqual(options.sizes(value, "stride", "conv2d", 2), (2, 2))
        words = "^stride of conv2d must be an integer of at least 1, or a tuple of 2 of them"
        for value in (*NO_NUMBERS, 1.0, (1, 2.0), (1, True), (1, None), [[1, 2], [3, 4]], {1, 2}, "12"):
            if not (isinstance(value, list | np.ndarray) and np.size(value) == 0):  # of none, which are too few
                with self.subTest(describe(value)), self.assertRaisesRegex(TypeError, words + ", but got"):
                    options.sizes(value, "stride", "conv2d", 2)
        several: list[Any] = [0, (1, 0), (1,), (1, 2, 3), [], np.array([])]
        for wrong in several:
            with self.assertRaisesRegex(ValueError, words + ", but got"):
                options.sizes(wrong, "stride", "conv2d", 2)
        for huge in (*HUGE[:-1], (1, 10**400)):
            with self.assertRaisesRegex(ValueError, "tuple of 2 of them, and at most 2"):
                options.sizes(huge, "stride", "conv2d", 2)
        with self.assertRaisesRegex(TypeError, "^stride of conv1d must be an integer of at least 1, but got dict$"):
            options.sizes({}, "stride", "conv1d", 1)

    def test_seed(self) -> None:
        self.assertEqual(options.seed(10**400, "number", "seed"), 10**400)
        with self.assertRaisesRegex(ValueError, "number of seed must be an integer of at least 0, but got int -1"):
            options.seed(-1, "number", "seed")
        with self.assertRaisesRegex(TypeError, "number of seed must be an integer of at least 0, but got float 1.5"):
            options.seed(1.5, "number", "seed")

    def test_real(self) -> None:
        numbers: list[Any] = [1, 1.0, np.float16(1), np.longdouble(1), np.int8(1), np.array(1.0), np.array(1)]
        for value in numbers:
            found = options.real(value, "rate", "f", 0, 1)
            self.assertEqual((found, type(found)), (1.0, float))
        for value in NO_NUMBERS:
            with self.subTest(describe(value)), self.assertRaisesRegex(TypeError, "^rate of f must be a real number"):
                options.real(value, "rate", "f")
        infinite: list[Any] = [math.nan, math.inf, -math.inf, np.float32(math.inf), np.array(math.nan)]
        for value in infinite:
            with self.assertRaisesRegex(ValueError, "^rate of f must be a finite number at least 0, but got float"):
                options.real(value, "rate", "f", 0)
        for value in (10**400, -(10**5000)):
            with self.assertRaisesRegex(ValueError, "^rate of f must be a real number, but got an int of"):
                options.real(value, "rate", "f")
        self.assertEqual(options.real(math.inf, "rate", "f", above=0, infinite=True), math.inf)
        self.assertEqual(options.real(-math.inf, "rate", "f", infinite=True), -math.inf)
        with self.assertRaisesRegex(ValueError, "^rate of f must be a real number above 0, but got int -1$"):
            options.real(-1, "rate", "f", above=0, infinite=True)
        for value in (math.nan, 10**400):
            with self.assertRaisesRegex(ValueError, "^rate of f must be a (finite|real) number, but got"):
                options.real(value, "rate", "f", infinite=True)
        with self.assertRaisesRegex(ValueError, "^rate of f must be a real number from 0 to 1, but got float 1.5$"):
            options.real(1.5, "rate", "f", 0, 1)
        with self.assertRaisesRegex(ValueError, "^rate of f must be a real number above 0 and below 1, but got int 1$"):
            options.real(1, "rate", "f", above=0, below=1)
        with self.assertRaisesRegex(ValueError, "^rate of f must be a real number above 0, but got int 0$"):
            options.real(0, "rate", "f", above=0)

    def test_flag(self) -> None:
        self.assertIs(options.flag(np.True_, "bias", "Linear"), True)
        self.assertIs(options.flag(False, "bias", "Linear"), False)
        flags: list[Any] = [0, 1, None, "no", [], np.array(True), np.array([True, False]), Variable(None)]
        for value in flags:
            with self.assertRaisesRegex(TypeError, "^bias of Linear must be True or False, but got"):
                options.flag(value, "bias", "Linear")

    def test_choice(self) -> None:
        self.assertEqual(options.choice(np.str_("sum"), "reduction", "f", ("sum", None)), "sum")
        self.assertIsNone(options.choice(None, "reduction", "f", ("sum", None)))
        self.assertEqual(options.choice(2, "order", "f", (1, 2)), 2)
        with self.assertRaisesRegex(ValueError, "^reduction of f must be one of 'sum', None, but got str 'no'$"):
            options.choice("no", "reduction", "f", ("sum", None))
        words: list[Any] = [1, [], {}, np.ones(3), np.array("sum"), b"sum", Variable(None)]
        for value in words:
            with self.assertRaisesRegex(TypeError, "^reduction of f must be one of 'sum', but got"):
                options.choice(value, "reduction", "f", ["sum"])

    def test_text(self) -> None:
        self.assertEqual(options.text("a b", "reads", "pullback"), "a b")
        with self.assertRaisesRegex(TypeError, "^reads of pullback must be a string, but got bytes b'a'$"):
            options.text(b"a", "reads", "pullback")

    def test_axes(self) -> None:
        for value in (None, 0, -1, (0, -1), ()):
            self.assertEqual(options.axes(value, "axis", "softmax"), value)
        self.assertEqual(options.axes((np.int8(1), 0), "axis", "softmax"), (1, 0))
        for wrong in (True, 1.0, "0", [0], {}, (0, None)):
            with self.assertRaisesRegex(TypeError, "^axis of softmax must be an integer from -64 to 64, but got"):
                options.axes(wrong, "axis", "softmax")
        for wrong in (10**18, 10**400, (0, 10**400)):
            with self.assertRaisesRegex(ValueError, "^axis of softmax must be an integer from -64 to 64, but got"):
                options.axes(wrong, "axis", "softmax")
        with self.assertRaisesRegex(ValueError, r"^axis of softmax must be different axes, but got \(0, 0\)$"):
            options.axes((0, 0), "axis", "softmax")

    def test_function(self) -> None:
        self.assertIs(options.function(len, "activation", "MLP"), len)
        with self.assertRaisesRegex(TypeError, "^activation of MLP must be a function, but got str 'relu'$"):
            options.function("relu", "activation", "MLP")

    def test_options_that_are_arguments_of_a_compiled_function(self) -> None:
        x = np.linspace(-1, 1, 6).reshape(2, 3)
        programs: list[Any] = [
            lambda x, a: np.sum(F.elu(x, a)), lambda x, a: np.sum(F.leaky_relu(x, a)),
            lambda x, a: np.sum(F.hardtanh(x, -a, a)), lambda x, a: np.sum(F.layer_norm(x, epsilon=a) ** 3),
            lambda x, a: F.huber(x, 0 * x, delta=a), lambda x, a: np.sum(F.clip_by_norm(x, a)),
            lambda x, a: np.sum(F.attention(x, x, x, scale=a)), lambda x, a: F.hinge(x, 1 - 2 * (x < 0), margin=a),
        ]  # fmt: skip
        for program in programs:  # (a number that is converted would be another at each call: a CompileWarning)
            compiled = compile_function(program, runner=interpreted)
            for a in (0.3, 0.4, 0.5, 0.6):
                np.testing.assert_allclose(float(compiled(x, a)), float(program(x, a)), rtol=1e-12)

    def test_received_is_short(self) -> None:
        for value in (*NO_NUMBERS, *HUGE, "x" * 10**6, b"x" * 10**6, np.array("x" * 10**6)):
            self.assertLess(len(options.received(value)), 120)
        self.assertEqual(options.received(np.ndarray), "the class ndarray")

    @given(st.integers(), st.integers(), st.integers())
    def test_an_integer_is_itself_or_refused(self, value: int, least: int, most: int) -> None:
        if least <= value <= most:
            self.assertEqual(options.integer(value, "n", "f", least, most), value)
        else:
            self.assertRaises(ValueError, options.integer, value, "n", "f", least, most)

    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(st.floats(), st.floats(allow_nan=False), st.floats(allow_nan=False))
    def test_a_real_number_is_itself_or_refused(self, value: float, least: float, most: float) -> None:
        if least <= value <= most and math.isfinite(value):
            self.assertEqual(options.real(value, "x", "f", least, most), value)
        else:
            self.assertRaises(ValueError, options.real, value, "x", "f", least, most)


class PublicTest(unittest.TestCase):
    """What users read when an option of a public name is wrong."""

    def test_messages(self) -> None:
        x, image, weight = np.ones((2, 3)), np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2))
        masked: Any = np.ma.masked_array(x, x > 0)
        variable, valueless = Variable(x), Variable(None)
        calls: list[tuple[Callable[[], Any], type[Exception], str]] = [
            (lambda: F.conv2d(image, weight, stride={}), TypeError, "stride of conv2d must be .* but got dict"),
            (lambda: F.conv2d(image, weight, stride=[[1]]), TypeError, "stride of conv2d .* but got \\(list,\\)"),
            (lambda: F.max_pool2d(image, {}), TypeError, "kernel size of max_pool2d must be .* but got dict"),
            (lambda: F.average_pool2d(image, 2, ceil_mode="no"), TypeError, "ceil_mode .* or False, but got str 'no'"),
            (lambda: F.adaptive_max_pool2d(image, 10**400), ValueError, "but got an int of 1329 bits"),
            (lambda: F.accuracy(x, [0, 0], axis=None), TypeError, "axis of accuracy must be .*but got NoneType"),
            (lambda: F.softmax(x, axis=10**18), ValueError, "axis of softmax must be an integer from -64 to 64"),
            (lambda: F.softmax(x, axis=7), np.exceptions.AxisError, "axis 7 is out of bounds"),
            (lambda: F.gaussian_nll(x, x, 1j), TypeError, "gaussian_nll takes real numbers"),
            (lambda: F.binary_cross_entropy_with_logits(x, x, pos_weight=1j), TypeError, "takes real numbers"),
            (lambda: F.kl_div(x, x, log_target=1), TypeError, "log_target of kl_div must be True or False"),
            (lambda: F.leaky_relu(x, np.ones(5)), ValueError, "slope of leaky_relu must broadcast"),
            (lambda: F.celu(x, "a"), TypeError, "alpha of celu must be a real number above 0, but got str 'a'"),
            (lambda: F.relu(masked), TypeError, "relu takes plain ndarrays, but got MaskedArray"),
            (lambda: F.relu(valueless), TypeError, "relu takes Variables that hold an array, but got Variable"),
            (lambda: F.gelu(variable, approximate=valueless), TypeError, "gelu takes Variables that hold an array"),
            (lambda: np.exp(valueless), TypeError, "np.exp takes Variables that hold an array"),
            (lambda: variable + valueless, TypeError, "np.add takes Variables that hold an array"),
            (lambda: np.sum(valueless), TypeError, "np.sum takes Variables that hold an array"),
            (lambda: iter(valueless), TypeError, "iteration over a Variable of no value"),
            (lambda: wengert.derivative(np.exp, "text"), TypeError, "a partial derivative of exp must be a function"),
            (lambda: wengert.derivative(np.exp, len, poles=1), TypeError, "poles of derivative must be True or False"),
            (lambda: wengert.refused("f", instead="g"), TypeError, "a function of refused must be"),
            (lambda: wengert.grad(len, has_aux="no"), TypeError, "has_aux of grad must be True or False"),
            (lambda: wengert.check_grad(3, x), TypeError, "f of check_grad must be a function, but got int 3"),
            (lambda: wengert.check_grad(np.sum, x, seed=x), TypeError, "seed of check_grad must be an integer"),
            (lambda: wengert.numerical_diff(np.sum, valueless), TypeError, "numerical_diff .* that holds an array"),
            (lambda: wengert.numerical_diff(lambda v: None, variable), TypeError, "numerical_diff .* returns numbers"),
            (lambda: wengert.compile(len, ahead="no"), TypeError, "ahead of compile must be True or False"),
            (lambda: wengert.draw(np.sum(variable), names=1), TypeError, "names of draw must be True or False"),
            (lambda: wengert.draw(np.sum(variable)).save(3), TypeError, "a drawing is saved to a path, but got int 3"),
            (lambda: np.sum(variable).backward("no"), TypeError, "retain_grad of backward must be True or False"),
            (lambda: setattr(variable, "grad", valueless), TypeError, "a gradient must be an array, but got Variable"),
        ]  # fmt: skip
        for function, error, message in calls:
            with self.subTest(message), self.assertRaisesRegex(error, message):
                function()


if __name__ == "__main__":
    unittest.main()
