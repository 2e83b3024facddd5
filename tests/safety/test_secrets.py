"""Canaries stand for every secret and every person. None may appear in any output, log, mail, event, traceback or
state file (kept sessions aside): at -vv, under every fault, from servers that repeat all that they receive."""

import base64
import html
import json
import random
import ssl
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import tomli_w

from klarna24.logs.redaction import forget_secrets
from klarna24.sandbox.faults import Faults
from klarna24.sandbox.klarna.generate import make_payout
from klarna24.sandbox.reply import Incoming, Reply
from tests.support import LONG, data
from tests.support import smtp_server as mail
from tests.support.bookkeeping import merged
from tests.support.mail_server import email
from tests.support.office import Wire
from tests.support.shops import NOON, OpenShop, Result, Shop, simple
from tests.support.smtp_server import MailServer

KLARNA = "kanarie-klarna å&<'9+/%"
OFFICE = 'kanarie-office "ö"&<9>'
SMTP = "kanarie-smtp-9&<+/"
SMTP_USER = "kanarie.smtp.user"
SHOPPER, EMAIL, STREET = "Kanariefågel Köparsson", "kanarie@koparsson.example", "Kanariegatan 9"
CUSTOMER = "Kundtjänst Kanariekund"
ACCOUNTS = (1580, 1689, 1930, 2390, 2641, 2899, 3590, 3990, 6064, 6990)
PERSON = {"shopper_name": SHOPPER, "billing_address": {"street_address": STREET, "email": EMAIL}}


