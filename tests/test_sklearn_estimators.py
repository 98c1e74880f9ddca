"""The estimators for scikit-learn: all of scikit-learn's own checks, and what people do with estimators."""

import importlib.util
import pickle
import subprocess
import sys
import unittest
import warnings
from typing import Any

import numpy as np

import wengert
from wengert.functions import relu
from wengert.layers import Conv2d, Layer, Linear, Sequential

HAS_SKLEARN = importlib.util.find_spec("sklearn") is not None
HAS_LLVMLITE = importlib.util.find_spec("llvmlite") is not None
if HAS_SKLEARN:
    from sklearn.base import clone
    from sklearn.datasets import load_diabetes, load_digits, load_iris, make_regression
    from sklearn.exceptions import ConvergenceWarning, NotFittedError
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils.estimator_checks import check_estimator

    from wengert.sklearn import GradientDescentClassifier, GradientDescentRegressor, NeuralClassifier, NeuralRegressor

RNG = np.random.default_rng(0)


def as_images(x: Any) -> Any:
    return x.reshape(-1, 1, 8, 8)


def flat(x: Any) -> Any:
    return x.reshape(len(x), -1)


def convolutional(outputs: int) -> Layer:
    return Sequential(as_images, Conv2d(1, 4, 3), relu, flat, Linear(outputs))


def decay(p: Any, x: Any) -> Any:
    return p["level"] * np.exp(-p["rate"] * x[:, 0])


class AbsentTest(unittest.TestCase):
    def test_it_says_what_to_install(self) -> None:
        script = "import sys; sys.modules['sklearn'] = None; import wengert; wengert.sklearn"
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        self.assertIn("wengert.sklearn needs scikit-learn; install it with: pip install wengert[train]", run.stderr)


@unittest.skipUnless(HAS_SKLEARN, "needs scikit-learn: pip install wengert[train]")
class SklearnCase(unittest.TestCase):
    def setUp(self) -> None:
        context = warnings.catch_warnings()
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        if HAS_SKLEARN:
            warnings.simplefilter("ignore", ConvergenceWarning)


