"""One loopback port that serves the addresses of Klarna, of 24SevenOffice and of the European Central Bank.

    socket → Handler → Sandbox.handle: fault? → klarna | office | ecb | control | page → Reply → socket

Every request is processed under one lock. A reply that is late or never comes waits without the lock, until
stop() at the latest.
"""

import random
import secrets
import socket
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, RLock, Thread
from types import TracebackType
from typing import Any, NamedTuple, Self

from klarna24.sandbox import control, ecb
from klarna24.sandbox.faults import Faults, Replies
from klarna24.sandbox.klarna import faults as klarna_faults
from klarna24.sandbox.klarna import http as klarna_http
from klarna24.sandbox.klarna.generate import Seeded
from klarna24.sandbox.klarna.shop import seeded_payouts
from klarna24.sandbox.klarna.state import KlarnaState
from klarna24.sandbox.office import faults as office_faults
from klarna24.sandbox.office import http as office_http
from klarna24.sandbox.office.contract import SERVICES
from klarna24.sandbox.office.state import OfficeState
from klarna24.sandbox.page import http as page_http
from klarna24.sandbox.profile import profile
from klarna24.sandbox.reply import Incoming, Reply, Request

_MAX_BODY = 2**26  # protects this machine; see OfficeState.max_request_bytes for a vendor's limit