class Cage:
    """A shop whose every secret and every person is a canary, and everything that it writes."""

    def __init__(self, shop: Shop, mails: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self.box, self.mails = shop, shop.box, mails
        self.log_file = shop.folder / "x.log"
        self.sessions: set[str] = set()
        self.results: list[Result] = []
        self.box.klarna.password, self.box.office.password = KLARNA, OFFICE
        home = self.box.office.home
        home.chart = {number: home.chart[number] for number in ACCOUNTS}  # quicker to read
        customers = home.customers
        customers |= {number: customer._replace(name=CUSTOMER) for number, customer in customers.items()}
        monkeypatch.setattr(self.box, "handle", self._repeating())
        shop.write(self.profile())

    @property
    def application_id(self) -> str:
        return self.box.office.application_id

    def profile(self) -> dict[str, Any]:
        """Itemised sales on a customer's account, so that all that the servers know of people is requested."""
        login = {"username": SMTP_USER, "password": {"env": "CANARY_SMTP"}}
        return {
            "transfer": "itemised",
            "evidence": "mail",
            "voucher": {"customer_id": 1001, "ledger_accounts": [1580], "foreign_currency": "ecb"},
            "klarna": {"password": {"env": "CANARY_KLARNA"}},
            "24sevenoffice": {"password": {"env": "CANARY_OFFICE"}},
            **email(self.shop, self.mails, security="none", **login),
        }

    def _repeating(self) -> Callable[[Incoming], Reply]:
        """Both servers repeat what they receive wherever they refuse something, and set cookies."""
        handle = self.box.handle

        def repeating(incoming: Incoming) -> Reply:
            reply = handle(incoming)
            self.sessions |= set(self.box.office.sessions)
            reply.headers["Set-Cookie"] = f"ASP.NET_SessionId={'.'.join(self.sessions)}; klarna={quote(KLARNA)}"
            if reply.status >= 400 and reply.body.startswith(b"{"):
                answer = json.loads(reply.body)
                answer["error_messages"].append(f"{incoming.headers.get('Authorization')}, which is {KLARNA}")
                reply.body = json.dumps(answer).encode()
            cookie = incoming.headers.get("Cookie") or ""
            received = [self.application_id, cookie, cookie.partition("=")[2]]
            received += [OFFICE] if b"Password" in incoming.body else []
            repeated = html.escape(f"{', '.join(filter(None, received))}: ")
            for words in (b"The sandbox was told", b"Quarantine ends", b"Not authenticated"):
                reply.body = reply.body.replace(words, repeated.encode() + words)
            return reply

        return repeating

    def run(self, *arguments: str) -> Result:
        """As a process of its own, which has no secret registered at its start."""
        forget_secrets()
        result = self.shop.run("-vv", "--log-file", str(self.log_file), *arguments)
        self.results.append(result)
        return result

    def outlets(self) -> Iterator[tuple[str, str]]:
        """Everything that was written, by name."""
        for number, result in enumerate(self.results):
            yield f"stdout {number}", result.out
            yield f"stderr {number}", result.err
        for path in self.shop.folder.rglob("*"):
            if path.is_file() and path.parent.name != "sessions" and path != self.shop.config:
                yield path.name, path.read_bytes().decode("utf-8", "replace")
        for letter in self.mails.mails:
            texts = [part.get_content() for part in letter.walk() if part.get_content_type() == "text/plain"]
            yield "mail", f"{letter.as_string()}\n{texts}"

    def leaks(self) -> list[str]:
        secrets = (KLARNA, OFFICE, SMTP, SMTP_USER, self.application_id, *self.sessions)
        canaries = {form for secret in (*secrets, SHOPPER, EMAIL, STREET, CUSTOMER) for form in forms(secret)}
        return [f"{form} in {name}" for name, text in self.outlets() for form in canaries if form in text]


def forms(secret: str) -> set[str]:
    """All encodings that a line could contain, more than the program knows: it must not write the others."""
    users = ("", "K100198_5a9db0c0ffee:", f"\0{SMTP_USER}\0")
    return {
        secret,
        quote(secret),
        quote_plus(secret),
        html.escape(secret),
        html.escape(secret, quote=False),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        repr(secret.encode())[2:-1],
        *(base64.b64encode(f"{user}{secret}".encode()).decode() for user in users),
    }


@pytest.fixture
def cage(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cage]:
    """One payout that is drafted, one that is blocked, so that a mail is sent, and one that needs a rate."""
    euro = (make_payout("EURO", NOON, currency="EUR", sale_amount=100), list[dict[str, Any]]())
    payouts = [simple("GOOD"), simple("BAD", sale_amount=100, settlement_amount=99), euro]
    payouts[0][1].append({"type": "SALE", "amount": 100000, "currency_code": "SEK", "order_id": "1", **PERSON})
    for payout, _ in payouts:
        payout.update(PERSON)
    monkeypatch.setattr(mail, "USER", SMTP_USER)
    monkeypatch.setattr(mail, "PASSWORD", SMTP)
    for name, value in (("KLARNA", KLARNA), ("OFFICE", OFFICE), ("SMTP", SMTP)):
        monkeypatch.setenv(f"CANARY_{name}", value)
    with MailServer(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), starttls=False) as mails:
        yield Cage(open_shop(payouts=payouts), mails, monkeypatch)


@pytest.mark.parametrize("fault", Faults.NAMES)
def test_under_every_fault_no_canary_comes_out(
    cage: Cage, fault: str, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: 0.01)
    if fault.startswith("attach-"):
        pytest.importorskip("pypdfium2")
        cage.shop.write(cage.profile() | {"evidence": "attach"})
    others = [["dry-run"], ["check"]]
    for command in (["sync", "--now"], *(others if LONG else [random.choice(others)])):
        cage.box.faults.arm(fault, seconds=0.02)
        cage.run(*command, "--profile", "shop1")
        if command[0] == "sync":
            assert not cage.box.faults.armed or fault == "klarna-endless", "the fault has happened"
        cage.box.faults.clear()
    for command in (["status"], ["log"], ["log", "--json"]):
        cage.run(*command)
    cage.run("resolve", "--profile", "shop1", "GOOD", "--resend", "--yes")
    cage.run("sync", "--now", "--profile", "shop1")
    assert cage.leaks() == []
    # The test proves nothing unless the canaries were sent, received and logged about:
    calls = cage.box.calls()
    assert all(calls[operation] for operation in ("payouts", "transactions", "Login", "GetCompanies")), calls
    assert cage.sessions
    assert cage.mails.logins
    assert cage.mails.mails
    log = cage.log_file.read_text("utf-8")
    assert " DEBUG " in log
    assert "24SevenOffice: shop1: Login: answered" in log


