"""Schedules: what they write, their states, and what they refuse. (Against PyTorch: test_optimizers_torch.py.)"""

import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert import Parameter, Variable, optimizers
from wengert.optimizers import (
    LBFGS,
    SGD,
    Adam,
    CosineDecay,
    ExponentialDecay,
    LinearDecay,
    MultiStepDecay,
    OneCycle,
    PolynomialDecay,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    WarmUp,
)

EACH: list[Callable[[Any], Any]] = [
    lambda o: StepDecay(o, 2, 0.5),
    lambda o: MultiStepDecay(o, [2, 5], 0.5),
    lambda o: ExponentialDecay(o, 0.9),
    lambda o: PolynomialDecay(o, 6, 2, 0.01),
    lambda o: LinearDecay(o, 6, 0.01),
    lambda o: CosineDecay(o, 6, 0.01),
    lambda o: CosineDecay(o, 2, restarts=True, growth=2),
    lambda o: OneCycle(o, 1.0, 7, momentum=(0.5, 0.8)),
    lambda o: WarmUp(o, 3),
    lambda o: WarmUp(CosineDecay(o, 5), 3),
    lambda o: WarmUp(OneCycle(o, 2.0, 5), 3, 0.5),
    lambda o: ReduceOnPlateau(o, 0.5, 1),
    lambda o: WarmUp(ReduceOnPlateau(o, 0.5, 0), 2),
]


def make() -> Any:
    params = [{"params": [Parameter(np.ones(2))]}, {"params": [Parameter(np.ones(2))], "learning_rate": 0.5}]
    return SGD(params, learning_rate=0.25, momentum=0.5)


def go(schedule: Any, metric: float) -> None:
    """Step, with the metric where the schedule takes one."""
    waits = isinstance(schedule, ReduceOnPlateau) or isinstance(getattr(schedule, "after", None), ReduceOnPlateau)
    schedule.step(*[metric] * waits)


def rates(optimizer: Any) -> list[tuple[float, float]]:
    return [(float(group.learning_rate), float(group.momentum)) for group in optimizer.groups]


def train(optimizer: Any) -> None:
    for group in optimizer.groups:
        for p in group.params:
            p.grad = np.sin(p.data)
    optimizer.update()


def is_kind(value: Any, kind: type) -> bool:
    return isinstance(value, type) and issubclass(value, kind)


class WritingTest(unittest.TestCase):
    def test_in_place_for_each_group(self) -> None:
        for factory in EACH:
            optimizer = make()
            arrays = [group.learning_rate for group in optimizer.groups]
            schedule = factory(optimizer)
            seen = set()
            for step in range(8):
                go(schedule, 1.0)
                self.assertEqual(int(schedule.step_count), step + 1)
                seen.add(tuple(float(array) for array in arrays))
            with self.subTest(repr(schedule)):
                self.assertGreater(len(seen), 2)
                self.assertTrue(all(a is g.learning_rate for a, g in zip(arrays, optimizer.groups, strict=True)))

    def test_they_hold_their_end(self) -> None:
        for factory, end in [
            (lambda o: PolynomialDecay(o, 3, 2, 0.01), 0.01),
            (lambda o: LinearDecay(o, 3), 0.0),
            (lambda o: CosineDecay(o, 3, 0.01), 0.01),
            (lambda o: OneCycle(o, 0.5, 4, start_divisor=5, end_divisor=10), 0.01),
        ]:
            optimizer = make()
            schedule = factory(optimizer)
            for _ in range(9):
                schedule.step()
            for group in optimizer.groups:
                self.assertAlmostEqual(float(group.learning_rate), end, 15)

    def test_warm_up_reaches_what_comes_after(self) -> None:
        optimizer = SGD([Parameter(np.ones(2))], learning_rate=8.0)
        schedule = WarmUp(StepDecay(optimizer, 2, 0.5), 4)
        found = [float(optimizer.learning_rate)]
        for _ in range(8):
            schedule.step()
            found.append(float(optimizer.learning_rate))
        self.assertEqual(found, [0, 2, 4, 6, 8, 8, 4, 4, 2])

    def test_warm_up_before_a_plateau(self) -> None:
        optimizer = SGD([Parameter(np.ones(2))], learning_rate=8.0)
        schedule = WarmUp(ReduceOnPlateau(optimizer, 0.5, 0), 2)
        found = []
        for metric in [1.0, 9.0, 5.0, 5.0, 4.0, 6.0]:
            schedule.step(metric)
            found.append(float(optimizer.learning_rate))
        self.assertEqual(found, [4, 8, 8, 4, 4, 2])

    def test_training_follows_the_rate(self) -> None:
        p = Parameter(np.zeros(1))
        optimizer = SGD([p], learning_rate=1.0)
        schedule = ExponentialDecay(optimizer, 0.5)
        for _ in range(3):
            p.grad = -np.ones(1)
            optimizer.update()
            schedule.step()
        np.testing.assert_array_equal(p.data, 1.75)


