"""How long the import takes, and how much is installed."""

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

import wengert
from benchmarks.peers import Peer
from benchmarks.table import Row, ratio_of

__all__ = ["measure"]

ROUNDS = 9
# As installed: with bytecode on the disk, which some environments are told not to write.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run_seconds(code: str) -> float:
    start = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
    return perf_counter() - start


def measure(peers: list[Peer]) -> Iterator[Row]:
    """Yield import times, less that of an empty program, in alternating rounds; and the size."""
    names = ["numpy", "wengert", *(peer.module for peer in peers)]
    programs = ["pass", *(f"import {name}" for name in names)]
    for program in programs:
        run_seconds(program)  # bytecode and disk cache
    rounds = [[run_seconds(program) for program in programs] for _ in range(ROUNDS)]
    # Each import less the empty program of its round.
    times = list(zip(*([seconds - row[0] for seconds in row[1:]] for row in rounds), strict=True))
    for name, mine in zip(names, times, strict=True):
        yield Row(
            f"import {name}",
            f"{1e3 * median(mine):.0f} ms",
            None if name == "numpy" else ratio_of(mine, times[0]),
            1.3 if name == "wengert" else None,
            "" if name == "numpy" else "of numpy's",
        )
    package = Path(wengert.__file__).parent
    files = [p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    size = sum(path.stat().st_size for path in files) / 1e6
    base = [p for p in files if p.relative_to(package).parts[0] in ("core", "functions", "transforms")]
    part = sum(path.stat().st_size for path in base) / 1e6
    yield Row("size of what derivatives need of wengert", f"{part:.2f} MB", part, 1.0, "MB, beside NumPy")
    yield Row("installed size of wengert, networks and all", f"{size:.2f} MB", note="beside NumPy")
    for peer in peers:
        yield Row(f"installed size of {peer.name}", f"{installed_size(peer.name):.0f} MB", note="beside NumPy")


def installed_size(name: str) -> float:
    """The size in MB of a distribution and of what it needs, NumPy left out."""
    found: dict[str, float] = {"numpy": 0.0}
    wanted = [name]
    while wanted:
        name = re.split(r"[^A-Za-z0-9._-]", wanted.pop())[0].lower().replace("_", "-")
        if name in found:
            continue
        found[name] = 0.0
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # needed on other platforms only
        paths = [Path(str(file.locate())) for file in distribution.files or () if "__pycache__" not in file.parts]
        found[name] = sum(path.stat().st_size for path in paths if path.is_file()) / 1e6
        wanted += [need for need in distribution.requires or () if "extra ==" not in need]
    return sum(found.values())