class Sandbox:
    """Both vendors with their data at http://127.0.0.1:port. Use it in a with statement, or start() and stop()."""

    def __init__(
        self,
        port: int = 0,
        seed: int = 24,
        today: date | None = None,
        payouts: list[Seeded] | None = None,
        validate: office_http.Validate | None = None,
    ) -> None:
        self.today = today or datetime.now(UTC).date()
        self.requests: list[Request] = []  # in the order in which they were processed
        self.errors: list[str] = []  # tracebacks of the sandbox's own bugs
        self.stopping = Event()
        self._lock = RLock()
        self._server_lock = Lock()  # a second lock, as a handler may hold the first while stop() waits
        self._validate = validate
        self._port = port
        self._token = secrets.token_urlsafe()
        self._server: _Server | None = None
        self.faults = Faults(self._lock)
        self.office = OfficeState(seed, self.today, self._lock)
        self.klarna = KlarnaState()
        self.ecb = ecb.EcbState(self.today)
        seeded = seeded_payouts(seed, self.today) if payouts is None else list(payouts)
        if payouts is None:
            random.Random(seed).shuffle(seeded)  # the order of Klarna's list is not documented
        for payout, rows in seeded:
            self.klarna.add(payout, rows)

    # --- start and stop ---

    def start(self) -> Self:
        """Listen, and serve in a daemon thread. `url` is valid when this returns."""
        if self._server is None:
            self.stopping.clear()
            self._server = _Server(self, self._port)
            self._port = self._server.server_address[1]
            Thread(target=self._server.serve_forever, args=(0.01,), daemon=True, name="sandbox").start()
        return self

    def serve_forever(self) -> None:
        """Start unless started, and serve until KeyboardInterrupt or until another thread calls stop()."""
        self.start()
        try:
            while not self.stopping.wait(0.5):  # on Windows, Ctrl-C does not interrupt a wait without a limit
                pass
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop at once: close all connections, those that wait for a late reply included."""
        self.stopping.set()
        with self._server_lock:
            server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.close_all()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    # --- for tests and commands ---

    def calls(self) -> Counter[str]:
        """How often each operation was called: those of the SOAP services, payouts, payout, transactions,
        and the two files of rates."""
        with self._lock:
            return Counter(request.operation for request in self.requests if request.operation)

    def profile(self) -> dict[str, Any]:
        """A complete [profiles.NAME] table for this sandbox."""
        return profile(self.url, self.office, self.klarna, self.today)

    def environment(self) -> dict[str, str]:
        """The environment variables with the passwords of the profile."""
        return {
            "KLARNA24_SANDBOX_KLARNA": self.klarna.password,
            "KLARNA24_SANDBOX_OFFICE": self.office.password,
        }

    # --- one request ---

    def handle(self, incoming: Incoming) -> Reply:
        """Process a request and record it."""
        with self._lock:
            route = self._route(incoming)
            address = f"{incoming.path}?{incoming.query}"
            fault = self.faults.take(route.side, route.service, route.operation, address) if route.side else None
            if fault and fault.name == "expire-session":
                self.office.expire_sessions()
            elif fault and fault.name == "klarna-shuffled":
                self.klarna.shuffle()
            elif fault and fault.name == "klarna-moved":
                self.klarna.move()
            reply = fault.reply(route.proceed, _REPLIES[route.side]) if fault else route.proceed()
            status = None if reply.cut else reply.status
            record = (incoming.method, incoming.path, route.operation, status, incoming.query, incoming.body)
            self.requests.append(Request(*record))
            return reply

    def _route(self, incoming: Incoming) -> "_Route":
        path = incoming.path
        if path in SERVICES and incoming.method == "POST":
            operation = office_http.operation_of(SERVICES[path], incoming.headers)
            return _Route(
                lambda: office_http.answer(self.office, self._validate, incoming),
                "soap",
                SERVICES[path].name,
                operation,
            )
        if path.startswith(klarna_http.PREFIX + "/"):
            operation = klarna_http.operation_of(path)
            return _Route(
                lambda: klarna_http.answer(self.klarna, incoming, self.url), "klarna", "Settlements", operation
            )
        if path.startswith(ecb.PREFIX):
            return _Route(lambda: ecb.answer(self.ecb, incoming), "ecb", "eurofxref", ecb.operation_of(path))
        # A web page from elsewhere could reach loopback under a host name of its own, so the Host is checked.
        host = incoming.headers.get("Host")
        if path.startswith(control.PREFIX) and host == f"127.0.0.1:{self._port}":
            return _Route(lambda: control.answer(self.office, self.faults, incoming))
        # A person may type localhost, which browsers resolve without asking a name server.
        if page_http.is_for(path) and host in (f"127.0.0.1:{self._port}", f"localhost:{self._port}"):
            return _Route(lambda: page_http.answer(self.office, self._token, incoming))
        return _Route(lambda: Reply(405 if path in SERVICES else 404, b"", "text/plain"))


class _Route(NamedTuple):
    """How to answer a request; and the names by which faults and calls() know it, if it is for a vendor."""

    proceed: Callable[[], Reply]
    side: str = ""
    service: str = ""
    operation: str | None = None


_REPLIES: dict[str, Replies] = {"soap": office_faults.REPLIES, "klarna": klarna_faults.REPLIES, "ecb": ecb.REPLIES}


class _Server(ThreadingHTTPServer):
    """Serves in daemon threads, and keeps its connections so that stop() can close them."""

    request_queue_size = 64

    def __init__(self, box: Sandbox, port: int) -> None:
        self.box = box
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the base class, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def close_all(self) -> None:
        """Close the listening socket and every connection."""
        self.server_close()
        for connection in list(self.open):
            _hang_up(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """Record what Handler.handle() does not expect: it is a bug of the sandbox."""
        self.box.errors.append(traceback.format_exc())


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with connections that stay open; headers and body are sent in one write."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """Register the connection."""
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        """Unregister the connection."""
        self.server.open.discard(self.connection)
        super().finish()

    def handle(self) -> None:
        """Serve the connection, until the client or stop() closes it."""
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def do_GET(self) -> None:
        """Answer a request of any method."""
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > _MAX_BODY:
            self.close_connection = True
            self._send(Reply(413, b"", "text/plain"))
            return
        raw = self.rfile.read(int(length))
        path, _, query = self.path.partition("?")
        incoming = Incoming(self.command, path, query, self.headers, raw)
        try:
            reply = self.server.box.handle(incoming)
        except Exception:  # noqa: BLE001 - a bug of the sandbox must not look like a vendor's answer
            self.server.box.errors.append(traceback.format_exc())
            reply = Reply(500, traceback.format_exc().encode(), "text/plain")
        if reply.delay:
            self.server.box.stopping.wait(reply.delay)
        if reply.cut or self.server.box.stopping.is_set():
            self.close_connection = True
            _hang_up(self.connection)
        else:
            self._send(reply)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - http.server's names

    def _send(self, reply: Reply) -> None:
        lines = [
            f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
            f"Date: {self.date_time_string()}",
            f"Content-Type: {reply.content_type}",
            f"Content-Length: {len(reply.body)}",
            *(f"{name}: {value}" for name, value in reply.headers.items()),
            *(["Connection: close"] if self.close_connection else []),
        ]
        body = b"" if self.command == "HEAD" else reply.body
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Print nothing; see Sandbox.requests."""


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already closed
