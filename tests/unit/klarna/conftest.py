"""Sandboxes, servers and retries for the tests of Klarna's client."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Any

import pytest
import tenacity

from klarna24.klarna import client as klarna
from klarna24.sandbox.server import Sandbox
from tests.support.klarna import PASSWORD, OpenBox, a_payout


@pytest.fixture
def open_box() -> Iterator[OpenBox]:
    """Start a sandbox with the payouts given; they have no rows unless they come as pairs."""
    boxes: list[Sandbox] = []

    def open_it(*payouts: Any) -> Sandbox:
        pairs = [payout if isinstance(payout, tuple) else (payout, []) for payout in payouts]
        box = Sandbox(payouts=pairs).start()
        box.klarna.password = PASSWORD
        boxes.append(box)
        return box

    yield open_it
    for box in boxes:
        box.stop()
        assert not box.errors, box.errors


@pytest.fixture
def box(open_box: OpenBox) -> Sandbox:
    """A sandbox with one payout, XISA93DJ, without rows."""
    return open_box(a_payout("XISA93DJ"))


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Retry without waiting and without randomness; holds how long it would have slept."""
    waits: list[float] = []
    monkeypatch.setattr("tenacity.Retrying", partial(tenacity.Retrying, sleep=waits.append))
    monkeypatch.setattr("klarna24.klarna.client.random.uniform", lambda low, high: low)
    return waits


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no time to retry."""
    monkeypatch.setattr(klarna, "RETRY_SECONDS", 0.0)


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Start a loopback server that reads a request's head and calls ``answer``; return its address."""
    servers: list[socket.socket] = []

    def start(answer: Callable[[socket.socket], None]) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        head = b""
                        while b"\r\n\r\n" not in head:
                            head += connection.recv(65536) or b"\r\n\r\n"
                        answer(connection)

        Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server in servers:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)  # wakes the thread, which would hold the port
        server.close()
