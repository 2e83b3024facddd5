"""One request of a client, in a process of its own: how it ended, and how much memory it took."""

import re
import resource
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from klarna24.errors import Klarna24Error
from klarna24.klarna import client as klarna
from klarna24.sandbox.server import Sandbox
from klarna24.twentyfour import answers, connection, transport
from klarna24.twentyfour.client import TwentyFourClient
from klarna24.twentyfour.sessions import Sessions
from tests.support.bookkeeping import merged, profile


def ask(kind: str, url: str, seconds: float) -> dict[str, Any]:
    """Ask the server at the address: "klarna" and "read" with the whole client, "save" below zeep."""
    klarna.ANSWER_SECONDS = transport.ANSWER_SECONDS = seconds
    klarna.RETRY_SECONDS = connection.RETRY_SECONDS = 0.1
    tables = merged(
        Sandbox(payouts=[]).profile(), {"klarna": {"base_url": url}, "24sevenoffice": {"base_url": url}}
    )
    shop, started = profile(tables), time.monotonic()
    try:
        outcome = _ask(kind, url, shop)
    except Klarna24Error as error:
        outcome = (error.code, f"{error.message} [{error.hint}]")
    return {"outcome": outcome[0], "said": outcome[1], "seconds": time.monotonic() - started}


def memory() -> float:
    """Return the most that this process has had, in MB. getrusage alone counts the parent's, from before exec."""
    with suppress(OSError):
        return int(re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _ask(kind: str, url: str, shop: Any) -> tuple[str, str]:
    if kind == "klarna":
        reader = klarna.KlarnaClient(shop.klarna, "password")
        reader.payouts(shop.start_date, shop.start_date, shop.timezone)
    elif kind == "read":
        with TemporaryDirectory() as folder:
            client = TwentyFourClient(shop, lambda: "password", Sessions(Path(folder), keep=False))
            client.accepts_credentials()
    else:
        wire = transport.Transport(url, "me")
        wire.write = lambda _: b""
        try:
            reply = wire.post(f"{url}/", b"<x/>", {})
        except (transport.NotSent, transport.NoAnswer) as error:
            answer = answers.of_error(error)
        else:
            answer = answers.of_reply(reply.status_code, reply.content)
        return answer.kind, answer.said
    return "answered", ""
