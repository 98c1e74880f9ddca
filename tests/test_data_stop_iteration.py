"""StopIteration and the like, raised by the code of a data set, are errors and not the end of the data."""

import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from wengert.datasets import ArrayDataset, Concatenated, DataLoader, Dataset, Mapped, Subset, split
from wengert.functions import mse
from wengert.layers import Linear
from wengert.optimizers import SGD
from wengert.training import Callback, Trainer

KINDS: tuple[type[BaseException], ...] = (StopIteration, StopAsyncIteration, GeneratorExit)


class Ending(Dataset):
    """Raises when its example 5 is made."""

    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind

    def __len__(self) -> int:
        return 8

    def example(self, index: int) -> Any:
        if index == 5:
            raise self.kind
        return np.array([float(index)]), np.array([1.0])


class OfOthers:
    """The same as a class written for other libraries."""

    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        return Ending(self.kind).example(index)


class AtOnce(Ending):
    def batch(self, indices: Any) -> Any:
        if 5 in indices:
            raise self.kind
        return np.asarray(indices, float)


class Transform:
    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind

    def __call__(self, example: Any) -> Any:
        if float(example[0][0]) == 5:
            raise self.kind
        return example


class Collate(Transform):
    def __call__(self, examples: Any) -> Any:
        for example in examples:
            super().__call__(example)
        return examples


ROWS = ArrayDataset(np.arange(8.0)[:, None], np.ones((8, 1)))

# Loaders by where the program's code is, and how the error names the place.
LOADERS: dict[str, tuple[Callable[..., Any], str]] = {
    "example": (lambda kind, **o: DataLoader(Ending(kind), 2, **o), "example 5 of Ending"),
    "other class": (lambda kind, **o: DataLoader(OfOthers(kind), 2, **o), "example 5 of OfOthers"),
    "batch": (lambda kind, **o: DataLoader(AtOnce(kind), 2, **o), "batch 2, of the examples 4, 5,"),
    "transform": (lambda kind, **o: DataLoader(ROWS, 2, transform=Transform(kind), **o), "example 5 of ArrayDataset"),
    "collate": (lambda kind, **o: DataLoader(ROWS, 2, collate=Collate(kind), **o), "batch 2, of the examples 4, 5,"),
    "mapped": (lambda kind, **o: DataLoader(Mapped(ROWS, Transform(kind)), 2, **o), "example 5 of Mapped"),
    "subset": (lambda kind, **o: DataLoader(Subset(Ending(kind), range(4, 8)), 2, **o), "example 5 of Ending"),
    "joined": (lambda kind, **o: DataLoader(Concatenated(ROWS, Ending(kind)), 2, **o), "example 5 of Ending"),
}


class EndTest(unittest.TestCase):
    def test_in_every_loader(self) -> None:
        for name, (make, place) in LOADERS.items():
            for kind in KINDS:
                for options in ({}, {"threads": 2}):
                    with self.subTest(name, kind=kind.__name__, **options):
                        given = 0
                        with self.assertRaisesRegex(RuntimeError, f"making ({place}).* raised {kind.__name__}.*next"):
                            for _ in make(kind, **options):
                                given += 1
                        self.assertGreaterEqual(given, 1 if name != "subset" else 0)

    def test_in_worker_processes(self) -> None:
        for name in ("example", "collate"):
            make, place = LOADERS[name]
            with self.subTest(name), self.assertRaisesRegex(RuntimeError, f"making {place}.* raised StopIteration"):
                list(make(StopIteration, workers=1))

    def test_in_a_trainer(self) -> None:
        model = Linear(1, 1, dtype=np.float64)
        trainer = Trainer(model, SGD(model, 0.1), mse, progress=False)
        loader = DataLoader(Ending(StopIteration), 2)
        for call in (
            lambda: trainer.fit(loader, epochs=1),
            lambda: trainer.fit([(np.ones((1, 1)), np.ones((1, 1)))], loader, epochs=1),
            lambda: trainer.evaluate(loader),
            lambda: trainer.predict(loader),
        ):
            with self.assertRaisesRegex(RuntimeError, "making example 5 of Ending raised StopIteration"):
                call()

    def test_in_callbacks_metrics_and_losses(self) -> None:
        def ends(*args: Any) -> Any:
            raise StopIteration("mine")

        class Ends(Callback):
            on_step = on_epoch_end = ends  # type: ignore[assignment]

        batches = [(np.ones((1, 1)), np.ones((1, 1)))] * 2
        for options in ({"callbacks": [Ends()]}, {"metrics": {"m": ends}}):
            model = Linear(1, 1, dtype=np.float64)
            trainer = Trainer(model, SGD(model, 0.1), mse, progress=False, **options)  # type: ignore[arg-type]
            with self.assertRaisesRegex(StopIteration, "mine"):
                trainer.fit(batches, epochs=1)
        model = Linear(1, 1, dtype=np.float64)
        with self.assertRaisesRegex(StopIteration, "mine"):
            Trainer(model, SGD(model, 0.1), ends, progress=False).evaluate(batches)

    def test_a_data_set_is_iterated_to_its_end(self) -> None:
        self.assertEqual([float(x[0]) for x, _ in ROWS], list(range(8)))
        for kind in (StopIteration, IndexError):
            with self.assertRaises((RuntimeError, IndexError)) as caught:
                list(Ending(kind))
            text = "\n".join([str(caught.exception), *getattr(caught.exception, "__notes__", [])])
            self.assertRegex(text, "making example 5 of Ending")
        with self.assertRaisesRegex(RuntimeError, "making example 5 of OfOthers raised StopIteration"):
            split(OfOthers(StopIteration), 0.5, stratify=True)

    def test_a_data_set_is_made_batches(self) -> None:
        model = Linear(1, 1)
        Trainer(model, SGD(model, 0.1), mse, progress=False).fit(ROWS, epochs=1)
        self.assertTrue(wengert.is_training())


if __name__ == "__main__":
    unittest.main()
