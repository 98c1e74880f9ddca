"""Transforms of images: against their definitions, and against PyTorch's interpolation."""

import importlib.util
import pickle
import unittest
from typing import Any

import numpy as np

from wengert.datasets import ArrayDataset, DataLoader
from wengert.datasets.resampling import resize, rotate
from wengert.datasets.transforms import (
    CenterCrop,
    ColorJitter,
    Compose,
    Normalize,
    OneHot,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomRotation,
    RandomVerticalFlip,
    Resize,
    Transform,
)

needs_torch = unittest.skipIf(importlib.util.find_spec("torch") is None, "needs torch: pip install torch==2.13.0")


def image(channels: int = 3, height: int = 6, width: int = 8, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(0).random((channels, height, width)).astype(dtype)


EVERY: list[Any] = [
    Normalize(0.5, 0.25),
    Resize((5, 4)),
    CenterCrop(4),
    RandomCrop(5, padding=2),
    RandomCrop(5, padding=2, mode="reflect"),
    RandomHorizontalFlip(),
    RandomVerticalFlip(),
    RandomRotation(30),
    RandomErasing(p=1),
    ColorJitter(0.5, 0.5),
]


class EveryTransformTest(unittest.TestCase):
    def test_dtype_stays_and_the_input_too(self) -> None:
        for transform in EVERY:
            for dtype in (np.float32, np.float64):
                for seed in range(5):
                    x = image(dtype=dtype)
                    x.flags.writeable = False
                    y = transform(x, np.random.default_rng(seed))
                    self.assertEqual((y.dtype, y.ndim, len(y)), (dtype, 3, 3), transform)

    def test_examples_and_images(self) -> None:
        for transform in EVERY:
            alone = transform(image(), np.random.default_rng(1))
            x, *rest = transform((image(), 3, "name"), np.random.default_rng(1))
            np.testing.assert_array_equal(x, alone)
            self.assertEqual(rest, [3, "name"])

    def test_pickled_and_shown(self) -> None:
        for transform in EVERY:
            again = pickle.loads(pickle.dumps(transform))
            self.assertEqual(repr(again), repr(transform))
            np.testing.assert_array_equal(
                again(image(), np.random.default_rng(2)), transform(image(), np.random.default_rng(2))
            )
        self.assertEqual(repr(RandomCrop(28, padding=4)), "RandomCrop(size=(28, 28), padding=4, mode=constant)")
        self.assertEqual(repr(Compose(CenterCrop(4), OneHot(2)))[:35], "Compose(CenterCrop(size=(4, 4)), On")

    def test_what_is_no_image(self) -> None:
        for transform in EVERY:
            with self.assertRaisesRegex(ValueError, r"takes an image of shape \(channels, height, width\), but got"):
                transform(np.zeros((8, 8)), np.random.default_rng(0))
            with self.assertRaisesRegex(TypeError, r"floats between 0 and 1, .* image.astype\(np.float32\) / 255"):
                transform(np.zeros((1, 8, 8), np.uint8), np.random.default_rng(0))

    def test_what_draws_needs_a_generator(self) -> None:
        for transform in EVERY[3:]:
            for rng in (None, 3):
                with self.assertRaisesRegex(TypeError, "draws random numbers, but got .* give it to DataLoader"):
                    transform(image(), rng)

    def test_own_transforms(self) -> None:
        with self.assertRaisesRegex(NotImplementedError, r"Transform does nothing: define apply\(self, image\)"):
            Transform()(image())

    def test_in_a_loader(self) -> None:
        data = ArrayDataset(np.stack([image()] * 6), np.arange(6))
        transform = Compose(
            [RandomHorizontalFlip(), Normalize([0, 0, 0], [1, 1, 1]), lambda example: example, OneHot(6)]
        )
        ((x, t),) = DataLoader(data, 6, transform=transform, seed=0)
        np.testing.assert_array_equal(t, np.eye(6))
        flipped = [np.array_equal(each, image()[..., ::-1]) for each in x]
        self.assertTrue(0 < sum(flipped) < 6)
        for each, turned in zip(x, flipped, strict=True):
            np.testing.assert_array_equal(each, image()[..., ::-1] if turned else image())


class EachTransformTest(unittest.TestCase):
    def test_normalize(self) -> None:
        x = image()
        np.testing.assert_allclose(Normalize(0.5, 0.25)(x), (x - 0.5) / 0.25)
        y = Normalize([0.1, 0.2, 0.3], [1, 2, 4])(x)
        np.testing.assert_allclose(y[2], (x[2] - 0.3) / 4, rtol=1e-6)
        with self.assertRaisesRegex(ValueError, "has a mean for 3 channels, but got"):
            Normalize([0.1, 0.2, 0.3], 1)(image(1))
        for mean, std in ((0, 0), (0, [1, -1]), (np.nan, 1)):
            with self.assertRaisesRegex(ValueError, "(std|mean).* of Normalize must be a (real|finite) number"):
                Normalize(mean, std)
        with self.assertRaisesRegex(ValueError, "a number, or one for each channel"):
            Normalize(np.zeros((2, 2)), 1)

    def test_random_crop_gives_every_place_and_zeros_around(self) -> None:
        x = image(1, 4, 5)
        padded = np.pad(x, ((0, 0), (2, 2), (2, 2)))
        for size in (3, (4, 5), (8, 9), (1, 1)):
            crop = RandomCrop(size, padding=2)
            height, width = crop.size
            wanted = {
                padded[:, i : i + height, j : j + width].tobytes() for i in range(9 - height) for j in range(10 - width)
            }
            rng = np.random.default_rng(0)
            found = {crop(x, rng).tobytes() for _ in range(800)}
            self.assertEqual(found, wanted)
        reflected = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="reflect")
        np.testing.assert_array_equal(RandomCrop((6, 7), 1, "reflect")(x, rng), reflected)
        with self.assertRaisesRegex(ValueError, "crops 9 x 9 from an image of 8 x 9"):
            RandomCrop(9, padding=2)(x, rng)
        with self.assertRaisesRegex(ValueError, "padding of RandomCrop must be an integer of at least 0"):
            RandomCrop(9, padding=-1)

    def test_center_crop(self) -> None:
        x = image()
        np.testing.assert_array_equal(CenterCrop((2, 4))(x), x[:, 2:4, 2:6])
        np.testing.assert_array_equal(CenterCrop((6, 8))(x), x)
        with self.assertRaisesRegex(ValueError, "crops 7 x 7 from an image of 6 x 8"):
            CenterCrop(7)(x)
        with self.assertRaisesRegex(TypeError, "size of CenterCrop must be an integer of at least"):
            CenterCrop(2.0)
        with self.assertRaisesRegex(ValueError, "size of CenterCrop must be an integer of at least"):
            CenterCrop(0)

    def test_flips(self) -> None:
        x = image()
        rng = np.random.default_rng(0)
        np.testing.assert_array_equal(RandomHorizontalFlip(1)(x, rng), x[:, :, ::-1])
        np.testing.assert_array_equal(RandomVerticalFlip(1)(x, rng), x[:, ::-1])
        self.assertIs(RandomVerticalFlip(0)(x, rng), x)
        share = np.mean([RandomHorizontalFlip(0.3)(x, rng) is not x for _ in range(2000)])
        self.assertAlmostEqual(share, 0.3, delta=0.04)
        with self.assertRaisesRegex(ValueError, "p of RandomVerticalFlip must be a real number from 0 to 1"):
            RandomVerticalFlip(1.5)

    def test_quarter_turns(self) -> None:
        x = image(2, 5, 5, np.float64)
        for quarters in range(-4, 5):
            np.testing.assert_allclose(rotate(x, 90 * quarters), np.rot90(x, quarters, axes=(1, 2)), atol=1e-12)

    def test_rotation(self) -> None:
        x = np.ones((1, 9, 9))
        rng = np.random.default_rng(0)
        y = RandomRotation((45, 45), fill=0.25)(x, rng)
        self.assertEqual((y[0, 0, 0], y[0, 4, 4]), (0.25, 1))
        found = {round(float(RandomRotation(90)(image(1, 5, 5), rng)[0, 0, 0]), 5) for _ in range(20)}
        self.assertGreater(len(found), 5)
        with self.assertRaisesRegex(ValueError, "degrees of RandomRotation must be a real number at least 0"):
            RandomRotation(-5)

    def test_erasing(self) -> None:
        x = np.ones((2, 20, 30))
        shares = []
        for seed in range(200):
            y = RandomErasing(p=1, scale=(0.1, 0.2), ratio=(0.5, 2), value=7)(x, np.random.default_rng(seed))
            rows, columns = np.nonzero(y[0] == 7)
            self.assertEqual(
                len(rows), np.ptp(rows) * np.ptp(columns) + np.ptp(rows) + np.ptp(columns) + 1, "a rectangle"
            )
            np.testing.assert_array_equal(y[0], y[1])
            shares.append(len(rows) / 600)
        self.assertTrue(0.08 < min(shares) < 0.12 and 0.18 < max(shares) < 0.22, (min(shares), max(shares)))
        self.assertIs(RandomErasing(p=0)(x, np.random.default_rng(0)), x)
        self.assertIs(RandomErasing(1, (1, 1), (9, 9))(x, np.random.default_rng(0)), x)  # it cannot fit
        for options in ({"scale": (0, 0.5)}, {"scale": (0.2, 1.1)}, {"ratio": (2, 1)}):
            with self.assertRaisesRegex(ValueError, "(scale|ratio) of RandomErasing must be"):
                RandomErasing(**options)

    def test_color_jitter(self) -> None:
        x = image(3, dtype=np.float64)
        rng = np.random.default_rng
        u = rng(3).uniform(0.5, 1.5)
        np.testing.assert_allclose(ColorJitter(brightness=0.5)(x, rng(3)), np.clip(x * u, 0, 1))
        grey = np.mean(0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2])
        np.testing.assert_allclose(ColorJitter(contrast=0.5)(x, rng(3)), np.clip(grey + u * (x - grey), 0, 1))
        one = x[:1]
        wanted = np.clip(one.mean() + u * (one - one.mean()), 0, 1)
        np.testing.assert_allclose(ColorJitter(contrast=0.5)(one, rng(3)), wanted)
        self.assertIs(ColorJitter()(x, rng(0)), x)
        with self.assertRaisesRegex(ValueError, "brightness of ColorJitter must be a real number at least 0"):
            ColorJitter(-1)

    def test_one_hot(self) -> None:
        self.assertEqual(OneHot(3)(np.int64(1)).tolist(), [0, 1, 0])
        self.assertEqual(OneHot(3, np.float64)((image(), 2))[1].dtype, np.float64)
        np.testing.assert_array_equal(OneHot(3)(np.array([[0, 2]], np.uint8)), [[[1, 0, 0], [0, 0, 1]]])
        for label in (3, -1):
            with self.assertRaisesRegex(ValueError, rf"OneHot\(3\) takes labels from 0 to 2, but got {label}"):
                OneHot(3)(label)
        with self.assertRaisesRegex(TypeError, "labels that are integers, but got float"):
            OneHot(3)(1.0)
        with self.assertRaisesRegex(ValueError, "changes part 1 of an example, but one has 1 parts"):
            OneHot(3)((image(),))
        with self.assertRaisesRegex(ValueError, "classes of OneHot must be an integer of at least 1, but got int 0"):
            OneHot(0)

    def test_compose(self) -> None:
        with self.assertRaisesRegex(TypeError, "each transform of Compose must be a function, but got int 4"):
            Compose(CenterCrop(3), 4)

    def test_resize(self) -> None:
        self.assertEqual(Resize(3)(image()).shape, (3, 3, 4))  # the shorter side
        self.assertEqual(Resize((3, 7))(image()).shape, (3, 3, 7))
        x = np.arange(16.0).reshape(1, 4, 4)
        np.testing.assert_allclose(Resize(4)(x), x)
        np.testing.assert_allclose(Resize((7, 9))(np.full((1, 4, 4), 0.5)), 0.5)
        np.testing.assert_allclose(resize(x, (1, 1), True).mean(), x.mean())
        with self.assertRaisesRegex(ValueError, r"size of Resize must be an integer of at least"):
            Resize((0, 3))


