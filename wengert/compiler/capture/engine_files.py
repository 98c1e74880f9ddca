"""The files to whose code a traced array is no ndarray."""

from __future__ import annotations

import os

from wengert.checks.frames import NUMPY_FILES, OUR_FILES

__all__ = ["ENGINE", "IS_ENGINE"]

# Files to whose code isinstance says what a traced array is. To all others it is an ndarray, as without the tracer.
PACKAGES = (
    "arrays",
    "batching",
    "checks",
    "core",
    "custom",
    "singular",
    "compiler",
    "functions",
    "writes",
    "transforms",
    "scipy",
    "optimizers",
)
ENGINE = (NUMPY_FILES, *(OUR_FILES + package + os.sep for package in PACKAGES))


class EngineFiles(dict[str, bool]):
    """Whether files are those to which a traced array is no ndarray: a dict that finds out when it is asked."""

    def __missing__(self, filename: str) -> bool:
        found = self[filename] = filename.startswith(ENGINE)
        return found


IS_ENGINE = EngineFiles()