class ChecksOfScikitLearnTest(SklearnCase):
    """No check is expected to fail. The one of array API inputs is skipped by scikit-learn itself, unless asked for."""

    def check(self, estimator: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = check_estimator(estimator, on_skip=None, on_fail=None)
        failed = {row["check_name"]: row["exception"] for row in found if row["status"] == "failed"}
        skipped = {row["check_name"] for row in found if row["status"] == "skipped"}
        self.assertEqual(failed, {})
        if importlib.util.find_spec("pandas") is None:
            skipped = {name for name in skipped if "pandas" not in name and not name.endswith("data_not_an_array")}
        self.assertLessEqual(skipped, {"check_array_api_input"})
        self.assertGreater(len(found), 40)

    def test_classifier(self) -> None:
        self.check(NeuralClassifier((8,), learning_rate=0.02, epochs=60))

    def test_regressor(self) -> None:
        self.check(NeuralRegressor((8,), learning_rate=0.05, epochs=100))

    def test_gradient_descent_classifier(self) -> None:
        self.check(GradientDescentClassifier(learning_rate=0.1, epochs=100))

    def test_gradient_descent_regressor(self) -> None:
        self.check(GradientDescentRegressor(learning_rate=0.1, epochs=100))


class WorkflowTest(SklearnCase):
    def test_pipeline_search_and_cross_validation(self) -> None:
        x, y = load_iris(return_X_y=True)
        pipe = make_pipeline(StandardScaler(), NeuralClassifier((8,), learning_rate=0.05, epochs=30, random_state=0))
        self.assertGreater(cross_val_score(pipe, x, y, cv=3).mean(), 0.9)
        grid = {"neuralclassifier__learning_rate": [1e-6, 0.05], "neuralclassifier__hidden": [(4,), (8, 8)]}
        found = GridSearchCV(pipe, grid, cv=2).fit(x, y)
        self.assertEqual(found.best_params_["neuralclassifier__learning_rate"], 0.05)

    def test_pickle_and_clone(self) -> None:
        x, y = load_iris(return_X_y=True)
        for model in (NeuralClassifier((4,), epochs=3), GradientDescentClassifier(epochs=3)):
            model.fit(x, y)
            again = pickle.loads(pickle.dumps(model))
            np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
            again.partial_fit(x, y)
            with self.assertRaises(NotFittedError):
                clone(model).predict(x)

    def test_labels_are_strings(self) -> None:
        x, y = load_iris(return_X_y=True)
        names = load_iris().target_names[y]
        model = NeuralClassifier((8,), learning_rate=0.05, epochs=60, random_state=0).fit(x, names)
        self.assertEqual(list(model.classes_), ["setosa", "versicolor", "virginica"])
        self.assertGreater(model.score(x, names), 0.9)
        probabilities = model.predict_proba(x)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        np.testing.assert_allclose(np.exp(model.predict_log_proba(x)), probabilities)

    def test_random_state_gives_the_same_weights_and_leaves_the_generator(self) -> None:
        x, y = load_iris(return_X_y=True)
        wengert.seed(3)
        before = wengert.generator().bit_generator.state
        fits = [NeuralClassifier((4,), epochs=3, dropout=0.2, random_state=7).fit(x, y) for _ in range(2)]
        self.assertEqual(wengert.generator().bit_generator.state, before)
        np.testing.assert_array_equal(fits[0].predict_proba(x), fits[1].predict_proba(x))
        other = NeuralClassifier((4,), epochs=3, dropout=0.2, random_state=8).fit(x, y)
        self.assertGreater(np.abs(other.predict_proba(x) - fits[0].predict_proba(x)).max(), 1e-3)

    def test_several_outputs_and_losses(self) -> None:
        x, y = make_regression(80, 5, n_targets=3, random_state=0)
        y = y / y.std(axis=0)
        for loss in (
            "squared_error",
            "absolute_error",
            "huber",
            lambda y, t: (y - t) ** 2,
            lambda y, t: np.sum((y - t) ** 2, 1),
        ):
            model = NeuralRegressor((16,), loss=loss, learning_rate=0.05, epochs=60, random_state=0).fit(x, y)
            self.assertEqual(model.predict(x).shape, (80, 3))
            self.assertGreater(model.score(x, y), 0.9)
        one = NeuralRegressor((4,), epochs=2).fit(x, y[:, 0])
        self.assertEqual(one.predict(x).shape, (80,))

    def test_float32_stays(self) -> None:
        x, y = load_diabetes(return_X_y=True)
        model = NeuralRegressor((4,), epochs=2).fit(x.astype(np.float32), y.astype(np.float32))
        self.assertEqual(model.predict(x.astype(np.float32)).dtype, np.float32)

    def test_partial_fit(self) -> None:
        x, y = load_iris(return_X_y=True)
        order = RNG.permutation(150)
        model = NeuralClassifier((8,), learning_rate=0.05, random_state=0)
        for _ in range(30):
            for part in np.split(order, 3):
                model.partial_fit(x[part], y[part], classes=[0, 1, 2])
        self.assertGreater(model.score(x, y), 0.9)
        self.assertEqual(model.n_iter_, 90)
        with self.assertRaisesRegex(ValueError, "classes must be passed on the first call to partial_fit"):
            NeuralClassifier().partial_fit(x, y)
        with self.assertRaisesRegex(ValueError, r"classes must be those of the first call of partial_fit, \["):
            model.partial_fit(x, y, classes=[0, 1])
        with self.assertRaisesRegex(ValueError, r"the classes of y must be those of the first fit.*but got \["):
            model.partial_fit(x, y + 1)

    def test_warm_start_goes_on(self) -> None:
        x, y = load_iris(return_X_y=True)
        model = NeuralClassifier((8,), warm_start=True, epochs=5, tol=0, random_state=0).fit(x, y)
        loss = model.loss_curve_[-1]
        model.fit(x, y)
        self.assertEqual((model.n_iter_, len(model.loss_curve_)), (10, 10))
        self.assertLess(model.loss_curve_[5], loss)

    def test_early_stopping_keeps_the_best_weights(self) -> None:
        x = RNG.normal(size=(60, 10))
        y = RNG.integers(2, size=60)  # there is nothing to learn: the held-out loss soon rises
        model = NeuralClassifier(
            (32,), learning_rate=0.05, epochs=200, early_stopping=True, validation_fraction=0.3, random_state=0
        ).fit(x, y)
        self.assertLess(model.n_iter_, 100)

    def test_sample_weight(self) -> None:
        x, y = RNG.normal(size=(30, 2)), RNG.integers(2, size=30)
        w = RNG.integers(0, 3, size=30)
        options: Any = {"epochs": 20, "tol": 0, "random_state": 0}
        weighted = NeuralClassifier((4,), **options).fit(x, y, sample_weight=w)
        repeated = NeuralClassifier((4,), **options).fit(np.repeat(x, w, axis=0), np.repeat(y, w))
        np.testing.assert_allclose(weighted.predict_proba(x), repeated.predict_proba(x), rtol=1e-8)

    @unittest.skipUnless(HAS_LLVMLITE, "needs llvmlite: pip install wengert[compile]")
    def test_compiled_equals_eager(self) -> None:
        x, y = load_iris(return_X_y=True)
        options: Any = {"hidden": (6,), "epochs": 4, "batch_size": 40, "dropout": 0.1, "alpha": 1e-3, "random_state": 0}
        eager, compiled = (NeuralClassifier(compile=c, **options).fit(x, y) for c in (False, True))
        np.testing.assert_allclose(compiled.predict_proba(x), eager.predict_proba(x), rtol=1e-9)

    def test_a_network_of_ones_own(self) -> None:
        x, y = load_digits(return_X_y=True)
        x, y = x[:300] / 16, y[:300]
        for model in (convolutional, convolutional(10)):
            found = NeuralClassifier(model=model, learning_rate=0.02, batch_size=50, epochs=12, random_state=0).fit(
                x, y
            )
            self.assertGreater(found.score(x, y), 0.9)
            pickle.loads(pickle.dumps(found))
        self.assertIsNone(convolutional(10)[-1].weight.data)  # (a given layer is copied)

    def test_a_function_of_ones_own(self) -> None:
        t = np.linspace(0, 4, 40)[:, None]
        model = GradientDescentRegressor(decay, {"level": 1.0, "rate": 1.0}, learning_rate=0.1, epochs=300, tol=0)
        found = clone(model).fit(t, 3 * np.exp(-0.5 * t[:, 0])).parameters_
        np.testing.assert_allclose([found["level"], found["rate"]], [3, 0.5], atol=0.01)
        self.assertFalse(hasattr(model, "parameters_"))

    def test_linear_regression_is_found(self) -> None:
        x, y = make_regression(100, 3, bias=2.0, random_state=0)
        y = y / 50
        found = GradientDescentRegressor(learning_rate=0.1, epochs=500, tol=0, random_state=0).fit(x, y).parameters_
        wanted = np.linalg.lstsq(np.c_[x, np.ones(100)], y, rcond=None)[0]
        np.testing.assert_allclose(found["coef"][:, 0], wanted[:3], atol=1e-3)
        np.testing.assert_allclose(found["intercept"], wanted[3:], atol=1e-3)

    def test_optimizers(self) -> None:
        x, y = load_iris(return_X_y=True)
        for optimizer in ("sgd", "Momentum", "adamw", "rmsprop", wengert.optimizers.Nesterov):
            NeuralClassifier((4,), optimizer=optimizer, epochs=2).fit(x, y)


class RefusalTest(SklearnCase):
    def test_what_is_refused(self) -> None:
        x, y = load_iris(return_X_y=True)
        for error, text, model in (
            (ValueError, "optimizer of NeuralClassifier must be.*but got", NeuralClassifier(optimizer="best")),
            (TypeError, "hidden of NeuralClassifier must be a tuple of sizes", NeuralClassifier(8)),
            (ValueError, "activation of NeuralClassifier must be", NeuralClassifier(activation="step")),
            (TypeError, "model of NeuralClassifier must return a Layer", NeuralClassifier(model=lambda n: n)),
            (ValueError, "must give scores .examples, 3.*but gave", NeuralClassifier(model=Linear(4))),
            (TypeError, "needs the initial values of the parameters", GradientDescentClassifier(lambda p, x: x)),
            (
                TypeError,
                "initial of GradientDescentClassifier must hold",
                GradientDescentClassifier(None, {"coef": "a"}),
            ),
            (ValueError, "must give .examples, 1", NeuralRegressor(model=Linear(4))),
            (ValueError, "loss of NeuralRegressor must give one number", NeuralRegressor(loss=lambda y, t: np.sum(y))),
            (ValueError, "compile of NeuralRegressor must be", NeuralRegressor(compile="yes")),
            (
                ValueError,
                "the loss of GradientDescentRegressor is (inf|nan) in epoch",
                GradientDescentRegressor(optimizer="sgd", learning_rate=1e30),
            ),
        ):
            with self.subTest(text), np.errstate(all="ignore"), self.assertRaisesRegex(error, text):
                model.fit(x, y)

    def test_it_says_when_it_has_not_converged(self) -> None:
        x, y = load_iris(return_X_y=True)
        with self.assertWarnsRegex(ConvergenceWarning, "has not converged in 2 epochs"):
            NeuralClassifier((4,), epochs=2).fit(x, y)


if __name__ == "__main__":
    unittest.main()
