"""Child processes of the trial: a clean environment, an end for each of them, and their answers.

Most are forked from a server that has imported the library and has done nothing else, which takes milliseconds. It ends
when this process does, however that ends.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from tests.torture.outcome import described

__all__ = ["ROOT", "ChildError", "clean_environment", "in_child", "python", "start", "workplace"]

ROOT = Path(__file__).resolve().parents[2]
PRELOADED = ["tests.torture.training_run", "llvmlite.binding", "safetensors", "scipy.linalg"]
KEPT = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TMPDIR", "VIRTUAL_ENV")


class ChildError(AssertionError):
    """A child did not end as it should."""


def clean_environment(cache: str | os.PathLike[str], **more: str) -> dict[str, str]:
    """What a child is started with: BLAS on one thread, a cache of machine code of its own, this library."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    ours = {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "WENGERT_CACHE": os.fspath(cache)}
    return {**kept, **ours, "PYTHONWARNINGS": "ignore::DeprecationWarning", **more}


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A folder for all that the trial writes, and the server of children; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="wengert-torture-") as folder:
        context().set_forkserver_preload(PRELOADED)
        with mock.patch.dict(os.environ, clean_environment(Path(folder, "cache")), clear=True):
            multiprocessing.forkserver.ensure_running()
        try:
            yield Path(folder)
        finally:
            for child in multiprocessing.active_children():
                end(child)
            multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]


def context() -> Any:
    return multiprocessing.get_context("forkserver")


def start(function: Callable[..., Any], *args: Any) -> Any:
    """Start a child that calls a function of a module; its process, which has `kill`, `join` and `exitcode`."""
    child = context().Process(target=called, args=(function, args))
    child.start()
    return child


def called(function: Callable[..., Any], args: Any) -> None:
    os.setpgid(0, 0)  # so that what it starts can be ended with it: see `end`
    signal.signal(signal.SIGINT, signal.default_int_handler)
    function(*args)


def end(child: Any) -> None:
    """Kill a child, and what it has left: workers that wait for it would wait for ever."""
    child.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.join()


def in_child(function: Callable[..., Any], *args: Any, timeout: float = 120) -> Any:
    """What a function returns in a child.

    Raises
    ------
    ChildError
        If it raises there, ends the process otherwise, or takes too long; it is killed then.
    """
    ours, theirs = context().Pipe()
    child = start(answering, theirs, function, args)
    theirs.close()
    try:
        if not ours.poll(timeout):
            raise ChildError(f"{function.__name__} gave no answer within {timeout:g} seconds")
        try:
            raised, answer = ours.recv()
        except EOFError:
            child.join(timeout)
            raise ChildError(f"{function.__name__} ended its process, exit code {child.exitcode}") from None
        child.join(timeout)
        if child.exitcode != 0:
            raise ChildError(f"{function.__name__} answered, but its process ended with {child.exitcode}")
    finally:
        end(child)
        ours.close()
    if raised:
        raise ChildError(answer)
    return answer


def answering(pipe: Any, function: Callable[..., Any], args: Any) -> None:
    try:
        answer = (False, function(*args))
    except Exception as error:  # noqa: BLE001  (the parent raises it)
        answer = (True, described(error))
    pipe.send(answer)
    pipe.close()


def python(*args: str, cache: str | os.PathLike[str], timeout: float = 120, **environment: str) -> str:
    """What a fresh interpreter prints, given arguments; ChildError if it fails or takes too long."""
    child = subprocess.Popen(
        [sys.executable, *args],
        env=clean_environment(cache, **environment),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        printed, told = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise ChildError(f"python {' '.join(args)[:80]} did not end within {timeout:g} seconds") from None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)  # with what it may have started
        child.wait()
    if child.returncode:
        raise ChildError(f"python {' '.join(args)[:80]} ended with {child.returncode}: {told[-600:]}")
    return printed
