"""Ranks of MPI that die, raise, hang, differ, or are interrupted."""

import json
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

from tests.mpi_runs import lacking, run, trained


@unittest.skipIf(lacking(), lacking())
class TroubleTest(unittest.TestCase):
    def failed(self, **options: Any) -> str:
        started = time.monotonic()
        status, _, errors = run(2, "-m", "tests.mpi_program", json.dumps({"epochs": 3, **options}))
        self.assertNotEqual(status, 0)
        self.assertLess(time.monotonic() - started, 30)
        return errors

    def test_a_rank_that_raises_ends_the_job_with_its_traceback(self) -> None:
        errors = self.failed(trouble="raise", step=3)
        self.assertRegex(errors, "rank 1 of 2 ends the job")
        self.assertRegex(errors, "ZeroDivisionError: made by a test")
        self.assertRegex(errors, "in on_step")

    def test_a_rank_that_exits_ends_the_job(self) -> None:
        self.assertRegex(self.failed(trouble="exit", step=3), "rank 1 of 2 exits with 3")

    def test_a_rank_that_hangs_is_named(self) -> None:
        errors = self.failed(trouble="hang", step=3, timeout=3)
        self.assertRegex(errors, "rank 0 has waited 3 seconds at operation .* for rank 1, which hangs")

    def test_a_rank_whose_parameters_differ_is_named(self) -> None:
        errors = self.failed(trouble="differ", step=3)
        self.assertRegex(errors, "the parameters of all ranks must be equal, but '0.weight' of rank 1 is not")

    def test_ctrl_c_and_stop_on_one_rank_stop_all(self) -> None:
        for trouble in ("SIGINT", "stop"):
            found = trained(2, epochs=3, trouble=trouble, step=6)
            self.assertTrue(found["alike"])
            self.assertEqual(found["interrupted"], trouble == "SIGINT")
            self.assertIn(found["steps"], (6, 7, 8))  # of 12: the others know it after the next step

    def test_a_killed_run_resumes_as_an_undisturbed_one_and_on_other_ranks(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "run.safetensors"))
            options = {"epochs": 3, "every": 1, "kind": "dropout"}
            wanted = trained(2, **options)
            self.failed(trouble="SIGKILL", step=5, checkpoint=path, **options)
            self.assertEqual(trained(2, checkpoint=path, **options)["bits"], wanted["bits"])
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "run.safetensors"))
            self.failed(trouble="SIGKILL", step=5, checkpoint=path, epochs=3, every=1)
            found = trained(3, checkpoint=path, epochs=3, every=1)
            self.assertTrue(found["alike"])
            self.assertAlmostEqual(found["history"][-1]["loss"], trained(0, epochs=3)["history"][-1]["loss"], 9)


if __name__ == "__main__":
    unittest.main()
