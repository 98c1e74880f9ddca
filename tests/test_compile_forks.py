"""Forks while another thread compiles, or is watched: the child finds all as it is between two calls."""

import os
import signal
import threading
import unittest
import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

import wengert

if not hasattr(os, "fork"):
    raise unittest.SkipTest("needs fork")
from tests.installed import INSTALLED

if not INSTALLED:
    raise unittest.SkipTest("needs llvmlite and scipy: pip install wengert[compile]")

from wengert.compiler import forking
from wengert.compiler.targets.llvm import jit


class Holder:
    """What a function reaches through an attribute."""

    def __init__(self) -> None:
        self.array = np.arange(4.0)


def code_of_child(work: Callable[[], bool]) -> int:
    """Fork; the exit code of the child, which is 0 if what it does is true."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads
        child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            os._exit(0 if work() else 1)
        except BaseException:  # noqa: BLE001
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def compiles() -> bool:
    """Whether a new function can be compiled."""
    number = os.getpid()
    compiled = wengert.compile(lambda x: np.sum(np.tanh(x) + number))
    found = [float(compiled(np.zeros(3))) for _ in range(4)]
    return found == [3.0 * number] * 4 and compiled.given_up is None


class ForkTest(unittest.TestCase):
    def in_thread(self, work: Callable[[threading.Event, threading.Event], Any]) -> threading.Thread:
        """Start a thread, and wait until it sets the first event; the second one is set a moment later."""
        inside, over = threading.Event(), threading.Event()
        thread = threading.Thread(target=work, args=(inside, over))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(over.set)
        self.assertTrue(inside.wait(20))
        timer = threading.Timer(0.1, over.set)
        timer.start()
        self.addCleanup(timer.join)
        return thread

    def test_a_fork_waits_for_a_thread_that_is_in_llvm(self) -> None:
        llvmlites = __import__("llvmlite.binding.ffi", fromlist=["lib"]).lib._lock

        def compiling(inside: threading.Event, over: threading.Event) -> None:
            with jit.lock.lock, llvmlites:
                inside.set()
                over.wait()

        self.in_thread(compiling)
        self.assertEqual(code_of_child(compiles), 0)
        self.assertTrue(compiles())

    def test_a_fork_waits_for_a_thread_that_frees_a_module(self) -> None:
        llvmlites = __import__("llvmlite.binding.ffi", fromlist=["lib"]).lib._lock

        def freeing(inside: threading.Event, over: threading.Event) -> None:
            with llvmlites:
                inside.set()
                over.wait()

        self.in_thread(freeing)
        self.assertEqual(code_of_child(compiles), 0)
        self.assertTrue(compiles())

    def test_a_fork_waits_for_a_call_that_is_watched(self) -> None:
        holder = Holder()

        def watched(inside: threading.Event, over: threading.Event) -> None:
            def function() -> Any:
                inside.set()
                over.wait()
                return np.sum(holder.array)

            wengert.compile(function)()

        self.in_thread(watched)
        child = code_of_child(lambda: type(holder.array) is np.ndarray and compiles())
        self.assertEqual(child, 0)
        self.assertIs(type(holder.array), np.ndarray)

    def test_a_function_that_is_watched_may_fork(self) -> None:
        codes = []

        @wengert.compile
        def function(x: Any) -> Any:
            codes.append(code_of_child(compiles))
            return np.sum(x)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wengert.CompileWarning)
            self.assertEqual(float(function(np.ones(3))), 3.0)
        self.assertEqual(set(codes), {0})

    def test_a_fork_does_not_wait_for_ever(self) -> None:
        """The thread that holds the lock may wait for the one that forks."""
        forked = threading.Event()

        def waiting(inside: threading.Event, over: threading.Event) -> None:
            with jit.lock.lock:
                inside.set()
                forked.wait(20)

        self.in_thread(waiting)
        with mock.patch.object(forking, "PATIENCE", 0.05):
            self.assertEqual(code_of_child(compiles), 0)
        forked.set()
        self.assertEqual((jit.lock.held, jit.kept_out), ({}, []))
        self.assertEqual(code_of_child(compiles), 0)


if __name__ == "__main__":
    unittest.main()
