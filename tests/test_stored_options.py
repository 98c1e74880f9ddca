"""Options stored in attributes: checked at construction and at assignment; flags, dtypes and paths."""

import unittest
from pathlib import Path
from typing import Any

import numpy as np

from wengert import Parameter
from wengert.checks import options
from wengert.datasets import ArrayDataset, DataLoader, Digits, Iris, Sine, Spiral, split
from wengert.datasets.transforms import Normalize, RandomErasing, RandomHorizontalFlip, Resize
from wengert.functions import relu
from wengert.layers import BatchNorm, Conv2d, Dropout, Flatten, LayerNorm, Linear, MaxPool2d, MultiHeadAttention
from wengert.models import GPT, MLP, LSTMClassifier, ResNet18
from wengert.optimizers import SGD, Adam, CosineDecay, ReduceOnPlateau, StepDecay
from wengert.training import Trainer


class Kept:
    size: int = options.option(options.integer, 1, 5)
    rate: float | None = options.option(options.real, above=0, optional=True)


class OptionTest(unittest.TestCase):
    def test_each_assignment_is_checked(self) -> None:
        kept = Kept()
        kept.size, kept.rate = np.int8(3), None  # type: ignore[assignment]
        self.assertEqual(vars(kept), {"size": 3, "rate": None})
        with self.assertRaisesRegex(ValueError, "^size of Kept must be an integer from 1 to 5, but got int 6$"):
            kept.size = 6
        with self.assertRaisesRegex(ValueError, "^rate of Kept must be a real number above 0, but got int 0$"):
            kept.rate = 0
        with self.assertRaisesRegex(TypeError, "^size of Kept must be an integer from 1 to 5, but got NoneType$"):
            kept.size = None  # type: ignore[assignment]
        self.assertEqual((kept.size, kept.rate), (3, None))

    def test_subclasses_are_named(self) -> None:
        class Small(Kept):
            pass

        with self.assertRaisesRegex(ValueError, "^size of Small must be"):
            Small().size = 0

    def test_dtypes(self) -> None:
        for value in (np.float32, "f4", np.dtype("f4"), float):
            self.assertEqual(options.dtype(value, "dtype", "f").kind, "f")
        for value in (None, int, "text", 1.5, np.float32(1), np.ones(2), dict, complex):
            with self.assertRaisesRegex(TypeError, "^dtype of f must be a floating dtype, as np.float32, but got"):
                options.dtype(value, "dtype", "f")
        self.assertEqual(options.dtype(complex, "dtype", "f", "fc"), np.complex128)

    def test_paths(self) -> None:
        self.assertEqual(options.path(Path("a"), "path", "f"), "a")
        for value in (None, True, b"a", 1, [], ["a"]):
            with self.assertRaisesRegex(TypeError, "^path of f must be a path, but got"):
                options.path(value, "path", "f")


class FlagsTest(unittest.TestCase):
    def test_text_is_no_flag(self) -> None:
        data = ArrayDataset(np.ones((4, 1)), np.ones((4, 1)))
        makers: list[tuple[str, Any]] = [
            ("bias of Linear", lambda: Linear(3, 2, bias="no")),  # type: ignore[arg-type]
            ("bias of Conv2d", lambda: Conv2d(3, 2, 3, bias="no")),  # type: ignore[arg-type]
            ("bias of MultiHeadAttention", lambda: MultiHeadAttention(4, 2, bias="no")),  # type: ignore[arg-type]
            ("affine of BatchNorm", lambda: BatchNorm(3, affine="no")),  # type: ignore[arg-type]
            ("bias of LayerNorm", lambda: LayerNorm(3, bias="no")),  # type: ignore[arg-type]
            ("ceil_mode of MaxPool2d", lambda: MaxPool2d(2, ceil_mode="no")),  # type: ignore[arg-type]
            ("bidirectional of LSTMClassifier", lambda: LSTMClassifier(2, bidirectional="no")),  # type: ignore[arg-type]
            ("small_images of ResNet18", lambda: ResNet18(small_images="no")),  # type: ignore[arg-type]
            ("shuffle of DataLoader", lambda: DataLoader(data, shuffle="no")),  # type: ignore[arg-type]
            ("drop_last of DataLoader", lambda: DataLoader(data, drop_last="no")),  # type: ignore[arg-type]
            ("antialias of Resize", lambda: Resize(4, antialias="no")),  # type: ignore[arg-type]
            ("train of Sine", lambda: Sine("test")),  # type: ignore[arg-type]
            ("train of Spiral", lambda: Spiral("test")),  # type: ignore[arg-type]
            ("amsgrad of Adam", lambda: Adam([Parameter(np.ones(2))], amsgrad="no")),  # type: ignore[arg-type]
            ("restarts of CosineDecay", lambda: CosineDecay(sgd(), 5, restarts="no")),  # type: ignore[arg-type]
            ("relative of ReduceOnPlateau", lambda: ReduceOnPlateau(sgd(), relative="no")),  # type: ignore[arg-type]
            ("progress of Trainer", lambda: Trainer(Linear(1), sgd(), relu, progress="no")),  # type: ignore[arg-type]
        ]
        for words, make in makers:
            with self.subTest(words), self.assertRaisesRegex(TypeError, f"^{words} must be True or False, but got str"):
                make()

    def test_which_part(self) -> None:
        for cls in (Digits, Iris):
            with self.assertRaisesRegex(TypeError, rf"but got str 'test'; write {cls.__name__}\(train=False\)"):
                cls("test")  # type: ignore[arg-type]
            for share in (-1, 0, 1, 2.5, 1j):
                error = TypeError if share == 1j else ValueError
                with self.assertRaisesRegex(error, f"held_out of {cls.__name__} must be .* above 0 and below 1"):
                    cls(held_out=share)  # type: ignore[arg-type]


