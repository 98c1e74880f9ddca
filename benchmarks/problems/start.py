"""How long the import takes, and how much is installed."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from benchmarks.peers import COMPILED, OURS, by_name

__all__ = ["make"]

# As installed: with bytecode on the disk, which some environments are told not to write.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
COMPILER = ("wengert", "wengert.compiler.compiled", "wengert.compiler.targets.cpu.program", "llvmlite.binding")
CORE = ("core", "functions", "transforms")  # of wengert: what derivatives need


def make(peer: str, row: str) -> Callable[[], float]:
    """Make ``import``: seconds, less those of an empty program; ``size``: MB, beside NumPy; ``core``."""
    if row == "import":
        program = f"import {', '.join(COMPILER if peer == COMPILED else by_name(peer).needs[:1])}"
        run_seconds(program)  # bytecode and disk cache
        return lambda: run_seconds(program) - run_seconds("pass")
    if peer == OURS:
        return lambda: own_size(CORE if row == "core" else ())
    if peer == COMPILED:
        return lambda: own_size() + installed_size("llvmlite") + installed_size("scipy")
    if peer == "dezero":
        import dezero

        return lambda: folder_size(Path(dezero.__file__).parent)
    return lambda: 0.0 if peer == "numpy" else installed_size(by_name(peer).needs[0])


def run_seconds(code: str) -> float:
    start = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    return perf_counter() - start


def folder_size(folder: Path, packages: tuple[str, ...] = ()) -> float:
    """The size in MB of the files of a package, or of some folders in it, without bytecode."""
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    chosen = [path for path in files if not packages or path.relative_to(folder).parts[0] in packages]
    return sum(path.stat().st_size for path in chosen) / 1e6


def own_size(packages: tuple[str, ...] = ()) -> float:
    import wengert

    return folder_size(Path(wengert.__file__).parent, packages)


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
