"""``python -m tests.torture [themes] [--short] [--seed N] [--minutes M]``: see the package."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

from tests.torture.children import workplace
from tests.torture.outcome import Outcome
from tests.torture.table import THEMES

MINUTES, SHORT_SECONDS = 26.0, 2.0


def terminated(number: int, frame: FrameType | None) -> NoReturn:
    """End as an exception does, so that what was started is ended."""
    sys.exit(128 + number)


def told(outcome: Outcome, seconds: float) -> str:
    counts = f"{outcome.tried:7,} tried  {outcome.failed:3} failed  {outcome.seconds or seconds:7.1f} s"
    return f"{outcome.name:<58}{counts}{'  ' + outcome.note if outcome.note else ''}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="A hard trial of the library.")
    parser.add_argument("themes", nargs="*", metavar="theme", help=f"all by default: {', '.join(THEMES)}")
    parser.add_argument("--short", action="store_true", help="a few tries of each, as the test suite does")
    parser.add_argument("--seed", type=int, default=0, help="where the tries begin; a failure names its own")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long the tries go on, all together")
    options = parser.parse_args()
    chosen = options.themes or list(THEMES)
    for theme in chosen:
        if theme not in THEMES:
            parser.error(f"there is no theme {theme!r}; there are {', '.join(THEMES)}")
    signal.signal(signal.SIGTERM, terminated)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seconds = SHORT_SECONDS if options.short else 60 * options.minutes
    share = seconds / sum(THEMES[theme].share for theme in chosen)
    failed = tried = 0
    started = time.perf_counter()
    with workplace() as folder:
        for theme in chosen:
            before = time.perf_counter()
            for outcome in THEMES[theme].run(options.seed, share * THEMES[theme].share, options.short, folder):
                print(told(outcome, time.perf_counter() - before), flush=True)
                before = time.perf_counter()
                failed += outcome.failed
                tried += outcome.tried
    print(f"{tried:,} tried, {failed} failed, in {time.perf_counter() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
