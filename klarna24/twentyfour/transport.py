"""One HTTP call to a SOAP service, and what can be known when it goes wrong.

The one question that matters after a failed save is whether the request may have reached the server. It
cannot have where no connection ever stood (DNS, TCP, TLS), or where the server says that it turned the
request away. Everything else is :class:`NoAnswer`.
"""

import http.cookiejar
import logging
import re
from collections.abc import Callable
from typing import Any, BinaryIO

import requests
import urllib3
import zeep
from lxml import etree
from requests.adapters import HTTPAdapter

from klarna24.http import AnswerTooLong, ServerTime, TooManyRequests, new_session, pace_of, read_whole
from klarna24.logs.redaction import server_text
from klarna24.text import Sentence, sentence

TIMEOUT = (10.0, 120.0)  # seconds to connect, and between two bytes
ANSWER_SECONDS = 300.0
REQUESTS_AN_HOUR = 7200  # facts: Limits and traps
LONGEST_WAIT = 20.0  # seconds, for room among them
ANSWER_BYTES = 256 * 2**20
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
# The documented message, which goes on: Quarantine ends at …
LIMIT = re.compile(rb"Limit exceeded by [^<]*?Request is blocked[^<]{0,500}", re.IGNORECASE)
# zeep logs tracebacks of values that it cannot read; without a handler Python would print them
logging.getLogger("zeep").addHandler(logging.NullHandler())

Write = Callable[[Any], BinaryIO]  # zeep's envelope → the message


class NotSent(Exception):
    """The server cannot have acted on the request. ``retry`` is off where asking again makes it worse.
    ``reason`` is fit for one line, here and below."""

    def __init__(self, reason: str, retry: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry


class NoAnswer(Exception):
    """The request may have been acted on: nobody said."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Watch:
    """Whether a connection has stood since it was last reset."""

    connected = False


def _watched(pool: Any, watch: _Watch) -> Any:
    """The connection pool class, with connections that tell ``watch`` once they stand, TLS included."""

    class Connection(pool.ConnectionCls):  # type: ignore[misc]  # a class that is only known at run time
        def connect(self) -> None:
            super().connect()
            watch.connected = True

    return type(f"Watched{pool.__name__}", (pool,), {"ConnectionCls": Connection})


class _Adapter(HTTPAdapter):
    def __init__(self, watch: _Watch) -> None:
        self._watch = watch
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._watch_over(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """A proxy has a manager of its own, made when it is first asked for."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            self._watch_over(manager)
        return manager

    def _watch_over(self, manager: Any) -> None:
        pools = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {scheme: _watched(pool, self._watch) for scheme, pool in pools.items()}


class Transport(zeep.Transport):
    """zeep's transport with our rules. Bodies are never logged: one of them holds the password.
    ``server_time`` is of the last answer."""

    server_time: ServerTime | None = None
    write: Write | None = None  # how the next messages are made of zeep's envelope, if not by zeep

    def __init__(self, base_url: str | None, user: str) -> None:
        self._pace = pace_of(("24SevenOffice", base_url, user), REQUESTS_AN_HOUR, 3600.0)
        session = new_session(base_url)
        agent = session.headers["User-Agent"]
        super().__init__(session=session)  # type: ignore[no-untyped-call]  # zeep has no types
        session.headers["User-Agent"] = agent  # zeep has put its own in the place of ours
        self._watch = _Watch()
        self.session_id: str | None = None
        session.mount("https://", _Adapter(self._watch))
        session.mount("http://", _Adapter(self._watch))
        # the session id goes where we send it, and to no other place: no jar, no .netrc
        session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        session.auth = lambda request: request

    def fresh_connection(self) -> None:
        """Forget kept connections, so that the next call cannot die on one that the server has dropped."""
        for adapter in self.session.adapters.values():
            adapter.close()
        self._watch.connected = False

    def post_xml(self, address: str, envelope: Any, headers: dict[str, str]) -> requests.Response:
        """zeep's way in: the envelope is whole, and still a tree."""
        if self.write is None:
            return super().post_xml(address, envelope, headers)  # type: ignore[no-untyped-call, no-any-return]  # zeep has no types
        return self.post(address, self.write(envelope), headers)

    def post(self, address: str, message: bytes | BinaryIO, headers: dict[str, str]) -> requests.Response:
        """The answer, read whole, if it is well-formed XML. Raises NotSent or NoAnswer otherwise."""
        try:
            self._pace.keep(LONGEST_WAIT)
        except TooManyRequests as too_many:
            minutes = int(too_many.seconds // 60) + 1
            reason = sentence(
                "{most} requests were made within an hour; room again in {minutes} minutes",
                most=REQUESTS_AN_HOUR,
                minutes=minutes,
            )
            raise NotSent(reason, retry=False) from None
        if self.session_id:
            headers = {**headers, "Cookie": f"ASP.NET_SessionId={self.session_id}"}
        try:
            response = self.session.post(
                address,
                data=message,
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
            with response:
                self.server_time = ServerTime.of(response)
                body = read_whole(response, ANSWER_SECONDS, ANSWER_BYTES)
        except AnswerTooLong as error:
            raise NoAnswer(error.why) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if self._watch.connected:
                raise NoAnswer(_why(error)) from None
            raise NotSent(sentence("no connection ({error})", error=type(error).__name__)) from None
        response._content = body  # zeep reads the answer from here; a stream that has been read has none
        _check(response, body)
        return response

    def load(self, url: str) -> bytes:
        """Contract files come from the package; nothing is ever fetched to be one."""
        if "://" in url:
            raise ValueError(f"a contract refers to {url}")
        return bytes(super().load(url))  # type: ignore[no-untyped-call]  # zeep has no types


def _why(error: Exception) -> Sentence:
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return sentence("no answer within {seconds} s", seconds=f"{TIMEOUT[1]:.0f}")
    return sentence("the connection broke before the answer was whole ({error})", error=type(error).__name__)


def _check(response: requests.Response, body: bytes) -> None:
    if limit := LIMIT.search(body):
        raise NotSent(server_text(limit.group().decode("utf-8", "replace"), 150), retry=False)
    status = response.status_code
    if status == 429:
        raise NotSent(_too_many_requests(response), retry=False)
    if 300 <= status < 400:
        raise NoAnswer(sentence("a redirect (HTTP {status}), which is never followed", status=status))
    try:
        # zeep itself parses forgivingly, and would take half an answer for a whole one
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        document = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise NoAnswer(sentence("an answer that is not XML (HTTP {status})", status=status)) from None
    if document.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # lxml-stubs says Any as well
        raise NoAnswer(sentence("an answer with a document type, which SOAP forbids"))
    # zeep trips over an envelope without content, and takes the sender's word for what is multipart
    if document.tag != f"{SOAP}Envelope" or document.find(f"{SOAP}Body/*") is None:
        raise NoAnswer(sentence("an answer that is not SOAP (HTTP {status})", status=status))
    response.headers["Content-Type"] = "text/xml"


def _too_many_requests(response: requests.Response) -> Sentence:
    until = response.headers.get("APILimitReset") or response.headers.get("Retry-After") or ""
    if until and until.isprintable():
        return sentence("too many requests (HTTP 429), until {until}", until=server_text(until, 40))
    return sentence("too many requests (HTTP 429)")
