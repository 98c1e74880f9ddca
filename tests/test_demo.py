"""The demo: what `make demo` runs."""

import contextlib
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import ModuleType

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
EXTRA = ["matplotlib", "sklearn", "tqdm"]
MISSING = [name for name in EXTRA if importlib.util.find_spec(name) is None]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class DerivativeTest(unittest.TestCase):
    def test_prints_the_derivative_three_ways(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            load("derivative").main()
        self.assertRegex(printed.getvalue(), r"automatic +f'  = 3\.297442541")
        self.assertRegex(printed.getvalue(), r"numerical +f'  = 3\.29744")
        self.assertRegex(printed.getvalue(), r"second order +f'' = 13\.18977016")


@unittest.skipIf(MISSING, f"needs {', '.join(MISSING)}: pip install wengert[demo]")
class DigitsTest(unittest.TestCase):
    def test_reads_held_out_digits_and_draws(self) -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.redirect_stdout(io.StringIO()) as printed,
            contextlib.redirect_stderr(io.StringIO()) as progress,
        ):
            accuracy = load("digits").main(["--output", folder])
            picture = Path(folder, "digits.png").read_bytes()
            self.assertIn(str(Path(folder).resolve()), printed.getvalue())
        self.assertGreaterEqual(accuracy, 0.96)
        self.assertIn("accuracy=", progress.getvalue())
        self.assertEqual(picture[:8], b"\x89PNG\r\n\x1a\n")

    def test_held_out_digits_are_not_trained_on(self) -> None:
        training, held_out = load("digits").load(np.random.default_rng(0))
        seen = {image.tobytes() for image in training.images}
        self.assertEqual([i for i, image in enumerate(held_out.images) if image.tobytes() in seen], [])
        self.assertEqual(len(training.labels) + len(held_out.labels), 1797)


class WithoutTheExtraTest(unittest.TestCase):
    def test_names_the_extra(self) -> None:
        for name in EXTRA:
            if name in MISSING:
                continue
            block = f"import runpy, sys; sys.modules[{name!r}] = None; runpy.run_path('examples/digits.py')"
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            run = subprocess.run(
                [sys.executable, "-c", block], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
            self.assertNotEqual(run.returncode, 0)
            self.assertIn(f"needs {name}", run.stderr)
            self.assertIn("pip install wengert[demo]", run.stderr)
            self.assertNotIn("Traceback", run.stderr)


if __name__ == "__main__":
    unittest.main()
