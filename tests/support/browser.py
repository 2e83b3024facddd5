"""A real browser: Debian's chromium without a screen, driven through chromedriver's plain HTTP (WebDriver)."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

PROGRAMS = [shutil.which("chromium"), shutil.which("chromedriver")]
MISSING = (
    None if all(PROGRAMS) else "chromium and chromedriver (Debian: chromium, chromium-driver) are not installed"
)
ARGUMENTS = [
    "--headless",
    "--no-sandbox",  # its sandbox refuses to work for root; what it opens is ours
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # nothing but loopback can be reached, as in conftest.py
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


class Browser:
    """One window. Elements are named by XPath; what is not there fails the test."""

    def __init__(self, session: str) -> None:
        self._session = session

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = requests.request(method, self._session + path, json=body, timeout=30)
        value = answer.json()["value"]
        assert answer.ok, value
        return value

    def open(self, url: str) -> None:
        self._ask("POST", "/url", {"url": url})

    def follow(self, xpath: str) -> None:
        """A real click, on what leads to another page; that page is there when this returns."""
        self.value("document.documentElement.dataset.old = 'yes'")
        (element,) = self._elements(xpath)
        self._ask("POST", f"/element/{element}/click", {})
        # chromedriver waits for a page that is under way, but a click may return before it is
        deadline = time.monotonic() + 20
        while not self._is_elsewhere():
            assert time.monotonic() < deadline, "the click led nowhere"
            time.sleep(0.02)

    def _is_elsewhere(self) -> bool:
        """Between two pages there may be nothing that answers."""
        script = "return document.readyState == 'complete' && !document.documentElement.dataset.old"
        answer = requests.post(f"{self._session}/execute/sync", json={"script": script, "args": []}, timeout=30)
        return answer.ok and answer.json()["value"] is True

    def texts(self, xpath: str) -> list[str]:
        """The text of each such element, as it is seen."""
        return [self._ask("GET", f"/element/{element}/text") for element in self._elements(xpath)]

    def _elements(self, xpath: str) -> list[str]:
        found = self._ask("POST", "/elements", {"using": "xpath", "value": xpath})
        return [reference for element in found for reference in element.values()]

    def value(self, expression: str) -> Any:
        """What JavaScript says, as it would in the browser's own console."""
        return self._ask("POST", "/execute/sync", {"script": f"return {expression}", "args": []})

    def resize(self, width: int, height: int) -> None:
        """The page itself, not the window around it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
        self._ask("POST", "/goog/cdp/execute", command)

    def complaints(self) -> list[str]:
        """What it has written to its console since it was last asked, but for a page's status: that is seen."""
        said = [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]
        return [message for message in said if "the server responded with a status of" not in message]

    def close(self) -> None:
        self._ask("DELETE", "")


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """A new browser, with a HOME and a profile of its own in the folder."""
    chromium, chromedriver = map(str, PROGRAMS)
    said = folder / "chromedriver.log"
    # the log first: chromedriver chooses a free port, and says which
    with (
        said.open("wb") as log,
        subprocess.Popen(
            [chromedriver, "--port=0"],
            env={"HOME": str(folder), "TMPDIR": str(folder), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as driver,
    ):
        try:
            browser = Browser(_session(_port(said), chromium, folder / "profile"))
            try:
                yield browser
            finally:
                browser.close()
        finally:
            driver.terminate()


def _port(said: Path) -> int:
    deadline = time.monotonic() + 20
    while not (found := re.search(r"started successfully on port (\d+)", said.read_text())):
        assert time.monotonic() < deadline, said.read_text()
        time.sleep(0.02)
    return int(found[1])


def _session(port: int, chromium: str, profile: Path) -> str:
    options = {"binary": chromium, "args": [*ARGUMENTS, f"--user-data-dir={profile}"]}
    wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
    url = f"http://127.0.0.1:{port}/session"
    answer = requests.post(url, json={"capabilities": {"alwaysMatch": wanted}}, timeout=60)
    assert answer.ok, answer.text
    return f"{url}/{answer.json()['value']['sessionId']}"
