"""Ctrl-C and exceptions at any moment: what waits, what is put back, and what is reported."""

import multiprocessing
import signal
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import wengert
from tests.installed import needs_llvm
from tests.torture.interrupted_steps import VARIANTS, interrupt_steps
from tests.torture.interrupts import interrupt_loaders
from wengert.checks.interrupts import Transaction, Uninterrupted
from wengert.core.variable import Parameter
from wengert.datasets import ArrayDataset, DataLoader, worker_processes
from wengert.functions import adaptive_average_pool2d
from wengert.layers import BatchNorm, Linear, Sequential
from wengert.optimizers import LBFGS, SGD, Adam, ExponentialDecay, Optimizer
from wengert.training import Callback, Trainer, load_run, save_run

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
T = X.sum(axis=1, keepdims=True)


class WithInterrupts(unittest.TestCase):
    """Ctrl-C raises KeyboardInterrupt, also where whoever started the tests has it ignored."""

    def setUp(self) -> None:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        self.addCleanup(lambda: self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler))


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


class UninterruptedTest(WithInterrupts):
    def test_it_waits_for_the_end_of_the_outermost_block(self) -> None:
        done = []
        with self.assertRaises(KeyboardInterrupt), Uninterrupted():
            with Uninterrupted():
                interrupt()
                interrupt()
                done.append(1)
            done.append(2)
        self.assertEqual(done, [1, 2])
        with self.assertRaises(KeyboardInterrupt):
            interrupt()

    def test_an_exception_of_the_block_is_the_context(self) -> None:
        with self.assertRaises(KeyboardInterrupt) as caught, Uninterrupted():
            interrupt()
            raise KeyError("lost")
        self.assertIsInstance(caught.exception.__context__, KeyError)

    def test_the_handler_of_the_program_is_called_for_each(self) -> None:
        seen: list[int] = []
        signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
        with Uninterrupted():
            interrupt()
            interrupt()
            self.assertEqual(seen, [])
        self.assertEqual(seen, [signal.SIGINT] * 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def test_nothing_is_touched_where_it_is_ignored_nor_in_other_threads(self) -> None:
        with mock.patch("wengert.checks.interrupts.set_handler", side_effect=AssertionError):
            thread = threading.Thread(target=Uninterrupted().__enter__)
            thread.start()
            thread.join()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with Uninterrupted():
            interrupt()
            self.assertIs(signal.getsignal(signal.SIGINT), signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def test_a_block_that_joins_a_transaction_lasts_to_its_end(self) -> None:
        done = []
        transaction = Transaction()
        with self.assertRaises(KeyboardInterrupt), transaction:
            with Uninterrupted(joins=True):
                pass
            interrupt()
            done.append(1)
        self.assertEqual((done, transaction.began), ([1], True))
        with self.assertRaises(KeyboardInterrupt), transaction:
            with Uninterrupted():
                pass
            interrupt()
            done.append(2)
        self.assertEqual((done, transaction.began), ([1], False))


class Halting(Optimizer):
    """Fails at the parameters of three elements, as where memory runs out."""

    failing = True

    def __init__(self, params: Any) -> None:
        super().__init__(params, {"learning_rate": 0.5})

    def update_one(self, param: Parameter, group: Any, state: Any) -> None:
        if self.failing and param.size == 3:
            raise MemoryError("no memory")
        param.data -= group.learning_rate * param.grad


class OptimizersTest(WithInterrupts):
    def parameters(self) -> list[Parameter]:
        params = [Parameter(np.ones(2)), Parameter(np.ones(3))]
        for p in params:
            p.grad = np.ones(p.shape)
        return params

    def test_an_update_that_is_interrupted_is_reported(self) -> None:
        params = self.parameters()
        optimizer = Halting(params)
        before = optimizer.state_dict()
        with self.assertRaisesRegex(MemoryError, "no memory"):
            optimizer.update()
        self.assertTrue(optimizer.half_updated)
        with self.assertRaisesRegex(
            RuntimeError, r"the last update of this Halting was interrupted .* load earlier states \(model"
        ):
            optimizer.update()
        np.testing.assert_array_equal(params[0].data, np.full(2, 0.5))
        optimizer.failing = False
        optimizer.load_state_dict({name: a for name, a in before.items() if name.startswith("groups")})
        optimizer.update()
        np.testing.assert_array_equal(params[1].data, np.full(3, 0.5))

    def test_what_cannot_be_updated_is_refused_before_anything_is_changed(self) -> None:
        for kind in (SGD, Adam):
            params = self.parameters()
            groups = [{"params": [params[0]]}, {"params": [params[1]]}]
            optimizer = kind(groups, 0.1)
            optimizer.update()
            before = params[0].data.copy()
            params[1]._data = np.ones(4)
            params[1].grad = np.ones(4)
            with self.assertRaisesRegex(ValueError, "a parameter must keep its shape"):
                optimizer.update()
            np.testing.assert_array_equal(params[0].data, before)
            self.assertFalse(optimizer.half_updated)
            self.assertEqual(optimizer.state_dict()["state.0.0.step"], 1)

    def test_ctrl_c_waits_for_the_last_parameter(self) -> None:
        class Interrupted(Halting):
            failing = False

            def update_one(self, param: Parameter, group: Any, state: Any) -> None:
                interrupt()
                super().update_one(param, group, state)

        params = self.parameters()
        optimizer = Interrupted(params)
        with self.assertRaises(KeyboardInterrupt):
            optimizer.update()
        for p in params:
            np.testing.assert_array_equal(p.data, np.full(p.shape, 0.5))
        self.assertFalse(optimizer.half_updated)

    def test_a_search_that_is_interrupted_changes_nothing(self) -> None:
        p = Parameter(np.array([3.0, 4.0]))
        optimizer, calls = LBFGS([p]), []

        def loss() -> Any:
            calls.append(p.data.copy())
            if len(calls) == 3:
                raise KeyboardInterrupt
            return np.sum((p - 1) ** 4)

        with self.assertRaises(KeyboardInterrupt):
            optimizer.update(loss)
        self.assertFalse(np.array_equal(calls[2], [3.0, 4.0]))
        np.testing.assert_array_equal(p.data, [3.0, 4.0])
        self.assertEqual(optimizer.states[p]["step"], 0)

    def test_a_schedule_that_fails_has_not_stepped(self) -> None:
        class Failing(ExponentialDecay):
            def rates(self, step: int) -> Any:
                if step == 1:
                    raise KeyError("a trouble")
                return super().rates(step)

        schedule = Failing(SGD([Parameter(np.ones(1))], 0.5), 0.5)
        with self.assertRaises(KeyError):
            schedule.step()
        self.assertEqual(schedule.step_count, 0)


def squared(y: Any, t: Any) -> Any:
    return np.mean((y - t) ** 2)


class TrainerTest(WithInterrupts):
    def trainer(self, loss: Any = squared, **options: Any) -> Trainer:
        model = Sequential(Linear(3, 4), BatchNorm(4), Linear(4, 1))
        for p in model.params().values():
            p.data[...] = 0.1
        return Trainer(model, SGD(model, 0.1), loss, progress=False, **options)

    def loader(self) -> DataLoader:
        return DataLoader(ArrayDataset(X, T), 3, shuffle=True, seed=0)

    def test_a_batch_that_fails_is_repeated(self) -> None:
        calls = [0]

        def loss(y: Any, t: Any) -> Any:
            calls[0] += 1
            if calls[0] in (1, 3, 6):
                raise MemoryError("no memory")
            return squared(y, t)

        whole = self.trainer()
        whole.fit(self.loader(), epochs=2)
        trainer, loader = self.trainer(loss), self.loader()
        for done in (0, 1, 3):
            with self.assertRaisesRegex(MemoryError, "no memory"):
                trainer.fit(loader, epochs=2)
            self.assertEqual((trainer.steps, trainer.run.batch), (done, done))
        trainer.fit(loader, epochs=2)
        self.assertEqual((trainer.epoch, trainer.steps), (2, 8))
        for name, array in whole.model.state_dict().items():
            np.testing.assert_array_equal(trainer.model.state_dict()[name], array)
        self.assertEqual([row["loss"] for row in trainer.history], [row["loss"] for row in whole.history])

    def test_a_step_interrupted_in_its_update_is_reported(self) -> None:
        class Failing(ExponentialDecay):
            failing = True

            def step(self) -> None:
                if self.failing and self.step_count == 1:
                    raise MemoryError("no memory")
                super().step()

        trainer, loader = self.trainer(), self.loader()
        trainer.schedule = schedule = Failing(trainer.optimizer, 0.5)
        with self.assertRaisesRegex(MemoryError, "no memory"):
            trainer.fit(loader)
        for go_on in (lambda: trainer.fit(loader), lambda: save_run("never.safetensors", trainer)):
            with self.assertRaisesRegex(RuntimeError, r"interrupted the last update .* load the last checkpoint"):
                go_on()
        schedule.failing = False

    def test_a_checkpoint_recovers(self) -> None:
        trainer, loader = self.trainer(), self.loader()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "run.safetensors")
            trainer.fit(loader, checkpoint=path)
            trainer.half_done = True
            load_run(path, trainer)
        trainer.fit(loader, epochs=2)
        self.assertEqual((trainer.epoch, trainer.half_done), (2, False))

    def test_callbacks_are_called_once_for_each_step(self) -> None:
        class Interrupting(Callback):
            def __init__(self) -> None:
                self.steps: list[int] = []

            def on_step(self, trainer: Trainer, values: Any) -> None:
                interrupt()
                interrupt()
                self.steps.append(trainer.steps)

        callback = Interrupting()
        trainer, loader = self.trainer(callbacks=[callback]), self.loader()
        for number in range(4):
            with self.assertRaises(KeyboardInterrupt):
                trainer.fit(loader)
            self.assertEqual(callback.steps, list(range(1, number + 2)))
        trainer.fit(loader)
        self.assertEqual((trainer.epoch, trainer.steps, len(callback.steps)), (1, 4, 4))

    def test_ctrl_c_after_the_last_step_is_not_lost(self) -> None:
        class AtTheEnd(Callback):
            def on_fit_end(self, trainer: Trainer) -> None:
                interrupt()

        trainer = self.trainer(callbacks=[AtTheEnd()])
        trainer.fit(self.loader())
        self.assertTrue(trainer.interrupted)


class RefusedMemoryTest(unittest.TestCase):
    @needs_llvm
    def test_an_update_that_cannot_be_compiled_for_want_of_memory_changes_nothing(self) -> None:
        model = Sequential(Linear(3, 4), np.tanh, Linear(4, 1))
        trainer = Trainer(model, Adam(model, 0.01), lambda y, t: np.mean((y - t) ** 2), progress=False, compile=True)
        batches = [(X[i : i + 4], T[i : i + 4]) for i in range(0, 12, 4)]
        assert trainer.compiled is not None
        with (
            mock.patch.object(trainer.compiled._update, "_compile_ahead", side_effect=MemoryError),
            self.assertRaises(MemoryError),
        ):
            trainer.fit(batches)
        self.assertEqual(trainer.steps, 0)
        trainer.fit(batches)
        self.assertEqual(trainer.steps, 3)


class SharedMemoryTest(WithInterrupts):
    def test_an_interrupt_between_memory_and_its_owner(self) -> None:
        # the owner must know of the memory when the interrupt is raised, or it is never freed
        def interrupted(size: int) -> Any:
            memory = worker_processes.SharedMemory(create=True, size=size)
            self.addCleanup(memory.close)
            self.addCleanup(memory.unlink)
            interrupt()
            return memory

        worker = worker_processes.Worker.__new__(worker_processes.Worker)
        worker.credits, worker.memory, worker.connection = 2, None, mock.Mock()
        with (
            mock.patch.object(worker_processes, "shared_memory", interrupted),
            self.assertRaises(KeyboardInterrupt),
        ):
            worker.share(4096)
        self.assertIsNotNone(worker.memory)


class TrialsTest(unittest.TestCase):
    """The short form of `tests.torture`."""

    def test_steps(self) -> None:
        counts = interrupt_steps(2 * len(VARIANTS), seed=5)
        self.assertEqual(counts["interrupted"], counts["rounds"])
        for trouble in ("swallowed", "refused after Ctrl-C", "different"):
            self.assertEqual(counts[trouble], 0, counts)

    def test_loaders(self) -> None:
        self.assertEqual(interrupt_loaders(4, seed=5), {"rounds": 4, "swallowed": 0, "noisy": 0, "left": 0})


class LargeCountsTest(unittest.TestCase):
    """What is large costs nothing where it is of use, and is refused where not, before anything is made."""

    def test_prefetch(self) -> None:
        for ahead in ({"threads": 1}, {"threads": 4}, {"workers": 1}):
            found = list(DataLoader(np.arange(6.0), 4, prefetch=2**40, **ahead))  # type: ignore[arg-type]
            np.testing.assert_array_equal(np.concatenate(found), np.arange(6.0))

    def test_threads_and_workers(self) -> None:
        for name in ("threads", "workers"):
            for count in (1025, 10**18):
                with self.assertRaisesRegex(ValueError, f"{name} of DataLoader must be an integer from 0 to 1024"):
                    DataLoader(range(9), **{name: count})
        with self.assertRaisesRegex(ValueError, "count of set_num_threads must be an integer from 1 to 1024"):
            wengert.set_num_threads(10**6)

    def test_epochs(self) -> None:
        class Once(Callback):
            def on_step(self, trainer: Trainer, values: Any) -> None:
                trainer.stop()

        model = Linear(3, 1)
        trainer = Trainer(model, SGD(model, 0.1), squared, callbacks=[Once()], progress=False)
        trainer.fit([(X, T)], epochs=10**18)
        self.assertEqual(trainer.steps, 1)

    def test_windows_of_adaptive_pooling(self) -> None:
        x = np.random.default_rng(0).normal(size=(1, 2, 3, 2))
        for n in (2, 4, 5, 7):
            wanted = [x[:, :, i * 3 // n : -(-(i + 1) * 3 // n)].mean(axis=(2, 3), keepdims=True) for i in range(n)]
            np.testing.assert_allclose(adaptive_average_pool2d(x, (n, 1)), np.concatenate(wanted, 2), rtol=1e-12)
        with self.assertRaisesRegex(MemoryError, "Unable to allocate"):
            adaptive_average_pool2d(x, 2**40)


class StartMethodTest(unittest.TestCase):
    def test_every_epoch_starts_workers_alike_and_leaves_the_choice_to_the_program(self) -> None:
        before: Any = multiprocessing.get_start_method(allow_none=True)
        self.addCleanup(multiprocessing.set_start_method, before, force=True)
        wanted = {type(multiprocessing.get_context(method).Process()) for method in ("forkserver", "spawn")}
        for chosen in (None, "spawn", multiprocessing.get_all_start_methods()[0]):
            multiprocessing.set_start_method(chosen, force=True)  # type: ignore[arg-type]
            loader = DataLoader(np.arange(8.0), 2, workers=1)
            for _ in range(2):
                for _ in loader:
                    for process in multiprocessing.active_children():
                        self.assertIn(type(process), wanted)
                self.assertEqual(multiprocessing.get_start_method(allow_none=True), chosen)


if __name__ == "__main__":
    unittest.main()
