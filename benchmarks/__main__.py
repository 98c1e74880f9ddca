"""Run all measurements, or those of some topics: ``python -m benchmarks [topic ...]``."""

import os

THREADS = "2"
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = THREADS  # read when NumPy and the peers are first imported, below

import argparse  # noqa: E402
import platform  # noqa: E402

import numpy as np  # noqa: E402

import wengert  # noqa: E402
from benchmarks import chain, coverage, memory, protection, start  # noqa: E402
from benchmarks.networks import measure as networks  # noqa: E402
from benchmarks.peers import installed  # noqa: E402
from benchmarks.table import show  # noqa: E402

TOPICS = {
    "chain": chain.measure,
    "networks": networks.measure,
    "start": start.measure,
    "memory": memory.measure,
    "protection": protection.measure,
    "coverage": coverage.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="topic", help=f"of {', '.join(TOPICS)}; by default all")
    chosen = parser.parse_args().topics or list(TOPICS)
    if unknown := [topic for topic in chosen if topic not in TOPICS]:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(TOPICS)}")
    print(f"wengert {wengert.__version__}, NumPy {np.__version__}, Python {platform.python_version()}; ", end="")
    print(f"{THREADS} threads each, of {os.cpu_count()} cores ({platform.machine()})")
    peers = installed()
    print("peers:", ", ".join(f"{peer.name} {peer.version}" for peer in peers) or "none (make bench-peers)", "\n")
    for topic in chosen:
        show(TOPICS[topic](peers))


if __name__ == "__main__":
    main()
