"""Trainer: the loop around a model, an optimizer and a loss."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.interrupts import Uninterrupted
from wengert.core.mode import no_grad
from wengert.core.variable import Variable
from wengert.functions.training_mode import test_mode
from wengert.layers.layer import Layer
from wengert.optimizers.optimizer import Optimizer
from wengert.training.batches import arrays_of, check_batches, check_pair, inputs_of, joined
from wengert.training.callbacks import Callback
from wengert.training.checkpoints import has_state, load_run
from wengert.training.evaluation import evaluated, numbers
from wengert.training.fitting import Fitting, learning_rate_of
from wengert.training.gradients import Gathered, gradients_of
from wengert.training.history import AROUND, plot_history, save_history
from wengert.training.plan import Plan
from wengert.training.progress import Progress
from wengert.training.run import Run
from wengert.training.schedules import check_schedule, described, takes_result

if TYPE_CHECKING:
    from wengert.training.compiling import CompiledSteps

__all__ = ["Trainer"]


class Trainer:
    """Trains a model: epochs of steps, validation, early stopping, checkpoints, a history.

    A batch is a tuple ``(x, t)``, or ``(x1, x2, ..., t)`` for a model of several inputs: the last is the
    target, and all before go to the model. The loss is ``loss(model(x), t)``, a mean over the batch. What
    is trained otherwise is a subclass:

    - ``compute(batch)`` gives the loss and other numbers to be shown, as for a variational autoencoder,
      which has no target:

      >>> from wengert.training import Trainer
      >>> class Reconstruction(Trainer):
      ...     def compute(self, batch):
      ...         x, *_ = batch
      ...         y, mean, log_variance = self.model(x)
      ...         apart = divergence(mean, log_variance)
      ...         return self.loss(y, x) + apart, {"divergence": float(apart)}

    - ``step(batch)`` does all that one batch is for, as for two networks that play against each other, each
      with its optimizer, and returns numbers, "loss" among them. (Then ``accumulate``, ``clip_norm`` and
      ``schedule`` are its own business, and it saves in `Callback` what is not in model and optimizer.)

      >>> class Adversaries(Trainer):
      ...     def step(self, batch):
      ...         x, *_ = batch
      ...         found = {}
      ...         for name, loss, optimizer in (
      ...             ("judging", self.judging, self.judges), ("loss", self.forging, self.optimizer)
      ...         ):
      ...             value = loss(x)
      ...             self.model.cleargrads()
      ...             value.backward()
      ...             optimizer.update()
      ...             found[name] = float(value)
      ...         return found

    Parameters
    ----------
    model : Layer
    optimizer : Optimizer
        Of the model's parameters.
    loss : callable
        ``loss(y, t)`` gives a 0-d Variable. None where a subclass does not need it.
    metrics : dict of str to callable, optional
        ``{"accuracy": f}``: ``f(y, t)`` takes what the model gave, as arrays, and gives a number. Averaged
        over batches by their sizes.
    schedule : optional
        Its ``step()`` is called after each update. One that looks at a metric (`ReduceOnPlateau`) is called
        after each epoch, with the column of the history that `fit` monitors.
    clip_norm : float, optional
        Scale the gradients down to this norm, all together, where it is larger.
    accumulate : int
        Update after so many batches, by the mean of their gradients, as if they were one large batch:
        for what does not fit into memory at once. (Layers that look across a batch, such as BatchNorm,
        see the small ones.)
    callbacks : iterable of Callback
    progress : bool
        Show a bar for each epoch, where standard error is a terminal. Needs tqdm.
    compile : bool
        Compile the steps (see `wengert.compile`), for each size of batch anew: loss, metrics and gradients as one
        function, the update of the optimizer as another. What cannot be compiled runs eagerly, with a warning. A
        subclass that writes ``step`` compiles what it likes itself.

    Attributes
    ----------
    history : list of dict
        A row for each epoch: ``epoch`` (from 1), ``step`` (updates so far), ``loss``, the metrics,
        ``valid_loss``, ``valid_...``, ``learning_rate``, ``seconds``. That of an epoch which was left
        early has ``partial`` too.
    epoch, steps : int
        How many are done.
    interrupted : bool
        Whether the last `fit` was ended by Ctrl-C.
    best : dict or None
        With early stopping: the ``epoch`` (from 1) of the best weights, and the ``value`` that it had.

    Notes
    -----
    All random numbers come from `wengert.seed`; called once, before the model and the loaders are made, it
    makes the same run again, to the bit.

    Not thread-safe.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.optimizers import SGD
    >>> wengert.seed(0)
    >>> x = np.linspace(-1, 1, 20, dtype=np.float32)[:, None]
    >>> model = wengert.layers.Linear(1, 1)
    >>> trainer = Trainer(model, SGD(model, 0.5), lambda y, t: np.mean((y - t) ** 2), progress=False)
    >>> history = trainer.fit([(x, 3 * x + 1)], epochs=50)
    >>> history[-1]["step"], history[-1]["loss"] < 1e-4
    (50, True)
    >>> np.round(trainer.predict(np.array([[2.0]], np.float32)), 1)
    array([[7.]], dtype=float32)
    """

    # What a step neither reads nor changes.
    transient: ClassVar[tuple[str, ...]] = (
        "callbacks", "compiled", "gathered", "half_done", "interrupted", "progress", "random_to_set", "run", "schedule",
        "stopping", "train_loader", "valid_loader",
    )  # fmt: skip

    def __init__(
        self,
        model: Layer,
        optimizer: Any,
        loss: Callable[..., Any] | None,
        *,
        metrics: Mapping[str, Callable[..., Any]] | None = None,
        schedule: Any = None,
        clip_norm: float | None = None,
        accumulate: int = 1,
        callbacks: Iterable[Callback] = (),
        progress: bool = True,
        compile: bool = False,
    ) -> None:
        if not isinstance(model, Layer):
            raise TypeError(f"a Trainer takes a Layer as its model, but got {describe(model)}")
        if isinstance(optimizer, type) or not (hasattr(optimizer, "update") and has_state(optimizer)):
            raise TypeError(f"a Trainer takes an optimizer, as Adam(model), but got {described(optimizer)}")
        loss = None if loss is None else options.function(loss, "loss", "a Trainer")
        metrics = {} if metrics is None else metrics
        if not isinstance(metrics, Mapping) or not all(callable(f) for f in metrics.values()):
            raise TypeError(f'metrics come as a dict of functions, {{"accuracy": f}}, but got {describe(metrics)}')
        for name in metrics:
            options.text(name, "name", "a metric")
            if name in ("loss", *AROUND) or name.startswith("valid_"):
                raise ValueError(f"a metric cannot be named {name!r}, which the history has for another; rename it")
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = dict(metrics)
        self.schedule = schedule
        if not isinstance(callbacks, Iterable) or isinstance(callbacks, (Variable, np.ndarray, Mapping, str, bytes)):
            raise TypeError(f"callbacks come in a list, [MyCallback()], but got {describe(callbacks)}")
        found: list[Any] = list(callbacks)
        for each in found:
            if not isinstance(each, Callback):
                raise TypeError(f"callbacks are instances of Callback, but got {describe(each)}")
        if schedule is not None:
            check_schedule(schedule, optimizer if type(self).step is Trainer.step else None)
        self.callbacks: list[Any] = found
        self.progress = options.flag(progress, "progress", "Trainer")
        self.gathered = Gathered(accumulate, clip_norm)
        self.compiled = self.compiled_steps() if options.flag(compile, "compile", "Trainer") else None
        self.run = Run()
        self.train_loader: Any = None  # of the last fit
        self.valid_loader: Any = None
        self.random_to_set: Any = None  # by the next fit: a loaded state
        self.interrupted = False
        self.stopping = False
        self.half_done = False  # whether an exception has broken off a step after an update had begun

    @property
    def history(self) -> list[dict[str, Any]]:
        return self.run.history

    @property
    def epoch(self) -> int:
        return self.run.epoch

    @property
    def steps(self) -> int:
        return self.run.steps

    @property
    def best(self) -> dict[str, Any] | None:
        run = self.run
        return None if run.best_epoch is None else {"epoch": run.best_epoch, "value": run.best_value}

    def stop(self) -> None:
        """End `fit` after the running step: for callbacks. The next `fit` goes on where an epoch was left."""
        self.stopping = True

    def compiled_steps(self) -> CompiledSteps:
        """Compile what a step does."""
        if type(self).step is not Trainer.step:
            raise ValueError("compile=True compiles Trainer's step; a subclass that writes step compiles it itself")
        from wengert.training.compiling import CompiledSteps

        return CompiledSteps(self, own=type(self).compute is not Trainer.compute or self.loss is None)

    # What a subclass may write

    def compute(self, batch: Any) -> Any:
        """Return the loss of a batch, a 0-d Variable, and other numbers by name; used in `evaluate` too.

        A subclass may return the loss alone.
        """
        if self.loss is None:
            raise TypeError("this Trainer was given no loss; give it loss(y, t), or write compute(self, batch)")
        check_pair(batch)
        *inputs, t = batch
        y = self.model(*inputs)
        return self.loss(y, t), self.measured(y, t)

    def measured(self, y: Any, t: Any) -> dict[str, Any]:
        """Return the metrics of what the model gave, by their names."""
        arrays = arrays_of(y) if self.metrics else y
        return {name: f(arrays, t) for name, f in self.metrics.items()}

    def step(self, batch: Any) -> dict[str, float]:
        """Do all that one batch of training is for; return the loss and other numbers.

        Raises
        ------
        FloatingPointError
            If the loss or a gradient is NaN or infinite. The parameters are not updated then.
        """
        gathered = self.gathered
        gradients = gradients_of if self.compiled is None else self.compiled.gradients
        values = numbers(self, *gradients(self, batch, not gathered.batches, gathered.weight_of(batch)))
        if not isfinite(values["loss"]):
            raise FloatingPointError(self.trouble(f"the loss is {values['loss']}"))
        gathered.count(batch)
        if gathered.batches == gathered.accumulate:
            self.update()
        return values

    def update(self) -> None:
        """Update the parameters by the gradients gathered: the end of a step."""
        trouble = self.gathered.finish(self.model, self.optimizer)
        if trouble:
            raise FloatingPointError(self.trouble(trouble))
        if self.compiled is None and isinstance(self.optimizer, Optimizer):
            self.optimizer.update()
        else:
            with Uninterrupted(joins=True):
                (self.optimizer if self.compiled is None else self.compiled).update()
        if self.schedule is not None and not takes_result(self.schedule):
            self.schedule.step()

    def trouble(self, what: str, parameters: str = "are as they were before it") -> str:
        """Say what is not finite, where, and what to do about it."""
        run, rate = self.run, learning_rate_of(self.optimizer)
        batch = run.batch + self.gathered.begun
        return (
            f"{what}, at epoch {run.epoch + 1}, step {run.steps + 1} (batch {batch} of the epoch); the parameters "
            f"{parameters}. Lower the learning rate{'' if rate is None else f' (now {rate:g})'}, clip the gradients "
            "(clip_norm=1), look at the batch, or train in a block `with wengert.debug():` to see where it was made"
        )

    # What a program calls

    def fit(
        self,
        train: Any,
        valid: Any = None,
        epochs: int = 1,
        *,
        patience: float | None = None,
        monitor: str | None = None,
        larger_is_better: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        every: int | str = "epoch",
        resume: bool = True,
    ) -> list[dict[str, Any]]:
        """Train for `epochs` epochs, or go on with a run that was left early; return the history.

        Ctrl-C ends it after the running step, and validation at once: `interrupted` is then True, the row
        of the unfinished epoch is in the history, and the next `fit` goes on with the very next batch. A
        second Ctrl-C raises KeyboardInterrupt, at once or when the running update and its callbacks are
        done; the next `fit` then repeats the batch that was broken off, as it does after any other
        exception. In both cases the run ends with the same numbers, to the bit, as if it had not stopped.

        Parameters
        ----------
        train, valid : DataLoader, or any iterable of batches that can be read again
        epochs : int
            A `fit` that was interrupted, stopped inside of an epoch, or left by an error counts them from
            where it began.
        patience : int, optional
            Early stopping: end after so many epochs in a row without a better value, and go back to the
            best weights at the end in any case. ``np.inf`` does the latter only.
        monitor : str, optional
            The column of the history that early stopping, and a schedule that waits for a plateau, look
            at; by default "valid_loss", without `valid` "loss".
        larger_is_better : bool
            As for an accuracy.
        checkpoint : path, optional
            Save the run here (see `save_run`), when it is interrupted too. Of several calls of `fit` each has a
            file of its own: a run that is loaded goes on with the call that saved it.
        every : "epoch" or int
            When to save: after each epoch, or after each so many steps and at the end.
        resume : bool
            Where `checkpoint` is there already, and this trainer has not trained yet, go on with that run:
            a program that is started again goes on where it was, to the bit. What was done is not done
            again; a program that is started again after the end trains no more (if a callback has ended it, to
            be asked again after one more epoch). Learning rates and options of the optimizer are those of the
            file; a loader may only change between two epochs.

        Raises
        ------
        FloatingPointError
            If the loss or a gradient is NaN or infinite. The parameters are not updated then.
        ValueError
            If there are no batches, or the loss is no 0-d value with a graph.
        RuntimeError
            If an exception has broken off the last `fit` within an update, so that there is nothing to go on from.
        """
        plan = Plan(epochs, patience, monitor, larger_is_better, checkpoint, every)
        check_batches(train, "what fit trains on")
        if isinstance(valid, (int, np.integer)):
            raise TypeError(
                f"the second argument of fit is what it validates on, but got {valid}; write fit(train, epochs={valid})"
            )
        if valid is not None:
            check_batches(valid, "what fit validates on")
        resume = options.flag(resume, "resume", "fit")
        progress = Progress(self.progress)
        fresh = not (self.run.steps or self.run.batch or self.run.epoch)
        if checkpoint is not None and resume and fresh and os.path.exists(checkpoint):
            load_run(checkpoint, self)
            progress.say(f"goes on with {os.fspath(checkpoint)}: {self.epoch} epochs, {self.steps} steps done")
        self.check_whole()
        self.interrupted = self.stopping = False
        self.train_loader, self.valid_loader = train, valid
        self.gathered.forget()
        Fitting(self, plan, progress).run_all()
        return self.history

    def check_whole(self) -> None:
        """Raise RuntimeError if an exception has broken off the last step within its update."""
        if self.half_done:
            raise RuntimeError(
                "an exception has broken off the last step of this Trainer within its update, so that its parameters, "
                "its optimizer and its counts do not belong together; load the last checkpoint (load_run(path, "
                "trainer)), or make model, optimizer and Trainer anew"
            )

    def evaluate(self, loader: Any) -> dict[str, float]:
        """Return the mean loss and metrics over all batches, in test mode and without recording.

        Raises
        ------
        ValueError
            If there are no batches.
        """
        check_batches(loader, "what evaluate reads")
        return evaluated(self, loader, lambda: False) or {}

    def predict(self, data: Any, *, batch_size: int = 256, targets: bool = True) -> Any:
        """Return what the model gives for an array, or for all batches: one array, in test mode.

        Parameters
        ----------
        data : ndarray, or DataLoader or iterable of batches
            An array goes through in pieces of `batch_size`. Of batches that are tuples, the last part is
            left out, as the target, where there are several. (A list is one of batches, not of numbers.)
        targets : bool
            Whether batches have a target.

        Returns
        -------
        ndarray, or for a model that gives tuples or dicts, one of ndarrays

        Raises
        ------
        TypeError, ValueError
            If `data` is no array and no batches, or there are none, or the model gives 0-d arrays.
        """
        batch_size = options.integer(batch_size, "batch_size", "predict", 1)
        targets = options.flag(targets, "targets", "predict")
        with no_grad(), test_mode():
            pieces = [arrays_of(self.model(*inputs)) for inputs in inputs_of(data, batch_size, targets)]
        if not pieces:
            raise ValueError(f"there is nothing to predict from: {describe(data)} gave no batch")
        return joined(pieces)

    def save_history(self, path: str | os.PathLike[str]) -> None:
        """Write the history as CSV: see `wengert.training.save_history`."""
        save_history(self.history, path)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the history as a matplotlib Figure, and save it: see `wengert.training.plot_history`."""
        return plot_history(self.history, path, self.run.best_epoch)
