"""klarna24 check: each thing that a run needs, its ✗, its next step and the exit code that a run would give."""

import contextlib
import re
import socket
import sqlite3
import ssl
import time
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tomli_w

from klarna24.check import as_cron
from klarna24.notify import smtp
from klarna24.sandbox.office.company import FiscalYear
from klarna24.sandbox.server import Handler
from klarna24.state.lock import only_run
from tests.support.secrets import keyring_of, private
from tests.support.shops import OpenShop, Shop, simple, snapshot
from tests.support.smtp_server import PASSWORD, USER, MailServer

__all__ = ["keyring_of"]  # a fixture

TODAY = datetime.now(UTC).date()


class LedgerMatch(NamedTuple):
    """A check as JSON has it, and what the whole ended with."""

    code: int
    name: str
    status: str
    message: str
    next: str


def checks(shop: Shop, *arguments: str) -> dict[str, LedgerMatch]:
    """By name; the last where a name stands twice. What is printed holds no secret, whatever it is."""
    result = shop.run("check", "--json", *arguments)
    document = result.json
    assert document["exit_code"] == result.code
    no_secret(shop, result.out + result.err)
    (profile,) = document["profiles"]
    assert profile["profile"] == "shop1"
    found = [LedgerMatch(result.code, **check) for check in profile["checks"]]
    assert all(bool(it.next) for it in found if it.status in {"failed", "advice"}), found
    assert all(not it.next for it in found if it.status not in {"failed", "advice"}), found
    return {it.name: it for it in found}


def no_secret(shop: Shop, text: str) -> None:
    for secret in (shop.box.klarna.password, shop.box.office.password, PASSWORD):
        assert secret not in text


def failed(found: dict[str, LedgerMatch]) -> LedgerMatch:
    """The only one that did."""
    (it,) = [it for it in found.values() if it.status == "failed"]
    return it


def not_tried(found: dict[str, LedgerMatch]) -> set[str]:
    return {name for name, it in found.items() if it.status == "not-tried"}


OFFICE = {"24sevenoffice", "accounts", "voucher.type", "fiscal year", "currency"}


@pytest.fixture
def plain(open_shop: OpenShop) -> Shop:
    """One payout, in the company's own currency; the passwords in files, so that nothing is to be said."""
    shop = open_shop(payouts=[simple("XISA93DJ")])
    write(shop)
    return shop


def write(shop: Shop, over: dict[str, Any] | None = None) -> None:
    shop.write(
        {
            **(over or {}),
            "klarna": {"password": file(shop, "k", shop.box.klarna.password), **(over or {}).get("klarna", {})},
            "24sevenoffice": {
                "password": file(shop, "o", shop.box.office.password),
                **(over or {}).get("24sevenoffice", {}),
            },
        }
    )


def file(shop: Shop, name: str, content: str) -> dict[str, Any]:
    return {"env": None, "file": str(private(shop.folder / name, content))}


# All well