@needs_torch
class AgainstTorchTest(unittest.TestCase):
    def test_resize(self) -> None:
        import torch

        for before, after in (
            ((6, 8), (12, 5)),
            ((7, 7), (3, 3)),
            ((5, 9), (5, 20)),
            ((16, 16), (5, 7)),
            ((1, 3), (4, 2)),
        ):
            for antialias in (False, True):
                x = image(3, *before, np.float64)
                wanted = torch.nn.functional.interpolate(
                    torch.from_numpy(x)[None], after, mode="bilinear", antialias=antialias, align_corners=False
                )[0].numpy()
                np.testing.assert_allclose(resize(x, after, antialias), wanted, atol=1e-12)

    def test_rotate(self) -> None:
        import torch

        for height, width in ((6, 8), (9, 5)):
            x = image(2, height, width, np.float64)
            for degrees in (-200.0, -17.0, 0.0, 3.0, 33.0, 90.0):
                angle = np.deg2rad(degrees)
                turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
                # in a grid from -1 to 1, x counts halves of the width, and y of the height
                scale = np.array([width, height])
                theta = np.concatenate([turn * scale / scale[:, None], np.zeros((2, 1))], axis=1)
                grid = torch.nn.functional.affine_grid(torch.from_numpy(theta)[None], [1, 2, height, width], False)
                wanted = torch.nn.functional.grid_sample(torch.from_numpy(x)[None], grid, align_corners=False)[0]
                np.testing.assert_allclose(rotate(x, degrees), wanted.numpy(), atol=1e-9)


if __name__ == "__main__":
    unittest.main()
