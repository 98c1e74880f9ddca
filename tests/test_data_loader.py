"""DataLoader: batches, their order, and resuming."""

import unittest
from typing import Any

import numpy as np

from tests.loader_cases import Failing, Images, LoaderTest, add_noise, batches
from wengert.datasets import ArrayDataset, DataLoader, collate
from wengert.functions import randomness


def as_dict(examples: list[Any]) -> Any:
    return {"x": np.stack([x for x, _ in examples]), "t": [t for _, t in examples]}


class BatchesTest(LoaderTest):
    def test_in_order(self) -> None:
        loader = DataLoader(ArrayDataset(np.arange(10), np.arange(10.0) / 2), 4)
        found = batches(loader)
        self.assertEqual([x.tolist() for x, _ in found], [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])
        np.testing.assert_array_equal(found[1][1], [2, 2.5, 3, 3.5])
        self.assertEqual(len(loader), 3)
        self.assertEqual(loader.batch_size, 4)

    def test_length(self) -> None:
        for n in (1, 3, 4, 5, 8):
            for drop_last in (False, True):
                if n < 4 and drop_last:
                    continue
                loader = DataLoader(range(n), 4, drop_last=drop_last)
                self.assertEqual(len(loader), len(batches(loader)))
                self.assertEqual(sum(map(len, loader)), n // 4 * 4 if drop_last else n)

    def test_shuffled_differently_in_each_epoch_and_all_there(self) -> None:
        loader = DataLoader(range(100), 7, shuffle=True, seed=1)
        epochs = [np.concatenate(batches(loader)) for _ in range(3)]
        for epoch in epochs:
            np.testing.assert_array_equal(np.sort(epoch), np.arange(100))
        self.assertEqual(len({tuple(epoch) for epoch in epochs}), 3)
        again = DataLoader(range(100), 7, shuffle=True, seed=1)
        np.testing.assert_array_equal(np.concatenate(batches(again)), epochs[0])
        other = DataLoader(range(100), 7, shuffle=True, seed=2)
        self.assertFalse(np.array_equal(np.concatenate(batches(other)), epochs[0]))

    def test_seed_is_drawn_only_where_it_is_needed(self) -> None:
        state = randomness.generator().bit_generator.state
        self.addCleanup(setattr, randomness.generator().bit_generator, "state", state)
        randomness.seed(5)
        before = randomness.generator().bit_generator.state
        DataLoader(range(9))
        DataLoader(range(9), shuffle=True, seed=3)
        self.assertEqual(randomness.generator().bit_generator.state, before)
        first = DataLoader(range(9), shuffle=True)
        self.assertNotEqual(first.seed, DataLoader(range(9), shuffle=True).seed)
        randomness.seed(5)
        self.assertEqual(first.seed, DataLoader(range(9), shuffle=True).seed)

    def test_any_sequence(self) -> None:
        self.assertEqual([b.tolist() for b in DataLoader([5, 6, 7], 2)], [[5, 6], [7]])
        np.testing.assert_array_equal(batches(DataLoader(np.eye(3), 2))[1], [[0, 0, 1]])
        np.testing.assert_array_equal(batches(DataLoader([(1, 2.5)], 2))[0][1], [2.5])

    def test_collate(self) -> None:
        loader = DataLoader(Images(3), 2, collate=as_dict)
        self.assertEqual(batches(loader)[1]["t"], [2])

    def test_batches_of_an_array_dataset_do_not_share_its_memory(self) -> None:
        x = np.zeros((8, 2))
        for (batch,) in DataLoader(ArrayDataset(x), 4):
            batch += 1
        self.assertEqual(x.sum(), 0)

    def test_transform_with_and_without_generator(self) -> None:
        def scaled(example: Any, scale: float = 2.0) -> Any:
            return example * scale  # the second parameter is not for a generator

        def drawn(example: Any, rng: Any = None) -> Any:
            return rng.random()

        self.assertEqual(batches(DataLoader([1.0, 2.0], 2, transform=scaled))[0].tolist(), [2, 4])
        self.assertEqual(batches(DataLoader([1.0], 1, transform=lambda example: -example))[0].tolist(), [-1])
        self.assertNotEqual(*batches(DataLoader([1.0, 1.0], 2, seed=0, transform=drawn))[0])
        self.assertNotEqual(*batches(DataLoader([1.0, 1.0], 2, seed=0, transform=lambda e, r: r.random()))[0])

    def test_random_numbers_of_an_example_depend_on_seed_epoch_and_index_alone(self) -> None:
        def drawn(example: Any, rng: Any) -> Any:
            return example, rng.random()

        def numbers(loader: DataLoader) -> dict[int, float]:
            return {int(i): float(u) for x, us in loader for i, u in zip(x, us, strict=True)}

        plain = DataLoader(range(30), 7, seed=4, transform=drawn)
        shuffled = DataLoader(range(30), 4, seed=4, shuffle=True, transform=drawn)
        first = numbers(plain)
        self.assertEqual(first, numbers(shuffled))
        second = numbers(plain)
        self.assertEqual(second, numbers(shuffled))
        other = numbers(DataLoader(range(30), 7, seed=5, transform=drawn))
        self.assertEqual(len({*first.values(), *second.values(), *other.values()}), 90)

    def test_generators_of_examples_are_philox_of_seed_epoch_and_index(self) -> None:
        (drawn,) = DataLoader(range(5), 5, seed=6, transform=lambda example, rng: rng.random(3))
        key = np.random.SeedSequence(6, spawn_key=(1,)).generate_state(2, np.uint64)
        for index in range(5):
            wanted = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, index, 0])).random(3)
            np.testing.assert_array_equal(drawn[index], wanted)

    def test_an_error_names_the_example(self) -> None:
        for options in ({}, {"threads": 2}, {"transform": add_noise, "seed": 0}):
            with self.assertRaisesRegex(EOFError, "cut off") as caught:
                batches(DataLoader(Failing(), 8, **options))
            self.assertIn("while making example 20 of Failing", caught.exception.__notes__)

    def test_masked_arrays_are_refused(self) -> None:
        masked = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], [[True, False], [False, False]])
        for pattern, make in (
            (r"argument 1 is a masked array; fill", lambda: ArrayDataset(np.zeros(2), masked)),
            (r"a batch is made of arrays, but example 0 is a masked array; fill", lambda: collate(list(masked))),
            ("DataLoader takes a data set, but this is a masked array; fill", lambda: DataLoader(masked)),
        ):
            with self.subTest(pattern), self.assertRaisesRegex(TypeError, pattern):
                make()

    def test_wrong_arguments(self) -> None:
        data = range(9)
        for arguments, options, kind, message in (
            (({0: 1},), {}, TypeError, "takes a data set, with __len__ and __getitem__, but got dict"),
            ((np.array(1.0),), {}, TypeError, r"with __len__ and __getitem__, but got ndarray of shape \(\)"),
            (([],), {}, ValueError, "empty data set: list has no examples"),
            ((ArrayDataset(np.zeros((0, 3))),), {}, ValueError, "empty data set: ArrayDataset"),
            ((data, 0), {}, ValueError, "batch_size of DataLoader must be an integer of at least 1, but got int 0"),
            ((data, -3), {}, ValueError, "batch_size of DataLoader must be an integer of at least 1, but got int -3"),
            ((data, 2.0), {}, TypeError, "batch_size of DataLoader must be an integer .*, but got float 2.0"),
            ((data, True), {}, TypeError, "batch_size of DataLoader must be an integer .*, but got bool True"),
            ((data, 10), {"drop_last": True}, ValueError, "9 examples do not fill a batch of 10, and drop_last=True"),
            ((data,), {"threads": -1}, ValueError, "threads of DataLoader must be an integer .*, but got int -1"),
            ((data,), {"workers": 1.5}, TypeError, "workers of DataLoader must be an integer .*, but got float 1.5"),
            ((data,), {"threads": 1, "workers": 1}, ValueError, "threads or workers, not both"),
            ((data,), {"prefetch": 0}, ValueError, "prefetch of DataLoader must be an integer .*, but got int 0"),
            ((data,), {"transform": 3}, TypeError, "transform of DataLoader must be a function, but got int 3"),
            ((data,), {"collate": "x"}, TypeError, "collate of DataLoader must be a function, but got str 'x'"),
            ((data,), {"seed": -1}, ValueError, "seed of DataLoader must be an integer .*, but got int -1"),
            ((data,), {"seed": 2**64}, ValueError, "seed of DataLoader must be an integer .*, but got an int"),
            ((data,), {"seed": 0.5}, TypeError, "seed of DataLoader must be an integer .*, but got float 0.5"),
            (((np.ones(3), np.ones(3)),), {}, TypeError, r"got tuple; write ArrayDataset\(x, t\)"),
            ((iter(data),), {}, TypeError, "with __len__ and __getitem__, but got range_iterator"),
        ):
            with self.subTest(message=message), self.assertRaisesRegex(kind, message):
                DataLoader(*arguments, **options)

    def test_shapes_that_differ(self) -> None:
        data = [(np.zeros(2 + (i == 5)), i) for i in range(8)]
        with self.assertRaisesRegex(ValueError, r"example 4\[0\] has \(2,\), but example 5\[0\] has \(3,\)"):
            batches(DataLoader(data, 4))


