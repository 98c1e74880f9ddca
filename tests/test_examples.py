"""The examples: each in its short form, and what it leaves."""

import contextlib
import importlib.util
import io
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

import wengert

ROOT = Path(__file__).resolve().parent.parent


def is_here(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where pickle and dataclasses look
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module


class ExampleTest(unittest.TestCase):
    """Runs one example; what is said of each is in its subclass."""

    needs: ClassVar[list[str]] = ["matplotlib"]

    def setUp(self) -> None:
        missing = [name for name in self.needs if not is_here(name)]
        if missing:
            self.skipTest(f"needs {', '.join(missing)}: pip install wengert[all]")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name, "output")  # which is not there yet
        generator = wengert.generator().bit_generator
        self.addCleanup(setattr, generator, "state", generator.state)

    def run_example(self, name: str, *arguments: str) -> tuple[Any, str]:
        """Run it by `main`; return what it returned and printed, having looked at its picture."""
        with (
            contextlib.redirect_stdout(io.StringIO()) as printed,
            contextlib.redirect_stderr(io.StringIO()),
        ):
            result = load(name).main(["--quick", "--output", str(self.folder), *arguments])
        text = printed.getvalue()
        self.assertIn(f"Picture: {self.folder.resolve() / name}.png", text)
        self.assert_is_drawn(self.folder / f"{name}.png")
        return result, text

    def assert_is_drawn(self, path: Path) -> None:
        """A picture with something on it: many colors, and not white for the most part of any half."""
        from matplotlib.image import imread

        picture = imread(path)[..., :3]
        self.assertGreater(picture.shape[0], 400)
        self.assertGreater(picture.shape[1], 1000)
        coarse = (picture * 15).astype(np.int64) @ [1, 16, 256]
        self.assertGreater(np.count_nonzero(np.bincount(coarse.ravel())), 12)
        for half in np.array_split(picture, 2, axis=1):
            self.assertGreater(np.mean(half.min(axis=-1) < 0.95), 0.01)


class FitODETest(ExampleTest):
    needs: ClassVar[list[str]] = ["matplotlib", "scipy"]

    def test_it_finds_the_parameters(self) -> None:
        found, text = self.run_example("fit_ode")
        np.testing.assert_allclose(found, [1.1, 0.4, 0.4, 0.1, 10, 5], rtol=0.5)
        self.assertRegex(text, r"deaths of lynxes +0\.40 +0\.60 +0\.\d+ ± 0\.\d+")

    def test_its_solver_is_of_fourth_order(self) -> None:
        module: Any = load("fit_ode")
        ends = []
        for halvings in range(4):
            module.STEP = 0.2 / 2**halvings
            ends.append(module.animals(module.TRUE, 20 * 2**halvings)[-1])
        errors = [np.abs(a - b).max() for a, b in itertools.pairwise(ends)]
        self.assertGreater(errors[1] / errors[2], 12)  # 16, when the step is small

    def test_its_derivatives(self) -> None:
        module: Any = load("fit_ode")
        counts = module.count(np.random.default_rng(0), 8, 4)
        wengert.check_grad(lambda v: module.negative_log_likelihood(v, counts), np.log(module.START))


