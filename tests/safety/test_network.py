"""A server that never ends its answer, or sends far too much, and a connection that cannot be made.

Each server is a real one on loopback. The client of the first two kinds runs in a process of its own, whose memory
counts; the limits of docs/reference.md hold, with fewer seconds.
"""

import datetime
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from klarna24.klarna import client as klarna
from klarna24.twentyfour import connection
from tests.support.network import Forker, ask

Behave = Callable[[socket.socket], object]
LIMIT, MEMORY = 0.5, 300.0  # seconds of an exchange, MB of the whole process


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    server = Forker()
    yield server
    server.close()


@contextmanager
def serving(behave: Behave) -> Iterator[int]:
    """A server that does ``behave(connection)`` after a request has begun; gives its port."""

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            behave(connection)

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=one, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def in_a_process(forker: Forker, kind: str, url: str, limit: float = 60) -> dict[str, Any]:
    result = forker.ask(kind, url, limit)
    assert result["memory"] < MEMORY, result
    return result


# Time without an end


def drip(beginning: bytes, again: bytes, pause: float = 0.05) -> Behave:
    """Send the beginning, and then the rest byte by byte, or piece by piece, for ever."""

    def behave(connection: socket.socket) -> None:
        connection.recv(2**16)
        connection.sendall(beginning)
        while True:
            connection.sendall(again)
            time.sleep(pause)

    return behave


HEAD = b"HTTP/1.1 200 OK\r\n"
ENDLESS = {
    "status line": drip(b"HTTP/1.1 200 ", b"O"),
    "header": drip(HEAD + b"X-Long: ", b"x"),
    "100 Continue": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "100 Continue, as fast as it can": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0),
    "body": drip(HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
    "body to the end of the connection": drip(HEAD + b"Connection: close\r\n\r\n", b" "),
    "size of a chunk": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x"),
    "trailers": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n", 0),
    "packed nothing": drip(HEAD + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b""), 0),
}


@pytest.mark.parametrize("kind", ["klarna", "save", "ecb"])
@pytest.mark.parametrize("name", ENDLESS)
def test_an_exchange_without_end_is_over_at_its_limit(forker: Forker, kind: str, name: str) -> None:
    with serving(ENDLESS[name]) as port:
        result = in_a_process(forker, kind, f"http://127.0.0.1:{port}", LIMIT)
    assert result["outcome"] == {"save": "in-doubt", "klarna": "5", "ecb": "7"}[kind], result
    assert LIMIT * 0.9 < result["seconds"] < LIMIT + 15, result


