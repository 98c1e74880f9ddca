"""Wengert and its peers, and whether each can be measured here."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "COMPILED",
    "DEZERO",
    "NUMBA",
    "NUMPY",
    "OURS",
    "PEERS",
    "Peer",
    "by_name",
    "environment",
    "missing",
    "version",
]

DEZERO = "WENGERT_BENCHMARKS_DEZERO"  # names the folder of a checkout of DeZero


@dataclass(frozen=True)
class Peer:
    """A contestant: a library, eager or compiled.

    `needs` are modules that must be installed, the library first; `programs` are lists of programs, of
    each of which one must be found.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    programs: tuple[tuple[str, ...], ...] = ()

    @property
    def compiled(self) -> bool:
        """Whether this compiles what its library also does eagerly."""
        return self.name.endswith("-compiled")

    @property
    def library(self) -> str:
        return self.name.removesuffix("-compiled")


OURS, COMPILED = "wengert", "wengert-compiled"
COMPILERS = (os.environ.get("CXX") or "g++", "g++", "clang++", "cl")
PEERS = (
    Peer(OURS, "Wengert", ("wengert",)),
    Peer(COMPILED, "Wengert, compiled", ("wengert", "llvmlite", "scipy")),
    Peer("torch", "PyTorch", ("torch",)),
    Peer("torch-compiled", "PyTorch, torch.compile", ("torch",), (COMPILERS,)),
    Peer("jax", "JAX, jit", ("jax",)),
    Peer("autograd", "autograd", ("autograd",)),
    Peer("mygrad", "MyGrad", ("mygrad",)),
    Peer("tinygrad", "tinygrad, TinyJit", ("tinygrad",), ((os.environ.get("CC") or "clang", "clang"),)),
    Peer("dezero", "DeZero", ("dezero",)),
)
# The baseline of imports, sizes and programs that are not differentiated; and a compiler of such programs. They are
# in the rows that name them, only.
NUMPY = Peer("numpy", "NumPy", ("numpy",))
NUMBA = Peer("numba", "Numba", ("numba",))


def by_name(name: str) -> Peer:
    """Return the peer of a name."""
    return next(peer for peer in (*PEERS, NUMBA, NUMPY) if peer.name == name)


def missing(peer: Peer) -> str:
    """Return why a peer cannot be measured here; empty if it can."""
    if peer.library == "dezero":
        folder = os.environ.get(DEZERO, "")
        if not folder:
            return f"no checkout given (--dezero, or {DEZERO})"
        found = (Path(folder) / "dezero" / "__init__.py").is_file()
        return "" if found else f"{folder} holds no package dezero"
    for module in peer.needs:
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    for programs in peer.programs:
        if not any(shutil.which(program) for program in programs):
            return f"needs one of the programs {', '.join(dict.fromkeys(programs))}"
    return ""


def version(peer: Peer) -> str:
    """Return the version that is installed."""
    if peer.library == "dezero":
        text = (Path(os.environ.get(DEZERO, "")) / "dezero" / "__init__.py").read_text("utf-8")
        return text.split("__version__ =")[1].split()[0].strip("'\"") if "__version__ =" in text else "unknown"
    if peer.library == "wengert":
        import wengert

        return wengert.__version__
    return importlib.metadata.version(peer.needs[0])


def environment(peer: Peer, cache: str) -> dict[str, str]:
    """Return the environment of a peer's process, except the number of threads; compiled code is cached in `cache`."""
    path = [os.environ.get("PYTHONPATH", "")]
    if peer.library == "dezero":
        path.insert(0, os.environ.get(DEZERO, ""))
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PYTHONWARNINGS": "ignore::SyntaxWarning",
        "JAX_PLATFORMS": "cpu",
        "DEV": "CPU",  # tinygrad's
        # First calls compile: no cached code is left over.
        "XDG_CACHE_HOME": cache,
        "WENGERT_CACHE": cache,
        "TORCHINDUCTOR_CACHE_DIR": os.path.join(cache, "inductor"),
        "CACHEDB": os.path.join(cache, "tinygrad.db"),
    }
