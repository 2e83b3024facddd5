"""A request that fails: not sent if nothing of it can have been received, in doubt otherwise; never repeated."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from klarna24.twentyfour.transport import Transport
from tests.support.office import OK, SAVE, Office, save
from tests.support.raw_server import Behave, read_until, serving


@contextmanager
def instead_of(office: Office, behave: Behave) -> Iterator[list[int]]:
    """Such a server on the sandbox's port."""
    port = office.port
    office.box.stop()
    with serving(behave, port) as (_, connections):
        yield connections


def send(address: str) -> str:
    """Post a message, and return the name of what it raises."""
    transport = Transport(None, "me")
    try:
        transport.post(address, b"<x>end</x>", {"Content-Type": "text/xml"})
    except Exception as error:  # noqa: BLE001 - its class is the result
        return type(error).__name__
    return "answered"


# Without a connection


def test_a_refused_connection_is_not_sent(office: Office) -> None:
    client = office.logged_in()
    office.box.stop()
    answer = save(client)
    assert answer.kind == "not-sent"
    assert "refuses connections" in answer.said


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ((socket, "getaddrinfo"), socket.gaierror(socket.EAI_AGAIN, "no name server")),
        ((socket.socket, "connect"), TimeoutError("timed out")),
    ],
    ids=["name", "time-out"],
)
def test_a_name_that_is_not_found_and_a_connection_that_times_out_are_not_sent(
    office: Office, monkeypatch: pytest.MonkeyPatch, where: tuple[object, str], error: OSError
) -> None:
    client = office.logged_in({"24sevenoffice": {"base_url": f"http://localhost:{office.port}"}})

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(*where, fail)
    assert save(client).kind == "not-sent"
    assert office.saves == 0


def test_tls_with_a_server_that_has_none_is_not_sent(office: Office) -> None:
    assert send(f"https://127.0.0.1:{office.port}/") == "NotSent"
    assert not office.wire.requests


@pytest.mark.parametrize(("trusted", "outcome"), [(False, "NotSent"), (True, "NoAnswer")])
def test_a_request_counts_as_sent_only_after_the_handshake_of_tls(
    certificate: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool, outcome: str
) -> None:
    def swallow(connection: socket.socket) -> None:
        with certificate.wrap_socket(connection, server_side=True) as secure:
            read_until(secure, b"</x>")

    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with serving(swallow) as (port, _):
        assert send(f"https://localhost:{port}/") == outcome


# Without an answer, or with half of one


def test_a_connection_that_is_closed_at_once_is_in_doubt(office: Office) -> None:
    client = office.logged_in()
    with instead_of(office, lambda _: None) as connections:
        assert save(client).kind == "in-doubt"
    assert connections == [1], "never repeated"


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + OK, b"nonsense\r\n\r\n"],
    ids=["nothing", "headers cut", "body cut", "no HTTP"],
)
def test_an_answer_that_is_cut_off_is_in_doubt(office: Office, beginning: bytes) -> None:
    def behave(connection: socket.socket) -> None:
        read_until(connection, b"</soap-env:Envelope>")
        connection.sendall(beginning)

    client = office.logged_in()
    with instead_of(office, behave) as connections:
        assert save(client).kind == "in-doubt"
    assert connections == [1], "never repeated"


@pytest.mark.parametrize(("name", "drafts"), [("hang-after-save", 1), ("hang", 0)])
def test_an_answer_that_does_not_come_in_time_is_in_doubt(
    office: Office, monkeypatch: pytest.MonkeyPatch, name: str, drafts: int
) -> None:
    client = office.logged_in()
    monkeypatch.setattr("klarna24.twentyfour.transport.TIMEOUT", (1.0, 0.1))
    office.box.faults.arm(name, operation=SAVE, seconds=5)
    assert save(client).kind == "in-doubt"
    assert (office.saves, office.drafts) == (1, drafts)


@pytest.mark.parametrize("name", ["ANSWER_SECONDS", "SAVED_BYTES"])
def test_an_answer_without_end_is_in_doubt(office: Office, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """One that comes in single bytes for ever, or is larger than any answer."""
    client = office.logged_in()
    monkeypatch.setattr(f"klarna24.twentyfour.transport.{name}", 0.2)
    over = threading.Event()

    def behave(connection: socket.socket) -> None:
        read_until(connection, b"</soap-env:Envelope>")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(250):
            connection.sendall(b"1\r\n \r\n")
            if over.wait(0.02):
                break

    with instead_of(office, behave) as connections:
        answer = save(client)
        over.set()
    assert (answer.kind, "did not end within" in answer.said) == ("in-doubt", True)
    assert connections == [1]


def test_a_save_never_uses_a_kept_connection(office: Office) -> None:
    """One that the server has dropped in the meantime would look like a lost answer."""
    client = office.logged_in()
    office.box.stop()
    office.box.start()
    assert save(client).kind == "drafted"


# Through a proxy the same holds


@contextmanager
def proxy(behave: Behave, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with serving(behave) as (port, _):
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        yield


def test_an_answer_that_is_lost_behind_a_proxy_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(lambda connection: read_until(connection, b"</x>"), monkeypatch):
        assert send("http://office.example/") == "NoAnswer"


def test_a_tunnel_that_a_proxy_refuses_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(connection: socket.socket) -> None:
        asked.append(connection.recv(2**16))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with proxy(refuse, monkeypatch):
        assert send("https://office.example/") == "NotSent"
    assert asked[0].startswith(b"CONNECT office.example:443 ")


def test_a_proxy_that_is_not_running_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: None) as (port, _):
        pass
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    assert send("http://office.example/") == "NotSent"
