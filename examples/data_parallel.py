"""Training on several processes
=============================

The same script trains on one process and on several. Run as ``python examples/data_parallel.py``, or
``mpiexec -n 2 python examples/data_parallel.py``, which needs ``pip install wengert[mpi]``. Each process, a rank of the
MPI job, has its part of every batch; the gradients are averaged while backward runs, and all ranks have the same
weights after every step: those of one process, up to rounding.
"""

import numpy as np

import wengert
from wengert.functions import accuracy, relu, softmax_cross_entropy
from wengert.layers import Linear, Sequential
from wengert.optimizers import Adam
from wengert.training import Trainer


def rings(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on three noisy rings in 20 dimensions, and the number of the ring of each."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, count)
    x = rng.standard_normal((count, 20))
    x *= ((1.0 + label) / np.sqrt(np.sum(x**2, axis=1)))[:, None]
    return (x + 0.05 * rng.standard_normal(x.shape)).astype(np.float32), label


def main() -> None:
    wengert.seed(0)
    x, t = rings(4000)
    model = Sequential(Linear(20, 256), relu, Linear(256, 256), relu, Linear(256, 3))
    metrics = {"accuracy": accuracy}
    trainer = Trainer(model, Adam(model, 1e-3), softmax_cross_entropy, metrics=metrics, progress=False)
    history = trainer.fit((x[:3000], t[:3000]), (x[3000:], t[3000:]), epochs=3, batch_size=100)
    if trainer.together is None or trainer.together.ranks.rank == 0:
        ranks = 1 if trainer.together is None else trainer.together.ranks.size
        for row in history:
            print(f"ranks {ranks}  epoch {row['epoch']}  loss {row['loss']:.6f}  accuracy {row['valid_accuracy']:.3f}")


if __name__ == "__main__":
    main()
