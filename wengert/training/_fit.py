"""One call of fit: the remaining epochs of steps and validation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any

from wengert.checks.errors import describe
from wengert.checks.interrupts import Transaction, Uninterrupted
from wengert.custom.modes import enable_grad
from wengert.functions.training_mode import train_mode
from wengert.training.averages import Averages
from wengert.training.batches import size_of
from wengert.training.checkpoints import has_state, save_run
from wengert.training.evaluation import evaluated, number
from wengert.training.interrupts import Interrupts
from wengert.training.plan import Plan
from wengert.training.progress import Progress
from wengert.training.rollback import Rollback
from wengert.training.run import random_state, set_random_state
from wengert.training.schedules import takes_result

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["Fitting", "learning_rate_of"]


class Fitting:
    """The implementation of `Trainer.fit`; its position is kept in ``trainer.run``, so that another call can resume it.

    Progress is committed in two kinds of blocks that Ctrl-C cannot interrupt: the end of a step, from its update on,
    and the end of an epoch. If an exception leaves `fit`, all changes since the last commit are rolled back.
    """

    def __init__(self, trainer: Trainer, plan: Plan, progress: Progress) -> None:
        self.trainer = trainer
        self.plan = plan
        self.progress = progress
        self.run = trainer.run
        self.train, self.valid = trainer.train_loader, trainer.valid_loader
        self.schedule = trainer.schedule
        self.interrupts = Interrupts("stops after this step; Ctrl-C again to stop at once")
        self.together = trainer.together
        if self.together is not None:
            self.together.interrupts = self.interrupts
            self.together.asked = self.together.stopping = False
        self.transaction = Transaction()
        self.rollback: Rollback | None = None
        self.values: list[tuple[dict[str, float], int]] = []  # of the batches since the last update, with their sizes
        self.shown: dict[str, float] = {}  # of the last batch
        self.counted = False  # whether the current step is counted already
        self.unsaved = self.run.unfinished and trainer.random_to_set is None
        # (the result of Trainer's own step needs no checks)
        own = getattr(type(trainer).step, "__module__", "") == "wengert.training.trainer"
        self.step = trainer.step if own else self.checked_step

    @property
    def asked(self) -> bool:
        """Whether Ctrl-C was pressed; under MPI on any rank, as all of them know it after a step."""
        return self.interrupts.asked if self.together is None else self.together.asked

    @property
    def stopping(self) -> bool:
        """Whether the run is to stop; under MPI likewise."""
        return bool(self.trainer.stopping if self.together is None else self.together.stopping)

    def run_all(self) -> None:
        """Train until the plan is complete, or stopped early."""
        whole = False
        with self.interrupts:
            try:
                try:
                    self.interrupts.listening = True
                    self.begin()
                    self.epochs()
                    whole = True
                finally:
                    if not whole:
                        self.roll_back()
            finally:
                if not whole:
                    self.roll_back()  # again, in case Ctrl-C interrupted it
                with Uninterrupted():
                    self.leave()
                    self.call("on_fit_end")
            self.finish()
        if self.asked:
            self.trainer.interrupted = True

    def epochs(self) -> None:
        """Train for the remaining epochs."""
        trainer, run, plan = self.trainer, self.run, self.plan
        until = run.first + plan.epochs
        while run.epoch < until and not self.stopping and not plan.exhausted(run):
            self.epoch(until)
            self.asked_meanwhile()
            if self.asked:
                trainer.interrupted = trainer.stopping = True

    def finish(self) -> None:
        """Save unsaved progress; if the plan is complete, restore the best weights."""
        trainer, run, plan = self.trainer, self.run, self.plan
        if plan.checkpoint is not None and (self.unsaved or run.batch or plan.every != "epoch"):
            self.save()
        if not trainer.interrupted and not run.batch:
            with Uninterrupted():
                if run.best_weights is not None:
                    trainer.model.load_state_dict(run.best_weights)
                run.unfinished = False

    def save(self) -> None:
        assert self.plan.checkpoint is not None
        if self.together is not None:
            self.together.save(self.plan.checkpoint)
        else:
            save_run(self.plan.checkpoint, self.trainer)
        self.unsaved = False

    def call(self, turn: str, *args: Any) -> None:
        """Call the callbacks."""
        for each in self.trainer.callbacks:
            getattr(each, turn)(self.trainer, *args)

    def begin(self) -> None:
        """Restore the loaders and the random state, and start or resume."""
        run, trainer = self.run, self.trainer
        with Uninterrupted():
            for loader, state in ((self.train, run.train_state), (self.valid, run.valid_state)):
                if state is not None and has_state(loader):
                    loader.load_state_dict(state)
            run.train_state = run.valid_state = None
            if trainer.random_to_set is not None:
                set_random_state(trainer.model, trainer.random_to_set)
                trainer.random_to_set = None
            if self.together is not None:
                self.together.start([self.train, self.valid])
                run = self.run = trainer.run
            self.rollback = Rollback(trainer.model, [self.train, self.valid])
            if not run.unfinished:
                run.next_fit()
            run.drop_partial()
            try:
                self.call("on_fit_start")
                self.judge()
            finally:
                self.keep()

    def roll_back(self) -> None:
        """Roll back all changes since the last committed step or epoch; idempotent."""
        with Uninterrupted():
            self.transaction.__exit__(None, None, None)  # starting may have been interrupted
            self.trainer.gathered.forget()
            if self.rollback is not None:
                self.rollback.restore()

    def keep(self) -> None:
        """Commit the changes so far."""
        assert self.rollback is not None
        self.trainer.half_done = True
        self.rollback.keep()
        self.trainer.half_done = False

    def leave(self) -> None:
        """Record the position in an unfinished epoch, at which the next fit resumes."""
        run = self.run
        if not run.batch:
            return
        if has_state(self.train):
            run.train_state = self.train.state_dict()
        run.history.append({**self.row(Averages(run.sums).means()), "partial": True})

    def epoch(self, until: int) -> None:
        """Train for the rest of an epoch, and validate; or return early within the epoch."""
        run = self.run
        total = len(self.train) if hasattr(self.train, "__len__") else None
        self.progress.open(f"epoch {run.epoch + 1}/{until}", total, run.batch)
        means: dict[str, float] = {}
        try:
            if not run.trained and not self.train_rest():
                return
            means = Averages(run.sums).means()
            if self.asked or self.stopping:
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
        with Uninterrupted():
            self.end_epoch(self.row(means))
        if self.plan.checkpoint is not None and self.plan.every == "epoch":
            self.save()

    def end_epoch(self, row: dict[str, Any]) -> None:
        """Count an epoch, and run its callbacks, early stopping and checkpoint."""
        run = self.run
        self.trainer.half_done = True
        run.history.append(row)
        run.next_epoch()
        run.unjudged = row
        self.unsaved = True
        self.keep()
        try:
            self.call("on_epoch_end", row)  # which may add the monitored column
            self.judge()
        finally:
            self.keep()

    def judge(self) -> None:
        """Process the result of the last epoch, if that is pending."""
        run = self.run
        if run.unjudged is None:
            return
        self.plan.judge(run, run.unjudged, self.trainer.model)
        if takes_result(self.schedule):
            self.schedule.step(self.plan.monitored(run.unjudged))
        run.unjudged = None

    def row(self, means: dict[str, float]) -> dict[str, Any]:
        """Make the row of the history for the current epoch."""
        run = self.run
        row: dict[str, Any] = {"epoch": run.epoch + 1, "step": run.steps, **means}
        rate = learning_rate_of(self.trainer.optimizer)
        if rate is not None:
            row["learning_rate"] = rate
        return {**row, "seconds": run.seconds}

    def train_rest(self) -> bool:
        """Make the remaining steps of an epoch; return whether all were made."""
        run, trainer, plan = self.run, self.trainer, self.plan
        with Uninterrupted():
            self.begin_epoch()
        batches = self.batches()
        self.values.clear()
        started = perf_counter() - run.seconds
        rate = learning_rate_of(trainer.optimizer)
        steps_between = plan.every if plan.checkpoint is not None and isinstance(plan.every, int) else None
        try:
            with enable_grad(), train_mode():
                for batch in batches:
                    done = self.attempt(partial(self.take_step, batch))
                    if self.schedule is not None or trainer.callbacks:
                        rate = learning_rate_of(trainer.optimizer)
                    self.progress.advance(self.shown, rate)
                    if not done:
                        continue  # the update follows after more batches
                    if steps_between is not None and run.steps % steps_between == 0:
                        run.seconds = perf_counter() - started
                        self.save()
                    if self.asked or self.stopping:
                        return False
                if trainer.gathered.batches:  # at the end of the epoch, fewer batches than `accumulate`
                    self.attempt(self.take_rest)
        finally:
            run.seconds = perf_counter() - started
            if hasattr(batches, "close"):
                batches.close()
        if not run.batch:
            raise ValueError(f"there is nothing to train on: {describe(self.train)} has no batch")
        with Uninterrupted():
            self.trainer.half_done = True
            run.trained = True
            if self.together is not None:
                self.together.share_buffers()
                self.together.agree({})
            self.keep()  # the loader has advanced to the next epoch
        return True

    def begin_epoch(self) -> None:
        """Run the callbacks before the first step of an epoch, and record the state at its start."""
        run = self.run
        assert self.rollback is not None
        if run.epoch_random is None:
            self.call("on_epoch_start")
            self.trainer.half_done = True
            run.epoch_random = random_state(self.trainer.model)
        self.rollback.rescan()
        self.keep()

    def take_step(self, batch: Any) -> None:
        """Process one batch."""
        self.trainer.gathered.begun = len(self.values) + 1
        self.shown = self.step(batch)
        size = size_of(batch) if self.together is None else self.together.total
        self.values.append((self.shown, size))

    def take_rest(self) -> None:
        """Update with the gradients left over at the end of an epoch, when the loader has advanced to the next one."""
        self.trainer.update()
        self.run.trained = True

    def attempt(self, work: Callable[[], None]) -> bool:
        """Make a step and count it; return False if its update follows after a later batch."""
        trainer = self.trainer
        self.counted = False
        with self.transaction as transaction:
            try:
                work()
                if trainer.gathered.batches:
                    return False
                self.count_step()
            except BaseException:
                if transaction.began and not self.counted:
                    trainer.half_done = True
                raise
        return True

    def count_step(self) -> None:
        """Count an update and its batches, and run the callbacks: Ctrl-C cannot interrupt this."""
        run = self.run
        with Uninterrupted(joins=True):
            averages = Averages(run.sums)
            for values, size in self.values:
                averages.add(values, size)
            run.batch += len(self.values)
            run.steps += 1
            self.unsaved = True
            self.values.clear()
            self.trainer.gathered.begun = 0
            self.keep()
            self.counted = True
            if self.together is not None and run.steps % self.together.ranks.check_every == 0:
                self.together.check()
            if self.trainer.callbacks:
                try:
                    self.call("on_step", self.shown)
                finally:
                    self.keep()

    def batches(self) -> Any:
        """Iterate over the remaining batches of this epoch."""
        run, model = self.run, self.trainer.model
        if not run.batch or has_state(self.train):
            return iter(self.train) if self.together is None else self.together.parts(self.train)
        # Loaders without a position are iterated again, with the same random state, and the done batches skipped.
        now = random_state(model)
        set_random_state(model, run.epoch_random)
        batches = iter(self.train) if self.together is None else self.together.parts(self.train)
        for _ in range(run.batch):
            next(batches, None)
        set_random_state(model, now)
        return batches

    def checked_step(self, batch: Any) -> dict[str, float]:
        """Run the step of a subclass, and check its result."""
        values = self.trainer.step(batch)
        if not isinstance(values, dict) or "loss" not in values:
            raise TypeError(f'step must return a dict with "loss", as {{"loss": 0.5}}, but got {describe(values)}')
        values = {name: number(value, f"{name!r} of a step") for name, value in values.items()}
        if not isfinite(values["loss"]):
            text = self.trainer.trouble(f"the loss is {values['loss']}", "may have been updated by step")
            raise FloatingPointError(text)
        return values

    def asked_meanwhile(self) -> bool:
        """Whether Ctrl-C was pressed until now; under MPI all ranks ask at the same batches."""
        if self.together is not None:
            self.together.agree({})
        return self.asked

    def validate(self) -> dict[str, float] | None:
        """Evaluate, or return None if Ctrl-C interrupts it; the random state of training is restored."""
        model = self.trainer.model
        random = random_state(model)
        found = evaluated(self.trainer, self.valid, self.asked_meanwhile)
        if found is None:
            self.roll_back()
        else:
            set_random_state(model, random)
        return found


def learning_rate_of(optimizer: Any) -> float | None:
    """Return the learning rate to display: of the first group, if there is one."""
    rate = getattr(optimizer, "learning_rate", None)
    return None if rate is None else float(rate)