def test_what_a_server_repeats_of_a_secret_is_removed(cage: Cage) -> None:
    """The test above would prove little if the repeated words were not shown at all."""
    cage.box.faults.arm("klarna-401")
    assert "The credentials were refused.; Basic [secret], which is [secret] [" in cage.run("sync", "--all").err
    for fault in ("client-fault", "server-fault", "limit-exceeded"):
        for operation in ("Login", "SaveBundleList"):
            cage.box.office.expire_sessions()
            cage.box.faults.arm(fault, operation=operation)
            session = "" if operation == "Login" else "ASP.NET_SessionId=[secret], "
            repeated = f"[secret], {session}[secret]: "
            assert repeated in cage.run("sync", "--now", "--all").err, (operation, fault)
        cage.run("resolve", "--profile", "shop1", "GOOD", "--resend", "--yes")
    cage.run("sync", "--now", "--all")
    cage.box.faults.arm("server-fault", operation="GetIdentity")
    assert repeated in cage.run("dry-run", "--all", "--from", "2020-01-01").err, "with the session that was kept"
    assert repeated in cage.run("log", "--json").out
    assert cage.leaks() == []


def test_what_a_mail_server_repeats_is_removed(cage: Cage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands too, one of which is the user and the password in base64."""
    reply = mail._Conversation._reply

    def repeating(self: Any, *lines: str) -> None:
        repeated = f"{SMTP_USER} {SMTP} {' '.join(self.server.mail.commands[-1:])}"
        reply(self, *(f"{line} {repeated}" if line.startswith("5") else line for line in lines))

    monkeypatch.setattr(mail._Conversation, "_reply", repeating)
    cage.mails.refuses = ("MAIL",)
    lines = cage.run("sync", "--now", "--all").lines()
    assert any("was not sent" in line and "not from here [secret] [secret]" in line for line in lines)
    monkeypatch.setattr(mail, "PASSWORD", "another")
    shown = " ".join(cage.run("check").out.split())
    assert "authentication failed [secret] [secret] AUTH PLAIN [secret]" in shown
    assert cage.leaks() == []


def test_the_address_of_a_heartbeat_is_a_secret(cage: Cage) -> None:
    secret = "kanarie-heartbeat-7f3a"
    cage.shop.write(merged(cage.profile(), {"notify": {"heartbeat": {"url": f"{cage.box.url}/ping/{secret}"}}}))
    for command in ("sync", "check"):
        cage.run(command, "--all")
    assert f"/ping/{secret}/start" in [request.path for request in cage.box.requests]
    assert "/[secret]/start HTTP" in cage.results[0].err
    assert not [name for name, text in cage.outlets() if secret in text]


def test_of_a_value_that_cannot_be_read_only_the_kind_of_error_is_logged(
    cage: Cage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """zeep logs a traceback that quotes the value."""

    def exchange(reply: Reply) -> None:
        reply.body = reply.body.replace(b">1001<", f">{CUSTOMER}<".encode())

    Wire(cage.box, monkeypatch).change("GetCompanies", exchange)
    assert cage.run("sync", "--now", "--all").code == 3
    assert "zeep.xsd.types.simple: Error during xml -> python translation" not in cage.results[-1].err
    assert "klarna24: zeep.xsd.types.simple: ERROR (details are not shown)\n(ValueError)" in cage.results[-1].err
    assert cage.leaks() == []


def test_of_a_field_that_breaks_the_contract_the_value_is_not_shown(cage: Cage) -> None:
    """pydantic's error quotes it."""
    cage.box.klarna.payouts[0]["totals"]["sale_amount"] = SHOPPER
    assert "valid integer" in cage.run("sync", "--now", "--all").err
    assert cage.leaks() == []


@pytest.mark.parametrize(
    ("where", "known"),
    [
        ("klarna24.run.sync.plan", [KLARNA]),
        ("klarna24.run.draft._send", [KLARNA, OFFICE]),
        ("klarna24.cli.status.status", []),
    ],
    ids=["before the first login", "at a save", "where no secret is fetched"],
)
def test_a_traceback_holds_no_canary(
    cage: Cage, monkeypatch: pytest.MonkeyPatch, where: str, known: list[str]
) -> None:
    """Of the secrets that are known where the bug is."""
    token = base64.b64encode(f"{cage.box.klarna.username}:{KLARNA}".encode()).decode()

    def broken(*_: object) -> None:
        try:
            raise KeyError(cage.application_id, *known, *(cage.sessions if OFFICE in known else ()))
        except KeyError as error:
            text = f"{cage.application_id.upper()}, {list(map(quote, known))}, Authorization: Basic {token}\x1b[0m"
            raise RuntimeError(text) from error

    monkeypatch.setattr(where, broken)
    result = cage.run(*(["status"] if "status" in where else ["sync", "--now", "--all"]))
    assert result.code == 1
    assert "RuntimeError: [secret], [" in result.err
    assert "KeyError: " in result.err
    assert cage.leaks() == []


def test_a_secret_in_the_wrong_place_of_the_file_is_not_shown(cage: Cage) -> None:
    office = {"application_id": SMTP, "pasword": OFFICE, "password": {"env": [SMTP]}}
    cage.shop.write({"klarna": {"password": KLARNA}, "24sevenoffice": office})
    assert cage.run("sync", "--now", "--all").code == 3
    assert "application_id" in cage.results[-1].err
    assert cage.leaks() == []


MISPLACED = data(__file__, "misplaced.toml")


@pytest.mark.parametrize("raw", MISPLACED["places"].values(), ids=MISPLACED["places"])
@pytest.mark.parametrize("is_systemd", [False, True] if LONG else [None])
def test_a_secret_where_its_source_belongs_is_not_shown(
    cage: Cage, monkeypatch: pytest.MonkeyPatch, raw: dict[str, Any] | list[str], is_systemd: bool | None
) -> None:
    """Neither in text nor in JSON, in the log at -vv, in mails or in what is kept; the key is named."""
    if is_systemd or (is_systemd is None and "systemd" in raw):
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(cage.shop.folder))
    profile = merged(cage.box.profile(), {**cage.profile(), "notify": None})
    profile["klarna"]["password"] = raw
    file = {"state_dir": str(cage.shop.state), "notify": cage.profile()["notify"], "profiles": {"shop1": profile}}
    cage.shop.config.write_text(tomli_w.dumps(file), "utf-8")
    for words in ("sync --all", "sync --all --now --json", "check", "check --json", "dry-run --all", "log"):
        result = cage.run(*words.split())
        if "sync" in words:
            assert result.code in {3, 4}
            assert "klarna" in result.err + result.out
            assert "password: " in result.out + result.err
    assert cage.mails.mails
    assert [name for name, text in cage.outlets() if "KANARIE_MISPLACED" in text] == []


@pytest.mark.parametrize("text", MISPLACED["unreadable"]["lines"])
def test_a_secret_in_a_file_that_cannot_be_read_is_not_shown(cage: Cage, text: str) -> None:
    before, table, after = cage.shop.config.read_text("utf-8").partition("[profiles.shop1.klarna]\n")
    lines = [line for line in after.splitlines() if not line.startswith(("base_url", "[profiles.shop1.klarna."))]
    cage.shop.config.write_text("\n".join([before + table + text, *lines]), "utf-8")
    result = cage.run("sync", "--all", "--json")
    assert result.code == 3
    assert "base_url: " in result.err + result.out or "password" in text
    assert [name for name, text in cage.outlets() if "KANARIE_MISPLACED" in text] == []


def test_a_byte_of_a_secret_that_is_not_utf8_is_not_shown(cage: Cage) -> None:
    cage.shop.config.write_bytes(b'# shops\n[profiles.shop1.klarna]\npassword = "hemligt-\xe5"\n')
    result = cage.run("sync", "--all")
    assert (result.code, "0xe5" in result.err) == (3, False)
    assert "line 3: it is not saved as UTF-8" in result.err
