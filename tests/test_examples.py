"""The examples: each in its short form, and what it leaves."""

import contextlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar
from unittest import mock

import numpy as np

import wengert

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))


def is_here(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def path_of(name: str) -> Path:
    """Where an example is: at the top, or in a group."""
    (path,) = (path for path in EXAMPLES if path.stem == name)
    return path


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path_of(name))
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
        if "matplotlib" in self.needs:
            from matplotlib import pyplot

            self.addCleanup(pyplot.close, "all")
        generator = wengert.generator().bit_generator
        self.addCleanup(setattr, generator, "state", generator.state)

    def run_example(self, name: str, *arguments: str) -> tuple[Any, str]:
        """Run it by `main`; return what it returned and printed, having looked at its picture."""
        with (
            contextlib.redirect_stdout(io.StringIO()) as printed,
            contextlib.redirect_stderr(io.StringIO()),
        ):
            result = load(name).main(["--short", "--output", str(self.folder), *arguments])
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


class ScienceTest(ExampleTest):
    needs: ClassVar[list[str]] = ["matplotlib", "scipy"]

    def test_minimizers_of_second_order(self) -> None:
        error, text = self.run_example("scipy_minimize")
        self.assertLess(error, 0.02)
        self.assertRegex(text, r"(?s)BFGS, gradient .* steps +\d+ evaluations.*trust region")

    def test_a_stiff_reaction(self) -> None:
        end, _ = self.run_example("scipy_ode")
        np.testing.assert_allclose(end, [1.786592e-2, 7.2745e-8, 0.982134], rtol=1e-3)  # known to many digits

    def test_a_boundary_value_problem(self) -> None:
        highest, text = self.run_example("scipy_root")
        self.assertAlmostEqual(highest, 0.14053921, delta=5e-4)
        self.assertIn("exactly 0.1405", text)
        module: Any = load("scipy_root")
        x = np.linspace(0, 1, 2001)
        u = module.exact(x, 3.0)
        curvature = (u[2:] - 2 * u[1:-1] + u[:-2]) / (x[1] - x[0]) ** 2
        np.testing.assert_allclose(-curvature, 3 * np.exp(u[1:-1]), rtol=1e-4)

    def test_hares_and_lynxes(self) -> None:
        found, text = self.run_example("fit_ode")
        np.testing.assert_allclose(found[:4], [0.55, 0.028, 0.80, 0.024], rtol=0.1)
        self.assertRegex(text, r"deaths of lynxes +0\.600 +0\.7\d\d ± 0\.\d+ +0\.800 ± 0\.090")

    def test_the_derivatives_of_a_solution(self) -> None:
        module: Any = load("fit_ode")
        wengert.check_grad(lambda v: module.negative_log_likelihood(v, 4), np.log(module.START), order=1, rtol=1e-3)

    def test_the_filter_of_the_nile(self) -> None:
        found, text = self.run_example("kalman_filter")
        np.testing.assert_allclose(found, [15099, 1469.1], rtol=1e-3)
        self.assertIn("log-likelihood -632.5456", text)

    def test_its_likelihood_is_that_of_a_normal_distribution(self) -> None:
        module: Any = load("kalman_filter")
        noise, drift = 15.0, 4.0
        flow = np.random.default_rng(0).normal(size=8)
        n = np.arange(1, 8)
        # The differences from the first measurement share its noise, and the drift of the years before.
        covariance = noise * (np.eye(7) + 1) + drift * np.minimum(n[:, None], n)
        off = flow[1:] - flow[0]
        expected = -0.5 * (7 * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1])
        expected -= 0.5 * off @ np.linalg.solve(covariance, off)
        self.assertAlmostEqual(module.log_likelihood(np.array([noise, drift]), flow), expected)

    def test_the_adjusted_bundle(self) -> None:
        left, distance = self.run_example("bundle_adjustment")[0]
        self.assertLess(abs(left - 1), 0.15)  # the noise, and nothing but the noise
        self.assertLess(distance, 0.01)

    def test_its_rotations(self) -> None:
        from scipy.spatial.transform import Rotation

        module: Any = load("bundle_adjustment")
        rng = np.random.default_rng(0)
        points, vectors = rng.normal(size=(2, 5, 3))
        vectors[0] = 0
        expected = Rotation.from_rotvec(vectors).apply(points)
        np.testing.assert_allclose(module.rotated(points, vectors), expected, atol=1e-12)
        wengert.check_grad(lambda p, v: module.rotated(p, v), points[1:], vectors[1:])


