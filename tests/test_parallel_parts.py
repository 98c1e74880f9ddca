"""The parts of batches, and what is refused, without MPI."""

import unittest
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from tests.mpi_runs import lacking
from wengert.datasets import ArrayDataset, DataLoader
from wengert.functions import mse
from wengert.layers import Linear
from wengert.optimizers import LBFGS, SGD
from wengert.parallel import MPI, launched
from wengert.training import Trainer
from wengert.training.shards import check_shards
from wengert.training.together import cut


class PartsTest(unittest.TestCase):
    def test_parts_are_the_batches_of_all(self) -> None:
        def loader(**options: Any) -> DataLoader:
            return DataLoader(ArrayDataset(np.arange(23)), batch_size=5, shuffle=True, seed=1, **options)

        whole = list(loader())
        for options in ({}, {"threads": 2}):
            parts = [list(loader(**options).parts(number, 3)) for number in range(3)]
            for number, batch in enumerate(whole):
                mine = [part[number] for part in parts]
                np.testing.assert_array_equal(np.concatenate([a[:share] for (a,), share, _ in mine]), batch[0])
                self.assertEqual({total for *_, total in mine}, {len(batch[0])})

    def test_parts_advance_and_resume_the_loader(self) -> None:
        loader = DataLoader(ArrayDataset(np.arange(10)), batch_size=3)
        iterator = loader.parts(1, 2)
        next(iterator)
        state = loader.state_dict()
        self.assertEqual(int(state["position"]), 1)
        other = DataLoader(ArrayDataset(np.arange(10)), batch_size=3)
        other.load_state_dict(state)
        self.assertEqual([total for *_, total in other.parts(1, 2)], [3, 3, 1])
        self.assertEqual((other.epoch, other.position), (1, 0))
        self.assertEqual([len(x) for (x,) in other], [3, 3, 3, 1])

    def test_other_batches_are_cut(self) -> None:
        batch = (np.arange(4), {"a": np.ones((4, 2)), "b": np.array(3.0)}, "name")
        found = cut(batch, 4, 1, 3)
        self.assertEqual(found[0].tolist(), [1, 2])
        self.assertEqual((found[1]["a"].shape, found[1]["b"].shape, found[2]), ((2, 2), (), "name"))
        with self.assertRaisesRegex(ValueError, "as many examples as its first, 4, but got .*give a DataLoader"):
            cut((np.arange(4), np.arange(3)), 4, 0, 2)


class RefusalTest(unittest.TestCase):
    def test_nothing_is_imported_without_a_launcher(self) -> None:
        self.assertFalse(launched())
        model = Linear(1, 1)
        self.assertIsNone(Trainer(model, SGD(model, 0.1), mse, progress=False).together)
        with mock.patch.dict("os.environ", {"PMI_SIZE": "2"}):
            self.assertTrue(launched())

    def test_what_is_not_mpi(self) -> None:
        model = Linear(1, 1)
        with self.assertRaisesRegex(TypeError, 'parallel must be "auto", None or wengert.parallel.MPI\\(\\), but got'):
            Trainer(model, SGD(model, 0.1), mse, progress=False, parallel=2)
        with self.assertRaisesRegex(ValueError, "timeout .*MPI"):
            MPI(timeout=-1.0)

    def test_optimizers_that_have_no_shards(self) -> None:
        model = Linear(1, 1)
        for optimizer in (LBFGS(model), SimpleNamespace(update=None)):
            with self.assertRaisesRegex(ValueError, "updates each parameter by itself, as Adam, but got"):
                check_shards(optimizer)
        with self.assertRaisesRegex(ValueError, "cannot clip by their global norm; write Trainer"):
            check_shards(SGD(model, 0.1, clip_norm=1.0))

    @unittest.skipIf(lacking(), lacking())
    def test_a_step_of_ones_own(self) -> None:
        class Own(Trainer):
            def step(self, batch: Any) -> dict[str, float]:
                return {"loss": 0.0}

        model, two = Linear(1, 1), mock.Mock(spec=MPI, size=2, rank=0, shard_optimizer=False)
        with self.assertRaisesRegex(ValueError, "a subclass that defines step trains on one process"):
            Own(model, SGD(model, 0.1), None, progress=False, parallel=two)


if __name__ == "__main__":
    unittest.main()
