"""The client of 24SevenOffice, against the sandbox: sessions, the right company, the books, and what leaks."""

import logging
import re
import traceback
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from klarna24 import __version__
from klarna24.errors import ConfigFault, CredentialsFault, Klarna24Error, Unavailable
from klarna24.sandbox.office.company import FiscalYear
from klarna24.sandbox.office.company import VoucherType as SandboxType
from klarna24.sandbox.reply import Reply
from klarna24.text import clean
from klarna24.twentyfour.transport import NoAnswer, Transport
from tests.support.office import SAVE, Office, fault, open_office, save, voucher
from tests.support.shops import OpenShop, simple

NOBODY = "00000000-0000-0000-0000-000000000000"
READS = ["GetAccountList", "GetTypeList", "GetFiscalYears", "GetClientInformation"]


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with open_office(tmp_path, monkeypatch) as opened:
        yield opened


def session_files(office: Office) -> list[Path]:
    return sorted(office.folder.iterdir()) if office.folder.exists() else []


# Sessions


def test_a_session_is_kept_for_its_owner_alone_and_spares_the_next_client_a_login(office: Office) -> None:
    office.client().probe()
    (file,) = session_files(office)
    assert file.stat().st_mode & 0o777 == 0o600
    assert office.folder.stat().st_mode & 0o777 == 0o700
    assert {file.read_text()} == office.session_ids()
    assert save(office.logged_in()).kind == "drafted"
    assert office.wire.operations().count("Login") == 1
    assert office.passwords_asked == 1, "the password is not even fetched"


def test_profiles_of_one_user_in_one_company_share_the_session_and_others_do_not(office: Office) -> None:
    office.client().probe()
    office.client({"voucher": {"type": 1}, "accounts": {"fees": 6570}}).probe()
    assert office.wire.operations().count("Login") == 1
    other = {
        "identity_id": office.box.office.default.identity_id,
        "client_id": office.box.office.default.client_id,
    }
    office.client({"24sevenoffice": other}).probe()
    assert office.wire.operations().count("Login") == 2
    assert len(session_files(office)) == 2


def test_an_expired_session_is_renewed_and_the_new_one_kept(office: Office) -> None:
    office.client().probe()
    office.box.office.expire_sessions()
    office.client().probe()
    assert office.wire.operations().count("Login") == 2
    assert {file.read_text() for file in session_files(office)} == office.session_ids()


def test_a_session_that_expires_between_two_reads_is_renewed(office: Office) -> None:
    client = office.logged_in()
    office.box.faults.arm("expire-session", operation="GetTypeList")
    assert client.books().voucher_type.number == 9
    assert office.wire.operations().count("Login") == 2


def test_a_session_that_is_refused_again_and_again_ends_in_one_login_more(office: Office) -> None:
    client = office.logged_in()
    office.wire.answer("GetAccountList", fault("s:Server", "Not authenticated"))
    with pytest.raises(Unavailable, match="session"):
        client.books()
    assert office.wire.operations().count("Login") == 2, "repeated logins are throttled"


def test_a_dry_runs_client_uses_a_kept_session_and_writes_none(office: Office) -> None:
    office.client(keep=False).probe()
    assert not office.folder.exists()
    office.client().probe()
    before = {file: file.read_bytes() for file in session_files(office)}
    office.client(keep=False).probe()
    assert office.wire.operations().count("Login") == 2
    office.box.office.expire_sessions()
    office.client(keep=False).probe()
    assert {file: file.read_bytes() for file in session_files(office)} == before


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"abcdefghijklmnopqrstuvwx", b"\xff\xfe\0", b"two\r\nlines: x", b"a;b", b"\0" * 24, b"x" * 5000],
    ids=["empty", "blank", "unknown", "binary", "a header", "two cookies", "zeros", "long"],
)
def test_a_kept_session_that_is_wrong_costs_one_login(office: Office, quick: None, content: bytes) -> None:
    office.client().probe()
    session_files(office)[0].write_bytes(content)
    assert save(office.logged_in()).kind == "drafted"
    assert office.wire.operations().count("Login") == 2
    assert session_files(office)[0].read_text() in office.session_ids()


def test_a_session_that_cannot_be_kept_is_no_fault(office: Office) -> None:
    office.folder.write_text("a file in the folder's place")
    assert save(office.logged_in()).kind == "drafted"


