"""Sending mail: whatever the mail server does is reported in one line, delays a run by its limit at most, and
changes nothing else."""

from email.message import EmailMessage
from threading import Event
from typing import Any

import pytest

from klarna24.config.contacts import Email
from klarna24.errors import Unavailable
from klarna24.notify import limit, smtp
from tests.support import data
from tests.support.mail_server import OpenMail, email, odd
from tests.support.shops import OpenShop, Shop


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """A shop with a payout that does not add up, so that each run has something to mail."""
    return open_shop(payouts=[odd("ODD1")])


@pytest.mark.parametrize(
    ("server", "settings"),
    [
        ({"tls": True}, {"security": "tls"}),
        ({}, {"security": "starttls"}),
        ({"auth": "", "starttls": False}, {"security": "none", "username": None, "password": None}),
    ],
    ids=["tls", "starttls", "no encryption, no login"],
)
def test_mail_is_sent_in_each_way(
    shop: Shop, open_mail: OpenMail, server: dict[str, Any], settings: dict[str, Any]
) -> None:
    mail = open_mail(**server)
    shop.write(email(shop, mail, **settings))
    assert shop.sync().code == 7
    assert mail.subjects() == ["klarna24 shop1: new: 1"]


REFUSED = data(__file__, "mail_servers.toml")


@pytest.mark.parametrize("what", REFUSED)
def test_a_mail_that_is_not_sent_is_reported_and_the_next_run_tries_again(
    shop: Shop, open_mail: OpenMail, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    case = REFUSED[what]
    if {"silent", "drips"} & case.get("server", {}).keys():
        monkeypatch.setattr(limit, "SECONDS", 0.6)
    bad, good = open_mail(**case.get("server", {})), open_mail()
    shop.write(email(shop, bad, **case.get("settings", {})))
    result = shop.sync("--now")
    assert result.code == 7
    assert [case["reason"] in line for line in result.lines() if "mail about shop1 was not sent" in line] == [True]
    assert not bad.mails
    shop.write(email(shop, good))
    assert shop.sync("--now").code == 7
    assert good.subjects() == ["klarna24 shop1: new: 1"]


def test_a_server_that_accepts_the_mail_and_then_says_nothing_is_no_failure(
    shop: Shop, open_mail: OpenMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the same mail would be sent by each run."""
    mail = open_mail()
    monkeypatch.setattr("smtplib.SMTP.quit", lambda smtp: smtp.sock.recv(1))
    shop.write(email(shop, mail))
    assert [len(shop.sync("--now").lines()) for _ in range(2)] == [1, 1], "the payout that is blocked"
    assert mail.subjects() == ["klarna24 shop1: new: 1"]


def test_ten_mail_servers_that_are_silent_delay_a_run_as_much_as_one(
    open_shop: OpenShop, open_mail: OpenMail, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    within, at_once, most = limit.within, list[int](), list[int]()

    def counted(*arguments: Any) -> None:
        at_once.append(1)
        most.append(len(at_once))
        try:
            within(*arguments)
        finally:
            at_once.pop()

    monkeypatch.setattr(limit, "within", counted)
    shop = open_shop(payouts=[odd(f"ODD{number}") for number in range(10)])
    tables = {}
    for number, payout in enumerate(shop.box.klarna.payouts):
        payout["merchant_id"] = f"M{number}"
        its = {"klarna": {"merchant_ids": [f"M{number}"]}, "voucher": {"type": "Nothing of the kind"}}
        tables[f"shop{number + 2}"] = {**its, **email(shop, open_mail(silent=True))}
    shop.write({"klarna": {"currencies": ["NOK"]}}, **tables)
    result = shop.run("sync", "--all", "--jobs", "8")
    assert result.code == 3
    assert len([line for line in result.lines() if "did not answer within 1 s" in line]) == 10
    assert max(most) > 5, "they are waited for together"


def test_a_mail_that_was_given_up_is_not_sent_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The conversation goes on in its thread after the time limit; whoever was told "not sent" may send again."""
    monkeypatch.setattr(limit, "SECONDS", 0.2)
    connected, sent = Event(), Event()

    class Slow:
        sock = None

        def __init__(self, *_: Any, **__: Any) -> None:
            connected.wait(5)

        def ehlo_or_helo_if_needed(self) -> None: ...

        def send_message(self, *_: Any) -> dict[str, Any]:
            sent.set()
            return {}

        def quit(self) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr("smtplib.SMTP", Slow)
    settings = Email.model_validate(
        {"host": "localhost", "security": "none", "from": "a@shop1.se", "to": ["b@shop1.se"]}
    )
    with pytest.raises(Unavailable) as given_up:
        smtp.send(settings, None, EmailMessage())
    assert not isinstance(given_up.value, smtp.MayHaveLeft)
    connected.set()
    assert not sent.wait(0.5)
