"""The right company, repeated reads, and what of a connection is seen: by servers, in messages and in logs."""

import logging
import re
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from klarna24 import __version__
from klarna24.errors import ConfigFault, CredentialsFault, Klarna24Error, Unavailable
from klarna24.sandbox.reply import Reply
from klarna24.twentyfour.transport import NoAnswer, Transport
from tests.support.bookkeeping import NOBODY
from tests.support.office import READS, SAVE, Office, fault, save
from tests.support.shops import OpenShop

# The right company


def assert_refused(office: Office, over: dict[str, Any] | None = None) -> ConfigFault:
    with pytest.raises(ConfigFault) as caught:
        office.client(over).books()
    assert set(office.wire.operations()) == {"Login", "GetIdentity"}, "no other call"
    assert not office.folder.exists(), "no session is stored"
    assert office.box.office.default.name in caught.value.message
    return caught.value


def land_in_the_default_company(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office.box.office, "company_of", lambda _: office.box.office.default)


def test_a_login_that_lands_in_the_default_company_is_refused_before_any_other_call(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_in_the_default_company(office, monkeypatch)
    refused = assert_refused(office)
    for company in (office.box.office.default, office.box.office.home):
        assert str(company.client_id) in refused.message


@pytest.mark.parametrize("which", ["identity", "nobody", "client id", "identity of the same company"])
def test_another_identity_or_another_company_is_refused(office: Office, which: str) -> None:
    """Both are fixed: another identity is another user's, with other rights."""
    home, default = office.box.office.home, office.box.office.default
    over = {
        "identity": {"identity_id": default.identity_id},
        "nobody": {"identity_id": NOBODY},
        "client id": {"identity_id": default.identity_id, "client_id": home.client_id + 1},
        "identity of the same company": {"identity_id": NOBODY, "client_id": default.client_id},
    }
    assert_refused(office, {"24sevenoffice": over[which]})


def test_a_guid_may_be_written_in_capitals(office: Office) -> None:
    """24SevenOffice and profiles.toml need not agree on the case."""

    def capitals(reply: Reply) -> None:
        reply.body = re.sub(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda m: m[0].upper(), reply.body)

    office.wire.change("GetIdentity", capitals)
    office.client().probe()


def test_a_stored_session_that_was_moved_to_another_company_is_not_used(office: Office) -> None:
    office.client().probe()
    (session,) = office.session_ids()
    office.box.office.sessions[session] = office.box.office.default
    assert save(office.logged_in()).kind == "drafted"
    assert (office.drafts, office.box.office.default.drafts) == (1, [])
    assert office.logins == 2


def test_after_a_login_in_the_course_of_a_run_that_lands_elsewhere_nothing_is_saved(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = office.logged_in()
    office.box.office.expire_sessions()
    land_in_the_default_company(office, monkeypatch)
    for _ in range(2):
        with pytest.raises(ConfigFault):
            save(client)
    assert (office.drafts, office.box.office.default.drafts) == (0, [])


def test_the_company_is_chosen_in_login_and_never_switched(office: Office) -> None:
    save(office.logged_in())
    assert not set(office.wire.operations()) & {"SetIdentityById", "SetIdentity", "GetIdentities"}


# Reads are repeated, a save is not


@pytest.mark.parametrize("operation", ["GetIdentity", *READS])
def test_a_read_that_is_cut_off_is_repeated(office: Office, operation: str) -> None:
    office.box.faults.arm("cut", operation=operation)
    office.client().books()
    assert office.wire.operations().count(operation) == 2


@pytest.mark.parametrize("name", ["limit-exceeded", "too-many"])
def test_a_read_is_not_repeated_if_that_makes_it_worse(office: Office, name: str) -> None:
    client = office.logged_in()
    office.box.faults.arm(name, operation="GetAccountList")
    with pytest.raises(Unavailable):
        client.books()
    assert office.wire.operations().count("GetAccountList") == 1


@pytest.mark.parametrize("fault", ["cut", "html-error"])
def test_a_login_that_may_have_been_received_is_not_repeated(office: Office, quick: None, fault: str) -> None:
    office.box.faults.arm(fault, operation="Login", times=None)
    with pytest.raises(Unavailable, match="Login"):
        office.client().probe()
    assert office.logins == 1


def test_reads_give_up_in_the_end(office: Office, quick: None) -> None:
    client = office.logged_in()
    office.box.faults.arm("cut", times=None)
    with pytest.raises(Unavailable, match="GetAccountList"):
        client.books()


@pytest.mark.parametrize("operation", [*READS, "GetIdentity"])
def test_an_answer_that_cannot_be_read_is_unavailable_and_no_bug(
    office: Office, quick: None, capfd: pytest.CaptureFixture[str], operation: str
) -> None:
    for reply in (
        Reply(body=b"<ok/>"),
        Reply(200, b"<html>", "text/html"),
        Reply(204),
        Reply(302, headers={"Location": office.box.url}),
        fault("s:Server", "down"),
    ):
        office.wire.answer(operation, reply)
        with pytest.raises(Unavailable):
            office.client().books()
    assert capfd.readouterr().err == "", "nothing but our own line reaches the terminal"


@pytest.mark.parametrize("body", [b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>", b"<!DOCTYPE x>"])
def test_a_document_type_is_refused_in_a_read_too(office: Office, quick: None, body: bytes) -> None:
    def dtd(reply: Reply) -> None:
        reply.body = body + reply.body.partition(b"?>")[2]

    office.wire.change("GetIdentity", dtd)
    with pytest.raises(Unavailable):
        office.client().probe()


def test_no_contract_is_fetched_in_a_run(office: Office) -> None:
    """All that is sent is a POST of an operation."""
    client = office.client({"voucher": {"department_id": 10, "customer_id": 1001}})
    client.books()
    save(client)
    assert {incoming.method for incoming in office.wire.requests} == {"POST"}


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        (None, "https://api.24sevenoffice.com"),
        ("https://office.example", "https://office.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_base_url_replaces_scheme_and_host_of_the_contract(
    office: Office, quick: None, monkeypatch: pytest.MonkeyPatch, base_url: str | None, host: str
) -> None:
    asked = set()

    def post(self: requests.Session, url: str, **kwargs: Any) -> None:
        asked.add(url)
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "post", post)
    with pytest.raises(Unavailable, match="no answer"):
        office.client({"24sevenoffice": {"base_url": base_url}}).probe()
    assert asked == {f"{host}/authenticate/v001/authenticate.asmx"}


@pytest.mark.parametrize(
    "odd",
    [
        *(b"&#x1F;", b"&#0;", b"&#xFFFF;", b"&#xD800;", b"&#1114112;", b"&#x%s;" % (b"9" * 5000)),
        *(b"\x00", b"\x1f", b"\xef\xbf\xbf", b"\xff"),
    ],
    ids=repr,
)
def test_a_read_survives_characters_that_no_xml_may_contain(office: Office, odd: bytes) -> None:
    def spoil(reply: Reply) -> None:
        name = rb"<(?:\w+:)?AccountName>"
        reply.body = re.sub(name, lambda found: found[0] + b"caf&#233; &amp; " + odd, reply.body)

    before = office.client().books().chart
    office.wire.change("GetAccountList", spoil)
    after = office.client().books().chart
    assert after.keys() == before.keys()
    assert {name.replace("\ufffd", "") for name in after.values()} == {
        f"café & {name}" for name in before.values()
    }


REFUSALS = [
    "The provided IdentityId is blocked. Please use GetIdentitiesWithCredential to find another.",
    "Access denied",
    "System.UnauthorizedAccessException: the user is not authorized to use this service",
]


@pytest.mark.parametrize("operation", ["Login", "GetIdentity", "GetAccountList"])
@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_in_a_fault_is_no_outage(office: Office, operation: str, text: str) -> None:
    office.wire.answer(operation, fault("s:Server", text))
    with pytest.raises(CredentialsFault, match=f"24SevenOffice refuses {operation}") as caught:
        office.client().books()
    assert text in caught.value.message
    assert "klarna24 check" in caught.value.hint
    assert office.wire.operations().count(operation) == 1, "never repeated"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_by_status_is_no_outage(office: Office, status: int) -> None:
    office.wire.answer("GetAccountList", Reply(status, b"<html>Access is denied</html>", "text/html"))
    with pytest.raises(CredentialsFault, match=f"HTTP {status}"):
        office.client().books()
    assert office.wire.operations().count("GetAccountList") == 1


def test_check_names_a_refusal(open_shop: OpenShop) -> None:
    shop = open_shop(payouts=[])
    shop.box.faults.arm("server-fault", times=None, operation="Login", message=REFUSALS[0])
    result = shop.run("check")
    assert result.code == 4
    assert "24SevenOffice refuses Login" in " ".join(result.out.split())


# What servers, messages and logs see


def every_way_to_fail(office: Office) -> list[Callable[[], object]]:
    def armed(name: str, operation: str) -> None:
        """Without a session, so that Login is called too."""
        office.box.office.expire_sessions()
        office.box.faults.arm(name, times=None, operation=operation)
        try:
            save(office.logged_in())
        finally:
            office.box.faults.clear()

    def refused() -> None:
        office.box.office.expire_sessions()
        office.client(password=office.box.office.password + "x", keep=False).books()

    def elsewhere() -> None:
        office.client({"24sevenoffice": {"identity_id": NOBODY}}).books()

    return [
        lambda: save(office.logged_in()),
        lambda: armed("garbage", "Login"),
        lambda: armed("server-fault", "Login"),
        lambda: armed("cut", "GetIdentity"),
        lambda: armed("truncated", "GetIdentity"),
        lambda: armed("cut-after-save", SAVE),
        lambda: armed("client-fault", SAVE),
        refused,
        elsewhere,
        office.box.stop,
        lambda: save(office.client()),
    ]


def test_neither_password_nor_session_is_in_a_message_a_log_or_a_traceback(
    office: Office, quick: None, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, logger=name)
    texts, failures, sessions = [], 0, set[str]()
    for attempt in every_way_to_fail(office):
        sessions |= office.session_ids()
        try:
            texts.append(repr(attempt()))
        except Klarna24Error as error:
            failures += 1
            texts += [error.message, error.hint, *traceback.format_exception(error)]
    assert failures >= 6
    assert len(sessions) >= 2
    assert caplog.records, "something was logged, so that this test sees what is logged"
    everything = "\n".join([*texts, caplog.text, *map(repr, caplog.records), *capfd.readouterr()])
    for secret in (office.box.office.password, *sessions):
        assert secret not in everything


def test_every_request_names_the_product(office: Office) -> None:
    save(office.logged_in())
    assert set(office.wire.headers("User-Agent")) == {f"klarna24/{__version__}"}


def test_the_password_is_sent_to_login_alone(office: Office) -> None:
    office.client({"voucher": {"transaction_no": "next", "department_id": 10}}).books()
    (holding,) = (b for b in office.wire.requests if office.box.office.password.encode() in b.body)
    assert office.wire.operations()[office.wire.requests.index(holding)] == "Login"


def test_a_cookie_that_the_server_sets_is_not_obeyed(office: Office) -> None:
    def bake(reply: Reply) -> None:
        reply.headers["Set-Cookie"] = "ASP.NET_SessionId=evil; path=/"

    for operation in ("Login", "GetIdentity", *READS):
        office.wire.change(operation, bake)
    client = office.client()
    client.books()
    (first,) = office.session_ids()
    office.box.office.expire_sessions()
    save(client)
    (second,) = office.session_ids()
    sent = list(zip(office.wire.operations(), office.wire.headers("Cookie"), strict=True))
    one, two = f"ASP.NET_SessionId={first}", f"ASP.NET_SessionId={second}"
    assert sent[:2] == [("Login", None), ("GetIdentity", one)]
    assert sent[-4:] == [(SAVE, one), ("Login", None), ("GetIdentity", two), (SAVE, two)]


def test_netrc_is_not_used_and_the_cookie_is_sent_through_a_proxy(
    office: Office, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another host than loopback, for which requests would look into .netrc; the sandbox is its proxy."""
    (home / ".netrc").write_text("machine office.example login somebody password hidden\n")
    (home / ".netrc").chmod(0o600)
    monkeypatch.setenv("http_proxy", office.box.url)
    transport = Transport("http://office.example", "me")
    transport.session_id = "abc"
    with pytest.raises(NoAnswer):
        transport.post("http://office.example/", b"<x/>", {})
    assert office.wire.headers("Authorization") == [None]
    assert office.wire.headers("Cookie") == ["ASP.NET_SessionId=abc"]


def test_loopback_is_reached_without_a_proxy(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    office.client().probe()


def test_certificates_are_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for base_url in (None, "https://127.0.0.1", "https://office.example"):
        assert Transport(base_url, "me").session.verify is True


# Pages are uploaded to another host


def test_the_session_goes_along_to_the_host_that_takes_pages(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without base_url; all that is sent is caught below the transport."""
    sent: list[tuple[str, str | None]] = []

    def post(self: Any, address: str, message: bytes, headers: dict[str, str]) -> Any:
        sent.append((address, self.session_id))
        raise NoAnswer("caught", retry=False)

    client = office.client({"24sevenoffice": {"base_url": None}})
    client._connection._company_checked = True
    client._connection._transport.session_id = "a-session"
    monkeypatch.setattr(Transport, "post", post)
    with pytest.raises(Unavailable, match="Create: caught"):
        client.attach([b"page"], 5, lambda _: None)
    address = "https://webservices.24sevenoffice.com/Economy/Accounting/Accounting_V001/AttachmentService.asmx"
    assert sent == [(address, "a-session")]


def test_the_session_is_the_cookie_of_an_upload_too(office: Office) -> None:
    client = office.logged_in()
    with pytest.raises(Unavailable, match="not a whole PNG"):
        client.attach([b"page"], 5, lambda _: None)
    operations = zip(office.wire.operations(), office.wire.headers("Cookie"), strict=True)
    (session,) = office.session_ids()
    cookies = {operation: cookie for operation, cookie in operations if operation in {"Create", "Save"}}
    assert cookies == dict.fromkeys(("Create", "Save"), f"ASP.NET_SessionId={session}")


def test_an_upload_ends_in_time(office: Office) -> None:
    client = office.logged_in()
    office.box.faults.arm("hang", operation="Create", seconds=60)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        client.attach([b"page"], 0.3, lambda _: None)
    assert time.monotonic() - started < 30
    with pytest.raises(Unavailable, match="did not end within 0 s"):
        client.attach([b"page"], -1.0, lambda _: None)
    assert office.wire.operations().count("Create") == 1