@pytest.mark.parametrize("session_id", ["two words", "a;b", "a\tb", "å", "a,b", 'a"b'])
def test_a_session_id_that_no_cookie_can_hold_is_not_sent(office: Office, session_id: str) -> None:
    def how(reply: Reply) -> None:
        reply.body = re.sub(rb">\w+</", f">{session_id}</".encode(), reply.body)

    office.wire.change("Login", how)
    with pytest.raises(Unavailable, match="session id"):
        office.client().probe()
    assert office.wire.operations() == ["Login"]
    assert not session_files(office)


def test_a_refused_login_is_a_credentials_fault_that_names_the_user(office: Office) -> None:
    with pytest.raises(CredentialsFault, match=re.escape(office.box.office.username)):
        office.client(password="wrong").books()
    assert office.wire.operations() == ["Login"]
    assert not session_files(office)


# The right company


def wrong_company(office: Office, over: dict[str, Any] | None = None) -> ConfigFault:
    with pytest.raises(ConfigFault) as caught:
        office.client(over).books()
    assert set(office.wire.operations()) == {"Login", "GetIdentity"}, "no other call"
    assert not session_files(office)
    assert office.box.office.default.name in caught.value.message
    return caught.value


def test_a_login_that_lands_in_the_default_company_is_refused_before_any_other_call(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office.box.office, "company_of", lambda _: office.box.office.default)
    fault = wrong_company(office)
    for told in (office.box.office.default.client_id, office.box.office.home.client_id):
        assert str(told) in fault.message


def test_an_identity_of_another_company_is_refused(office: Office) -> None:
    for identity in (NOBODY, office.box.office.default.identity_id):
        wrong_company(office, {"24sevenoffice": {"identity_id": identity}})


def test_another_client_id_is_refused(office: Office) -> None:
    wrong_company(
        office, {"24sevenoffice": {"client_id": office.box.office.home.client_id + 1, **default_id(office)}}
    )


def test_the_same_company_under_another_identity_is_refused(office: Office) -> None:
    """Both are pinned: another identity is another user's, with other rights."""
    other = {"client_id": office.box.office.default.client_id, "identity_id": NOBODY}
    wrong_company(office, {"24sevenoffice": other})


def default_id(office: Office) -> dict[str, str]:
    return {"identity_id": office.box.office.default.identity_id}


def test_a_guid_may_be_written_in_capitals(office: Office) -> None:
    """24SevenOffice and profiles.toml need not agree on the case."""

    def capitals(reply: Reply) -> None:
        reply.body = re.sub(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda m: m[0].upper(), reply.body)

    office.wire.change("GetIdentity", capitals)
    office.client().probe()


def test_a_kept_session_that_was_moved_to_another_company_is_not_used(office: Office) -> None:
    office.client().probe()
    (session,) = office.session_ids()
    office.box.office.sessions[session] = office.box.office.default
    assert save(office.logged_in()).kind == "drafted"
    assert (office.drafts, office.box.office.default.drafts) == (1, [])
    assert office.wire.operations().count("Login") == 2


def test_a_login_in_the_midst_of_work_that_lands_elsewhere_saves_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = office.logged_in()
    office.box.office.expire_sessions()
    monkeypatch.setattr(office.box.office, "company_of", lambda _: office.box.office.default)
    with pytest.raises(ConfigFault):
        save(client)
    assert (office.drafts, office.box.office.default.drafts) == (0, [])


def test_the_company_is_chosen_in_login_and_never_switched(office: Office) -> None:
    save(office.logged_in())
    assert not set(office.wire.operations()) & {"SetIdentityById", "SetIdentity", "GetIdentities"}


# The books


def test_the_books_say_what_the_company_keeps(office: Office) -> None:
    books = office.client().books()
    assert books.home_currency == "SEK"
    assert books.chart == office.box.office.home.chart
    assert (books.voucher_type.number, books.voucher_type.title, books.voucher_type.series_id) == (
        9,
        "Diverse",
        15,
    )
    assert books.currencies == {}, "asked for only where the profile needs them"
    assert [(year.start, year.end, year.locked) for year in books.fiscal_years] == [
        (year.start, year.end, year.locked) for year in office.box.office.home.fiscal_years
    ]
    assert sorted(office.wire.operations()) == sorted(["Login", "GetIdentity", *READS]), "each is asked once"


