"""What both doors to the network do the same way: a session that says who asks, a body that ends, a clock."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import requests

from klarna24 import __version__
from klarna24.config import is_loopback
from klarna24.wording import Said, say


class Endless(Exception):
    """The answer grew too large, or took too long."""

    def __init__(self, why: Said) -> None:
        super().__init__(why)
        self.why = why


def new_session(base_url: str | None) -> requests.Session:
    """Names the product and its version. A proxy has no business between two programs of one machine."""
    session = requests.Session()
    session.headers["User-Agent"] = f"klarna24/{__version__}"
    if base_url and is_loopback(urlsplit(base_url).hostname or ""):
        session.trust_env = False
    return session


class ServerTime(NamedTuple):
    """What a server said of the time (its Date header), and when it said so by our clock. Read only when asked,
    so that no header, however odd, can end a run."""

    said: str | None
    heard_at: datetime

    @classmethod
    def of(cls, response: requests.Response) -> Self:
        return cls(response.headers.get("Date"), datetime.now(UTC))

    def ahead(self) -> timedelta | None:
        """How far its clock is ahead of ours; None where it said nothing that can be read."""
        try:
            moment = parsedate_to_datetime(self.said or "")
        except (ValueError, TypeError, LookupError, OverflowError):
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - self.heard_at


def read_whole(response: requests.Response, seconds: float, most_bytes: int) -> bytes:
    """The body. Raises Endless, and what requests and urllib3 raise when the connection breaks."""
    deadline, chunks, size = time.monotonic() + seconds, [], 0
    # read1 gives what has come, where iter_content would wait for its chunk to be full and never see the deadline
    while chunk := response.raw.read1(2**16, decode_content=True):
        size += len(chunk)
        if size > most_bytes or time.monotonic() > deadline:
            limits: dict[str, str | int] = {"seconds": f"{seconds:.0f}", "mebibytes": most_bytes // 2**20}
            raise Endless(say("the answer did not end within {seconds} s and {mebibytes} MiB", **limits))
        chunks.append(chunk)
    return b"".join(chunks)