@pytest.mark.parametrize("through", ["TLS", "a proxy"])
@pytest.mark.parametrize("kind", ["klarna", "save", "ecb"])
def test_a_connection_that_is_never_made_is_over_at_its_limit_and_nothing_was_sent(
    forker: Forker, kind: str, through: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hello = b"\x16\x03\x03\x40\x00"  # a record of TLS whose 16 KiB come one by one
    with serving(drip(hello, b"x") if through == "TLS" else drip(b"HTTP/1.1 200 ", b"O")) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        url = f"https://127.0.0.1:{port}" if through == "TLS" else "https://office.example"
        result = in_a_process(forker, kind, url, LIMIT)
    assert result["outcome"] == {"save": "not-sent", "klarna": "5", "ecb": "7"}[kind], result
    assert result["seconds"] < LIMIT + 15, result


# Memory without an end


def soap(inside: bytes) -> bytes:
    ns, name = b"http://schemas.xmlsoap.org/soap/envelope/", b"GetIdentitiesWithCredential"
    content = b'<%sResponse xmlns="http://24sevenOffice.com/webservices"><%sResult>%s</%sResult></%sResponse>'
    inner = content % (name, name, inside, name, name)
    return b'<s:Envelope xmlns:s="%s"><s:Body>%s</s:Body></s:Envelope>' % (ns, inner)


RATES = b'<Cube time="2026-11-20"><Cube currency="SEK" rate="11.0250"/>'
MANY = 490_000  # elements, attributes or references: just as many as are read
LARGE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "payouts": ("klarna", lambda: b'{"payouts":[' + b'{"a":1},' * 7_500_000 + b"{}]}", "5"),
    "lists": ("klarna", lambda: b'{"payouts":[' + b"[]," * 2_700_000 + b"[]]}", "5"),
    "numbers": ("klarna", lambda: b"[" + b"1," * 99_000 + b"1]", "5"),
    "records": ("klarna", lambda: b'{"payouts":[' + b'{"a":1},' * 4_900 + b"{}]}", "0 or 5"),
    "spaces": ("klarna", lambda: b" " * 2**29, "5"),
    "empty elements": ("read", lambda: soap(b"<a/>" * 2**24), "5"),
    "empty elements, fewer": ("read", lambda: soap(b"<a/>" * MANY), "0"),
    "attributes": ("read", lambda: soap(b"<a " + b" ".join(b'a%d=""' % i for i in range(MANY)) + b"/>"), "0"),
    "names": ("read", lambda: soap(b"".join(b"<a%d/>" % i for i in range(MANY))), "0"),
    "references": ("read", lambda: soap(b"&#x1F;" * 5_000_000), "5"),
    "control characters": ("read", lambda: soap(b"\x01" * 30_000_000), "0"),
    "no UTF-8": ("read", lambda: soap("\U0001f4b6".encode() * 7_000_000 + b"\xff"), "5"),
    "rates of no end": ("ecb", lambda: RATES * 2**20, "7"),
    "rates of one day": ("ecb", lambda: b"<a>" + RATES + b'<a currency="A" rate="1"/>' * 330_000, "7"),
    "rates of many days": ("ecb", lambda: b"<a>" + (RATES + b"</Cube>") * 110_000 + b"</a>", "7"),
    "spaces in place of rates": ("ecb", lambda: b" " * 2**29, "7"),
    "empty elements in the answer to a save": ("save", lambda: soap(b"<a/>" * 2**24), "in-doubt"),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_small_packed_answer_takes_little_memory(forker: Forker, name: str) -> None:
    kind, body, outcome = LARGE[name]
    packed = gzip.compress(body(), 1)

    def behave(connection: socket.socket) -> None:
        connection.settimeout(0.3)
        with suppress(TimeoutError):
            while not (received := connection.recv(2**16)).startswith(b"GET ") and received:
                pass  # the body that follows
        connection.settimeout(None)
        head = b"Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(packed)
        connection.sendall(HEAD + head + packed)

    with serving(behave) as port:
        result = in_a_process(forker, kind, f"http://127.0.0.1:{port}")
    assert result["outcome"] in outcome.split(" or "), result
    assert result["seconds"] < 60


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd"])
def test_an_encoding_that_was_not_asked_for_is_not_unpacked(forker: Forker, encoding: str) -> None:
    body = gzip.compress(gzip.compress(b" " * 2**28, 1), 1)
    head = f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    def behave(connection: socket.socket) -> None:
        connection.recv(2**16)
        connection.sendall(HEAD + head + body)

    with serving(behave) as port:
        assert in_a_process(forker, "klarna", f"http://127.0.0.1:{port}")["outcome"] == "5"


# What no repetition mends is said at once


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the network is set in the environment."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may pass is not repeated."""
    for module in (klarna, connection):
        monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)


def told(kind: str, url: str) -> tuple[str, str]:
    """Return the exit code and what is said, at once and in one line."""
    result = ask(kind, url)
    assert result["seconds"] < 2, "nothing is repeated"
    assert "\n" not in result["said"]
    return result["outcome"], result["said"]


def tls(context: ssl.SSLContext) -> Behave:
    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(2**16)

    return behave


@pytest.mark.parametrize("kind", ["klarna", "read"])
@pytest.mark.parametrize("wrong", ["authority", "another authority", "name", "day", "no TLS"])
def test_a_connection_that_is_not_secure_is_named_at_once(
    plain: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, wrong: str
) -> None:
    authority, expires = trustme.CA(), None
    if wrong == "day":
        expires = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
    name = "office.example" if wrong == "name" else "127.0.0.1"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=expires).configure_cert(context)
    (trustme.CA() if wrong == "another authority" else authority).cert_pem.write_to_path(tmp_path / "ca.pem")
    if wrong != "authority":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with serving(drip(b"HTTP/1.1 400 no TLS here\r\n\r\n", b"") if wrong == "no TLS" else tls(context)) as port:
        code, said = told(kind, f"https://127.0.0.1:{port}")
    expected = {
        "authority": ("3", "unknown authority", "set REQUESTS_CA_BUNDLE to a file"),
        "another authority": ("3", "unknown authority", "set REQUESTS_CA_BUNDLE to a file"),
        "name": ("3", "for another name", "check base_url"),
        "day": ("5", "not valid today", "clock of this machine"),
        "no TLS": ("5", "no secure connection", "check base_url"),
    }[wrong]
    assert (code, *(part in said for part in expected[1:])) == (expected[0], True, True), said