@pytest.mark.parametrize("wanted", ["Diverse", "diverse", "DIVERSE", " Diverse ", 9])
def test_a_voucher_type_is_found_by_title_in_any_case_or_by_number(office: Office, wanted: str | int) -> None:
    assert office.client({"voucher": {"type": wanted}}).books().voucher_type.number == 9


@pytest.mark.parametrize("wanted", ["Övrigt", "9", 8, 519, 15])
def test_an_unknown_voucher_type_is_a_config_fault_that_lists_those_there_are(
    office: Office, wanted: str | int
) -> None:
    """519 is the type's id and 15 its series: neither is its number."""
    with pytest.raises(ConfigFault) as caught:
        office.client({"voucher": {"type": wanted}}).books()
    assert "[profiles.shop1.voucher] type" in caught.value.message
    assert "Diverse (9)" in caught.value.message


@pytest.mark.parametrize("wanted", ["Ingående balans", "Årsavslut", 0, -1])
def test_a_system_type_cannot_be_chosen(office: Office, wanted: str | int) -> None:
    with pytest.raises(ConfigFault) as caught:
        office.client({"voucher": {"type": wanted}}).books()
    assert "Årsavslut (-1)" not in caught.value.message


def test_an_ambiguous_title_asks_for_the_number(office: Office) -> None:
    office.box.office.home.types.append(SandboxType(type_id=599, number=19, title="DIVERSE", series=20))
    with pytest.raises(ConfigFault, match=r"Diverse \(9\).*DIVERSE \(19\)") as caught:
        office.client().books()
    assert "number" in caught.value.hint
    assert office.client({"voucher": {"type": 19}}).books().voucher_type.series_id == 20


def test_the_department_must_exist(office: Office) -> None:
    office.client({"voucher": {"department_id": 20}}).books()
    with pytest.raises(ConfigFault, match=r"department_id = 30.*10 \(Butik\), 20 \(Lager\)"):
        office.client({"voucher": {"department_id": 30}}).books()
    office.box.office.home.departments.clear()
    with pytest.raises(ConfigFault, match="there are: none"):
        office.client({"voucher": {"department_id": 20}}).books()


@pytest.mark.parametrize(
    ("given", "unknown"),
    [
        ({"customer_id": 1001}, None),
        ({"supplier_id": 1002}, None),
        ({"customer_id": 1001, "supplier_id": 1002}, None),
        ({"customer_id": 1001, "supplier_id": 1001}, None),
        ({"customer_id": 999}, "customer_id = 999"),
        ({"supplier_id": 999}, "supplier_id = 999"),
        ({"customer_id": 1001, "supplier_id": 999}, "supplier_id = 999"),
        ({"customer_id": 999, "supplier_id": 1002}, "customer_id = 999"),
    ],
)
def test_customer_and_supplier_must_be_in_the_crm_and_one_call_asks_for_both(
    office: Office, given: dict[str, int], unknown: str | None
) -> None:
    client = office.client({"voucher": given})
    if unknown is None:
        client.books()
    else:
        with pytest.raises(ConfigFault, match=unknown):
            client.books()
    assert office.wire.operations().count("GetCompanies") == 1


def test_an_api_exception_of_the_crm_is_no_unknown_customer(office: Office) -> None:
    def refuse(reply: Reply) -> None:
        reply.body = re.sub(
            rb"<tns:Company>.*?</tns:Company>",
            b"<tns:Company><tns:APIException><tns:Message>too\nbusy</tns:Message></tns:APIException></tns:Company>",
            reply.body,
            flags=re.DOTALL,
        )

    office.wire.change("GetCompanies", refuse)
    with pytest.raises(Unavailable, match="toobusy"):
        office.client({"voucher": {"customer_id": 1001}}).books()


def test_rates_are_read_for_foreign_currency_rate(office: Office) -> None:
    books = office.client({"voucher": {"foreign_currency": "rate"}}).books()
    rates = {symbol: (currency.rate, currency.unit) for symbol, currency in books.currencies.items()}
    assert rates == {
        "SEK": (Decimal(1), 1),
        "EUR": (Decimal("11.4250"), 1),
        "NOK": (Decimal("97.8000"), 100),
    }