class PlateauTest(unittest.TestCase):
    def run_metrics(self, metrics: list[Any], **options: Any) -> list[float]:
        optimizer = SGD([Parameter(np.ones(2))], learning_rate=8.0)
        schedule = ReduceOnPlateau(optimizer, **{"factor": 0.5, "patience": 1, **options})
        found = []
        for metric in metrics:
            schedule.step(metric)
            found.append(float(optimizer.learning_rate))
        return found

    def test_patience_and_minimum(self) -> None:
        self.assertEqual(self.run_metrics([3, 3, 3, 3, 3, 2, 2, 2]), [8, 8, 4, 4, 2, 2, 2, 1])
        self.assertEqual(self.run_metrics([3] * 5, patience=0, minimum=3), [8, 4, 3, 3, 3])

    def test_a_negative_metric_that_stays_is_no_improvement(self) -> None:
        self.assertEqual(self.run_metrics([-1.0, -1.0, -1.0]), [8, 8, 4])
        self.assertEqual(self.run_metrics([-1.0, -1.0, -1.0], mode="max"), [8, 8, 4])

    def test_nan_is_no_improvement(self) -> None:
        self.assertEqual(self.run_metrics([np.nan, np.nan, 1.0, 0.5]), [8, 4, 4, 4])

    def test_what_a_metric_may_be(self) -> None:
        self.assertEqual(self.run_metrics([Variable(np.array(1.0)), np.float32(1), np.array(1.0)]), [8, 8, 4])
        with self.assertRaisesRegex(TypeError, r"a metric must be one number, but got ndarray of shape \(2,\)"):
            self.run_metrics([np.ones(2)])
        with self.assertRaisesRegex(TypeError, "a metric must be one number, but got NoneType"):
            self.run_metrics([None])