@pytest.mark.parametrize("kind", ["klarna", "read"])
@pytest.mark.parametrize("content", [None, "no certificate", "-----BEGIN CERTIFICATE-----\nxx\n"])
def test_a_file_of_certificates_that_is_none_is_named(
    plain: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    code, said = told(kind, "https://127.0.0.1:9")
    assert code == "3"
    assert said.startswith(f"REQUESTS_CA_BUNDLE names no file with certificates: {tmp_path / 'ca.pem'} (")


@pytest.mark.parametrize("kind", ["klarna", "read"])
@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("socks5://user:hush@127.0.0.1:1", "names a SOCKS proxy, which needs a package"),
        ("http://user:hush@:8080", "is not the address of a proxy"),
        ("user:hush@host:port", "is not the address of a proxy"),
        ("http://user:hush@[::1", "is not the address of a proxy"),
        ("ftp://user:hush@127.0.0.1:1", "is not the address of a proxy"),
        ("http://user:hush@127.0.0.1:99999", "is not the address of a proxy"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_by_its_variable_alone(
    plain: None, monkeypatch: pytest.MonkeyPatch, kind: str, variable: str, address: str, why: str
) -> None:
    monkeypatch.setenv(variable, address)
    code, said = told(kind, "https://office.example")
    assert (code, f"{variable} {why}" in said) == ("3", True), said
    assert "hush" not in said


@pytest.mark.parametrize("kind", ["klarna", "read"])
def test_a_proxy_that_asks_for_a_password_is_named(
    plain: None, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(2**16)
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with serving(refuse) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        code, said = told(kind, "https://office.example")
    assert (code, "the proxy in https_proxy asks for a user" in said) == ("3", True), said


@pytest.mark.parametrize("kind", ["klarna", "read"])
@pytest.mark.parametrize("wrong", ["refuses", "no such name", "forbids", "is not there"])
def test_a_proxy_that_may_recover_is_named_and_not_the_host_behind_it(
    plain: None, quick: None, monkeypatch: pytest.MonkeyPatch, kind: str, wrong: str
) -> None:
    def forbid(connection: socket.socket) -> None:
        connection.recv(2**16)
        status = b"403 Forbidden" if wrong == "forbids" else b"502 Bad Gateway"
        connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")

    with serving(forbid) as port:
        free = socket.create_server(("127.0.0.1", 0))
        nobody = free.getsockname()[1]
        free.close()
        address = {"refuses": f"127.0.0.1:{nobody}", "no such name": "no-such-proxy.invalid:1"}
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hush@{address.get(wrong, f'127.0.0.1:{port}')}")
        result = ask(kind, "https://office.example")
    expected = {
        "forbids": "the proxy in HTTPS_PROXY makes no connection to office.example (HTTP 403)",
        "is not there": "the proxy in HTTPS_PROXY makes no connection to office.example (HTTP 502)",
    }.get(wrong, "the proxy in HTTPS_PROXY, by which office.example is asked, cannot be reached")
    assert (result["outcome"], expected in result["said"]) == ("5", True), result
    assert "hush" not in result["said"]


@pytest.mark.parametrize("kind", ["klarna", "read"])
def test_a_request_goes_through_the_proxy_with_the_authority_of_the_environment(
    plain: None, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A small proxy that connects every name to one TLS server on loopback, and notes what it was asked for."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("office.example").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    asked: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        asked.append(connection.recv(2**16))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as secure:
            asked.append(secure.recv(2**16))
            secure.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    with serving(proxy) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hush@127.0.0.1:{port}")
        result = ask(kind, "https://office.example")
        asked_before = len(asked)
        monkeypatch.setenv("NO_PROXY", "office.example")
        past = ask(kind, "https://office.example")
        assert len(asked) == asked_before
    tunnel, request = asked[0], asked[1]
    assert tunnel.startswith(b"CONNECT office.example:443 HTTP/1.")
    assert b"Proxy-Authorization: Basic dXNlcjpodXNo" in tunnel
    assert request.startswith((b"GET /", b"POST /"))
    assert b"Proxy-Authorization" not in request, "the proxy's password is the proxy's alone"
    assert "hush" not in result["said"]
    assert (past["outcome"], "the name office.example cannot be looked up" in past["said"]) == ("5", True), past
