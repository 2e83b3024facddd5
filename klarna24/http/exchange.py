"""A session whose requests have an end: one limit of time over the whole exchange, and one of size."""

import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
import urllib3

from klarna24 import __version__
from klarna24.config.values import is_loopback
from klarna24.http.faults import ca_bundle
from klarna24.logs.redaction import server_text
from klarna24.text.sentences import Sentence, sentence

SAVE_SECONDS = 300.0  # for a whole save; schedule/systemd.py waits a little longer


class AnswerTooLong(Exception):
    """The body grew too large, or the exchange took too long (``late``); ``why`` says so in a sentence."""

    def __init__(self, why: Sentence, late: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.late = late


class Exchange:
    """The limits of one request and its answer, as a context. When ``seconds`` are over, a thread shuts the socket
    down, whatever is under way: a proxy's tunnel, sending, status, headers, body. The libraries' time-outs count
    from byte to byte, but for the handshake of TLS, which is limited as a whole. Only sessions of
    :func:`new_session` are cut off. Raises AnswerTooLong at the end."""

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self._seconds = seconds
        self._most_bytes = int(most_bytes)
        self._connection: Any = None
        self._socket: Any = None
        self._late = False
        self._over = Event()
        self._thread = Thread(target=self._cut_off, daemon=True, name="limit")

    def __enter__(self) -> Self:
        self._before = _current.set(self)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.reset(self._before)
        self._over.set()
        self._thread.join()  # so that it cannot close a later exchange on the same connection
        if self._late and (error is None or isinstance(error, Exception)):
            raise self._too_long() from None

    def uses(self, connection: Any) -> None:
        """Note the connection, and its socket once it has one: the connection forgets it before the body is read
        if the server closes the connection after this answer."""
        self._connection = connection
        self._socket = connection.sock or self._socket

    def read(self, response: requests.Response) -> bytes:
        """Return the decoded body. Also raises whatever requests and urllib3 raise when the connection breaks."""
        body = bytearray()

        def remaining() -> int:
            return self._most_bytes + 1 - len(body)

        for piece in _decoded(response, remaining):
            body += piece
            if len(body) > self._most_bytes:
                raise self._too_long()
        return bytes(body)

    def _cut_off(self) -> None:
        if self._over.wait(self._seconds):
            return
        self._late = True
        while True:  # again, because the connection may not have its socket yet
            for it in (self._socket, getattr(self._connection, "sock", None)):
                plain = getattr(it, "socket", it)  # TLS within TLS, through a proxy, is an object around a socket
                if isinstance(plain, socket.socket):
                    with suppress(OSError):  # an SSLSocket's own method would let it go on without TLS
                        socket.socket.shutdown(plain, socket.SHUT_RDWR)
            if self._over.wait(0.1):
                return

    def _too_long(self) -> AnswerTooLong:
        limits: dict[str, str | int] = {
            "seconds": f"{self._seconds:.0f}",
            "mebibytes": self._most_bytes // 2**20,
        }
        why = sentence("the answer did not end within {seconds} s and {mebibytes} MiB", **limits)
        return AnswerTooLong(why, self._late)


_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def _decoded(response: requests.Response, remaining: Callable[[], int]) -> Iterator[bytes]:
    """Yield what arrives, unpacked to at most ``remaining()`` bytes at a time: some versions of urllib3 unpack all
    that they have read."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "deflate"}:
        raise urllib3.exceptions.DecodeError(f"an encoding that was not asked for: {server_text(encoding, 40)}")
    unpack = None
    # read1 returns what has arrived; iter_content would wait until its chunk is full
    while chunk := response.raw.read1(2**16, decode_content=False):
        if encoding == "identity":
            yield chunk
            continue
        while chunk:
            if unpack is None or unpack.eof:  # the first member of a gzip file, or one more
                unpack = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)
            try:
                yield unpack.decompress(chunk, remaining())
            except zlib.error as error:
                raise urllib3.exceptions.DecodeError(str(error)) from None
            chunk = unpack.unused_data
    if unpack is not None and not unpack.eof:
        raise urllib3.exceptions.DecodeError("a packed answer without its end")


class _Watched:
    """A base of connections that tells the exchange which of them it uses."""

    def connect(self) -> None:
        self._tell()
        super().connect()  # type: ignore[misc]  # urllib3's method
        self._tell()

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._tell()
        super().request(*args, **kwargs)  # type: ignore[misc]  # urllib3's method
        self._tell()

    def _tell(self) -> None:
        if exchange := _current.get():
            exchange.uses(self)


class _Adapter(requests.adapters.HTTPAdapter):
    """requests' adapter with watched connections, proxies' included: both methods are documented for subclasses,
    and so are urllib3's attributes."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        _watch(manager)
        return manager


def _watch(manager: Any) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _watched(pool) for scheme, pool in pools.items()}


def _watched(pool: Any) -> Any:
    connection = pool.ConnectionCls
    if issubclass(connection, _Watched):
        return pool
    return type(pool.__name__, (pool,), {"ConnectionCls": type(connection.__name__, (_Watched, connection), {})})


def new_session(base_url: str | None) -> requests.Session:
    """Return a session that names the product and its version. To a loopback address it uses no proxy."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    session.headers["User-Agent"] = f"klarna24/{__version__}"
    session.headers["Accept-Encoding"] = "gzip"  # what Exchange.read can unpack
    if base_url and is_loopback(urlsplit(base_url).hostname or ""):
        session.trust_env = False
        session.verify = ca_bundle() or True
    return session