class KeptByObjectsTest(unittest.TestCase):
    def test_assigned_later(self) -> None:
        things: list[tuple[Any, str, Any, type[Exception]]] = [
            (Dropout(0.5), "rate", 2, ValueError),
            (BatchNorm(3), "momentum", "fast", TypeError),
            (LayerNorm(3), "epsilon", None, TypeError),
            (Flatten(), "start", -1, ValueError),
            (MLP(3, 2), "dropout", 1j, TypeError),
            (MLP(3, 2), "activation", "relu", TypeError),
            (GPT(5, 8, 4, 1, 2), "dropout", -1, ValueError),
            (StepDecay(sgd(), 2), "every", 0, ValueError),
            (CosineDecay(sgd(), 2), "restarts", "no", TypeError),
            (ReduceOnPlateau(sgd()), "mode", "best", ValueError),
            (sgd(), "clip_norm", -1, ValueError),
            (sgd(), "error_if_nonfinite", 1, TypeError),
            (sgd(), "learning_rate", "fast", TypeError),
            (Normalize(0.5, 0.5), "std", 0, ValueError),
            (RandomHorizontalFlip(), "p", 2, ValueError),
            (RandomErasing(), "scale", (0.5, 0.1), ValueError),
        ]
        for thing, name, value, error in things:
            before = getattr(thing, name)
            whose = type(thing).__name__
            with self.subTest(f"{whose}.{name}"), self.assertRaisesRegex(error, f"^{name} of {whose} must be"):
                setattr(thing, name, value)
            self.assertIs(getattr(thing, name), before)

    def test_normalize_follows_what_is_assigned(self) -> None:
        image = np.full((1, 2, 2), 0.5, np.float32)
        transform = Normalize(0.5, 1)
        self.assertEqual(transform(image).max(), 0)
        transform.mean = 0.25
        self.assertEqual(transform(image).max(), 0.25)

    def test_no_numbers_of_these_kinds(self) -> None:
        when, imaginary = np.datetime64("2020"), 1j
        for value in (when, np.timedelta64(1), imaginary, np.complex64(1)):
            for make in (
                lambda v: Normalize(v, 1), lambda v: Normalize(0, [v]), lambda v: Dropout(v), lambda v: Linear(v),
                lambda v: SGD([Parameter(np.ones(2))], v), lambda v: split(list(range(9)), v),
            ):  # fmt: skip
                with self.subTest(type(value).__name__), self.assertRaisesRegex(TypeError, "but got"):
                    make(value)

    def test_a_wrong_attribute_does_not_hide_the_error(self) -> None:
        layer = Conv2d(2, 3, 3)
        layer.stride = "wide"  # type: ignore[assignment]
        with self.assertRaisesRegex((TypeError, ValueError), "stride"):
            layer(np.ones((1, 2, 5, 5), np.float32))

    def test_deep_models_have_a_bound(self) -> None:
        with self.assertRaisesRegex(ValueError, "^layers of GPT must be an integer from 1 to 10000, but got"):
            GPT(layers=10**18)


def sgd() -> Any:
    return SGD([Parameter(np.ones(2))], 0.1)


if __name__ == "__main__":
    unittest.main()