class StateTest(unittest.TestCase):
    def test_a_resumed_run_equals_an_uninterrupted_one(self) -> None:
        metrics = [3, 2, 2, 2, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5]
        for factory in EACH:
            for stop in (0, 1, 4, 7):
                whole = make()
                a = factory(whole)
                for metric in metrics[:stop]:
                    go(a, metric)
                saved, rate = a.state_dict(), whole.state_dict()
                self.assertTrue(all(type(value) is np.ndarray for value in saved.values()))
                resumed = make()
                b = factory(resumed)
                resumed.load_state_dict(rate)
                b.load_state_dict(saved)
                self.assertEqual(rates(resumed), rates(whole))
                for metric in metrics[stop:]:
                    go(a, metric)
                    go(b, metric)
                    self.assertEqual(rates(resumed), rates(whole))

    def test_in_whatever_order_states_are_loaded_the_next_step_is_the_same(self) -> None:
        metrics = [3, 2, 2, 2, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5]

        def first(a: Any, factory: Any, optimizer: Any, schedule: Any) -> Any:
            made = factory(a)
            a.load_state_dict(optimizer)
            made.load_state_dict(schedule)
            return made

        def schedule_first(a: Any, factory: Any, optimizer: Any, schedule: Any) -> Any:
            made = factory(a)
            made.load_state_dict(schedule)
            a.load_state_dict(optimizer)
            return made

        def made_in_between(a: Any, factory: Any, optimizer: Any, schedule: Any) -> Any:
            a.load_state_dict(optimizer)
            made = factory(a)
            made.load_state_dict(schedule)
            return made

        kinds = {type(factory(make())) for factory in EACH}
        self.assertEqual(kinds, {k for k in vars(optimizers).values() if is_kind(k, Schedule)} - {Schedule})
        for number, factory in enumerate(EACH):
            for stop in range(9):
                for load in (first, schedule_first, made_in_between):
                    with self.subTest(number, stop=stop, load=load.__name__):
                        whole, resumed = make(), make()
                        a = factory(whole)
                        for metric in metrics[:stop]:
                            train(whole)
                            go(a, metric)
                        b = load(resumed, factory, whole.state_dict(), a.state_dict())
                        for group, other in zip(whole.groups, resumed.groups, strict=True):
                            for p, q in zip(group.params, other.params, strict=True):
                                q.data = p.data.copy()
                        for metric in metrics[stop:]:
                            train(whole)
                            train(resumed)
                            self.assertEqual(rates(resumed), rates(whole))
                            for group, other in zip(whole.groups, resumed.groups, strict=True):
                                for p, q in zip(group.params, other.params, strict=True):
                                    self.assertEqual(p.data.tobytes(), q.data.tobytes())
                            go(a, metric)
                            go(b, metric)

    def test_a_momentum_that_falls_to_0_rises_again(self) -> None:
        optimizer = SGD([Parameter(np.ones(1))], momentum=0.5)
        schedule = OneCycle(optimizer, 1.0, 5, rise=0.4, momentum=(0.0, 0.8))
        found = [float(optimizer.groups[0].momentum)]
        for _ in range(4):
            schedule.step()
            found.append(float(optimizer.groups[0].momentum))
        self.assertEqual((min(found), found[-1]), (0.0, 0.8))

    def test_rates_set_by_hand_are_those_of_the_optimizer(self) -> None:
        whole = make()
        a = WarmUp(CosineDecay(whole, 9), 2)
        a.step()
        whole.groups[0].learning_rate = 0.123
        resumed = make()
        b = WarmUp(CosineDecay(resumed, 9), 2)
        b.load_state_dict(a.state_dict())
        resumed.load_state_dict(whole.state_dict())
        self.assertEqual(rates(resumed), rates(whole))

    def test_plateaus_of_before_and_of_other_groups(self) -> None:
        a = ReduceOnPlateau(make(), 0.5, 0)
        state = a.state_dict()
        del state["learning_rates"]
        a.load_state_dict(state)
        with self.assertRaisesRegex(ValueError, r"learning_rates must have the shape \(2,\), but has \(3,\)"):
            a.load_state_dict({**state, "learning_rates": np.ones(3)})

    def test_what_cannot_be_stacked(self) -> None:
        schedule = WarmUp(StepDecay(make(), 2), 3)
        schedule.step()
        saved = schedule.state_dict()
        self.assertEqual(sorted(saved), ["after.base", "after.step_count", "base", "step_count"])
        for change, message in [
            ({"base": np.ones(3)}, r"base must have the shape \(2,\), but has \(3,\)"),
            ({"after.base": np.ones(3)}, r"the state to load must be that of StepDecay .*\n  base must have the shape"),
            ({"other": np.ones(3)}, "unexpected: other"),
            ({"after.other": np.ones(3)}, "unexpected: other"),
        ]:
            with self.assertRaisesRegex(ValueError, "(?s)" + message):
                schedule.load_state_dict({**saved, "after.step_count": np.array(7), **change})
            for name, value in schedule.state_dict().items():
                np.testing.assert_array_equal(value, saved[name])
        with self.assertRaisesRegex(ValueError, "missing: step_count"):
            schedule.load_state_dict({name: value for name, value in saved.items() if name != "step_count"})
        with self.assertRaisesRegex(TypeError, "step_count must be an integer ndarray, but got int"):
            schedule.load_state_dict({**saved, "step_count": 3})
        with self.assertRaisesRegex(ValueError, "unexpected: after.base"):
            WarmUp(make(), 3).load_state_dict(saved)


