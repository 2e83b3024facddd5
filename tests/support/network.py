"""One request of a client: how it ended, and, in a process of its own, how much memory it took.

``python -m tests.support.network`` forks such a process for each line of its input: no start-up of Python.
"""

import json
import os
import re
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from klarna24.config.tables import Profile
from klarna24.ecb import client as ecb
from klarna24.errors import Klarna24Error
from klarna24.klarna import client as klarna
from klarna24.klarna import listing
from klarna24.sandbox.server import Sandbox
from klarna24.twentyfour import answers, connection, transport
from klarna24.twentyfour.client import TwentyFourClient
from klarna24.twentyfour.sessions import Sessions
from tests.support import LONG, ROOT
from tests.support.bookkeeping import merged, profile
from tests.support.loading import uncounted


def shorten(seconds: float) -> None:
    """Give each exchange, and connecting, this limit for the rest of the process, and repeat nothing."""
    klarna.ANSWER_SECONDS = transport.ANSWER_SECONDS = ecb.ANSWER_SECONDS = seconds
    klarna.TIMEOUT, transport.TIMEOUT = (seconds, 60), (seconds, 60.0)  # type: ignore[assignment]  # seconds
    ecb.TIMEOUT = (seconds, 60)  # type: ignore[assignment]  # seconds
    klarna.RETRY_SECONDS = connection.RETRY_SECONDS = ecb.RETRY_SECONDS = 0.0


def ask(kind: str, url: str) -> dict[str, Any]:
    """Ask Klarna for payouts ("klarna"), 24SevenOffice for identities ("read") or to save ("save"), the European
    Central Bank for the history of its rates ("ecb")."""
    addresses = {"klarna": {"base_url": url}, "24sevenoffice": {"base_url": url}}
    shop, started = profile(merged(Sandbox(payouts=[]).profile(), addresses)), time.monotonic()
    try:
        code, said = {"klarna": _klarna, "read": _read, "save": _save, "ecb": _ecb}[kind](shop)
    except Klarna24Error as error:
        code, said = f"{error.exit_code}", f"{error.message} [{error.hint}]"
    return {"outcome": code, "said": said, "seconds": time.monotonic() - started}


def _klarna(shop: Profile) -> tuple[str, str]:
    klarna.KlarnaClient(shop.klarna, "password").payouts(shop.start_date, shop.start_date, shop.timezone)
    return "0", ""


def _read(shop: Profile) -> tuple[str, str]:
    with TemporaryDirectory() as folder:
        TwentyFourClient(shop, lambda: "password", Sessions(Path(folder), False)).accepts_credentials()
    return "0", ""


def _ecb(shop: Profile) -> tuple[str, str]:
    ecb.EcbClient(str(shop.klarna.base_url))._days(ecb.WHOLE)
    return "0", ""


def _save(shop: Profile) -> tuple[str, str]:
    wire = transport.Transport(shop.twentyfour.base_url, "me")
    wire.write = lambda _: b""  # as it is while a voucher is saved
    try:
        reply = wire.post(f"{shop.twentyfour.base_url}/", b"<x/>", {})
    except (transport.NotSent, transport.NoAnswer) as error:
        answer = answers.of_error(error)
    else:
        answer = answers.of_reply(reply.status_code, reply.content)
    return answer.kind, answer.said


def memory() -> float:
    """Return the most that this process has had, in MB. getrusage alone counts the parent's, from before exec."""
    with suppress(OSError):
        return int(re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


class Forker:
    """The server as a child of the tests."""

    def __init__(self) -> None:
        command, pipe = [sys.executable, "-m", "tests.support.network"], subprocess.PIPE
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=uncounted(), stdin=pipe, stdout=pipe, text=True, bufsize=1
        )

    def ask(self, kind: str, url: str, limit: float) -> dict[str, Any]:
        """Asks in a process of its own, with this limit in seconds; with the ``memory`` in MB that it took."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([kind, url, limit, os.environ.get("https_proxy")]) + "\n")
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=10)


def answer_in_a_child(kind: str, url: str, limit: float, proxy: str | None) -> None:
    """In the server: forks, and waits for the child."""
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0
        return
    if proxy:
        os.environ["https_proxy"] = proxy
    shorten(limit)
    if not LONG:
        listing.MOST_ELEMENTS = 10_000  # reading the full number takes ten seconds
    print(json.dumps(ask(kind, url) | {"memory": memory()}), flush=True)  # noqa: T201 - the answer to the test
    os._exit(0)


if __name__ == "__main__":
    connection._contract("authenticate")  # read before the fork
    for line in sys.stdin:
        answer_in_a_child(*json.loads(line))
