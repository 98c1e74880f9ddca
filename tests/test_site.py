"""The built site in a browser: pages open without errors, search finds, nothing scrolls sideways, dark is dark."""

import functools
import http.server
import os
import re
import threading
import time
import unittest
from pathlib import Path
from typing import Any

from tests.browser import Browser

ROOT = Path(__file__).resolve().parent.parent
SITE = Path(os.environ.get("WENGERT_SITE", ROOT / "output" / "docs" / "html"))
PHONE, WIDE = 390, 1280
PAGES = [
    "index.html",
    "tutorial/index.html",
    "tutorial/01_variable.html",
    "guides/index.html",
    "coming_from/pytorch.html",
    "reference/index.html",
    "reference/wengert.html",
    "reference/scipy.html",
    "reference/generated/wengert.Variable.html",
    "reference/generated/wengert.layers.Conv2d.html",
    "gallery/index.html",
    "engine.html",
    "plan.html",
    "design.html",
    "benchmarks.html",
    "compile.html",
    "functions.html",
    "changes.html",
]
# Elements that are wider than the page, outside of what scrolls by itself.
OVERFLOW = """
const wide = document.documentElement.scrollWidth;
return wide <= window.innerWidth ? [] : [`${wide} > ${window.innerWidth}`, ...[...document.querySelectorAll("main *")]
  .filter((e) => e.getBoundingClientRect().right > window.innerWidth + 1)
  .slice(0, 3).map((e) => e.outerHTML.slice(0, 90))];
"""
BACKGROUND = "return getComputedStyle(document.body).backgroundColor"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that logs nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@unittest.skipUnless((SITE / "index.html").exists(), "needs the built site: make docs")
class SiteTest(unittest.TestCase):
    address: str

    @classmethod
    def setUpClass(cls) -> None:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(SITE)))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        cls.addClassCleanup(lambda: (server.shutdown(), server.server_close(), thread.join()))
        cls.address = f"http://127.0.0.1:{server.server_port}"

    def browser(self, width: int = WIDE, height: int = 900, *, dark: bool = False) -> Browser:
        return self.enterContext(Browser(width, height, dark=dark))

    def wait(self, browser: Browser, script: str) -> Any:
        """Return what a script returns, once that is true."""
        until = time.monotonic() + 20
        while not (found := browser.run(script)):
            self.assertLess(time.monotonic(), until, f"in vain: {script}")
            time.sleep(0.1)
        return found

    def errors(self, browser: Browser) -> list[str]:
        """Errors of the site itself (not what the theme reports; and formulas are not set without a network)."""
        return [e for e in browser.errors() if not re.search(r"https://|MathJax|pydata-sphinx-theme\.js", e)]

    def test_pages_open_and_do_not_scroll_sideways(self) -> None:
        for width in (PHONE, WIDE):
            browser = self.browser(width)
            for page in PAGES:
                with self.subTest(page, width=width):
                    self.assertTrue((SITE / page).exists())
                    browser.open(f"{self.address}/{page}")
                    self.assertTrue(browser.text("h1"))
                    self.assertEqual(browser.run(OVERFLOW), [])
                    self.assertEqual(self.errors(browser), [])

    def test_search_finds_a_word(self) -> None:
        browser = self.browser()
        for word, page in (("checkpoint", "wengert.checkpoint"), ("broadcasting", "16_broadcasting")):
            with self.subTest(word):
                browser.open(f"{self.address}/search.html?q={word}")
                script = "return [...document.querySelectorAll('#search-results li a')].map((a) => a.href).join(' ')"
                self.assertIn(page, self.wait(browser, script))

    def test_dark_is_dark(self) -> None:
        colours = []
        for dark in (False, True):
            browser = self.browser(dark=dark)
            browser.open(f"{self.address}/index.html")
            mode = "dark" if dark else "light"
            self.wait(browser, f"return document.documentElement.dataset.theme == '{mode}'")
            colours.append(sum(map(int, re.findall(r"\d+", browser.run(BACKGROUND))[:3])))
        self.assertGreater(colours[0], 600)
        self.assertLess(colours[1], 200)

    def test_the_start_page_leads_to_the_parts(self) -> None:
        browser = self.browser()
        browser.open(f"{self.address}/index.html")
        for part in ("tutorial", "guides", "coming_from", "reference", "gallery"):
            link = browser.run("return document.querySelector(arguments[0]).href", f"article a[href^='{part}/index']")
            self.assertEqual(link, f"{self.address}/{part}/index.html")

    def test_the_table_of_functions_is_filtered(self) -> None:
        browser = self.browser()
        browser.open(f"{self.address}/functions.html?name=linalg.svd")
        self.wait(browser, "return document.querySelector('.table-filter input')")
        count = "return [...document.querySelectorAll('article tbody tr')].filter((row) => row.offsetParent).length"
        self.assertGreater(browser.run(count), 0)
        self.assertLess(browser.run(count), 30)
        self.assertGreater(browser.run("return document.querySelectorAll('code.found').length"), 0)

    def test_the_answer_of_an_exercise_is_hidden(self) -> None:
        browser = self.browser()
        browser.open(f"{self.address}/tutorial/01_variable.html")
        answer = "const d = document.querySelector('article details'); return d && [d.open, d.innerText.trim()]"
        self.assertEqual(browser.run(answer), [False, "Show the answer"])


if __name__ == "__main__":
    unittest.main()