def test_all_is_well_and_nothing_is_drafted_nor_kept_of_payouts(plain: Shop) -> None:
    found = checks(plain)
    assert found["klarna"].code == 0
    assert {it.status for it in found.values()} == {"ok"}
    assert re.fullmatch(
        r"127\.0\.0\.1:\d+ \(europe, live\): 1 payout in the last 30 days", found["klarna"].message
    )
    assert found["24sevenoffice"].message == "logged in to Exempelbutiken AB (3000024)"
    assert found["account payout"].message == "1930 Företagskonto/checkkonto/affärskonto"
    assert found["voucher.type"].message == "Diverse (9)"
    assert not plain.drafts()
    with contextlib.closing(sqlite3.connect(plain.state / "klarna24.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM payout").fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM event").fetchone() == (0,)
    assert not {"SaveBundleList", "GetEntryId"} & set(plain.box.calls())


def test_a_check_changes_nothing_of_what_a_run_has_kept(plain: Shop) -> None:
    assert plain.sync().code == 0
    before = snapshot(plain.state)
    found = checks(plain)
    assert found["24sevenoffice"].message == "a session of the last run in Exempelbutiken AB (3000024)"
    after = snapshot(plain.state)
    lock_note = str(plain.state / "locks" / "shop1.json")
    assert {**after, lock_note: b""} == {**before, lock_note: b""}
    assert plain.box.calls()["Login"] == 1


def test_what_a_person_sees_fits_80_columns(shop: Shop) -> None:
    shop.write({"voucher": {"department_id": 10, "project_id": 7, "supplier_id": 1002}})
    result = shop.run("check", "--profile", "shop1")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "shop1"
    assert lines[-2:] == ["  all that a run needs is there", ""]
    assert "  ✓  account receivable         1580 Fordringar för kontokort och kuponger" in lines
    assert "  ✓  voucher.department_id      10 Butik" in lines
    assert "  ✓  voucher.supplier_id        1002 Klarna Bank AB (leverantör)" in lines
    assert "  !  voucher.project_id         7: whether 24SevenOffice has it cannot be asked" in lines
    assert "                                → look there" in lines
    no_secret(shop, result.out)


def test_quiet_is_silent_when_well_and_a_line_a_fault_otherwise(plain: Shop) -> None:
    well = plain.run("-q", "check")
    assert (well.code, well.out, well.err) == (0, "", "")
    write(plain, {"accounts": {"payout": 1931}})
    ill = plain.run("-q", "check")
    assert (ill.code, ill.out) == (7, "")
    (line,) = ill.lines()
    assert line.startswith("klarna24: shop1: account payout: 1931 is not in 24SevenOffice's chart of accounts → ")


def test_all_profiles_are_checked_unless_one_is_named(plain: Shop) -> None:
    plain.write(None, shop2={"accounts": {"payout": 1931}})
    for arguments in ((), ("--all",)):
        document = plain.run("check", "--json", *arguments).json
        assert [one["profile"] for one in document["profiles"]] == ["shop1", "shop2"]
        assert document["exit_code"] == 7
    assert plain.run("check", "--profile", "shop1").code == 0
    assert plain.run("check", "--profile", "shop1", "--all").code == 2


# profiles.toml


def test_all_faults_of_the_file_are_listed(plain: Shop) -> None:
    plain.write({"transfer": "lumpy", "accounts": {"payout": None}, "voucher": {"typ": "Diverse"}})
    result = plain.run("check")
    assert (result.code, result.err) == (3, "")
    text = " ".join(result.out.split())
    assert text.count("✗ profiles.toml") == 3
    assert "unknown key; did you mean type?" in text
    assert text.count("→ edit") == 3
    document = plain.run("check", "--json").json
    assert (document["exit_code"], document["profiles"]) == (3, [])
    assert len(document["problems"]) == 3
    assert {problem["code"] for problem in document["problems"]} == {"config"}


@pytest.mark.parametrize(
    ("spoil", "says", "then"),
    [
        (lambda path: path.unlink(), "no such file", "klarna24 init"),
        (lambda path: path.chmod(0o666), "others can write this file", "chmod 600"),
        (lambda path: path.write_text("[profiles"), "not valid TOML", "edit"),
    ],
    ids=["missing", "open to all", "no TOML"],
)
def test_a_file_that_cannot_be_used(plain: Shop, spoil: Callable[[Path], Any], says: str, then: str) -> None:
    spoil(plain.config)
    (problem,) = plain.run("check", "--json").json["problems"]
    assert says in problem["message"]
    assert then in problem["hint"]
    assert plain.run("check").code == 3
    assert plain.run("check", "--as-cron").code == 3


def test_a_profile_that_is_not_there(plain: Shop) -> None:
    result = plain.run("check", "--profile", "shop2")
    assert result.code == 3
    assert "did you mean shop1?" in " ".join(result.out.split())


def test_a_file_that_others_can_read_is_worth_a_word(plain: Shop) -> None:
    plain.config.chmod(0o644)
    it = checks(plain)["profiles.toml"]
    assert (it.code, it.status, it.next) == (0, "advice", f"chmod 600 {plain.config}")


# Secrets


@pytest.mark.parametrize(("place", "needs"), [("klarna", {"klarna"}), ("24sevenoffice", OFFICE)])
def test_a_secret_that_cannot_be_had(plain: Shop, place: str, needs: set[str]) -> None:
    write(plain, {place: {"password": {"env": "NOT_SET", "file": None}}})
    found = checks(plain)
    it = failed(found)
    assert (it.code, it.name) == (4, f"{place}.password")
    assert "NOT_SET is not set" in it.message
    assert it.next == "set NOT_SET, or use another source"
    assert not_tried(found) == needs
    assert all(f"{place}.password" in found[name].message for name in needs)
    assert found["clock"].status == "ok", "the other server tells the time"


def test_each_source_is_named_and_whether_it_works_without_a_session(
    plain: Shop, keyring_of: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    word = plain.box.klarna.password
    keyring_of(f"return {word!r}")
    private(plain.folder / "word", word)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(plain.folder))
    monkeypatch.setenv("SHOP1", word)
    for raw, status, says, then in (
        ({"file": str(plain.folder / "word")}, "ok", f"the file {plain.folder}/word, logged in or not", ""),
        ({"command": ["cat", str(plain.folder / "word")]}, "ok", "the command cat, logged in or not", ""),
        ({"systemd": "word"}, "ok", "systemd credential word, which only its unit has", ""),
        ({"env": "SHOP1"}, "advice", "cron has it only where the crontab sets it", "klarna24 check --as-cron"),
        ({"keyring": True}, "advice", "seldom answers while nobody is logged in", "file"),
    ):
        write(plain, {"klarna": {"password": {"env": None, **raw}}})
        found = checks(plain)
        it = found["klarna.password"]
        assert (it.code, it.status) == (0, status), raw
        assert says in it.message
        assert then in it.next
        assert found["klarna"].status == "ok"


# Klarna


def test_klarna_refuses_the_credentials(plain: Shop) -> None:
    write(plain, {"klarna": {"password": file(plain, "wrong", "wrong-klarna-word")}})
    found = checks(plain)
    it = failed(found)
    assert (it.code, it.name) == (4, "klarna")
    assert "refused the credentials" in it.message
    assert it.next == "check username, password, region (europe) and environment (live)"
    assert "wrong-klarna-word" not in plain.run("check").out
    assert not not_tried(found)


def test_klarna_is_unavailable(plain: Shop, quick: None) -> None:
    plain.box.faults.arm("klarna-503", times=None)
    it = failed(checks(plain))
    assert (it.code, it.name, it.next) == (5, "klarna", "the next run carries on")
    plain.box.faults.clear()
    plain.box.faults.arm("klarna-garbage", times=None)
    it = failed(checks(plain))
    assert (it.code, it.name) == (5, "klarna")
    assert "klarna24 check" not in it.next, "that is where one is"


# 24SevenOffice


def test_24sevenoffice_refuses_the_login(plain: Shop) -> None:
    write(plain, {"24sevenoffice": {"password": file(plain, "wrong", "wrong-office-word")}})
    found = checks(plain)
    it = failed(found)
    assert (it.code, it.name) == (4, "24sevenoffice")
    assert it.next == "check username, password, application_id and identity_id"
    assert not_tried(found) == OFFICE - {"24sevenoffice"}
    assert "wrong-office-word" not in plain.run("check").out


def test_a_kept_session_does_not_hide_a_wrong_password(plain: Shop) -> None:
    assert plain.sync().code == 0
    plain.box.office.password = "another"
    it = checks(plain)["24sevenoffice"]
    assert (it.code, it.status) == (0, "advice"), "as a run would end that goes on under the session"
    assert "no longer known with this password" in it.message


def test_24sevenoffice_logs_in_to_another_company(plain: Shop) -> None:
    write(plain, {"24sevenoffice": {"client_id": 3000011}})
    found = checks(plain)
    it = failed(found)
    assert (it.code, it.name) == (3, "24sevenoffice")
    assert "logged in to company 3000024 (Exempelbutiken AB)" in it.message
    assert it.next == "correct [profiles.shop1.24sevenoffice]; nothing was sent"
    assert not_tried(found) == OFFICE - {"24sevenoffice"}


def test_24sevenoffice_is_unavailable_and_asked_no_further(plain: Shop, quick: None) -> None:
    plain.box.faults.arm("server-fault", times=None, operation="GetAccountList")
    found = checks(plain)
    it = failed(found)
    assert (it.code, it.name, it.next) == (5, "accounts", "the next run carries on")
    assert not_tried(found) == OFFICE - {"24sevenoffice", "accounts"}
    assert not plain.box.calls()["GetTypeList"]


@pytest.mark.parametrize(
    ("over", "name", "code", "says", "then"),
    [
        ({"accounts": {"fees": 6065}}, "account fees", 7, "6065 is not in", "[profiles.shop1.accounts] fees"),
        (
            {"accounts": {"charges": {"FRAUD_FEE": 6991}}},
            "account charges.FRAUD_FEE",
            7,
            "6991",
            "charges.FRAUD_FEE",
        ),
        ({"voucher": {"type": "Divers"}}, "voucher.type", 3, "there are: Kundfaktura (1)", "correct it"),
        ({"voucher": {"department_id": 30}}, "voucher.department_id", 3, "10 (Butik), 20 (Lager)", "correct it"),
        ({"voucher": {"customer_id": 77}}, "customer, supplier", 3, "customer_id = 77: not in", "create Klarna"),
    ],
    ids=["account", "account by type", "voucher type", "department", "customer"],
)
def test_what_the_company_does_not_have(
    plain: Shop, over: dict[str, Any], name: str, code: int, says: str, then: str
) -> None:
    write(plain, over)
    found = checks(plain)
    it = failed(found)
    assert (it.code, it.name) == (code, name)
    assert says in it.message
    assert then in it.next
    assert not not_tried(found), "one does not hide the others"


@pytest.mark.parametrize("what", ["missing", "locked", "split"])
def test_the_fiscal_year_of_today(plain: Shop, what: str) -> None:
    start = TODAY.replace(day=1) - timedelta(days=1)
    start, end = start.replace(month=max(start.month - 1, 1), day=1), date(TODAY.year + 1, 1, 1)
    years = {
        "missing": [FiscalYear("", date(2001, 1, 1), date(2002, 1, 1))],
        "locked": [FiscalYear("", start, end, locked=True)],
        "split": [FiscalYear("", date(TODAY.year - 1, 7, 1), date(TODAY.year + 1, 7, 1))],
    }
    plain.box.office.home.fiscal_years = years[what]
    it = failed(checks(plain))
    assert (it.code, it.name) == (7, "fiscal year")
    says, then = {
        "missing": ("there is no fiscal year", "create it in 24SevenOffice"),
        "locked": ("is locked", "unlock it"),
        "split": ("is split", 'fiscal_year = "start" or "end"'),
    }[what]
    assert says in it.message
    assert then in it.next
    if what == "split":
        write(plain, {"voucher": {"fiscal_year": "end"}})
        assert checks(plain)["fiscal year"].message == f"{TODAY.year + 1} is open on {TODAY}"


def test_payouts_in_a_foreign_currency_are_worth_a_word(open_shop: OpenShop) -> None:
    payout, rows = simple("EURO")
    shop = open_shop(payouts=[({**payout, "currency_code": "EUR"}, rows), simple("XISA93DJ")])
    for over, status, says in (
        ({}, "advice", "payouts in EUR will be blocked"),
        ({"voucher": {"foreign_currency": "rate"}}, "ok", "keeps its books in SEK"),
        (
            {"voucher": {"foreign_currency": "rate"}, "klarna": {"currencies": ["USD"]}},
            "advice",
            "USD will be blocked",
        ),
        ({"klarna": {"currencies": ["SEK"]}}, "ok", "keeps its books in SEK"),
    ):
        write(shop, over)
        it = checks(shop)["currency"]
        assert (it.code, it.status) == (0, status)
        assert says in it.message


def test_a_company_without_chart_or_currency_is_an_answer_to_wait_for(plain: Shop) -> None:
    plain.box.office.home.home_currency = ""
    it = failed(checks(plain))
    assert (it.code, it.name) == (5, "currency")
    plain.box.office.home.chart = {}
    found = checks(plain)
    assert (failed(found).code, failed(found).name) == (5, "accounts")


@pytest.mark.parametrize(("country", "currency"), [("Norge", "SEK"), ("", "NOK")])
def test_a_norwegian_company_without_fees_vat_hears_of_reverse_charge(
    plain: Shop, country: str, currency: str
) -> None:
    company = plain.box.office.home
    company.country, company.home_currency = country, currency
    assert "reverse charge" not in checks(plain)
    write(plain, {"accounts": {"fees_vat": None}})
    it = checks(plain)["reverse charge"]
    assert (it.code, it.status) == (0, "advice")
    assert "omvendt avgiftsplikt" in it.message
    company.country, company.home_currency = "Sweden", "SEK"
    assert "reverse charge" not in checks(plain)


# The state folder


def test_a_state_folder_that_cannot_be_made(plain: Shop) -> None:
    plain.state.write_text("a file")
    it = failed(checks(plain))
    assert (it.code, it.name) == (3, "state")
    assert str(plain.state) in it.message


def test_a_database_that_is_not_ours(plain: Shop) -> None:
    plain.state.mkdir(mode=0o700)
    (plain.state / "klarna24.sqlite").write_bytes(b"no database at all " * 100)
    it = failed(checks(plain))
    assert (it.code, it.next) == (3, "move it away, or use another --state-dir")


def test_a_database_that_cannot_be_written(plain: Shop) -> None:
    """Where its journal cannot be made: SQLite opens such a file as if all were well."""
    assert plain.sync().code == 0
    (plain.state / "klarna24.sqlite-journal").mkdir()
    it = failed(checks(plain))
    assert (it.code, it.name) == (3, "state")


def test_no_session_is_kept_where_the_state_cannot_be(plain: Shop) -> None:
    plain.state.mkdir(mode=0o700)
    (plain.state / "klarna24.sqlite").write_bytes(b"no database at all " * 100)
    checks(plain)
    assert not (plain.state / "sessions").exists()


def test_a_run_under_way_is_told_as_a_run_would(plain: Shop) -> None:
    with only_run(plain.state, "shop1"):
        it = failed(checks(plain))
    assert (it.code, it.name, it.next) == (5, "state", "wait for it to end")


def test_a_folder_without_locks(plain: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object, **__: object) -> None:
        raise NotImplementedError("no locks here")

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    it = failed(checks(plain))
    assert (it.code, it.next) == (3, "use a folder on a local disk: --state-dir")


def test_rows_of_another_company_are_a_fault(plain: Shop) -> None:
    assert plain.sync().code == 0
    office = plain.box.office
    write(
        plain,
        {"24sevenoffice": {"client_id": office.default.client_id, "identity_id": office.default.identity_id}},
    )
    it = failed(checks(plain))
    assert (it.code, it.name) == (3, "state")
    assert "were drafted to company 3000024" in it.message


def test_a_disk_that_is_nearly_full_is_worth_a_word(plain: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 49_000_000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage())
    it = checks(plain)["state"]
    assert (it.code, it.status) == (0, "advice")
    assert "only 49 MB free" in it.message


# The clock


@pytest.mark.parametrize(
    ("ahead", "code", "says"),
    [
        (timedelta(minutes=4, seconds=50), 0, "s of "),
        (timedelta(minutes=6), 3, "clock is 0:0"),
        (timedelta(hours=1), 3, "behind "),
        (-timedelta(hours=1), 3, "ahead of "),
        (None, 0, "no server said what time it is"),
    ],
    ids=str,
)
def test_the_clock_against_the_servers(
    plain: Shop, monkeypatch: pytest.MonkeyPatch, ahead: timedelta | None, code: int, says: str
) -> None:
    def header(_: Handler) -> str:
        return f"{datetime.now(UTC) + ahead:%a, %d %b %Y %H:%M:%S GMT}" if ahead is not None else "soon"

    monkeypatch.setattr(Handler, "date_time_string", header)
    it = checks(plain)["clock"]
    assert it.code == code
    assert it.status == ("failed" if code else "not-tried" if ahead is None else "ok")
    assert says in it.message
    assert it.next == ("set it: timedatectl set-ntp true" if code else "")


@pytest.mark.parametrize("odd", ["Mon, 1 Jan 99999999999999999999 00:00:00 GMT", "Mon, 99 Jan 2026", "\xff", "-"])
def test_no_date_header_however_odd_ends_a_run(plain: Shop, monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    monkeypatch.setattr(Handler, "date_time_string", lambda _: odd)
    assert checks(plain)["clock"].status == "not-tried"
    assert plain.sync().code == 0


# The mail server


def with_mail(shop: Shop, mail: MailServer, **over: Any) -> dict[str, LedgerMatch]:
    email = {
        "host": "localhost",
        "port": mail.port,
        "username": USER,
        "password": {"file": str(private(shop.folder / "mail", PASSWORD))},
        "from": "klarna24@shop1.se",
        "to": ["accounts@shop1.se"],
        **over,
    }
    write(shop, {"notify": {"email": {key: value for key, value in email.items() if value is not None}}})
    started = time.monotonic()
    found = checks(shop)
    assert time.monotonic() - started < 8
    return found


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_mail_server_takes_the_login_and_gets_no_mail(
    plain: Shop, certificate: ssl.SSLContext, security: str
) -> None:
    with MailServer(certificate, tls=security == "tls") as mail:
        it = with_mail(plain, mail, security=security)["notify.email"]
        assert (it.code, it.status) == (0, "ok")
        assert it.message == f"localhost:{mail.port} ({security}, logged in); no mail was sent"
        assert mail.logins == [USER]
        assert not any(line.upper().startswith(("MAIL", "RCPT", "DATA")) for line in mail.commands)
        assert mail.commands[-1].upper() == "QUIT"


def test_a_mail_server_without_login(plain: Shop, certificate: ssl.SSLContext) -> None:
    with MailServer(certificate, auth="", starttls=False) as mail:
        it = with_mail(plain, mail, security="none", username=None, password=None)["notify.email"]
    assert (it.code, it.message) == (0, f"localhost:{mail.port} (none, no login); no mail was sent")


def test_the_mail_server_of_the_whole_file(plain: Shop, certificate: ssl.SSLContext) -> None:
    with MailServer(certificate) as mail:
        with_mail(plain, mail)
        plain.config.write_text(plain.config.read_text().replace("[profiles.shop1.notify", "[notify"))
        assert checks(plain)["notify.email"].status == "ok"
        plain.config.write_text(plain.config.read_text().replace(f"{plain.folder}/mail", "/missing"))
        found = checks(plain)
    it = failed(found)
    assert (it.code, it.name) == (4, "notify.email.password")
    assert it.message.startswith("[notify.email] password: ")
    assert not_tried(found) == {"notify.email"}


REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], int, str, str]] = {
    "wrong password": ({}, {"username": "another@shop1.se"}, 4, "refused the login: 535 5.7.8", "check username"),
    "no STARTTLS": ({"starttls": False}, {}, 3, "does not support STARTTLS", 'try security = "tls"'),
    "no login": ({"auth": ""}, {}, 3, "does not support a login", "security"),
    "an unknown login": ({"auth": "AUTH X-ODD"}, {}, 3, "does not support any login method", "ask whoever"),
    "another name": ({}, {"host": "127.0.0.1"}, 3, "certificate verification failed", "correct host"),
    "plain where TLS is": ({}, {"security": "tls"}, 3, "does not support TLS", 'try security = "starttls"'),
    "no such host": ({}, {"host": "mail.invalid"}, 5, "no such host", "correct host"),
    "no name at all": ({}, {"host": "mail..invalid"}, 5, "no such host", "correct host"),
    "refuses us": ({"greeting": "554 go away"}, {}, 5, "554 go away", "ask whoever runs it"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_the_mail_server_cannot_be_used(plain: Shop, certificate: ssl.SSLContext, what: str) -> None:
    server, settings, code, says, then = REFUSALS[what]
    with MailServer(certificate, **server) as mail:
        it = failed(with_mail(plain, mail, **settings))
        assert (it.code, it.name) == (code, "notify.email")
        assert says in it.message
        assert then in it.next
        assert not mail.logins


def test_a_certificate_that_nobody_vouches_for(
    plain: Shop, certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with MailServer(certificate) as mail:
        it = failed(with_mail(plain, mail))
        assert (it.code, it.name) == (3, "notify.email")
        assert not [line for line in mail.commands if line.startswith("AUTH")], "no password before that"


def test_a_password_that_smtp_cannot_carry(plain: Shop, certificate: ssl.SSLContext) -> None:
    with MailServer(certificate) as mail:
        it = failed(with_mail(plain, mail, password={"file": str(private(plain.folder / "other", "hemligt-åäö"))}))
    assert (it.code, it.next) == (4, "change it to ASCII")


def test_a_bug_is_not_taken_for_the_mail_servers_trouble(
    plain: Shop, certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object) -> None:
        raise KeyError("a bug")

    with MailServer(certificate) as mail:
        with_mail(plain, mail)
    monkeypatch.setattr(smtp, "_connect", bug)
    result = plain.run("check")
    assert result.code == 1
    assert "KeyError" in result.err


@pytest.mark.parametrize("how", ["silent", "drips"])
def test_a_mail_server_that_never_comes_to_the_point(
    plain: Shop, certificate: ssl.SSLContext, impatient: None, how: str
) -> None:
    with MailServer(certificate, silent=how == "silent", drips=how == "drips") as mail:
        it = failed(with_mail(plain, mail))
    assert (it.code, it.name) == (5, "notify.email")
    assert f"mail server localhost:{mail.port}" in it.message


def test_nobody_listens(plain: Shop, certificate: ssl.SSLContext) -> None:
    with MailServer(certificate) as mail:
        pass
    it = failed(with_mail(plain, mail))
    assert (it.code, it.next) == (5, "correct host and port, or wait for it")


def test_a_name_that_takes_for_ever_to_look_up(
    plain: Shop, certificate: ssl.SSLContext, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def slow(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == "localhost":
            time.sleep(2)
            raise socket.gaierror
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with MailServer(certificate) as mail:
        it = failed(with_mail(plain, mail))
    assert it.message == f"mail server localhost:{mail.port} did not answer within 1 s"


def test_a_test_mail_is_sent_where_it_is_asked_for(plain: Shop, certificate: ssl.SSLContext) -> None:
    with MailServer(certificate) as mail:
        with_mail(plain, mail)
        it = checks(plain, "--test-mail")["notify.email"]
        assert it.message == f"localhost:{mail.port} (starttls, logged in); a test mail went to accounts@shop1.se"
        (sent,) = mail.mails
    assert sent["Subject"] == "klarna24: test mail"
    assert "Mail about troubles of shop1 comes this way" in " ".join(sent.get_content().split())


def test_a_test_mail_goes_once_to_those_who_share_a_mail_server(plain: Shop, certificate: ssl.SSLContext) -> None:
    with MailServer(certificate) as mail:
        with_mail(plain, mail)
        one = tomllib.loads(plain.config.read_text())
        email = one["profiles"]["shop1"].pop("notify")
        shops = dict.fromkeys(("shop1", "shop2"), one["profiles"]["shop1"])
        plain.config.write_text(tomli_w.dumps({**one, "profiles": shops, "notify": email}))
        assert plain.run("check", "--test-mail").code == 0
        (sent,) = mail.mails
    assert "troubles of shop1, shop2" in " ".join(sent.get_content().split())


def test_a_test_mail_needs_a_mail_server(plain: Shop) -> None:
    it = checks(plain, "--test-mail")["notify.email"]
    assert (it.status, it.next) == ("advice", "add [notify.email], as in profiles.example.toml")


def test_the_monitor_is_named_and_not_pinged(plain: Shop) -> None:
    write(plain, {"notify": {"heartbeat": {"url": "https://hc.example.com/3f0c"}}})
    it = checks(plain)["notify.heartbeat"]
    assert (it.status, "hc.example.com is told" in it.message, "3f0c" in it.message) == ("ok", True, False)


# As cron


@pytest.fixture
def cron_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's own list says where HOME is: another place than this session's."""
    folder = tmp_path / "cron-home"
    folder.mkdir()
    monkeypatch.setattr(as_cron, "user", lambda: ("shopkeeper", str(folder)))
    return folder


def test_cron_can_read_a_file(plain: Shop, cron_home: Path) -> None:
    found = checks(plain, "--as-cron")
    assert {it.status for it in found.values()} == {"ok"}
    result = plain.run("check", "--as-cron")
    assert result.code == 0
    assert result.out.startswith("shop1, as cron runs it\n")
    assert "all that a run needs is there" in result.out
    assert not list(cron_home.iterdir())


def test_cron_has_no_variables_of_mine(plain: Shop, cron_home: Path) -> None:
    plain.write()
    assert checks(plain)["klarna.password"].code == 0
    it = checks(plain, "--as-cron")["klarna.password"]
    assert (it.code, it.status) == (4, "failed")
    assert "KLARNA24_SANDBOX_KLARNA is not set" in it.message
    assert plain.run("-q", "check", "--as-cron").code == 4


def test_cron_has_no_keyring_of_mine(plain: Shop, cron_home: Path, keyring_of: Callable[[str], None]) -> None:
    keyring_of(f"return {plain.box.klarna.password!r}")
    write(plain, {"klarna": {"password": {"file": None, "env": None, "keyring": True}}})
    assert checks(plain)["klarna.password"].code == 0
    it = checks(plain, "--as-cron")["klarna.password"]
    assert (it.code, it.status) == (4, "failed")


def test_cron_has_no_systemd_credentials(plain: Shop, cron_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(plain.folder))
    write(plain, {"klarna": {"password": {"file": None, "env": None, "systemd": "k"}}})
    assert checks(plain)["klarna.password"].code == 0
    assert checks(plain, "--as-cron")["klarna.password"].next == "klarna24 schedule --systemd"


def test_what_cron_gives_a_command(plain: Shop, cron_home: Path) -> None:
    """Nothing but four variables, no terminal, and the home folder of whoever owns the crontab."""
    asked = plain.folder / "asked"
    script = f"{{ env; pwd; (: < /dev/tty) 2>/dev/null && echo a terminal; }} > {asked}; cat {plain.folder}/k"
    write(plain, {"klarna": {"password": {"file": None, "env": None, "command": ["/bin/sh", "-c", script]}}})
    assert checks(plain, "--as-cron")["klarna.password"].code == 0
    lines = asked.read_text().splitlines()
    # PWD is the shell's own, LC_CTYPE Python's where there is no locale
    given = sorted(line for line in lines if not line.startswith(("PWD=", "OLDPWD=", "_=", "SHLVL=", "LC_CTYPE=")))
    assert given == sorted(
        ["PATH=/usr/bin:/bin", f"HOME={cron_home}", "LOGNAME=shopkeeper", "SHELL=/bin/sh", str(cron_home)]
    )


def test_a_state_folder_of_the_command_line_goes_along(plain: Shop, cron_home: Path, tmp_path: Path) -> None:
    plain.run("--state-dir", str(tmp_path / "elsewhere"), "check", "--as-cron")
    assert (tmp_path / "elsewhere" / "klarna24.sqlite").exists()
    assert not plain.state.exists()


def test_a_check_that_does_not_end_is_ended(plain: Shop, cron_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(as_cron, "SECONDS", 0.2)
    monkeypatch.setattr(as_cron, "program", lambda: ["/bin/sh", "-c", "sleep 60"])
    result = plain.run("check", "--as-cron", "--json")
    assert result.code == 5
    assert "did not end within 0 s" in result.json["problems"][0]["message"]


def test_ctrl_c_ends_the_child_too(plain: Shop, cron_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in a session of its own, which the terminal's Ctrl-C does not reach."""
    beat = plain.folder / "beat"
    script = f"while :; do echo . >> '{beat}'; sleep 0.02; done"

    def interrupted(*_: object, **__: object) -> None:
        while not beat.exists():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(as_cron, "program", lambda: ["/bin/sh", "-c", script])
    monkeypatch.setattr("subprocess.Popen.communicate", interrupted)
    assert plain.run("check", "--as-cron").code == 130
    time.sleep(0.1)
    size = beat.stat().st_size
    time.sleep(0.2)
    assert beat.stat().st_size == size


def test_a_bug_in_the_child_is_shown(plain: Shop, cron_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(as_cron, "program", lambda: ["/bin/sh", "-c", "echo Traceback of the child >&2; exit 1"])
    result = plain.run("check", "--as-cron")
    assert result.code == 1
    assert "Traceback of the child" in result.err


def test_a_user_whose_home_is_gone_is_checked_in_the_root_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(as_cron, "user", lambda: ("nobody", "/nonexistent"))
    assert as_cron.environment() == (
        {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LOGNAME": "nobody", "SHELL": "/bin/sh"},
        "/",
    )
