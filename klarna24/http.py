"""HTTP as both vendor clients use it: a session that names the product, a body with an end, a clock, a pace."""

import time
from collections import deque
from collections.abc import Hashable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import requests

from klarna24 import __version__
from klarna24.config.values import is_loopback
from klarna24.text import Sentence, sentence


class AnswerTooLong(Exception):
    """The answer grew too large, or took too long."""

    def __init__(self, why: Sentence) -> None:
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
    """The body. Raises AnswerTooLong, and what requests and urllib3 raise when the connection breaks."""
    deadline, chunks, size = time.monotonic() + seconds, [], 0
    # read1 gives what has come, where iter_content would wait for its chunk to be full and never see the deadline
    while chunk := response.raw.read1(2**16, decode_content=True):
        size += len(chunk)
        if size > most_bytes or time.monotonic() > deadline:
            limits: dict[str, str | int] = {"seconds": f"{seconds:.0f}", "mebibytes": most_bytes // 2**20}
            raise AnswerTooLong(
                sentence("the answer did not end within {seconds} s and {mebibytes} MiB", **limits)
            )
        chunks.append(chunk)
    return b"".join(chunks)


class TooManyRequests(Exception):
    """The next request would have to wait for ``seconds``: longer than whoever asks is willing to."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


class Pace:
    """``most`` requests in any span of ``seconds``."""

    def __init__(self, most: int, seconds: float) -> None:
        self._times: deque[float] = deque(maxlen=most)
        self._seconds = seconds
        self._lock = Lock()

    def keep(self, longest_wait: float) -> None:
        """Returns when a request may be made, and counts it. Raises TooManyRequests instead of waiting longer."""
        while (wait := self._take()) > 0:
            if wait > longest_wait:
                raise TooManyRequests(wait)
            time.sleep(wait)

    def _take(self) -> float:
        """0, and counted; or how long it is until there is room."""
        with self._lock:
            now = time.monotonic()
            if len(self._times) == self._times.maxlen and (wait := self._times[0] + self._seconds - now) > 0:
                return wait
            self._times.append(now)
            return 0.0


_paces: dict[Hashable, Pace] = {}
_lock = Lock()


def pace_of(user: Hashable, most: int, seconds: float) -> Pace:
    """The one that all of this process share for this user."""
    with _lock:
        return _paces.setdefault((user, most, seconds), Pace(most, seconds))
