"""Training on several ranks of MPI gives what one process gives, up to rounding."""

import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np

from tests.mpi_runs import lacking, trained


@unittest.skipIf(lacking(), lacking())
class EqualityTest(unittest.TestCase):
    def assert_equal_runs(self, found: Any, wanted: Any) -> None:
        self.assertTrue(found["alike"])
        self.assertEqual(found["steps"], wanted["steps"])
        for mine, other in zip(found["weights"], wanted["weights"], strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-12)
        for row, other in zip(found["history"], wanted["history"], strict=True):
            self.assertEqual(list(row), list(other))
            np.testing.assert_allclose(list(row.values()), list(other.values()), rtol=1e-9)

    def test_ranks_give_what_one_process_gives(self) -> None:
        # (of 61 examples the last batch has one: some ranks have none)
        wanted = trained(0, epochs=2)
        for ranks in (2, 3):
            first, again = trained(ranks, epochs=2), trained(ranks, epochs=2)
            self.assertEqual(first["ranks"], ranks)
            self.assertEqual(first["bits"], again["bits"])
            self.assert_equal_runs(first, wanted)

    def test_compiled_accumulated_clipped_and_from_a_list(self) -> None:
        self.assert_equal_runs(trained(2, epochs=2, compile=True), trained(0, epochs=2))
        options = {"epochs": 2, "accumulate": 3, "clip_norm": 0.1}
        self.assert_equal_runs(trained(2, **options), trained(0, **options))
        options = {"epochs": 2, "list": True}
        self.assert_equal_runs(trained(2, **options), trained(0, **options))

    def test_a_parameter_without_a_gradient_on_some_ranks(self) -> None:
        options = {"epochs": 2, "kind": "branches"}
        self.assert_equal_runs(trained(3, **options), trained(0, **options))

    def test_ranks_agree_without_a_seed_and_draw_different_masks(self) -> None:
        self.assertTrue(trained(2, epochs=2, seeded=False)["alike"])
        dropped = [trained(2, epochs=2, kind="dropout") for _ in range(2)]
        self.assertTrue(dropped[0]["alike"])
        self.assertEqual(dropped[0]["bits"], dropped[1]["bits"])

    def test_shards_of_the_optimizer(self) -> None:
        wanted = trained(0, epochs=2)
        for compiled in (False, True):
            found = trained(2, epochs=2, shard=True, compile=compiled)
            self.assert_equal_runs(found, wanted)
            self.assertLess(found["states"], wanted["states"])
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "run.safetensors"))
            trained(3, epochs=2, shard=True, checkpoint=path, trouble="stop", step=3)
            found = trained(2, epochs=2, shard=True, checkpoint=path)
            self.assert_equal_runs({**found, "history": wanted["history"]}, wanted)

    def test_batch_norm_over_all_ranks(self) -> None:
        # (a last batch of one example is too small for one process: validated with running averages)
        options = {"epochs": 2, "kind": "norm", "examples": 60}
        found = trained(2, shared_norm=True, **options)
        self.assert_equal_runs(found, trained(0, **options))
        self.assertTrue(trained(2, **options)["alike"])

    def test_one_rank_is_one_process(self) -> None:
        one = trained(1, epochs=2)
        self.assertEqual((one["ranks"], one["bits"], one["bytes"]), (1, trained(0, epochs=2)["bits"], 0))


if __name__ == "__main__":
    unittest.main()