class CompiledScienceTest(ExampleTest):
    needs: ClassVar[list[str]] = ["matplotlib", "scipy", "llvmlite"]

    def test_the_sampler(self) -> None:
        off, agreements = self.run_example("hamiltonian_monte_carlo")[0]
        self.assertLess(np.abs(off).max(), 3)
        self.assertLess(agreements.max(), 1.03)

    def test_its_diagnostics(self) -> None:
        module: Any = load("hamiltonian_monte_carlo")
        rng = np.random.default_rng(0)
        x = rng.standard_normal((4000, 4))
        self.assertAlmostEqual(module.agreement(x), 1, delta=0.01)
        self.assertGreater(module.agreement(x + np.arange(4)), 1.2)
        self.assertAlmostEqual(module.effective(x) / x.size, 1, delta=0.1)
        for i in range(1, len(x)):
            x[i] = 0.9 * x[i - 1] + np.sqrt(1 - 0.81) * x[i]
        self.assertAlmostEqual(module.effective(x) / x.size, 0.1 / 1.9, delta=0.01)

    def test_the_equation_of_burgers(self) -> None:
        error, _ = self.run_example("physics_informed")
        self.assertLess(error, 0.05)
        module: Any = load("physics_informed")
        t, x = np.meshgrid(np.linspace(0.1, 1, 5), np.linspace(-0.9, 0.9, 7))
        step = 1e-4
        u = {(i, j): module.exact(t + i * step, x + j * step) for i, j in [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]}
        u_t, u_x = (u[1, 0] - u[-1, 0]) / (2 * step), (u[0, 1] - u[0, -1]) / (2 * step)
        u_xx = (u[0, 1] - 2 * u[0, 0] + u[0, -1]) / step**2
        np.testing.assert_allclose(u_t + u[0, 0] * u_x, module.VISCOSITY * u_xx, atol=1e-4)


class CompiledTrainingTest(ExampleTest):
    needs: ClassVar[list[str]] = ["matplotlib", "llvmlite", "scipy"]

    def test_the_losses_are_those_of_eager_training(self) -> None:
        (expected, found), text = self.run_example("compiled_training")
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        self.assertLess(found[-1], 0.8 * found[0])
        self.assertRegex(text, r"(?s)^eager .*\ncompiled .*make_step.step: one plan, .*A call took")
        if shutil.which("dot"):
            self.assertGreater((self.folder / "compiled_training_graph.png").stat().st_size, 10_000)


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


class WithScikitLearnTest(ExampleTest):
    needs: ClassVar[list[str]] = ["matplotlib", "scipy", "sklearn"]

    def test_the_map_of_a_valley(self) -> None:
        (off, inside), text = self.run_example("gaussian_process")
        self.assertLess(off, 0.7)
        self.assertAlmostEqual(inside, 0.9, delta=0.04)
        self.assertRegex(text, r"scikit-learn's likelihood of the same kernel differs by \de-1\d")

    def test_the_gradient_of_its_likelihood(self) -> None:
        module: Any = load("gaussian_process")
        given, _, _ = module.load(np.random.default_rng(0), 12)
        wengert.check_grad(lambda v: module.negative_log_likelihood(v, given), module.START)

    def test_the_pipeline(self) -> None:
        (told, difference), text = self.run_example("sklearn_pipeline")
        self.assertGreater(told, 0.9)
        self.assertLess(difference, 1e-3)
        self.assertRegex(text, r"NeuralClassifier +alpha = \S+ +9\d\.\d\d% of 200 right")
        told_with_wrong_labels = re.search(r"30% wrong labels: cross entropy (\S+), forgiving (\S+)", text)
        assert told_with_wrong_labels
        self.assertGreater(float(told_with_wrong_labels[2]), float(told_with_wrong_labels[1]))

    def test_its_estimator_is_one_of_scikit_learn(self) -> None:
        from sklearn.utils.estimator_checks import check_estimator

        module: Any = load("sklearn_pipeline")
        with warnings.catch_warnings(), mock.patch.dict(sys.modules, sklearn_pipeline=module):  # pickle looks there
            warnings.simplefilter("ignore")
            check_estimator(module.DifferentiableClassifier())


