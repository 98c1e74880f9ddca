"""Starting programs on several ranks of MPI, for tests, and ending them in any case."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["lacking", "run", "trained"]

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "OPENBLAS_NUM_THREADS": "1",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


def launcher() -> str | None:
    beside = Path(sys.executable).with_name("mpiexec")
    return str(beside) if beside.exists() else shutil.which("mpiexec")


def lacking() -> str:
    """Say why programs cannot be started on several ranks; empty if they can."""
    if importlib.util.find_spec("mpi4py") is None:
        return "mpi4py is not installed: pip install wengert[mpi]"
    return "" if launcher() else "there is no mpiexec: pip install wengert[mpi]"


def run(ranks: int, *arguments: str, seconds: float = 90) -> tuple[int, str, str]:
    """Run a Python program on so many ranks (0: without MPI); return exit status, output and errors."""
    command = [sys.executable, "-W", "error", *arguments]
    if ranks:
        oversubscribe = ["--oversubscribe"] if ranks > 1 else []
        command = [str(launcher()), *oversubscribe, "-n", str(ranks), *command]
    process = subprocess.Popen(
        command, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, cwd=ROOT,
    )  # fmt: skip
    try:
        output, errors = process.communicate(timeout=seconds)
        return process.returncode, output, errors
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)  # the launcher ends its ranks
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def trained(ranks: int, **options: Any) -> Any:
    """Run the program of `tests.mpi_program`; return what it prints."""
    status, output, errors = run(ranks, "-m", "tests.mpi_program", json.dumps(options))
    if status:
        raise AssertionError(f"exit status {status}: {output}\n{errors}")
    return json.loads(output.strip().splitlines()[-1])
