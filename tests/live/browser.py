"""A headless Chromium that reads and photographs pages, driven over the DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

VARIABLE = "OSIRIS_TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60  # seconds for a page to show something on a busy machine
_ADVICE = f"install chromium (apt-get install chromium), or set {VARIABLE} to the path of a Chromium or Chrome"
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the tests may run as root, where the sandbox refuses to
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


@dataclass
class Page:
    """One tab."""

    socket: ClientConnection
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def call(self, method: str, **params: Any) -> Any:
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv(timeout=PATIENCE))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def run(self, script: str) -> Any:
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def text(self) -> str:
        """Return what a person can read on the page."""
        return str(self.run("document.body ? document.body.innerText : ''") or "")

    def open(self, url: str, *expected: str) -> str:
        """Go to a page, wait until it shows all of `expected`, and return its text."""
        self.call("Page.navigate", url=url)
        return self.shows(*expected)

    def shows(self, *expected: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while True:
            text = self.text()
            missing = [part for part in expected if part not in text]
            if not missing:
                return text
            assert time.monotonic() < deadline, f"the page does not show {missing}, but:\n{text}"
            time.sleep(0.3)

    def click(self, label: str) -> None:
        """Click the innermost element of that text."""
        script = f"""(() => {{
            const all = [...document.querySelectorAll('a, button, div, span')];
            const found = all.filter(e => e.innerText && e.innerText.trim() === {json.dumps(label)}).pop();
            if (found) found.click();
            return !!found;
        }})()"""
        assert self.run(script), f"there is nothing {label!r} to click on:\n{self.text()}"

    def photograph(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


def _executable() -> str:
    named = os.environ.get(VARIABLE, "")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), "")
    if not found:
        pytest.fail(f"the tests of the UI need a browser: {_ADVICE}")
    return found


@contextmanager
def browser(width: int = 1400, height: int = 900) -> Iterator[Page]:
    """Start a browser with a profile of its own and yield its page."""
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        command = [_executable(), *_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"]
        process = subprocess.Popen(
            [*command, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            with connect(_address(Path(profile), process), max_size=None) as socket:
                page = Page(socket)
                page.call("Page.enable")
                yield page
        finally:
            process.terminate()
            process.wait(30)


def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Return the web socket of the first tab."""
    file = profile / "DevToolsActivePort"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the browser ended with exit code {process.returncode}"
        lines = file.read_text().splitlines() if file.exists() else []
        if lines:
            with urllib.request.urlopen(f"http://127.0.0.1:{lines[0]}/json/list", timeout=PATIENCE) as answer:
                tabs = [tab for tab in json.load(answer) if tab["type"] == "page"]
            if tabs:
                return str(tabs[0]["webSocketDebuggerUrl"])
        time.sleep(0.1)
    raise AssertionError(f"the browser did not start within {PATIENCE} s")
