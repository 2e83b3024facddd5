"""One loopback port that serves Klarna's and 24SevenOffice's addresses.

    socket → Handler → Sandbox.handle: fault? → klarna | office_http | control | page_http → Reply → socket

All state changes under one lock; waiting (for a slow or missing answer) is outside of it and ends with
stop().
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

from klarna24.sandbox import control
from klarna24.sandbox.faults import Faults
from klarna24.sandbox.klarna import world as klarna
from klarna24.sandbox.klarna.generate import Seeded, generate
from klarna24.sandbox.office import http as office_http
from klarna24.sandbox.office.contract_transaction import SERVICES
from klarna24.sandbox.office.world import OfficeWorld
from klarna24.sandbox.page import http as page_http
from klarna24.sandbox.profile import profile
from klarna24.sandbox.reply import Incoming, Reply, Request
from klarna24.sandbox.spoil import spoil

_MAX_BODY = 2**26  # a guard for the machine, not a vendor's limit; see OfficeWorld.max_request_bytes


class Sandbox:
    """Both vendors, with seeded data, on http://127.0.0.1:port. A context manager; or start(), stop()."""

    def __init__(
        self,
        port: int = 0,
        seed: int = 24,
        today: date | None = None,
        payouts: list[Seeded] | None = None,
        validate: office_http.Validate | None = None,
    ) -> None:
        self.today = today or datetime.now(UTC).date()
        self.requests: list[Request] = []
        self.errors: list[str] = []  # tracebacks of the sandbox's own bugs; it prints nothing
        self.stopping = Event()
        self._lock = RLock()
        self._life = Lock()  # not the above: a handler may hold that while stop() waits
        self._validate = validate
        self._port = port
        self._token = secrets.token_urlsafe()
        self._server: _Server | None = None
        self.faults = Faults(self._lock)
        self.office = OfficeWorld(seed, self.today, self._lock)
        self.klarna = klarna.KlarnaWorld()
        seeded = generate(seed, self.today) if payouts is None else list(payouts)
        if payouts is None:
            random.Random(seed).shuffle(seeded)  # the order of Klarna's list is undocumented, so it is none
        for payout, rows in seeded:
            self.klarna.add(payout, rows)

    # --- life ---

    def start(self) -> Self:
        """Listens, and serves in a daemon thread. The address is known when this returns."""
        if self._server is None:
            self.stopping.clear()
            self._server = _Server(self, self._port)
            self._port = self._server.server_address[1]
            Thread(target=self._server.serve_forever, args=(0.01,), daemon=True, name="sandbox").start()
        return self

    def serve_forever(self) -> None:
        """Serves (start() may have been called already) until Ctrl-C, or stop() from another thread."""
        self.start()
        try:
            while not self.stopping.wait(0.5):  # a wait without end cannot be interrupted on Windows
                pass
        finally:
            self.stop()

    def stop(self) -> None:
        """Ends at once: hanging answers are dropped, open connections closed."""
        self.stopping.set()
        with self._life:
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
        """Scheme, host and port; no slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    # --- what tests and commands ask ---

    def calls(self) -> "Counter[str]":
        """How often each operation was called: SOAP's names, and payouts, payout, transactions."""
        with self._lock:
            return Counter(request.operation for request in self.requests if request.operation)

    def profile(self) -> dict[str, Any]:
        """A complete [profiles.NAME] table for this sandbox."""
        return profile(self.url, self.office, self.klarna, self.today)

    def environment(self) -> dict[str, str]:
        """The variables that the profile's passwords come from."""
        return {
            "KLARNA24_SANDBOX_KLARNA": self.klarna.password,
            "KLARNA24_SANDBOX_OFFICE": self.office.password,
        }

    # --- one request ---

    def handle(self, incoming: Incoming) -> Reply:
        """Answers a request and records it."""
        with self._lock:
            route = self._route(incoming)
            fault = self.faults.take(route.side, route.service, route.operation) if route.side else None
            reply = spoil(fault, route.proceed, self.office.expire_sessions) if fault else route.proceed()
            status = None if reply.cut else reply.status
            record = (incoming.method, incoming.path, route.operation, status, incoming.query, incoming.body)
            self.requests.append(Request(*record))
            return reply

    def _route(self, incoming: Incoming) -> "_Route":
        path = incoming.path
        if path in SERVICES and incoming.method == "POST":
            service, as_type = SERVICES[path], self.faults.not_authenticated_as == "type"
            return _Route(
                lambda: office_http.answer(self.office, self._validate, as_type, incoming),
                "soap",
                service.name,
                office_http.operation_of(service, incoming.headers),
            )
        if path.startswith(klarna.PREFIX + "/"):
            operation = klarna.operation_of(path)
            return _Route(
                lambda: klarna.answer(self.klarna, incoming, self.url), "klarna", "Settlements", operation
            )
        # a page in a browser could reach loopback under its own host name: only ours may steer
        host = incoming.headers.get("Host")
        if path.startswith(control.PREFIX) and host == f"127.0.0.1:{self._port}":
            return _Route(lambda: control.answer(self.office, self.faults, incoming))
        # localhost too, as a person types it: browsers ask no name server for it
        if page_http.is_for(path) and host in (f"127.0.0.1:{self._port}", f"localhost:{self._port}"):
            return _Route(lambda: page_http.answer(self.office, self._token, incoming))
        status = 405 if path in SERVICES else 404
        return _Route(lambda: Reply(status, b"", "text/plain"))


class _Route(NamedTuple):
    """How to answer a request, and the names by which faults and counts know it."""

    proceed: Callable[[], Reply]
    side: str = ""
    service: str = ""
    operation: str | None = None


class _Server(ThreadingHTTPServer):
    """Daemon threads; knows its open connections so that stop() can close them."""

    request_queue_size = 64

    def __init__(self, box: Sandbox, port: int) -> None:
        self.box = box
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        """Without the base class's reverse look-up of the host name, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def close_all(self) -> None:
        """Closes the door and every connection."""
        self.server_close()
        for connection in list(self.open):
            _hang_up(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that the client dropped is not worth a word; anything else is a bug of ours."""
        self.box.errors.append(traceback.format_exc())


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with kept connections; headers and body leave in one write."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        """Registers the connection."""
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        """Forgets the connection."""
        self.server.open.discard(self.connection)
        super().finish()

    def handle(self) -> None:
        """Serves the connection; ends quietly when the client or stop() drops it."""
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def do_GET(self) -> None:
        """Any method goes the same way."""
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
        except Exception:  # noqa: BLE001 - a bug of the sandbox must not pass for a vendor's answer
            self.server.box.errors.append(traceback.format_exc())
            reply = Reply(500, traceback.format_exc().encode(), "text/plain")
        if reply.delay:
            self.server.box.stopping.wait(reply.delay)
        if reply.cut or self.server.box.stopping.is_set():
            self.close_connection = True
            _hang_up(self.connection)
        else:
            self._send(reply)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - the library's names

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

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing: the sandbox keeps `requests` instead."""


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already
