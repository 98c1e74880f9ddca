"""Compiling that takes long: a line of progress, and the memory of long traces."""

from __future__ import annotations

import io
import os
import sys
import threading
import unittest
from typing import Any
from unittest import mock

import numpy as np

import wengert
from wengert.compiler import progress
from wengert.compiler.guards import replay

try:
    import tqdm
except ImportError:
    tqdm = None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def slow(x: Any) -> Any:
    threading.Event().wait(0.1)
    return x * 2


class ProgressTest(unittest.TestCase):
    def written(self, stream: Any, **environment: str) -> str:
        c = wengert.compile(slow)
        with (
            mock.patch.object(sys, "stderr", stream),
            mock.patch.object(progress, "AFTER", 0.02),
            mock.patch.object(progress, "EVERY", 0.01),
            mock.patch.dict(os.environ, environment),
        ):
            for _ in range(3):
                np.testing.assert_array_equal(c(np.ones(2)), 2 * np.ones(2))
        return str(stream.getvalue())

    @unittest.skipIf(tqdm is None, "tqdm is not installed")
    def test_a_terminal_shows_what_takes_long(self) -> None:
        text = self.written(Terminal())
        self.assertRegex(text, r"tracing slow: \d\d:\d\d")
        self.assertTrue(text.rstrip(" ").endswith("\r"), "the line is removed")

    def test_it_is_silent_elsewhere_and_where_it_is_not_wanted(self) -> None:
        self.assertEqual(self.written(io.StringIO()), "")
        self.assertEqual(self.written(Terminal(), WENGERT_PROGRESS="0"), "")

    def test_without_tqdm_nothing_is_shown(self) -> None:
        with mock.patch.dict(sys.modules, {"tqdm": None}):
            self.assertEqual(self.written(Terminal()), "")

    def test_it_ends_with_an_exception_too(self) -> None:
        before = threading.active_count()
        with (
            mock.patch.object(sys, "stderr", Terminal()),
            mock.patch.object(progress, "AFTER", 0.0),
            self.assertRaisesRegex(KeyboardInterrupt, "^$"),
            progress.announced("tracing f"),
        ):
            raise KeyboardInterrupt
        self.assertEqual(threading.active_count(), before)


class LongTraceTest(unittest.TestCase):
    def test_the_graph_of_a_long_trace_is_freed(self) -> None:
        def f(x: Any) -> Any:
            for _ in range(40):
                x = np.sin(x) + 0.1 * x
            return x

        x = np.linspace(0, 1, 5)
        wanted = f(x)
        with mock.patch.object(replay, "LONG", 50):
            c = wengert.compile(f)
            for _ in range(4):
                np.testing.assert_allclose(c(x), wanted, 1e-12)
        (plan,) = c.plans
        self.assertEqual(len(plan.trace.graph.nodes), 1)
        assert plan.prepared is not None
        self.assertTrue(any(node.op == "loop" for node in plan.prepared.nodes))
        self.assertIn("times", str(c.plan))
        c.profile(x)
        np.testing.assert_allclose(c(x + 1), f(x + 1), 1e-12)


if __name__ == "__main__":
    unittest.main()
