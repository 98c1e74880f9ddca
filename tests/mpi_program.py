"""A small training run, started by tests on several ranks of MPI: prints what came out, as JSON, on rank 0."""

import hashlib
import json
import os
import signal
import sys
import threading
import time
from typing import Any

import numpy as np

import wengert
from wengert.functions import mse, relu
from wengert.layers import BatchNorm, Dropout, Linear, Sequential
from wengert.optimizers import Adam
from wengert.parallel import MPI, launched
from wengert.training import Callback, Trainer


class Trouble(Callback):
    """What a test has one rank do after a step."""

    def __init__(self, kind: str, step: int) -> None:
        self.kind, self.step = kind, step

    def on_step(self, trainer: Trainer, values: dict[str, float]) -> None:
        rank = trainer.together.ranks.rank if trainer.together else 0
        if trainer.steps != self.step or rank != 1:
            return
        if self.kind == "raise":
            raise ZeroDivisionError("made by a test")
        if self.kind == "exit":
            sys.exit(3)
        if self.kind == "hang":
            time.sleep(60)
        if self.kind == "differ":
            next(iter(trainer.model.params().values())).data[...] += 1
        if self.kind == "stop":
            trainer.stop()
        if self.kind in ("SIGKILL", "SIGINT"):
            os.kill(os.getpid(), getattr(signal, self.kind))


class Branches(Trainer):
    """A loss in which a parameter takes part on the ranks only whose part of the batch is so."""

    def compute(self, batch: Any) -> Any:
        x, _ = batch
        self.model(x)  # which makes the parameters
        chosen = x[:, 0] > 1.0
        more = np.sum((self.model[-1].bias - 1) ** 2) * float(np.mean(chosen)) if chosen.any() else 0.0
        return np.mean(self.model[0](x) ** 2) + more, {}


def model_of(kind: str) -> Any:
    middle = {"dropout": [Dropout(0.5)], "norm": [BatchNorm(dtype=np.float64)]}.get(kind, [])
    return Sequential(Linear(8, dtype=np.float64), *middle, relu, Linear(2, dtype=np.float64))


def main(
    kind: str = "plain", trouble: str = "", step: int = 0, timeout: float = 20.0, seeded: bool = True,
    shard: bool = False, shared_norm: bool = False, check_every: int = 5, examples: int = 61,
    killed: Any = None, **fit: Any,
) -> None:  # fmt: skip
    ranks: Any = None
    if launched():
        ranks = MPI(timeout=timeout, check_every=check_every, shard_optimizer=shard, bucket=1e-4,
            share_batch_statistics=shared_norm)  # fmt: skip
    if killed is not None and ranks is not None and ranks.rank == killed[0]:
        timer = threading.Timer(killed[1], os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()
    if seeded:
        wengert.seed(3)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(examples, 5))
    t = np.sin(x[:, :2])
    model = model_of(kind)
    trainer = (Branches if kind == "branches" else Trainer)(
        model, Adam(model, 0.01), mse, metrics={"error": lambda y, t: np.mean(abs(y - t))}, progress=False,
        compile=fit.pop("compile", False), accumulate=fit.pop("accumulate", 1), parallel=ranks,
        clip_norm=fit.pop("clip_norm", None), callbacks=[Trouble(trouble, step)],
    )  # fmt: skip
    data: Any = (x, t)
    if fit.pop("list", False):
        data = [(x[i : i + 20], t[i : i + 20]) for i in range(0, 61, 20)]
    trainer.fit(data, (x[:33], t[:33]), batch_size=20, **fit)
    arrays = [p.data for p in model.params().values()]
    found = {
        "ranks": 1 if ranks is None else ranks.size,
        "steps": trainer.steps,
        "interrupted": trainer.interrupted,
        "history": [{name: value for name, value in row.items() if name != "seconds"} for row in trainer.history],
        "weights": [array.tolist() for array in arrays],
        "bits": hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest(),
        "bytes": 0 if ranks is None else ranks.bytes,
        "states": len(trainer.optimizer.states),
    }
    if ranks is None or ranks.size == 1:
        print(json.dumps(found))
    else:
        every = ranks.gather(found)
        if ranks.rank == 0:
            print(json.dumps({**found, "alike": all(each["bits"] == found["bits"] for each in every)}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
