"""One call of fit: epochs of steps and validation, as often as is still to be done."""

from __future__ import annotations

from math import isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any

from wengert.core.errors import describe
from wengert.core.mode import enable_grad
from wengert.functions.training_mode import train_mode
from wengert.training.averages import Averages
from wengert.training.batches import size_of
from wengert.training.checkpoints import has_state, save_run
from wengert.training.evaluation import evaluated, number
from wengert.training.interrupts import Interrupts
from wengert.training.plan import Plan
from wengert.training.progress import Progress
from wengert.training.run import random_state, set_random_state
from wengert.training.schedules import takes_result

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["Fitting", "learning_rate_of"]


class Fitting:
    """What `Trainer.fit` does; where it is stands in ``trainer.run``, so that another can go on."""

    def __init__(self, trainer: Trainer, plan: Plan, progress: Progress) -> None:
        self.trainer = trainer
        self.plan = plan
        self.progress = progress
        self.run = trainer.run
        self.train, self.valid = trainer.train_loader, trainer.valid_loader
        self.schedule = trainer.schedule
        self.interrupts = Interrupts("stops after this step; Ctrl-C again to stop at once")
        # (a step that is Trainer's own needs no looking at)
        own = getattr(type(trainer).step, "__module__", "") == "wengert.training.trainer"
        self.step = trainer.step if own else self.checked_step

    def run_all(self) -> None:
        """Train until the plan is done, or something ends it early."""
        trainer, run, plan = self.trainer, self.run, self.plan
        if not run.unfinished:
            run.next_fit()
        run.drop_partial()
        self.go_on()
        until = run.first + plan.epochs
        try:
            with self.interrupts:
                self.call("on_fit_start")
                while run.epoch < until and not trainer.stopping and not plan.exhausted(run):
                    self.epoch(until)
                    if self.interrupts.asked:
                        trainer.interrupted = trainer.stopping = True
        finally:
            self.leave()
            self.call("on_fit_end")
        if plan.checkpoint is not None and (trainer.interrupted or run.batch or plan.every != "epoch"):
            save_run(plan.checkpoint, trainer)
        if not trainer.interrupted and not run.batch:
            run.unfinished = False
            if run.best_weights is not None:
                trainer.model.load_state_dict(run.best_weights)

    def call(self, turn: str, *args: Any) -> None:
        """Call the callbacks."""
        for each in self.trainer.callbacks:
            getattr(each, turn)(self.trainer, *args)

    def go_on(self) -> None:
        """Put the loaders and the random numbers where they were."""
        run, trainer = self.run, self.trainer
        for loader, state in ((self.train, run.train_state), (self.valid, run.valid_state)):
            if state is not None and has_state(loader):
                loader.load_state_dict(state)
        run.train_state = run.valid_state = None
        if trainer.random_to_set is not None:
            set_random_state(trainer.model, trainer.random_to_set)
            trainer.random_to_set = None

    def leave(self) -> None:
        """Note where an unfinished epoch was left, so that the next fit goes on there."""
        run = self.run
        if not run.batch:
            return
        if has_state(self.train):
            run.train_state = self.train.state_dict()
        run.history.append({**self.row(Averages(run.sums).means()), "partial": True})

    def epoch(self, until: int) -> None:
        """Train for the rest of an epoch, and validate; or return early with the run in its midst."""
        run = self.run
        total = len(self.train) if hasattr(self.train, "__len__") else None
        self.progress.open(f"epoch {run.epoch + 1}/{until}", total, run.batch)
        means: dict[str, float] = {}
        try:
            if not run.trained:
                run.trained = self.train_rest()
            means = Averages(run.sums).means()
            if not run.trained or self.interrupts.asked or self.trainer.stopping:
                return
            if self.valid is not None:
                started = perf_counter()
                found = self.validate()
                if found is None:
                    return
                run.seconds += perf_counter() - started
                means |= {f"valid_{name}": value for name, value in found.items()}
        finally:
            self.progress.close(means, learning_rate_of(self.trainer.optimizer))
        row = self.row(means)
        run.history.append(row)
        run.next_epoch()
        self.call("on_epoch_end", row)  # which may add the column that is monitored
        self.plan.judge(run, row, self.trainer.model)
        if takes_result(self.schedule):
            self.schedule.step(self.plan.monitored(row))
        if self.plan.checkpoint is not None and self.plan.every == "epoch":
            save_run(self.plan.checkpoint, self.trainer)

    def row(self, means: dict[str, float]) -> dict[str, Any]:
        """Make the row of the history for the running epoch."""
        run = self.run
        row: dict[str, Any] = {"epoch": run.epoch + 1, "step": run.steps, **means}
        rate = learning_rate_of(self.trainer.optimizer)
        if rate is not None:
            row["learning_rate"] = rate
        return {**row, "seconds": run.seconds}

    def train_rest(self) -> bool:
        """Take the steps of the rest of an epoch; return whether they were all."""
        run, trainer, plan = self.run, self.trainer, self.plan
        gathered = trainer.gathered
        if not run.batch:
            self.call("on_epoch_start")
            run.epoch_random = random_state(trainer.model)
        batches = self.batches()
        averages = Averages(run.sums)
        started = perf_counter() - run.seconds
        rate = learning_rate_of(trainer.optimizer)
        each_step = self.schedule is not None and not takes_result(self.schedule)
        steps_between = plan.every if plan.checkpoint is not None and isinstance(plan.every, int) else None
        values: dict[str, float] = {}
        try:
            with enable_grad(), train_mode():
                for batch in batches:
                    run.batch += 1
                    values = self.step(batch)
                    averages.add(values, size_of(batch))
                    self.progress.advance(values, rate)
                    if gathered.batches:
                        continue  # the update comes after others
                    run.steps += 1
                    if trainer.callbacks:
                        self.call("on_step", values)
                    if each_step:
                        rate = learning_rate_of(trainer.optimizer)
                    if steps_between is not None and run.steps % steps_between == 0:
                        run.seconds = perf_counter() - started
                        save_run(plan.checkpoint, trainer)  # type: ignore[arg-type]
                    if self.interrupts.asked or trainer.stopping:
                        return False
                if gathered.batches:  # fewer than are to be accumulated, at the end of the epoch
                    trainer.update()
                    run.steps += 1
                    self.call("on_step", values)
        finally:
            run.seconds = perf_counter() - started
            if hasattr(batches, "close"):
                batches.close()
        if not run.batch:
            raise ValueError(f"there is nothing to train on: {describe(self.train)} gave no batch")
        return True

    def batches(self) -> Any:
        """Iterate over the batches of this epoch that are not done yet."""
        run, model = self.run, self.trainer.model
        if not run.batch or has_state(self.train):
            return iter(self.train)
        # Batches that know no place are made again, with the random numbers that they had, and skipped.
        now = random_state(model)
        set_random_state(model, run.epoch_random)
        batches = iter(self.train)
        for _ in range(run.batch):
            next(batches, None)
        set_random_state(model, now)
        return batches

    def checked_step(self, batch: Any) -> dict[str, float]:
        """Take a step of a subclass, and check what it returned."""
        values = self.trainer.step(batch)
        if not isinstance(values, dict) or "loss" not in values:
            raise TypeError(f'step must return a dict with "loss", as {{"loss": 0.5}}, but got {describe(values)}')
        values = {name: number(value, f"{name!r} of a step") for name, value in values.items()}
        if not isfinite(values["loss"]):
            text = self.trainer.trouble(f"the loss is {values['loss']}", "may have been updated by step")
            raise FloatingPointError(text)
        return values

    def validate(self) -> dict[str, float] | None:
        """Evaluate, or return None if Ctrl-C came in between; training goes on with the random numbers of before."""
        model, valid = self.trainer.model, self.valid
        random = random_state(model)
        before = valid.state_dict() if has_state(valid) else None
        found = None
        try:
            found = evaluated(self.trainer, valid, lambda: self.interrupts.asked)
        finally:
            set_random_state(model, random)
            if found is None and before is not None:
                valid.load_state_dict(before)
        return found


def learning_rate_of(optimizer: Any) -> float | None:
    """Return the learning rate to be shown: of the first group, where there is one."""
    rate = getattr(optimizer, "learning_rate", None)
    return None if rate is None else float(rate)