class CompiledTrainingTest(ExampleTest):
    needs: ClassVar[list[str]] = ["llvmlite", "scipy"]

    def test_the_losses_are_those_of_eager_training(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            expected, found = load("compiled_training").main(["--quick", "--output", str(self.folder)])
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        self.assertLess(found[-1], 0.8 * found[0])
        self.assertRegex(printed.getvalue(), r"(?s)^eager .*\ncompiled .*make_step.step: one plan, .*A call took")
        if shutil.which("dot"):
            self.assertGreater((self.folder / "compiled_training.png").stat().st_size, 10_000)


class LogisticRegressionTest(ExampleTest):
    needs: ClassVar[list[str]] = ["matplotlib", "scipy", "sklearn"]

    def test_it_finds_what_scikit_learn_finds(self) -> None:
        told, text = self.run_example("logistic_regression")
        self.assertGreaterEqual(told, 0.95)
        self.assertRegex(text, r"Surest signs: .* \(\+\d\.\d+ ± 0\.\d+\)")
        from sklearn.linear_model import LogisticRegression

        module: Any = load("logistic_regression")
        fitted, _, _ = module.load(np.random.default_rng(0))
        weights, errors, _ = module.fit(fitted, "trust-ncg")
        theirs = LogisticRegression(C=1 / module.PENALTY, tol=1e-8, max_iter=1000).fit(*fitted)
        np.testing.assert_allclose(weights[:-1], theirs.coef_[0], atol=1e-3)
        np.testing.assert_allclose(weights[-1], theirs.intercept_[0], atol=1e-3)
        self.assertTrue(np.all((errors > 0.1) & (errors < 2)))

    def test_its_area_under_the_curve(self) -> None:
        from sklearn.metrics import roc_auc_score

        rng = np.random.default_rng(0)
        z, t = rng.standard_normal(50), (rng.random(50) < 0.4).astype(float)
        _, _, area = load("logistic_regression").true_and_false_alarms(z, t)
        self.assertAlmostEqual(area, roc_auc_score(t, z))


class SpiralTest(ExampleTest):
    needs: ClassVar[list[str]] = ["matplotlib", "tqdm"]

    def test_it_finds_the_arms(self) -> None:
        found, _ = self.run_example("spiral")
        self.assertGreaterEqual(found, 0.95)


class SineTest(ExampleTest):
    needs: ClassVar[list[str]] = ["matplotlib", "tqdm"]

    def test_it_says_what_comes_next(self) -> None:
        off, text = self.run_example("sine_rnn")
        self.assertLess(off, 0.7)  # of an amplitude of 1: that of a sine beside no sine
        self.assertRegex(text, r"the next number of a sine to 0\.0\d+;")

    def test_running_free_feeds_back_its_output(self) -> None:
        wengert.seed(0)
        model = load("sine_rnn").Predictor(5)
        start = np.random.default_rng(0).standard_normal((7, 1)).astype(np.float32)
        said = model.run_free(start, 4)
        heard = np.concatenate([start, said[:, None]])
        np.testing.assert_allclose(model(heard[None]).data[0, 6:10, 0], said, rtol=1e-4, atol=1e-6)


class DigitsTest(ExampleTest):
    needs: ClassVar[list[str]] = ["matplotlib", "sklearn", "tqdm", "safetensors"]

    def test_the_network_reads_digits_and_is_saved(self) -> None:
        right, text = self.run_example("digits_cnn")
        self.assertGreaterEqual(right, 0.75)
        self.assertIn("multiply-adds", text)
        model = wengert.models.LeNet(classes=10, width=32)
        model.load(self.folder / "digits_cnn.safetensors")
        x, t = wengert.datasets.Digits(train=False)[:]
        with wengert.test_mode():
            self.assertEqual(np.mean(model(x).data.argmax(axis=1) == t), right)

    def test_the_picture_of_a_network_that_misreads_none(self) -> None:
        module: Any = load("digits_cnn")
        test = wengert.datasets.Digits(train=False)
        history = [{"epoch": 1, "loss": 1.0, "valid_loss": 1.0, "accuracy": 0.9, "valid_accuracy": 0.9}]
        module.draw(self.folder / "picture.png", history, test, 5 * np.eye(10)[test[:][1]])
        self.assert_is_drawn(self.folder / "picture.png")

    def test_the_autoencoder(self) -> None:
        bound, text = self.run_example("vae_digits")
        self.assertGreater(bound, -34)  # that of the average image is -35
        self.assertLess(bound, -20)
        self.assertIn("likely by at least exp(", text)

    def test_the_adversaries(self) -> None:
        images, text = self.run_example("gan_digits")
        self.assertEqual(images.shape, (100, 1, 8, 8))
        self.assertGreater(images.std(axis=0).max(), 0.05, "it makes various images")
        self.assertLess(images[:, :, :, 0].mean(), images[:, :, :, 3:5].mean(), "with ink in the middle")
        self.assertRegex(text, r"the generator's loss is \d\.\d\d, the discriminator's \d\.\d\d")


class CharacterGPTTest(ExampleTest):
    needs: ClassVar[list[str]] = ["matplotlib", "tqdm"]

    def test_it_writes(self) -> None:
        bits, text = self.run_example("character_gpt")
        self.assertLess(bits, 6)  # log2(103) = 6.7 when all characters are alike
        written = (self.folder / "character_gpt.txt").read_text("utf-8")
        self.assertEqual(len(written), 13 + 60)
        self.assertTrue(written.startswith("The value of "))
        self.assertIn(written, text)

    def test_it_learns_from_a_file(self) -> None:
        self.folder.mkdir()
        book = self.folder / "book.txt"
        book.write_text("съешь ещё этих мягких французских булок, да выпей же чаю. " * 60, "utf-8")
        self.run_example("character_gpt", "--text", str(book))
        self.assertTrue((self.folder / "character_gpt.txt").read_text("utf-8").startswith("съешь ещ"))


class WithoutTheExtraTest(unittest.TestCase):
    def test_names_the_extra(self) -> None:
        examples = {
            "fit_ode": ["matplotlib", "scipy"],
            "logistic_regression": ["sklearn"],
            "spiral": ["matplotlib"],
            "sine_rnn": ["matplotlib"],
            "digits_cnn": ["sklearn", "safetensors", "tqdm"],
            "vae_digits": ["sklearn"],
            "gan_digits": ["sklearn"],
            "character_gpt": ["matplotlib"],
        }
        block = (
            "import runpy, sys\n"
            "for pair in sys.argv[1:]:\n"
            "    name, missing = pair.split(':')\n"
            "    hidden = [key for key in sys.modules if key.partition('.')[0] == missing] + [missing]\n"
            "    kept = {key: sys.modules.get(key) for key in hidden}\n"
            "    sys.modules.update(dict.fromkeys(hidden))\n"
            "    try: runpy.run_path(f'examples/{name}.py')\n"
            "    except SystemExit as error: print(pair, error)\n"
            "    sys.modules.update({key: module for key, module in kept.items() if module is not None})\n"
            "    if kept[missing] is None: del sys.modules[missing]\n"
        )
        pairs = [(name, module) for name, modules in examples.items() for module in modules if is_here(module)]
        run = subprocess.run(
            [sys.executable, "-c", block, *(f"{name}:{module}" for name, module in pairs)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        for name, module in pairs:
            needs = rf"{name}:{module} this example needs {module}[\w.]*; install it with: pip install wengert\[\w+\]"
            self.assertRegex(run.stdout, needs)


class WordsTest(unittest.TestCase):
    def test_every_example_says_how_it_is_run(self) -> None:
        mentioned = re.compile(r"Run as ``python examples/(\w+)\.py``")
        for path in sorted((ROOT / "examples").glob("*.py")):
            source = path.read_text("utf-8")
            self.assertTrue(source.startswith('"""'), path.name)
            if "argparse" in source:
                self.assertEqual(mentioned.findall(source), [path.stem])


if __name__ == "__main__":
    unittest.main()
