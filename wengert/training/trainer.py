"""Trainer: the loop around a model, an optimizer and a loss."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.interrupts import Uninterrupted
from wengert.core.variable import Variable
from wengert.custom.modes import no_grad
from wengert.functions.training_mode import test_mode
from wengert.layers.layer import Layer
from wengert.optimizers.optimizer import Optimizer
from wengert.training._fit import Fitting, learning_rate_of
from wengert.training.batches import (
    arrays_of,
    as_loader,
    check_batches,
    check_pair,
    has_examples,
    inputs_of,
    joined,
)
from wengert.training.callbacks import Callback
from wengert.training.checkpoints import has_state, load_run
from wengert.training.evaluation import evaluated, numbers
from wengert.training.gradients import Gathered, gradients_of
from wengert.training.history import AROUND, plot_history, save_history
from wengert.training.plan import Plan
from wengert.training.progress import Progress
from wengert.training.run import Run
from wengert.training.schedules import check_schedule, described, takes_result
from wengert.training.together import together

if TYPE_CHECKING:
    from wengert.training.compiled_steps import CompiledSteps

__all__ = ["Trainer"]

EVALUATED = 256  # examples in a batch of arrays where nothing is trained


class Trainer:
    """Trains a model: epochs of steps, validation, early stopping, checkpoints, a history.

    A batch is a tuple ``(x, t)``, or ``(x1, x2, ..., t)`` for a model of several inputs: the last is the
    target, and all before go to the model. The loss is ``loss(model(x), t)``, a mean over the batch. For other kinds of
    training, write a subclass:

    - ``compute(batch)`` returns the loss and other numbers to report, as for a variational autoencoder, which has no
      target:

      >>> from wengert.training import Trainer
      >>> class Reconstruction(Trainer):
      ...     def compute(self, batch):
      ...         x, *_ = batch
      ...         y, mean, log_variance = self.model(x)
      ...         apart = divergence(mean, log_variance)
      ...         return self.loss(y, x) + apart, {"divergence": float(apart)}

    - ``step(batch)`` does a complete training step, as for adversarial networks, each with its optimizer, and returns
      numbers, including "loss". (It must handle ``accumulate``, ``clip_norm`` and ``schedule`` itself, and save state
      outside of model and optimizer in a `Callback`.)

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
        ``loss(y, t)`` returns a 0-d Variable. None if a subclass does not need it.
    metrics : dict of str to callable, optional
        ``{"accuracy": f}``: ``f(y, t)`` takes the output of the model, as arrays, and returns a number. Averaged over
        batches, weighted by size.
    schedule : optional
        Its ``step()`` is called after each update. One that takes a metric (`ReduceOnPlateau`) is stepped after each
        epoch, with the column of the history that `fit` monitors.
    clip_norm : float, optional
        Clip the global norm of the gradients to this.
    accumulate : int
        Update after this number of batches, with the mean of their gradients, as if they were one large batch that does
        not fit into memory. (Layers that compute over the batch, such as BatchNorm, use the small ones.)
    callbacks : iterable of Callback
    progress : bool
        Whether to show a bar for each epoch: in a notebook, or if standard error is a terminal (needs tqdm).
    compile : bool
        Whether to compile the steps (see `wengert.compile`), for each batch size: loss, metrics and gradients as one
        function, the update of the optimizer as another. What cannot be compiled runs eagerly, with a warning. A
        subclass that defines ``step`` has to compile it itself.
    parallel : "auto", None or wengert.parallel.MPI
        By default the ranks of the MPI job, if the program was started by a launcher of MPI, ``mpiexec -n 4 python
        train.py``. Each rank has its part of every batch, and all have the same numbers after every step: those of one
        process, up to rounding. Metrics are means over examples. All ranks must call `fit` and `evaluate`; rank 0
        shows progress and writes checkpoints and logs.

    Attributes
    ----------
    history : list of dict
        A row for each epoch: ``epoch`` (from 1), ``step`` (updates so far), ``loss``, the metrics,
        ``valid_loss``, ``valid_...``, ``learning_rate``, ``seconds``. That of an unfinished epoch has ``partial`` too.
    epoch, steps : int
        The numbers of epochs and updates done.
    interrupted : bool
        Whether the last `fit` was ended by Ctrl-C.
    best : dict or None
        With early stopping: the ``epoch`` (from 1) of the best weights, and the ``value`` that it had.

    Notes
    -----
    All random numbers come from `wengert.seed`; called once, before the model and the loaders are made, it makes runs
    reproducible to the bit.

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
        "stopping", "together", "train_loader", "valid_loader",
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
        parallel: Any = "auto",
    ) -> None:
        if not isinstance(model, Layer):
            raise TypeError(f"a Trainer takes a Layer as its model, but got {describe(model)}")
        if isinstance(optimizer, type) or not (hasattr(optimizer, "update") and has_state(optimizer)):
            raise TypeError(f"a Trainer takes an optimizer, as Adam(model), but got {described(optimizer)}")
        loss = None if loss is None else options.function(loss, "loss", "a Trainer")
        metrics = {} if metrics is None else metrics
        if not isinstance(metrics, Mapping) or not all(callable(f) for f in metrics.values()):
            raise TypeError(f'metrics must be a dict of functions, {{"accuracy": f}}, but got {describe(metrics)}')
        for name in metrics:
            options.text(name, "name", "a metric")
            if name in ("loss", *AROUND) or name.startswith("valid_"):
                raise ValueError(f"a metric cannot be named {name!r}, a reserved column of the history; rename it")
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = dict(metrics)
        self.schedule = schedule
        if not isinstance(callbacks, Iterable) or isinstance(callbacks, (Variable, np.ndarray, Mapping, str, bytes)):
            raise TypeError(f"callbacks must be a list, [MyCallback()], but got {describe(callbacks)}")
        found: list[Any] = list(callbacks)
        for each in found:
            if not isinstance(each, Callback):
                raise TypeError(f"callbacks are instances of Callback, but got {describe(each)}")
        if schedule is not None:
            check_schedule(schedule, optimizer if type(self).step is Trainer.step else None)
        self.compiled = self.compiled_steps() if options.flag(compile, "compile", "Trainer") else None
        self.together = together(parallel, self)
        others = self.together is not None and self.together.ranks.rank > 0
        self.callbacks: list[Any] = [each for each in found if not (others and each.one_rank)]
        self.progress = options.flag(progress, "progress", "Trainer") and not others
        if self.together is not None and type(self).step is not Trainer.step:
            raise ValueError(
                "Trainer's step averages gradients over the ranks of MPI; a subclass that defines step trains on one "
                "process: write Trainer(..., parallel=None), or define compute"
            )
        if self.compiled is not None and self.together is not None and self.together.ranks.share_batch_statistics:
            raise ValueError(
                "compile=True cannot share the statistics of BatchNorm; write share_batch_statistics=False"
            )
        self.gathered = Gathered(accumulate, clip_norm)
        self.run = Run()
        self.train_loader: Any = None  # of the last fit
        self.valid_loader: Any = None
        self.random_to_set: Any = None  # a loaded state, for the next fit
        self.interrupted = False
        self.stopping = False
        self.half_done = False  # whether an exception has interrupted a step during its update

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
        """End `fit` after the current step; for callbacks. The next `fit` resumes an unfinished epoch."""
        self.stopping = True

    def compiled_steps(self) -> CompiledSteps:
        """Compile the step."""
        if type(self).step is not Trainer.step:
            raise ValueError(
                "compile=True compiles Trainer's step; a subclass that defines step has to compile it itself"
            )
        from wengert.training.compiled_steps import CompiledSteps

        return CompiledSteps(self, own=type(self).compute is not Trainer.compute or self.loss is None)

    # Methods that a subclass may override

    def compute(self, batch: Any) -> Any:
        """Return the loss of a batch, a 0-d Variable, and other numbers by name; used by `evaluate` too.

        A subclass may return the loss alone.
        """
        if self.loss is None:
            raise TypeError("this Trainer has no loss; pass loss(y, t), or define compute(self, batch)")
        check_pair(batch)
        *inputs, t = batch
        y = self.model(*inputs)
        return self.loss(y, t), self.measured(y, t)

    def measured(self, y: Any, t: Any) -> dict[str, Any]:
        """Return the metrics of an output of the model, by name."""
        arrays = arrays_of(y) if self.metrics else y
        return {name: f(arrays, t) for name, f in self.metrics.items()}

    def step(self, batch: Any) -> dict[str, float]:
        """Make a training step with one batch; return the loss and other numbers.

        Raises
        ------
        FloatingPointError
            If the loss or a gradient is NaN or infinite. The parameters are not updated then.
        """
        gathered = self.gathered
        gradients = gradients_of if self.compiled is None else self.compiled.gradients
        first, weight = not gathered.batches, gathered.weight_of(batch, self.together)
        if self.together is None:
            values = numbers(self, *gradients(self, batch, first, weight))
        else:
            with self.together.apart(), self.together.forward_together():
                values = numbers(self, *gradients(self, batch, first, weight))
            values = self.together.agree(values)
        if not isfinite(values["loss"]):
            raise FloatingPointError(self.trouble(f"the loss is {values['loss']}"))
        gathered.count(batch, self.together)
        if gathered.batches == gathered.accumulate:
            self.update()
        return values

    def update(self) -> None:
        """Update the parameters with the accumulated gradients: the end of a step."""
        if self.together is not None:
            self.together.average()
        trouble = self.gathered.finish(self.model, self.optimizer)
        if trouble:
            raise FloatingPointError(self.trouble(trouble))
        if self.together is None:
            self.change()
        else:
            with self.together.updating():
                self.change()
        if self.schedule is not None and not takes_result(self.schedule):
            self.schedule.step()

    def change(self) -> None:
        """Have the optimizer change the parameters."""
        if self.compiled is not None:
            self.compiled.prepare()
            with Uninterrupted(joins=True):
                self.compiled.update()
        elif isinstance(self.optimizer, Optimizer):
            self.optimizer.update()  # which is uninterrupted itself, after its checks
        else:
            with Uninterrupted(joins=True):
                self.optimizer.update()

    def trouble(self, what: str, parameters: str = "are unchanged by it") -> str:
        """Make the error for a non-finite loss or gradient, with its position and advice."""
        run, rate = self.run, learning_rate_of(self.optimizer)
        batch = run.batch + self.gathered.begun
        return (
            f"{what}, at epoch {run.epoch + 1}, step {run.steps + 1} (batch {batch} of the epoch); the parameters "
            f"{parameters}. Lower the learning rate{'' if rate is None else f' (now {rate:g})'}, clip the gradients "
            "(clip_norm=1), inspect the batch, or train in a block `with wengert.debug():` to see where it was made"
        )

    # Methods for users

    def fit(
        self,
        train: Any,
        valid: Any = None,
        epochs: int = 1,
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        patience: float | None = None,
        monitor: str | None = None,
        larger_is_better: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        every: int | str = "epoch",
        resume: bool = True,
    ) -> list[dict[str, Any]]:
        """Train for `epochs` epochs, or resume an unfinished run; return the history.

        Ctrl-C ends it after the current step, and validation at once: `interrupted` is then True, the row of the
        unfinished epoch is in the history, and the next `fit` resumes with the next batch. A second Ctrl-C raises
        KeyboardInterrupt, at once or when the current update and its callbacks are done; the next `fit` then repeats
        the interrupted batch, as it does after any other exception. In both cases the run gives the same numbers, to
        the bit, as an uninterrupted one.

        Parameters
        ----------
        train, valid : DataLoader, or any iterable of batches that can be read again
            Or arrays: ``fit(x, t)``, and with validation ``fit((x, t), (x_valid, t_valid))``; ``(x1, x2, t)`` for a
            model of two inputs. Tables of pandas and tensors are converted.
        epochs : int
            A resumed `fit` (interrupted, stopped within an epoch, or ended by an error) counts them from its original
            start.
        batch_size : int
            Of arrays.
        shuffle : bool
            Whether arrays to train on are put into a new random order in each epoch.
        patience : int, optional
            Early stopping: end after this number of epochs without an improvement. The best weights are restored at the
            end in any case; ``np.inf`` does only that.
        monitor : str, optional
            The column of the history that early stopping and `ReduceOnPlateau` monitor; by default "valid_loss",
            without `valid` "loss".
        larger_is_better : bool
            As for an accuracy.
        checkpoint : path, optional
            Save the run here (see `save_run`), also when it is interrupted. Several calls of `fit` need a file each: a
            loaded run resumes the call that saved it.
        every : "epoch" or int
            When to save: after each epoch, or after each `every` steps and at the end.
        resume : bool
            Whether to resume the run in `checkpoint`, if the file exists and this trainer has not trained yet: a
            restarted program continues exactly, to the bit. A program that is restarted after the end does not train
            again (if a callback has ended it, it trains one more epoch). Learning rates and options of the optimizer
            are those of the file; a loader may only change between two epochs.

        Raises
        ------
        FloatingPointError
            If the loss or a gradient is NaN or infinite. The parameters are not updated then.
        ValueError
            If there are no batches, or the loss is not a 0-d value with a graph.
        RuntimeError
            If an exception has interrupted the last `fit` during an update, so that it cannot be resumed.
        """
        plan = Plan(epochs, patience, monitor, larger_is_better, checkpoint, every)
        if has_examples(train) and has_examples(valid):
            train, valid = (train, valid), None
        train = as_loader(train, batch_size, shuffle, "fit")
        check_batches(train, "what fit trains on")
        if isinstance(valid, (int, np.integer)):
            raise TypeError(
                f"the second argument of fit is what it validates on, but got {valid}; write fit(train, epochs={valid})"
            )
        if valid is not None:
            valid = as_loader(valid, max(batch_size, EVALUATED), False, "fit")
            check_batches(valid, "what fit validates on")
        resume = options.flag(resume, "resume", "fit")
        progress = Progress(self.progress)
        fresh = not (self.run.steps or self.run.batch or self.run.epoch)
        if checkpoint is not None and resume and fresh and self.resumes(checkpoint):
            progress.say(f"resumes {os.fspath(checkpoint)}: {self.epoch} epochs, {self.steps} steps done")
        self.check_not_interrupted()
        self.interrupted = self.stopping = False
        self.train_loader, self.valid_loader = train, valid
        self.gathered.forget()
        with contextlib.nullcontext() if self.together is None else self.together.ending():
            Fitting(self, plan, progress).run_all()
        return self.history

    def resumes(self, checkpoint: str | os.PathLike[str]) -> bool:
        """Load the run in a file, where there is one; return whether there is."""
        found = os.path.exists(checkpoint)
        if self.together is not None:
            return self.together.load(checkpoint, found)
        if found:
            load_run(checkpoint, self)
        return found

    def check_not_interrupted(self) -> None:
        """Raise RuntimeError if an exception has interrupted the last update."""
        if self.half_done:
            raise RuntimeError(
                "an exception has interrupted the last update of this Trainer, so that its parameters, its optimizer "
                "and its counters are inconsistent; load the last checkpoint (load_run(path, trainer)), or make a new "
                "model, optimizer and Trainer"
            )

    def evaluate(self, loader: Any, t: Any = None, *, batch_size: int = EVALUATED) -> dict[str, float]:
        """Return the mean loss and metrics over all batches, in test mode and without recording.

        Parameters
        ----------
        loader : DataLoader, or any iterable of batches
            Or arrays: ``evaluate(x, t)``, or a tuple ``(x, t)``.
        t : array, optional
            The targets, if `loader` is an array of inputs.
        batch_size : int
            Of arrays.

        Raises
        ------
        ValueError
            If there are no batches.
        """
        if t is not None:
            loader = (loader, t)
        loader = as_loader(loader, batch_size, False, "evaluate")
        check_batches(loader, "what evaluate reads")
        return evaluated(self, loader, lambda: False) or {}

    def predict(self, data: Any, *, batch_size: int = EVALUATED, targets: bool = True) -> Any:
        """Return the output of the model for an array, or for all batches, as one array, in test mode.

        Parameters
        ----------
        data : ndarray, or DataLoader or iterable of batches
            An array is processed in slices of `batch_size`. The last part of a batch that is a tuple of several is
            dropped, as the target. (A list is a list of batches, not of numbers.)
        targets : bool
            Whether batches have a target.

        Returns
        -------
        ndarray, or for a model that returns tuples or dicts, one of ndarrays

        Raises
        ------
        TypeError, ValueError
            If `data` is neither an array nor batches, or is empty, or the model returns 0-d arrays.
        """
        batch_size = options.integer(batch_size, "batch_size", "predict", 1)
        targets = options.flag(targets, "targets", "predict")
        with no_grad(), test_mode():
            pieces = [arrays_of(self.model(*inputs)) for inputs in inputs_of(data, batch_size, targets)]
        if not pieces:
            raise ValueError(f"there is nothing to predict from: {describe(data)} has no batch")
        return joined(pieces)

    def save_history(self, path: str | os.PathLike[str]) -> None:
        """Write the history as CSV: see `wengert.training.save_history`."""
        save_history(self.history, path)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Plot the history as a matplotlib Figure, and save it: see `wengert.training.plot_history`."""
        return plot_history(self.history, path, self.run.best_epoch)