@pytest.mark.parametrize(
    ("start", "end", "zone"),
    [
        ("2025-07-01T00:00:00", "2026-07-01T00:00:00", "Europe/Stockholm"),
        ("2025-06-30T22:00:00Z", "2026-06-30T22:00:00Z", "Europe/Stockholm"),
        ("2025-06-30T22:00:00", "2026-06-30T22:00:00", "Europe/Stockholm"),
        ("2025-07-01T00:00:00+02:00", "2026-07-01T00:00:00+02:00", "Europe/Stockholm"),
        ("2025-07-01T00:00:00.0000000", "2026-07-01T00:00:00.0000000", "Europe/Stockholm"),
        ("2025-06-30T21:00:00Z", "2026-06-30T21:00:00Z", "Europe/Helsinki"),
    ],
)
def test_a_fiscal_years_bounds_are_the_days_that_they_mean(
    office: Office, start: str, end: str, zone: str
) -> None:
    """Times of the API are UTC: the midnight of a shop in Stockholm may stand two hours before it."""
    office.box.office.home.fiscal_years = [FiscalYear(NOBODY, date(2025, 7, 1), date(2026, 7, 1), locked=True)]

    def written(reply: Reply) -> None:
        assert reply.body.count(b"-07-01T00:00:00") == 2
        reply.body = reply.body.replace(b"2025-07-01T00:00:00", start.encode())
        reply.body = reply.body.replace(b"2026-07-01T00:00:00", end.encode())

    office.wire.change("GetFiscalYears", written)
    (year,) = office.client({"timezone": zone}).books().fiscal_years
    assert (year.start, year.end, year.locked) == (date(2025, 7, 1), date(2026, 7, 1), True)


def test_a_winter_midnight_in_utc_is_the_new_year(office: Office) -> None:
    office.box.office.home.fiscal_years = [FiscalYear(NOBODY, date(2026, 1, 1), date(2027, 1, 1))]

    def in_utc(reply: Reply) -> None:
        reply.body = re.sub(
            rb"(\d{4})-01-01T00:00:00", lambda m: b"%d-12-31T23:00:00" % (int(m[1]) - 1), reply.body
        )

    office.wire.change("GetFiscalYears", in_utc)
    (year,) = office.client().books().fiscal_years
    assert (year.start, year.end) == (date(2026, 1, 1), date(2027, 1, 1))


def test_unknown_elements_are_read_past_without_losing_what_follows(office: Office) -> None:
    """A new version of a service may add elements anywhere: first, last, and inside lists."""
    over = {
        "voucher": {"department_id": 10, "customer_id": 1001, "foreign_currency": "rate", "transaction_no": "next"}
    }
    plain = office.client(over).books()

    def add(reply: Reply) -> None:
        root = etree.fromstring(reply.body)
        (result,) = root[0][0]
        for element in [each for each in result.iter("{*}*") if len(each)]:
            space = element[0].tag.partition("}")[0] + "}"
            element.insert(0, etree.Element(f"{space}OddFirst", attrib={"odd": "1"}))
            etree.SubElement(etree.SubElement(element, f"{space}OddLast"), f"{space}Id").text = "no number"
        reply.body = etree.tostring(root)

    for operation in (*READS, "GetIdentity", "GetDepartmentList", "GetCompanies", "GetCurrencyList", "GetEntryId"):
        office.wire.change(operation, add)
    office.box.office.extra_elements = True
    client = office.client(over)
    assert client.books() == plain
    assert save(client).kind == "drafted"


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


def test_a_company_without_a_home_currency_is_not_guessed(office: Office) -> None:
    office.box.office.home.home_currency = ""
    with pytest.raises(Unavailable, match="currency"):
        office.client().books()


# The number


def test_no_number_is_asked_for_unless_the_profile_says_so(office: Office) -> None:
    save(office.logged_in())
    assert "GetEntryId" not in office.wire.operations()
    assert office.box.office.home.drafts[0].transaction_no == 0


def test_the_next_number_is_asked_of_the_types_series_in_the_vouchers_year(office: Office) -> None:
    client = office.logged_in({"voucher": {"transaction_no": "next"}})
    for expected in (1, 2):
        assert save(client).kind == "drafted"
        draft = office.box.office.home.drafts[0]
        assert draft.transaction_no == expected
        office.box.office.book(draft.id)


