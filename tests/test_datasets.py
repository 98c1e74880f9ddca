"""Data sets: indexing, parts, batches; the sets that need no network."""

import importlib.util
import tempfile
import unittest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import wengert
from wengert import Variable
from wengert.datasets import (
    ArrayDataset,
    CharacterDataset,
    Concatenated,
    Dataset,
    Diabetes,
    Digits,
    ImageDataset,
    Iris,
    Mapped,
    Sine,
    Spiral,
    Subset,
    collate,
    split,
)

needs_sklearn = unittest.skipIf(
    importlib.util.find_spec("sklearn") is None, "needs scikit-learn: pip install wengert[train]"
)


class Squares(Dataset):
    def __len__(self) -> int:
        return 10

    def example(self, index: int) -> Any:
        return np.full(2, float(index)), index**2


class OfOtherLibraries(Dataset):
    """As one is written for PyTorch: __getitem__ takes one number."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: Any) -> Any:
        return np.array([index]), index


def pairs(n: int = 6) -> ArrayDataset:
    return ArrayDataset(np.arange(2.0 * n).reshape(n, 2), np.arange(n))


class IndexingTest(unittest.TestCase):
    def test_one_example(self) -> None:
        for dataset in (pairs(), Subset(pairs(), range(6)), Concatenated(pairs(2), pairs(4)), list(pairs())):
            x, t = dataset[1]
            np.testing.assert_array_equal(x, [2, 3])
            self.assertEqual(t, 1)

    def test_negative_indices_count_from_the_end(self) -> None:
        self.assertEqual(Squares()[-1][1], 81)
        self.assertEqual(Squares()[np.int64(-10)][1], 0)
        self.assertEqual(pairs()[np.array(-1)][1], 5)
        np.testing.assert_array_equal(Squares()[[-1, 0]][1], [81, 0])

    def test_batches_of_both_ways_agree(self) -> None:
        mask = np.arange(10) % 3 == 0
        for index in (slice(2, 5), slice(None, None, -2), [4, 0, 4], np.array([7, -1]), mask, mask.tolist(), range(3)):
            x, t = Squares()[index]
            wanted = np.arange(10)[index]
            np.testing.assert_array_equal(t, wanted**2)
            np.testing.assert_array_equal(x, np.stack([wanted, wanted], axis=1))
            fast = ArrayDataset(np.arange(10) ** 2)[index]
            np.testing.assert_array_equal(fast[0], t)

    def test_empty_batches_of_arrays(self) -> None:
        self.assertEqual(pairs()[[]][0].shape, (0, 2))
        self.assertEqual(pairs()[3:3][1].shape, (0,))

    def test_outside(self) -> None:
        for index in (10, -11, np.int32(10)):
            with self.assertRaisesRegex(IndexError, r"index -?1[01] is out of range for Squares of 10 examples"):
                Squares()[index]
        with self.assertRaisesRegex(IndexError, "index 6 is out of range for ArrayDataset of 6 examples"):
            pairs()[[0, 6]]
        with self.assertRaisesRegex(IndexError, "a mask of 2 does not match Squares of 10"):
            Squares()[np.array([True, False])]

    def test_what_is_no_index(self) -> None:
        for index in (1.0, "a", None, (1, 2), np.array([1.0]), np.ones((2, 2), int), True, [[1]]):
            with self.assertRaisesRegex(TypeError, "Squares is indexed by an integer, a slice, or an array"):
                Squares()[index]

    def test_iteration_stops_at_the_end(self) -> None:
        self.assertEqual([t for _, t in Squares()], [i**2 for i in range(10)])

    def test_classes_of_other_libraries(self) -> None:
        self.assertEqual(OfOtherLibraries()[1], (np.array([1]), 1))
        np.testing.assert_array_equal(OfOtherLibraries().batch(np.array([2, 0]))[0], [[2], [0]])

    def test_what_is_to_be_written(self) -> None:
        with self.assertRaisesRegex(NotImplementedError, r"Dataset has no length: define __len__\(self\)"):
            len(Dataset())

        class Half(Dataset):
            def __len__(self) -> int:
                return 1

        with self.assertRaisesRegex(NotImplementedError, r"Half has no examples: define example\(self, index\)"):
            Half()[0]

    def test_an_error_names_the_example(self) -> None:
        class Broken(Squares):
            def example(self, index: int) -> Any:
                raise KeyError("no file")

        with self.assertRaises(KeyError) as caught:
            Broken()[[3]]
        self.assertEqual(caught.exception.__notes__, ["while making example 3 of Broken"])


class ArrayDatasetTest(unittest.TestCase):
    def test_changing_what_it_gave_does_not_change_it(self) -> None:
        x = np.zeros((4, 3))
        dataset = ArrayDataset(x)
        dataset[0][0][:] = 1
        dataset[1:][0][:] = 1
        self.assertEqual(x.sum(), 0)
        self.assertIs(dataset.arrays[0], x)

    def test_dtypes_stay(self) -> None:
        dataset = ArrayDataset(np.zeros((2, 2), np.float32), np.zeros(2, np.uint8))
        self.assertEqual([part.dtype for part in dataset[:]], [np.float32, np.uint8])
        self.assertEqual([part.dtype for part in dataset[0]], [np.float32, np.uint8])

    def test_wrong_arrays(self) -> None:
        with self.assertRaisesRegex(TypeError, "one or more arrays, but got none"):
            ArrayDataset()
        with self.assertRaisesRegex(ValueError, r"first axes of one length.*\(3,\), \(4,\)"):
            ArrayDataset(np.zeros(3), np.zeros(4))
        with self.assertRaisesRegex(ValueError, r"first axes of one length.*\(\)"):
            ArrayDataset(1.0)
        with self.assertRaisesRegex(TypeError, "argument 1 is a Variable; give its data"):
            ArrayDataset(np.zeros(3), Variable(np.zeros(3)))


class PartsTest(unittest.TestCase):
    def test_subset(self) -> None:
        part = Subset(pairs(), [5, 0, -2])
        np.testing.assert_array_equal(part[:][1], [5, 0, 4])
        np.testing.assert_array_equal(Subset(part, np.array([True, False, True]))[[1, 0]][1], [4, 5])
        np.testing.assert_array_equal(Subset([(1, 2), (3, 4)], {1})[:][0], [3])
        with self.assertRaisesRegex(IndexError, "index 6 is out of range for ArrayDataset of 6"):
            Subset(pairs(), [6])
        with self.assertRaisesRegex(TypeError, r"Subset takes a data set, .* got int"):
            Subset(3, [0])

    def test_concatenated(self) -> None:
        both = Concatenated(pairs(2), ArrayDataset(np.zeros((0, 2)), np.zeros(0)), pairs(3))
        self.assertEqual(len(both), 5)
        self.assertEqual([int(t) for _, t in both], [0, 1, 0, 1, 2])
        np.testing.assert_array_equal(both[[4, 0, 3]][1], [2, 0, 1])
        np.testing.assert_array_equal(both[2:][1], [0, 1, 2])
        with self.assertRaisesRegex(ValueError, r"example 0\[0\] has \(2,\), but example 2\[0\] has \(3,\)"):
            Concatenated(pairs(2), ArrayDataset(np.zeros((1, 3)), np.zeros(1)))[[0, 2]]
        with self.assertRaisesRegex(TypeError, "one or more data sets, but got none"):
            Concatenated()

    def test_mapped(self) -> None:
        doubled = Mapped(pairs(), lambda example: (2 * example[0], example[1]))
        np.testing.assert_array_equal(doubled[[1, 0]][0], [[4, 6], [0, 2]])
        with self.assertRaisesRegex(TypeError, "transform of Mapped must be a function, but got int 3"):
            Mapped(pairs(), 3)


class SplitTest(unittest.TestCase):
    def indices(self, *arguments: Any, **options: Any) -> list[list[int]]:
        return [part.indices.tolist() for part in split(*arguments, **options)]

    def test_every_example_once(self) -> None:
        for parts in (0.8, 80, [0.5, 0.25, 0.25], (33, 33, 34), [1.0], np.array([0.5, 0.5])):
            found = self.indices(pairs(100), parts, seed=0)
            self.assertEqual(sorted(np.concatenate(found)), list(range(100)))
        self.assertEqual([len(part) for part in split(pairs(10), [0.7, 0.2, 0.1], seed=0)], [7, 2, 1])
        self.assertEqual([len(part) for part in split(pairs(7), 0.5, seed=0)], [4, 3])

    def test_random_and_reproducible(self) -> None:
        self.assertEqual(self.indices(pairs(), 0.5, seed=3), self.indices(pairs(), 0.5, seed=3))
        self.assertNotEqual(self.indices(pairs(50), 0.5, seed=3), self.indices(pairs(50), 0.5, seed=4))
        state = wengert.functions.randomness.generator().bit_generator.state
        self.addCleanup(setattr, wengert.functions.randomness.generator().bit_generator, "state", state)
        found = []
        for _ in range(2):
            wengert.functions.randomness.seed(1)
            found.append(self.indices(pairs(50), 0.5))
        self.assertEqual(found[0], found[1])

    def test_stratified_parts_have_each_class_in_its_share(self) -> None:
        rng = np.random.default_rng(0)
        labels = rng.choice(4, size=1003, p=[0.5, 0.3, 0.19, 0.01])
        for dataset, stratify in ((ArrayDataset(np.zeros(1003), labels), True), (pairs(1003), labels)):
            parts = split(dataset, [0.6, 0.3, 0.1], seed=0, stratify=stratify)
            self.assertEqual([len(part) for part in parts], [602, 301, 100])
            for part, share in zip(parts, [0.6, 0.3, 0.1], strict=True):
                for label in range(4):
                    there = np.sum(labels[part.indices] == label)
                    self.assertLess(abs(there - share * np.sum(labels == label)), 2)

    def test_labels_are_found(self) -> None:
        subset = Subset(pairs(20), range(10, 20))
        images = ImageDataset(np.zeros((4, 1, 2, 2), np.uint8), np.array([0, 0, 1, 1]))
        for dataset in (subset, images, Squares(), list(pairs(4))):
            self.assertEqual(sum(len(part) for part in split(dataset, 0.5, seed=0, stratify=True)), len(dataset))
        self.assertEqual(sorted(split(images, 0.5, seed=0, stratify=True)[0][:][1].tolist()), [0, 1])
        with self.assertRaisesRegex(TypeError, "reads the last part of each example, but an example is float"):
            split([1.0, 2.0], 0.5, stratify=True)

    def test_wrong_parts(self) -> None:
        for parts, message in (
            ([0.5, 0.4], "their sum is 1"),
            ([1.5, -0.5], "positive"),
            ([5, 6], r"have 11 examples together, but there are 10"),
            (0.01, "a part of split would be empty"),
            (10, "a part of split would be empty"),
            ([], "but got none"),
            (float("nan"), "their sum is 1"),
        ):
            with self.subTest(parts=parts), self.assertRaisesRegex(ValueError, message):
                split(pairs(10), parts, seed=0)
        with self.assertRaisesRegex(TypeError, "fractions or numbers of examples, but got str"):
            split(pairs(10), "half")
        with self.assertRaisesRegex(ValueError, r"one class for each of 10 examples, but got ndarray of shape \(9,\)"):
            split(pairs(10), 0.5, seed=0, stratify=np.zeros(9))


class Point(NamedTuple):
    x: Any
    y: Any


class CollateTest(unittest.TestCase):
    def test_numbers(self) -> None:
        for examples, dtype in (
            ([1, 2], np.int64),
            ([1.0, 2.0], np.float64),
            ([True, False], np.bool_),
            ([1, 2.5], np.float64),
            ([True, 2], np.int64),
            ([1j], np.complex128),
            ([np.float32(1), np.float32(2)], np.float32),
            ([np.uint8(1)], np.uint8),
            ([np.array(1.0, np.float32)], np.float32),
        ):
            with self.subTest(examples=examples):
                batch = collate(examples)
                self.assertEqual(batch.dtype, dtype)
                np.testing.assert_array_equal(batch, np.array(examples))
        for examples in ([2**63], [2**70, 1], [np.int64(1), 2**70]):
            with self.assertRaisesRegex(ValueError, "do not fit int64"):
                collate(examples)

    def test_nested(self) -> None:
        batch = collate([{"p": Point(np.ones(2), 1), "q": [0.5, "a"]}] * 3)
        self.assertIsInstance(batch["p"], Point)
        self.assertEqual(batch["p"].x.shape, (3, 2))
        self.assertEqual(batch["q"][1], ["a", "a", "a"])
        np.testing.assert_array_equal(batch["q"][0], [0.5, 0.5, 0.5])

    def test_what_cannot_be_stacked(self) -> None:
        for examples, kind, message in (
            ([], ValueError, "one or more examples, but got none"),
            ([np.ones(2), np.ones(3)], ValueError, r"example 7 has \(2,\), but example 9 has \(3,\); crop"),
            ([(1, np.ones(2)), (1, 3.0)], ValueError, r"example 7\[1\] has \(2,\), but example 9\[1\] has \(\)"),
            ([(1, 2), (1,)], ValueError, "example 7 has 2 parts, but example 9 is 1 parts"),
            ([(1, 2), 3], ValueError, "has 2 parts, but example 9 is int"),
            ([{"a": 1}, {"b": 1}], ValueError, r"example 7 has \['a'\], but example 9 is \['b'\]"),
            ([None, None], TypeError, "example 7 is NoneType; give DataLoader a collate function"),
            (["a", 1], TypeError, "the same structure: example 7 is str, but example 9 is int"),
            ([1, "a"], TypeError, "the same structure: example 7 is int, but example 9 is str"),
            ([Variable(np.ones(2))] * 2, TypeError, r"example 7 is Variable of shape \(2,\).*give its data"),
        ):
            with self.subTest(examples=examples), self.assertRaisesRegex(kind, message):
                collate(examples, [7, 9])


@needs_sklearn
class ScikitLearnTest(unittest.TestCase):
    def test_digits(self) -> None:
        train, test, everything = Digits(train=True), Digits(train=False), Digits(train=None)
        self.assertEqual((len(train), len(test), len(everything)), (1348, 449, 1797))
        x, t = everything[:]
        self.assertEqual((x.shape, x.dtype, t.dtype), ((1797, 1, 8, 8), np.float32, np.int64))
        self.assertEqual((x.min(), x.max()), (0, 1))
        both = np.concatenate([train[:][0], test[:][0]]).reshape(1797, -1)
        self.assertEqual(sorted(map(bytes, both)), sorted(map(bytes, x.reshape(1797, -1))))
        shares = np.bincount(test[:][1]) / np.bincount(t)
        self.assertLess(np.abs(shares - 0.25).max(), 0.01)

    def test_the_same_each_time_unless_the_seed_is_another(self) -> None:
        np.testing.assert_array_equal(Digits(train=False)[:][0], Digits(train=False)[:][0])
        self.assertFalse(np.array_equal(Digits(train=False)[:][1], Digits(train=False, seed=1)[:][1]))
        self.assertEqual(len(Digits(train=False, held_out=0.5)), 899)

    def test_iris_and_diabetes(self) -> None:
        self.assertEqual(
            (len(Iris()), len(Iris(train=False)), len(Diabetes()), len(Diabetes(train=False))), (120, 30, 354, 88)
        )
        np.testing.assert_array_equal(np.bincount(Iris(train=False)[:][1]), [10, 10, 10])
        x, t = Diabetes(train=None)[:]
        self.assertEqual((x.shape, t.shape, x.dtype, t.dtype), ((442, 10), (442, 1), np.float32, np.float32))
        self.assertEqual(len(Iris.features), Iris()[0][0].size)
        self.assertEqual(len(Diabetes.features), 10)


class MadeTest(unittest.TestCase):
    def test_spiral(self) -> None:
        x, t = Spiral()[:]
        self.assertEqual((x.shape, x.dtype, t.dtype), ((300, 2), np.float32, np.int64))
        np.testing.assert_array_equal(np.bincount(t), [100, 100, 100])
        radius = np.hypot(*x.T)
        self.assertLess(radius.max(), 1)
        x, t = Spiral(noise=0)[:]
        order = np.lexsort((np.hypot(*x.T), t))
        wanted = np.stack([0.5 * np.sin(4 + 2.0), 0.5 * np.cos(4 + 2.0)])
        np.testing.assert_allclose(x[order][150], wanted, rtol=1e-6)  # half way on the second arm
        self.assertFalse(np.array_equal(Spiral()[:][0], Spiral(train=False)[:][0]))
        np.testing.assert_array_equal(Spiral(seed=5)[:][0], Spiral(seed=5)[:][0])
        self.assertEqual(len(Spiral(classes=5, points=7)), 35)
        with self.assertRaisesRegex(ValueError, "points of Spiral must be an integer of at least 1, but got int 0"):
            Spiral(points=0)

    def test_sine(self) -> None:
        x, t = Sine()[:]
        self.assertEqual((x.shape, t.shape, x.dtype), ((999, 1), (999, 1), np.float32))
        np.testing.assert_array_equal(x[1:], t[:-1])
        self.assertLess(np.abs(x[:, 0] - np.sin(np.linspace(0, 2 * np.pi, 1000))[:-1]).max(), 0.0501)
        windows, ahead = Sine(length=30)[:]
        self.assertEqual(windows.shape, (970, 30, 1))
        np.testing.assert_array_equal(windows[:, 1:], ahead[:, :-1])
        np.testing.assert_array_equal(windows[5, :, 0], x[5:35, 0])
        np.testing.assert_allclose(Sine(train=False, noise=9)[0][0], [1])
        for options in ({"points": 1}, {"length": 1000}, {"length": 0}):
            with self.assertRaisesRegex(ValueError, "less than its 1000|(points|length) of Sine must be an integer"):
                Sine(**options)


class CharactersTest(unittest.TestCase):
    text = "the cat sat on the mat, naïvely — 中文\n"

    def test_windows(self) -> None:
        dataset = CharacterDataset(self.text, 5)
        self.assertEqual(len(dataset), len(self.text) - 5)
        for i in (0, len(dataset) - 1):
            x, t = dataset[i]
            self.assertEqual(dataset.decode(x), self.text[i : i + 5])
            self.assertEqual(dataset.decode(t), self.text[i + 1 : i + 6])
            self.assertEqual(x.dtype, np.int64)
        x, t = dataset[[3, 0]]
        np.testing.assert_array_equal(x[1], dataset[0][0])
        np.testing.assert_array_equal(t[0], dataset[3][1])

    def test_stride(self) -> None:
        dataset = CharacterDataset("abcdefghij", 3, stride=3)
        self.assertEqual([dataset.decode(x) for x, _ in dataset], ["abc", "def", "ghi"])
        self.assertEqual([dataset.decode(t) for t in dataset[:][1]], ["bcd", "efg", "hij"])
        self.assertEqual(len(CharacterDataset("abcdefghi", 3, stride=3)), 2)

    def test_vocabulary(self) -> None:
        dataset = CharacterDataset(self.text, 3)
        self.assertEqual(dataset.vocabulary, "".join(sorted(set(self.text))))
        self.assertEqual(dataset.decode(dataset.encode(self.text)), self.text)
        self.assertEqual(dataset.encode("").shape, (0,))
        self.assertEqual(CharacterDataset("abab", 2, vocabulary="cba").vocabulary, "abc")
        with self.assertRaisesRegex(ValueError, r"character 'Q' at 2 is not in the vocabulary"):
            dataset.encode("thQ")
        with self.assertRaisesRegex(ValueError, "character '\U0001f600' at 0"):
            dataset.encode("\U0001f600")
        with self.assertRaisesRegex(IndexError, "numbers from 0 to 1, but got"):
            CharacterDataset("abab", 2).decode([2])
        with self.assertRaisesRegex(TypeError, "decode takes integers"):
            dataset.decode([0.5])

    def test_split(self) -> None:
        dataset = CharacterDataset("ab" * 50 + "c" * 20, 4)
        train, valid = dataset.split(0.8)
        self.assertEqual(train.decode(train.indices) + valid.decode(valid.indices), dataset.decode(dataset.indices))
        self.assertEqual(valid.vocabulary, "abc")
        self.assertEqual((len(train), len(valid)), (96 - 4, 24 - 4))
        with self.assertRaisesRegex(ValueError, r"split\(0.99\) of 120 characters leaves a part"):
            dataset.split(0.99)

    def test_files(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "text.txt")
            path.write_text(self.text, encoding="utf-8")
            dataset = CharacterDataset(path, 3)
            self.assertEqual(dataset.decode(dataset.indices), self.text)
            with self.assertRaisesRegex(ValueError, r"is the name of a file; to read it write Path\("):
                CharacterDataset(str(path), 3)
            path.write_bytes(b"\xff\xfe\xfa" * 9)
            with self.assertRaisesRegex(ValueError, "text.txt is not UTF-8 text"):
                CharacterDataset(path, 3)
            with self.assertRaises(FileNotFoundError):
                CharacterDataset(Path(folder, "none.txt"), 3)

    def test_wrong_arguments(self) -> None:
        for arguments, kind, message in (
            (("abc", 3), ValueError, "a text longer than its length, 3, but got 3 characters"),
            (("", 1), ValueError, "longer than its length"),
            (("abc", 0), ValueError, "length of CharacterDataset must be an integer of at least 1, but got int 0"),
            (("abc", 1.0), TypeError, "length of CharacterDataset must be an integer of at least 1, but got float 1.0"),
            ((b"abc", 1), TypeError, "takes a text or a path, but got bytes"),
        ):
            with self.subTest(arguments=arguments), self.assertRaisesRegex(kind, message):
                CharacterDataset(*arguments)


class ImageDatasetTest(unittest.TestCase):
    def test_bytes_become_floats(self) -> None:
        values = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
        dataset = ImageDataset(np.concatenate([values, values[..., ::-1]]), np.array([1, 2], np.uint8))
        x, t = dataset[:]
        self.assertEqual((x.dtype, t.dtype, x.max()), (np.float32, np.int64, 1))
        np.testing.assert_array_equal(x[0], values[0].astype(np.float32) / np.float32(255))
        np.testing.assert_array_equal(dataset[1][0], x[1])

    def test_wrong_arrays(self) -> None:
        with self.assertRaisesRegex(ValueError, "takes uint8 images of shape"):
            ImageDataset(np.zeros((2, 1, 2, 2)), np.zeros(2, int))
        with self.assertRaisesRegex(ValueError, "an integer label for each of 2 images, but got"):
            ImageDataset(np.zeros((2, 1, 2, 2), np.uint8), np.zeros(3, int))


if __name__ == "__main__":
    unittest.main()
