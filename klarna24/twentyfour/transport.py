"""One HTTP request to a SOAP service, and what is known when it fails.

After a failed save one question matters: may the server have acted on the request? It cannot have if no byte of
the body was sent, because DNS, TCP or TLS failed before, or if it answers that it turned the request away: that is
:class:`NotSent`. Every other failure is :class:`NoAnswer`.
"""

import http.cookiejar
import io
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import requests
import urllib3
import zeep

from klarna24.errors import Klarna24Error
from klarna24.http.exchange import SAVE_SECONDS, AnswerTooLong, Exchange, new_session
from klarna24.http.faults import no_answer, permanent_fault
from klarna24.http.pace import TooManyRequests, pace_of
from klarna24.http.server_time import ServerTime
from klarna24.logs.redaction import server_text
from klarna24.text.sentences import Sentence, sentence
from klarna24.twentyfour import envelope

TIMEOUT = (10.0, 120.0)  # seconds to connect, and between two bytes
ANSWER_SECONDS = SAVE_SECONDS  # from connecting to the answer's last byte
ANSWER_BYTES = 32 * 2**20  # 11,000 rows of the ledger have about 12 MiB
SAVED_BYTES = 2**20  # the answer to a save is a type and a description
REQUESTS_AN_HOUR = 7200  # docs/vendors/24sevenoffice.md, "Limits and traps"
LONGEST_WAIT = 20.0  # seconds until one more request is allowed
# zeep logs a traceback for a value that it cannot read; without a handler Python would print it
logging.getLogger("zeep").addHandler(logging.NullHandler())

Write = Callable[[Any], bytes]  # makes the message out of zeep's envelope
# Counts a request of this user with those of other hosts, at most so many an hour; returns the seconds to wait.
SharedPace = Callable[[str, int], float]


