"""A real browser: Chromium without a window, driven over HTTP by chromedriver (the WebDriver protocol)."""

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
MISSING = None if all(PROGRAMS) else "no Chromium on this machine (Debian: chromium and chromium-driver)"
ARGUMENTS = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update"]
ARGUMENTS += ["--no-sandbox"]  # its sandbox refuses to work for root, and it opens only our own pages
# as in conftest.py, only loopback can be reached
ARGUMENTS += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]


class Browser:
    """One window. Elements are found by XPath; a missing element fails the test."""

    def __init__(self, session: str) -> None:
        self._session = session

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = requests.request(method, self._session + path, json=body, timeout=30)
        value = answer.json()["value"]
        assert answer.ok, value
        return value

    def open(self, url: str) -> None:
        """Open the address, and wait until it is loaded."""
        self._ask("POST", "/url", {"url": url})

    def reload(self) -> None:
        """Load the page again, as F5 does; what a form has led to without a redirect sends it again."""
        self._ask("POST", "/refresh", {})

    def follow(self, xpath: str) -> None:
        """Click on the one such element, and wait until the page that it leads to is loaded."""
        self.value("document.documentElement.dataset.old = 'yes'")
        (element,) = self._elements(xpath)
        self._ask("POST", f"/element/{element}/click", {})
        # a click may return before the next page has begun to load
        deadline = time.monotonic() + 20
        while not self._is_on_another_page():
            assert time.monotonic() < deadline, "the click led to no other page"
            time.sleep(0.02)

    def _is_on_another_page(self) -> bool:
        """Whether another page is loaded; between two pages the script may fail."""
        script = "return document.readyState == 'complete' && !document.documentElement.dataset.old"
        answer = requests.post(f"{self._session}/execute/sync", json={"script": script, "args": []}, timeout=30)
        return answer.ok and answer.json()["value"] is True

    def texts(self, xpath: str) -> list[str]:
        """The visible text of each such element."""
        return [self._ask("GET", f"/element/{element}/text") for element in self._elements(xpath)]

    def _elements(self, xpath: str) -> list[str]:
        found = self._ask("POST", "/elements", {"using": "xpath", "value": xpath})
        return [reference for element in found for reference in element.values()]

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return self._ask("POST", "/execute/sync", {"script": f"return {expression}", "args": []})

    def resize(self, width: int, height: int) -> None:
        """Set the size of the page, in pixels, without that of the window around it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
        self._ask("POST", "/goog/cdp/execute", command)

    def pdf(self) -> str:
        """The page as it is printed, by the size and margins of its own style: a PDF in base64."""
        printed = self._ask(
            "POST", "/goog/cdp/execute", {"cmd": "Page.printToPDF", "params": {"preferCSSPageSize": True}}
        )
        return str(printed["data"])

    def errors(self) -> list[str]:
        """The messages in the console since the last call, except those about the status of a page."""
        messages = [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]
        return [message for message in messages if "the server responded with a status of" not in message]

    def close(self) -> None:
        """End the browser."""
        self._ask("DELETE", "")


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """Start a browser, whose HOME and profile are in the folder; close it at the end."""
    chromium, chromedriver = map(str, PROGRAMS)
    with _driver(chromedriver, folder) as port:
        browser = Browser(_session(port, chromium, folder / "profile"))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def _driver(chromedriver: str, folder: Path) -> Iterator[int]:
    """The port of a running chromedriver. It takes a free port of IPv6 and ends if that of IPv4 is taken."""
    output = folder / "chromedriver.log"
    environment = {"HOME": str(folder), "TMPDIR": str(folder), "PATH": "/usr/bin:/bin"}
    command = [chromedriver, "--port=0"]
    for _ in range(5):
        with (
            output.open("wb") as log,
            subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as driver,
        ):
            try:
                if port := _port(driver, output):
                    yield port
                    return
            finally:
                driver.terminate()
    raise AssertionError(output.read_text())


def _port(driver: "subprocess.Popen[bytes]", output: Path) -> int | None:
    """Once chromedriver has printed it; None where chromedriver has ended, or prints none for 20 seconds."""
    deadline = time.monotonic() + 20
    while driver.poll() is None and time.monotonic() < deadline:
        if found := re.search(r"started successfully on port (\d+)", output.read_text()):
            return int(found[1])
        time.sleep(0.02)
    return None


def _session(port: int, chromium: str, profile: Path) -> str:
    options = {"binary": chromium, "args": [*ARGUMENTS, f"--user-data-dir={profile}"]}
    wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
    url = f"http://127.0.0.1:{port}/session"
    answer = requests.post(url, json={"capabilities": {"alwaysMatch": wanted}}, timeout=60)
    assert answer.ok, answer.text
    return f"{url}/{answer.json()['value']['sessionId']}"