class ResumeTest(LoaderTest):
    def loader(self, **options: Any) -> DataLoader:
        return DataLoader(Images(25), 4, shuffle=True, transform=add_noise, **options)

    def test_resumed_anywhere_equals_uninterrupted(self) -> None:
        whole = self.loader(seed=9)
        wanted = batches(whole) + batches(whole)
        for stop in range(15):
            first = self.loader(seed=9)
            found: list[Any] = []
            while len(found) < stop:
                for batch in first:
                    found.append(batch)
                    if len(found) == stop:
                        break
            second = self.loader(seed=1234)
            second.load_state_dict(first.state_dict())
            while second.epoch < 2:
                found += batches(second)
            self.assert_same(found, wanted)

    def test_resumed_by_threads_and_workers(self) -> None:
        whole = batches(self.loader(seed=9))
        for options in ({"threads": 2}, {"workers": 2}):
            first = self.loader(seed=9)
            for number, _ in enumerate(first):
                if number == 2:
                    break
            second = self.loader(seed=0, **options)
            second.load_state_dict(first.state_dict())
            self.assert_same(batches(second), whole[3:])
            self.assertEqual((second.epoch, second.position), (1, 0))

    def test_state_is_arrays_and_survives_a_file(self) -> None:
        loader = self.loader(seed=2**64 - 1)
        next(iter(loader))
        state = loader.state_dict()
        self.assertEqual({type(value) for value in state.values()}, {np.ndarray})
        self.assertEqual((int(state["seed"]), int(state["position"])), (2**64 - 1, 1))
        other = self.loader(seed=0)
        other.load_state_dict({name: np.array([value]).reshape(()) for name, value in state.items()})
        self.assertEqual((other.seed, other.epoch, other.position), (2**64 - 1, 0, 1))

    def test_counting(self) -> None:
        loader = DataLoader(range(6), 2)
        seen = [(loader.epoch, loader.position) for _ in range(2) for _ in loader]
        self.assertEqual(seen, [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)])
        self.assertEqual((loader.epoch, loader.position), (2, 0))

    def test_loop_after_one_that_was_left_is_a_new_and_whole_epoch(self) -> None:
        loader = DataLoader(range(40), 4, shuffle=True, seed=0)
        peeked = next(iter(loader))
        found = np.concatenate(batches(loader))
        self.assertEqual(sorted(found), list(range(40)))
        self.assertFalse(np.array_equal(found[:4], peeked))
        self.assertEqual((loader.epoch, loader.position), (2, 0))

    def test_resumes_in_the_same_process(self) -> None:
        loader = DataLoader(range(6), 2)
        next(iter(loader))
        loader.load_state_dict(loader.state_dict())
        self.assertEqual([b.tolist() for b in loader], [[2, 3], [4, 5]])
        self.assertEqual([b.tolist() for b in loader], [[0, 1], [2, 3], [4, 5]])

    def test_two_iterators_at_once(self) -> None:
        loader = DataLoader(range(6), 2, shuffle=True, seed=0)
        for one, other in zip(loader, loader, strict=True):
            self.assertEqual(len(one), len(other))
        loader = DataLoader(range(6), 2)
        self.assertEqual(len([0 for _ in loader for _ in loader]), 9)

    def test_wrong_states(self) -> None:
        loader = DataLoader(range(20), 4, seed=0)
        next(iter(loader))
        state = loader.state_dict()
        for other, message in (
            (DataLoader(range(20), 5), "batch_size = 4, but the loader has batch_size = 5"),
            (DataLoader(range(21), 4), "examples = 20, but the loader has examples = 21"),
            (DataLoader(range(20), 4, shuffle=True), "shuffle = 0, but the loader has shuffle = 1"),
            (DataLoader(range(20), 4, drop_last=True), "drop_last = 0, but the loader has drop_last = 1"),
        ):
            with self.assertRaisesRegex(ValueError, f"at batch 1 of an epoch with {message}"):
                other.load_state_dict(state)
            self.assertEqual((other.epoch, other.position), (0, 0))
        other.load_state_dict(DataLoader(range(20), 5, seed=0).state_dict())  # between epochs, sizes may change
        with self.assertRaisesRegex(ValueError, r"has the names \['batch_size', .* but got \['epoch'\]"):
            loader.load_state_dict({"epoch": 1})
        with self.assertRaisesRegex(ValueError, "not a state of a DataLoader of 5 batches"):
            loader.load_state_dict(state | {"position": np.array(6)})


if __name__ == "__main__":
    unittest.main()