class DataParallelTest(ExampleTest):
    needs: ClassVar[list[str]] = []

    def test_it_trains_on_one_process(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            load("data_parallel").main()
        self.assertRegex(printed.getvalue(), r"ranks 1  epoch 3  loss 0\.\d+  accuracy (0\.9\d+|1\.000)\n$")


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
        figure = module.draw(history, test, 5 * np.eye(10)[test[:][1]])
        self.folder.mkdir()
        figure.savefig(self.folder / "picture.png", dpi=120)
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
            "kalman_filter": ["matplotlib", "scipy"],
            "gaussian_process": ["matplotlib", "scipy", "sklearn"],
            "bundle_adjustment": ["matplotlib", "scipy"],
            "hamiltonian_monte_carlo": ["matplotlib"],
            "physics_informed": ["matplotlib", "scipy"],
            "sklearn_pipeline": ["sklearn"],
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
            "    try: runpy.run_path(name)\n"
            "    except SystemExit as error: print(name.rpartition('/')[2], missing, error)\n"
            "    sys.modules.update({key: module for key, module in kept.items() if module is not None})\n"
            "    if kept[missing] is None: del sys.modules[missing]\n"
        )
        pairs = [(name, module) for name, modules in examples.items() for module in modules if is_here(module)]
        run = subprocess.run(
            [sys.executable, "-c", block, *(f"{path_of(name)}:{module}" for name, module in pairs)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        for name, module in pairs:
            needs = (
                rf"{name}\.py {module} this example needs {module}[\w.]*; install it with: pip install wengert\[\w+\]"
            )
            self.assertRegex(run.stdout, needs)


class FormTest(unittest.TestCase):
    """What a page of the gallery is made of."""

    def test_every_example_has_a_title_and_says_how_it_is_run(self) -> None:
        self.assertGreater(len(EXAMPLES), 19)
        for path in EXAMPLES:
            with self.subTest(path.name):
                title, line, empty, *_ = path.read_text("utf-8").removeprefix('"""').splitlines()
                self.assertEqual((line, empty), ("=" * len(title), ""))
                self.assertEqual(
                    re.findall(r"Run as ``python (examples/\S+\.py)``", path.read_text("utf-8")),
                    [path.relative_to(ROOT).as_posix()],
                )

    def test_every_group_has_a_header(self) -> None:
        for folder in {path.parent for path in EXAMPLES}:
            self.assertRegex((folder / "GALLERY_HEADER.rst").read_text("utf-8"), r"\A.+\n[=-]+\n\n")

    def test_every_example_is_run_by_a_test(self) -> None:
        tests = (ROOT / "tests" / "test_examples.py").read_text() + (ROOT / "tests" / "test_demo.py").read_text()
        run = set(re.findall(r'(?:run_example|load)\("(\w+)"', tests))
        self.assertEqual({path.stem for path in EXAMPLES} - run, set())

    def test_a_short_run_stores_nothing(self) -> None:
        if not (is_here("matplotlib") and is_here("scipy")):
            self.skipTest("needs matplotlib and SciPy: pip install wengert[all]")
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
            for name in ("derivative", "scipy_root"):
                command = [sys.executable, str(path_of(name)), "--short"]
                run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
                self.assertNotIn("Picture", run.stdout)
            self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    unittest.main()
