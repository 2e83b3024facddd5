"""A shop whose alerts are mailed to a real SMTP server."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import tomli_w

from klarna24.sandbox.klarna.generate import make_payout
from tests.support.secrets import private
from tests.support.shops import NOON, Shop
from tests.support.smtp_server import PASSWORD, USER, MailServer

OpenMail = Callable[..., MailServer]


@pytest.fixture
def open_mail(certificate: ssl.SSLContext) -> Iterator[OpenMail]:
    """Starts a mail server, with the arguments of MailServer."""
    with ExitStack() as stack:
        yield lambda **server: stack.enter_context(MailServer(certificate, **server))


@pytest.fixture
def plain_mail() -> Iterator[MailServer]:
    """A mail server without TLS and without a login."""
    with MailServer(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), starttls=False, auth="") as server:
        yield server


def plain_email(shop: Shop, mail: MailServer) -> dict[str, Any]:
    """``[notify.email]`` for such a server, as a part of a profile."""
    return email(shop, mail, security="none", username=None, password=None)


def email(shop: Shop, mail: MailServer, **over: Any) -> dict[str, Any]:
    """``[notify.email]`` for this server, as a part of a profile."""
    settings = {
        "host": "localhost",
        "port": mail.port,
        "username": USER,
        "password": {"file": str(private(shop.folder / f"mail-{mail.port}", PASSWORD))},
        "from": "klarna24@shop1.se",
        "to": ["accounts@shop1.se"],
        **over,
    }
    return {"notify": {"email": {name: value for name, value in settings.items() if value is not None}}}


def email_table(shop: Shop, mail: MailServer) -> str:
    """``[notify.email]`` for this server, as TOML for all profiles."""
    return f"\n{tomli_w.dumps(email(shop, mail))}"


def odd(reference: str, days_ago: int = 0) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A payout that does not add up."""
    figures: Any = {"settlement_amount": 96000, "sale_amount": 100000, "fee_amount": 3750}
    return make_payout(reference, NOON - timedelta(days=days_ago), **figures), []


def text(mail: EmailMessage) -> str:
    """The body of a mail, without its line breaks and its attachments."""
    body = mail.get_body(("plain",))
    assert body
    return " ".join(body.get_content().split())