def test_no_number_is_unavailable_and_nothing_is_saved(office: Office) -> None:
    client = office.logged_in({"voucher": {"transaction_no": "next"}})
    with pytest.raises(Unavailable, match="number"):
        client.prepare(voucher(date(2040, 1, 1), 2040))
    assert office.saves == 0


# Reads are repeated, a save is not


@pytest.mark.parametrize("operation", ["GetIdentity", *READS])
def test_a_read_that_is_cut_off_is_repeated(office: Office, operation: str) -> None:
    office.box.faults.arm("cut", operation=operation)
    office.client().books()
    assert office.wire.operations().count(operation) == 2


@pytest.mark.parametrize("name", ["limit-exceeded", "too-many"])
def test_where_asking_again_makes_it_worse_it_is_not_asked_again(office: Office, name: str) -> None:
    client = office.logged_in()
    office.box.faults.arm(name, operation="GetAccountList")
    with pytest.raises(Unavailable):
        client.books()
    assert office.wire.operations().count("GetAccountList") == 1


def test_reads_give_up_in_the_end(office: Office, quick: None) -> None:
    client = office.logged_in()
    office.box.faults.arm("cut", times=None)
    with pytest.raises(Unavailable, match="GetAccountList"):
        client.books()


def test_a_probe_says_whether_24sevenoffice_answers(office: Office, quick: None) -> None:
    client = office.logged_in()
    before = office.wire.operations()
    client.probe()
    assert len(office.wire.operations()) == len(before) + 1
    office.box.stop()
    with pytest.raises(Unavailable):
        client.probe()


# What leaks, and what does not


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
    told, failures, sessions = [], 0, set[str]()
    for attempt in every_way_to_fail(office):
        sessions |= office.session_ids()
        try:
            told.append(repr(attempt()))
        except Klarna24Error as error:
            failures += 1
            told += [error.message, error.hint, *traceback.format_exception(error)]
    assert failures >= 6
    assert len(sessions) >= 2
    assert caplog.records, "something was logged, so that this test sees what is logged"
    everything = "\n".join([*told, caplog.text, *map(repr, caplog.records), *capfd.readouterr()])
    for secret in (office.box.office.password, *sessions):
        assert secret not in everything


def test_every_request_says_who_asks(office: Office) -> None:
    save(office.logged_in())
    assert set(office.wire.headers("User-Agent")) == {f"klarna24/{__version__}"}


def test_the_password_is_sent_to_login_alone(office: Office) -> None:
    office.client({"voucher": {"transaction_no": "next", "department_id": 10}}).books()
    holding = [b for b in office.wire.requests if office.box.office.password.encode() in b.body]
    assert len(holding) == 1
    assert office.wire.operations()[office.wire.requests.index(holding[0])] == "Login"


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