class NotSent(Exception):
    """The server cannot have acted on the request. ``reason`` is one line of text, here and below; ``retry`` is
    false if another attempt would not help, and ``fault`` is what a person has to correct first, if known."""

    def __init__(self, reason: str, retry: bool = True, fault: Klarna24Error | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.fault = fault


class NoAnswer(Exception):
    """The server may have acted on the request; its answer is missing or unusable. ``refused`` is true if it was
    HTTP 401 or 403; ``too_long`` if it was more than can be read at once. A read is not repeated after either."""

    def __init__(self, reason: str, retry: bool = True, refused: bool = False, too_long: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry and not refused and not too_long
        self.refused = refused
        self.too_long = too_long


class _Body(io.BytesIO):
    """A request's body; ``taken`` is true once urllib3 has begun to send it, which needs an open connection."""

    taken = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.taken = True
        return super().read(size)


class Transport(zeep.Transport):
    """zeep's transport with our rules. Bodies are never logged, because one of them holds the password.
    ``server_time`` is that of the last answer."""

    server_time: ServerTime | None = None
    session_id: str | None = None
    write: Write | None = None  # how the next messages are made of zeep's envelope; None: by zeep
    seconds: float | None = None  # for the next exchanges, in place of ANSWER_SECONDS

    def __init__(self, base_url: str | None, user: str, shared: SharedPace | None = None) -> None:
        self._pace = pace_of(("24SevenOffice", base_url, user), REQUESTS_AN_HOUR, 3600.0)
        self._elsewhere = partial(shared, f"24SevenOffice {base_url} {user}", REQUESTS_AN_HOUR) if shared else None
        session = new_session(base_url)
        agent = session.headers["User-Agent"]
        super().__init__(session=session)  # type: ignore[no-untyped-call]  # zeep has no types
        session.headers["User-Agent"] = agent  # zeep has replaced it by its own
        # the session id is sent only where we send it: no cookie jar, no .netrc
        session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        session.auth = lambda request: request

    def close_connections(self) -> None:
        """Close idle connections, so that the next request cannot fail on one that the server has dropped."""
        for adapter in self.session.adapters.values():
            adapter.close()

    def post_xml(self, address: str, envelope: Any, headers: dict[str, str]) -> requests.Response:
        """Called by zeep with the complete envelope, and documented as the place to change how it is written."""
        if self.write is None:
            return super().post_xml(address, envelope, headers)  # type: ignore[no-untyped-call, no-any-return]  # zeep has no types
        return self.post(address, self.write(envelope), headers)

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> requests.Response:
        """Return the answer, read to its end, if it is a SOAP envelope. Raises NotSent or NoAnswer otherwise."""
        try:
            self._pace.wait(LONGEST_WAIT, self._elsewhere)
        except TooManyRequests as too_many:
            minutes = int(too_many.seconds // 60) + 1
            reason = sentence(
                "{most} requests were made within an hour; the next one is possible in {minutes} minutes",
                most=REQUESTS_AN_HOUR,
                minutes=minutes,
            )
            raise NotSent(reason, retry=False) from None
        if self.session_id:
            headers = {**headers, "Cookie": f"ASP.NET_SessionId={self.session_id}"}
        body = _Body(message)
        is_save = self.write is not None
        try:
            with (
                Exchange(self.seconds or ANSWER_SECONDS, SAVED_BYTES if is_save else ANSWER_BYTES) as exchange,
                self.session.post(
                    address, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
                ) as response,
            ):
                self.server_time = ServerTime.of(response)
                answer = exchange.read(response)
        except AnswerTooLong as error:
            if not body.taken:
                raise NotSent(error.why, retry=False) from None
            raise NoAnswer(error.why, retry=False, too_long=not error.late) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:  # RequestException is an OSError
            if body.taken:
                raise NoAnswer(_reason(error)) from None
            if fault := permanent_fault(error, address):
                raise NotSent(fault.message, retry=False, fault=fault) from None
            raise NotSent(no_answer(error, address)) from None
        answer = _checked(response, answer, is_save)
        response.raw = io.BytesIO(answer)  # requests reads .content from here, because the stream is consumed
        response.headers["Content-Type"] = "text/xml"  # zeep trusts one of multipart
        return response


def _reason(error: Exception) -> Sentence:
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return sentence("no answer within {seconds} s", seconds=f"{TIMEOUT[1]:.0f}")
    return sentence("the connection broke before the answer was complete ({error})", error=type(error).__name__)


def _checked(response: requests.Response, body: bytes, is_save: bool) -> bytes:
    """Return the answer, ready to be parsed, if it is a SOAP envelope with content. Raises NotSent or NoAnswer."""
    status = response.status_code
    if status == 429:
        raise NotSent(_too_many_requests(response), retry=False)
    if 300 <= status < 400:
        raise NoAnswer(sentence("a redirect (HTTP {status}), which is never followed", status=status))
    if envelope.has_too_much(body):
        raise NoAnswer(sentence("an answer with too many elements"), too_long=True)
    document = envelope.parse(body if is_save else (body := envelope.readable(body)))
    found = envelope.content(document)
    if found is None:
        # half an answer proves nothing
        page = b"" if b"Envelope" in body else body[: envelope.LARGEST_PAGE]
        if limit := envelope.limit_in(page.decode("utf-8", "replace")):
            raise NotSent(server_text(limit, 150), retry=False)
        kind = sentence("an answer that is not XML (HTTP {status})", status=status)
        if document is not None:
            kind = sentence("an answer that is not SOAP (HTTP {status})", status=status)
        raise NoAnswer(kind, refused=status in {401, 403})
    is_fault = len(found) == 1 and found[0].tag == f"{envelope.SOAP}Fault"
    if is_fault and (limit := envelope.limit_in(envelope.text_of(found[0]))):
        raise NotSent(server_text(limit, 150), retry=False)
    return body


def _too_many_requests(response: requests.Response) -> Sentence:
    until = response.headers.get("APILimitReset") or response.headers.get("Retry-After") or ""
    if until and until.isprintable():
        return sentence("too many requests (HTTP 429), until {until}", until=server_text(until, 40))
    return sentence("too many requests (HTTP 429)")