class RefusedTest(unittest.TestCase):
    def test_momentum_of_one_cycle(self) -> None:
        for momentum in (0.9, (0.8,), "ab"):
            with self.assertRaisesRegex(TypeError, r"momentum of OneCycle must be two numbers, \(lowest, highest\)"):
                OneCycle(SGD([Parameter(np.ones(2))], momentum=0.9), 1.0, 10, momentum=momentum)

    def test_options(self) -> None:
        o = make()
        p = [Parameter(np.ones(2))]
        for build, error, message in [
            (lambda: StepDecay(p, 2), TypeError, "a schedule needs an optimizer whose rates it writes, but got list"),
            (lambda: StepDecay(LBFGS(p), 2), TypeError, "LBFGS has no learning rate that a schedule could change"),
            (lambda: StepDecay(o, 0), ValueError, "every of StepDecay must be an integer of at least 1, but got int 0"),
            (lambda: StepDecay(o, 1.5), TypeError, "every of StepDecay must be an integer of at least 1"),
            (lambda: StepDecay(o, 2, -0.1), ValueError, "factor of StepDecay must be a real number at least 0"),
            (lambda: MultiStepDecay(o, 3), TypeError, "at of MultiStepDecay must be a list of steps, but got int"),
            (lambda: MultiStepDecay(o, "3"), TypeError, "at of MultiStepDecay must be a list of steps, but got str"),
            (
                lambda: MultiStepDecay(o, [-1]),
                ValueError,
                "each step of at of MultiStepDecay must be an integer of at least 0, but got int -1",
            ),
            (lambda: PolynomialDecay(o, 3, 0), ValueError, "power of PolynomialDecay must be a real number above 0"),
            (lambda: CosineDecay(o, 3, -1), ValueError, "end of CosineDecay must be a real number at least 0"),
            (
                lambda: CosineDecay(o, 3, growth=2),
                ValueError,
                "growth needs restarts=True",
            ),
            (lambda: OneCycle(o, 0.0, 9), ValueError, "top of OneCycle must be a real number above 0"),
            (
                lambda: OneCycle(o, [1.0], 9),
                ValueError,
                "top must be one number, or one for each of 2 groups",
            ),
            (lambda: OneCycle(o, 1.0, 1), ValueError, "steps of OneCycle must be an integer of at least 2"),
            (lambda: OneCycle(o, 1.0, 9, 1.0), ValueError, "rise of OneCycle must be a real number"),
            (
                lambda: OneCycle(o, 1.0, 9, shape="round"),
                ValueError,
                "shape of OneCycle must be one of 'cosine', 'linear', but got str 'round'",
            ),
            (
                lambda: OneCycle(SGD(p), 1.0, 9, momentum=(0.8, 0.9)),
                ValueError,
                "SGD has no momentum to change; leave momentum=None",
            ),
            (
                lambda: OneCycle(Adam(p), 1.0, 9, momentum=(0.8, 1.0)),
                ValueError,
                "each momentum of OneCycle must be a real number at least 0 and below 1, but got float 1.0",
            ),
            (
                lambda: WarmUp(o, 0),
                ValueError,
                "steps of WarmUp must be an integer of at least 1, but got int 0",
            ),
            (lambda: WarmUp(o, 5, 1.5), ValueError, "start of WarmUp must be a real number from 0 to 1"),
            (lambda: WarmUp(3, 5), TypeError, "a schedule needs an optimizer whose rates it writes, but got int"),
            (lambda: ReduceOnPlateau(o, 1.0), ValueError, "factor of ReduceOnPlateau must be a real number"),
            (lambda: ReduceOnPlateau(o, mode="low"), ValueError, "mode of ReduceOnPlateau must be one of 'min', 'max'"),
            (lambda: Schedule(o), NotImplementedError, r"Schedule has no rates\(step\); define it"),
        ]:
            with self.subTest(message), self.assertRaisesRegex(error, message):
                build()
        self.assertEqual([rate for rate, _ in rates(o)], [0.25, 0.5])

    def test_warm_up_alone_may_start_at_one(self) -> None:
        optimizer = make()
        WarmUp(optimizer, 5, 1.0)
        self.assertEqual([rate for rate, _ in rates(optimizer)], [0.25, 0.5])


if __name__ == "__main__":
    unittest.main()
