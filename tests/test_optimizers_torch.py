"""Optimizers and schedules against PyTorch's, step for step; Lion against the paper's formula."""

import importlib.util
import unittest
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from wengert import Parameter
from wengert import optimizers as ours

needs_torch = unittest.skipIf(importlib.util.find_spec("torch") is None, "needs torch: pip install torch==2.13.0")
# One large enough to be updated where it is, and a bundle.
SHAPES = [(100, 90), (3, 4, 5), (), (0, 3)]
STEPS = 100


def starting_values(dtype: Any, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "c":
        return [np.array(rng.normal(size=s) + 1j * rng.normal(size=s), dtype) for s in SHAPES]
    return [np.array(rng.normal(size=s), dtype) for s in SHAPES]


@cache
def gradients(step: int, dtype: Any) -> list[Any]:
    """Gradients that change, of sizes from 1e-3 to 10."""
    return [np.array(10 ** (3 * np.sin(step + i) - 1) * g, dtype) for i, g in enumerate(starting_values(dtype, step))]


@needs_torch
class AgainstTorchTest(unittest.TestCase):
    def assert_same_steps(
        self,
        mine: Callable[[Any], Any],
        theirs: Callable[[Any], Any],
        dtypes: Any = (np.float64, np.float32),
        skip: Any = None,
    ) -> None:
        import torch

        for dtype in dtypes:
            tolerance = 1e-10 if dtype in (np.float64, np.complex128) else 1e-5
            start = starting_values(dtype)
            params = [Parameter(value.copy()) for value in start]
            tensors = [torch.nn.Parameter(torch.tensor(value)) for value in start]
            a, b = mine(params), theirs(tensors)
            for step in range(STEPS):
                for i, g in enumerate(gradients(step, dtype)):
                    gone = skip is not None and skip(step, i)
                    params[i].grad = None if gone else np.array(g, order="F" if step % 3 == 0 else "C")
                    tensors[i].grad = None if gone else torch.tensor(g)
                a.update()
                b.step()
                for p, t in zip(params, tensors, strict=True):
                    if not p.size:
                        continue
                    expected = t.detach().numpy()
                    self.assertEqual(p.dtype, expected.dtype)
                    # Values start at about 1; one that crosses zero keeps the error of its way there.
                    scale = max(1.0, np.max(np.abs(expected)))
                    error = np.max(np.abs(p.data - expected) / (scale + np.abs(expected)))
                    self.assertLess(error, tolerance, f"step {step}, shape {p.shape}, {dtype}")

    def test_every_optimizer(self) -> None:
        import torch.optim as t

        pairs: list[tuple[str, dict[str, Any], Any, dict[str, Any]]] = [
            ("SGD", {"learning_rate": 0.03}, t.SGD, {"lr": 0.03}),
            ("SGD", {"learning_rate": 0.03, "weight_decay": 0.1}, t.SGD, {"lr": 0.03, "weight_decay": 0.1}),
            ("Momentum", {}, t.SGD, {"lr": 0.01, "momentum": 0.9}),
            (
                "Momentum",
                {"momentum": 0.5, "dampening": 0.3, "weight_decay": 0.1},
                t.SGD,
                {"lr": 0.01, "momentum": 0.5, "dampening": 0.3, "weight_decay": 0.1},
            ),
            ("Nesterov", {}, t.SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
            ("SGD", {"momentum": 0.8, "nesterov": True}, t.SGD, {"lr": 0.01, "momentum": 0.8, "nesterov": True}),
            ("AdaGrad", {}, t.Adagrad, {}),
            (
                "AdaGrad",
                {"rate_decay": 0.1, "initial_sum": 0.5, "weight_decay": 0.1, "eps": 1e-3},
                t.Adagrad,
                {"lr_decay": 0.1, "initial_accumulator_value": 0.5, "weight_decay": 0.1, "eps": 1e-3},
            ),
            ("AdaDelta", {}, t.Adadelta, {}),
            ("AdaDelta", {"rho": 0.8, "weight_decay": 0.1}, t.Adadelta, {"rho": 0.8, "weight_decay": 0.1}),
            ("RMSprop", {}, t.RMSprop, {}),
            (
                "RMSprop",
                {"alpha": 0.9, "momentum": 0.7, "weight_decay": 0.1},
                t.RMSprop,
                {"alpha": 0.9, "momentum": 0.7, "weight_decay": 0.1},
            ),
            ("Adam", {}, t.Adam, {}),
            ("Adam", {"weight_decay": 0.1, "eps": 1e-4}, t.Adam, {"weight_decay": 0.1, "eps": 1e-4}),
            ("Adam", {"amsgrad": True, "beta1": 0.5, "beta2": 0.9}, t.Adam, {"amsgrad": True, "betas": (0.5, 0.9)}),
            ("AdamW", {}, t.AdamW, {}),
            ("AdamW", {"weight_decay": 0.3, "amsgrad": True}, t.AdamW, {"weight_decay": 0.3, "amsgrad": True}),
            ("Adafactor", {}, t.Adafactor, {}),
            (
                "Adafactor",
                {"beta2_decay": 0.5, "weight_decay": 0.1, "eps1": 1e-4, "eps2": 0.1, "clip_threshold": 2.0},
                t.Adafactor,
                {"beta2_decay": -0.5, "weight_decay": 0.1, "eps": (1e-4, 0.1), "d": 2.0},
            ),
        ]
        for name, options, kind, torch_options in pairs:
            with self.subTest(name, **options):
                mine = getattr(ours, name)
                if name == "Adafactor":  # PyTorch's divides by the number of elements
                    self.assert_same_steps(
                        lambda ps, mine=mine, o=options: mine(ps[:3], **o),
                        lambda ts, kind=kind, o=torch_options: kind(ts[:3], **o),
                    )
                else:
                    self.assert_same_steps(
                        lambda ps, mine=mine, o=options: mine(ps, **o),
                        lambda ts, kind=kind, o=torch_options: kind(ts, foreach=False, **o),
                    )

    def test_centered_rmsprop(self) -> None:
        # (A difference of two nearly equal means under a root: float32 has fewer figures to compare.)
        import torch

        for options in ({}, {"momentum": 0.7}):
            self.assert_same_steps(
                lambda ps, o=options: ours.RMSprop(ps, centered=True, eps=1e-2, **o),
                lambda ts, o=options: torch.optim.RMSprop(ts, centered=True, eps=1e-2, foreach=False, **o),
            )

    def test_complex(self) -> None:
        import torch.optim as t

        for mine, theirs, options in [
            (ours.Momentum, t.SGD, {"momentum": 0.9}),
            (ours.AdaGrad, t.Adagrad, {}),
            (ours.AdaDelta, t.Adadelta, {}),
            (ours.RMSprop, t.RMSprop, {}),
            (ours.Adam, t.Adam, {}),
            (ours.Adam, t.Adam, {"amsgrad": True, "weight_decay": 0.1}),
        ]:
            with self.subTest(mine.__name__, **options):
                rate = {"lr": 0.01} if theirs is t.SGD else {}
                self.assert_same_steps(
                    lambda ps, mine=mine, o=options: mine(ps, **o),
                    lambda ts, theirs=theirs, o=options, r=rate: theirs(ts, foreach=False, **o, **r),
                    (np.complex128, np.complex64),
                )

    def test_parameters_without_a_gradient_are_skipped(self) -> None:
        import torch

        self.assert_same_steps(
            ours.Adam,
            lambda ts: torch.optim.Adam(ts, foreach=False),
            skip=lambda step, i: (step + i) % 4 == 0 or step < 2 * i,
        )

    def test_groups_with_options_of_their_own(self) -> None:
        import torch

        self.assert_same_steps(
            lambda ps: ours.AdamW(
                [{"params": ps[:2], "learning_rate": 0.1}, {"params": ps[2:], "weight_decay": 0.5, "beta1": 0.3}]
            ),
            lambda ts: torch.optim.AdamW(
                [{"params": ts[:2], "lr": 0.1}, {"params": ts[2:], "weight_decay": 0.5, "betas": (0.3, 0.999)}],
                foreach=False,
            ),
        )

    def test_clipping(self) -> None:
        import torch

        def by_norm(tensors: Any) -> Any:
            optimizer = torch.optim.SGD(tensors, lr=0.1)
            optimizer.register_step_pre_hook(
                lambda *_: torch.nn.utils.clip_grad_norm_([t for t in tensors if t.grad is not None], 2.0) and None
            )
            return optimizer

        def by_value(tensors: Any) -> Any:
            optimizer = torch.optim.SGD(tensors, lr=0.1)
            optimizer.register_step_pre_hook(lambda *_: torch.nn.utils.clip_grad_value_(tensors, 0.3))
            return optimizer

        self.assert_same_steps(lambda ps: ours.SGD(ps, 0.1, clip_norm=2.0), by_norm)
        self.assert_same_steps(lambda ps: ours.SGD(ps, 0.1, clip_value=0.3), by_value)

    def test_the_norm_before(self) -> None:
        import torch

        for order in (1, 2, 3, np.inf):
            for poison in (None, np.nan, np.inf):
                values = [g.copy() for g in gradients(3, np.float64)]
                if poison is not None:
                    values[0][3, 4] = poison
                params = [Parameter(np.zeros_like(v)) for v in values]
                tensors = [torch.zeros(v.shape, dtype=torch.float64) for v in values]
                for p, t, v in zip(params, tensors, values, strict=True):
                    p.grad, t.grad = v.copy(), torch.tensor(v)
                filled = range(len(values) - 1) if order == np.inf else range(len(values))
                expected = torch.nn.utils.clip_grad_norm_([tensors[i] for i in filled], 0.5, norm_type=order).item()
                found = ours.clip_gradients_by_norm([params[i] for i in filled], 0.5, order=order)
                np.testing.assert_allclose(found, expected, rtol=1e-12)
                for i in filled:
                    np.testing.assert_allclose(params[i].grad, tensors[i].grad.numpy(), rtol=1e-12)


@needs_torch
class SchedulesAgainstTorchTest(unittest.TestCase):
    def assert_same_rates(
        self, mine: Callable[[Any], Any], theirs: Callable[[Any], Any], steps: int = STEPS, kind: str = "SGD"
    ) -> None:
        import torch

        p, q = (Parameter(np.ones(2)) for _ in range(2))
        t, u = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
        a = getattr(ours, kind)([{"params": [p]}, {"params": [q], "learning_rate": 0.5}], learning_rate=2.0)
        b = getattr(torch.optim, kind)([{"params": [t]}, {"params": [u], "lr": 0.5}], lr=2.0)
        if kind == "SGD":
            for group, other in zip(a.groups, b.param_groups, strict=True):
                group.momentum = other["momentum"] = 0.9
        arrays = [group.learning_rate for group in a.groups]
        mine, theirs = mine(a), theirs(b)
        for step in range(steps):
            for array, group, other in zip(arrays, a.groups, b.param_groups, strict=True):
                self.assertIs(group.learning_rate, array)
                np.testing.assert_allclose(array, other["lr"], rtol=1e-10, atol=1e-14, err_msg=f"step {step}")
                momentum = other["momentum"] if kind == "SGD" else other["betas"][0]
                np.testing.assert_allclose(group.momentum if kind == "SGD" else group.beta1, momentum, rtol=1e-10)
            b.step()
            mine.step()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # PyTorch's own, of its SequentialLR
                theirs.step()

    def test_each(self) -> None:
        import torch.optim.lr_scheduler as s

        pairs: list[tuple[Any, Any, int]] = [
            (lambda o: ours.StepDecay(o, 7, 0.5), lambda o: s.StepLR(o, 7, 0.5), STEPS),
            (lambda o: ours.MultiStepDecay(o, [30, 5, 5], 0.3), lambda o: s.MultiStepLR(o, [5, 5, 30], 0.3), STEPS),
            (lambda o: ours.ExponentialDecay(o, 0.93), lambda o: s.ExponentialLR(o, 0.93), STEPS),
            (lambda o: ours.PolynomialDecay(o, 60, 2.5), lambda o: s.PolynomialLR(o, 60, 2.5), STEPS),
            (lambda o: ours.LinearDecay(o, 60), lambda o: s.PolynomialLR(o, 60, 1), STEPS),
            (lambda o: ours.CosineDecay(o, STEPS, 0.1), lambda o: s.CosineAnnealingLR(o, STEPS, 0.1), STEPS + 1),
            (
                lambda o: ours.CosineDecay(o, 7, 0.1, restarts=True),
                lambda o: s.CosineAnnealingWarmRestarts(o, 7, 1, 0.1),
                STEPS,
            ),
            (
                lambda o: ours.CosineDecay(o, 7, restarts=True, growth=2),
                lambda o: s.CosineAnnealingWarmRestarts(o, 7, 2),
                STEPS,
            ),
            (lambda o: ours.WarmUp(o, 9, start=0.2), lambda o: s.LinearLR(o, 0.2, 1.0, 9), STEPS),
        ]
        for mine, theirs, steps in pairs:
            self.assert_same_rates(mine, theirs, steps)

    def test_one_cycle(self) -> None:
        import torch.optim.lr_scheduler as s

        for kind in ("SGD", "Adam"):
            self.assert_same_rates(
                lambda o: ours.OneCycle(o, 3.0, STEPS, momentum=(0.85, 0.95)),
                lambda o: s.OneCycleLR(o, 3.0, STEPS),
                STEPS,
                kind,
            )
        self.assert_same_rates(
            lambda o: ours.OneCycle(o, [3.0, 1.0], STEPS, 0.5, "linear", 10.0, 100.0),
            lambda o: s.OneCycleLR(
                o,
                [3.0, 1.0],
                STEPS,
                pct_start=0.5,
                anneal_strategy="linear",
                div_factor=10.0,
                final_div_factor=100.0,
                cycle_momentum=False,
            ),
        )

    def test_warm_up_and_then_another(self) -> None:
        import torch.optim.lr_scheduler as s

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.assert_same_rates(
                lambda o: ours.WarmUp(ours.CosineDecay(o, 80, 0.01), 10, start=0.25),
                lambda o: s.SequentialLR(o, [s.LinearLR(o, 0.25, 1.0, 10), s.CosineAnnealingLR(o, 80, 0.01)], [10]),
                90,
            )

    def test_plateau(self) -> None:
        import torch

        metrics = np.abs(np.random.default_rng(0).normal(size=300)) + np.linspace(2, 1, 300)
        for mode in ("min", "max"):
            for relative in (True, False):
                a = ours.SGD([Parameter(np.ones(2))], learning_rate=2.0)
                b = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=2.0)
                mine = ours.ReduceOnPlateau(a, 0.5, 3, mode, 1e-2, relative, 4, 1e-3)
                theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
                    b, mode, 0.5, 3, 1e-2, "rel" if relative else "abs", 4, 1e-3
                )
                changes = set()
                for metric in metrics:
                    mine.step(metric)
                    theirs.step(metric)
                    changes.add(float(a.learning_rate))
                    self.assertAlmostEqual(float(a.learning_rate), b.param_groups[0]["lr"], 14)
                self.assertGreater(len(changes), 5)


class LionTest(unittest.TestCase):
    def test_against_the_formula(self) -> None:
        for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-5)):
            start = starting_values(dtype)
            params = [Parameter(value.copy()) for value in start]
            optimizer = ours.Lion(params, 0.01, 0.8, 0.95, weight_decay=0.3)
            thetas, means = start, [np.zeros_like(value) for value in start]
            for step in range(STEPS):
                gs = gradients(step, dtype)
                for i, g in enumerate(gs):
                    params[i].grad = g
                    c = 0.8 * means[i] + (1 - 0.8) * g
                    thetas[i] = thetas[i] - 0.01 * (np.sign(c) + 0.3 * thetas[i])
                    means[i] = 0.95 * means[i] + (1 - 0.95) * g
                optimizer.update()
                for p, theta in zip(params, thetas, strict=True):
                    np.testing.assert_allclose(p.data, theta, rtol=tolerance, atol=tolerance)


if __name__ == "__main__":
    unittest.main()
