"""What counts as an answer to SaveBundleList: the table of the design, written anew, over real sockets.

An answer that does not say what became of the voucher is in doubt, and the request is never repeated.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from klarna24.errors import CredentialsFault
from klarna24.sandbox.reply import Reply
from klarna24.twentyfour.transport import NotSent, Transport
from tests.support.office import (
    ENVELOPE,
    SAVE,
    Office,
    envelope,
    fault,
    open_office,
    save,
    save_response,
    save_result,
)

HTML = "text/html; charset=utf-8"
LIMIT = "Limit exceeded by 1. Request is blocked. Quarantine ends at 2026-11-24 13:00:00"
OK = save_result("<Type>Ok</Type>")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with open_office(tmp_path, monkeypatch) as opened:
        yield opened


def test_ok_is_drafted(office: Office) -> None:
    answer = save(office.logged_in())
    assert (answer.kind, answer.said, office.saves, office.drafts) == ("drafted", "Ok", 1, 1)


@pytest.mark.parametrize(
    ("name", "kind", "drafts"),
    [
        ("not-saved", "rejected", 0),
        ("client-fault", "rejected", 0),
        ("exception", "rejected-until-changed", 0),
        ("exception-but-saved", "rejected-until-changed", 1),
        ("limit-exceeded", "not-sent", 0),
        ("too-many", "not-sent", 0),
        ("duplicate", "in-doubt", 0),
        ("already-saved", "in-doubt", 0),
        ("system-error", "in-doubt", 0),
        ("server-fault", "in-doubt", 0),
        ("cut-before-save", "in-doubt", 0),
        ("cut-after-save", "in-doubt", 1),
        ("html-error", "in-doubt", 0),
        ("html-ok", "in-doubt", 0),
        ("redirect", "in-doubt", 0),
        ("garbage", "in-doubt", 0),
        ("truncated", "in-doubt", 1),
    ],
)
def test_what_the_sandbox_can_answer(office: Office, name: str, kind: str, drafts: int) -> None:
    client = office.logged_in()
    office.box.faults.arm(name, operation=SAVE)
    assert save(client).kind == kind
    assert (office.saves, office.drafts) == (1, drafts), "one request, whatever came back"


def ok(status: int = 200, content_type: str = "text/xml; charset=utf-8") -> Reply:
    return Reply(status, OK, content_type)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        # the contract's shape
        pytest.param(Reply(body=save_result("<Type> Ok\n</Type>")), "drafted", id="ok with blanks"),
        pytest.param(Reply(body=save_result("<Odd>1</Odd><Type>Ok</Type>")), "drafted", id="an element more"),
        pytest.param(Reply(body=save_result("<Type>Saved</Type>")), "in-doubt", id="unknown type"),
        pytest.param(Reply(body=save_result("<Type>ok</Type>")), "in-doubt", id="type in another case"),
        pytest.param(Reply(body=save_result("<Type></Type>")), "in-doubt", id="empty type"),
        pytest.param(Reply(body=save_result("<Description>Ok</Description>")), "in-doubt", id="no type"),
        pytest.param(Reply(body=save_result("")), "in-doubt", id="empty result"),
        pytest.param(Reply(body=save_response("")), "in-doubt", id="no result"),
        pytest.param(Reply(body=envelope("")), "in-doubt", id="empty body"),
        pytest.param(Reply(body=OK.replace(b"Body", b"Bodies")), "in-doubt", id="no body"),
        pytest.param(Reply(body=OK.replace(SAVE.encode(), b"GetTypeList")), "in-doubt", id="other operation"),
        pytest.param(Reply(body=OK.replace(ENVELOPE.encode(), b"urn:other")), "in-doubt", id="no SOAP envelope"),
        # faults
        pytest.param(fault("Client", "no"), "rejected", id="Client"),
        pytest.param(fault("SOAP-ENV:Client", "no"), "rejected", id="SOAP-ENV:Client"),
        pytest.param(fault("Server", "no"), "in-doubt", id="Server"),
        pytest.param(fault("s:Sender", "no"), "in-doubt", id="s:Sender"),
        pytest.param(fault("s:VersionMismatch", "no"), "in-doubt", id="s:VersionMismatch"),
        pytest.param(fault("s:Clients", "no"), "in-doubt", id="s:Clients"),
        pytest.param(fault("s:NotClient", "no"), "in-doubt", id="s:NotClient"),
        pytest.param(fault("Client:Server", "no"), "in-doubt", id="Client:Server"),
        pytest.param(fault("", "no"), "in-doubt", id="a fault without code"),
        pytest.param(Reply(500, envelope("<s:Fault/>")), "in-doubt", id="an empty fault"),
        pytest.param(Reply(200, fault("s:Server", "no").body), "in-doubt", id="a fault under 200"),
        # statuses: Ok counts under 200 only
        *(pytest.param(ok(status), "in-doubt", id=f"ok under {status}") for status in (400, 401, 403, 404)),
        *(pytest.param(ok(status), "in-doubt", id=f"ok under {status}") for status in (500, 502, 503, 504)),
        *(pytest.param(ok(status), "in-doubt", id=f"ok under {status}") for status in (300, 301, 307, 308)),
        pytest.param(ok(429), "not-sent", id="ok under 429"),
        pytest.param(Reply(429, b"slow down", HTML), "not-sent", id="429"),
        pytest.param(Reply(502, b"<html><body><p>Bad gateway</body></html>", HTML), "in-doubt", id="502"),
        pytest.param(Reply(204), "in-doubt", id="204"),
        pytest.param(Reply(200), "in-doubt", id="empty 200"),
        pytest.param(Reply(202), "in-doubt", id="empty 202"),
        pytest.param(Reply(500), "in-doubt", id="empty 500"),
        # bodies
        pytest.param(Reply(body=b"<!DOCTYPE x><x/>"), "in-doubt", id="DTD"),
        pytest.param(Reply(body=b"<!DOCTYPE s:Envelope>" + OK), "in-doubt", id="DTD before ok"),
        pytest.param(
            Reply(body=b'<!DOCTYPE x [<!ENTITY e "Ok">]>' + save_result("<Type>&e;</Type>")),
            "in-doubt",
            id="entity",
        ),
        pytest.param(Reply(body=save_result("<Type>&e;</Type>")), "in-doubt", id="undeclared entity"),
        pytest.param(Reply(body=b'{"Type": "Ok"}', content_type="application/json"), "in-doubt", id="JSON"),
        pytest.param(Reply(body=b"<ok/>"), "in-doubt", id="XML that is no SOAP"),
        pytest.param(Reply(body=OK.replace(b"<s:Body>", b"<s:Body><?p i?>")), "in-doubt", id="an instruction"),
        pytest.param(Reply(body=OK.replace(b"<s:Body>", b"<s:Body><!-- c -->")), "drafted", id="a comment"),
        pytest.param(Reply(body=OK[:-1]), "in-doubt", id="one byte short"),
        pytest.param(Reply(body=OK + OK), "in-doubt", id="two documents"),
        pytest.param(Reply(body=b"\0" + OK), "in-doubt", id="a NUL before ok"),
        pytest.param(ok(content_type="text/xml; charset=klingon"), "drafted", id="unknown charset"),
        # the documented limit message, whatever it comes in
        pytest.param(fault("s:Server", LIMIT), "not-sent", id="limit as a Server fault"),
        pytest.param(fault("s:Client", LIMIT), "not-sent", id="limit as a Client fault"),
        *(
            pytest.param(
                Reply(status, f"<html><p>{LIMIT}</html>".encode(), HTML), "not-sent", id=f"limit {status}"
            )
            for status in (200, 403, 503)
        ),
    ],
)
def test_what_nobody_foresaw(office: Office, reply: Reply, kind: str) -> None:
    client = office.logged_in()
    office.wire.answer(SAVE, reply)
    answer = save(client)
    assert answer.kind == kind, answer
    assert answer.said, "there is always something to tell"
    assert answer.said.isprintable(), "in one line"
    assert office.saves == 1, "one request, whatever came back"


@pytest.mark.parametrize("content_type", ["multipart/related", 'multipart/related; boundary="x"', "x", ""])
def test_a_content_type_that_lies_is_no_bug_of_ours(office: Office, content_type: str) -> None:
    """Whatever zeep makes of it, an answer comes back: drafted if it was read, else in doubt."""
    client = office.logged_in()
    office.wire.answer(SAVE, ok(content_type=content_type))
    assert save(client).kind in {"drafted", "in-doubt"}
    assert office.saves == 1


def test_what_24sevenoffice_says_reaches_the_person_in_one_short_line(office: Office) -> None:
    client = office.logged_in()
    text = f"Account 1930\n\tis \u202elocked &lt;b&gt;{'!' * 2000}"
    office.wire.answer(SAVE, Reply(body=save_result(f"<Type>NotSaved</Type><Description>{text}</Description>")))
    answer = save(client)
    assert answer.kind == "rejected"
    assert answer.said.startswith("NotSaved: Account 1930is locked <b>!!!")
    assert answer.said.isprintable()
    assert len(answer.said) <= 520
    office.wire.answer(SAVE, fault("s:Client", f"Account\n 1930 {'!' * 2000}"))
    answer = save(client)
    assert answer.said.startswith("fault s:Client: Account 1930 !!!")
    assert len(answer.said) <= 520


def test_the_quarantines_end_reaches_the_person(office: Office) -> None:
    client = office.logged_in()
    office.wire.answer(SAVE, fault("s:Server", LIMIT))
    assert "Quarantine ends at 2026-11-24 13:00:00" in save(client).said
    office.wire.answer(SAVE, Reply(429, headers={"APILimitReset": "60"}))
    assert save(client).said == "too many requests (HTTP 429), until 60"


# No answer at all


@contextmanager
def instead_of(office: Office, behave: Any) -> Iterator[list[int]]:
    """On the sandbox's port stands a server that does ``behave(connection)``; counts connections."""
    port, connections = office.port, [0]
    office.box.stop()
    with socket.create_server(("127.0.0.1", port)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connections[0] += 1
                with connection:
                    behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield connections
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def read_request(connection: socket.socket) -> None:
    """Headers and body to the end."""
    received = b""
    while b"</soap-env:Envelope>" not in received:
        received += connection.recv(2**16)


def test_a_refused_connection_is_not_sent(office: Office) -> None:
    client = office.logged_in()
    office.box.stop()
    answer = save(client)
    assert answer.kind == "not-sent"
    assert "no connection" in answer.said


def test_a_name_that_is_not_found_is_not_sent(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    client = office.logged_in({"24sevenoffice": {"base_url": f"http://localhost:{office.port}"}})

    def not_found(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "no name server")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    assert save(client).kind == "not-sent"
    assert office.saves == 0


def test_tls_that_fails_is_not_sent(office: Office) -> None:
    """The server speaks plain HTTP: no TLS connection ever stood, so that nothing can have been read."""
    with pytest.raises(NotSent):
        Transport(None, "me").post(f"https://127.0.0.1:{office.port}/", b"<x/>", {})
    assert not office.wire.requests


def test_a_connection_that_cannot_be_made_in_time_is_not_sent(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = office.logged_in()

    def slow(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket.socket, "connect", slow)
    assert save(client).kind == "not-sent"


def test_a_connection_closed_right_after_it_stood_is_in_doubt(office: Office) -> None:
    client = office.logged_in()
    with instead_of(office, lambda _: None) as connections:
        assert save(client).kind == "in-doubt"
    assert connections == [1], "never repeated"


@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + OK, b"nonsense\r\n\r\n"],
    ids=["headers cut", "body cut", "no HTTP"],
)
def test_an_answer_cut_short_is_in_doubt(office: Office, beginning: bytes) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(beginning)

    client = office.logged_in()
    with instead_of(office, behave) as connections:
        assert save(client).kind == "in-doubt"
    assert connections == [1], "never repeated"


@pytest.mark.parametrize(("name", "drafts"), [("hang-after-save", 1), ("hang", 0)])
def test_a_read_time_out_is_in_doubt(
    office: Office, monkeypatch: pytest.MonkeyPatch, name: str, drafts: int
) -> None:
    client = office.logged_in()
    monkeypatch.setattr("klarna24.twentyfour.transport.TIMEOUT", (1.0, 0.1))
    office.box.faults.arm(name, operation=SAVE, seconds=5)
    assert save(client).kind == "in-doubt"
    assert (office.saves, office.drafts) == (1, drafts)


@pytest.mark.parametrize("name", ["ANSWER_SECONDS", "ANSWER_BYTES"])
def test_an_answer_without_end_is_in_doubt(office: Office, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Dripping for ever, or larger than anything that can be an answer."""
    client = office.logged_in()
    monkeypatch.setattr(f"klarna24.twentyfour.transport.{name}", 0.2)
    over = threading.Event()

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while not over.wait(0.02):
                connection.sendall(b"1\r\n \r\n")
        except OSError:
            return

    with instead_of(office, behave) as connections:
        assert save(client).kind == "in-doubt"
        over.set()
    assert connections == [1]


def test_the_save_never_travels_on_a_kept_connection(office: Office) -> None:
    """One that the server has dropped meanwhile would look like a lost answer."""
    client = office.logged_in()
    office.box.stop()
    office.box.start()
    assert save(client).kind == "drafted"


# Through a proxy: the same question has the same answer


@contextmanager
def proxy(behave: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield
        thread.join(5)


def send(scheme: str) -> str:
    transport = Transport(None, "me")
    transport.fresh_connection()
    try:
        transport.post(f"{scheme}://office.example/", b"<x>end</x>", {"Content-Type": "text/xml"})
    except Exception as error:  # noqa: BLE001 - its class is the result
        return type(error).__name__
    return "answered"


def test_an_answer_lost_behind_a_proxy_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    def swallow(connection: socket.socket) -> None:
        while b"</x>" not in connection.recv(2**16):
            pass

    with proxy(swallow, monkeypatch):
        assert send("http") == "NoAnswer"


def test_a_tunnel_that_a_proxy_refuses_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(connection: socket.socket) -> None:
        assert connection.recv(2**16).startswith(b"CONNECT office.example:443 ")
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with proxy(refuse, monkeypatch):
        assert send("https") == "NotSent"


def test_a_proxy_that_is_not_there_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    assert send("http") == "NotSent"


# Not authenticated: nothing was saved


@pytest.mark.parametrize("how", ["fault", "type"])
def test_a_lost_session_is_renewed_once_and_the_voucher_saved_once(office: Office, how: str) -> None:
    client = office.logged_in()
    office.box.office.not_authenticated_as = how
    office.box.office.expire_sessions()
    assert save(client).kind == "drafted"
    assert office.wire.operations()[-4:] == [SAVE, "Login", "GetIdentity", SAVE]
    assert (office.saves, office.drafts) == (2, 1)


@pytest.mark.parametrize(
    "reply",
    [
        fault("s:Server", "Not authenticated"),
        fault("s:Client", "User is NOT AUTHENTICATED."),
        Reply(body=save_result("<Type>NotAuthenticated</Type>")),
    ],
    ids=["fault", "client fault in capitals", "type"],
)
def test_refused_again_after_the_login_is_not_sent(office: Office, reply: Reply) -> None:
    client = office.logged_in()
    office.wire.answer(SAVE, reply)
    assert save(client).kind == "not-sent"
    assert office.saves == 2
    assert office.wire.operations().count("Login") == 2, "one for the client, one for the repetition"


def test_a_doubt_in_the_repetition_stays_a_doubt(office: Office) -> None:
    client = office.logged_in()
    office.box.office.expire_sessions()
    office.box.faults.arm("cut-after-save", after=1)
    assert save(client).kind == "in-doubt"
    assert (office.saves, office.drafts) == (2, 1)


def test_a_login_that_is_refused_meanwhile_raises_and_nothing_was_saved(office: Office) -> None:
    client = office.logged_in()
    office.box.office.expire_sessions()
    office.box.office.password = "a new one"
    office.box.office.username = "somebody else"
    with pytest.raises(CredentialsFault):
        save(client)
    assert (office.saves, office.drafts) == (1, 0)
