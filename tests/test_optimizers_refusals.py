"""Optimizers: bad arguments, and warnings."""

import unittest

import numpy as np

from tests.optimizer_cases import EACH, descend
from wengert import Parameter, Variable
from wengert import optimizers as ours
from wengert.optimizers import SGD, Adafactor, Adam, AdamW, Lion


class RefusedTest(unittest.TestCase):
    def test_what_would_change_nothing(self) -> None:
        optimizer = Adam([Parameter(np.ones(2))])
        for name in ("beta1", "weight_decay", "amsgrad"):
            with self.assertRaisesRegex(AttributeError, rf"{name}.* belongs to its groups; .*groups\[0\]\.{name} = "):
                setattr(optimizer, name, 0.5)
        with self.assertRaisesRegex(AttributeError, "Adam has no option 'lr'; .*learning_rate"):
            optimizer.lr = 0.5
        optimizer.note = "of one's own"
        with self.assertRaisesRegex(TypeError, "error_if_nonfinite of Adam must be True or False, but got str 'yes'"):
            Adam([Parameter(np.ones(2))], error_if_nonfinite="yes")
        with self.assertRaisesRegex(TypeError, "load_state_dict takes a mapping of names to arrays, but got NoneType"):
            optimizer.load_state_dict(None)

    def test_parameters(self) -> None:
        p = Parameter(np.ones(2))
        for given, error, message in [
            ([], ValueError, "Adam needs parameters to train, but got an empty list"),
            ({}, ValueError, "Adam needs parameters to train, but got an empty dict"),
            (p, TypeError, r"parameters must be given as a Layer, a dict or a list, but got Parameter .*; write \[p\]"),
            (3, TypeError, "parameters must be given as a Layer, a dict or a list, but got int"),
            ([p, 3.0], TypeError, "each of the parameters must be a Parameter, but '1' is float"),
            ({"w": np.ones(2)}, TypeError, r"must be a Parameter, but 'w' is ndarray of shape \(2,\)"),
            ([Variable(np.ones(2))], TypeError, r"but '0' is Variable .*; make it one: Parameter\(x.data\)"),
            ([Parameter(np.arange(3))], TypeError, "must be floating-point or complex, but '0' is Parameter of shape"),
            ([Parameter(np.array([True]))], TypeError, "must be floating-point or complex, .* convert it"),
            (
                [{"params": [p]}, {"params": [p]}],
                ValueError,
                r"must be in one group, but '0' .* is in groups 0 and 1",
            ),
            ([{"params": [p], "rate": 1.0}], ValueError, "Adam has no option 'rate' for a group of parameters; it has"),
            ([{"params": []}], ValueError, "Adam needs parameters to train, but got an empty list"),
        ]:
            with self.subTest(message), self.assertRaisesRegex(error, message):
                Adam(given)

    def test_options(self) -> None:
        p = [Parameter(np.ones(2))]
        for make, error, message in [
            (lambda: Adam(p, -1e-3), ValueError, "learning_rate of Adam must be a real number at least 0"),
            (lambda: Adam(p, float("nan")), ValueError, "learning_rate of Adam must be a finite number at least 0"),
            (lambda: Adam(p, float("inf")), ValueError, "learning_rate of Adam must be a finite number at least 0"),
            (lambda: Adam(p, "fast"), TypeError, "learning_rate of Adam must be a real number at least 0"),
            (lambda: Adam(p, np.ones(2)), TypeError, r"learning_rate of Adam must be a real number at least 0"),
            (lambda: Adam(p, True), TypeError, "learning_rate of Adam must be a real number at least 0"),
            (lambda: Adam(p, None), TypeError, "learning_rate of Adam must be a real number at least 0"),
            (lambda: Adam(p, beta1=1.0), ValueError, "beta1 of Adam must be a real number at least 0 and below 1"),
            (lambda: Adam(p, amsgrad=1), TypeError, "amsgrad of Adam must be True or False, but got int 1"),
            (lambda: Adam(p, weight_decay=-1), ValueError, "weight_decay of Adam must be a real number at least 0"),
            (lambda: Adam(p, clip=1), TypeError, "Adam has no option 'clip'; it has: learning_rate, .*clip_norm"),
            (
                lambda: SGD(p, nesterov=True),
                ValueError,
                "Nesterov's momentum needs a momentum above 0",
            ),
            (lambda: Lion(p, beta2=-0.1), ValueError, "beta2 of Lion must be a real number at least 0 and below 1"),
            (
                lambda: Adafactor(p, clip_threshold=0),
                ValueError,
                "clip_threshold of Adafactor must be a real number above 0, but got int 0",
            ),
            (
                lambda: AdamW([{"params": p, "learning_rate": -1.0}]),
                ValueError,
                "learning_rate of AdamW must be a real number at least 0, but got float -1.0",
            ),
        ]:
            with self.subTest(message), self.assertRaisesRegex(error, message):
                make()

    def test_options_in_the_run(self) -> None:
        p = Parameter(np.ones(2))
        optimizer = Adam([p], learning_rate=0.5)
        with self.assertRaisesRegex(ValueError, "learning_rate of Adam must be a real number at least 0"):
            optimizer.learning_rate = -1
        self.assertEqual(optimizer.learning_rate, 0.5)
        with self.assertRaisesRegex(AttributeError, "Adam has no option 'rate'; it has: learning_rate, beta1"):
            optimizer.groups[0].rate = 1.0
        optimizer.groups[0].learning_rate[...] = -1.0
        p.grad = np.ones(2)
        with self.assertRaisesRegex(ValueError, "learning_rate of Adam must be a real number at least 0"):
            optimizer.update()
        np.testing.assert_array_equal(p.data, 1)

    def test_a_parameter_of_another_shape(self) -> None:
        for kind in (Adam, Adafactor):
            p = Parameter(np.ones(2))
            optimizer = kind({"weight": p})
            descend(optimizer, [p], 1)
            p.data = np.ones(3)
            p.grad = np.ones(3)
            with self.assertRaisesRegex(
                ValueError, r"keep its shape and dtype while it is trained, but 'weight' had \(2,\) and float64 at the"
            ):
                optimizer.update()

    def test_lazy_integers(self) -> None:
        p = Parameter(None)
        optimizer = Adam([p])
        p.data = np.arange(3)
        p.grad = np.ones(3)
        with self.assertRaisesRegex(TypeError, "must be floating-point or complex, but '0' is Parameter of shape"):
            optimizer.update()

    def test_adafactor_is_real(self) -> None:
        p = Parameter(np.ones(2, complex))
        p.grad = np.ones(2, complex)
        with self.assertRaisesRegex(TypeError, "Adafactor takes real parameters, but got ndarray of shape .* as two"):
            Adafactor([p]).update()


class WarningsTest(unittest.TestCase):
    def test_overflow_is_silent(self) -> None:
        for name, options in EACH:
            p = Parameter(np.ones(3, np.float32))
            optimizer = getattr(ours, name)([p], **options)
            for g in (np.full(3, 3e38), np.array([np.nan, np.inf, -np.inf])):
                p.grad = g.astype(np.float32)
                optimizer.update()