def test_netrc_is_not_used_and_the_cookie_goes_with_the_proxied_request(
    office: Office, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another host than loopback, so that requests would look into .netrc; the sandbox plays its proxy."""
    (home / ".netrc").write_text("machine office.example login somebody password hidden\n")
    (home / ".netrc").chmod(0o600)
    monkeypatch.setenv("http_proxy", office.box.url)
    transport = Transport("http://office.example", "me")
    transport.session_id = "abc"
    with pytest.raises(NoAnswer):
        transport.post("http://office.example/", b"<x/>", {})
    assert office.wire.headers("Authorization") == [None]
    assert office.wire.headers("Cookie") == ["ASP.NET_SessionId=abc"]


def test_loopback_is_reached_past_any_proxy(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    office.client().probe()


def test_no_contract_is_fetched_in_a_run(office: Office) -> None:
    """All that leaves is a POST of an operation."""
    client = office.client({"voucher": {"department_id": 10, "customer_id": 1001, "foreign_currency": "rate"}})
    client.books()
    save(client)
    assert {incoming.method for incoming in office.wire.requests} == {"POST"}


@pytest.mark.parametrize("body", [b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>", b"<!DOCTYPE x>"])
def test_a_document_type_is_refused_in_a_read_too(office: Office, quick: None, body: bytes) -> None:
    def dtd(reply: Reply) -> None:
        reply.body = body + reply.body.partition(b"?>")[2]

    office.wire.change("GetIdentity", dtd)
    with pytest.raises(Unavailable):
        office.client().probe()


def test_certificates_are_verified() -> None:
    for base_url in (None, "https://127.0.0.1", "https://office.example"):
        assert Transport(base_url, "me").session.verify is True


def test_a_value_that_zeep_cannot_read_prints_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Python itself prints what is logged as an error where nobody listens: a traceback in cron's mail."""

    def spoil(reply: Reply) -> None:
        reply.body = reply.body.replace(b">1940<", b">x<")

    office.wire.change("GetAccountList", spoil)
    monkeypatch.setattr(logging.root, "handlers", [])
    books = office.client().books()
    assert 1930 in books.chart
    assert 1940 not in books.chart
    assert capfd.readouterr().err == ""


# How much is asked


@pytest.mark.parametrize(
    ("over", "most"),
    [
        ({}, 8),
        ({"department_id": 10}, 9),
        ({"foreign_currency": "rate"}, 9),
        ({"customer_id": 1001}, 9),
        ({"customer_id": 1001, "supplier_id": 1002}, 9),
    ],
    ids=str,
)
def test_a_run_with_one_payout_is_a_handful_of_calls_and_one_with_nothing_new_is_none(
    open_shop: OpenShop, over: dict[str, Any], most: int
) -> None:
    """Two for the session, four for the books, one for the ledger, one save; one more for what a profile adds."""
    shop = open_shop(payouts=[simple("XISA93DJ")])
    shop.write({"voucher": over})

    def soap() -> int:
        ours = ("payouts", "payout", "transactions")
        return sum(times for operation, times in shop.box.calls().items() if operation not in ours)

    assert shop.sync().code == 0
    assert soap() <= most
    before = soap()
    assert shop.sync("--now").code == 0
    assert soap() == before


# Odd turns


def test_after_a_login_that_landed_elsewhere_nothing_more_is_saved(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = office.logged_in()
    office.box.office.expire_sessions()
    monkeypatch.setattr(office.box.office, "company_of", lambda _: office.box.office.default)
    for _ in range(2):
        with pytest.raises(ConfigFault):
            save(client)
    assert not office.box.office.default.drafts


def test_a_session_may_expire_before_each_of_two_saves(office: Office) -> None:
    client = office.logged_in()
    for _ in range(2):
        office.box.office.expire_sessions()
        assert save(client).kind == "drafted"


@pytest.mark.parametrize(
    ("operation", "old", "new"),
    [
        ("GetFiscalYears", b"2026-01-01T00:00:00", b"soon"),
        ("GetFiscalYears", b"2026-01-01T00:00:00", b"9999-12-31T23:59:59"),
        ("GetCurrencyList", b"11.4250", b"much"),
        ("GetAccountList", b"GetAccountListResult", b"GetAccountLostResult"),
    ],
)
def test_a_value_that_cannot_be_read_is_unavailable_and_no_bug(
    office: Office, operation: str, old: bytes, new: bytes
) -> None:
    def spoil(reply: Reply) -> None:
        assert old in reply.body
        reply.body = reply.body.replace(old, new)

    office.wire.change(operation, spoil)
    with pytest.raises(Unavailable):
        office.client({"voucher": {"foreign_currency": "rate"}}).books()


@pytest.mark.parametrize("rate", [b"-11.4250", b"NaN", b"INF"])
def test_a_rate_that_is_no_rate_is_not_used(office: Office, rate: bytes) -> None:
    def spoil(reply: Reply) -> None:
        reply.body = reply.body.replace(b"11.4250", rate)

    office.wire.change("GetCurrencyList", spoil)
    assert set(office.client({"voucher": {"foreign_currency": "rate"}}).books().currencies) == {"SEK", "NOK"}


def test_what_is_clean_can_stand_in_xml() -> None:
    """The entries of a bundle are written as text: no parser looks at them before 24SevenOffice's does."""
    legal = [*range(0x20, 0xD800), *range(0xE000, 0xFFFE), *range(0x10000, 0x110000)]
    assert all(clean(chr(code)) == "" for code in set(range(0x110000)) - set(legal))
