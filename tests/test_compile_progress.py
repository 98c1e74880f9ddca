"""The line of progress where compiling takes long."""

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


if __name__ == "__main__":
    unittest.main()
