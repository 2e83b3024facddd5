"""The check of the mail server, which is logged in to and sent a mail only on request."""

import socket
import ssl
import time
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import tomli_w

from klarna24.notify import limit, smtp
from tests.support import data
from tests.support.bookkeeping import merged
from tests.support.checks import only_failure, run_check, write
from tests.support.mail_server import email, text
from tests.support.secrets import private
from tests.support.shops import Shop
from tests.support.smtp_server import USER, MailServer


@pytest.fixture(autouse=True)
def no_check_takes_long() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 19, "far less than the limit of 20 s"


def configure(shop: Shop, mail: MailServer, **settings: Any) -> Shop:
    """The shop, with this mail server in its profile."""
    write(shop, email(shop, mail, **settings))
    return shop


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_the_mail_server_accepts_the_login_and_gets_no_mail(
    healthy: Shop, certificate: ssl.SSLContext, security: str
) -> None:
    """Without encryption there is no login either."""
    plain: dict[str, Any] = {"username": None, "password": None} if security == "none" else {}
    server: dict[str, Any] = {"auth": "", "starttls": False} if plain else {"tls": security == "tls"}
    with MailServer(certificate, **server) as mail:
        found = run_check(configure(healthy, mail, security=security, **plain))
    login = "no login" if plain else "logged in"
    message = f"localhost:{mail.port} ({security}, {login}); no mail was sent"
    assert (found.code, found["notify.email"].status, found["notify.email"].message) == (0, "ok", message)
    assert mail.logins == ([] if plain else [USER])
    assert not any(line.upper().startswith(("MAIL", "RCPT", "DATA")) for line in mail.commands)
    assert mail.commands[-1].upper() == "QUIT"


def test_the_mail_server_of_the_whole_file(healthy: Shop, certificate: ssl.SSLContext) -> None:
    with MailServer(certificate) as mail:
        configure(healthy, mail)
        config = healthy.config.read_text().replace("[profiles.shop1.notify", "[notify")
        healthy.config.write_text(config)
        assert run_check(healthy)["notify.email"].status == "ok"
        healthy.config.write_text(config.replace(f"{healthy.folder}/mail", str(healthy.folder / "missing")))
        failed = only_failure(healthy, 4, "notify.email.password", not_tried={"notify.email"})
    assert failed.message.startswith("[notify.email] password: ")


REFUSALS = data(__file__, "mail_servers.toml")


@pytest.mark.parametrize("what", REFUSALS)
def test_the_mail_server_cannot_be_used(
    healthy: Shop, certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    case = REFUSALS[what]
    if {"silent", "drips"} & case.get("server", {}).keys():
        monkeypatch.setattr(limit, "SECONDS", 0.6)
    with MailServer(certificate, **case.get("server", {})) as mail:
        configure(healthy, mail, **case.get("settings", {}))
        assert case["next"] in only_failure(healthy, case["code"], "notify.email", case["message"]).next
        assert not mail.logins


def test_a_certificate_of_an_unknown_authority(
    healthy: Shop, certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with MailServer(certificate) as mail:
        only_failure(configure(healthy, mail), 3, "notify.email")
        assert not [line for line in mail.commands if line.startswith("AUTH")], "no password is sent to it"


def test_a_password_that_smtp_cannot_send(healthy: Shop, certificate: ssl.SSLContext) -> None:
    source = {"file": str(private(healthy.folder / "other", "hemligt-åäö"))}
    with MailServer(certificate) as mail:
        failed = only_failure(configure(healthy, mail, password=source), 4, "notify.email")
    assert failed.next == "change it to ASCII"


def test_a_bug_is_not_reported_as_a_problem_of_the_mail_server(
    healthy: Shop, certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object) -> None:
        raise KeyError("a bug")

    with MailServer(certificate) as mail:
        configure(healthy, mail)
    monkeypatch.setattr(smtp, "_connect", bug)
    result = healthy.run("check")
    assert result.code == 1
    assert "KeyError" in result.err


def test_a_mail_server_that_is_not_running(healthy: Shop, certificate: ssl.SSLContext) -> None:
    with MailServer(certificate) as mail:
        pass
    failed = only_failure(configure(healthy, mail), 5, "notify.email")
    assert failed.next == "correct host and port, or wait for it"


def test_a_host_name_whose_look_up_never_ends(
    healthy: Shop, certificate: ssl.SSLContext, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def slow(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == "localhost":
            time.sleep(2)
            raise socket.gaierror
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with MailServer(certificate) as mail:
        failed = only_failure(configure(healthy, mail), 5, "notify.email")
    assert failed.message == f"mail server localhost:{mail.port} did not answer within 1 s"


def test_a_test_mail_is_sent_on_request(healthy: Shop, certificate: ssl.SSLContext) -> None:
    with MailServer(certificate) as mail:
        configure(healthy, mail)
        message = run_check(healthy, "--test-mail")["notify.email"].message
        expected = "(starttls, logged in); a test mail was sent to accounts@shop1.se"
        assert message == f"localhost:{mail.port} {expected}"
        (sent,) = mail.mails
    assert sent["Subject"] == "klarna24: test mail"
    assert "Problems of shop1 will be mailed to you" in text(sent)


def test_profiles_that_share_a_mail_server_get_one_test_mail(healthy: Shop, certificate: ssl.SSLContext) -> None:
    with MailServer(certificate) as mail:
        configure(healthy, mail)
        config = tomllib.loads(healthy.config.read_text())
        notify = config["profiles"]["shop1"].pop("notify")
        currencies = {"shop1": "SEK", "shop2": "EUR"}.items()
        profiles = {
            name: merged(config["profiles"]["shop1"], {"klarna": {"currencies": [currency]}})
            for name, currency in currencies
        }
        healthy.config.write_text(tomli_w.dumps({**config, "profiles": profiles, "notify": notify}))
        assert healthy.run("check", "--test-mail").code == 0
        (sent,) = mail.mails
    assert "Problems of shop1, shop2" in text(sent)


def test_a_test_mail_needs_a_mail_server(healthy: Shop) -> None:
    check = run_check(healthy, "--test-mail")["notify.email"]
    assert (check.status, check.next) == ("advice", "add [notify.email], as in profiles.example.toml")
