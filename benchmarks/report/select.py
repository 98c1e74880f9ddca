"""Selections from a record for charts and tables."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import geometric_mean

from benchmarks.catalogue import ROWS
from benchmarks.peers import COMPILED, OURS, PEERS
from benchmarks.record import Record, ratio

__all__ = ["among", "figure", "geometric", "measured", "names_of", "of_wengert", "title"]


def names_of(record: Record, topic: str) -> list[str]:
    """Return the rows of a topic, or of a part of it, in the order of the catalogue."""
    order = [row.name for row in ROWS]
    found = [name for name in record.rows if name == topic or name.startswith(f"{topic}/")]
    return sorted(found, key=lambda name: order.index(name) if name in order else len(order))


def measured(record: Record, peer: str, name: str) -> bool:
    """Whether a row has figures of a peer."""
    result = record.rows.get(name)
    entry = result.entries.get(peer) if result else None
    return entry is not None and bool(entry.values) and not entry.failure


def among(record: Record, names: Iterable[str], everyone: bool = False) -> list[str]:
    """Return the peers that have figures in any of the rows; `everyone`: those that took part in any."""
    names = list(names)
    order = [*(peer.name for peer in PEERS), "numpy", "numba"]
    if everyone:
        here = {peer for name in names for peer in record.rows[name].entries}
        return [peer for peer in order if peer in here]
    return [peer for peer in order if any(measured(record, peer, name) for name in names)]


def figure(record: Record, name: str, peer: str, what: str = "values") -> float:
    """Return a peer's median in a row, or another number of its entry; not a number, where there is none."""
    if not measured(record, peer, name):
        return math.nan
    entry = record.rows[name].entries[peer]
    value = entry.median if what == "values" else getattr(entry, what)
    return math.nan if value is None else float(value)


def of_wengert(record: Record, name: str, peer: str, base: str = OURS) -> float:
    """Return a peer's figure, Wengert's being 1: the median of the ratios of the rounds."""
    if not (measured(record, peer, name) and measured(record, base, name)):
        return math.nan
    entries = record.rows[name].entries
    return ratio(entries[peer].values, entries[base].values)


def geometric(record: Record, names: Iterable[str], peer: str, base: str = OURS) -> float:
    """Return the geometric mean of `of_wengert` over the rows where both have figures."""
    ratios = [found for name in names if (found := of_wengert(record, name, peer, base)) > 0]
    return geometric_mean(ratios) if ratios else math.nan


def title(peer: str) -> str:
    """Return a short name for charts and the heads of tables."""
    short = {OURS: "Wengert", COMPILED: "Wengert compiled", "torch": "PyTorch", "torch-compiled": "torch.compile"}
    short |= {
        "jax": "JAX jit",
        "autograd": "autograd",
        "mygrad": "MyGrad",
        "tinygrad": "tinygrad",
        "dezero": "DeZero",
        "numba": "Numba",
    }
    return short.get(peer, "NumPy")
