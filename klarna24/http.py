"""What the clients of both vendors need of HTTP: a session, a bounded body, the server's time, a pace."""

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
    """The body grew too large, or took too long; ``why`` says so in a sentence."""

    def __init__(self, why: Sentence) -> None:
        super().__init__(why)
        self.why = why


def new_session(base_url: str | None) -> requests.Session:
    """Return a session that names the product and its version. To a loopback address it uses no proxy."""
    session = requests.Session()
    session.headers["User-Agent"] = f"klarna24/{__version__}"
    if base_url and is_loopback(urlsplit(base_url).hostname or ""):
        session.trust_env = False
    return session


class ServerTime(NamedTuple):
    """The Date header of a response, and when it arrived by our clock. The header is parsed only in
    :meth:`ahead`, so that no header, however malformed, can end a run."""

    date_header: str | None
    received_at: datetime

    @classmethod
    def of(cls, response: requests.Response) -> Self:
        """Take the time from a response that has just arrived."""
        return cls(response.headers.get("Date"), datetime.now(UTC))

    def ahead(self) -> timedelta | None:
        """Return how far the server's clock is ahead of ours; None if it sent no readable date."""
        try:
            moment = parsedate_to_datetime(self.date_header or "")
        except (ValueError, TypeError, LookupError, OverflowError):
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - self.received_at


def read_whole(response: requests.Response, seconds: float, most_bytes: int) -> bytes:
    """Return the decoded body. Raises AnswerTooLong, and whatever requests and urllib3 raise when the
    connection breaks."""
    deadline, chunks, size = time.monotonic() + seconds, [], 0
    # read1 returns what has arrived; iter_content would wait until its chunk is full, and miss the deadline
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
    """The next request would have to wait for ``seconds``, which is longer than the caller allows."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


class Pace:
    """At most ``most`` requests in any span of ``seconds``."""

    def __init__(self, most: int, seconds: float) -> None:
        self._times: deque[float] = deque(maxlen=most)
        self._seconds = seconds
        self._lock = Lock()

    def wait(self, longest: float) -> None:
        """Return when a request may be made, and count it. Raises TooManyRequests instead of waiting more than
        ``longest`` seconds."""
        while (seconds := self._count_or_wait()) > 0:
            if seconds > longest:
                raise TooManyRequests(seconds)
            time.sleep(seconds)

    def _count_or_wait(self) -> float:
        """Count a request and return 0, or return the seconds until one is possible."""
        with self._lock:
            now = time.monotonic()
            if len(self._times) == self._times.maxlen and (wait := self._times[0] + self._seconds - now) > 0:
                return wait
            self._times.append(now)
            return 0.0


# Shared by the whole process, because the vendors count the requests of a user, not of a profile: an agency's
# thousand web shops may have one user.
_paces: dict[Hashable, Pace] = {}
_paces_lock = Lock()


def pace_of(user: Hashable, most: int, seconds: float) -> Pace:
    """Return the pace that all clients of this user share in this process."""
    with _paces_lock:
        return _paces.setdefault((user, most, seconds), Pace(most, seconds))


def reset_paces() -> None:
    """Forget every request made so far; tests call it, because they share a process."""
    with _paces_lock:
        _paces.clear()
