"""A headless Chromium, driven through chromedriver with the standard library alone."""

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

__all__ = ["Browser"]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"left": "\ue012", "right": "\ue014", "home": "\ue011", "end": "\ue010", "enter": "\ue007"}
PATIENCE = 20.0  # seconds until the driver answers


class Browser:
    """A window of a browser; use it in a ``with`` block. Skips the test where no browser is installed."""

    def __init__(self, width: int = 1200, height: int = 900, *, dark: bool = False) -> None:
        if CHROMIUM is None or DRIVER is None:
            raise unittest.SkipTest("needs chromium and chromedriver on the PATH")
        self.size, self.dark = (width, height), dark

    def __enter__(self) -> Self:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.folder = tempfile.TemporaryDirectory()
        self.driver = subprocess.Popen(
            [str(DRIVER), f"--port={self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def _start(self) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                if self._send("GET", "/status", None)["ready"]:
                    break
            except OSError:
                pass
            if time.monotonic() > until:
                raise TimeoutError("chromedriver does not answer")
            time.sleep(0.05)
        options = {
            "binary": CHROMIUM,
            "args": [
                *OPTIONS, f"--user-data-dir={self.folder.name}", "--window-size={},{}".format(*self.size),
                *(["--blink-settings=preferredColorScheme=0"] if self.dark else []),
            ],
        }  # fmt: skip
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        found = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{found['sessionId']}"
        # (a window is at least 500 wide; a phone is a setting of the page)
        metrics = {"width": self.size[0], "height": self.size[1], "deviceScaleFactor": 1, "mobile": False}
        self.ask("POST", "/goog/cdp/execute", cmd="Emulation.setDeviceMetricsOverride", params=metrics)

    def __exit__(self, *error: object) -> None:
        try:
            self._send("DELETE", self.session, None)
        finally:
            self._stop()

    def _stop(self) -> None:
        self.driver.terminate()
        self.driver.wait(10)
        self.folder.cleanup()

    def _send(self, method: str, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def ask(self, method: str, path: str, **body: Any) -> Any:
        return self._send(method, self.session + path, body if method == "POST" else None)

    def open(self, page: Path | str) -> None:
        self.ask("POST", "/url", url=page.as_uri() if isinstance(page, Path) else page)

    def run(self, script: str, *args: Any) -> Any:
        """Run the body of a function of JavaScript on the page; return what it returns."""
        return self.ask("POST", "/execute/sync", script=script, args=list(args))

    def element(self, selector: str) -> str:
        return str(self.ask("POST", "/element", using="css selector", value=selector)[ELEMENT])

    def click(self, selector: str) -> None:
        self.ask("POST", f"/element/{self.element(selector)}/click")

    def press(self, key: str) -> None:
        """Press a key, by its name in KEYS or as it is."""
        key = KEYS.get(key, key)
        strokes = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self.ask("POST", "/actions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def errors(self) -> list[str]:
        """The messages on the console since the last call."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", type="browser")]

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))
